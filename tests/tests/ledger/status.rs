//! What becomes of queries as time goes by.

use cohortium_protocol::ledger::Timestamp;
use cohortium_tests::exchange::{DAY, at, by_grade};
use cohortium_verifier::ledger::{QueryStatus, SiteStatus, State};

use crate::registering::after;
use crate::world::{ACCEPTED, ASKED, exchange, story, world};

const DECIDE: u64 = 7 * DAY;
const ANSWER: u64 = 14 * DAY;

fn status(state: &State, request: usize, now: Timestamp) -> QueryStatus {
    let question = state.query(&story().requests[request].digest()).unwrap();
    question.status(state.charter(), now)
}

fn site(state: &State, request: usize, site: &str, now: Timestamp) -> SiteStatus {
    let question = state.query(&story().requests[request].digest()).unwrap();
    question.site_status(site, state.charter(), now).unwrap()
}

#[test]
fn from_submitted_to_answered() {
    let w = world();
    let x = w.exchange;
    let until = at(ASKED + DECIDE);
    let soon = at(ASKED + 10);
    assert_eq!(status(&w.asked, 0, soon), QueryStatus::Submitted);
    assert_eq!(site(&w.asked, 0, "north", soon), SiteStatus::Submitted { until });
    let held = after(&w.asked, x.hold("south", &w.request, "a person decides"), ASKED + 1);
    assert_eq!(status(&held, 0, soon), QueryStatus::AwaitingApproval);
    let reason = "a person decides".to_owned();
    assert_eq!(site(&held, 0, "south", soon), SiteStatus::AwaitingApproval { reason, until });
    assert_eq!(status(&w.accepted, 0, soon), QueryStatus::Approved);
    let until = at(ACCEPTED + ANSWER);
    assert_eq!(site(&w.accepted, 0, "north", soon), SiteStatus::Accepted { until });
    assert_eq!(status(&w.answered, 0, soon), QueryStatus::Answered { sites: 1, of: 2 });
    assert_eq!(site(&w.answered, 0, "north", soon), SiteStatus::Answered { at: at(ACCEPTED + 60) });
    let declined = after(&w.answered, x.decline("south", &w.request, "too few"), ACCEPTED + 70);
    let (reason, when) = ("too few".to_owned(), at(ACCEPTED + 70));
    assert_eq!(site(&declined, 0, "south", soon), SiteStatus::Declined { reason, at: when });
    assert_eq!(status(&declined, 0, soon), QueryStatus::Answered { sites: 1, of: 2 });
    assert_eq!(status(&declined, 0, soon).to_string(), "answered by 1 of 2 sites");
    // Holding again says why anew; a held query can still be accepted.
    let again = after(&held, x.hold("south", &w.request, "on holiday"), ASKED + 2);
    assert!(
        matches!(site(&again, 0, "south", soon), SiteStatus::AwaitingApproval { reason, .. } if reason == "on holiday")
    );
    let accepted = after(&again, x.accept("south", &w.request), ASKED + 3);
    assert!(matches!(site(&accepted, 0, "south", soon), SiteStatus::Accepted { .. }));
}

#[test]
fn withheld_after_acceptance_for_ever() {
    let state = &story().chain.state;
    let accepted = 2 * DAY + 60;
    let deadline = at(accepted + ANSWER);
    assert_eq!(site(state, 1, "north", deadline), SiteStatus::Accepted { until: deadline });
    assert_eq!(status(state, 1, deadline), QueryStatus::Approved);
    for later in [1, DAY, 3650 * DAY] {
        let now = deadline.plus(later);
        assert_eq!(site(state, 1, "north", now), SiteStatus::WithheldAfterAcceptance { since: deadline });
        assert_eq!(status(state, 1, now), QueryStatus::WithheldAfterAcceptance);
    }
    let words = site(state, 1, "north", Timestamp::MAX).to_string();
    assert_eq!(words, "WITHHELD AFTER ACCEPTANCE: accepted, and did not answer by 2026-02-17T00:01:00Z");
}

#[test]
fn undecided_expires() {
    let state = &story().chain.state;
    let deadline = at(3 * DAY + DECIDE);
    assert_eq!(status(state, 2, deadline), QueryStatus::Submitted);
    assert_eq!(status(state, 2, deadline.plus(1)), QueryStatus::Expired);
    assert_eq!(site(state, 2, "south", deadline.plus(1)), SiteStatus::Expired { since: deadline });
    // A person who never decided is no other case.
    let w = world();
    let held = after(&w.asked, w.exchange.hold("south", &w.request, "later"), ASKED + 1);
    let now = at(ASKED + DECIDE + 1);
    assert_eq!(site(&held, 0, "south", now), SiteStatus::Expired { since: at(ASKED + DECIDE) });
    assert_eq!(status(&held, 0, now), QueryStatus::Expired);
}

#[test]
fn a_late_or_silent_site_does_not_hide_what_others_answered() {
    let w = world();
    let x = w.exchange;
    let years = at(3650 * DAY);
    assert_eq!(status(&w.answered, 0, years), QueryStatus::Answered { sites: 1, of: 2 });
    assert!(matches!(site(&w.answered, 0, "south", years), SiteStatus::Expired { .. }));
    let withheld = after(&w.answered, x.accept("south", &w.request), ACCEPTED + 100);
    for now in [at(ACCEPTED + 101), years] {
        assert_eq!(status(&withheld, 0, now), QueryStatus::Answered { sites: 1, of: 2 });
    }
    assert!(matches!(site(&withheld, 0, "south", years), SiteStatus::WithheldAfterAcceptance { .. }));
    // Withheld counts before declined: it says more.
    let both =
        after(&after(&w.accepted, x.decline("south", &w.request, "no"), ACCEPTED), x.seeds("south", 2), ACCEPTED);
    assert_eq!(status(&both, 0, at(ACCEPTED)), QueryStatus::Approved);
    assert_eq!(status(&both, 0, years), QueryStatus::WithheldAfterAcceptance);
    let declined = ["north", "south"]
        .iter()
        .fold(w.asked.clone(), |state, site| after(&state, x.decline(site, &w.request, "no"), ASKED));
    assert_eq!(
        (status(&declined, 0, at(ASKED)), status(&declined, 0, years)),
        (QueryStatus::Declined, QueryStatus::Declined)
    );
    let one = after(&w.asked, x.decline("north", &w.request, "no"), ASKED);
    assert_eq!((status(&one, 0, at(ASKED)), status(&one, 0, years)), (QueryStatus::Submitted, QueryStatus::Declined));
}

#[test]
fn statuses_read_as_they_are_written() {
    let state = &story().chain.state;
    for place in 0..4 {
        for now in [at(0), at(10 * DAY), Timestamp::MAX] {
            let status = status(state, place, now);
            let text = serde_json::to_string(&status).unwrap();
            assert_eq!(serde_json::from_str::<QueryStatus>(&text).unwrap(), status);
            for name in ["north", "south"] {
                let question = state.query(&story().requests[place].digest()).unwrap();
                let Some(status) = question.site_status(name, state.charter(), now) else { continue };
                let text = serde_json::to_string(&status).unwrap();
                assert_eq!(serde_json::from_str::<SiteStatus>(&text).unwrap(), status);
            }
        }
    }
    assert!(state.query(&by_grade("x").digest()).is_none());
    assert_eq!(exchange().charter.acceptance_seconds, DECIDE);
}
