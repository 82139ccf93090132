//! The board's program, as the board runs it: exit statuses and sentences.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

/// A folder with the good bundle, and anchors that accept its development key.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: TempDir::new().unwrap() };
        desk.put("answer.json", GOOD);
        desk.put("anchors.json", ANCHORS);
        desk
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// A file with one place of its JSON changed.
    fn put_changed(&self, name: &str, from: &str, pointer: &str, value: Value) {
        let mut document: Value = serde_json::from_str(from).unwrap();
        *document.pointer_mut(pointer).unwrap() = value;
        self.put(name, document.to_string());
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let program = env!("CARGO_BIN_EXE_cohortium-verifier");
        // No network, no home, no environment: nothing but files.
        let run = Command::new(program).args(arguments).current_dir(&self.folder).env_clear().output().unwrap();
        Ran::new(run)
    }

    fn audit(&self, more: &[&str]) -> Ran {
        self.run(&[&["audit", "answer.json", "--anchors", "anchors.json"], more].concat())
    }
}

struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The status, with everything that was said in the message of a failed test.
    fn expect(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// Could not tell: one sentence, on standard error, and no report.
    fn cannot_tell(&self, says: &str) {
        self.expect(2);
        assert!(self.out.is_empty(), "{}", self.out);
        assert!(self.err.starts_with("Could not tell: ") && self.err.contains(says), "{}", self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

/// Lines broken for a page, as one.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_good_answer_holds() {
    let ran = Desk::new().audit(&[]);
    ran.expect(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
    let text = unwrapped(&ran.out);
    for says in [
        "AUDIT OF AN ANSWER BY NORTH",
        "*** DEVELOPMENT KEY: for trials only; whoever made the key could forge this ***",
        "Table synthetic, version 1, consent epoch 1",
        "Approval: S-1, EC 2026/117",
        "G1 binding holds",
        "G2 completeness holds",
        "G3 correctness holds",
        "G4 consent holds",
        "G5 disclosure holds",
        "G6 noise not covered",
        "G7 auditability holds",
        "smallest cell 8, counts rounded to 5",
        "RELEASED NUMBERS",
        "14 groups are suppressed",
        "WHAT IS NOT PROVED",
        "ANCHORS USED",
        "verifying key of shape query-12 (development key)",
        "Verdict: holds",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 110), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "no colours in what is filed");
}

#[test]
fn a_development_key_that_was_not_accepted_is_not_covered() {
    let desk = Desk::new();
    for (accept, status) in [(Some(false), 2), (None, 2), (Some(true), 0)] {
        let mut anchors: Value = serde_json::from_str(ANCHORS).unwrap();
        match accept {
            Some(accept) => anchors["accept_development_keys"] = json!(accept),
            None => drop(anchors.as_object_mut().unwrap().remove("accept_development_keys").unwrap()),
        }
        desk.put("anchors.json", anchors.to_string());
        let ran = desk.audit(&[]);
        ran.expect(status);
        let text = unwrapped(&ran.out);
        if status == 2 {
            assert!(text.contains("All checks pass, but the key is a development key"), "{text}");
            assert!(text.contains("Verdict: not covered") && text.contains("G2 completeness not covered"), "{text}");
        } else {
            assert!(text.contains("Verdict: holds"), "{text}");
        }
    }
}

#[test]
fn changed_answers_fail() {
    let desk = Desk::new();
    for (pointer, value, fails, says) in [
        ("/proof/cells/9/count/value", json!(70), "G3 correctness FAILS", "The proof is not valid for these numbers"),
        ("/proof/cells/9/count/value", json!(66), "G3 correctness FAILS", "counts are multiples of 5"),
        ("/proof/columns/0/value", json!("00".repeat(32)), "G2 completeness FAILS", "The opening of columns"),
        ("/request/query/title", json!("Another"), "G3 correctness FAILS", "The request pins the plan"),
        ("/manifest/version", json!(2), "G1 binding FAILS", "The bundle's manifest is"),
        ("/site", json!("west"), "G1 binding FAILS", "Your anchors do not name the site \"west\""),
        ("/approval/sponsor", json!("Nobody"), "G1 binding FAILS", "The approval"),
    ] {
        desk.put_changed("answer.json", GOOD, pointer, value);
        let ran = desk.audit(&[]);
        ran.expect(1);
        let text = unwrapped(&ran.out);
        assert!(text.contains(fails) && text.contains(says), "{pointer}: {text}");
        assert!(text.contains("Verdict: fails"), "{pointer}: {text}");
        assert!(text.contains("NO NUMBERS ARE SHOWN, since the audit did not pass every check."), "{pointer}: {text}");
        assert!(!text.contains("RELEASED NUMBERS"), "{pointer}: {text}");
    }
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let desk = Desk::new();
    desk.run(&["audit", "absent.json", "--anchors", "anchors.json"]).cannot_tell("absent.json: No such file");
    desk.run(&["audit", "answer.json", "--anchors", "absent.json"]).cannot_tell("absent.json: No such file");
    desk.run(&["audit", ".", "--anchors", "anchors.json"]).cannot_tell(".: Is a directory");
    for (content, says) in [
        ("", "answer.json: the bundle cannot be read: EOF while parsing"),
        ("not JSON", "answer.json: the bundle cannot be read: expected"),
        ("{}", "answer.json: the bundle cannot be read: missing field `format`"),
        ("\u{0}\u{1}\u{2}", "answer.json: the bundle cannot be read: expected value"),
        (&GOOD[..GOOD.len() / 2], "answer.json: the bundle cannot be read at proof"),
    ] {
        desk.put("answer.json", content);
        desk.audit(&[]).cannot_tell(says);
    }
    desk.put("answer.json", [0xff, 0xfe, 0x7b]);
    desk.audit(&[]).cannot_tell("answer.json: the bundle cannot be read: expected value");
    desk.put_changed("answer.json", GOOD, "/proof/challenges/mu", json!("f".repeat(64)));
    desk.audit(&[]).cannot_tell("at proof.challenges.mu: a field element is less than the BN254 scalar modulus");
    desk.put_changed("answer.json", GOOD, "/format", json!("cohortium-bundle/2"));
    desk.audit(&[])
        .cannot_tell("the bundle's format is \"cohortium-bundle/2\"; this version reads \"cohortium-bundle/1\"");
    let file = std::fs::File::create(desk.path("answer.json")).unwrap();
    file.set_len((16 << 20) + 1).unwrap();
    desk.audit(&[]).cannot_tell("answer.json: the file has 16777217 bytes; at most 16777216 are read");
}

#[test]
fn anchors_that_cannot_be_used_are_no_verdict() {
    let desk = Desk::new();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut anchors: Value = serde_json::from_str(ANCHORS).unwrap();
        change(&mut anchors);
        desk.put("anchors.json", anchors.to_string());
        desk.audit(&[])
    };
    changed(&|a| a["note"] = json!("ours"))
        .cannot_tell("anchors.json: the anchors cannot be read: unknown field `note`");
    changed(&|a| a["sites"][0]["note"] = json!(1)).cannot_tell("the anchors cannot be read: unknown field `note`");
    changed(&|a| a["format"] = json!("cohortium-anchors/2")).cannot_tell("the anchors' format is");
    changed(&|a| a["sites"][1] = a["sites"][0].clone()).cannot_tell("the anchors name the site \"north\" twice");
    let twice = |a: &mut Value| a["verifying_keys"] = json!([a["verifying_keys"][0], a["verifying_keys"][0]]);
    changed(&twice).cannot_tell("the anchors name the verifying key");
    changed(&|a| a["sites"][0]["epoch"] = json!("1234")).cannot_tell("a digest is 64 lower-case hexadecimal digits");
    changed(&|a| a["verifying_keys"][0]["id"] = a["approvals"][0].clone())
        .cannot_tell("verifying key 1 of the anchors: the file says id");
    changed(&|a| a["verifying_keys"][0]["kind"] = json!("ceremony"))
        .cannot_tell("verifying key 1 of the anchors: the key says that it comes from a ceremony");
    changed(&|a| a["verifying_keys"][0]["matrices"] = a["approvals"][0].clone())
        .cannot_tell("verifying key 1 of the anchors: the key is for a circuit with matrices");
    changed(&|a| a["verifying_keys"][0]["key"] = json!("AAAA")).cannot_tell("the key's points do not decode");
    changed(&|a| a["verifying_keys"][0]["shape"] = json!("query-13")).cannot_tell("the key is for shape query-13");
    changed(&|a| drop(a.as_object_mut().unwrap().remove("approvals"))).cannot_tell("missing field `approvals`");
    desk.put("anchors.json", "[]");
    desk.audit(&[]).cannot_tell("anchors.json: the anchors cannot be read");
    desk.put("anchors.json", [0xff]);
    desk.audit(&[]).cannot_tell("anchors.json: invalid utf-8");
}

#[test]
fn the_report_as_json_and_as_a_file() {
    let desk = Desk::new();
    let ran = desk.audit(&["--json", "--report", "report.txt"]);
    ran.expect(0);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["format"], "cohortium-report/1");
    assert_eq!(report["verdict"], "holds");
    assert_eq!(report["site"], "north");
    assert_eq!(report["development_key"], true);
    assert_eq!(report["stopped_at"], Value::Null);
    assert_eq!(report["bundle"].as_str().unwrap().len(), 64);
    let ids: Vec<&str> = report["guarantees"].as_array().unwrap().iter().map(|g| g["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["G1", "G2", "G3", "G4", "G5", "G6", "G7"]);
    for guarantee in report["guarantees"].as_array().unwrap() {
        let reason = guarantee["reason"].as_str().unwrap();
        assert!(reason.ends_with(['.', ')']), "{reason}");
    }
    assert_eq!(report["grouped_by"], json!(["sex", "grade", "weight"]));
    assert_eq!(report["groups"].as_array().unwrap().len(), 24);
    assert_eq!(report["groups"][8]["labels"].as_array().unwrap().len(), 3);
    assert_eq!(report["groups"][8]["cells"]["count"], json!({"state": "value", "value": 65}));
    let good: Value = serde_json::from_str(GOOD).unwrap();
    for (place, group) in report["groups"].as_array().unwrap().iter().enumerate() {
        assert_eq!(group["cells"], good["proof"]["cells"][place], "{place}");
    }
    for anchor in report["anchors"].as_array().unwrap() {
        assert!(anchor["digest"].as_str().unwrap().starts_with(anchor["fingerprint"].as_str().unwrap()));
    }
    // The file holds the same report in words, as it is printed without --json.
    let filed = std::fs::read_to_string(desk.path("report.txt")).unwrap();
    assert_eq!(filed, desk.audit(&[]).out);
    assert!(filed.contains(report["bundle"].as_str().unwrap()));
    // What the board compares is there in full, as in the JSON.
    for anchor in report["anchors"].as_array().unwrap() {
        let (what, digest) = (anchor["what"].as_str().unwrap(), anchor["digest"].as_str().unwrap());
        assert!(unwrapped(&filed).contains(&format!("{} {what} in full {digest}", &digest[..16])), "{what}: {filed}");
    }

    // One that fails is reported, too, and says where it stopped.
    desk.put_changed("answer.json", GOOD, "/proof/cells/9/count/value", json!(70));
    let ran = desk.audit(&["--json", "--report", "report.txt"]);
    ran.expect(1);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["verdict"], &report["stopped_at"]), (&json!("fails"), &json!("proof")));
    assert_eq!(report["groups"], json!([]));
    assert!(std::fs::read_to_string(desk.path("report.txt")).unwrap().contains("Verdict: fails"));
    // Where no report can be written, that is said, and is no verdict.
    let ran = desk.audit(&["--report", "absent/report.txt"]);
    ran.expect(2);
    assert!(ran.err.contains("absent/report.txt: No such file"), "{}", ran.err);
}

/// A report in the place of the evidence would be the end of the evidence.
#[test]
fn a_report_never_overwrites_what_is_audited() {
    let desk = Desk::new();
    let good: Value = serde_json::from_str(GOOD).unwrap();
    desk.put("request.json", good["request"].to_string());
    std::fs::create_dir(desk.path("folder")).unwrap();
    let files = ["answer.json", "anchors.json", "request.json"];
    let before = files.map(|name| std::fs::read(desk.path(name)).unwrap());
    for name in files {
        let mut names = vec![name.to_owned(), format!("./folder/../{name}")];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(desk.path(name), desk.path(&format!("link-{name}"))).unwrap();
            names.push(format!("link-{name}"));
        }
        for report in names {
            let ran = desk.audit(&["--request", "request.json", "--report", &report]);
            ran.cannot_tell(&format!("--report {report}: this is the file {name} that the audit reads"));
        }
    }
    assert_eq!(files.map(|name| std::fs::read(desk.path(name)).unwrap()), before);
    desk.audit(&["--report", "folder"]).cannot_tell("--report folder: this is not a file");
    // An older report makes way, and nothing is left beside.
    desk.put("report.txt", "an older one");
    desk.audit(&["--report", "report.txt"]).expect(0);
    assert!(std::fs::read_to_string(desk.path("report.txt")).unwrap().contains("Verdict: holds"));
    assert!(!desk.path(".report.txt.partial").exists());
}

#[test]
fn the_day_counts_if_the_board_knows_it() {
    let desk = Desk::new();
    for (day, status) in [("2030-12-31", 0), ("2031-01-01", 1), ("2026-02-03", 0)] {
        let ran = desk.audit(&["--asked-on", day]);
        ran.expect(status);
        let text = unwrapped(&ran.out);
        assert!(!text.contains("When the query was asked:"), "{text}");
        if status == 1 {
            let says = "Clause \"expires\": the approval expired on 2030-12-31, and it is 2031-01-01.";
            assert!(text.contains("G1 binding FAILS") && text.contains(says), "{text}");
        }
    }
    assert!(unwrapped(&desk.audit(&[]).out).contains("When the query was asked: there is no ledger here."));
    for day in ["yesterday", "31.12.2030", "2030-02-30"] {
        let ran = desk.audit(&["--asked-on", day]);
        ran.expect(2);
        assert!(ran.err.contains("is not a date: write yyyy-mm-dd") || ran.err.contains("2030-02-30"), "{}", ran.err);
    }
}

#[test]
fn the_request_counts_if_the_board_holds_it() {
    let desk = Desk::new();
    let good: Value = serde_json::from_str(GOOD).unwrap();
    desk.put("request.json", good["request"].to_string());
    let ran = desk.audit(&["--request", "request.json"]);
    ran.expect(0);
    assert!(!unwrapped(&ran.out).contains("That this is the question that was put to the site"), "{}", ran.out);
    assert!(unwrapped(&desk.audit(&[]).out).contains("That this is the question that was put to the site"));
    desk.put_changed("request.json", &good["request"].to_string(), "/sequence", json!(2));
    let ran = desk.audit(&["--request", "request.json"]);
    ran.expect(1);
    let text = unwrapped(&ran.out);
    assert!(text.contains("G1 binding FAILS") && text.contains("The bundle answers the request"), "{text}");
    desk.put("request.json", "{}");
    desk.audit(&["--request", "request.json"]).cannot_tell("request.json: the request cannot be read: missing field");
    desk.audit(&["--request", "absent.json"]).cannot_tell("absent.json: No such file");
}

#[test]
fn what_files_say_does_not_act_on_the_terminal() {
    let desk = Desk::new();
    desk.put("answer.json", "{\"\\u001b[2J\\u202eevil\": 1}");
    let ran = desk.audit(&[]);
    ran.cannot_tell("unknown field");
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}']), "{:?}", ran.err);
    desk.put("answer.json", "{\"format\": \"\\u001b]0;x\\u0007\"}");
    let ran = desk.audit(&[]);
    ran.expect(2);
    assert!(!ran.err.contains(['\u{1b}', '\u{7}']), "{:?}", ran.err);
    // In a name that would be shown.
    for name in ["no\u{1b}[31mrth", "no\u{202e}rth", "no\nrth"] {
        desk.put_changed("answer.json", GOOD, "/site", json!(name));
        let ran = desk.audit(&[]);
        assert_ne!(ran.status, 0);
        assert!(!format!("{}{}", ran.out, ran.err).contains(['\u{1b}', '\u{202e}']), "{:?}", ran.err);
    }
}

#[test]
fn usage_and_anchors() {
    let desk = Desk::new();
    for arguments in [&["audit", "answer.json"][..], &[], &["audit"], &["check"], &["audit", "--frobnicate"]] {
        let ran = desk.run(arguments);
        ran.expect(2);
        assert!(ran.out.is_empty() && ran.err.contains("Usage:"), "{arguments:?}: {}", ran.err);
    }
    let help = desk.run(&["--help"]);
    help.expect(0);
    assert!(help.out.contains("Exit status: 0 holds, 1 fails, 2 could not tell."), "{}", help.out);
    assert!(desk.run(&["audit", "--help"]).expect(0).out.contains("--asked-on"));
    assert!(desk.run(&["--version"]).expect(0).out.starts_with("cohortium-verifier "));
    let anchors = desk.run(&["anchors", "anchors.json"]);
    anchors.expect(0);
    assert!(anchors.out.contains("are well-formed"), "{}", anchors.out);
    desk.put("anchors.json", "{}");
    desk.run(&["anchors", "anchors.json"]).cannot_tell("anchors.json: the anchors cannot be read");
}
