//! Rules of queries that the policies of sites and approvals make.

use cohortium_protocol::documents::Approval;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::policy::{Limits, MinSites, Policy, QueryCap, Quota, Rate, SitesWhen, Sums};
use cohortium_protocol::query::Query;
use cohortium_protocol::table::ConsentColumn;
use cohortium_tests::exchange::{DAY, at, by_grade, question};
use cohortium_tests::{Hospital, approval, usual_policy};
use cohortium_verifier::ledger::{Plans, State};

use crate::asking::{approved, query};
use crate::registering::after;
use crate::rules::{Case, Try, case};
use crate::world::{ASKED, World, world};

pub(crate) fn cases() -> Vec<Case> {
    [releasable(), capped(), timed(), near()].into_iter().flatten().collect()
}

/// The state with another policy floor of north.
fn floored(w: &World, number: u32, policy: &Policy) -> State {
    after(&w.approved, w.exchange.floor("north", number, policy), 60)
}

fn limited(w: &World, limits: Limits) -> State {
    floored(w, 2, &usual_policy().with_limits(limits).unwrap())
}

/// A question that is near none about grades.
fn far() -> Query {
    question("Women", r#""where": {"column": "sex", "is": true}, "measures": {"count": true}"#)
}

fn releasable() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let sum = question("Sums", r#""measures": {"count": true, "sum": "crp"}"#);
    let none = floored(w, 2, &Policy::new(8, 5, true, Sums::None).unwrap());
    let again = after(&none, x.floor("north", 3, &usual_policy()), 60);
    let asked = |state: &State, asks: &Query| query(w, state, &w.approval, asks);

    let purpose = ConsentColumn::new("DUO:0000007", w.approval.consent.sponsor()).unwrap();
    let (state, other) = approved(w, &w.registered, &|approval| approval.consent = purpose.clone());
    let asks = Query { consent: purpose.clone(), ..by_grade("Grades") };
    // An epoch that has flags for both purposes.
    let columns = [w.approval.consent.clone(), purpose];
    let flags = cohortium_protocol::table::synthetic::synthetic_consents(&x.north.table, 31, &columns).unwrap();
    let (schema, table) = cohortium_protocol::table::synthetic::synthetic_table(300, 31).unwrap();
    let wider = Hospital::new("north", schema, table, flags, usual_policy());
    assert_eq!(wider.manifest.digest(), x.north.manifest.digest());
    let mut document = cohortium_protocol::commit::EpochDocument::from(wider.epoch);
    document.number = 2;
    let with_flags = after(&state, x.sign("north", Statement::Epoch { epoch: document.try_into().unwrap() }), 60);
    let one = |state: &State| {
        let request = x.request(state, &asks, &other, &["north"]);
        Try::new(state, at(ASKED), x.ask(&request))
    };
    let levels = |most| limited(w, Limits { max_levels: Some(most), ..Limits::default() });
    let sites = |sites, when| limited(w, Limits { min_sites: Some(MinSites { sites, when }), ..Limits::default() });
    // The board's rule is as good as the site's.
    let (strict, strictly) = approved(w, &w.registered, &|approval| {
        let limits = Limits { min_sites: Some(MinSites { sites: 2, when: SitesWhen::Always }), ..Limits::default() };
        approval.policy = approval.policy.clone().with_limits(limits).unwrap();
    });
    let to = |sites: &[&str]| {
        Try::new(&strict, at(ASKED), x.ask(&x.request(&strict, &by_grade("Grades"), &strictly, sites)))
    };
    vec![
        case(
            "Policy",
            "sums where none are released",
            "north's policy with the approval's refuses this query: the plan asks for sums",
            asked(&none, &sum),
            asked(&again, &sum),
        ),
        case(
            "Policy",
            "more groups than a grouping may have",
            "refuses this query: the grouping by grade has 4 groups, and the policy allows 3 along one grouping: ask for fewer",
            asked(&levels(3), &by_grade("Grades")),
            asked(&levels(4), &by_grade("Grades")),
        ),
        case(
            "NoConsents",
            "flags for another purpose only",
            "north's consent epoch has no flags for DUO:0000007/academic; it has DUO:0000042/academic",
            one(&state),
            one(&with_flags),
        ),
        case(
            "Sites",
            "two sites where the floor wants three",
            "the query asks 2 sites, and north's policy with the approval's allows queries to 3 sites or more only: name more",
            asked(&sites(3, SitesWhen::Always), &by_grade("Grades")),
            asked(&sites(3, SitesWhen::Pooled), &by_grade("Grades")),
        ),
        case(
            "Sites",
            "one site where the approval wants two",
            "the query asks 1 sites, and south's policy with the approval's allows queries to 2 sites or more only",
            to(&["south"]),
            to(&["south", "north"]),
        ),
    ]
}

fn capped() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let per_approval = QueryCap { per_approval: Some(1), per_column: None };
    let per_column = QueryCap { per_approval: None, per_column: Some(1) };
    let asked = |state: &State, asks: &Query| query(w, state, &w.approval, asks);
    let capped = |cap| {
        let state = floored(w, 2, &usual_policy().with_query_cap(cap));
        let first = asked(&state, &by_grade("Grades"));
        (after(&state, first.transaction.clone(), ASKED), first)
    };
    let ((once, first), (used, _)) = (capped(per_approval), capped(per_column));
    let amend = |state: &State| approved(w, state, &|approval| approval.ethics_reference.push_str(", 1"));
    let ((once_amended, amendment), (used_amended, _)) = (amend(&once), amend(&used));
    let other = approval("S-2", "synthetic", usual_policy(), &[]);
    let under_other = |state: &State| {
        let asks = Query { study: other.study.clone(), ..by_grade("Grades again") };
        query(w, &after(state, x.study(&other), ASKED), &other, &asks)
    };
    vec![
        case(
            "Cap",
            "a second query under the approval",
            "north's policy with the approval's allows 1 queries per approval of a study, with those that it amends, and there are 1",
            asked(&once, &by_grade("Grades again")),
            first,
        ),
        case(
            "Cap",
            "a second query that uses the column",
            "allows 1 queries per column \"grade\" under the approvals of a study, and there are 1 already",
            asked(&used, &by_grade("Grades again")),
            asked(&used, &far()),
        ),
        case(
            "Cap",
            "the first under an amendment",
            "allows 1 queries per approval of a study",
            query(w, &once_amended, &amendment, &by_grade("Grades again")),
            under_other(&once_amended),
        ),
        case(
            "Cap",
            "the first that uses the column under an amendment",
            "allows 1 queries per column \"grade\"",
            query(w, &used_amended, &amendment, &by_grade("Grades again")),
            query(w, &used_amended, &amendment, &far()),
        ),
    ]
}

/// A query to both sites, so many seconds after the first could be.
fn later(w: &World, state: &State, approval: &Approval, asks: &Query, seconds: u64) -> Try {
    let asks = Query { study: approval.study.clone(), ..asks.clone() };
    let request = w.exchange.request(state, &asks, approval, &["north", "south"]);
    Try::new(state, at(ASKED + seconds), w.exchange.ask(&request))
}

/// By the blocks' times: rates, and lock-outs.
fn timed() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let post = |state: &State, asks: &Query, seconds| {
        after(state, later(w, state, &w.approval, asks, seconds).transaction, ASKED + seconds)
    };
    let grades = by_grade("Grades");
    let rates = [Rate { queries: 2, seconds: 60 }, Rate { queries: 3, seconds: DAY }];
    let limits = Limits { quota: Quota { rates: rates.into(), repeats: None }, ..Limits::default() };
    let none = limited(w, limits);
    let two = post(&post(&none, &grades, 0), &far(), 10);
    // What was declined was asked all the same.
    let first = x.request(&none, &grades, &w.approval, &["north", "south"]);
    let declined = after(&two, x.decline("north", &first, "no"), ASKED + 11);
    let three = post(&two, &grades, 60);
    let (amended, amendment) = approved(w, &three, &|approval| approval.ethics_reference.push_str(", 1"));
    let other = approval("S-2", "synthetic", usual_policy(), &[]);
    let with_other = after(&two, x.study(&other), ASKED + 59);
    let busy = "north's policy with the approval's allows 2 queries of one study in 1 minute, and study \"S-1\" has asked as many; \
                one more may be asked from 2026-02-02T00:01:00Z on";

    let repeats = Some(Rate { queries: 2, seconds: DAY });
    let alike = limited(w, Limits { quota: Quota { rates: Vec::new(), repeats }, ..Limits::default() });
    let once = post(&post(&alike, &grades, 0), &far(), 10);
    let twice = post(&once, &grades, 20);
    let (twice_amended, amended_twice) = approved(w, &twice, &|approval| approval.ethics_reference.push_str(", 1"));
    let query = once.queries().values().find(|question| question.request.time == at(ASKED)).unwrap().id;
    let locked = format!(
        "study \"S-1\" is locked out at north until 2026-02-03T00:00:00Z: in 1 day it has asked 2 times what reads the same as the \
         query {query}, and north's policy with the approval's allows no more"
    );
    let now = |state: &State, asks: &Query, seconds| later(w, state, &w.approval, asks, seconds);
    vec![
        case("Quota", "a third in a minute", busy, now(&two, &grades, 59), now(&two, &grades, 60)),
        case("Quota", "one of them declined", busy, now(&declined, &grades, 59), now(&declined, &grades, 60)),
        case("Quota", "of one study", busy, now(&with_other, &grades, 59), later(w, &with_other, &other, &grades, 59)),
        case(
            "Quota",
            "a fourth on one day, under an amendment",
            "allows 3 queries of one study in 1 day, and study \"S-1\" has asked as many; one more may be asked from 2026-02-03T00:00:00Z",
            later(w, &amended, &amendment, &grades, DAY - 1),
            later(w, &amended, &amendment, &grades, DAY),
        ),
        case("LockedOut", "one thing twice", &*locked, now(&twice, &far(), DAY - 1), now(&once, &far(), DAY - 1)),
        case("LockedOut", "on one day", &*locked, now(&twice, &far(), DAY - 1), now(&twice, &far(), DAY)),
        case(
            "LockedOut",
            "under an amendment",
            &*locked,
            later(w, &twice_amended, &amended_twice, &far(), 30),
            later(w, &twice_amended, &amended_twice, &far(), DAY),
        ),
    ]
}

fn near() -> Vec<Case> {
    let w = world();
    let x = w.exchange;
    let asked = |state: &State, asks: &Query| query(w, state, &w.approval, asks);
    // One condition more than a question that was put to the table.
    let women = question(
        "Grades of women",
        r#""where": {"column": "sex", "is": true}, "group_by": [{"column": "grade", "missing": "own bin"}],
        "measures": {"count": true}"#,
    );
    let near = x.request(&w.asked, &women, &w.approval, &["north", "south"]);
    let (named, naming) = approved(w, &w.asked, &|approval| approval.near_plans = vec![near.plan]);
    let declined = [x.decline("north", &w.request, "no"), x.decline("south", &w.request, "no")];
    let declined = declined.into_iter().fold(w.asked.clone(), |state, one| after(&state, one, ASKED));
    vec![
        case(
            "Near",
            "one condition more",
            "differs from it in what it reads of sex only",
            asked(&w.asked, &women),
            query(w, &named, &naming, &women),
        ),
        case(
            "Near",
            "one condition more than what was declined",
            format!("it passes if the board names the plan {} in the approval's near_plans", near.plan),
            asked(&w.asked, &women),
            asked(&declined, &women),
        ),
    ]
}

#[test]
fn one_site_of_several_is_told_what_it_has_against_the_query_as_it_is_asked() {
    let w = world();
    let two = Limits { min_sites: Some(MinSites { sites: 2, when: SitesWhen::Always }), ..Limits::default() };
    let state = limited(w, two);
    let sites = ["north".to_owned(), "south".to_owned()];
    let dry = state.dry_run(&w.approval.digest(), &sites, "synthetic").unwrap();
    let alone = w.exchange.request(&state, &by_grade("Grades"), &w.approval, &["north"]);
    let check = |of: usize| dry.check_of(&alone, of, at(ASKED), &mut Plans::new()).map_err(|refusal| refusal.rule());
    assert_eq!([check(1), check(2)], [Err("min-sites"), Ok(())]);
    assert_eq!(dry.check(&alone, at(ASKED), &mut Plans::new()).map_err(|refusal| refusal.rule()), Err("min-sites"));
}
