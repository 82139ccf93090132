//! The command `eligibility`, as a sponsor runs it: exit statuses, sentences, and the list of nullifiers.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::path::PathBuf;
use std::process::Command;

use cohortium_protocol::eligibility::EligibilityFile;
use cohortium_protocol::ledger::Charter;
use cohortium_verifier::{Anchors, AnchorsDocument, Reason, VerifiedEligibility, verify_eligibility};
use serde_json::{Value, json};
use tempfile::TempDir;

const GOOD: &str = include_str!("../../tests/vectors/good-eligible-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-eligible-12.anchors.json");

struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.put("offer.json", GOOD);
        desk.put("anchors.json", ANCHORS);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// One place of the good file, or of the anchors, changed.
    fn put_changed(&self, name: &str, from: &str, pointer: &str, value: Value) {
        let mut document: Value = serde_json::from_str(from).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        self.put(name, document.to_string());
    }

    /// Exit status, standard output, standard error.
    fn run(&self, words: &str) -> (i32, String, String) {
        let program = env!("CARGO_BIN_EXE_cohortium-verifier");
        let words = words.split_whitespace();
        let run = Command::new(program).args(words).current_dir(&self.0).env_clear().output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
    }
}

const RUN: &str = "eligibility offer.json --anchors anchors.json";

fn nullifier() -> String {
    serde_json::from_str::<Value>(GOOD).unwrap()["nullifier"].as_str().unwrap().to_owned()
}

#[test]
fn an_offer_that_holds_says_what_is_proved_and_what_is_not() {
    let desk = Desk::new();
    let (status, out, err) = desk.run(RUN);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    for part in [
        "Eligible patient of north, for the study S-1 of University of the Coast (ledger file-exchange)",
        "Verdict: holds: every check passes.",
        "there is a patient of whom all of this holds: consent for DUO:0000042 by an academic sponsor is active; ",
        "What is not proved",
        "That the patient agreed",
        "give the list of nullifiers with --seen",
        "Anything against the maker of the development key",
        &nullifier(),
    ] {
        assert!(out.contains(part), "{part} is not in {out}");
    }
    let (status, out, _) = desk.run(&format!("{RUN} --json"));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((status, &report["verdict"], &report["nullifier"]), (0, &json!("holds"), &json!(nullifier())));
    assert_eq!((&report["seen_on_line"], &report["development_key"]), (&Value::Null, &json!(true)));
}

#[test]
fn a_nullifier_is_taken_once() {
    let desk = Desk::new();
    let with_list = format!("{RUN} --seen seen.txt");
    assert_eq!(desk.run(&with_list).0, 0);
    assert_eq!(std::fs::read_to_string(desk.path("seen.txt")).unwrap(), format!("{}\n", nullifier()));
    let (status, out, _) = desk.run(&with_list);
    assert_eq!(status, 1);
    assert!(out.contains("offered to this study before: the nullifier stands on line 1"), "{out}");
    assert!(!out.contains("What is proved"), "{out}");
    assert_eq!(std::fs::read_to_string(desk.path("seen.txt")).unwrap().lines().count(), 1);
    // What does not hold is not noted.
    desk.put_changed("offer.json", GOOD, "/agreement", json!("0f".repeat(32)));
    assert_eq!(desk.run(&format!("{RUN} --seen other.txt")).0, 1);
    assert!(!desk.path("other.txt").exists());
}

#[test]
fn what_fails_and_what_could_not_be_told() {
    let desk = Desk::new();
    desk.put_changed("offer.json", GOOD, "/scope/study", json!("S-2"));
    let (status, out, _) = desk.run(RUN);
    assert_eq!(status, 1);
    assert!(out.contains("the scope's study says \"S-2\", but the approval says \"S-1\""), "{out}");

    desk.put("offer.json", GOOD);
    desk.put_changed("anchors.json", ANCHORS, "/accept_development_keys", json!(false));
    let (status, out, _) = desk.run(&format!("{RUN} --seen seen.txt"));
    assert_eq!(status, 2);
    assert!(out.contains("Verdict: not covered: all checks pass, but the key is a development key"), "{out}");
    assert!(!desk.path("seen.txt").exists());

    desk.put("anchors.json", ANCHORS);
    for (name, content, says) in [
        ("offer.json", &GOOD[..GOOD.len() / 2], "the file of eligibility cannot be read at"),
        ("seen.txt", "nobody\n", "line 1 is \"nobody\", which is no nullifier"),
        ("anchors.json", "{}", "the anchors cannot be read"),
    ] {
        let desk = Desk::new();
        desk.put(name, content);
        let (status, out, err) = desk.run(&format!("{RUN} --seen seen.txt"));
        assert_eq!((status, out.as_str()), (2, ""), "{name}");
        assert!(err.starts_with("Could not tell: ") && err.contains(says), "{err}");
    }
    let desk = Desk::new();
    let (status, _, err) = desk.run(&format!("{RUN} --seen anchors.json"));
    assert_eq!(status, 2);
    assert!(err.contains("evidence is not overwritten"), "{err}");
    assert_eq!(std::fs::read_to_string(desk.path("anchors.json")).unwrap(), ANCHORS);
}

/// Anchors that name a ledger's charter and leave the sites to it.
#[test]
fn anchors_that_leave_the_sites_to_a_ledger_cannot_tell() {
    let charter: Charter = serde_json::from_str(include_str!("../../tests/vectors/ledger/charter.json")).unwrap();
    let mut file = EligibilityFile::parse(GOOD.as_bytes()).unwrap();
    file.scope.ledger = charter.ledger();
    let mut document: AnchorsDocument = serde_json::from_str(ANCHORS).unwrap();
    (document.ledger, document.charter) = (charter.ledger(), Some(charter));
    (document.sites, document.verifying_keys) = (Vec::new(), Vec::new());
    let refused = verify_eligibility(&file, &Anchors::check(document).unwrap()).unwrap_err();
    assert_eq!(refused.reason, Reason::LeftToLedger { what: "the sites" });
    let holds = |verified: VerifiedEligibility| verified.scope().site.clone();
    let good = EligibilityFile::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(verify_eligibility(&good, &Anchors::parse(ANCHORS).unwrap()).map(holds), Ok("north".to_owned()));
}
