//! What the exchange costs: real releases verified alone, admitted over HTTP, read, and replayed by an auditor.
//!
//! `COHORTIUM_BENCH_RELEASES=24 cargo bench -p cohortium-tests --bench exchange [-- FOLDER]`. The releases are proved first,
//! each of a query of its own, at the smallest shape. The folder says on which disk the ledgers are; without it, the
//! system's temporary folder. Clients and service share this process and its cores, so CPU-seconds are of both.
//! Prints rows on standard output, and the same as JSON lines on standard error.

#![allow(clippy::unwrap_used)] // a benchmark stops where it fails

#[path = "../../server/tests/service_common/http.rs"]
mod http;

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use ark_serialize::CanonicalDeserialize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{Proof, ProvingKey};
use cohortium_protocol::bundle::{Bundle, QueryProof};
use cohortium_protocol::documents::Request;
use cohortium_protocol::ledger::{Block, Transaction};
use cohortium_protocol::query::Query;
use cohortium_protocol::shape::Shape;
use cohortium_server::http::{Config, Rates, Running, spawn};
use cohortium_server::metrics::Metrics;
use cohortium_server::node::{self, Ledger, Settings};
use cohortium_tests::exchange::{DAY, Exchange, OPERATOR, at, attempt, key_of, question};
use cohortium_tests::measure::cpu_seconds;
use cohortium_tests::{Hospital, anchors_document, approval, key, usual_policy};
use cohortium_verifier::ledger::{Founding, Replay, State, Trust, parse_block};
use cohortium_verifier::{Anchors, PendingRelease, check_release, verify_release};
use http::Connection;
use rand::rngs::OsRng;
use rayon::prelude::*;
use serde_json::json;

/// How many releases are proved, unless `COHORTIUM_BENCH_RELEASES` says so.
const RELEASES: usize = 24;
/// How many are verified at the end.
const MANY: usize = 1000;
/// Releases that a replay verifies at once.
const BATCH: usize = 64;
const CLIENTS: [usize; 2] = [1, 8];
/// How long each kind of reading goes on.
const READING: Duration = Duration::from_secs(3);

/// The question of the benchmark `query`, with another bound each time: ten lookups, twelve groups, three sums.
fn query(number: usize) -> Query {
    let crp = 400 - number;
    question(
        &format!("Benchmark {number}"),
        &format!(
            r#""where": {{ "all": [
                {{ "column": "weight", "between": [40, 160] }}, {{ "column": "crp", "between": [0, {crp}] }},
                {{ "column": "followup_days", "between": [30, null] }},
                {{ "column": "icd", "in": ["C18", "C34", "C50", "E11", "I10"] }},
                {{ "any": [ {{ "column": "sex", "is": true }}, {{ "column": "smoker", "is": true }} ] }} ] }},
            "group_by": [ {{ "column": "age", "bins": [[20, 39], [40, 59], [60, 79]] }},
                {{ "column": "followup_days", "bins": {{ "from": 0, "width": 1825, "count": 4 }} }} ],
            "measures": {{ "count": true, "sum": "crp", "sum_of_squares": "crp", "bounds": {{ "crp": [0, 300] }} }}"#
        ),
    )
}

/// CPU-seconds and wall time since.
struct Meter(f64, Instant);

impl Meter {
    fn start() -> Self {
        Self(cpu_seconds(), Instant::now())
    }

    fn read(&self) -> (f64, f64) {
        (cpu_seconds() - self.0, self.1.elapsed().as_secs_f64())
    }
}

fn head(title: &str) {
    println!("\n{title}");
    println!(
        "{:>38} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}",
        "what", "clients", "times", "mean ms", "p50 ms", "p99 ms", "a second", "CPU s", "wall s"
    );
}

/// One row of single times; gives the median.
fn row(what: &str, clients: usize, mut took: Vec<Duration>, (cpu, wall): (f64, f64)) -> f64 {
    took.sort_unstable();
    let ms = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let mean = took.iter().sum::<Duration>().as_secs_f64() * 1e3 / took.len() as f64;
    let (times, p50, p99, rate) = (took.len(), ms(50), ms(99), took.len() as f64 / wall);
    println!("{what:>38} {clients:>7} {times:>6} {mean:>9.2} {p50:>9.2} {p99:>9.2} {rate:>9.1} {cpu:>8.2} {wall:>8.2}");
    eprintln!(
        "{}",
        json!({ "what": what, "clients": clients, "times": times, "mean_ms": mean, "p50_ms": p50, "p99_ms": p99,
            "a_second": rate, "cpu_seconds": cpu, "wall_seconds": wall })
    );
    p50
}

/// One row of something done once for many releases.
fn whole(what: &str, releases: usize, (cpu, wall): (f64, f64)) {
    let each = |seconds: f64| seconds * 1e3 / releases as f64;
    println!("{what:>56} {releases:>6} {:>9.2} {:>9.2} {cpu:>8.2} {wall:>8.2}", each(cpu), each(wall));
    eprintln!(
        "{}",
        json!({ "what": what, "releases": releases, "cpu_ms_each": each(cpu), "wall_ms_each": each(wall),
            "cpu_seconds": cpu, "wall_seconds": wall })
    );
}

fn head_whole(title: &str) {
    println!("\n{title}");
    println!("{:>56} {:>6} {:>9} {:>9} {:>8} {:>8}", "what", "times", "CPU ms", "wall ms", "CPU s", "wall s");
}

/// How many times cheaper.
fn ratio(what: &str, before: f64, after: f64) {
    println!("{what}: {:.2}", before / after);
    eprintln!("{}", json!({ "what": what, "ratio": before / after }));
}

/// A ledger on which every query is asked and accepted, and the releases that answer them.
struct Work<'a> {
    exchange: Exchange<'a>,
    /// What is on the ledger before any release.
    before: Vec<Transaction>,
    releases: Vec<Transaction>,
    bundles: Vec<Bundle>,
    anchors: Anchors,
}

impl<'a> Work<'a> {
    fn prepare(key: &'a ProvingKey, count: usize) -> Self {
        let far = 1000 * DAY;
        let mut exchange = Exchange::with(key, |charter| {
            // Nothing is late, and one study may ask all of it; what a column bears in all still counts.
            (charter.acceptance_seconds, charter.answer_seconds, charter.opening_share) = (far, far, u32::MAX);
        });
        exchange.north = Hospital::synthetic("north", Shape::QUERY_12.max_declared_rows(), 1, usual_policy());
        let queries: Vec<Query> = (0..count).map(query).collect();
        let plans: Vec<_> = queries.iter().map(|query| exchange.north.plan(query)).collect();
        let approval =
            approval(cohortium_tests::exchange::STUDY, "synthetic", usual_policy(), &plans.iter().collect::<Vec<_>>());
        let mut before = exchange.registrations();
        before.push(exchange.study(&approval));
        let mut state = exchange.found();
        for transaction in &before {
            attempt(&mut state, transaction, at(0)).unwrap();
        }
        let mut requests = Vec::new();
        for query in &queries {
            let request = exchange.request(&state, query, &approval, &["north"]);
            for transaction in [exchange.ask(&request), exchange.accept("north", &request)] {
                attempt(&mut state, &transaction, at(0)).unwrap();
                before.push(transaction);
            }
            requests.push(request);
        }
        let proofs = prove(&requests, |request| exchange.prove("north", request, &approval));
        let bundles: Vec<Bundle> = requests
            .iter()
            .zip(&proofs)
            .map(|(request, proof)| state.bundle("north", &request.digest(), proof).unwrap())
            .collect();
        let mut anchors = anchors_document(&[&exchange.north], &[key], &[&approval]);
        anchors.ledger = exchange.charter.ledger();
        let releases =
            requests.iter().zip(&proofs).map(|(request, proof)| exchange.release("north", request, proof)).collect();
        Self { exchange, before, releases, bundles, anchors: Anchors::check(anchors).unwrap() }
    }
}

/// Proves as many at once as there are cores, and not more: each needs some hundred megabytes.
fn prove(requests: &[Request], prove: impl Fn(&Request) -> QueryProof + Sync) -> Vec<QueryProof> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, proofs) = (AtomicUsize::new(0), Mutex::new(vec![None; requests.len()]));
    let took = Mutex::new(Vec::new());
    let meter = Meter::start();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let begun = Instant::now();
                    let proof = prove(request);
                    took.lock().unwrap().push(begun.elapsed());
                    let place = requests.iter().position(|other| std::ptr::eq(other, request)).unwrap();
                    proofs.lock().unwrap()[place] = Some(proof);
                }
            });
        }
    });
    let read = meter.read();
    head(&format!(
        "Proving {} distinct releases at {}, {workers} at once on {workers} cores",
        requests.len(),
        Shape::QUERY_12
    ));
    row("prove, verify by the hospital itself", workers, took.into_inner().unwrap(), read);
    proofs.into_inner().unwrap().into_iter().map(Option::unwrap).collect()
}

/// A service with everything on it but the releases.
struct Place {
    ledger: Arc<Ledger>,
    running: Running,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new(work: &Work<'_>, folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let (exchange, home) = (&work.exchange, folder.path().join("ledger"));
        let home = node::found(&home, &exchange.charter, OPERATOR, &key_of(OPERATOR), &[exchange.verifying()]).unwrap();
        let mut settings = Settings::new(Metrics::new().unwrap());
        settings.clock = Arc::new(|| at(0));
        let ledger = Arc::new(Ledger::open(home, settings).unwrap().0);
        let most = NonZeroU32::new(1_000_000).unwrap();
        let rates = Rates { reads: most, writes: most, plans: most };
        let config = Config { rates, shutdown_seconds: 1, ..Config::default() };
        let running = spawn(ledger.clone(), TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();
        let place = Self { ledger, running, _folder: folder };
        let mut connection = Connection::open(place.address()).unwrap();
        for transaction in &work.before {
            post(&mut connection, &transaction.canonical());
        }
        place
    }

    fn address(&self) -> SocketAddr {
        self.running.address
    }
}

fn post(connection: &mut Connection, body: &[u8]) {
    let answer = connection.post("/v1/transactions", body).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// The function that admits, alone, on one thread.
fn bare(work: &Work<'_>) -> f64 {
    const PASSES: usize = 4;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let verify = |bundle: &Bundle| {
            let begun = Instant::now();
            verify_release(bundle, &work.anchors).unwrap();
            begun.elapsed()
        };
        let _ = work.bundles.iter().take(3).map(verify).max(); // the first ones are cold
        let meter = Meter::start();
        let took = (0..PASSES).flat_map(|_| work.bundles.iter().map(verify)).collect();
        head(&format!(
            "Bare verification: verify_release on one thread, {} distinct releases, each {PASSES} times",
            work.bundles.len()
        ));
        row("verify_release", 1, took, meter.read())
    })
}

/// Every release posted once, by so many clients that share them out.
fn admit(work: &Work<'_>, place: &Place, clients: usize, bare_ms: f64) {
    let bodies: Vec<Vec<u8>> = work.releases.iter().map(Transaction::canonical).collect();
    let (next, took) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let mut connections: Vec<_> = (0..clients).map(|_| Connection::open(place.address()).unwrap()).collect();
    let meter = Meter::start();
    std::thread::scope(|scope| {
        for connection in &mut connections {
            let (bodies, next, took) = (&bodies, &next, &took);
            scope.spawn(move || {
                while let Some(body) = bodies.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let begun = Instant::now();
                    post(connection, body);
                    took.lock().unwrap().push(begun.elapsed());
                }
            });
        }
    });
    let read = meter.read();
    let p50 = row("POST /v1/transactions (release)", clients, took.into_inner().unwrap(), read);
    ratio(&format!("median of {clients} clients over the bare median"), p50, bare_ms);
    let snapshot = place.ledger.health().snapshot;
    assert_eq!(snapshot.size as usize, work.before.len() + work.releases.len());
}

fn read(work: &Work<'_>, address: SocketAddr) {
    head(&format!("Reads, of a ledger with {} queries, all answered; every query in turn", work.releases.len()));
    let id = |bundle: &Bundle| bundle.request.digest().to_string();
    for (what, before, after) in [
        ("GET /v1/queries/{id}", "/v1/queries/", ""),
        ("GET /v1/queries/{id}/results", "/v1/queries/", "/results"),
        ("GET /v1/queries/{id}/bundles/{site}", "/v1/queries/", "/bundles/north"),
        ("GET /v1/health", "/v1/health", "none"),
    ] {
        let of = |bundle| if after == "none" { before.to_owned() } else { format!("{before}{}{after}", id(bundle)) };
        let paths: Vec<String> = work.bundles.iter().map(of).collect();
        for clients in CLIENTS {
            let (paths, meter) = (&paths, Meter::start());
            let took = std::thread::scope(|scope| {
                let reader = |client: usize| reader(address, &paths[client % paths.len()..]);
                let threads: Vec<_> = (0..clients).map(|client| scope.spawn(move || reader(client))).collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            row(what, clients, took, meter.read());
        }
    }
}

/// Reads these pages in turn, until it was long enough.
fn reader(address: SocketAddr, paths: &[String]) -> Vec<Duration> {
    let mut connection = Connection::open(address).unwrap();
    let mut took = Vec::new();
    let until = Instant::now() + READING;
    while Instant::now() < until {
        let begun = Instant::now();
        let answer = connection.get(&paths[took.len() % paths.len()]).unwrap();
        took.push(begun.elapsed());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    took
}

/// The export as an auditor reads it.
fn replay(work: &Work<'_>, export: &str) {
    let count = work.releases.len();
    let mut lines = export.lines();
    let founding = Founding::parse(lines.next().unwrap().as_bytes()).unwrap();
    let blocks: Vec<Block> =
        (1..).zip(lines).map(|(height, line)| parse_block(height, line.as_bytes()).unwrap()).collect();
    head_whole(&format!(
        "Replay of an export: {} blocks, {} transactions, {count} of them releases, all distinct; per release",
        blocks.len(),
        blocks.iter().map(|block| block.transactions.len()).sum::<usize>()
    ));
    let one_by_one = |trust| {
        let mut state: State = founding.found().unwrap();
        let meter = Meter::start();
        for block in &blocks {
            state.add_block(block, trust).unwrap();
        }
        meter.read()
    };
    let batched = || {
        let mut replay = Replay::new(founding.found().unwrap());
        let meter = Meter::start();
        for block in &blocks {
            replay.add(block).unwrap();
        }
        assert_eq!(replay.finish().unwrap().releases(), count as u64);
        meter.read()
    };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let rules = one_by_one(Trust::OwnLog);
    whole("signatures and rules, without the proofs", count, rules);
    let single = alone.install(|| one_by_one(Trust::Nothing));
    whole("one by one, on one thread", count, single);
    let each = one_by_one(Trust::Nothing);
    whole("one by one, all cores", count, each);
    let single_batch = alone.install(batched);
    whole(&format!("batched (up to {BATCH}), on one thread"), count, single_batch);
    let batch = batched();
    whole(&format!("batched (up to {BATCH}), all cores"), count, batch);
    ratio("one by one over batched, CPU, on one thread", single.0, single_batch.0);
    ratio("one by one over batched, wall, on one thread", single.1, single_batch.1);
    ratio("one by one over batched, wall, all cores", each.1, batch.1);
    ratio("the same of proofs alone, CPU, on one thread", single.0 - rules.0, single_batch.0 - rules.0);
}

/// The same release under another valid proof, made without the witness.
fn rerandomised(key: &ark_groth16::VerifyingKey<Bn254>, bundle: &Bundle) -> Bundle {
    let old = Proof::decode(&STANDARD.decode(&bundle.proof.groth16).unwrap()).unwrap();
    let new = Proof::new(Groth16::<Bn254>::rerandomize_proof(key, old.inner(), &mut OsRng));
    assert_ne!(new, old);
    let proof = QueryProof { groth16: new.to_base64(), ..bundle.proof.clone() };
    Bundle { proof, ..bundle.clone() }
}

/// What a thousand releases cost, all of them verified.
fn thousand(work: &Work<'_>) {
    let count = work.bundles.len();
    let key = STANDARD.decode(work.exchange.verifying().to_document().key).unwrap();
    let key = ark_groth16::VerifyingKey::<Bn254>::deserialize_uncompressed(&key[..]).unwrap();
    head_whole(&format!(
        "{MANY} releases verified. Repeated: the {count} distinct releases, in turn, each time with its Groth16 proof \
         re-randomised, so that\nthe {MANY} proofs are all different and valid; commitments, openings and public inputs are those of \
         the {count}. Every check of every\none is made. Not in it: signatures, rules and the reading of blocks (above), making the proofs."
    ));
    let make = |from: usize, to: usize| -> Vec<Bundle> {
        (from..to.min(MANY)).into_par_iter().map(|place| rerandomised(&key, &work.bundles[place % count])).collect()
    };
    let starts = || (0..MANY).step_by(BATCH);
    let mut each = (0.0, 0.0);
    for from in starts() {
        let bundles = make(from, from + BATCH);
        let meter = Meter::start();
        bundles.iter().for_each(|bundle| drop(verify_release(bundle, &work.anchors).unwrap()));
        add(&mut each, &meter);
    }
    whole("one by one: verify_release, in turn", MANY, each);
    let (mut begun, mut ended) = ((0.0, 0.0), (0.0, 0.0));
    for from in starts() {
        let bundles = make(from, from + BATCH);
        let meter = Meter::start();
        let pending: Vec<_> = bundles.par_iter().map(|bundle| check_release(bundle, &work.anchors).unwrap()).collect();
        add(&mut begun, &meter);
        let meter = Meter::start();
        assert!(PendingRelease::finish_all(pending).iter().all(Result::is_ok));
        add(&mut ended, &meter);
    }
    whole("batched: everything but the equations, all cores", MANY, begun);
    whole(&format!("batched: the equations, {BATCH} at once"), MANY, ended);
    let batch = (begun.0 + ended.0, begun.1 + ended.1);
    whole("batched, together", MANY, batch);
    let pending: Vec<_> = starts()
        .flat_map(|from| {
            let bundles = make(from, from + BATCH);
            bundles.par_iter().map(|bundle| check_release(bundle, &work.anchors).unwrap()).collect::<Vec<_>>()
        })
        .collect();
    let meter = Meter::start();
    assert!(PendingRelease::finish_all(pending).iter().all(Result::is_ok));
    whole(&format!("for comparison: the equations, {MANY} at once"), MANY, meter.read());
    ratio(&format!("one by one over batched, {MANY} releases, CPU"), each.0, batch.0);
    ratio(&format!("one by one over batched, {MANY} releases, wall"), each.1, batch.1);
}

fn add(sum: &mut (f64, f64), meter: &Meter) {
    let (cpu, wall) = meter.read();
    *sum = (sum.0 + cpu, sum.1 + wall);
}

fn main() {
    let folder = std::env::args().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let count = std::env::var("COHORTIUM_BENCH_RELEASES")
        .map_or(RELEASES, |text| text.parse().expect("COHORTIUM_BENCH_RELEASES is a number"));
    assert!((1..=400).contains(&count), "a column of {} bears no more than 400 queries here", Shape::QUERY_12);
    let key = key(Shape::QUERY_12);
    let work = Work::prepare(&key, count);
    let bare_ms = bare(&work);

    head("Admission over loopback HTTP, every release once: proof verified, block written and synced, acknowledged");
    let mut places = Vec::new();
    for clients in CLIENTS {
        let place = Place::new(&work, &folder);
        admit(&work, &place, clients, bare_ms);
        places.push(place);
    }
    let address = places[0].address();
    read(&work, address);
    let export = http::get(address, "/v1/export");
    assert_eq!(export.status, 200);
    let export = export.text();
    drop(places);
    replay(&work, &export);
    thousand(&work);
}
