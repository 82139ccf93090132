//! Rules of how many queries may be asked: before a site at one time, and by the opening budget.

use cohortium_protocol::commit::budget::column_limit;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::query::Query;
use cohortium_tests::exchange::{DAY, Exchange, at, attempt, by_grade};
use cohortium_tests::{approval, usual_policy};
use cohortium_verifier::ledger::State;

use crate::asking::query;
use crate::registering::after;
use crate::rules::{Case, Try, case};
use crate::world::{ACCEPTED, ASKED, World, key_12, world};

pub(crate) fn cases() -> Vec<Case> {
    let w = world();
    // Every opening of a column counts; here one approval may have two, and two queries before a site at one time.
    let x = Exchange::with(key_12(), |charter| charter.opening_share = 2);
    let mut state = x.found();
    for transaction in x.registrations().into_iter().chain([x.study(&w.approval)]) {
        attempt(&mut state, &transaction, at(0)).unwrap();
    }
    let asked = |state: &mut State, title: &str| {
        let request = x.request(state, &by_grade(title), &w.approval, &["north"]);
        attempt(state, &x.ask(&request), at(ASKED)).unwrap();
        request
    };
    let accepted = |state: &mut State, request: &Request| {
        attempt(state, &x.accept("north", request), at(ACCEPTED)).unwrap();
    };
    let another = |state: &State, approval: &Approval, sites: &[&str], time: u64| {
        let asks = Query { study: approval.study.clone(), ..by_grade("Grades, another time") };
        Try::new(state, at(time), x.ask(&x.request(state, &asks, approval, sites)))
    };
    let (first, second) = (asked(&mut state, "Grades"), asked(&mut state, "Grades again"));
    let full = state.clone();
    let declined = after(&full, x.decline("north", &first, "no"), ASKED);
    let held = after(&full, x.hold("north", &first, "a person decides"), ASKED);
    let expired = ASKED + 7 * DAY + 1;
    let waiting =
        "north has 2 queries under this approval to decide about, and the charter's opening share allows 2 at";

    accepted(&mut state, &first);
    let third = asked(&mut state, "Grades, a third time");
    let undecided = state.clone();
    accepted(&mut state, &second);
    let other = approval("S-2", "synthetic", usual_policy(), &[]);
    let with_other = after(&state, x.study(&other), ACCEPTED);
    let full_with_other = after(&full, x.study(&other), ASKED);
    let says =
        "the opening budget of north's column \"grade\" does not suffice: 1 asked, 2 spent of 2 under this approval";
    let both = ["north", "south"];
    let (last, spent) = openings(w);
    vec![
        case(
            "Waiting",
            "a third one to decide about",
            waiting,
            another(&full, &w.approval, &both, ASKED),
            another(&declined, &w.approval, &both, ASKED),
        ),
        case(
            "Waiting",
            "one of them held",
            waiting,
            another(&held, &w.approval, &["south", "north"], expired - 1),
            another(&held, &w.approval, &["south", "north"], expired),
        ),
        case(
            "Waiting",
            "under this approval",
            waiting,
            another(&full, &w.approval, &both, ASKED),
            another(&full_with_other, &other, &both, ASKED),
        ),
        case(
            "Waiting",
            "at this site",
            waiting,
            another(&full, &w.approval, &both, ASKED),
            another(&full, &w.approval, &["south"], ASKED),
        ),
        case(
            "Budget",
            "accepted when the share is spent",
            says,
            Try::new(&state, at(ACCEPTED), x.accept("north", &third)),
            Try::new(&undecided, at(ACCEPTED), x.accept("north", &third)),
        ),
        case(
            "Budget",
            "asked when the share is spent",
            says,
            another(&state, &w.approval, &both, 2 * DAY),
            another(&with_other, &other, &both, 2 * DAY),
        ),
        case(
            "Budget",
            "of one of two sites",
            says,
            another(&state, &w.approval, &["south", "north"], 2 * DAY),
            another(&state, &w.approval, &["south"], 2 * DAY),
        ),
        case(
            "Budget",
            "asked when all is spent",
            "does not suffice: 1 asked, 496 spent of 496 in all",
            ask_again(w, &spent),
            ask_again(w, &last),
        ),
    ]
}

/// States in which all but one opening of a column is spent, and all: under several approvals, each within its share.
fn openings(w: &World) -> (State, State) {
    let x = w.exchange;
    let (mut state, mut approval, mut before) = (w.registered.clone(), w.approval.clone(), w.registered.clone());
    let limit = column_limit(x.north.manifest.shape());
    for place in 0..limit {
        if place % x.charter.opening_share == 0 {
            approval.ethics_reference = format!("EC 2026/117, amendment {place}");
            attempt(&mut state, &x.study(&approval), at(60)).unwrap();
        }
        let request = x.request(&state, &by_grade("Grades"), &approval, &["north"]);
        attempt(&mut state, &x.ask(&request), at(ASKED)).unwrap();
        if place + 1 == limit {
            before.clone_from(&state);
        }
        attempt(&mut state, &x.accept("north", &request), at(ASKED)).unwrap();
    }
    (before, state)
}

/// One more query under the newest approval of a state.
fn ask_again(w: &World, state: &State) -> Try {
    let newest = state.studies().values().find(|study| study.amended.is_none()).unwrap();
    query(w, state, &newest.approval.document, &by_grade("Grades, another time"))
}
