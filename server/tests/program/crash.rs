//! The end of the process in the middle of its work, and a disk that takes no more.

use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::process::*;
use crate::service_common::http;
use crate::service_common::http::Connection;
use crate::service_common::*;

/// A hospital that posts floors one after another, and remembers what was acknowledged.
struct Poster {
    ledger: String,
    hospital: String,
    next: u32,
    acknowledged: Vec<(String, u64)>,
}

impl Poster {
    /// Posts until the service is gone. What was posted and not acknowledged is posted again the next time.
    fn post(&mut self, address: SocketAddr, stop: &AtomicBool) {
        let Ok(mut connection) = Connection::open(address) else { return };
        while !stop.load(Ordering::Relaxed) {
            let transaction = floor(&self.ledger, &self.hospital, self.next);
            let Ok(answer) = connection.post("/v1/transactions", &transaction.canonical()) else { return };
            assert!(answer.status == 201 || answer.status == 200, "{}", answer.text());
            self.acknowledged.push((transaction.id().to_string(), answer.json()["index"].as_u64().unwrap()));
            self.next += 1;
        }
    }
}

#[test]
fn when_the_log_cannot_be_written_nothing_is_acknowledged_any_more_and_the_process_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let home = home_with(folder.path(), 1);
    // No file may grow beyond 256 KiB; the signal that would end the process instead is ignored.
    let limited = "trap '' XFSZ; ulimit -f 512; exec \"$0\" serve --json --listen 127.0.0.1:0 --writes-per-second 1000000 \
                   --home \"$1\"";
    let mut child = Command::new("sh")
        .args(["-c", limited, PROGRAM, arg(&home)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = json["listening"].as_str().unwrap().parse().unwrap();
    let mut connection = Connection::open(address).unwrap();
    let ledger = charter(1).ledger();
    let mut acknowledged = 1;
    let refused = (2..5000).find_map(|number| {
        let body = floor(&ledger, &hospital(0), number).canonical();
        match connection.post("/v1/transactions", &body) {
            Ok(answer) if answer.status == 201 => {
                acknowledged = number;
                None
            }
            other => Some(other),
        }
    });
    // The last one is told that the ledger has stopped, or nothing, if the process was faster.
    if let Ok(answer) = refused.expect("the limit is reached") {
        answer.problem(503, "busy");
    }
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot go on: the ledger has stopped: "), "{error}");
    assert!(acknowledged > 20, "{acknowledged}");
    // With room again, everything that was acknowledged is there, and the next is admitted.
    let served = Served::start(&["--home", arg(&home)]);
    let size = http::get(served.address, "/v1/ledger").json()["size"].as_u64().unwrap();
    assert!(size == u64::from(acknowledged) || size == u64::from(acknowledged) + 1, "{size}, {acknowledged}");
    let next = floor(&ledger, &hospital(0), size as u32 + 1).canonical();
    assert_eq!(http::post(served.address, "/v1/transactions", &next).status, 201);
    served.terminate();
}

/// How often it is killed: the thorough run sets more.
fn kills() -> u32 {
    std::env::var("COHORTIUM_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(100)
}

#[test]
fn kill_nine_while_posting_loses_nothing_that_was_acknowledged() {
    const POSTERS: usize = 3;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("ledger");
    let charter = charter(POSTERS);
    drop(found(&home, &charter));
    let mut posters: Vec<Poster> = (0..POSTERS)
        .map(|number| Poster {
            ledger: charter.ledger(),
            hospital: hospital(number),
            next: 1,
            acknowledged: Vec::new(),
        })
        .collect();
    let (mut checked, kills) = (vec![0; POSTERS], kills());
    for kill in 0..kills {
        let served = Served::start(&["--home", arg(&home)]);
        // Everything that was acknowledged before this start.
        let mut connection = Connection::open(served.address).unwrap();
        for (poster, checked) in posters.iter().zip(&mut checked) {
            for (id, index) in &poster.acknowledged[*checked..] {
                let found = connection.get(&format!("/v1/transactions/{id}")).unwrap();
                assert_eq!(found.status, 200, "kill {kill}: {id} is lost: {}", found.text());
                assert_eq!(found.json()["index"], *index);
            }
            *checked = poster.acknowledged.len();
        }
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let address = served.address;
            for poster in &mut posters {
                let stop = &stop;
                scope.spawn(move || poster.post(address, stop));
            }
            std::thread::sleep(Duration::from_millis(u64::from(5 + kill * 7 % 40)));
            served.kill();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let acknowledged: usize = posters.iter().map(|poster| poster.acknowledged.len()).sum();
    assert!(acknowledged > kills as usize, "only {acknowledged} were acknowledged: the test tests nothing");
    let (exit, out, error) = run(&["check", "--home", arg(&home), "--json"]);
    assert_eq!(exit, 0, "{error}");
    let size = serde_json::from_str::<serde_json::Value>(&out).unwrap()["size"].as_u64().unwrap();
    assert!(size >= acknowledged as u64, "{size} on the ledger, {acknowledged} acknowledged");
    let served = Served::start(&["--home", arg(&home)]);
    for poster in &posters {
        for (id, index) in &poster.acknowledged {
            assert_eq!(http::get(served.address, &format!("/v1/transactions/{id}")).json()["index"], *index, "{id}");
        }
    }
    served.terminate();
}
