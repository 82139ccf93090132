//! The benchmark of proofs about whole tables: unique tags, and an epoch's flags, at each shape, by phase. Prints a table on
//! standard output, and JSON lines on standard error.
//!
//! `cargo bench -p cohortium-tests --bench table [-- ROWS_LOG2 ..]`. Each shape and kind runs in a process of its own, so that
//! peak memory is that one's.

use std::process::Command;
use std::time::Instant;

use cohortium_protocol::documents::FILE_EXCHANGE;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table_proof::{TableKind, TableProof, TableSubject};
use cohortium_prover::pipeline::TableJob;
use cohortium_tests::measure::{cpu_seconds, peak_mib};
use cohortium_tests::{Hospital, key, usual_policy};
use cohortium_verifier::verify_table;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [one] = arguments.as_slice()
        && let Some((kind, name)) = one.strip_prefix("run:").and_then(|rest| rest.split_once(':'))
    {
        let kind = if kind == TableKind::Unique.name() { TableKind::Unique } else { TableKind::Flags };
        return run(kind, Shape::by_name(name).unwrap_or_else(|| panic!("no shape {name}")));
    }
    let wanted = |shape: &Shape| {
        arguments.is_empty() || arguments.iter().any(|argument| *argument == shape.row_bits.to_string())
    };
    println!("{:>9} {:>7} {:>22} {:>9} {:>9}", "rows", "kind", "phase", "CPU s", "wall s");
    for shape in Shape::TABLES.into_iter().filter(wanted) {
        for kind in [TableKind::Unique, TableKind::Flags] {
            let this = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
            let status = Command::new(this).arg(format!("run:{kind}:{}", shape.name)).status();
            assert!(status.is_ok_and(|status| status.success()), "{kind}, {shape} failed");
        }
    }
}

fn run(kind: TableKind, shape: Shape) {
    let rows = shape.max_declared_rows();
    let row = |phase: &str, cpu: f64, wall: f64| {
        println!("{rows:>9} {kind:>7} {phase:>22} {cpu:>9.2} {wall:>9.2}");
        eprintln!(
            "{}",
            serde_json::json!({ "shape": shape.name, "kind": kind, "rows": rows, "phase": phase, "cpu_seconds": cpu, "wall_seconds": wall })
        );
    };
    let start = (cpu_seconds(), Instant::now());
    let proving = key(shape);
    row("(load key)", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let start = (cpu_seconds(), Instant::now());
    let hospital = Hospital::synthetic("bench", rows, 1, usual_policy());
    row("(make, commit table)", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());

    let start = (cpu_seconds(), Instant::now());
    let (subject, held) = match kind {
        TableKind::Unique => (TableSubject::Unique(&hospital.manifest), &hospital.manifest_columns),
        TableKind::Flags => (
            TableSubject::flags(&hospital.manifest, &hospital.epoch).unwrap_or_else(|error| panic!("{error}")),
            &hospital.epoch_columns,
        ),
    };
    let job = TableJob::new(subject, FILE_EXCHANGE, held).unwrap_or_else(|error| panic!("{error}"));
    row("sort", cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    let (proof, phases) = job
        .prove_timed(&proving, &mut rand::rngs::OsRng, &mut |_, _| (), &cpu_seconds)
        .unwrap_or_else(|error| panic!("{error}"));
    let (cpu, wall) = (cpu_seconds() - start.0, start.1.elapsed().as_secs_f64());
    phases.iter().for_each(|phase| row(phase.name, phase.cpu_seconds, phase.seconds));
    row("PROVE, all", cpu, wall);
    let peak = peak_mib();

    let bytes = serde_json::to_vec(&proof).unwrap_or_default();
    // On the calling thread alone: the median of several runs, decoding included; the first is cold.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap_or_else(|error| panic!("{error}"));
    let mut times: Vec<f64> = (0..7)
        .map(|_| {
            let start = Instant::now();
            pool.install(|| {
                let proof = TableProof::parse(&bytes).unwrap_or_else(|error| panic!("{error}"));
                verify_table(&proof, subject, FILE_EXCHANGE, proving.verifying(), true)
                    .unwrap_or_else(|error| panic!("{error}"));
            });
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let verify_ms = times[3];
    println!(
        "{rows:>9} {kind:>7} peak {peak:.0} MiB; proof {} bytes; verify {verify_ms:.1} ms on one thread (median of 7)",
        bytes.len()
    );
    eprintln!(
        "{}",
        serde_json::json!({ "shape": shape.name, "kind": kind, "rows": rows, "prove_cpu_seconds": cpu, "prove_wall_seconds": wall,
            "peak_mib": peak, "proof_bytes": bytes.len(), "verify_ms": verify_ms })
    );
}
