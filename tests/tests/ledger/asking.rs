//! Rules of queries, decisions and releases.

use cohortium_protocol::documents::{Aggregate, Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::policy::{Policy, Sums};
use cohortium_protocol::query::Query;
use cohortium_tests::exchange::{BOARD, DAY, Exchange, OTHER_SPONSOR, at, attempt, by_grade, question};
use cohortium_tests::usual_policy;
use cohortium_verifier::ledger::{State, Verification};

use crate::registering::{after, epoch, manifest};
use crate::rules::{Case, Try, case};
use crate::world::{ACCEPTED, ASKED, World, key_12, other_numbers, rerandomised, story, world};

pub(crate) fn cases() -> Vec<Case> {
    [scope(), pins(), decisions(), releases()].into_iter().flatten().collect()
}

/// The query of a request with changes.
fn ask(w: &World, state: &State, change: &dyn Fn(&mut Request)) -> Try {
    let mut request = w.request.clone();
    change(&mut request);
    Try::new(state, at(ASKED), w.exchange.ask(&request))
}

/// A state in which the study was approved with changes, and the approval.
pub(crate) fn approved(w: &World, state: &State, change: &dyn Fn(&mut Approval)) -> (State, Approval) {
    let mut approval = w.approval.clone();
    change(&mut approval);
    (after(state, w.exchange.study(&approval), 60), approval)
}

/// A query under an approval, made as a sponsor makes it.
pub(crate) fn query(w: &World, state: &State, approval: &Approval, query: &Query) -> Try {
    let request = w.exchange.request(state, query, approval, &["north", "south"]);
    Try::new(state, at(ASKED), w.exchange.ask(&request))
}

fn scope() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let good = || ask(w, &w.approved, &|_| ());
    let sum = question("Sums", r#""measures": {"count": true, "sum": "crp"}"#);
    let bad = |change: &dyn Fn(&mut Approval), asks: &Query| {
        let (state, approval) = approved(w, &w.registered, change);
        query(w, &state, &approval, asks)
    };
    let in_scope = |change: &dyn Fn(&mut Approval)| bad(change, &by_grade("Grades"));
    let suspend = x.sign(BOARD, Statement::Suspend { approval: w.approval.digest(), reason: "a complaint".to_owned() });
    let (amended, amendment) = approved(w, &w.approved, &|approval| approval.ethics_reference.push_str(", 1"));
    let elsewhere = Query { study: "S-2".to_owned(), ..by_grade("Grades") };
    let mut beyond = w.request.clone();
    beyond.sites[1].site = "west".to_owned();
    vec![
        case(
            "Disagree",
            "a request of another ledger",
            "the request's ledger is file-exchange, but this ledger says",
            ask(w, &w.approved, &|r| r.ledger = "file-exchange".to_owned()),
            good(),
        ),
        case("Unknown", "under no approval", "there is no approval", ask(w, &w.registered, &|_| ()), good()),
        case(
            "Unknown",
            "a site without tables",
            "there is no table \"synthetic\" of \"west\" on this ledger",
            Try::new(&w.approved, at(ASKED), x.ask(&beyond)),
            good(),
        ),
        case(
            "NotYours",
            "another sponsor asks",
            "the approval belongs to \"University of the Coast\", not to \"Coast Pharma\"",
            Try::new(
                &w.approved,
                at(ASKED),
                x.sign(OTHER_SPONSOR, Statement::Query { request: Box::new(w.request.clone()) }),
            ),
            good(),
        ),
        case(
            "NotInForce",
            "suspended",
            "the board suspended it at 2026-02-01T00:01:40Z: a complaint",
            ask(w, &after(&w.approved, suspend, 100), &|_| ()),
            good(),
        ),
        case(
            "NotInForce",
            "amended",
            format!("the board amended it; the approval of the study is now {}", amendment.digest()),
            ask(w, &amended, &|_| ()),
            query(w, &amended, &amendment, &by_grade("Grades")),
        ),
        case(
            "Approval",
            "after its last day",
            "clause \"expires\": the approval expired on 2030-12-31",
            Try::new(&w.approved, at(5 * 366 * DAY), x.ask(&w.request)),
            good(),
        ),
        case(
            "Number",
            "a number is left out",
            "the request has the number 2; the next under this approval is 1",
            ask(w, &w.approved, &|r| r.sequence = 2),
            good(),
        ),
        case(
            "Approval",
            "a site beyond it",
            "clause \"sites\": the site \"south\" is not among those allowed: north",
            in_scope(&|a| a.sites = Some(vec!["north".to_owned()])),
            in_scope(&|a| a.sites = Some(vec!["south".to_owned(), "north".to_owned()])),
        ),
        case(
            "Approval",
            "an aggregate beyond it",
            "clause \"aggregates\": the query asks for sum",
            bad(&|a| a.aggregates = Some(vec![Aggregate::Count]), &sum),
            bad(&|a| a.aggregates = Some(vec![Aggregate::Sum]), &sum),
        ),
        case(
            "Approval",
            "a column beyond it",
            "clause \"columns\": the query uses \"grade\", which is not among those allowed: age",
            in_scope(&|a| a.columns = Some(vec!["age".to_owned()])),
            in_scope(&|a| a.columns = Some(vec!["grade".to_owned()])),
        ),
        case(
            "Approval",
            "a table beyond it",
            "clause \"tables\": table \"synthetic\" is not among those allowed: real",
            in_scope(&|a| a.tables = vec!["real".to_owned()]),
            in_scope(&|a| a.tables = vec!["real".to_owned(), "synthetic".to_owned()]),
        ),
        case(
            "Approval",
            "a query of another study",
            "clause \"study\": the approval is for study \"S-1\", the query belongs to \"S-2\"",
            query(w, &w.approved, &w.approval, &elsewhere),
            good(),
        ),
        case(
            "Approval",
            "a query for another purpose",
            "clause \"purpose\": the approval is for DUO:0000042, the query asks for DUO:0000007",
            ask(w, &w.approved, &|r| r.query.consent = "DUO:0000007/academic".parse().unwrap()),
            good(),
        ),
        case(
            "Approval",
            "a query for another class of sponsor",
            "clause \"sponsor_class\": the approval is for sponsors of class academic, the query's is commercial",
            ask(w, &w.approved, &|r| r.query.consent = "DUO:0000042/commercial".parse().unwrap()),
            good(),
        ),
        case(
            "Compile",
            "a column that is not there",
            "the schema has no column \"height\"",
            query(
                w,
                &w.approved,
                &w.approval,
                &question("No", r#""where": {"column": "height", "present": true}, "measures": {"count": true}"#),
            ),
            good(),
        ),
        case(
            "Request",
            "another plan",
            "the request pins the plan",
            ask(w, &w.approved, &|r| r.plan = r.schema),
            good(),
        ),
        case(
            "Request",
            "another schema",
            "the request pins the schema",
            ask(w, &w.approved, &|r| r.schema = r.plan),
            good(),
        ),
    ]
}

fn pins() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let digest = Digest::of_bytes(b"another");
    let good = || ask(w, &w.approved, &|_| ());
    type Change = fn(&mut Request, Digest);
    let changes: [(&str, Change); 7] = [
        ("manifest", |r, digest| r.sites[0].manifest = digest),
        ("consent epoch", |r, digest| r.sites[1].epoch = digest),
        ("policy floor", |r, digest| r.sites[0].policy_floor = digest),
        ("verifying key", |r, digest| r.sites[1].verifying_key = digest),
        ("seed tree", |r, digest| r.sites[0].seeds = Some(digest)),
        ("seed tree", |r, _| r.sites[0].seeds = None),
        ("shape", |r, _| {
            let shape = &cohortium_protocol::shape::Shape::QUERY_16;
            r.sites[0].shape = cohortium_protocol::commit::ShapeRef::to(shape);
        }),
    ];
    let mut cases: Vec<Case> = changes
        .into_iter()
        .filter(|(what, _)| *what != "shape")
        .map(|(what, change)| {
            let says = format!("'s {what} ");
            case("NotActive", what, says, ask(w, &w.approved, &|r| change(r, digest)), good())
        })
        .collect();
    // The key of a shape that the charter does not have is looked for first.
    let (_, shape) = changes[6];
    let says = "the charter names no verifying key for the shape query-16";
    cases.push(case("NoKey", "another shape", says, ask(w, &w.approved, &|r| shape(r, digest)), good()));
    let known = |r: &mut Request| r.sites[0].shape.id = r.plan;
    cases.push(case(
        "Request",
        "a shape's id",
        "the request names the shape query-12",
        ask(w, &w.approved, &known),
        good(),
    ));

    // What was active when the request was made, and is no more.
    let floor = x.floor("north", 2, &Policy::new(13, 5, true, Sums::Restrained).unwrap());
    let stricter = after(&w.approved, floor, 60);
    let newer = after(&w.approved, epoch(x, "north", |epoch| epoch.number = 2), 60);
    let seeded = after(&w.approved, x.seeds("north", 2), 60);
    for (what, state) in [("policy floor", &stricter), ("consent epoch", &newer), ("seed tree", &seeded)] {
        let again = query(w, state, &w.approval, &by_grade("Grades"));
        let says = format!("the request pins north's {what} ");
        cases.push(case("NotActive", "no longer", says, ask(w, state, &|_| ()), again));
    }
    // A new version of the table has no epoch yet.
    let version = after(&w.approved, manifest(x, "north", |manifest| manifest.version = 2), 60);
    let says = "there is no consent epoch over the active table version of \"north\"";
    cases.push(case("Unknown", "no epoch yet", says, ask(w, &version, &|_| ()), good()));
    // Everything but a floor.
    let mut floorless = w.founded.clone();
    let all = [x.manifest("north"), x.epoch("north"), x.seeds("north", 1), x.manifest("south"), x.epoch("south")];
    for transaction in
        all.into_iter().chain([x.floor("south", 1, &usual_policy()), x.seeds("south", 1), x.study(&w.approval)])
    {
        attempt(&mut floorless, &transaction, at(0)).unwrap();
    }
    let floored = after(&floorless, x.floor("north", 1, &usual_policy()), 60);
    let says = "there is no policy floor of \"north\" on this ledger";
    cases.push(case("Unknown", "no floor yet", says, ask(w, &floorless, &|_| ()), ask(w, &floored, &|_| ())));
    cases
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
