//! What the patient says.

use cohortium_protocol::consent::{Choice, Conditions, Content, Event, Salt, What};
use cohortium_protocol::table::{Day, PatientSecret, Tag};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The hospital.
pub(super) const SITE: &str = "Hospital North";
/// The patient's row.
pub(super) const ROW: u64 = 7;

pub(super) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A patient's card.
pub(super) fn card(row: u64) -> PatientSecret {
    PatientSecret::from_card(&format!("{row:064x}")).unwrap()
}

pub(super) fn tag(row: u64) -> Tag {
    card(row).tag(SITE)
}

/// An event's content, of the patient of a row.
pub(super) fn content(row: u64, number: u32, date: &str, what: What) -> Content {
    let salt = Salt::draw(&mut StdRng::seed_from_u64(1000 * row + u64::from(number)));
    Content::new(SITE, tag(row), number, day(date), what, salt).unwrap()
}

/// Yes to any research.
pub(super) fn yes(not_commercial: bool) -> What {
    let conditions = Conditions { not_commercial, ..Conditions::default() };
    What::Choice(Choice::granted("DUO:0000042".parse().unwrap(), conditions).unwrap())
}

/// No longer.
pub(super) fn no_longer() -> What {
    What::Choice(Choice::revoked("DUO:0000042".parse().unwrap()))
}

/// Signed by the patient.
pub(super) fn signed(number: u32, date: &str, what: What) -> Event {
    content(ROW, number, date, what).by_patient(&card(ROW).signing_key(SITE))
}

/// What the patient says in the story: the card's key, yes to research, and then not by companies.
pub(super) fn story() -> Vec<(Event, u32)> {
    let key = card(ROW).signing_key(SITE);
    vec![
        (content(ROW, 1, "2026-02-01", What::Key { key: key.public() }).by_card(&key), 1),
        (signed(2, "2026-02-01", yes(false)), 1),
        (signed(3, "2026-02-10", yes(true)), 2),
    ]
}

/// The same, and at last a revocation, in the last batch.
pub(super) fn revoked() -> Vec<(Event, u32)> {
    let mut story = story();
    story.push((signed(4, "2026-02-20", no_longer()), 3));
    story
}
