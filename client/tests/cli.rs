//! The sponsor's program: what it takes, what it refuses, what it prints, how it exits.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod service;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::ledger::{Charter, MemberKey, Statement, Transaction};
use serde_json::Value;
use service::Service;
use tempfile::TempDir;

fn key(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

fn charter() -> String {
    let member = |name: &str, role: &str, more: &str, byte: u8| {
        format!(r#"{{"name": "{name}", "role": "{role}", {more} "key": "{}"}}"#, key(byte).public())
    };
    let members = [
        member("north", "hospital", "", 1),
        member("Board", "board", "", 3),
        member("Sponsor", "sponsor", "\"class\": \"academic\",", 4),
        member("Operator", "operator", "", 5),
    ];
    format!(
        r#"{{"format": "cohortium-charter/1", "name": "trial", "founded": "2026-11-24", "members": [{}],
            "verifying_keys": [], "acceptance_seconds": 100, "answer_seconds": 100, "opening_share": 9}}"#,
        members.join(",")
    )
}

const APPROVAL: &str = r#"{"format": "cohortium-approval/1", "study": "EC-2026-117", "ethics_reference": "EC 2026/117",
    "sponsor": "Sponsor", "purpose": "DUO:0000042", "sponsor_class": "academic", "tables": ["synthetic"], "columns": null,
    "policy": {"format": "cohortium-policy/1", "min_cell": 8, "rounding": 5, "show_zeros": false, "sums": "none"}, "expires": "2030-12-31"}"#;

/// A folder with a charter and keys, and a ledger.
struct Desk {
    folder: TempDir,
    service: Service,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("charter.json"), charter()).unwrap();
        for (name, byte) in [("Sponsor", 4), ("north", 1), ("Nobody", 9)] {
            let path = folder.path().join(format!("{name}.key"));
            cohortium_client::key_file::write(&path, name, &key(byte)).unwrap();
        }
        let service = Service::start(Charter::parse(&charter()).unwrap(), Vec::new(), key(5));
        Self { folder, service }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn approve(&self) -> Approval {
        let approval = Approval::parse(APPROVAL).unwrap();
        let ledger = Charter::parse(&charter()).unwrap().ledger();
        let statement = Statement::Study { approval: Box::new(approval.clone()) };
        self.service.admit(Transaction::sign(&ledger, "Board", statement, &key(3)));
        approval
    }

    /// Runs with the ledger, the charter and the sponsor's key named.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = bare(self.folder.path(), arguments);
        command
            .env("COHORTIUM_LEDGER", &self.service.url)
            .env("COHORTIUM_CHARTER", self.path("charter.json"))
            .env("COHORTIUM_MEMBER_KEY", self.path("Sponsor.key"));
        command.output().unwrap()
    }
}

fn bare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cohortium-sponsor"));
    command.args(arguments).current_dir(folder);
    for name in ["COHORTIUM_LEDGER", "COHORTIUM_CHARTER", "COHORTIUM_MEMBER_KEY", "COHORTIUM_CA"] {
        command.env_remove(name);
    }
    command
}

fn text(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[track_caller]
fn refused(output: &Output, exit: i32, sentence: &str) {
    let (code, out, error) = text(output);
    assert_eq!(code, exit, "{out}{error}");
    assert!(error.contains(sentence), "{error}");
}

#[test]
fn every_command_has_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "key", "datasets", "studies", "plan", "ask", "sign", "post", "follow", "results", "bundle", "export", "anchors",
    ] {
        let (code, out, _) = text(&bare(folder.path(), &[command, "--help"]).output().unwrap());
        assert_eq!(code, 0);
        assert!(out.contains(&format!("cohortium-sponsor {command}")), "{command}: {out}");
    }
    // A dry run leaves no trace, and is no secret.
    let (_, out, _) = text(&bare(folder.path(), &["plan", "--help"]).output().unwrap());
    assert!(out.contains("Nothing is posted") && out.contains("The ledger service sees the query"), "{out}");
    let (code, out, _) = text(&bare(folder.path(), &["--help"]).output().unwrap());
    assert!(code == 0 && out.contains("Exit codes: 0 done; 1 refused") && out.contains("COHORTIUM_CHARTER"), "{out}");
}

#[test]
fn what_is_missing_is_asked_for() {
    let desk = Desk::new();
    let folder = desk.folder.path();
    let id = "0".repeat(64);
    let query = desk.write("query.json", "{}");
    let query = query.to_str().unwrap();
    let charter = desk.path("charter.json");
    for (arguments, sentence) in [
        (vec!["datasets"], "where is the ledger? Give its address with --url, or in COHORTIUM_LEDGER"),
        (vec!["follow", &id], "where is the ledger?"),
        (vec!["anchors", "--out", "a.json"], "which charter do you trust? Name its file with --charter"),
        (vec!["key", "--out", "a.key"], "whose key is it? Give the member's name with --name"),
        (vec!["datasets", "--url", "ledger.example.org"], "it begins with https:// or http://"),
        (
            vec!["datasets", "--url", "https://me:pw@ledger.example.org"],
            "a name or password in the address is not used",
        ),
        (vec!["datasets", "--url", "https://h", "--ca", "none.pem"], "cannot read none.pem"),
        (vec!["datasets", "--url", "http://127.0.0.1:1"], "cannot be reached"),
        (vec!["results", &id, "--url", "https://h"], "which charter do you trust?"),
        (vec!["results", &id, "--url", "https://h", "--charter", query], "the charter cannot be read"),
        (
            vec!["results", &id, "--url", "http://127.0.0.1:1", "--charter", charter.to_str().unwrap()],
            "cannot be reached",
        ),
        (vec!["sign", query, "--out", "t.json"], "missing field `format`"),
        (vec!["post", "none.json"], "cannot read none.json"),
    ] {
        let output = bare(folder, &arguments).output().unwrap();
        let exit = if arguments[0] == "sign" { 1 } else { 2 };
        refused(&output, exit, sentence);
    }
    assert!(!desk.path("a.json").exists() && !desk.path("a.key").exists());
    // What clap refuses, it explains.
    for arguments in [
        vec!["ask", query],
        vec!["ask", query, "--approval", "S"],
        vec!["ask", query, "--approval", "S", "--site", "north", "--no-post"],
        vec!["datasets", "north"],
        vec!["follow", &id, "--every", "0"],
        vec!["follow", &id, "--at-most", "5"],
        vec!["frobnicate"],
    ] {
        refused(&bare(folder, &arguments).output().unwrap(), 2, "try '--help'");
    }
}

#[test]
fn keys_are_made_once_and_never_printed() {
    let desk = Desk::new();
    let output = desk.run(&["key", "--name", "New Sponsor", "--out", "new.key", "--json"]);
    let (code, out, _) = text(&output);
    assert_eq!(code, 0);
    let json: Value = serde_json::from_str(&out).unwrap();
    let file: Value = serde_json::from_str(&std::fs::read_to_string(desk.path("new.key")).unwrap()).unwrap();
    let secret = file["secret"].as_str().unwrap();
    assert!(!out.contains(secret) && json["ok"] == true && json["member"] == "New Sponsor");
    assert_eq!(json["key"], MemberKey::from_hex(secret).unwrap().public().to_string());
    refused(&desk.run(&["key", "--name", "Other", "--out", "new.key"]), 2, "exists already, and is not replaced");
    let bad = desk.run(&["key", "--name", "two\nlines", "--out", "bad.key"]);
    refused(&bad, 2, "one line of 1 to 120 printable characters");
    assert!(!desk.path("bad.key").exists());
}

#[test]
fn whose_key_it_is_matters() {
    let desk = Desk::new();
    let approval = desk.approve();
    let query = desk.write("query.json", QUERY);
    let ask = |key: &str, more: &[&str]| {
        let key = desk.path(key);
        let mut arguments = vec!["ask", query.to_str().unwrap(), "--approval", "EC-2026-117", "--site", "north"];
        arguments.extend(["--key", key.to_str().unwrap()]);
        arguments.extend(more);
        desk.run(&arguments)
    };
    refused(&ask("Nobody.key", &[]), 1, "the charter names no \"Nobody\"");
    refused(&ask("north.key", &[]), 1, "\"north\" is a hospital, and a query is for a sponsor to sign");
    refused(&ask("Sponsor.key", &["--name", "Other"]), 1, "--name is \"Other\", but ");
    refused(&ask("none.key", &[]), 2, "cannot read ");
    let other = desk.path("other.key");
    cohortium_client::key_file::write(&other, "Sponsor", &key(8)).unwrap();
    refused(&ask("other.key", &[]), 1, &format!("the charter has the key {} for \"Sponsor\"", key(4).public()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o644)).unwrap();
        refused(&ask("other.key", &[]), 1, "its permissions are 0644");
    }
    // Everything is right but that the site has registered nothing.
    refused(&ask("Sponsor.key", &[]), 2, "there is no such thing on this ledger");
    // Nothing was posted by any of this.
    assert_eq!(desk.service.asked("POST /v1/transactions"), 0);
    drop(approval);
}

const QUERY: &str = r#"{"format": "cohortium-query/1", "title": "A question", "table": "synthetic", "study": "EC-2026-117",
    "purpose": "DUO:0000042", "sponsor_class": "academic"}"#;

#[test]
fn studies_are_found_by_name_and_shown_from_the_document() {
    let desk = Desk::new();
    refused(&desk.run(&["studies", "EC-2026-117"]), 2, "the ledger has no study \"EC-2026-117\"; it has none");
    let (code, out, _) = text(&desk.run(&["studies"]));
    assert_eq!((code, out.as_str()), (0, "No study is approved on this ledger yet.\n"));
    let approval = desk.approve();
    let digest = approval.digest().to_string();
    let (code, out, _) = text(&desk.run(&["studies"]));
    assert!(code == 0 && out.contains(&digest) && out.contains("in force"), "{out}");
    for name in ["EC-2026-117", &digest] {
        let (code, out, _) = text(&desk.run(&["studies", name]));
        assert!(
            code == 0 && out.contains("Study EC-2026-117, EC 2026/117") && out.contains("0 queries so far"),
            "{out}"
        );
    }
    // Another document than the digest says.
    desk.service.bend(|path, answer| match path.starts_with("/v1/studies/") {
        true => answer.edit(|body| body["document"]["expires"] = "2031-12-31".into()),
        false => answer,
    });
    refused(&desk.run(&["studies", &digest]), 1, "the ledger gives the approval");
}

#[test]
fn a_dry_run_shows_every_budget_before_and_after() {
    let desk = Desk::new();
    desk.approve();
    let query = r#"{"format": "cohortium-query/1", "title": "All", "table": "synthetic", "study": "EC-2026-117",
        "purpose": "DUO:0000042", "sponsor_class": "academic", "measures": {}}"#;
    desk.write("query.json", query);
    let budget = |what: &str, left: Option<&str>| serde_json::json!({ "what": what, "unit": "epsilon", "spent": "2.8", "asked": "0.3", "left_after": left, "limit": "4" });
    let site = serde_json::json!({
        "site": "north", "allowed": true, "policy": "smallest cell 8",
        "budgets": [budget("epsilon of study S", Some("0.9")), budget("epsilon of all studies", None)],
        "estimate": { "seconds": 4, "memory_bytes": 470_810_624_u64 },
    });
    desk.service.bend(move |path, answer| match path {
        "/v1/plan" => answer.edit(|body| {
            body["sites"] = vec![site.clone()].into();
            body["allowed"] = true.into();
        }),
        _ => answer,
    });
    let plan = |more: &[&str]| {
        desk.run(&[&["plan", "query.json", "--study", "EC-2026-117", "--site", "north"], more].concat())
    };
    let (code, out, error) = text(&plan(&["--epsilon", "count=0.3"]));
    assert_eq!(code, 0, "{error}");
    for says in [
        "  epsilon of study S: 2.8 spent of 4, 0.3 asked, 0.9 left afterwards\n",
        "  epsilon of all studies: 2.8 spent of 4, 0.3 asked, NOT ENOUGH\n",
        "  the answer costs the hospital about 4 CPU-seconds and 449 MiB\n",
    ] {
        assert!(out.contains(says), "{out}");
    }
    let (code, out, _) = text(&plan(&["--json"]));
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["answer"]["sites"][0]["budgets"][0]["left_after"]), (0, &"0.9".into()));
    refused(&plan(&["--epsilon", "sum=0.3"]), 2, "no epsilon is stated for the count");
}

#[test]
fn anchors_come_from_the_charter() {
    let desk = Desk::new();
    let (code, out, error) = text(&desk.run(&["anchors", "--out", "anchors.json", "--json"]));
    assert_eq!(code, 0, "{error}");
    let json: Value = serde_json::from_str(&out).unwrap();
    let charter = Charter::parse(&charter()).unwrap();
    assert_eq!(json["charter"], charter.digest().to_string());
    let text_of = std::fs::read_to_string(desk.path("anchors.json")).unwrap();
    let anchors = cohortium_verifier::Anchors::parse(&text_of).unwrap();
    assert_eq!(json["anchors"], anchors.digest().to_string());
    assert_eq!(anchors.charter().unwrap().ledger(), charter.ledger());
    let bad = desk.write("bad.json", "{}");
    refused(
        &desk.run(&["anchors", "--out", "b.json", "--verifying-key", bad.to_str().unwrap()]),
        2,
        "bad.json: missing field",
    );
}

#[test]
fn a_split_view_between_two_runs_is_caught() {
    let desk = Desk::new();
    let approval = desk.approve();
    let id = {
        let inner = desk.service.lock();
        inner.transactions[0].0.id().to_string()
    };
    refused(&desk.run(&["results", &id]), 2, "there is no such thing");
    assert!(desk.path("charter.json.seen").exists());
    // The same ledger with another history of the same length.
    let other = Service::start(Charter::parse(&charter()).unwrap(), Vec::new(), key(5));
    let ledger = Charter::parse(&charter()).unwrap().ledger();
    let amended = Approval { expires: "2031-12-31".parse().unwrap(), ..approval };
    let statement = Statement::Study { approval: Box::new(amended) };
    other.admit(Transaction::sign(&ledger, "Board", statement, &key(3)));
    let output = desk.run(&["results", &id, "--url", &other.url, "--json"]);
    refused(&output, 1, "split view");
    let json: Value = serde_json::from_str(&text(&output).1).unwrap();
    assert_eq!((json["rule"].as_str(), json["checkpoints"].as_array().unwrap().len()), (Some("split-view"), 2));
    // A file that is no checkpoint stops everything, and is not overwritten.
    desk.write("charter.json.seen", "{}");
    refused(
        &desk.run(&["results", &id]),
        2,
        "charter.json.seen: what was kept of the last checkpoint seen cannot be used",
    );
}

#[test]
fn an_export_is_whole_or_not_there() {
    let desk = Desk::new();
    desk.approve();
    let (code, _, error) = text(&desk.run(&["export", "--out", "ledger.ndjson"]));
    assert_eq!(code, 0, "{error}");
    assert_eq!(std::fs::read_to_string(desk.path("ledger.ndjson")).unwrap().lines().count(), 2);
    refused(&desk.run(&["export", "--out", "small.ndjson", "--limit", "100"]), 2, "longer than 100 bytes");
    assert!(!desk.path("small.ndjson").exists());
    assert_eq!(
        std::fs::read_dir(desk.folder.path())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().contains("partial") })
            .count(),
        0
    );
}

#[test]
fn posting_a_file_twice_changes_nothing() {
    let desk = Desk::new();
    let ledger = Charter::parse(&charter()).unwrap().ledger();
    let statement = Statement::Study { approval: Box::new(Approval::parse(APPROVAL).unwrap()) };
    let transaction = Transaction::sign(&ledger, "Board", statement, &key(3));
    let path = desk.write("tx.json", &serde_json::to_string(&transaction).unwrap());
    let path = path.to_str().unwrap();
    let (code, out, _) = text(&desk.run(&["post", path]));
    assert!(code == 0 && out.starts_with("Posted as transaction"), "{out}");
    let (code, out, _) = text(&desk.run(&["post", path]));
    assert!(code == 0 && out.starts_with("It was there already"), "{out}");
    let forged = serde_json::to_string(&transaction).unwrap().replace("\"member\":\"Board\"", "\"member\":\"north\"");
    let forged = desk.write("forged.json", &forged);
    let output = desk.run(&["post", forged.to_str().unwrap(), "--json"]);
    refused(&output, 1, "[rule role]");
    let json: Value = serde_json::from_str(&text(&output).1).unwrap();
    assert_eq!((json["ok"].as_bool(), json["rule"].as_str()), (Some(false), Some("role")));
    refused(&desk.run(&["post", desk.write("no.json", "[]").to_str().unwrap()]), 1, "the transaction cannot be read");
}
