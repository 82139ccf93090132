//! Rules of decisions and releases.

use cohortium_protocol::ledger::Statement;
use cohortium_tests::exchange::{BOARD, DAY, Exchange, at, attempt, by_grade};
use cohortium_verifier::ledger::{State, Verification};

use crate::asking::approved;
use crate::registering::after;
use crate::rules::{Case, Try, case};
use crate::world::{ACCEPTED, ASKED, key_12, other_numbers, rerandomised, story, world};

pub(crate) fn cases() -> Vec<Case> {
    [decisions(), releases()].into_iter().flatten().collect()
}

fn decisions() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let request = &w.request;
    let deadline = ASKED + 7 * DAY;
    let on = |state: &State, seconds, transaction| Try::new(state, at(seconds), transaction);
    let no = || x.decline("north", request, "no");
    let suspend = x.sign(BOARD, Statement::Suspend { approval: w.approval.digest(), reason: "a complaint".to_owned() });
    let suspended = after(&w.asked, suspend, ASKED + 1);
    let (amended, amendment) = approved(w, &w.asked, &|approval| approval.ethics_reference.push_str(", 1"));
    // Asked on the last day of the approval.
    let (short, last_day) = approved(w, &w.registered, &|approval| approval.expires = at(ASKED).day());
    let asked_last = x.request(&short, &by_grade("Grades"), &last_day, &["north"]);
    let short = after(&short, x.ask(&asked_last), ASKED);
    let one = x.request(&w.approved, &by_grade("Grades"), &w.approval, &["north"]);
    let asked_one = after(&w.approved, x.ask(&one), ASKED);
    let declined = after(&w.asked, x.decline("south", request, "no"), ASKED);
    vec![
        case("Unknown", "no such query", "there is no query", on(&w.approved, ASKED, no()), on(&w.asked, ASKED, no())),
        case(
            "Request",
            "a site that is not asked",
            "the request does not ask the site \"south\"; it asks north",
            on(&asked_one, ASKED, x.hold("south", &one, "why")),
            on(&asked_one, ASKED, x.hold("north", &one, "why")),
        ),
        case(
            "Decided",
            "declined after accepting",
            "north has accepted the request",
            on(&w.accepted, ACCEPTED, no()),
            on(&w.asked, ACCEPTED, no()),
        ),
        case(
            "Decided",
            "accepted after declining",
            "south has declined the request",
            on(&declined, ACCEPTED, x.accept("south", request)),
            on(&w.asked, ACCEPTED, x.accept("south", request)),
        ),
        case(
            "Decided",
            "held after accepting",
            "and that is final",
            on(&w.accepted, ACCEPTED, x.hold("north", request, "wait")),
            on(&w.asked, ACCEPTED, x.hold("north", request, "wait")),
        ),
        case(
            "Late",
            "accepted too late",
            "north's time to accept or decline the request",
            on(&w.asked, deadline + 1, x.accept("north", request)),
            on(&w.asked, deadline, x.accept("north", request)),
        ),
        case(
            "Late",
            "declined too late",
            "ended at 2026-02-09T00:00:00Z; it is 2026-02-09T00:00:01Z",
            on(&w.asked, deadline + 1, no()),
            on(&w.asked, deadline, no()),
        ),
        case(
            "NotInForce",
            "accepted under a suspended approval",
            "the board suspended it",
            on(&suspended, ASKED + 2, x.accept("north", request)),
            on(&suspended, ASKED + 2, no()),
        ),
        case(
            "NotInForce",
            "accepted under an amended approval",
            format!("the board amended it; the approval of the study is now {}", amendment.digest()),
            on(&amended, ASKED + 2, x.accept("north", request)),
            on(&w.asked, ASKED + 2, x.accept("north", request)),
        ),
        case(
            "Approval",
            "accepted after the approval's last day",
            "clause \"expires\": the approval expired on 2026-02-02, and it is 2026-02-03",
            on(&short, 2 * DAY, x.accept("north", &asked_last)),
            on(&short, 2 * DAY - 1, x.accept("north", &asked_last)),
        ),
        case(
            "Approval",
            "accepted after the last day, and not declined",
            "clause \"expires\"",
            on(&short, 2 * DAY, x.accept("north", &asked_last)),
            on(&short, 2 * DAY, x.decline("north", &asked_last, "too late for us")),
        ),
    ]
}

fn releases() -> Vec<Case> {
    let (w, story) = (world(), story());
    let x = w.exchange;
    let good = || Try::new(&w.accepted, at(ACCEPTED), x.release("north", &w.request, &w.proof));
    let deadline = ACCEPTED + 14 * DAY;
    let late = |seconds| Try::new(&w.accepted, at(seconds), x.release("north", &w.request, &w.proof));
    let other = x.release("north", &w.request, &other_numbers(&w.proof));
    // A charter that is not for trials; nothing else differs.
    let strict = Exchange::with(key_12(), |charter| charter.accept_development_keys = false);
    let mut state = strict.found();
    for transaction in strict.registrations().into_iter().chain([strict.study(&w.approval)]) {
        attempt(&mut state, &transaction, at(0)).unwrap();
    }
    let request = strict.request(&state, &by_grade("Grades"), &w.approval, &["north", "south"]);
    for transaction in [strict.ask(&request), strict.accept("north", &request)] {
        attempt(&mut state, &transaction, at(ASKED)).unwrap();
    }
    let proof = strict.prove("north", &request, &w.approval);
    // Verified, but something else.
    let check = w.accepted.prepare(&good().transaction, at(ACCEPTED)).unwrap().unwrap();
    let elsewhere = Verification::Verified(Box::new(check.run().unwrap()));
    let again = rerandomised(&w.proof);
    let by_another = || Try::new(&w.accepted, at(ACCEPTED), x.release("north", &w.request, &again));
    vec![
        case(
            "NotAccepted",
            "released without an acceptance",
            "north has not accepted the request",
            Try::new(&w.asked, at(ACCEPTED), good().transaction),
            good(),
        ),
        case(
            "Answered",
            "other numbers afterwards",
            "north has answered the request",
            Try::new(&w.answered, at(ACCEPTED + 60), other.clone()),
            good(),
        ),
        case(
            "Duplicate",
            "the same numbers under another proof",
            "this statement is on the ledger already",
            Try::new(&w.answered, at(ACCEPTED + 60), x.release("north", &w.request, &again)),
            by_another(),
        ),
        case("Late", "released too late", "north's time to answer the request", late(deadline + 1), late(deadline)),
        case(
            "Audit",
            "other numbers",
            "the release does not pass the audit: the proof is not valid",
            Try::new(&w.accepted, at(ACCEPTED), other),
            good(),
        ),
        case(
            "Audit",
            "another query's proof",
            "the release does not pass the audit",
            Try::new(&w.accepted, at(ACCEPTED), x.release("north", &w.request, &story.proofs[1])),
            good(),
        ),
        case(
            "DevelopmentKey",
            "no trial",
            "rests on a development key, and the charter does not accept these",
            Try::new(&state, at(ACCEPTED), strict.release("north", &request, &proof)),
            good(),
        ),
        case(
            "Unverified",
            "nobody looked",
            "the release was not verified, or is not the one that was",
            good().verified(Verification::NotNeeded),
            good(),
        ),
        case(
            "Unverified",
            "another proof was looked at",
            "is not the one that was",
            by_another().verified(elsewhere),
            by_another(),
        ),
    ]
}
