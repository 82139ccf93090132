//! Which request a choice covers, cell by cell against the rule as the page states it.

use super::*;

const FIRST: &str = "2027-01-01";
const LAST_DAY: &str = "2027-06-30";
const NAMED: [&str; 2] = ["University of the Coast", "Coast Pharma"];

/// A choice as the page has it: nothing, no, or a consent under some of four conditions.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Cell {
    Nothing,
    Refused,
    Revoked,
    Granted { not_commercial: bool, institution: bool, last_day: bool, ethics: bool },
}

impl Cell {
    fn all() -> Vec<Self> {
        let bit = |bits: u8, place: u8| bits & (1 << place) != 0;
        let granted = (0..16).map(|bits| Self::Granted {
            not_commercial: bit(bits, 0),
            institution: bit(bits, 1),
            last_day: bit(bits, 2),
            ethics: bit(bits, 3),
        });
        [Self::Nothing, Self::Refused, Self::Revoked].into_iter().chain(granted).collect()
    }

    fn choice(self, text: &str) -> Option<Choice> {
        match self {
            Self::Nothing => None,
            Self::Refused => Some(Choice::refused(purpose(text))),
            Self::Revoked => Some(Choice::revoked(purpose(text))),
            Self::Granted { not_commercial, institution: named, last_day, ethics } => {
                let conditions = Conditions {
                    not_commercial,
                    institutions: named.then(|| vec![institution(NAMED[0])]),
                    last_day: last_day.then(|| day(LAST_DAY)),
                    ethics_approval: ethics,
                };
                Some(Choice::granted(purpose(text), conditions).unwrap())
            }
        }
    }

    fn is_no(self) -> bool {
        matches!(self, Self::Refused | Self::Revoked)
    }

    /// Whether the conditions are met.
    fn met(self, asked: &Asked) -> bool {
        match self {
            Self::Granted { not_commercial, institution, last_day, ethics } => {
                let broken = [
                    not_commercial && asked.commercial,
                    institution && asked.institution != Some(NAMED[0]),
                    last_day && !asked.in_time,
                    ethics && !asked.approved,
                ];
                !broken.contains(&true)
            }
            _ => false,
        }
    }
}

/// A request but for its purpose.
#[derive(Clone, Copy, Debug)]
struct Asked {
    commercial: bool,
    institution: Option<&'static str>,
    in_time: bool,
    approved: bool,
}

impl Asked {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for commercial in [false, true] {
            for institution in [None, Some(NAMED[0]), Some(NAMED[1])] {
                for in_time in [false, true] {
                    for approved in [false, true] {
                        all.push(Self { commercial, institution, in_time, approved });
                    }
                }
            }
        }
        all
    }

    fn request(&self, text: &str) -> UseRequest {
        UseRequest {
            purpose: purpose(text),
            sponsor: if self.commercial { SponsorClass::Commercial } else { SponsorClass::Academic },
            institution: self.institution.map(institution),
            ethics_approved: self.approved,
            days: days(FIRST, if self.in_time { LAST_DAY } else { "2027-07-01" }),
        }
    }
}

/// The rule as the page states it, with the purposes written out: which choices are looked at, from the nearest on, and
/// which stand inside.
fn expected(text: &str, [general, health, disease]: [Cell; 3], asked: &Asked) -> bool {
    let (nearest, inside) = match text {
        GENERAL => (vec![general], vec![health, disease]),
        HEALTH => (vec![health, general], vec![disease]),
        DISEASE => (vec![disease, health, general], vec![]),
        OTHER_DISEASE => (vec![health, general], vec![]),
        other => panic!("{other}"),
    };
    let decides = nearest.into_iter().find(|cell| *cell != Cell::Nothing);
    inside.into_iter().all(|cell| !cell.is_no()) && decides.is_some_and(|cell| cell.met(asked))
}

/// Every choice for each of three purposes, or none, under every set of conditions; every request for four purposes, by
/// both classes, naming no, this or another institution, in time or a day too long, approved or not.
#[test]
fn every_cell_is_as_the_page_says() {
    let (cells, asked) = (Cell::all(), Asked::all());
    let purposes = [GENERAL, HEALTH, DISEASE, OTHER_DISEASE];
    let requests: Vec<_> =
        purposes.iter().flat_map(|text| asked.iter().map(|asked| (*text, *asked, asked.request(text)))).collect();
    let (mut covered, mut all) = (0, 0);
    for general in &cells {
        for health in &cells {
            for disease in &cells {
                let mut choices = Standings::none();
                let chosen = [general.choice(GENERAL), health.choice(HEALTH), disease.choice(DISEASE)];
                chosen.into_iter().flatten().for_each(|choice| choices.choose(choice, day(FIRST)));
                for (text, asked, request) in &requests {
                    let expected = expected(text, [*general, *health, *disease], asked);
                    let found = choices.covers(request);
                    assert_eq!(found.is_covered(), expected, "{choices:?}\n{request:?}\n{found:?}");
                    (covered, all) = (covered + usize::from(expected), all + 1);
                }
            }
        }
    }
    assert_eq!(all, 19 * 19 * 19 * 4 * 24);
    // Not all, and not none: the oracle is not a constant.
    assert!(covered > all / 20 && covered < all / 2, "{covered} of {all}");
}

#[test]
fn why_not_is_said() {
    let mut choices = Standings::none();
    assert_eq!(choices.covers(&request(GENERAL)), Coverage::NoChoice);
    let conditions = Conditions { last_day: Some(day("2027-06-30")), ..Conditions::default() };
    choices.choose(Choice::granted(purpose(GENERAL), conditions).unwrap(), day("2026-01-01"));
    let found = choices.covers(&request(DISEASE));
    assert_eq!(found.words(), "the consent ends on 2027-06-30, before the last day of use");
    choices.choose(Choice::refused(purpose(DISEASE)), day("2026-01-02"));
    let found = choices.covers(&request(GENERAL));
    assert_eq!(found.words(), "DUO:0000007[MONDO:0007254], which is a part of it, was refused or revoked");
    let found = choices.covers(&request(DISEASE));
    assert_eq!(found.words(), "DUO:0000007[MONDO:0007254] was refused or revoked");
}

#[test]
fn a_consent_does_not_reach_back() {
    let mut choices = Standings::none();
    choices.choose(Choice::granted(purpose(GENERAL), Conditions::default()).unwrap(), day("2027-01-02"));
    assert_eq!(choices.covers(&request(GENERAL)), Coverage::NotYet { since: day("2027-01-02") });
    let later = UseRequest { days: days("2027-01-02", "2027-12-31"), ..request(GENERAL) };
    assert!(choices.covers(&later).is_covered());
}

#[test]
fn columns_without_a_purpose_of_consent_are_covered_by_nothing() {
    let history = Told::new().clerk("2026-01-01", grant(GENERAL)).0;
    let columns: Vec<_> = [
        "DUO:0000042/academic",
        "DUO:0000042/commercial@Coast Pharma",
        "DUO:0000006/commercial",
        "DUO:0000007[MONDO:0007254]/academic",
        "DUO:0000007/academic",
        "DUO:0000018/academic",
    ]
    .map(|text| text.parse().unwrap())
    .into();
    let year = days("2027-01-01", "2027-12-31");
    assert_eq!(history.flags(&columns, year, true), [true, true, true, true, false, false]);
    let conditions = Conditions { institutions: Some(vec![institution("Coast Pharma")]), ..Conditions::default() };
    let restricted = What::Choice(Choice::granted(purpose(GENERAL), conditions).unwrap());
    let history = Told(history).clerk("2026-01-02", restricted).0;
    assert_eq!(history.flags(&columns, year, true), [false, true, false, false, false, false]);
}
