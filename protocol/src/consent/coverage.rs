//! Requests to use a patient's data, and whether choices cover them, with the reason.

use super::purpose::Purpose;
use crate::table::{ConsentColumn, Day, Institution, SponsorClass};

/// Days in a row, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Days {
    first: Day,
    last: Day,
}

/// Days that end before they begin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the days from {first} to {last} end before they begin")]
pub struct DaysError {
    first: Day,
    last: Day,
}

impl Days {
    /// The days from the first to the last, both included.
    pub fn new(first: Day, last: Day) -> Result<Self, DaysError> {
        if first <= last { Ok(Self { first, last }) } else { Err(DaysError { first, last }) }
    }

    /// The first day.
    pub const fn first(self) -> Day {
        self.first
    }

    /// The last day.
    pub const fn last(self) -> Day {
        self.last
    }
}

/// What data are wanted for, by whom, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UseRequest {
    /// The purpose.
    pub purpose: Purpose,
    /// The kind of sponsor.
    pub sponsor: SponsorClass,
    /// The institution, where the request names one. A request that names none is never covered by a choice for certain
    /// institutions.
    pub institution: Option<Institution>,
    /// Whether an ethics board has approved.
    pub ethics_approved: bool,
    /// The days on which the data may be used: each of them has to be covered.
    pub days: Days,
}

impl UseRequest {
    /// The request that a consent column stands for; nothing for a purpose that no choice is ever about.
    pub fn of_column(column: &ConsentColumn, ethics_approved: bool, days: Days) -> Option<Self> {
        let (sponsor, institution) = (column.sponsor(), column.institution().cloned());
        Some(Self { purpose: Purpose::of(column)?, sponsor, institution, ethics_approved, days })
    }
}

/// Whether a request is covered, and why not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Coverage {
    /// It is.
    Covered,
    /// The patient has left.
    Left,
    /// Nothing was chosen for this purpose or a wider one.
    NoChoice,
    /// A purpose inside the request's was refused or revoked.
    NarrowerRefused {
        /// The purpose.
        purpose: Purpose,
    },
    /// The nearest choice is a refusal or a revocation.
    Refused {
        /// The purpose it is about.
        purpose: Purpose,
    },
    /// The nearest choice was made after the first day of use.
    NotYet {
        /// When.
        since: Day,
    },
    /// The nearest choice is not for commercial sponsors.
    Commercial,
    /// The nearest choice is for other institutions than the one that the request names, or it names none.
    Institution,
    /// The nearest choice ends before the last day of use.
    TooLate {
        /// Its last day.
        last_day: Day,
    },
    /// The nearest choice is for approved research only.
    NoEthicsApproval,
    /// The nearest choice was made by a guardian whose office ends before the last day of use.
    Lapsed,
}

impl Coverage {
    /// Whether it is.
    pub fn is_covered(&self) -> bool {
        *self == Self::Covered
    }

    /// Why, in words.
    pub fn words(&self) -> String {
        match self {
            Self::Covered => "covered".to_owned(),
            Self::Left => "the patient has left".to_owned(),
            Self::NoChoice => "nothing was chosen for this purpose or a wider one".to_owned(),
            Self::NarrowerRefused { purpose } => format!("{purpose}, which is a part of it, was refused or revoked"),
            Self::Refused { purpose } => format!("{purpose} was refused or revoked"),
            Self::NotYet { since } => format!("the consent is of {since}, after the first day of use"),
            Self::Commercial => "the consent is not for commercial sponsors".to_owned(),
            Self::Institution => "the consent is for other institutions alone".to_owned(),
            Self::TooLate { last_day } => format!("the consent ends on {last_day}, before the last day of use"),
            Self::NoEthicsApproval => "the consent is for approved research alone".to_owned(),
            Self::Lapsed => "the consent was a guardian's, whose office ends before the last day of use".to_owned(),
        }
    }
}
