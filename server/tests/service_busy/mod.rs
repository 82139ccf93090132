//! When too much comes, or comes too slowly: who gets on all the same, and what the others are told.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Transaction;
use cohortium_server::http::Config;
use cohortium_server::metrics::Metrics;
use cohortium_server::node::Settings;
use cohortium_server::node::system_clock;

use crate::service_common::http;
use crate::service_common::http::Connection;
use crate::service_common::*;

/// Announces a body, and sends a part of it.
fn announce(place: &Place, length: usize, part: &[u8]) -> Connection {
    let mut connection = Connection::open(place.address()).unwrap();
    let head = format!(
        "POST /v1/transactions HTTP/1.1\r\nHost: l\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    connection.raw(&[head.as_bytes(), part].concat()).unwrap();
    connection
}

/// Posts until the answer is of a status, for what becomes true in a moment.
fn post_until(place: &Place, body: &[u8], status: u16) -> http::Answer {
    let begun = Instant::now();
    loop {
        let answer = http::post(place.address(), "/v1/transactions", body);
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", answer.text());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Of a MiB in all, one address may hold 128 KiB: a long body leaves a thousand bytes of it, a short one is longer. A short
/// one comes all at once, so that no part of it is on its way any more when it is refused.
const LONG: usize = 130_000;
const SHORT: usize = 2000;

/// A transaction with spaces after it.
fn padded(mut body: Vec<u8>, length: usize) -> Vec<u8> {
    body.resize(length, b' ');
    body
}

#[test]
fn whoever_only_announces_much_keeps_nobody_away() {
    let place = Place::new(1, unlimited());
    let idle: Vec<Connection> = (0..80).map(|_| announce(&place, MAX_TRANSACTION_BYTES, b"{")).collect();
    // The service has read the heads: it answers later ones.
    assert_eq!(http::get(place.address(), "/v1/health").status, 200);
    let posted = http::post(place.address(), "/v1/transactions", &place.floor(&hospital(0), 1));
    assert_eq!(posted.status, 201, "{}", posted.text());
    drop(idle);
}

#[test]
fn one_address_holds_a_part_of_what_may_be_posted_at_one_time() {
    const ALL: usize = 1 << 20;
    let place = Place::new(1, Config { upload_bytes: ALL, address_upload_bytes: ALL / 8, ..unlimited() });
    let body = padded(place.floor(&hospital(0), 1), SHORT);
    let stalled = announce(&place, LONG + 1, &[b' '; LONG]);
    until_held(&place, LONG);
    let refused = post_until(&place, &padded(b"{}".to_vec(), SHORT), 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.problem(503, "busy").contains("from this address"));
    drop(stalled);
    post_until(&place, &body, 201);
}

#[test]
fn a_body_has_to_keep_coming() {
    let patience = Duration::from_secs(30);
    let place = Place::new(1, Config { body_patience: patience, ..unlimited() });
    let begun = Instant::now();
    let mut slow = announce(&place, 1 << 20, b"{");
    let problem = slow.answer().unwrap().problem(408, "timeout");
    assert!(problem.contains("fewer than 65536 bytes of it came within 5 seconds"), "{problem}");
    assert!(begun.elapsed() < patience);
}

/// Waits until so many bytes of bodies are there: what comes before might take their place.
pub(crate) fn until_held(place: &Place, number: usize) {
    until(place, "cohortium_http_upload_bytes", number);
}

/// Waits until so many transactions wait for the writer.
fn until_waiting(place: &Place, number: usize) {
    until(place, "cohortium_waiting_transactions", number);
}

/// Waits until a gauge is at a number.
fn until(place: &Place, gauge: &str, number: usize) {
    let begun = Instant::now();
    let line = format!("\n{gauge} {number}\n");
    while !http::get(place.address(), "/metrics").text().contains(&line) {
        assert!(begun.elapsed() < Duration::from_secs(60), "not {number}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn strangers_are_refused_without_waiting_and_what_waits_is_counted_until_it_is_answered() {
    const ALL: usize = 1 << 20;
    let place = Place::new(1, Config { upload_bytes: ALL, address_upload_bytes: ALL / 8, ..unlimited() });
    let member = hospital(0);
    let statement = || Statement::Floor { number: 1, policy: policy(1) };
    let forged = Transaction::sign(place.ledger.id(), &member, statement(), &key("somebody else"));
    let nobody = Transaction::sign(place.ledger.id(), "nobody", statement(), &key("nobody"));
    let post = |body: &[u8]| http::post(place.address(), "/v1/transactions", body);
    let third = padded(place.floor(&member, 3), SHORT);
    let first = place.ledger.read(|_| {
        // While the state is read no block is made: the writer waits with the first, and the second waits for the writer.
        let first = place.ledger.submit(floor(place.ledger.id(), &member, 1), 500).unwrap();
        until_waiting(&place, 0);
        let second = padded(place.floor(&member, 2), LONG);
        let connection = announce(&place, second.len(), &second);
        until_waiting(&place, 1);
        // Whoever posted it does not stay for the answer; it is there all the same.
        drop(connection);
        post(&forged.canonical()).problem(400, "form");
        post(&nobody.canonical()).problem(403, "member");
        for _ in 0..20 {
            post(&third).problem(503, "busy");
        }
        first
    });
    assert!(first.unwrap().wait().unwrap().is_ok());
    post_until(&place, &third, 201);
    assert_eq!(http::get(place.address(), "/v1/ledger").json()["size"], 3);
}

/// A question for a dry run.
fn question(sites: &[&str]) -> Vec<u8> {
    let query = serde_json::json!({
        "format": "cohortium-query/1", "title": "A question", "table": "synthetic", "study": "S-1",
        "purpose": "DUO:0000042", "sponsor_class": "academic",
    });
    serde_json::json!({"query": query, "approval": "00".repeat(32), "sites": sites}).to_string().into_bytes()
}

#[test]
fn dry_runs_are_short_and_few_at_one_time() {
    let place = Place::new(1, unlimited());
    let plan = |body: &[u8]| http::post(place.address(), "/v1/plan", body);
    plan(&question(&["north"])).problem(404, "not-found");
    assert!(
        plan(&question(&["north", "south", "north"])).problem(400, "malformed").contains("\"north\" is named twice")
    );
    let names: Vec<String> = (0..65).map(hospital).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    plan(&question(&names[..64])).problem(404, "not-found");
    assert!(plan(&question(&names)).problem(400, "malformed").contains("at most 64"));

    // A writer that waits keeps readers waiting: two dry runs are worked on, and the third is told to come again.
    let (answered, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        place
            .ledger
            .read(|_| {
                drop(place.ledger.submit(floor(place.ledger.id(), &hospital(0), 1), 500).unwrap());
                until_waiting(&place, 0);
                // The writer has taken the transaction; in a moment it waits for the state.
                std::thread::sleep(Duration::from_millis(500));
                for _ in 0..3 {
                    let answered = answered.clone();
                    scope.spawn(move || answered.send(plan(&question(&["north"]))).unwrap());
                }
                let first = answers.recv_timeout(Duration::from_secs(60)).unwrap();
                assert_eq!(first.header("retry-after"), Some("1"));
                assert!(first.problem(503, "busy").contains("2 dry runs"));
                assert_eq!(http::get(place.address(), "/v1/health").status, 200);
            })
            .unwrap();
    });
    for _ in 0..2 {
        answers.recv().unwrap().problem(404, "not-found");
    }
    plan(&question(&["north"])).problem(404, "not-found");
}

/// A release with a proof out of the vectors: well-formed, and of no query on any ledger here.
fn release(place: &Place, number: usize) -> Vec<u8> {
    let bundle: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/vectors/good-query-12.json")).unwrap();
    let proof = serde_json::from_value(bundle["proof"].clone()).unwrap();
    let request = Digest::of_bytes(&number.to_be_bytes());
    let statement = Statement::Release { request, proof };
    Transaction::sign(place.ledger.id(), &hospital(0), statement, &key(&hospital(0))).canonical()
}

/// A ledger with one verifying thread, for which alone the clock does something else than to tell the time.
fn with_clock(waiting_proofs: usize, on_verifier: impl Fn() + Send + Sync + 'static) -> Place {
    let mut settings = Settings::new(Metrics::new().unwrap());
    let time = system_clock();
    (settings.verifiers, settings.waiting_proofs) = (1, waiting_proofs);
    settings.clock = Arc::new(move || {
        if std::thread::current().name().is_some_and(|name| name.starts_with("verifier")) {
            on_verifier();
        }
        time()
    });
    Place::set(&std::env::temp_dir(), 1, unlimited(), settings)
}

#[test]
fn more_releases_than_may_wait_are_told_to_come_again() {
    let gate = Arc::new(Mutex::new(()));
    let behind = gate.clone();
    let place = with_clock(1, move || drop(behind.lock()));
    let closed = gate.lock().unwrap();
    let (answered, answers) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (answered, place) = (answered.clone(), &place);
            let post = move || http::post(place.address(), "/v1/transactions", &release(place, number));
            scope.spawn(move || answered.send(post()).unwrap());
        }
        // One is being verified and one waits, at most; the others are answered at once.
        for _ in 0..6 {
            let answer = answers.recv_timeout(Duration::from_secs(60)).unwrap();
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.problem(503, "busy").contains("releases are waiting already"));
            assert_eq!(http::get(place.address(), "/v1/health").status, 200);
        }
        drop(closed);
        let (mut served, mut busy) = (0, 0);
        for answer in (0..2).map(|_| answers.recv_timeout(Duration::from_secs(60)).unwrap()) {
            if answer.status == 503 { busy += 1 } else { served += 1 }
        }
        assert!(served >= 1 && served + busy == 2, "{served} {busy}");
    });
    let again = http::post(place.address(), "/v1/transactions", &release(&place, 9));
    again.problem(404, "unknown");
}

#[test]
fn a_verifier_that_panics_goes_on_with_the_next() {
    let faulty = Arc::new(AtomicBool::new(true));
    let fault = faulty.clone();
    let place = with_clock(8, move || assert!(!fault.load(Ordering::SeqCst), "a fault for the test"));
    for number in 0..3 {
        let failed = http::post(place.address(), "/v1/transactions", &release(&place, number));
        assert!(failed.problem(500, "internal").contains("failed while it verified the proof"));
    }
    faulty.store(false, Ordering::SeqCst);
    http::post(place.address(), "/v1/transactions", &release(&place, 0)).problem(404, "unknown");
    assert_eq!(http::post(place.address(), "/v1/transactions", &place.floor(&hospital(0), 1)).status, 201);
    let metrics = http::get(place.address(), "/metrics").text();
    assert!(metrics.contains("\ncohortium_verifications_failed_total 3\n"), "{metrics}");
}
