//! Choices, events and histories, and what refuses them.

mod coverage;
mod events;
mod history;
mod page;
mod properties;
mod receipt;
mod rules;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::ledger::{MemberKey, PublicKey};
use crate::table::{Day, Institution, PatientSecret, SponsorClass, Tag};

pub(super) const SITE: &str = "Hospital North";
pub(super) const DISEASE: &str = "DUO:0000007[MONDO:0007254]";
pub(super) const OTHER_DISEASE: &str = "DUO:0000007[MONDO:0005148]";
pub(super) const GENERAL: &str = "DUO:0000042";
pub(super) const HEALTH: &str = "DUO:0000006";

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub(super) fn days(first: &str, last: &str) -> Days {
    Days::new(day(first), day(last)).unwrap()
}

pub(super) fn purpose(text: &str) -> Purpose {
    text.parse().unwrap()
}

pub(super) fn institution(name: &str) -> Institution {
    name.parse().unwrap()
}

pub(super) fn secret() -> PatientSecret {
    PatientSecret::from_card(&"07".repeat(32)).unwrap()
}

pub(super) fn tag() -> Tag {
    secret().tag(SITE)
}

pub(super) fn patient() -> MemberKey {
    secret().signing_key(SITE)
}

pub(super) fn key(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

pub(super) fn public(byte: u8) -> PublicKey {
    key(byte).public()
}

pub(super) fn content(number: u32, date: &str, what: What) -> Content {
    let salt = Salt::draw(&mut StdRng::seed_from_u64(u64::from(number)));
    Content::new(SITE, tag(), number, day(date), what, salt).unwrap()
}

pub(super) fn grant(text: &str) -> What {
    What::Choice(Choice::granted(purpose(text), Conditions::default()).unwrap())
}

pub(super) fn refuse(text: &str) -> What {
    What::Choice(Choice::refused(purpose(text)))
}

pub(super) fn named(byte: u8, kind: OfficeKind, last_day: Option<&str>) -> What {
    What::Representative { key: public(byte), kind, last_day: last_day.map(day) }
}

/// A request by an academic sponsor that names no institution, approved, in the year 2027.
pub(super) fn request(text: &str) -> UseRequest {
    UseRequest {
        purpose: purpose(text),
        sponsor: SponsorClass::Academic,
        institution: None,
        ethics_approved: true,
        days: days("2027-01-01", "2027-12-31"),
    }
}

/// A history of events by the clerk and others, one after the other.
pub(super) struct Told(pub(super) History);

impl Told {
    pub(super) fn new() -> Self {
        Self(History::new(SITE, tag(), Some(patient().public())))
    }

    /// With the patient's key bound by the clerk.
    pub(super) fn keyed() -> Self {
        Self::new().clerk("2026-01-01", What::Key { key: patient().public() })
    }

    fn push(mut self, say: impl FnOnce(u32) -> Event) -> Self {
        let event = say(self.0.next_number());
        self.0.push(event, None).unwrap();
        self
    }

    pub(super) fn clerk(self, date: &str, what: What) -> Self {
        self.push(|number| content(number, date, what).by_clerk("form 1").unwrap())
    }

    pub(super) fn patient(self, date: &str, what: What) -> Self {
        self.push(|number| content(number, date, what).by_patient(&patient()))
    }

    pub(super) fn representative(self, byte: u8, date: &str, what: What) -> Self {
        self.push(|number| content(number, date, what).by_representative(&key(byte)))
    }

    pub(super) fn covers(&self, request: &UseRequest) -> Coverage {
        self.0.covers(request)
    }
}
