//! Admitted transactions and reads a second over HTTP, by number of clients, beside what the disk takes for a sync.
//!
//! `cargo bench -p cohortium-server --bench ledger [-- FOLDER]`. The folder says which disk is measured; without it, the
//! system's temporary folder. Clients and service share the machine. The transactions are policy floors, the cheapest
//! there are: what a release costs beyond them is the verification of its proof. Prints rows.

#![allow(clippy::unwrap_used)] // a benchmark stops where it fails

#[path = "../tests/service_common/mod.rs"]
mod service_common;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use service_common::http::Connection;
use service_common::*;

/// How long each row is measured.
const LONG_ENOUGH: Duration = Duration::from_secs(3);
const CLIENTS: [usize; 3] = [1, 8, 32];

fn main() {
    let folder = std::env::args().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    println!("{:>32} {:>8} {:>8} {:>10} {:>10} {:>10}", "what", "clients", "times", "p50 ms", "p99 ms", "a second");
    syncs(&folder);
    let most = CLIENTS.into_iter().max().unwrap_or(1);
    let place = Place::in_folder(&folder, most, unlimited());
    let mut next = vec![1; most];
    for clients in CLIENTS {
        admit(&place, &mut next[..clients]);
    }
    let size = place.ledger.health().snapshot.size;
    let (ledger, address) = (place.ledger.id().to_owned(), place.address());
    let id = floor(&ledger, &hospital(0), 1).id();
    for (what, path) in [
        ("GET /v1/health", "/v1/health".to_owned()),
        ("GET /v1/ledger", "/v1/ledger".to_owned()),
        ("GET /v1/transactions/{id}", format!("/v1/transactions/{id}")),
        ("GET /v1/blocks?limit=20", "/v1/blocks?limit=20".to_owned()),
    ] {
        for clients in CLIENTS {
            read(what, address, &path, clients);
        }
    }
    println!("the ledger had {size} transactions in {} blocks", place.ledger.health().snapshot.height);
}

/// What the disk takes, with nothing of ours around it.
fn syncs(folder: &Path) {
    let path = folder.join(format!("cohortium-bench-sync-{}", std::process::id()));
    let mut file = File::create(&path).unwrap();
    let content = [7; 4096];
    let took = repeat(|_| {
        file.write_all(&content).unwrap();
        file.sync_data().unwrap();
    });
    row("write 4 kB, fdatasync", 1, vec![took]);
    std::fs::remove_file(path).unwrap();
}

fn repeat(mut step: impl FnMut(u32)) -> Vec<Duration> {
    let mut took = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < LONG_ENOUGH {
        let before = Instant::now();
        step(took.len() as u32);
        took.push(before.elapsed());
    }
    took
}

/// The rate is that of all clients together.
fn row(what: &str, clients: usize, took: Vec<Vec<Duration>>) {
    let mut took: Vec<Duration> = took.into_iter().flatten().collect();
    took.sort_unstable();
    let ms = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = took.len() as f64 / LONG_ENOUGH.as_secs_f64();
    println!("{what:>32} {clients:>8} {:>8} {:>10.3} {:>10.3} {rate:>10.0}", took.len(), ms(50), ms(99));
}

/// Every client is a hospital that posts one floor after another.
fn admit(place: &Place, next: &mut [u32]) {
    let (address, ledger) = (place.address(), place.ledger.id());
    let took = std::thread::scope(|scope| {
        let threads: Vec<_> = next
            .iter_mut()
            .enumerate()
            .map(|(client, next)| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address).unwrap();
                    let name = hospital(client);
                    let first = *next;
                    let took = repeat(|number| {
                        let body = floor(ledger, &name, first + number).canonical();
                        let answer = connection.post("/v1/transactions", &body).unwrap();
                        assert_eq!(answer.status, 201, "{}", answer.text());
                    });
                    *next = first + took.len() as u32;
                    took
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    row("POST /v1/transactions (floor)", next.len(), took);
}

fn read(what: &str, address: SocketAddr, path: &str, clients: usize) {
    let took = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address).unwrap();
                    repeat(|_| assert_eq!(connection.get(path).unwrap().status, 200))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    row(what, clients, took);
}
