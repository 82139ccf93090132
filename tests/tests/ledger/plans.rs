//! Plans that are compiled before they are asked for, and how long what is done under a service's lock takes.

use std::time::{Duration, Instant};

use cohortium_protocol::documents::Nonce;
use cohortium_protocol::query::compile;
use cohortium_protocol::shape::Shape;
use cohortium_tests::exchange::{at, by_grade, question};
use cohortium_verifier::ledger::{Plans, State, Verification};

use crate::world::{ACCEPTED, ASKED, world};

#[test]
fn what_was_compiled_ahead_is_not_compiled_again_and_makes_no_difference() {
    let w = world();
    let x = w.exchange;
    let mut plans = Plans::keeping(2);
    let sites = ["north".to_owned(), "south".to_owned()];
    let part = w.approved.dry_run(&w.request.approval, &sites, &w.request.query.table).unwrap();
    // Its turn has not come, which is no reason not to compile it.
    let mut later = w.request.clone();
    later.sequence = 3;
    part.prepare(&later, at(ASKED), &mut plans);
    assert_eq!(plans.compiled(), 1);

    let (mut with, mut without) = (w.approved.clone(), w.approved.clone());
    let steps = [
        (x.ask(&w.request), ASKED),
        (x.ask(&later), ASKED),
        (x.accept("north", &w.request), ACCEPTED),
        (x.accept("south", &w.request), ACCEPTED),
    ];
    for (transaction, seconds) in steps {
        let one = with.admit_with(&transaction, at(seconds), &Verification::NotNeeded, &mut plans);
        let other = without.admit(&transaction, at(seconds), &Verification::NotNeeded);
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
        assert_eq!(with.digest(), without.digest());
    }
    assert_eq!(plans.compiled(), 1);

    // An acceptance alone, as after a start of the service.
    let mut plans = Plans::new();
    let question = w.asked.query(&w.request.digest()).unwrap();
    plans.prepare(&w.asked.plan_source(question, "north").unwrap());
    let mut state = w.asked.clone();
    state.admit_with(&x.accept("north", &w.request), at(ACCEPTED), &Verification::NotNeeded, &mut plans).unwrap();
    assert_eq!((plans.compiled(), state.digest()), (1, w.accepted.digest()));
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

fn timed<T>(work: impl Fn() -> T) -> Duration {
    let times = (0..15).map(|_| {
        let begun = Instant::now();
        let _ = std::hint::black_box(work());
        begun.elapsed()
    });
    median(times.collect())
}

#[test]
#[ignore = "a measurement: cargo test --workspace --test ledger -- --ignored --nocapture how_long"]
fn how_long_a_plan_and_the_digest_of_a_large_state_take() {
    const QUERIES: usize = 10_000;
    let w = world();
    let x = w.exchange;
    let large = question(
        "Ten lookups, twelve groups, three sums",
        r#""where": { "all": [
            { "column": "weight", "between": [40, 160] }, { "column": "crp", "between": [0, 400] },
            { "column": "followup_days", "between": [30, null] },
            { "column": "icd", "in": ["C18", "C34", "C50", "E11", "I10"] },
            { "any": [ { "column": "sex", "is": true }, { "column": "smoker", "is": true } ] } ] },
        "group_by": [ { "column": "age", "bins": [[20, 39], [40, 59], [60, 79]] },
            { "column": "followup_days", "bins": { "from": 0, "width": 1825, "count": 4 } } ],
        "measures": { "count": true, "sum": "crp", "sum_of_squares": "crp", "bounds": { "crp": [0, 300] } }"#,
    );
    let schema = &x.hospital("north").schema;
    for (what, query) in [("one group column", &by_grade("Grades")), ("ten lookups", &large)] {
        for shape in [&Shape::QUERY_12, &Shape::QUERY_16] {
            let took = timed(|| compile(query, schema, &w.approval.consent, shape).unwrap());
            println!("compile, {what}, {}: {took:.2?}", shape.name);
        }
    }

    let mut state: State = w.registered.clone();
    let mut plans = Plans::new();
    let mut admit = |state: &mut State, transaction, seconds| {
        state.admit_with(&transaction, at(seconds), &Verification::NotNeeded, &mut plans).unwrap();
    };
    let mut number = 0_u64;
    for study in 0..QUERIES / 1000 {
        let mut approval = w.approval.clone();
        approval.ethics_reference = format!("large {study}");
        admit(&mut state, x.study(&approval), 60);
        let mut request = x.request(&state, &by_grade("Grades"), &approval, &["north", "south"]);
        for _ in 0..1000 {
            let mut nonce = [0; 32];
            nonce[..8].copy_from_slice(&number.to_be_bytes());
            request.sponsor_nonce = Nonce::from_bytes(nonce);
            admit(&mut state, x.ask(&request), ASKED);
            for site in ["north", "south"] {
                admit(&mut state, x.decline(site, &request, "not now"), ASKED);
            }
            (request.sequence, number) = (request.sequence + 1, number + 1);
        }
    }
    let took = timed(|| state.digest());
    println!("State::digest, {} queries, {} transactions: {took:.2?}", state.queries().len(), state.tree().len());
}
