//! The board's program around a ledger: keys, approvals, suspensions, audits of a whole study.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, MemberKey, PublicKey, Statement, Transaction};
use serde_json::{Value, json};
use tempfile::TempDir;

const EXPORT: &str = include_str!("../../tests/vectors/ledger/export.ndjson");
const ANCHORS: &str = include_str!("../../tests/vectors/ledger/anchors.json");
const ANSWER: &str = include_str!("../../tests/vectors/ledger/answer.json");
const CHARTER: &str = include_str!("../../tests/vectors/ledger/charter.json");
const CHECKPOINT: &str = include_str!("../../tests/vectors/ledger/checkpoint.txt");
/// A ledger on which the board's nonce is owed, and the last two blocks of another history of it.
const OWED: &str = include_str!("../../tests/vectors/ledger/noised/export.ndjson");
const OTHER_BLOCKS: &str = include_str!("../../tests/vectors/ledger/noised/other-blocks.ndjson");
const OWED_CHARTER: &str = include_str!("../../tests/vectors/ledger/noised/charter.json");
const BOARD: &str = "Coast Ethics Board";

/// A folder with everything.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: TempDir::new().unwrap() };
        for (name, content) in [
            ("export.ndjson", EXPORT),
            ("anchors.json", ANCHORS),
            ("answer.json", ANSWER),
            ("charter.json", CHARTER),
            ("checkpoint.txt", CHECKPOINT),
        ] {
            desk.put(name, content);
        }
        let study = statements("study").remove(0);
        desk.put("study.json", study["approval"].to_string());
        desk.put_key("board.key", BOARD, BOARD);
        desk
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// A key's file of a member, with the key of another: keys follow from names.
    fn put_key(&self, name: &str, member: &str, of: &str) {
        let key = MemberKey::from_bytes(Digest::of_bytes(of.as_bytes()).as_bytes());
        self.put(name, key.to_file(member).as_bytes());
        self.set_mode(name, 0o600);
    }

    #[cfg(unix)]
    fn set_mode(&self, name: &str, mode: u32) {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(self.path(name), permissions).unwrap();
    }

    #[cfg(not(unix))]
    fn set_mode(&self, _: &str, _: u32) {}

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs a command line, its words apart by spaces; with an answer on the standard input.
    fn run(&self, line: &str, answer: &str) -> Ran {
        self.run_words(&line.split(' ').collect::<Vec<_>>(), answer)
    }

    fn run_words(&self, words: &[&str], answer: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cohortium-verifier"));
        // No network, no home, no environment: nothing but files.
        command.args(words).current_dir(&self.folder).env_clear();
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        // A program that does not ask may end before it is answered.
        let _ = child.stdin.take().unwrap().write_all(answer.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn approve(&self, more: &str, answer: &str) -> Ran {
        self.run(&format!("approve study.json --key board.key --charter charter.json --out tx.json{more}"), answer)
    }
}

struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    fn expect(self, status: i32, says: &str) -> Self {
        let all = format!("{}{}", self.out, self.err);
        assert_eq!(self.status, status, "{all}");
        let joined = all.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(says) && !all.contains("panicked"), "{says}: {all}");
        self
    }
}

/// All statements of a kind on the vectors' ledger.
fn statements(kind: &str) -> Vec<Value> {
    let blocks = EXPORT.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let all = blocks.flat_map(|block| block["transactions"].as_array().unwrap().clone());
    all.filter_map(|transaction| transaction["statement"].get(kind).cloned()).collect()
}

fn transaction(text: &str) -> Transaction {
    let transaction = Transaction::parse(text.as_bytes()).unwrap();
    let charter = Charter::parse(CHARTER).unwrap();
    assert_eq!(transaction.ledger, charter.ledger());
    transaction.check_signature(&charter.member(&transaction.member).unwrap().key).unwrap();
    transaction
}

#[test]
fn a_key_is_made_once_and_for_its_owner() {
    let desk = Desk::new();
    let made = desk.run_words(&["key", "--name", "A Board", "--out", "new.key"], "").expect(0, "Keep the file secret");
    let (name, key) = MemberKey::parse_file(&desk.read("new.key")).unwrap();
    assert_eq!(name, "A Board");
    let printed = made.out.lines().find_map(|line| line.trim().parse::<PublicKey>().ok()).unwrap();
    assert_eq!(printed, key.public());
    let secret = key.expose().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(!made.out.contains(&secret[..16]), "the secret is not printed");
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(desk.path("new.key")).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = desk.read("new.key");
    desk.run_words(&["key", "--name", "A Board", "--out", "new.key"], "").expect(2, "--out new.key: File exists");
    assert_eq!(desk.read("new.key"), before, "never over another key");
    desk.run_words(&["key", "--name", "Another", "--out", "other.key"], "").expect(0, "");
    assert_ne!(MemberKey::parse_file(&desk.read("other.key")).unwrap().1.public(), key.public());
    for name in ["", " a", "a\nb"] {
        desk.run_words(&["key", "--name", name, "--out", "none.key"], "").expect(2, "a name is one line");
    }
    assert!(!desk.path("none.key").exists());
}

#[test]
fn a_study_is_shown_then_signed() {
    let desk = Desk::new();
    let shown = desk.approve("", "yes\n").expect(0, "transaction");
    for says in [
        "THE STUDY",
        "Study S-1, EC 2026/117",
        "Sponsor: University of the Coast (academic)",
        "WHAT YOU ALLOW",
        "Only University of the Coast may ask",
        "Only patients who consented to DUO:0000042 by sponsors of class academic are counted.",
        "The tables that may be asked: synthetic.",
        "EVERY column of these tables may be used.",
        "EVERY hospital may be asked",
        "Nothing may be asked or accepted after 2030-12-31. What a hospital accepted by then may still be answered.",
        "curl --fail-with-body",
        "--data-binary @tx.json LEDGER/v1/transactions",
    ] {
        assert!(shown.out.contains(says), "{says}: {}", shown.out);
    }
    // The very transaction that is on the ledger: signatures are deterministic.
    let signed = transaction(&desk.read("tx.json"));
    let Statement::Study { approval } = &signed.statement else { panic!() };
    assert_eq!(**approval, Approval::parse(&desk.read("study.json")).unwrap());
    assert!(EXPORT.contains(&String::from_utf8(signed.canonical()).unwrap()));
    // Anything but yes is a no, and leaves nothing.
    std::fs::remove_file(desk.path("tx.json")).unwrap();
    for answer in ["no\n", "", "y\n", "YES\n", "yes please\n"] {
        desk.approve("", answer).expect(1, "Nothing was signed.");
        assert!(!desk.path("tx.json").exists(), "{answer:?}");
    }
    desk.approve(" --yes", "").expect(0, "THE STUDY");
    assert_eq!(transaction(&desk.read("tx.json")), signed);
    // Narrower clauses in words.
    let mut study: Value = serde_json::from_str(&desk.read("study.json")).unwrap();
    study["columns"] = json!(["age", "grade"]);
    study["sites"] = json!(["north"]);
    study["aggregates"] = json!(["count", "sum_of_squares"]);
    study["exact_plans"] = json!(["0f".repeat(32)]);
    desk.put("study.json", study.to_string());
    let shown = desk.approve(" --yes", "");
    for says in [
        "No column may be used but age, grade.",
        "No hospital may be asked but north; each may decline.",
        "Nothing may be asked for but counts and: count, sum of squares.",
        "The sums of 1 plan are released TO THE DIGIT",
    ] {
        assert!(shown.out.contains(says), "{says}: {}", shown.out);
    }
}

#[test]
fn what_must_not_be_signed_is_refused_before_anybody_is_asked() {
    let desk = Desk::new();
    let original = desk.read("study.json");
    let with = |pointer: &str, value: Value| {
        let mut study: Value = serde_json::from_str(&original).unwrap();
        study[pointer] = value;
        desk.put("study.json", study.to_string());
        desk.approve("", "yes\n")
    };
    with("sponsor", json!("Nobody"))
        .expect(2, "study.json: the study's sponsor: \"Nobody\" is no sponsor of this ledger");
    with("sponsor", json!("Coast Pharma")).expect(2, "and \"Coast Pharma\" is commercial in the charter");
    with("sites", json!(["west"])).expect(2, "the study's sites: \"west\" is no hospital of this ledger");
    with("policy", Value::Null).expect(2, "without a policy nothing is released");
    with("note", json!("x")).expect(2, "unknown field `note`");
    desk.put("study.json", &original);
    for (member, of, says) in [
        ("Nobody", BOARD, "charter.json: the charter names no member \"Nobody\""),
        ("north", "north", "\"north\" has the role hospital in the charter"),
        (BOARD, "north", "the key's public half is"),
    ] {
        desk.put_key("board.key", member, of);
        desk.approve("", "yes\n").expect(2, says);
    }
    desk.put_key("board.key", BOARD, BOARD);
    #[cfg(unix)]
    {
        desk.set_mode("board.key", 0o644);
        desk.approve("", "yes\n").expect(2, "board.key: others may read or change this key (mode 644)");
        desk.set_mode("board.key", 0o600);
    }
    for input in ["board.key", "charter.json", "study.json"] {
        let line = format!("approve study.json --key board.key --charter charter.json --out {input} --yes");
        let before = desk.read(input);
        desk.run(&line, "").expect(2, &format!("--out {input}: this is the file {input}"));
        assert_eq!(desk.read(input), before);
    }
    desk.put("board.key", "{\"secret\": \"0909090909\"}");
    desk.set_mode("board.key", 0o600);
    let silent = desk.approve("", "yes\n").expect(2, "not a member's key file");
    assert!(!silent.err.contains("0909"), "{}", silent.err);
    assert!(!desk.path("tx.json").exists());
}

#[test]
fn an_approval_is_suspended() {
    let desk = Desk::new();
    let digest = Approval::parse(&desk.read("study.json")).unwrap().digest().to_string();
    let suspend = |reason: &str| {
        let head = ["suspend", &digest, "--because", reason];
        let tail = ["--key", "board.key", "--charter", "charter.json", "--out", "tx.json"];
        desk.run_words(&[&head[..], &tail].concat(), "")
    };
    for reason in ["", "one\ntwo", &"x".repeat(501)] {
        suspend(reason).expect(2, "is refused: one line of 1 to 500");
        assert!(!desk.path("tx.json").exists());
    }
    suspend("a complaint is looked into").expect(0, "nothing is asked under it and nothing accepted");
    let signed = transaction(&desk.read("tx.json"));
    let Statement::Suspend { approval, reason } = signed.statement else { panic!() };
    assert_eq!((approval.to_string(), reason.as_str()), (digest, "a complaint is looked into"));
    desk.run("suspend 12 --because x --key board.key --charter charter.json --out tx.json", "")
        .expect(2, "64 lower-case");
}

#[test]
fn a_bundle_from_the_ledger_is_audited() {
    let desk = Desk::new();
    let ran = desk.run("audit answer.json --anchors anchors.json", "").expect(0, "Verdict: holds");
    for says in
        ["ON THE LEDGER", "signed by University of the Coast", "signed by Coast Ethics Board", "23 transactions at"]
    {
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
    }
    let json = desk.run("audit answer.json --anchors anchors.json --json", "").expect(0, "");
    let report: Value = serde_json::from_str(&json.out).unwrap();
    let root = report["ledger"]["root"].as_str().unwrap();
    assert!(ran.out.contains(root) && report["ledger"]["size"] == 23, "{root}");
    let mut bundle: Value = serde_json::from_str(ANSWER).unwrap();
    bundle["ledger"]["accept"]["index"] = json!(3);
    desk.put("answer.json", bundle.to_string());
    desk.run("audit answer.json --anchors anchors.json", "")
        .expect(1, "G1 binding FAILS")
        .expect(1, "The ledger's evidence: the acceptance is not shown to be on the ledger");
    bundle.as_object_mut().unwrap().remove("ledger");
    desk.put("answer.json", bundle.to_string());
    desk.run("audit answer.json --anchors anchors.json", "").expect(1, "has no evidence that it stands there");
    desk.run("anchors anchors.json", "").expect(0, "They trust the charter").expect(0, "board");
}

#[test]
fn a_whole_study_is_audited() {
    const LINE: &str = "audit --study S-1 --from-export export.ndjson --anchors anchors.json";
    let desk = Desk::new();
    let ran = desk.run(LINE, "").expect(0, "Verdict: holds");
    assert!(ran.err.is_empty(), "{}", ran.err);
    assert!(ran.out.contains("WITHHELD AFTER ACCEPTANCE") && ran.out.contains("too few patients to be of use"));
    let filed = desk.run(&format!("{LINE} --checkpoint checkpoint.txt --json --report report.txt"), "").expect(0, "");
    let report: Value = serde_json::from_str(&filed.out).unwrap();
    assert_eq!(report["format"], "cohortium-study-report/1");
    assert_eq!((report["verdict"].as_str(), report["queries"].as_array().unwrap().len()), (Some("holds"), 4));
    assert!(desk.read("report.txt").contains("Compared with your checkpoint of 23 transactions"));

    // Altered, cut in the middle, of another ledger: fails.
    let lines: Vec<&str> = EXPORT.lines().collect();
    desk.put("export.ndjson", EXPORT.replacen("too few patients", "two few patients", 1));
    desk.run(LINE, "").expect(1, "Verdict: fails").expect(1, "block 5, transaction 2 (decline of \"south\")");
    desk.put("export.ndjson", [&lines[..4], &lines[5..]].concat().join("\n"));
    desk.run(LINE, "").expect(1, "block 4: its height is 5, it should be 4");
    desk.put("export.ndjson", lines[0].replacen("coast-trial", "inland-trial", 1));
    desk.run(LINE, "").expect(1, "block 0: its ledger is inland-trial/");
    // The end left out, and a checkpoint that says so.
    desk.put("export.ndjson", lines[..11].join("\n"));
    desk.run(LINE, "").expect(0, "Verdict: holds");
    desk.run(&format!("{LINE} --checkpoint checkpoint.txt"), "").expect(1, "split view");

    // No verdict: unreadable, not there, no such study, no charter.
    for (content, says) in [
        ("", "export.ndjson: the file is empty"),
        ("{}", "record 0 cannot be read: missing field"),
        (&format!("{}\n{{\"format\"", lines[0]), "record 1 cannot be read"),
        (&format!("{}\n\n", lines[0]), "record 1 cannot be read"),
    ] {
        desk.put("export.ndjson", content);
        let ran = desk.run(LINE, "").expect(2, says);
        assert!(ran.out.is_empty() && ran.err.starts_with("Could not tell: "), "{}", ran.err);
    }
    desk.put("export.ndjson", EXPORT);
    desk.run(&LINE.replacen("S-1", "S-9", 1), "").expect(2, "there is no approval of a study \"S-9\"");
    desk.run(&LINE.replacen("export.ndjson", "absent.ndjson", 1), "").expect(2, "absent.ndjson: No such file");
    desk.put("forged.txt", CHECKPOINT.replacen("\n23\n", "\n24\n", 1));
    desk.run(&format!("{LINE} --checkpoint forged.txt"), "")
        .expect(2, "forged.txt: the checkpoint is not signed by the operator");
    desk.run(&format!("{LINE} --report export.ndjson"), "").expect(2, "--report export.ndjson: this is the file");
    let mut anchors: Value = serde_json::from_str(ANCHORS).unwrap();
    anchors.as_object_mut().unwrap().remove("charter");
    desk.put("anchors.json", anchors.to_string());
    desk.run(LINE, "").expect(2, "your anchors hold no charter");
    // Options that do not belong together.
    for line in [
        "audit --study S-1 --anchors anchors.json",
        "audit --from-export export.ndjson --anchors anchors.json",
        "audit answer.json --study S-1 --from-export export.ndjson --anchors anchors.json",
        "audit answer.json --checkpoint checkpoint.txt --anchors anchors.json",
    ] {
        desk.run(line, "").expect(2, "Usage:");
    }
}

#[test]
fn an_approval_commits_to_nonces_that_this_board_can_open() {
    let desk = Desk::new();
    let mut study: Value = serde_json::from_str(&desk.read("study.json")).unwrap();
    study["policy"]["noise"] = json!("allowed");
    study["policy"]["epsilon"] = json!({ "per_query": "1", "per_study": "1", "per_dataset": "1" });
    let signed = |study: &Value, more: &str| {
        desk.put("study.json", study.to_string());
        desk.approve(more, "yes\n").expect(0, "Signed as Coast Ethics Board");
        let Statement::Study { approval } = transaction(&desk.read("tx.json")).statement else { panic!() };
        approval
    };
    let approval = signed(&study, "");
    assert_eq!(approval.nonces.unwrap().leaves, 1024);
    assert_eq!(signed(&study, " --nonces 3").nonces.unwrap().leaves, 3);
    // Signed again, as it is.
    let whole = serde_json::to_value(&approval).unwrap();
    assert_eq!(signed(&whole, " --nonces 3"), approval);
    // What another text or another board committed to could never be opened.
    let mut other = whole.clone();
    other["ethics_reference"] = json!("EC 2026/118");
    desk.put("study.json", other.to_string());
    desk.approve("", "yes\n").expect(2, "study.json: its nonces are not those of this key, this ledger and this text");
}

#[test]
fn a_nonce_is_opened_on_a_verified_ledger_that_goes_on_from_the_last_one() {
    let desk = Desk::new();
    desk.put("charter.json", OWED_CHARTER);
    let lines: Vec<&str> = OWED.lines().collect();
    let (owed, decided, asked) = (lines.join("\n"), lines[..6].join("\n"), lines[..5].join("\n"));
    let fork = format!("{}\n{OTHER_BLOCKS}", lines[..5].join("\n"));
    let block: Value = serde_json::from_str(lines[4]).unwrap();
    let asking: Transaction = serde_json::from_value(block["transactions"][0].clone()).unwrap();
    let open = |export: &str, more: &str| {
        desk.put("export.ndjson", export);
        let head = format!("open {} --from-export export.ndjson --key board.key", asking.id());
        desk.run(format!("{head} --charter charter.json --out nonce.json {more}").trim(), "")
    };
    let soon = "--as-of 2026-02-02T00:10:00Z";
    for (export, more, says) in [
        (&asked, soon, "a site may still decide about it until"),
        (&decided, soon, "the sponsor opens first"),
        (&owed, "--as-of 2026-02-01T23:00:00Z", "a ledger that runs ahead would make sites miss their time"),
        (&owed, "--as-of 2026-02-09T00:02:01Z", "open its nonce for"),
        (&owed, "", "open its nonce for"),
    ] {
        open(export, more).expect(1, says);
        assert!(!desk.path("nonce.json").exists() && !desk.path("board.key.seen").exists(), "{says}");
    }
    let first = open(&owed, soon).expect(0, "From then on the hospitals that accepted can answer");
    assert!(first.out.contains("No ledger was seen before with this key"), "{}", first.out);
    let first = desk.read("nonce.json");
    let Statement::BoardNonce { request, .. } = Transaction::parse(first.as_bytes()).unwrap().statement else {
        panic!("{first}")
    };
    let Statement::Query { request: of } = &asking.statement else { panic!() };
    assert_eq!(request, of.digest());
    // From now on every export has to go on from this one.
    let again = open(&owed, soon).expect(0, "Signed as Coast Ethics Board");
    assert!(!again.out.contains("No ledger was seen before"), "{}", again.out);
    assert_eq!(desk.read("nonce.json"), first, "it follows from the key");
    open(&decided, soon).expect(1, "board.key.seen: A split view, or an export that leaves out the end");
    open(&fork, soon).expect(1, "board.key.seen: A split view: at height 6");
    // Or from what somebody else was shown.
    std::fs::rename(desk.path("board.key.seen"), desk.path("of-a-friend.txt")).unwrap();
    open(&fork, &format!("{soon} --checkpoint of-a-friend.txt")).expect(1, "of-a-friend.txt: A split view");
    open(&fork, soon).expect(0, "Signed as Coast Ethics Board");
    desk.put("board.key.seen", "torn");
    open(&owed, soon).expect(2, "board.key.seen");
}
