//! The tables of coverage in the book are made by the code.

use super::*;

/// Where the tables begin and end in the book.
const MARKS: [&str; 2] = ["<!-- coverage: made from the code, do not edit -->\n", "<!-- coverage: end -->\n"];

fn yes(covered: bool) -> &'static str {
    if covered { "yes" } else { "no" }
}

/// Every combination of decisions about three purposes, against requests for four.
fn purposes() -> String {
    let mut text = String::from(
        "| general | health | disease A | research of any kind? | health? | disease A? | disease B? |\n|---|---|---|---|---|---|---|\n",
    );
    let said = ["", "granted", "refused or revoked"];
    for (general, health, disease) in (0..27).map(|n| (n / 9, n / 3 % 3, n % 3)) {
        let choices = |no: fn(Purpose) -> Choice| {
            let mut choices = Standings::none();
            for (text, said) in [(GENERAL, general), (HEALTH, health), (DISEASE, disease)] {
                match said {
                    1 => choices
                        .choose(Choice::granted(purpose(text), Conditions::default()).unwrap(), day("2026-01-01")),
                    2 => choices.choose(no(purpose(text)), day("2026-01-01")),
                    _ => {}
                }
            }
            [GENERAL, HEALTH, DISEASE, OTHER_DISEASE].map(|text| choices.covers(&request(text)).is_covered())
        };
        let cells = choices(Choice::refused);
        assert_eq!(cells, choices(Choice::revoked), "one column for both");
        let [a, b, c, d] = cells.map(yes);
        text += &format!("| {} | {} | {} | {a} | {b} | {c} | {d} |\n", said[general], said[health], said[disease]);
    }
    text
}

/// A consent under each condition, against requests that differ in one thing.
fn conditions() -> String {
    let mut text = String::from(
        "| consent | by an academic sponsor | by a commercial one | naming U | naming another | a day after 2027-12-31 | not \
         approved |\n|---|---|---|---|---|---|---|\n",
    );
    let named = |name: &str| UseRequest { institution: Some(institution(name)), ..request(GENERAL) };
    let requests = [
        request(GENERAL),
        UseRequest { sponsor: SponsorClass::Commercial, ..request(GENERAL) },
        named("U"),
        named("V"),
        UseRequest { days: days("2027-01-01", "2028-01-01"), ..request(GENERAL) },
        UseRequest { ethics_approved: false, ..request(GENERAL) },
    ];
    for (words, conditions) in [
        ("without conditions", Conditions::default()),
        ("not commercial (`DUO:0000046`)", Conditions { not_commercial: true, ..Conditions::default() }),
        (
            "by U alone (`DUO:0000028`)",
            Conditions { institutions: Some(vec![institution("U")]), ..Conditions::default() },
        ),
        ("until 2027-12-31 (`DUO:0000025`)", Conditions { last_day: Some(day("2027-12-31")), ..Conditions::default() }),
        ("approved by a board (`DUO:0000021`)", Conditions { ethics_approval: true, ..Conditions::default() }),
    ] {
        let mut choices = Standings::none();
        choices.choose(Choice::granted(purpose(GENERAL), conditions).unwrap(), day("2026-01-01"));
        let cells: Vec<_> = requests.iter().map(|request| yes(choices.covers(request).is_covered())).collect();
        text += &format!("| {words} | {} |\n", cells.join(" | "));
    }
    text
}

/// `COHORTIUM_WRITE_DOCS=1 cargo test -p cohortium-protocol the_books_tables_of_coverage` writes them anew.
#[test]
fn the_books_tables_of_coverage_are_the_codes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/formats/consent.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).expect("the page has the mark before the tables");
    let (tables, after) = rest.split_once(MARKS[1]).expect("the page has the mark after the tables");
    let made = format!("\n{}\n{}\n", purposes(), conditions());
    if std::env::var_os("COHORTIUM_WRITE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(path, [before, MARKS[0], &made, MARKS[1], after].concat()).unwrap();
        return;
    }
    assert_eq!(tables, made, "COHORTIUM_WRITE_DOCS=1 writes them anew");
}

/// The page's example is an event, and its leaf is the one that the page gives.
#[test]
fn the_books_example_is_an_event() {
    let page = include_str!("../../../../docs/src/formats/consent.md");
    let (_, rest) = page.split_once("```json\n").unwrap();
    let (json, rest) = rest.split_once("```").unwrap();
    let event = Event::parse(json.as_bytes()).unwrap();
    let mut history = Told::keyed().0;
    history.push(event.clone(), Some(day("2026-02-03"))).unwrap();
    assert!(rest.contains(&event.leaf().to_string()), "{}", event.leaf());
}

/// Every rule that refuses an event has a line of the page.
#[test]
fn the_page_names_every_rule() {
    let page = include_str!("../../../../docs/src/formats/consent.md");
    for rule in super::rules::names() {
        assert!(page.contains(&format!("| `{rule}` |")), "{rule}");
    }
}
