//! What a dry run and a study's audit say of budgets.

use cohortium_protocol::documents::Epsilons;
use cohortium_protocol::ledger::{Block, Transaction};
use cohortium_protocol::policy::QueryCap;
use cohortium_protocol::query::compile;
use cohortium_tests::exchange::{OPERATOR, at, by_grade, key_of};
use cohortium_tests::noised::{limits, noised_policy};
use cohortium_verifier::Anchors;
use cohortium_verifier::ledger::{
    Budget, Plans, Replay, Replayed, SiteStatus, State, StudyReport, Verification, audit_study,
};

use crate::noise::{DECIDE, SETTLED, noised};
use crate::registering::after;
use crate::world::{ASKED, world};

/// The budgets of north for a question about grades, and the rule that refuses it.
fn budgets(state: &State, epsilon: Option<&str>) -> (Vec<Budget>, Option<&'static str>) {
    let (n, query) = (noised(), by_grade("Grades, with noise"));
    let part = state.dry_run(&n.approval.digest(), &["north".to_owned()], "synthetic").unwrap();
    let shape = n.x.north.manifest.shape();
    let plan = compile(&query, &n.x.north.schema, &n.approval.consent, shape).unwrap();
    let epsilons: Option<Epsilons> = epsilon.map(|text| text.parse().unwrap());
    let request = match epsilon {
        None => n.x.request(state, &query, &n.approval, &["north"]),
        Some(epsilon) => n.x.noised(state, &query, &n.approval, &["north"], epsilon),
    };
    let mut plans = Plans::new();
    let rule = part.check(&request, at(ASKED), &mut plans).err().map(|refusal| refusal.rule());
    (part.budgets("north", (&query, &plan), epsilons.as_ref(), &mut plans), rule)
}

fn line(budget: &Budget) -> String {
    let Budget { what, unit, spent, asked, left_after, limit } = budget;
    format!("{what} [{unit}]: {spent} of {limit}, {asked}, {}", left_after.as_deref().unwrap_or("not enough"))
}

#[test]
fn a_dry_run_tells_every_budget_before_and_after() {
    let n = noised();
    let (found, rule) = budgets(&n.asked, Some("count=0.2"));
    assert_eq!(rule, None);
    assert_eq!(
        found.iter().map(line).collect::<Vec<_>>(),
        [
            "epsilon of one query [epsilon]: 0 of 0.4, 0.2, 0.2",
            "epsilon of study S-1 at table synthetic [epsilon]: 0.3 of 0.5, 0.2, 0",
            "epsilon of all studies at table synthetic [epsilon]: 0.3 of 0.9, 0.2, 0.4",
            "openings of column \"grade\" in all [openings]: 0 of 496, 1, 495",
            "openings of column \"grade\" under this approval [openings]: 0 of 100, 1, 99",
            "openings of column \"DUO:0000042/academic\" in all [openings]: 0 of 496, 1, 495",
            "openings of column \"DUO:0000042/academic\" under this approval [openings]: 0 of 100, 1, 99",
        ]
    );
    // What does not suffice is what the rule refuses.
    let (found, rule) = budgets(&n.asked, Some("count=0.200001"));
    let short: Vec<&str> = found.iter().filter(|budget| budget.left_after.is_none()).map(|b| b.what.as_str()).collect();
    assert_eq!((short, rule), (vec!["epsilon of study S-1 at table synthetic"], Some("epsilon-budget")));
    // Accepted: the columns' openings are charged. Without noise no epsilon is asked.
    let (found, rule) = budgets(&n.accepted, None);
    assert_eq!(rule, None);
    assert_eq!(line(&found[1]), "epsilon of study S-1 at table synthetic [epsilon]: 0.3 of 0.5, 0, 0.2");
    assert_eq!(line(&found[4]), "openings of column \"grade\" under this approval [openings]: 1 of 100, 1, 98");
}

#[test]
fn a_dry_run_tells_what_is_left_of_query_caps() {
    let n = noised();
    let caps = QueryCap { per_approval: Some(3), per_column: Some(1) };
    let policy = noised_policy(limits("0.4", "0.5", "0.9")).with_query_cap(caps);
    let capped = after(&n.asked, n.x.floor("north", 3, &policy), ASKED);
    let (found, rule) = budgets(&capped, Some("count=0.1"));
    let of_queries: Vec<String> = found.iter().filter(|budget| budget.unit == "queries").map(line).collect();
    assert_eq!(
        of_queries,
        [
            "queries of this study [queries]: 1 of 3, 1, 1",
            "queries of this study that use column \"grade\" [queries]: 1 of 1, 1, not enough",
        ]
    );
    assert_eq!(rule, Some("query-cap"));
}

/// A block of each transaction, as the ledger's operator makes it.
fn blocks(state: &mut State, transactions: &[(u64, Transaction)]) -> Vec<Block> {
    let block = |(seconds, transaction): &(u64, Transaction)| {
        let mut open = state.open_block(at(*seconds));
        open.admit(transaction.clone(), &Verification::NotNeeded).unwrap();
        open.seal(&key_of(OPERATOR)).unwrap().unwrap()
    };
    transactions.iter().map(block).collect()
}

/// The ledger's blocks to the question of [`noised`] that both sites accept, one without noise, and what follows.
fn replayed(more: &[(u64, Transaction)]) -> Replayed {
    let n = noised();
    let founded = || n.x.found();
    let mut all: Vec<(u64, Transaction)> =
        n.x.registrations().into_iter().map(|transaction| (0, transaction)).collect();
    for site in ["north", "south"] {
        all.push((0, n.x.floor(site, 2, &n.approval.policy)));
    }
    all.push((60, n.x.study(&n.approval)));
    all.push((ASKED, n.x.ask(&n.request)));
    all.push((ASKED + 30, n.x.accept("north", &n.request)));
    all.push((SETTLED, n.x.accept("south", &n.request)));
    all.extend(more.iter().cloned());
    let mut replay = Replay::new(founded());
    let blocks = blocks(&mut founded(), &all);
    for block in &blocks {
        replay.add(block).unwrap();
    }
    // By the rules of a version that has no circuit the same blocks do not pass.
    let mut strict = Replay::new(n.x.found().with_noise_shapes(|_| None));
    let refused = blocks.iter().find_map(|block| strict.add(block).err()).unwrap().to_string();
    assert!(refused.contains("no circuit of this version proves noise"), "{refused}");
    replay.finish().unwrap()
}

fn report(replayed: &Replayed) -> StudyReport {
    let anchors = Anchors::check(noised().x.anchors_document()).unwrap();
    audit_study(replayed, "S-1", &anchors, None).unwrap()
}

#[test]
fn a_study_is_told_what_it_spent() {
    let n = noised();
    // A second one at north alone, declined; and a third at south, not decided.
    let second = n.x.noised(&n.asked, &by_grade("Grades again"), &n.approval, &["north"], "count=0.2");
    let declined = after(&n.asked, n.x.ask(&second), SETTLED);
    let third = n.x.noised(&declined, &by_grade("Grades at south"), &n.approval, &["south"], "count=0.1");
    let more = [
        (SETTLED, n.x.ask(&second)),
        (SETTLED, n.x.decline("north", &second, "no")),
        (SETTLED, n.x.ask(&third)),
        (SETTLED, n.x.sponsor_opens(&n.request)),
    ];
    let waiting = report(&replayed(&more));
    let told =
        |report: &StudyReport, site: &str| report.epsilon.iter().find(|spent| spent.site == site).unwrap().clone();
    let (north, south) = (told(&waiting, "north"), told(&waiting, "south"));
    assert_eq!((north.queries, north.spent.as_str(), north.limit.as_deref()), (1, "0.3", Some("0.5")));
    assert_eq!((south.queries, south.spent.as_str(), south.spent_in_all.as_str()), (2, "0.4", "0.4"));
    assert_eq!((south.limit_in_all.as_deref(), south.void, south.exact), (Some("0.9"), 0, 0));
    // Deltas add up, and are next to nothing.
    let delta = |report: &Option<String>| report.as_ref().unwrap().parse::<f64>().unwrap();
    assert!(delta(&north.delta) > 0.0 && delta(&north.delta) < delta(&south.delta) && delta(&south.delta) < 1e-15);
    let text = waiting.to_string();
    for says in
        ["WAITING FOR NONCES", "PRIVACY SPENT", "north, table synthetic: epsilon 0.3 of 0.5 by 1 query with noise"]
    {
        assert!(text.contains(says), "{says}: {text}");
    }
    // On a quiet ledger, at a later moment.
    let late = report(&replayed(&more)).as_of(at(SETTLED + DECIDE + 1));
    let sites: Vec<&str> = late.unopened.iter().map(|nonces| nonces.site.as_str()).collect();
    assert_eq!((sites, late.overdue.len()), (vec!["north", "south"], 0));
    assert!(late.to_string().contains("NONCES OVERDUE"), "{late}");
    // A later block, and it is void.
    let over = [&more[..], &[(SETTLED + DECIDE + 1, n.x.seeds("south", 2))]].concat();
    let void = report(&replayed(&over));
    let parts = void.parts(|status| matches!(status, SiteStatus::Void { .. })).count();
    assert_eq!((parts, told(&void, "north").void, told(&void, "south").void), (2, 1, 1));
    assert_eq!(told(&void, "north").spent, "0.3", "what was spent stays spent");
    let text = void.to_string();
    assert!(
        text.contains("VOID: accepted") && text.contains("no nonce of the board stood on the ledger in time"),
        "{text}"
    );
    // A study without noise has nothing of all this.
    let quiet = report(&plain());
    assert!(quiet.epsilon.is_empty() && !quiet.to_string().contains("PRIVACY SPENT"));
}

fn plain() -> Replayed {
    let w = world();
    let mut all: Vec<(u64, Transaction)> =
        w.exchange.registrations().into_iter().map(|transaction| (0, transaction)).collect();
    all.extend([(60, w.exchange.study(&w.approval)), (ASKED, w.exchange.ask(&w.request))]);
    let mut replay = Replay::new(w.founded.clone());
    blocks(&mut w.founded.clone(), &all).iter().for_each(|block| replay.add(block).unwrap());
    replay.finish().unwrap()
}
