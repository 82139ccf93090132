//! Consent events: what a patient, or somebody for them, decided, when, and who says so.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::agreement::Agreement;
use super::choice::{Choice, optional_day};
use super::event_file::RawEvent;
use super::rules::OfficeKind;
use super::salt::Salt;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::ledger::{KeyError, MemberKey, PublicKey, Signature};
use crate::table::{Day, MAX_INSTITUTION, Tag};
use crate::text::is_line;

/// Bytes of an event at most.
pub const MAX_EVENT_BYTES: usize = 1 << 16;
/// Characters of a form's reference at most, and of a study's name.
pub const MAX_FORM: usize = 200;

/// What an event says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A choice, in the place of the one for the same purpose.
    Choice(Choice),
    /// Binds the patient's key to the tag, in the place of the one before.
    Key {
        /// The key.
        key: PublicKey,
    },
    /// Names somebody who may decide for the patient.
    Representative {
        /// Their key.
        key: PublicKey,
        /// Guardian or proxy.
        kind: OfficeKind,
        /// The last day of their office; without it, until it is ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_day: Option<Day>,
    },
    /// Ends a guardian's or proxy's office.
    EndOfOffice {
        /// Their key.
        key: PublicKey,
    },
    /// Agrees to be offered to a study, until a day; one for the same study and sponsor takes its place, and ends it if its
    /// last day is over.
    Agreement(Agreement),
    /// The patient leaves: consents, agreements, offices and the key end.
    Leaving {},
}

/// Who says it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum By {
    /// The patient, with the key that is bound.
    Patient {
        /// The signature.
        signature: Signature,
    },
    /// The holder of the patient's card, who binds its key as the first one. Signed with this key.
    Card {
        /// The signature.
        signature: Signature,
    },
    /// A guardian or proxy.
    Representative {
        /// Their key.
        key: PublicKey,
        /// The signature.
        signature: Signature,
    },
    /// The hospital's clerk, from paper. Nobody signed it but the hospital, on its batch.
    Clerk {
        /// The form's reference.
        form: String,
    },
}

impl By {
    /// Who, in words; an event that nobody signed is marked as such.
    pub fn words(&self) -> String {
        match self {
            Self::Patient { .. } => "signed by the patient".to_owned(),
            Self::Card { .. } => "signed with the patient's card".to_owned(),
            Self::Representative { key, .. } => format!("signed by the representative with the key {}", key.short()),
            Self::Clerk { form } => format!("entered by the hospital from its form {form:?}, not signed"),
        }
    }
}

/// What an event says, about whom and when, before anybody has said it.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    pub(super) site: String,
    pub(super) tag: Tag,
    pub(super) number: u32,
    pub(super) date: Day,
    pub(super) what: What,
    pub(super) salt: Salt,
}

/// A consent event, `cohortium-consent-event/1`. Secret: it says what a patient chose.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawEvent", into = "RawEvent")]
pub struct Event {
    content: Content,
    by: By,
}

/// Why bytes are not a consent event.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EventError {
    /// Beyond the limit.
    #[error("the consent event has {found} bytes; at most {MAX_EVENT_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the consent event cannot be read: {reason}")]
    Json {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// Another format or version.
    #[error("the consent event's format is {found:?}; this version reads {:?}", super::EVENT_FORMAT)]
    Format {
        /// What was found, shortened.
        found: String,
    },
    /// A text that is none.
    #[error(
        "the consent event's {field} {found:?} is refused: one line of 1 to {limit} printable characters, no space at either end"
    )]
    Text {
        /// Which field.
        field: &'static str,
        /// Characters at most.
        limit: usize,
        /// What was found, shortened.
        found: String,
    },
    /// A number that does not count from 1.
    #[error("the consent event's number is 0; a tag's events are numbered from 1")]
    Zero,
}

pub(super) fn check_text(field: &'static str, limit: usize, text: &str) -> Result<(), EventError> {
    if is_line(text, limit) {
        return Ok(());
    }
    Err(EventError::Text { field, limit, found: text.chars().take(80).collect() })
}

impl What {
    /// The kind, as in files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Choice(_) => "choice",
            Self::Key { .. } => "key",
            Self::Representative { .. } => "representative",
            Self::EndOfOffice { .. } => "end_of_office",
            Self::Agreement(_) => "agreement",
            Self::Leaving {} => "leaving",
        }
    }

    /// In a patient's words.
    pub fn words(&self) -> String {
        match self {
            Self::Choice(choice) => choice.words(),
            Self::Key { key } => format!("the patient's key is {}", key.short()),
            Self::Representative { key, kind, last_day } => {
                let until = last_day.map_or_else(String::new, |day| format!(", until {day} and no later"));
                format!("the {} with the key {} may decide{until}", kind.name(), key.short())
            }
            Self::EndOfOffice { key } => format!("the representative with the key {} decides no more", key.short()),
            Self::Agreement(agreement) => agreement.words(),
            Self::Leaving {} => "leaving: every consent and every agreement ends".to_owned(),
        }
    }

    fn hash(&self, hasher: &mut Hasher) {
        hasher.str(self.kind());
        match self {
            Self::Choice(choice) => choice.hash(hasher),
            Self::Key { key } | Self::EndOfOffice { key } => {
                hasher.bytes(&key.to_bytes());
            }
            Self::Representative { key, kind, last_day } => {
                optional_day(hasher.bytes(&key.to_bytes()).str(kind.name()), *last_day);
            }
            Self::Agreement(agreement) => agreement.hash(hasher),
            Self::Leaving {} => {}
        }
    }
}

impl Content {
    /// An event's content: the site's name, the patient's tag there, its number among the tag's events (from 1, without
    /// gaps), the day, what it says, and a fresh salt.
    pub fn new(site: &str, tag: Tag, number: u32, date: Day, what: What, salt: Salt) -> Result<Self, EventError> {
        check_text("site", MAX_INSTITUTION, site)?;
        if number == 0 {
            return Err(EventError::Zero);
        }
        Ok(Self { site: site.to_owned(), tag, number, date, what, salt })
    }

    /// Said by the patient.
    pub fn by_patient(self, key: &MemberKey) -> Event {
        self.signed(|signature| By::Patient { signature }, key)
    }

    /// Said by the holder of the patient's card: binds the first key.
    pub fn by_card(self, key: &MemberKey) -> Event {
        self.signed(|signature| By::Card { signature }, key)
    }

    /// Said by a guardian or proxy.
    pub fn by_representative(self, key: &MemberKey) -> Event {
        let public = key.public();
        self.signed(|signature| By::Representative { key: public, signature }, key)
    }

    /// Entered by the hospital's clerk, from the form with this reference.
    pub fn by_clerk(self, form: &str) -> Result<Event, EventError> {
        Event::new(self, By::Clerk { form: form.to_owned() })
    }

    fn signed(self, by: impl Fn(Signature) -> By, key: &MemberKey) -> Event {
        let unsigned = Event { by: by(Signature::from_bytes([0; 64])), content: self };
        let signature = key.sign(unsigned.signed_digest().as_bytes());
        Event { by: by(signature), content: unsigned.content }
    }

    fn digest(&self) -> Digest {
        let Self { site, tag, number, date, what, salt } = self;
        let mut hasher = Hasher::new(domain::CONSENT_EVENT);
        hasher.str(site).str(&Zeroizing::new(tag.to_hex())).u64(u64::from(*number)).u64(u64::from(date.days()));
        what.hash(&mut hasher);
        hasher.bytes(salt.as_bytes()).finish()
    }
}

impl Event {
    /// An event from its parts. Signatures are not checked: whose they have to be, the history says.
    pub fn new(content: Content, by: By) -> Result<Self, EventError> {
        if let By::Clerk { form } = &by {
            check_text("form", MAX_FORM, form)?;
        }
        Ok(Self { content, by })
    }

    /// Reads an event.
    pub fn parse(json: &[u8]) -> Result<Self, EventError> {
        if json.len() > MAX_EVENT_BYTES {
            return Err(EventError::Size { found: json.len() });
        }
        serde_json::from_slice::<RawEvent>(json)
            .map_err(|error| EventError::Json { reason: error.to_string() })?
            .try_into()
    }

    /// The event in its one spelling.
    pub fn canonical(&self) -> Zeroizing<Vec<u8>> {
        // A structure with text keys: writing it to memory does not fail.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }

    /// What is signed: the content, and who says it, without the signature.
    pub fn signed_digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::CONSENT_SIGNATURE);
        hasher.digest(&self.content.digest());
        match &self.by {
            By::Patient { .. } => hasher.str("patient"),
            By::Card { .. } => hasher.str("card"),
            By::Representative { key, .. } => hasher.str("representative").bytes(&key.to_bytes()),
            By::Clerk { form } => hasher.str("clerk").str(form),
        };
        hasher.finish()
    }

    /// The digest of content and `by`, with the signature.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::CONSENT_SAID);
        hasher.digest(&self.signed_digest()).u64(u64::from(self.signature().is_some()));
        if let Some(signature) = self.signature() {
            hasher.bytes(signature.as_bytes());
        }
        hasher.finish()
    }

    /// What the ledger is given: a hash that says nothing to whoever does not have the salt.
    pub fn leaf(&self) -> Digest {
        Hasher::new(domain::CONSENT_LEAF).bytes(self.content.salt.as_bytes()).digest(&self.digest()).finish()
    }

    /// The signature, unless the clerk entered it.
    pub fn signature(&self) -> Option<&Signature> {
        match &self.by {
            By::Patient { signature } | By::Card { signature } | By::Representative { signature, .. } => {
                Some(signature)
            }
            By::Clerk { .. } => None,
        }
    }

    /// Checks the signature, if it has one, under a key.
    pub(super) fn check_signature(&self, key: &PublicKey) -> Result<(), KeyError> {
        match self.signature() {
            None => Ok(()),
            Some(signature) => key.check(self.signed_digest().as_bytes(), signature),
        }
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.content.site
    }

    /// The patient's tag.
    pub fn tag(&self) -> &Tag {
        &self.content.tag
    }

    /// Its number among the tag's events, from 1.
    pub fn number(&self) -> u32 {
        self.content.number
    }

    /// The day.
    pub fn date(&self) -> Day {
        self.content.date
    }

    /// What it says.
    pub fn what(&self) -> &What {
        &self.content.what
    }

    /// Who says it.
    pub fn by(&self) -> &By {
        &self.by
    }

    /// The salt.
    pub fn salt(&self) -> &Salt {
        &self.content.salt
    }

    /// One line for the patient and those who advise them.
    pub fn words(&self) -> String {
        let Content { number, date, what, .. } = &self.content;
        format!("{number}, {date}: {} ({})", what.words(), self.by.words())
    }

    pub(super) fn into_parts(self) -> (Content, By) {
        (self.content, self.by)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Content(secret)")
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Event(secret)")
    }
}
