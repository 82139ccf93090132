//! The operator's program as a real process: founding, serving, checking; damage at start-up; kill -9 while posting.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod crash;
mod damage;
mod process;
#[path = "../service_common/mod.rs"]
mod service_common;

use std::fs;
use std::path::Path;

use cohortium_protocol::ledger::Charter;

use process::*;
use service_common::http;
use service_common::*;

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
