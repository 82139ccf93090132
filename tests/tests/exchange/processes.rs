//! The exchange as it is run: every member's own program, as processes, over loopback; the service killed in between.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cohortium_protocol::table::synthetic::synthetic_consent_file;
use serde_json::Value;

use crate::common::key_12;
use crate::http;
use crate::programs::program;

const STUDY: &str = "EC-2026-117";
const SPONSOR: &str = "Example University"; // as in the example's approval
const SITES: [&str; 2] = ["north", "south"];
const BECAUSE: &str = "the registry is being cleaned until March";

/// Where everything is, and where the service listens.
struct Town {
    folder: tempfile::TempDir,
    address: Option<SocketAddr>,
}

/// The service, as a process; killed when dropped.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill(); // SIGKILL
        let _ = self.0.wait();
    }
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer");
        let queries = ["queries/grade-3-by-treatment.json", "queries/age-by-decade.json", "scenes/out-of-scope.json"];
        for name in ["schema.json", "mapping-gbsg.json", "gbsg.csv", "policy.json", "approval.json", "rules.json"]
            .iter()
            .chain(&queries)
        {
            std::fs::copy(examples.join(name), folder.path().join(Path::new(name).file_name().unwrap())).unwrap();
        }
        Self { folder, address: None }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(program(words[0]));
        command.args(&words[1..]).current_dir(self.path()).stdin(Stdio::null());
        for (name, value) in [("CHARTER", "charter.json"), ("MEMBER_KEY", "sponsor.key")] {
            command.env(format!("COHORTIUM_{name}"), value);
        }
        command.env("COHORTIUM_KEYS", cohortium_tests::keys_folder());
        if let Some(address) = self.address {
            command.env("COHORTIUM_LEDGER", format!("http://{address}"));
        }
        command
    }

    /// Runs a program to its end: what it printed, of which the errors are shown should it end in another way.
    fn run(&self, exit: i32, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {out}{error}");
        if exit == 0 { out } else { out + &error }
    }

    fn ok(&self, words: &[&str]) -> String {
        self.run(0, words)
    }

    fn json(&self, words: &[&str]) -> Value {
        let out = self.ok(&[words, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}"))
    }

    /// Serves the ledger; at the second time, where it did before.
    fn serve(&mut self) -> Served {
        let listen = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let words = ["cohortium-server", "serve", "--home", "ledger", "--listen", &listen, "--json"];
        let mut child = self.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let served = Served(child);
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.address = Some(told["listening"].as_str().unwrap().parse().unwrap());
        served
    }

    fn get(&self, path: &str) -> http::Answer {
        let answer = http::get(self.address.unwrap(), path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// How a site stands with a query, by the service.
    fn state(&self, id: &str, site: &str) -> String {
        self.get(&format!("/v1/queries/{id}")).json()["sites"][site]["state"].as_str().unwrap().to_owned()
    }

    /// A hospital's home, with its table in it.
    fn hospital(&self, site: &str) {
        let csv = self.read("gbsg.csv");
        let patients = csv.lines().skip(1).map(|line| line.split(',').next().unwrap());
        let columns = ["DUO:0000042/academic".parse().unwrap()];
        let consent = format!("{site}.consent.csv");
        self.write(&consent, &synthetic_consent_file(1, site, "pid", patients, &columns));
        let prover = "cohortium-prover";
        self.ok(&[prover, "init", "--home", site, "--site", site, "--policy", "policy.json"]);
        let files = ["--schema", "schema.json", "--mapping", "mapping-gbsg.json", "--csv", "gbsg.csv"];
        self.ok(&[&[prover, "import", "--home", site, "--consent", &consent], &files[..]].concat());
        self.ok(&[prover, "commit", "--home", site]);
    }

    /// Everybody's keys, the charter, the ledger's home.
    fn found(&self) {
        let public = |words: &[&str]| {
            let out = self.ok(words);
            let is_key = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            out.split(|c: char| !c.is_ascii_alphanumeric()).find(is_key).unwrap_or_else(|| panic!("{out}")).to_owned()
        };
        self.ok(&["cohortium-prover", "keys", "--shape", "query-12", "--out", "query-12.key"]);
        let operator = public(&["cohortium-server", "key", "--name", "Operator", "--out", "operator.key"]);
        let board = public(&["cohortium-verifier", "key", "--name", "Ethics board", "--out", "board.key"]);
        let sponsor = public(&["cohortium-sponsor", "key", "--name", SPONSOR, "--out", "sponsor.key"]);
        let mut members = vec![
            format!("operator:Operator:{operator}"),
            format!("board:Ethics board:{board}"),
            format!("sponsor:{SPONSOR}:{sponsor}:academic"),
        ];
        for site in SITES {
            let key = public(&["cohortium-prover", "ledger", "key", "--home", site]);
            members.push(format!("hospital:{site}:{key}"));
        }
        let mut words = vec!["cohortium-server", "charter", "--name", "test", "--accept-development-keys"];
        members.iter().for_each(|member| words.extend(["--member", member]));
        words.extend(["--verifying-key", "query-12.key", "--out", "charter.json"]);
        self.ok(&words);
        let words = ["cohortium-server", "found", "--home", "ledger", "--charter", "charter.json"];
        self.ok(&[&words[..], &["--key", "operator.key", "--verifying-key", "query-12.key"]].concat());
    }

    fn ask(&self, query: &str) -> String {
        let words = ["cohortium-sponsor", "ask", query, "--approval", STUDY, "--site", "north", "--site", "south"];
        self.json(&words)["id"].as_str().unwrap().to_owned()
    }

    /// A hospital's batch job, once: how many events there were of a kind.
    fn job(&self, site: &str, kind: &str) -> usize {
        let out = self.ok(&["cohortium-prover", "run", "--once", "--json", "--home", site]);
        let events = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["event"] == kind).count()
    }
}

#[test]
fn from_keys_to_the_audit_of_a_study_with_the_service_killed_in_between() {
    key_12(); // made, if there is none yet, where the programs look for it
    let mut town = Town::new();
    SITES.iter().for_each(|site| town.hospital(site));
    town.found();
    let served = town.serve();
    let url = format!("http://{}", town.address.unwrap());
    for site in SITES {
        town.ok(&["cohortium-prover", "ledger", "join", "--home", site, "--url", &url, "--charter", "charter.json"]);
        town.ok(&["cohortium-prover", "ledger", "register", "--home", site]);
    }
    town.ok(&["cohortium-prover", "rules", "--home", "north", "--set", "rules.json"]);
    let words = ["cohortium-verifier", "approve", "approval.json", "--key", "board.key", "--charter", "charter.json"];
    town.ok(&[&words[..], &["--yes", "--out", "study-tx.json"]].concat());
    town.ok(&["cohortium-sponsor", "post", "study-tx.json"]);

    // Out of the study's scope: refused. In it: the south waits for a person, who declines.
    let words = ["cohortium-sponsor", "ask", "out-of-scope.json", "--approval", STUDY, "--site", "north"];
    assert!(town.run(1, &words).contains("sponsor_class"));
    let first = town.ask("grade-3-by-treatment.json");
    assert_eq!(town.job("south", "hold"), 1);
    town.ok(&["cohortium-prover", "decline", &first, "--because", BECAUSE, "--home", "south"]);
    town.job("south", "decline");
    assert_eq!(town.state(&first, "south"), "declined");

    // The north accepts by its rules. Then the service is killed, and starts again while the job proves.
    let words = ["cohortium-prover", "run", "--once", "--home", "north"];
    let mut job = town.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while town.state(&first, "north") == "submitted" {
        assert!(begun.elapsed() < Duration::from_secs(120) && job.try_wait().unwrap().is_none(), "nothing is accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(served);
    let served = town.serve();
    assert_eq!(town.state(&first, "north"), "accepted", "what was acknowledged is there, and no release yet");
    let note = town.get("/v1/checkpoint").text();
    town.write("checkpoint.txt", &note);
    // The job goes on by itself; and if it found nobody for too long, the next one does.
    let output = job.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("the job gave up: {}", String::from_utf8_lossy(&output.stderr));
        town.job("north", "release");
    }
    assert_eq!(town.state(&first, "north"), "answered");
    assert_eq!(town.job("north", "release"), 0, "it answers once");

    // A second question: by rule, and by a person.
    let second = town.ask("age-by-decade.json");
    assert_eq!((town.job("north", "release"), town.job("south", "hold")), (1, 1));
    town.ok(&["cohortium-prover", "accept", &second, "--yes", "--home", "south"]);
    assert_eq!(town.job("south", "release"), 1);

    let followed = town.json(&["cohortium-sponsor", "follow", &first, "--wait", "--every", "1"]);
    assert_eq!(followed["status"]["words"], "answered by 1 of 2 sites");
    let shown = town.json(&["cohortium-sponsor", "results", &first, "--csv", "first.csv"]);
    let verdicts: Vec<_> = shown["verdicts"].as_array().unwrap().iter().map(|site| &site["verdict"]).collect();
    assert_eq!(verdicts, ["holds"], "{shown:#}");
    assert!(shown["results"].to_string().contains(BECAUSE) && town.read("first.csv").contains("north"));
    let shown = town.json(&["cohortium-sponsor", "results", &second]);
    assert_eq!(shown["verdicts"].as_array().unwrap().len(), 2, "{shown:#}");

    // The board audits one answer, and then the study; it holds a checkpoint from before.
    town.ok(&["cohortium-sponsor", "anchors", "--verifying-key", "query-12.key", "--out", "anchors.json"]);
    town.ok(&["cohortium-sponsor", "bundle", &second, "south", "--out", "answer.json"]);
    let audit = town.json(&["cohortium-verifier", "audit", "answer.json", "--anchors", "anchors.json"]);
    assert_eq!(audit["verdict"], "holds", "{audit:#}");
    let answer = town.read("answer.json");
    let altered = answer.replacen(r#""state":"value","value":"#, r#""state":"value","value":5"#, 1);
    assert_ne!(answer, altered);
    town.write("altered.json", &altered);
    town.run(1, &["cohortium-verifier", "audit", "altered.json", "--anchors", "anchors.json"]);

    town.ok(&["cohortium-sponsor", "export", "--out", "ledger.ndjson"]);
    let study = |exit, export: &str, checkpoint: &str| {
        let words = ["cohortium-verifier", "audit", "--study", STUDY, "--from-export", export];
        town.run(exit, &[&words[..], &["--checkpoint", checkpoint, "--anchors", "anchors.json"]].concat())
    };
    let report = study(0, "ledger.ndjson", "checkpoint.txt");
    assert!(report.contains(BECAUSE) && SITES.iter().all(|site| report.contains(site)), "{report}");
    // An export that ends before a checkpoint that the board has is not the whole.
    town.write("last.txt", &town.get("/v1/checkpoint").text());
    study(0, "ledger.ndjson", "last.txt");
    let export = town.read("ledger.ndjson");
    let last = export.trim_end().rfind('\n').unwrap();
    town.write("short.ndjson", &export[..=last]);
    study(1, "short.ndjson", "last.txt");

    drop(served);
    town.ok(&["cohortium-server", "check", "--home", "ledger"]);
    SITES.iter().for_each(|site| drop(town.ok(&["cohortium-prover", "outgoing", "--check", "--home", site])));
}
