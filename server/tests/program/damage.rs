//! Homes that are damaged: what is mended, what is named, and what is not served.

use std::fs;
use std::path::Path;

use cohortium_server::node::Home;

use crate::process::*;
use crate::service_common::http;
use crate::service_common::*;

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
