//! Agreements to be offered to a study.

use serde::{Deserialize, Serialize};

use super::coverage::Days;
use super::event::{EventError, MAX_FORM, check_text};
use crate::hash::Hasher;
use crate::table::{Day, Institution};

/// An agreement to be offered to a study.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawAgreement", into = "RawAgreement")]
pub struct Agreement {
    study: String,
    sponsor: Institution,
    last_day: Day,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAgreement {
    study: String,
    sponsor: Institution,
    last_day: Day,
}

impl Agreement {
    /// An agreement to be offered to a study of a sponsor up to a day, that day included.
    pub fn new(study: &str, sponsor: Institution, last_day: Day) -> Result<Self, EventError> {
        check_text("study", MAX_FORM, study)?;
        Ok(Self { study: study.to_owned(), sponsor, last_day })
    }

    /// The study's name.
    pub fn study(&self) -> &str {
        &self.study
    }

    /// The sponsor's name.
    pub fn sponsor(&self) -> &Institution {
        &self.sponsor
    }

    /// The last day on which it counts.
    pub const fn last_day(&self) -> Day {
        self.last_day
    }

    /// Whether it is for this study of this sponsor.
    pub fn is_for(&self, study: &str, sponsor: &Institution) -> bool {
        self.study == study && self.sponsor == *sponsor
    }

    pub(super) fn words(&self) -> String {
        let Self { study, sponsor, last_day } = self;
        format!("may be offered to the study {study} of {sponsor}, until {last_day} and no later")
    }

    pub(super) fn hash(&self, hasher: &mut Hasher) {
        hasher.str(&self.study).str(self.sponsor.as_str()).u64(u64::from(self.last_day.days()));
    }
}

impl TryFrom<RawAgreement> for Agreement {
    type Error = EventError;

    fn try_from(raw: RawAgreement) -> Result<Self, EventError> {
        Self::new(&raw.study, raw.sponsor, raw.last_day)
    }
}

impl From<Agreement> for RawAgreement {
    fn from(agreement: Agreement) -> Self {
        let Agreement { study, sponsor, last_day } = agreement;
        Self { study, sponsor, last_day }
    }
}

/// An agreement in force, and what it hangs on.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) agreement: Agreement,
    pub(super) since: Day,
    pub(super) office: Option<usize>,
    pub(super) lapses: Option<Day>,
}

impl Agreed {
    pub(super) fn counts(&self, days: Days) -> bool {
        self.since <= days.first()
            && days.last() <= self.agreement.last_day
            && self.lapses.is_none_or(|lapses| days.last() < lapses)
    }
}
