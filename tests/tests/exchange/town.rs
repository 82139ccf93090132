//! A town of members, each with the real program, as processes over loopback.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::table::synthetic::synthetic_consent_file;
use serde_json::Value;

use crate::common::key_12;
use crate::http;
use crate::programs::program;

pub const STUDY: &str = "EC-2026-117";
pub const SPONSOR: &str = "Example University"; // as in the example's approval
pub const SITES: [&str; 2] = ["north", "south"];
/// A third hospital, without a table and without the program.
pub const WEST: &str = "west";
/// The examples' questions.
pub const GRADES: &str = "grade-3-by-treatment.json";
pub const AGES: &str = "age-by-decade.json";
/// Seconds that are never over in a test.
pub const LONG: u64 = 3600;
/// How long something may take before a test gives it up.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where everything is, and where the service listens.
pub struct Town {
    folder: tempfile::TempDir,
    address: Option<SocketAddr>,
}

/// A process; killed when dropped.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // SIGKILL
        let _ = self.0.wait();
    }
}

/// A hospital's batch job that watches, and where its events go.
pub struct Watching {
    _running: Running,
    events: PathBuf,
}

impl Watching {
    /// How many events of a kind there were. Written line by line; the last may be half there.
    pub fn count(&self, kind: &str) -> usize {
        let text = std::fs::read_to_string(&self.events).unwrap();
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["event"] == kind).count()
    }
}

/// What takes long and is the same in every town: made once, and copied.
struct Prepared {
    folder: PathBuf,
    /// As the charter is told of them.
    members: Vec<String>,
}

/// The third hospital's key.
pub fn west_key() -> MemberKey {
    MemberKey::from_bytes(&[77; 32])
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap(); // with its permissions
        }
    }
    std::fs::set_permissions(to, from.metadata().unwrap().permissions()).unwrap();
}

/// How many events of a kind there are.
pub fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["event"] == kind).count()
}

/// Waits until something is so.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The events that a job has printed.
pub fn events(out: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(out);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn run(command: &mut Command, exit: i32) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(exit), "{command:?}: {out}{error}");
    if exit == 0 { out } else { out + &error }
}

fn command_in(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program(words[0]));
    command.args(&words[1..]).current_dir(folder).stdin(Stdio::null());
    for (name, value) in [("CHARTER", "charter.json"), ("MEMBER_KEY", "sponsor.key")] {
        command.env(format!("COHORTIUM_{name}"), value);
    }
    command.env("COHORTIUM_KEYS", cohortium_tests::keys_folder());
    command
}

impl Prepared {
    /// Homes with their tables, and everybody's keys.
    fn make() -> Self {
        key_12(); // made, if there is none yet, where the programs look for it
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("town");
        let _ = std::fs::remove_dir_all(&folder); // of the last run
        std::fs::create_dir_all(&folder).unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer");
        for name in [
            "schema.json",
            "mapping-gbsg.json",
            "gbsg.csv",
            "policy.json",
            "approval.json",
            "rules.json",
            "queries/grade-3-by-treatment.json",
            "queries/age-by-decade.json",
            "scenes/out-of-scope.json",
        ] {
            std::fs::copy(examples.join(name), folder.join(Path::new(name).file_name().unwrap())).unwrap();
        }
        let ok = |words: &[&str]| run(&mut command_in(&folder, words), 0);
        SITES.iter().for_each(|site| Self::hospital(&folder, site, &ok));
        let public = |words: &[&str]| {
            let out = ok(words);
            let is_key = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            out.split(|c: char| !c.is_ascii_alphanumeric()).find(is_key).unwrap_or_else(|| panic!("{out}")).to_owned()
        };
        ok(&["cohortium-prover", "keys", "--shape", "query-12", "--out", "query-12.key"]);
        let operator = public(&["cohortium-server", "key", "--name", "Operator", "--out", "operator.key"]);
        let board = public(&["cohortium-verifier", "key", "--name", "Ethics board", "--out", "board.key"]);
        let sponsor = public(&["cohortium-sponsor", "key", "--name", SPONSOR, "--out", "sponsor.key"]);
        let mut members = vec![
            format!("operator:Operator:{operator}"),
            format!("board:Ethics board:{board}"),
            format!("sponsor:{SPONSOR}:{sponsor}:academic"),
            format!("hospital:{WEST}:{}", west_key().public()),
        ];
        for site in SITES {
            let key = public(&["cohortium-prover", "ledger", "key", "--home", site]);
            members.push(format!("hospital:{site}:{key}"));
        }
        Self { folder, members }
    }

    fn hospital(folder: &Path, site: &str, ok: &dyn Fn(&[&str]) -> String) {
        let csv = std::fs::read_to_string(folder.join("gbsg.csv")).unwrap();
        let patients = csv.lines().skip(1).map(|line| line.split(',').next().unwrap());
        let columns = ["DUO:0000042/academic".parse().unwrap()];
        let consent = format!("{site}.consent.csv");
        std::fs::write(folder.join(&consent), synthetic_consent_file(1, site, "pid", patients, &columns)).unwrap();
        let prover = "cohortium-prover";
        ok(&[prover, "init", "--home", site, "--site", site, "--policy", "policy.json"]);
        let files = ["--schema", "schema.json", "--mapping", "mapping-gbsg.json", "--csv", "gbsg.csv"];
        ok(&[&[prover, "import", "--home", site, "--consent", &consent], &files[..]].concat());
        ok(&[prover, "commit", "--home", site]);
    }
}

impl Town {
    /// A ledger under a charter with these times, served; both hospitals registered there, and a study approved.
    pub fn open(acceptance_seconds: u64, answer_seconds: u64) -> (Self, Running) {
        static PREPARED: OnceLock<Prepared> = OnceLock::new();
        let Prepared { folder: prepared, members } = PREPARED.get_or_init(Prepared::make);
        let mut town = Self { folder: tempfile::tempdir().unwrap(), address: None };
        copy(prepared, town.path());
        let times = [acceptance_seconds.to_string(), answer_seconds.to_string()];
        let mut words = vec!["cohortium-server", "charter", "--name", "test", "--accept-development-keys"];
        members.iter().for_each(|member| words.extend(["--member", member]));
        words.extend(["--acceptance-seconds", &times[0], "--answer-seconds", &times[1]]);
        words.extend(["--verifying-key", "query-12.key", "--out", "charter.json"]);
        town.ok(&words);
        let words = ["cohortium-server", "found", "--home", "ledger", "--charter", "charter.json"];
        town.ok(&[&words[..], &["--key", "operator.key", "--verifying-key", "query-12.key"]].concat());
        let served = town.serve();
        let url = town.url();
        for site in SITES {
            town.ok(&[
                "cohortium-prover",
                "ledger",
                "join",
                "--home",
                site,
                "--url",
                &url,
                "--charter",
                "charter.json",
            ]);
            town.ok(&["cohortium-prover", "ledger", "register", "--home", site]);
        }
        town.sign_and_post(&["approve", "approval.json", "--yes"]);
        (town, served)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address.unwrap())
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = command_in(self.path(), words);
        if let Some(address) = self.address {
            command.env("COHORTIUM_LEDGER", format!("http://{address}"));
        }
        command
    }

    /// Runs a program to its end: what it printed, with the errors should it end in another way.
    pub fn run(&self, exit: i32, words: &[&str]) -> String {
        run(&mut self.command(words), exit)
    }

    pub fn ok(&self, words: &[&str]) -> String {
        self.run(0, words)
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let out = self.ok(&[words, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"))
    }

    /// Serves the ledger; at the second time, where it did before.
    pub fn serve(&mut self) -> Running {
        let listen = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let words = ["cohortium-server", "serve", "--home", "ledger", "--listen", &listen, "--json"];
        let mut child = self.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let served = Running(child);
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.address = Some(told["listening"].as_str().unwrap().parse().unwrap());
        served
    }

    pub fn get(&self, path: &str) -> http::Answer {
        let answer = http::get(self.address.unwrap(), path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// How a site stands with a query, by the service.
    pub fn state(&self, id: &str, site: &str) -> String {
        self.get(&format!("/v1/queries/{id}")).json()["sites"][site]["state"].as_str().unwrap().to_owned()
    }

    /// Transactions on the ledger.
    pub fn size(&self) -> u64 {
        self.get("/v1/ledger").json()["size"].as_u64().unwrap()
    }

    /// The board signs, offline; the sponsor posts it for the board.
    pub fn sign_and_post(&self, words: &[&str]) {
        let more = ["--key", "board.key", "--charter", "charter.json", "--out", "board-tx.json"];
        self.ok(&[&["cohortium-verifier"], words, &more[..]].concat());
        self.ok(&["cohortium-sponsor", "post", "board-tx.json"]);
    }

    /// A hospital accepts by rule what is asked under the study.
    pub fn allow(&self, site: &str) {
        self.ok(&["cohortium-prover", "rules", "--home", site, "--set", "rules.json"]);
    }

    pub fn ask(&self, query: &str, sites: &[&str]) -> String {
        let mut words = vec!["cohortium-sponsor", "ask", query, "--approval", STUDY];
        sites.iter().for_each(|site| words.extend(["--site", site]));
        self.json(&words)["id"].as_str().unwrap().to_owned()
    }

    /// A hospital's batch job, once, not waited for.
    pub fn job_begun(&self, site: &str) -> Child {
        let mut command = self.command(&["cohortium-prover", "run", "--once", "--json", "--home", site]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// A hospital's batch job, once: its events.
    pub fn job(&self, site: &str) -> Vec<Value> {
        events(self.ok(&["cohortium-prover", "run", "--once", "--json", "--home", site]).as_bytes())
    }

    /// A hospital's batch job that looks every second.
    pub fn watch(&self, site: &str) -> Watching {
        let events = self.path().join(format!("{site}.events.jsonl"));
        let words = ["cohortium-prover", "run", "--watch", "--every", "1", "--json", "--home", site];
        let errors = File::create(self.path().join(format!("{site}.errors.txt"))).unwrap();
        let child = self.command(&words).stdout(File::create(&events).unwrap()).stderr(errors).spawn().unwrap();
        Watching { _running: Running(child), events }
    }

    /// A person at a hospital accepts.
    pub fn accept(&self, exit: i32, site: &str, id: &str) -> String {
        self.run(exit, &["cohortium-prover", "accept", id, "--yes", "--home", site])
    }

    /// All transactions, in their order: who said what, in JSON.
    pub fn said(&self) -> Vec<(String, Value)> {
        let export = self.get("/v1/export").text();
        let blocks = export.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
        let transactions = blocks.flat_map(|block| block["transactions"].as_array().unwrap().clone());
        transactions.map(|one| (one["member"].as_str().unwrap().to_owned(), one["statement"].clone())).collect()
    }

    /// How often something of this kind was said.
    pub fn kind(&self, kind: &str) -> usize {
        self.said().iter().filter(|(_, statement)| statement.get(kind).is_some()).count()
    }

    /// The board's audit of the study, from an export; it has to hold, and to be complete.
    pub fn audit(&self) -> Value {
        for name in ["anchors.json", "ledger.ndjson"] {
            let _ = std::fs::remove_file(self.path().join(name)); // of the last audit
        }
        self.ok(&["cohortium-sponsor", "anchors", "--verifying-key", "query-12.key", "--out", "anchors.json"]);
        self.ok(&["cohortium-sponsor", "export", "--out", "ledger.ndjson"]);
        let words = ["cohortium-verifier", "audit", "--study", STUDY, "--from-export", "ledger.ndjson"];
        let report = self.json(&[&words[..], &["--anchors", "anchors.json", "--report", "report.txt"]].concat());
        let complete = report["approvals"].as_array().unwrap().iter().all(|approval| approval["complete"] == true);
        assert!(report["verdict"] == "holds" && complete, "{report:#}");
        report
    }

    /// What an audit says of a site's part of a query.
    pub fn audited(report: &Value, id: &str, site: &str) -> String {
        let query = report["queries"].as_array().unwrap().iter().find(|query| query["query"] == id).unwrap();
        let part = query["sites"].as_array().unwrap().iter().find(|part| part["site"] == site).unwrap();
        part["status"]["state"].as_str().unwrap().to_owned()
    }

    /// The service has ended: its log holds, and so does each hospital's record of what left.
    pub fn check(&self) {
        self.ok(&["cohortium-server", "check", "--home", "ledger"]);
        for site in SITES {
            self.ok(&["cohortium-prover", "outgoing", "--check", "--home", site]);
        }
    }
}
