//! Rules of queries: their scope, and what they pin.

use cohortium_protocol::documents::{Aggregate, Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::policy::{Policy, Sums};
use cohortium_protocol::query::Query;
use cohortium_tests::exchange::{BOARD, DAY, OTHER_SPONSOR, at, attempt, by_grade, question};
use cohortium_tests::usual_policy;
use cohortium_verifier::ledger::State;

use crate::registering::{after, epoch, manifest};
use crate::rules::{Case, Try, case};
use crate::world::{ASKED, World, world};

pub(crate) fn cases() -> Vec<Case> {
    [scope(), pins()].into_iter().flatten().collect()
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
            "NotYours",
            "the institution is another",
            "the institution of the query's consents belongs to \"Coast Pharma\", not to \"University of the Coast\"",
            ask(w, &w.approved, &|r| r.query.consent = "DUO:0000042/academic@Coast Pharma".parse().unwrap()),
            good(),
        ),
        case(
            "Approval",
            "the institution is the sponsor, and the approval names none",
            "clause \"institution\": the approval is for consents to everybody, the query's are to everybody and to",
            ask(w, &w.approved, &|r| r.query.consent = "DUO:0000042/academic@University of the Coast".parse().unwrap()),
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
    let of = |site| [x.manifest(site), x.consents(site), x.epoch(site), x.seeds(site, 1)];
    let others = [x.floor("south", 1, &usual_policy()), x.study(&w.approval)];
    for transaction in of("north").into_iter().chain(of("south")).chain(others) {
        attempt(&mut floorless, &transaction, at(0)).unwrap();
    }
    let floored = after(&floorless, x.floor("north", 1, &usual_policy()), 60);
    let says = "there is no policy floor of \"north\" on this ledger";
    cases.push(case("Unknown", "no floor yet", says, ask(w, &floorless, &|_| ()), ask(w, &floored, &|_| ())));
    cases
}
