//! The benchmark: one query at each shape, by phase. Prints a table on standard output, and JSON lines on standard error.
//!
//! `cargo bench -p cohortium-tests --bench query [-- ROWS_LOG2 ..]`. Each shape runs in a process of its own,
//! so that peak memory is that shape's.

use std::process::Command;
use std::time::Instant;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::query::{Measures, Query};
use cohortium_protocol::shape::Shape;
use cohortium_prover::pipeline::prepare;
use cohortium_tests::measure::{cpu_seconds, peak_mib};
use cohortium_tests::noised::{alone, limits, noised_policy};
use cohortium_tests::{Hospital, anchors_document, approval, key, request, usual_policy};
use cohortium_verifier::{Anchors, verify_release};

/// Three range tests, one code set, two flags, consent; two binned grouping columns; count, sum and sum of
/// squares of a bounded measure.
const QUERY: &str = r#"{
  "format": "cohortium-query/1", "title": "Benchmark", "table": "synthetic", "study": "BENCH",
  "purpose": "DUO:0000042", "sponsor_class": "academic",
  "where": { "all": [
    { "column": "weight", "between": [40, 160] },
    { "column": "crp", "between": [0, 400] },
    { "column": "followup_days", "between": [30, null] },
    { "column": "icd", "in": ["C18", "C34", "C50", "E11", "I10"] },
    { "any": [ { "column": "sex", "is": true }, { "column": "smoker", "is": true } ] }
  ] },
  "group_by": [
    { "column": "age", "bins": [[20, 39], [40, 59], [60, 79]] },
    { "column": "followup_days", "bins": { "from": 0, "width": 1825, "count": 4 } }
  ],
  "measures": { "count": true, "sum": "crp", "sum_of_squares": "crp", "bounds": { "crp": [0, 300] } }
}"#;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [one] = arguments.as_slice()
        && let Some(name) = one.strip_prefix("run:")
    {
        return run(Shape::by_name(name).unwrap_or_else(|| panic!("no shape {name}")));
    }
    let wanted = |shape: &Shape| {
        arguments.is_empty() || arguments.iter().any(|argument| *argument == shape.row_bits.to_string())
    };
    println!("{:>9} {:>7} {:>22} {:>9} {:>9}", "rows", "kind", "phase", "CPU s", "wall s");
    for shape in Shape::STANDARD.into_iter().chain(Shape::NOISED).filter(wanted) {
        let this = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
        let status = Command::new(this).arg(format!("run:{}", shape.name)).status();
        assert!(status.is_ok_and(|status| status.success()), "{shape} failed");
    }
}

fn run(shape: Shape) {
    let rows = shape.max_declared_rows();
    let kind = if shape.noise.is_some() { "noised" } else { "exact" };
    let row = |phase: &str, cpu: f64, wall: f64| {
        println!("{rows:>9} {kind:>7} {phase:>22} {cpu:>9.2} {wall:>9.2}");
        eprintln!(
            "{}",
            serde_json::json!({ "shape": shape.name, "rows": rows, "phase": phase, "cpu_seconds": cpu, "wall_seconds": wall })
        );
    };
    let start = (cpu_seconds(), Instant::now());
    let proving = key(shape);
    row("(load key)", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let start = (cpu_seconds(), Instant::now());
    let policy = if shape.noise.is_some() { noised_policy(limits("1", "1", "1")) } else { usual_policy() };
    let hospital = Hospital::synthetic("bench", rows, 1, policy.clone());
    row("(make, commit table)", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let mut query = Query::parse(QUERY).unwrap_or_else(|error| panic!("{error}"));
    if shape.noise.is_some() {
        // Twelve groups of counts; sums of so many groups fit in no layout.
        query.measures = Measures::default();
    }
    let plan = hospital.plan(&query);
    let (approval, request, noise) = if shape.noise.is_some() {
        let (approval, request, source) = alone(&hospital, &proving, (&query, policy, "count=0.1"));
        (approval, request, Some(source))
    } else {
        let approval = approval("BENCH", "synthetic", policy, &[&plan]);
        let request = request(&query, &approval, &hospital, &proving);
        (approval, request, None)
    };
    let mut document = anchors_document(&[&hospital], &[&proving], &[&approval]);
    document.ledger.clone_from(&request.ledger);
    let anchors = Anchors::check(document).unwrap_or_else(|error| panic!("{error}"));
    let site = hospital.site();

    let start = (cpu_seconds(), Instant::now());
    let prepared = prepare(&request, &approval, &site, noise).unwrap_or_else(|error| panic!("{error}"));
    row("plan, evaluate", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let (bundle, phases) = prepared
        .prove_timed(&proving, &anchors, &mut rand::rngs::OsRng, &mut |_, _| (), &cpu_seconds)
        .unwrap_or_else(|error| panic!("{error}"));
    let (cpu, wall) = (cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    phases.iter().for_each(|phase| row(phase.name, phase.cpu_seconds, phase.seconds));
    row("PROVE, all", cpu, wall);
    let peak = peak_mib();

    let bytes = serde_json::to_vec(&bundle).unwrap_or_default();
    // What a proof adds to the documents that all know already: Groth16's 128 bytes, commitments, values, openings; less the cells.
    let mut proof = bundle.proof.clone();
    proof.cells.clear();
    let proof_bytes = serde_json::to_vec(&proof).unwrap_or_default().len();
    // On the calling thread alone: the median of several runs, decoding included; the first is cold.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap_or_else(|error| panic!("{error}"));
    let mut times: Vec<f64> = (0..7)
        .map(|_| {
            let start = Instant::now();
            pool.install(|| {
                let bundle = Bundle::parse(&bytes).unwrap_or_else(|error| panic!("{error}"));
                verify_release(&bundle, &anchors).unwrap_or_else(|error| panic!("{error}"));
            });
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "{rows:>9} {kind:>7} lookups {}, groups {}; peak {peak:.0} MiB; bundle {} bytes, of these the proof {proof_bytes}; verify {:.1} ms on one thread (median of 7)",
        plan.lookups.len(),
        plan.groups(),
        bytes.len(),
        times[3],
    );
    eprintln!(
        "{}",
        serde_json::json!({ "shape": shape.name, "rows": rows, "prove_cpu_seconds": cpu, "prove_wall_seconds": wall,
            "peak_mib": peak, "bundle_bytes": bytes.len(), "proof_bytes": proof_bytes, "verify_ms": times[3], "lookups": plan.lookups.len() })
    );
}
