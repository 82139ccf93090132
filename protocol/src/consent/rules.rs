//! The rules that an event has to keep, one variant each, and the offices of those who decide for a patient.

use serde::{Deserialize, Serialize};

use crate::ledger::{KeyError, PublicKey};
use crate::table::Day;

/// What somebody who decides for a patient is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OfficeKind {
    /// Of a patient who cannot decide. What a guardian consented to lapses with the office: the patient decides anew.
    Guardian,
    /// Chosen by the patient. What a proxy consented to stays.
    Proxy,
}

impl OfficeKind {
    /// The name in files, and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guardian => "guardian",
            Self::Proxy => "proxy",
        }
    }
}

/// An office: somebody's time as a guardian or proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Office {
    /// Whose: their key.
    pub key: PublicKey,
    /// Guardian or proxy.
    pub kind: OfficeKind,
    /// The day on which they were named.
    pub since: Day,
    /// Its last day, if one was named.
    pub last_day: Option<Day>,
    /// The day on which it was ended.
    pub ended: Option<Day>,
}

impl Office {
    /// Whether the office was held on a day, as far as is known now.
    pub fn is_held_on(&self, day: Day) -> bool {
        self.since <= day && self.ended.is_none() && self.last_day.is_none_or(|last| day <= last)
    }
}

/// The rule that an event breaks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Broken {
    /// Of another site.
    #[error("it is of the site {found:?}; this history is of {expected:?}")]
    Site {
        /// The event's.
        found: String,
        /// The history's.
        expected: String,
    },
    /// Of another patient. Tags are secret and not shown.
    #[error("it bears another tag than this history")]
    Tag,
    /// A gap.
    #[error("the next event is number {next}")]
    Number {
        /// The number that is due.
        next: u32,
    },
    /// The same event again.
    #[error("it stands in the history already")]
    Repeated,
    /// Earlier than the event before it.
    #[error(
        "it is dated {found}, and the event before it {before}; dates do not go back. Date it on the day on which it is entered"
    )]
    Backdated {
        /// Its date.
        found: Day,
        /// The date before.
        before: Day,
    },
    /// Later than it was posted.
    #[error("it is dated {found}, more than a day after {posted}, when it was posted")]
    Postdated {
        /// Its date.
        found: Day,
        /// When it was posted.
        posted: Day,
    },
    /// A representative's event that came too late to tell whether it was made in office.
    #[error(
        "a representative's event is posted within {} days of its date: it is dated {found} and was posted on {posted}",
        super::MAX_DAYS_TO_POST
    )]
    Late {
        /// Its date.
        found: Day,
        /// When it was posted.
        posted: Day,
    },
    /// Not by whom it says.
    #[error(transparent)]
    Signature(KeyError),
    /// The patient signs, and has no key.
    #[error(
        "it is signed by the patient, and no key is bound to the tag; the first is bound by the hospital's clerk or with the card"
    )]
    NoKey,
    /// The card can bind the first key and nothing else.
    #[error("the card binds the first key and says nothing else; this is {found}")]
    Card {
        /// What it says.
        found: &'static str,
    },
    /// A card after the first key.
    #[error(
        "the card binds the first key alone, and a key was bound before; the patient's present key or the hospital's clerk binds another"
    )]
    CardAgain,
    /// Not the key that follows from the card.
    #[error("the key {found} is not the one that follows from the tag's card, or the card is not known here")]
    CardKey {
        /// The key.
        found: Box<PublicKey>,
    },
    /// Somebody who is not in office.
    #[error("the key {key} is no guardian's or proxy's in office on {date}")]
    NotInOffice {
        /// The key.
        key: Box<PublicKey>,
        /// The event's date.
        date: Day,
    },
    /// A matter that is the patient's own.
    #[error("a {} may not say this ({found}): naming others, ending their office, and the patient's key are the patient's own matter", kind.name())]
    PatientsOwn {
        /// Guardian or proxy.
        kind: OfficeKind,
        /// What the event says.
        found: &'static str,
    },
    /// One key for two people.
    #[error("the key {key} is {whose} already; one key is one person's")]
    KeyInUse {
        /// The key.
        key: Box<PublicKey>,
        /// `the patient's` or `a representative's in office`.
        whose: &'static str,
    },
    /// An office of no day.
    #[error("the office ends on {last_day}, before {date}, when it begins")]
    OfficeOver {
        /// Its last day.
        last_day: Day,
        /// The event's date.
        date: Day,
    },
    /// Nobody's office ends.
    #[error("the key {key} holds no office that could end")]
    NoOffice {
        /// The key.
        key: Box<PublicKey>,
    },
    /// After leaving.
    #[error("the patient has left; nothing counts until the hospital's clerk binds a key again")]
    Left,
}

impl Broken {
    /// A short name of the rule, for machines: stable, lower-case, with hyphens.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Site { .. } => "site",
            Self::Tag => "tag",
            Self::Number { .. } => "number",
            Self::Repeated => "repeated",
            Self::Backdated { .. } => "backdated",
            Self::Postdated { .. } => "postdated",
            Self::Late { .. } => "late",
            Self::Signature(_) => "signature",
            Self::NoKey => "no-key",
            Self::Card { .. } => "card",
            Self::CardAgain => "card-again",
            Self::CardKey { .. } => "card-key",
            Self::NotInOffice { .. } => "not-in-office",
            Self::PatientsOwn { .. } => "patients-own",
            Self::KeyInUse { .. } => "key-in-use",
            Self::OfficeOver { .. } => "office-over",
            Self::NoOffice { .. } => "no-office",
            Self::Left => "left",
        }
    }
}
