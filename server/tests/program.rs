//! The operator's program as a real process: founding, serving, checking; damage at start-up; kill -9 while posting.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod service_common;

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cohortium_protocol::ledger::Charter;
use cohortium_server::metrics::Metrics;
use cohortium_server::node::Home;
use cohortium_server::node::Ledger;
use cohortium_server::node::Settings;

use service_common::http;
use service_common::http::Connection;
use service_common::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cohortium-server");

/// Runs the program to its end: exit code, standard output, standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// A service as a process.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--json", "--writes-per-second", "1000000"])
            .args(["--reads-per-second", "1000000"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Ok(json) = serde_json::from_str::<serde_json::Value>(&line) else {
            let output = child.wait_with_output().unwrap();
            panic!("{line}{}", String::from_utf8_lossy(&output.stderr));
        };
        let address = json["listening"].as_str().unwrap_or_else(|| panic!("{json}")).parse().unwrap();
        Self { child, address }
    }

    /// Ends it as an operator does; what it said on the standard error.
    fn terminate(self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let output = self.child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{error}");
        error
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A home with so many floors in it, each in a block of its own.
fn home_with(folder: &Path, floors: u32) -> PathBuf {
    let home = folder.join("ledger");
    let (ledger, _) = Ledger::open(found(&home, &charter(1)), Settings::new(Metrics::new().unwrap())).unwrap();
    for number in 1..=floors {
        let transaction = floor(ledger.id(), &hospital(0), number);
        let receipt = ledger.submit(transaction, 1000).unwrap().wait().unwrap().unwrap();
        assert_eq!((receipt.height, receipt.already), (u64::from(number), false));
    }
    home
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn from_nothing_to_a_ledger_that_is_served_checked_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let key_of = |name: &str, out: &Path| {
        let (exit, out, error) = run(&["key", "--name", name, "--out", arg(out), "--json"]);
        assert_eq!(exit, 0, "{error}");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        json["key"].as_str().unwrap().to_owned()
    };
    let operator = key_of("The operator", &file("operator.key"));
    let north = key_of("north", &file("north.key"));
    let (exit, _, error) = run(&["key", "--name", "north", "--out", arg(&file("north.key"))]);
    assert!(exit == 2 && error.starts_with("cannot go on: cannot write"), "{exit} {error}");
    fs::write(file("query-12.key"), serde_json::to_string(&verifying_key().to_document()).unwrap()).unwrap();
    let (operator, north) = (format!("operator:The operator:{operator}"), format!("hospital:north:{north}"));
    let (charter_file, vk) = (file("charter.json"), file("query-12.key"));
    let make = ["charter", "--name", "trial", "--member", &operator, "--member", &north, "--accept-development-keys"];
    let make = [&make[..], &["--verifying-key", arg(&vk), "--out", arg(&charter_file), "--json"]].concat();
    let (exit, out, error) = run(&make);
    assert_eq!(exit, 0, "{error}");
    let made: serde_json::Value = serde_json::from_str(&out).unwrap();
    let charter = Charter::parse(&fs::read_to_string(&charter_file).unwrap()).unwrap();
    assert_eq!(made["ledger"], charter.ledger());

    // Zero set-up: the first start founds.
    let (home, key_file) = (file("ledger"), file("operator.key"));
    let founding = ["--charter", arg(&charter_file), "--key", arg(&key_file), "--verifying-key", arg(&vk)];
    let serve = [&["--home", arg(&home)], &founding[..]].concat();
    let served = Served::start(&serve);
    let info = http::get(served.address, "/v1/ledger").json();
    assert_eq!((&info["ledger"], &info["height"]), (&charter.ledger().into(), &0.into()));
    let note = http::get(served.address, "/v1/checkpoint").text();
    let key = charter.operator().unwrap().key;
    cohortium_protocol::ledger::Checkpoint::verify(&note, &charter.ledger(), &key).unwrap();
    let error = served.terminate();
    assert!(error.contains("is founded in"), "{error}");

    // The second does not, and another charter is refused.
    Served::start(&serve).terminate();
    let other = file("other.json");
    fs::write(&other, serde_json::to_string(&Charter { opening_share: 3, ..charter.clone() }).unwrap()).unwrap();
    let other = ["--charter", arg(&other), "--key", arg(&key_file), "--verifying-key", arg(&vk)];
    let (exit, _, error) = run(&[&["serve", "--home", arg(&home)], &other[..]].concat());
    assert!(exit == 1 && error.contains("was founded by the charter"), "{exit} {error}");
    let (exit, _, error) = run(&[&["found", "--home", arg(&home)], &founding[..]].concat());
    assert!(exit == 1 && error.contains("a ledger is only founded where nothing is"), "{exit} {error}");

    let (exit, out, error) = run(&["check", "--home", arg(&home), "--json"]);
    assert_eq!(exit, 0, "{error}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["height"], 0);
    let export = file("ledger.ndjson");
    let (exit, _, error) = run(&["export", "--home", arg(&home), "--out", arg(&export)]);
    assert_eq!(exit, 0, "{error}");
    assert_eq!(fs::read_to_string(&export).unwrap().lines().count(), 1);
    let (exit, _, error) = run(&["export", "--home", arg(&home), "--out", arg(&export)]);
    assert!(exit == 2 && fs::read_to_string(&export).unwrap().lines().count() == 1, "{exit} {error}");
}

#[test]
fn what_is_no_ledger_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let (exit, _, error) = run(&["serve", "--home", arg(&folder.path().join("none"))]);
    assert!(exit == 2 && error.contains("there is no ledger in"), "{exit} {error}");
    let (exit, _, error) = run(&["serve"]);
    assert!(exit == 2 && error.contains("--home"), "{exit} {error}");
    let (exit, out, _) = run(&["--help"]);
    assert!(exit == 0 && out.contains("cohortium-server charter"), "{exit} {out}");
    for command in ["key", "charter", "found", "serve", "check", "export"] {
        let (exit, out, _) = run(&[command, "--help"]);
        assert!(exit == 0 && (command == "check" || out.contains("Example")), "{command}: {out}");
    }
}

#[test]
fn one_process_at_a_time_has_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let home = home_with(folder.path(), 1);
    let served = Served::start(&["--home", arg(&home)]);
    let (exit, _, error) = run(&["check", "--home", arg(&home)]);
    assert!(exit == 2 && error.contains("is in use by another process"), "{exit} {error}");
    served.terminate();
    assert_eq!(run(&["check", "--home", arg(&home)]).0, 0);
}

/// What is done to a home, and what has to come of it: the exit code and a part of the sentence.
type Damage = (&'static str, fn(&Path), i32, &'static str);

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 4;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

const DAMAGES: [Damage; 10] = [
    ("the log's last byte", |home| cut(&home.join("log/blocks.log"), 1), 1, "has lost acknowledged records"),
    ("a record", |home| cut(&home.join("log/blocks.log"), 3000), 1, "has lost acknowledged records"),
    ("a bit in the middle", |home| flip(&home.join("log/blocks.log"), |length| length / 2), 1, "is damaged"),
    ("the log", |home| fs::remove_file(home.join("log/blocks.log")).unwrap(), 1, "no new chain is begun"),
    ("the log's folder", |home| fs::remove_dir_all(home.join("log")).unwrap(), 1, "no new chain is begun"),
    (
        "log and tip",
        |home| {
            fs::remove_dir_all(home.join("log")).unwrap();
            fs::create_dir(home.join("log")).unwrap();
        },
        1,
        "there is no block log in",
    ),
    ("the tip", |home| fs::remove_file(home.join("log/tip")).unwrap(), 1, "accept it as it is"),
    ("a bit of the tip", |home| flip(&home.join("log/tip"), |_| 60), 1, "accept it as it is"),
    ("the key", |home| fs::remove_file(home.join("operator.key")).unwrap(), 1, "no new chain is begun"),
    (
        "the charter's content",
        |home| {
            let path = home.join("charter.json");
            let text = fs::read_to_string(&path).unwrap().replacen("\"opening_share\": 64", "\"opening_share\": 65", 1);
            fs::write(path, text).unwrap();
        },
        1,
        "belongs to the chain",
    ),
];

#[test]
fn damage_is_named_at_the_start_and_nothing_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let good = home_with(folder.path(), 5);
    for (number, (what, damage, expected, sentence)) in DAMAGES.into_iter().enumerate() {
        let home = folder.path().join(format!("damaged-{number}"));
        copy(&good, &home);
        damage(&home);
        let before = fs::read(home.join("log/blocks.log")).ok();
        for command in ["serve", "check"] {
            let (exit, _, error) = run(&[command, "--home", arg(&home)]);
            assert!(exit == expected && error.contains(sentence), "{command}, {what}: {exit} {error}");
        }
        assert_eq!(fs::read(home.join("log/blocks.log")).ok(), before, "{what}: the log is left as it was");
    }
    // Who vouches for the log is served without a tip.
    let home = folder.path().join("damaged-6");
    let served = Served::start(&["--home", arg(&home), "--accept-log-as-it-is"]);
    assert_eq!(http::get(served.address, "/v1/health").json()["height"], 5);
    assert!(served.terminate().contains("accepted without a tip"));
    assert_eq!(run(&["check", "--home", arg(&home)]).0, 0, "from then on it has one");
}

#[test]
fn a_lost_index_and_an_unfinished_record_are_mended_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let good = home_with(folder.path(), 5);
    let lost = folder.path().join("no-index");
    copy(&good, &lost);
    fs::remove_dir_all(lost.join("index")).unwrap();
    let mended = |home: &Path, sentence: &str| {
        let served = Served::start(&["--home", arg(home)]);
        let blocks = http::get(served.address, "/v1/blocks").json();
        assert_eq!(blocks["blocks"].as_array().unwrap().len(), 5);
        assert_eq!(http::get(served.address, "/v1/health").json()["index"], "current");
        let error = served.terminate();
        assert!(error.contains(sentence), "{error}");
    };
    mended(&lost, "The index was made again from the block log");
    let garbled = folder.path().join("bad-index");
    copy(&good, &garbled);
    for entry in fs::read_dir(garbled.join("index")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::write(&path, vec![0xa5; fs::metadata(&path).unwrap().len() as usize]).unwrap();
        }
    }
    mended(&garbled, "The index was made again from the block log");
    let unfinished = folder.path().join("unfinished");
    copy(&good, &unfinished);
    let log = unfinished.join("log/blocks.log");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, [&bytes[..], &[7; 40]].concat()).unwrap();
    mended(&unfinished, "An incomplete record at the end of the log was cut off");
    assert_eq!(fs::read(&log).unwrap(), bytes);
}

#[test]
fn a_log_that_breaks_the_rules_is_found_by_check_and_not_served() {
    // A block that the operator itself signed with a transaction that the rules refuse: whole by every checksum.
    let folder = tempfile::tempdir().unwrap();
    let home = home_with(folder.path(), 2);
    let opened = Home::open(&home).unwrap();
    let chain = opened.charter().digest();
    let acceptance = cohortium_server::store::Acceptance::Sealed;
    let (mut log, _) = cohortium_server::store::BlockLog::open(&home.join("log"), chain, acceptance).unwrap();
    let last = log.read(&log.last().unwrap()).unwrap();
    let mut block: cohortium_protocol::ledger::Block = serde_json::from_slice(&last).unwrap();
    block.height += 1;
    block.previous = block.digest(&opened.charter().ledger());
    block.transactions = vec![floor(&opened.charter().ledger(), &hospital(0), 9)];
    block.size += 1;
    block.checkpoint = block.statement(&opened.charter().ledger()).sign(&key("The operator")).unwrap();
    log.append(&[&serde_json::to_vec(&block).unwrap()]).unwrap();
    drop(log);
    for command in ["check", "serve"] {
        let (exit, _, error) = run(&[command, "--home", arg(&home)]);
        assert!(exit == 1 && error.contains("record 3 does not follow the rules"), "{command}: {exit} {error}");
    }
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let home = home_with(folder.path(), 1);
    let key = home.join("operator.key");
    assert_eq!(fs::metadata(&key).map(|found| mode(&found)).unwrap(), 0o600);
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let (exit, _, error) = run(&["serve", "--home", arg(&home)]);
    assert!(exit == 1 && error.contains("may be read by others (its mode is 640)"), "{exit} {error}");
}

fn mode(found: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777
}

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
