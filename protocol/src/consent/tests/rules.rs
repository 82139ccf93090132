//! For every rule an event that breaks it and nothing else, refused by name; and beside it one that keeps it and is taken.

use super::*;

/// The names of the rules, from the source: a rule without a case below fails the test.
pub(super) fn names() -> Vec<&'static str> {
    let source = include_str!("../rules.rs");
    let name = |line: &'static str| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.strip_suffix("\",");
    let names: Vec<_> = source.lines().filter_map(name).filter(|name| !["guardian", "proxy"].contains(name)).collect();
    assert_eq!(names.len(), source.matches("#[error(").count(), "a rule has a name of its own");
    names
}

struct Case {
    rule: &'static str,
    history: History,
    bad: (Event, Option<&'static str>),
    good: (Event, Option<&'static str>),
}

fn case(rule: &'static str, told: Told, bad: Event, good: Event) -> Case {
    Case { rule, history: told.0, bad: (bad, None), good: (good, None) }
}

fn clerk(number: u32, date: &str, what: What) -> Event {
    content(number, date, what).by_clerk("form 1").unwrap()
}

fn with_guardian() -> Told {
    Told::keyed().clerk("2026-01-01", named(1, OfficeKind::Guardian, Some("2026-12-31")))
}

/// Of the site and of the patient, with other numbers, dates and posting days.
fn places() -> Vec<Case> {
    let elsewhere = |site: &str, tag| {
        let salt = Salt::draw(&mut StdRng::seed_from_u64(1));
        Content::new(site, tag, 1, day("2026-01-01"), grant(GENERAL), salt).unwrap().by_clerk("form 1").unwrap()
    };
    let first = || clerk(1, "2026-01-01", grant(GENERAL));
    let dated = |date| clerk(2, date, grant(GENERAL));
    let guardians = |date| content(3, date, grant(GENERAL)).by_representative(&key(1));
    vec![
        case("site", Told::new(), elsewhere("Hospital South", tag()), elsewhere(SITE, tag())),
        case("tag", Told::new(), elsewhere(SITE, secret().tag("Hospital South")), elsewhere(SITE, tag())),
        case("number", Told::new(), clerk(2, "2026-01-01", grant(GENERAL)), first()),
        case("repeated", Told::new().clerk("2026-01-01", grant(GENERAL)), first(), dated("2026-01-01")),
        case("backdated", Told::new().clerk("2026-01-02", grant(GENERAL)), dated("2026-01-01"), dated("2026-01-02")),
        Case {
            bad: (dated("2026-03-03"), Some("2026-03-01")),
            good: (dated("2026-03-02"), Some("2026-03-01")),
            ..case("postdated", Told::keyed(), first(), first())
        },
        Case {
            bad: (guardians("2026-02-01"), Some("2026-03-05")),
            good: (guardians("2026-02-01"), Some("2026-03-04")),
            ..case("late", with_guardian(), first(), first())
        },
        // A patient's own event may be posted late.
        Case {
            bad: (content(3, "2026-02-01", grant(GENERAL)).by_representative(&key(1)), Some("2026-03-05")),
            good: (content(3, "2026-02-01", grant(GENERAL)).by_patient(&patient()), Some("2027-03-05")),
            ..case("late", with_guardian(), first(), first())
        },
    ]
}

/// Who says it.
fn people() -> Vec<Case> {
    let binds = |byte: Option<u8>| What::Key { key: byte.map_or_else(|| patient().public(), public) };
    let choice = |number, key: &MemberKey| content(number, "2026-02-01", grant(GENERAL)).by_patient(key);
    let guardians = |date, what| content(3, date, what).by_representative(&key(1));
    let forged = |byte| {
        let event = content(3, "2026-02-01", grant(GENERAL)).by_representative(&key(byte));
        let signature = *event.signature().unwrap();
        Event::new(event.into_parts().0, By::Representative { key: public(1), signature }).unwrap()
    };
    let card = |number, what| content(number, "2026-01-01", what).by_card(&patient());
    let bound_by_patient = |key: &MemberKey| content(2, "2026-02-01", binds(Some(9))).by_patient(key);
    vec![
        case("signature", Told::keyed(), choice(2, &key(9)), choice(2, &patient())),
        case("signature", Told::keyed(), bound_by_patient(&key(9)), bound_by_patient(&patient())),
        case("signature", with_guardian(), forged(2), forged(1)),
        case("signature", Told::new(), content(1, "2026-01-01", binds(None)).by_card(&key(9)), card(1, binds(None))),
        // After another key is bound, the old one is nobody's.
        case(
            "signature",
            Told::keyed().patient("2026-01-02", binds(Some(9))),
            choice(3, &patient()),
            choice(3, &key(9)),
        ),
        case("no-key", Told::new(), choice(1, &patient()), clerk(1, "2026-02-01", grant(GENERAL))),
        case("card", Told::new(), card(1, grant(GENERAL)), card(1, binds(None))),
        case("card-again", Told::keyed(), card(2, binds(None)), clerk(2, "2026-01-01", binds(None))),
        case("card-key", Told::new(), content(1, "2026-01-01", binds(Some(9))).by_card(&key(9)), card(1, binds(None))),
        case(
            "card-key",
            Told(History::new(SITE, tag(), None)),
            card(1, binds(None)),
            clerk(1, "2026-01-01", binds(None)),
        ),
        case(
            "not-in-office",
            with_guardian(),
            guardians("2027-01-01", grant(GENERAL)),
            guardians("2026-12-31", grant(GENERAL)),
        ),
        case(
            "not-in-office",
            with_guardian().patient("2026-02-01", What::EndOfOffice { key: public(1) }),
            content(4, "2026-02-01", grant(GENERAL)).by_representative(&key(1)),
            content(4, "2026-02-01", grant(GENERAL)).by_patient(&patient()),
        ),
        case(
            "patients-own",
            with_guardian(),
            guardians("2026-02-01", binds(Some(9))),
            guardians("2026-02-01", refuse(GENERAL)),
        ),
        case(
            "patients-own",
            with_guardian(),
            guardians("2026-02-01", named(2, OfficeKind::Proxy, None)),
            clerk(3, "2026-02-01", named(2, OfficeKind::Proxy, None)),
        ),
        case(
            "patients-own",
            with_guardian().patient("2026-02-01", named(2, OfficeKind::Proxy, None)),
            content(4, "2026-02-01", What::EndOfOffice { key: public(2) }).by_representative(&key(1)),
            content(4, "2026-02-01", What::EndOfOffice { key: public(1) }).by_representative(&key(1)),
        ),
    ]
}

/// Keys, offices, and leaving.
fn matters() -> Vec<Case> {
    let office = |byte, last| clerk(3, "2026-02-01", named(byte, OfficeKind::Proxy, last));
    let ends = |byte| clerk(3, "2026-02-01", What::EndOfOffice { key: public(byte) });
    let left = || Told::keyed().patient("2026-02-01", What::Leaving {});
    let binds = |key: PublicKey| clerk(3, "2026-02-01", What::Key { key });
    vec![
        case("key-in-use", with_guardian(), office(1, None), office(2, None)),
        case("key-in-use", with_guardian(), binds(public(1)), binds(public(2))),
        case(
            "key-in-use",
            with_guardian(),
            clerk(
                3,
                "2026-02-01",
                What::Representative { key: patient().public(), kind: OfficeKind::Proxy, last_day: None },
            ),
            office(2, None),
        ),
        case("office-over", with_guardian(), office(2, Some("2026-01-31")), office(2, Some("2026-02-01"))),
        case("no-office", with_guardian(), ends(2), ends(1)),
        case("left", left(), clerk(3, "2026-02-01", grant(GENERAL)), binds(public(9))),
        case(
            "left",
            left(),
            content(3, "2026-02-01", What::Key { key: public(9) }).by_patient(&patient()),
            binds(public(9)),
        ),
        case(
            "left",
            left(),
            content(3, "2026-02-01", What::Key { key: patient().public() }).by_card(&patient()),
            binds(public(9)),
        ),
    ]
}

#[test]
fn every_rule_refuses_what_breaks_it_and_nothing_else() {
    let cases: Vec<Case> = [places(), people(), matters()].into_iter().flatten().collect();
    for (place, Case { rule, history, bad, good }) in cases.iter().enumerate() {
        let push = |(event, posted): &(Event, Option<&str>)| {
            let mut after = history.clone();
            let pushed = after.push(event.clone(), posted.map(day));
            assert!(pushed.is_ok() || after == *history, "{rule}: a refusal changes nothing");
            pushed
        };
        match push(bad) {
            Err(HistoryError::Broken { number, broken }) => {
                assert_eq!((broken.rule(), number), (*rule, bad.0.number()), "case {place}: {broken}");
            }
            other => panic!("case {place}, {rule}: {other:?}"),
        }
        push(good).unwrap_or_else(|error| panic!("case {place}, {rule}: {error}"));
    }
    let mut missing = names();
    missing.retain(|name| !cases.iter().any(|case| case.rule == *name));
    assert!(missing.is_empty(), "without a case: {missing:?}");
}
