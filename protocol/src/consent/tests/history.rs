//! What events come to.

use super::*;

fn conflict(history: &History, event: Event) -> HistoryError {
    history.clone().push(event, None).unwrap_err()
}

#[test]
fn the_nearest_choice_decides_and_the_last_one_counts() {
    let told = Told::keyed().patient("2026-01-02", grant(GENERAL));
    assert!(told.covers(&request(DISEASE)).is_covered());
    let told = told.patient("2026-01-03", refuse(DISEASE));
    assert_eq!(told.covers(&request(DISEASE)), Coverage::Refused { purpose: purpose(DISEASE) });
    assert_eq!(told.covers(&request(GENERAL)), Coverage::NarrowerRefused { purpose: purpose(DISEASE) });
    assert!(told.covers(&request(OTHER_DISEASE)).is_covered());
    let told = told.patient("2026-01-04", grant(DISEASE));
    assert!(told.covers(&request(GENERAL)).is_covered());
    assert_eq!(told.0.choices().iter().count(), 2);
}

#[test]
fn a_guardians_consent_lapses_and_a_proxys_does_not() {
    let office = |kind| Told::keyed().clerk("2026-01-01", named(1, kind, Some("2027-12-31")));
    let asked = |last| UseRequest { days: days("2027-01-01", last), ..request(GENERAL) };
    let told = office(OfficeKind::Guardian).representative(1, "2026-02-01", grant(GENERAL));
    assert!(told.covers(&asked("2027-12-31")).is_covered());
    assert_eq!(told.covers(&asked("2028-01-01")), Coverage::Lapsed);
    // An office that is ended earlier ends consents earlier.
    let told = told.patient("2027-03-01", What::EndOfOffice { key: public(1) });
    assert!(told.covers(&asked("2027-02-28")).is_covered());
    assert_eq!(told.covers(&asked("2027-03-01")), Coverage::Lapsed);
    // The patient decides anew.
    let told = told.patient("2027-03-02", grant(GENERAL));
    let later = UseRequest { days: days("2027-03-02", "2029-01-01"), ..request(GENERAL) };
    assert!(told.covers(&later).is_covered());

    let told = office(OfficeKind::Proxy).representative(1, "2026-02-01", grant(GENERAL));
    assert!(told.covers(&asked("2028-01-01")).is_covered());
    let told = told.patient("2027-03-01", What::EndOfOffice { key: public(1) });
    assert!(told.covers(&asked("2028-01-01")).is_covered());
}

#[test]
fn a_guardians_refusal_stays() {
    let told = Told::keyed()
        .patient("2026-01-01", grant(GENERAL))
        .clerk("2026-01-01", named(1, OfficeKind::Guardian, Some("2026-06-30")))
        .representative(1, "2026-02-01", refuse(DISEASE));
    assert_eq!(told.covers(&request(DISEASE)), Coverage::Refused { purpose: purpose(DISEASE) });
    let told = told.patient("2026-03-01", What::EndOfOffice { key: public(1) });
    assert_eq!(told.covers(&request(GENERAL)), Coverage::NarrowerRefused { purpose: purpose(DISEASE) });
}

/// A guardian's consent may stand over the patient's refusal, as long as the office is held; then the refusal is back,
/// for wider requests too.
#[test]
fn a_refusal_comes_back_when_the_consent_over_it_lapses() {
    let told = Told::keyed()
        .patient("2026-01-01", grant(GENERAL))
        .patient("2026-01-01", refuse(HEALTH))
        .clerk("2026-01-01", named(1, OfficeKind::Guardian, Some("2027-06-30")))
        .representative(1, "2026-02-01", grant(HEALTH));
    let asked = |last| UseRequest { days: days("2027-01-01", last), ..request(GENERAL) };
    assert!(told.covers(&asked("2027-06-30")).is_covered());
    assert_eq!(told.covers(&asked("2027-07-01")), Coverage::NarrowerRefused { purpose: purpose(HEALTH) });
    // A second consent of the guardian hides nothing, and neither does leaving.
    let again = Told(told.0.clone()).representative(1, "2026-02-01", grant(HEALTH));
    assert_eq!(again.covers(&asked("2027-07-01")), Coverage::NarrowerRefused { purpose: purpose(HEALTH) });
    let back = told
        .patient("2026-02-01", What::Leaving {})
        .clerk("2026-02-01", What::Key { key: public(9) })
        .clerk("2026-02-01", grant(GENERAL));
    assert_eq!(back.covers(&asked("2027-06-30")), Coverage::NarrowerRefused { purpose: purpose(HEALTH) });
}

#[test]
fn after_leaving_nothing_counts_until_something_is_granted_again() {
    let year = days("2027-01-01", "2027-12-31");
    let agreement = || What::Agreement(Agreement::new("S-1", institution("U"), day("2028-01-01")).unwrap());
    let told = Told::keyed()
        .patient("2026-01-01", grant(GENERAL))
        .patient("2026-01-01", refuse(DISEASE))
        .patient("2026-01-01", agreement())
        .clerk("2026-01-01", named(1, OfficeKind::Proxy, None));
    assert!(told.0.agrees("S-1", &institution("U"), year));
    let told = told.representative(1, "2026-02-01", What::Leaving {});
    assert!(told.0.has_left() && told.0.key().is_none());
    assert_eq!(told.covers(&request(HEALTH)), Coverage::Left);
    assert!(!told.0.agrees("S-1", &institution("U"), year));
    let told = told.clerk("2026-02-02", What::Key { key: patient().public() });
    assert!(!told.0.has_left());
    assert_eq!(told.covers(&request(OTHER_DISEASE)), Coverage::NoChoice);
    let late = content(told.0.next_number(), "2026-02-02", grant(HEALTH)).by_representative(&key(1));
    assert!(conflict(&told.0, late).to_string().contains("no guardian's or proxy's in office"));
    let told = told.patient("2026-02-03", grant(GENERAL));
    assert!(told.covers(&request(OTHER_DISEASE)).is_covered());
    assert_eq!(told.covers(&request(DISEASE)), Coverage::Refused { purpose: purpose(DISEASE) });
}

#[test]
fn agreements_are_for_one_study_until_a_day() {
    let agreement = |study, last| What::Agreement(Agreement::new(study, institution("U"), day(last)).unwrap());
    let told = Told::keyed().patient("2026-01-01", agreement("S-1", "2027-12-31"));
    let agrees =
        |told: &Told, study, name: &str, last| told.0.agrees(study, &institution(name), days("2027-01-01", last));
    assert!(agrees(&told, "S-1", "U", "2027-12-31"));
    assert!(!agrees(&told, "S-1", "U", "2028-01-01"));
    assert!(!agrees(&told, "S-2", "U", "2027-12-31"));
    assert!(!agrees(&told, "S-1", "V", "2027-12-31"));
    let told = told.patient("2026-02-01", agreement("S-1", "2026-02-01"));
    assert!(!agrees(&told, "S-1", "U", "2027-12-31"), "the later one ends it");
    let told = Told::keyed().clerk("2026-01-01", named(1, OfficeKind::Guardian, None)).representative(
        1,
        "2026-02-01",
        agreement("S-1", "2027-12-31"),
    );
    assert!(agrees(&told, "S-1", "U", "2027-12-31"));
    let told = told.patient("2026-03-01", What::EndOfOffice { key: public(1) });
    assert!(!agrees(&told, "S-1", "U", "2027-12-31"), "a guardian's agreement lapses");
}

#[test]
fn two_events_of_one_number_are_evidence() {
    let told = Told::keyed().patient("2026-01-02", grant(GENERAL)).patient("2026-01-03", grant(HEALTH));
    let other = content(2, "2026-01-02", refuse(GENERAL)).by_patient(&patient());
    match conflict(&told.0, other.clone()) {
        HistoryError::Conflict { number, first, second } => {
            assert_eq!((number, *first, *second), (2, told.0.events()[1].clone(), other.clone()));
        }
        error => panic!("{error}"),
    }
    // What breaks a rule itself proves nothing against anybody.
    let forged = content(2, "2026-01-02", refuse(GENERAL)).by_patient(&key(9));
    assert!(matches!(conflict(&told.0, forged), HistoryError::Broken { number: 2, .. }));
    // In any order, from a list.
    let events: Vec<_> = told.0.events().iter().rev().map(|event| (event.clone(), None)).collect();
    let again = |more: Option<Event>| {
        let events = events.iter().cloned().chain(more.map(|event| (event, None)));
        History::of(SITE, tag(), Some(patient().public()), events)
    };
    assert_eq!(again(None).unwrap(), told.0);
    assert!(matches!(again(Some(other)), Err(HistoryError::Conflict { number: 2, .. })));
}

#[test]
fn what_nobody_signed_is_marked() {
    let told = Told::keyed().patient("2026-01-02", grant(GENERAL)).clerk("2026-01-03", refuse(HEALTH));
    let words: Vec<String> = told.0.events().iter().map(Event::words).collect();
    assert_eq!(words[1], "2, 2026-01-02: yes to research of any kind (signed by the patient)");
    assert_eq!(
        words[2],
        "3, 2026-01-03: no to research about health and medicine (entered by the hospital from its form \"form 1\", not signed)"
    );
    assert_eq!(format!("{:?} {:?}", told.0, told.0.events()[0]), "History(secret) Event(secret)");
}
