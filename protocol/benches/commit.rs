//! Costs of committing, folding and opening: a table on standard output, JSON lines on standard error.
//!
//! `cargo bench -p cohortium-protocol --bench commit [-- SHAPE ..]`

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use cohortium_protocol::commit::{
    ColumnCommitment, FoldedColumns, Layout, OpenedColumn, OpeningStatement, SecretColumn, generators,
};
use cohortium_protocol::field::{F, from_wide_bytes};
use cohortium_protocol::hash::Hasher;
use cohortium_protocol::shape::Shape;
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut rng = StdRng::seed_from_u64(1);
    println!("{:<34} {:>9} {:>12} {:>10}", "what", "rows", "CPU s", "wall s");
    let generating = Layout::column(&Shape::QUERY_20, 1).unwrap().grid();
    measure("generators, once a process", 4096, 1, || generators::generators(&generating).len());
    for shape in Shape::STANDARD {
        if wanted.is_empty() || wanted.iter().any(|name| name == shape.name) {
            bench(&shape, &mut rng);
        }
    }
}

fn bench(shape: &Shape, rng: &mut StdRng) {
    let rows = shape.max_declared_rows();
    let layout = Layout::column(shape, rows).unwrap();
    // Enough runs for the clock's hundredth of a second.
    let runs = if shape.row_bits < 20 { 20 } else { 3 };

    let any: Vec<u16> = (0..rows).map(|_| rng.r#gen()).collect();
    let missing: Vec<u16> =
        (0..rows).map(|_| if rng.gen_ratio(1, 10) { 65535 } else { rng.gen_range(0..1000) }).collect();
    let age: Vec<u16> = (0..rows).map(|_| rng.gen_range(18..110)).collect();
    let flag: Vec<u16> = (0..rows).map(|_| rng.gen_range(0..2)).collect();
    for (name, data) in [
        ("commit: any 16-bit value", any),
        ("commit: below 1000, 1/10 missing", missing),
        ("commit: age", age),
        ("commit: flag", flag),
    ] {
        let column = SecretColumn::query_time(layout, data, rng).unwrap();
        measure(name, rows, runs, || column.commit());
    }
    let mut counts = vec![0u32; shape.values()];
    (0..rows).for_each(|_| counts[rng.gen_range(0..65536)] += 1);
    let column = SecretColumn::query_time(Layout::multiplicity(shape).unwrap(), counts, rng).unwrap();
    measure("commit: multiplicity", rows, runs, || column.commit());

    const COLUMNS: usize = 20;
    let columns: Vec<_> = (0..COLUMNS)
        .map(|_| SecretColumn::query_time(layout, (0..rows).map(|_| rng.r#gen()).collect::<Vec<u16>>(), rng).unwrap())
        .collect();
    let columns: Vec<&SecretColumn> = columns.iter().collect();
    let point: Vec<F> = (0..shape.row_bits)
        .map(|_| {
            let mut wide = [0; 64];
            rng.fill_bytes(&mut wide);
            from_wide_bytes(&wide)
        })
        .collect();
    let folded = measure("fold 20 columns at a point", rows, runs, || FoldedColumns::new(&columns, &point).unwrap());

    let commitments: Vec<ColumnCommitment> = columns.iter().map(|column| column.commit()).collect();
    let references: Vec<&ColumnCommitment> = commitments.iter().collect();
    let context = Hasher::new("bench").finish();
    let proof = measure("open 20 columns", rows, runs, || folded.prove(&context, &references, rng).unwrap());

    let encoded: Vec<Vec<u8>> = commitments.iter().map(ColumnCommitment::encode).collect();
    let decoded = measure("decode 20 commitments", rows, runs, || {
        encoded.iter().map(|bytes| ColumnCommitment::decode(bytes).unwrap()).collect::<Vec<_>>()
    });
    let columns = decoded
        .iter()
        .zip(folded.values())
        .map(|(commitment, value)| OpenedColumn { commitment, value: *value })
        .collect();
    let statement = OpeningStatement { context, grid: layout.grid(), point: &point, columns };
    measure("verify 20 columns", rows, runs, || statement.verify(&proof).unwrap());
}

/// Runs something `runs` times and prints what one run costs.
fn measure<T>(what: &str, rows: usize, runs: u32, mut run: impl FnMut() -> T) -> T {
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let mut last = run();
    for _ in 1..runs {
        last = run();
    }
    let cpu = (cpu_seconds() - cpu) / f64::from(runs);
    let wall = wall.elapsed().as_secs_f64() / f64::from(runs);
    println!("{what:<34} {rows:>9} {cpu:>12.4} {wall:>10.4}");
    eprintln!(r#"{{"name":"{what}","rows":{rows},"cpu_seconds":{cpu:.4},"wall_seconds":{wall:.4}}}"#);
    last
}

/// User and system time of this process with all its threads, from /proc; 0 where there is none.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the command's name, which is in parentheses; ticks are hundredths of a second.
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.by_ref().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    ticks as f64 / 100.0
}
