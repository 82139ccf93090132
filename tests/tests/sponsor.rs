//! The sponsor's program from the catalogue to verified numbers: a real process, HTTP over loopback, real proofs.

#![allow(clippy::unwrap_used, unreachable_pub)] // a test stops where it fails

mod common;
#[path = "exchange/programs.rs"]
mod programs;
#[path = "../../client/tests/service/mod.rs"]
mod service;

use std::process::Command;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, Charter, MemberKey, Statement, Transaction};
use cohortium_protocol::policy::Cell;
use cohortium_protocol::query::Query;
use cohortium_protocol::results::{PooledCell, QueryResults, SiteAnswer};
use cohortium_prover::pipeline::prepare;
use cohortium_tests::{Hospital, anchors_document, approval, first_batch, usual_policy};
use cohortium_verifier::Anchors;
use rand::rngs::OsRng;
use serde_json::Value;
use service::{Answer, Service};

use common::{STUDY, key_12, query};
use programs::program;

const SPONSOR: &str = "University of the Coast";

fn member(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

fn charter() -> Charter {
    let entry = |name: &str, role: &str, more: &str, byte: u8| {
        format!(r#"{{"name": "{name}", "role": "{role}", {more} "key": "{}"}}"#, member(byte).public())
    };
    let members = [
        entry("north", "hospital", "", 1),
        entry("south", "hospital", "", 2),
        entry("Board", "board", "", 3),
        entry(SPONSOR, "sponsor", "\"class\": \"academic\",", 4),
        entry("Operator", "operator", "", 5),
    ];
    Charter::parse(&format!(
        r#"{{"format": "cohortium-charter/1", "name": "trial", "founded": "2026-11-24", "members": [{}],
            "verifying_keys": [{{"shape": "query-12", "id": "{}"}}], "accept_development_keys": true,
            "acceptance_seconds": 86400, "answer_seconds": 86400, "opening_share": 9}}"#,
        members.join(","),
        key_12().verifying().id()
    ))
    .unwrap()
}

/// Two hospitals on a ledger, an approved study, and a sponsor's folder.
struct Exchange {
    service: Service,
    charter: Charter,
    north: Hospital,
    south: Hospital,
    approval: Approval,
    folder: tempfile::TempDir,
}

fn signed(charter: &Charter, name: &str, byte: u8, statement: Statement) -> Transaction {
    Transaction::sign(&charter.ledger(), name, statement, &member(byte))
}

impl Exchange {
    fn new() -> Self {
        let charter = charter();
        let key = VerifyingKey::from_document(&key_12().verifying().to_document()).unwrap();
        let service = Service::start(charter.clone(), vec![key], member(5));
        // The service's clock begins in November.
        let until = "2026-12-20".parse().unwrap();
        let north = Hospital::synthetic("north", 600, 21, usual_policy()).until(until);
        let south = Hospital::synthetic("south", 300, 22, usual_policy()).until(until);
        for (hospital, byte) in [(&north, 1), (&south, 2)] {
            let schema = Box::new(hospital.schema.clone());
            let Batch { number, leaves, root } = first_batch(hospital.name());
            let statements = [
                Statement::Manifest { manifest: hospital.manifest.clone(), schema },
                Statement::Consents { number, leaves, root },
                Statement::Epoch { epoch: hospital.epoch.clone() },
                Statement::Floor { number: 1, policy: hospital.floor.clone() },
            ];
            for statement in statements {
                service.admit(signed(&charter, hospital.name(), byte, statement));
            }
        }
        let approval = approval(STUDY, "synthetic", usual_policy(), &[]);
        service.admit(signed(&charter, "Board", 3, Statement::Study { approval: Box::new(approval.clone()) }));

        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        write("charter.json", serde_json::to_string(&charter).unwrap());
        write("query.json", serde_json::to_string(&grouped()).unwrap());
        let path = folder.path().join("sponsor.key");
        cohortium_client::key_file::write(&path, SPONSOR, &member(4)).unwrap();
        Self { service, charter, north, south, approval, folder }
    }

    /// Runs the program in its folder; exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::new(program("cohortium-sponsor"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("COHORTIUM_LEDGER", &self.service.url)
            .env("COHORTIUM_CHARTER", "charter.json")
            .env("COHORTIUM_MEMBER_KEY", "sponsor.key")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn json(&self, exit: i32, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let (code, out, error) = self.run(&arguments);
        assert_eq!(code, exit, "{out}{error}");
        serde_json::from_str(&out).unwrap()
    }

    fn ask(&self) -> String {
        let json = self.json(0, &["ask", "query.json", "--approval", STUDY, "--site", "north", "--site", "south"]);
        json["id"].as_str().unwrap().to_owned()
    }

    fn request(&self, id: &str) -> Request {
        let id: Digest = id.parse().unwrap();
        self.service.lock().state.query(&id).unwrap().request.document.as_ref().clone()
    }

    fn say(&self, hospital: &Hospital, statement: Statement) {
        let byte = if hospital.name() == "north" { 1 } else { 2 };
        self.service.admit(signed(&self.charter, hospital.name(), byte, statement));
    }

    /// A hospital accepts, proves and posts; what it released.
    fn answer(&self, hospital: &Hospital, id: &str) -> Vec<Cell> {
        let request = self.request(id);
        self.say(hospital, Statement::Accept { request: request.digest() });
        let mut anchors = anchors_document(&[&self.north, &self.south], &[key_12()], &[&self.approval]);
        anchors.ledger = self.charter.ledger();
        let anchors = Anchors::check(anchors).unwrap();
        let site = hospital.site();
        let prepared = prepare(&request, &self.approval, &site, None).unwrap();
        let bundle = prepared.prove(key_12(), &anchors, &mut OsRng, &mut |_, _| ()).unwrap();
        let proof = Box::new(bundle.proof);
        let counts = proof.cells.iter().map(|cells| cells.count).collect();
        self.say(hospital, Statement::Release { request: request.digest(), proof });
        counts
    }
}

fn grouped() -> Query {
    query(r#""group_by": [{"column": "sex"}]"#)
}

#[test]
fn from_the_catalogue_to_verified_numbers() {
    let exchange = Exchange::new();
    let (code, out, _) = exchange.run(&["datasets"]);
    assert!(code == 0 && out.contains("north") && out.contains("south") && out.contains("synthetic"), "{out}");
    let (code, out, _) = exchange.run(&["datasets", "north", "synthetic"]);
    assert!(code == 0 && out.contains("sex (flag): no, yes") && out.contains("Policy floor: "), "{out}");
    let (code, out, _) = exchange.run(&["plan", "query.json", "--study", STUDY, "--site", "north"]);
    assert!(code == 0 && out.contains("as number 1 under the approval"), "{out}");
    let (code, _, error) = exchange.run(&["plan", "query.json", "--study", STUDY, "--site", "east"]);
    assert!(code == 1 && error.contains("would not be admitted: east: it has registered nothing"), "{error}");

    // The service has too much to do, twice; then somebody else was faster, once: the request is made anew.
    let (mut busy, mut late) = (2, true);
    exchange.service.bend(move |path, answer| match path {
        "/v1/plan" if busy > 0 => {
            busy -= 1;
            Answer::problem(503, "busy", "2 dry runs are worked on, the most at one time").header("Retry-After", "1")
        }
        "/v1/plan" if std::mem::take(&mut late) => answer.edit(|body| body["sequence"] = 2.into()),
        _ => answer,
    });
    let plans = exchange.service.asked("POST /v1/plan");
    let (code, out, error) =
        exchange.run(&["ask", "query.json", "--approval", STUDY, "--site", "north", "--site", "south", "--json"]);
    assert!(code == 0 && error.contains("made anew: ") && error.contains("[rule number]"), "{error}");
    assert_eq!(exchange.service.asked("POST /v1/plan"), plans + 4);
    let id = serde_json::from_str::<Value>(&out).unwrap()["id"].as_str().unwrap().to_owned();
    exchange.service.straighten();

    let (code, out, _) = exchange.run(&["follow", &id]);
    assert!(code == 0 && out.contains("State: submitted") && out.contains(" left)"), "{out}");
    let json = exchange.json(2, &["results", &id]);
    assert!(json["results"].is_null() && json["status"] == "submitted");
    let json = exchange.json(2, &["follow", &id, "--wait", "--at-most", "1", "--every", "1"]);
    assert_eq!(json["status"]["state"], "submitted");

    let counts = exchange.answer(&exchange.north, &id);
    let declined = Statement::Decline { request: exchange.request(&id).digest(), reason: "no capacity".to_owned() };
    exchange.say(&exchange.south, declined);
    let (code, out, _) = exchange.run(&["follow", &id, "--wait"]);
    assert!(code == 0 && out.contains("answered by 1 of 2 sites") && out.contains("no capacity"), "{out}");

    let json = exchange.json(0, &["results", &id, "--csv", "results.csv"]);
    assert_eq!(json["verdicts"][0]["verdict"], "holds", "{json:#}");
    let results = QueryResults::parse(&json["results"].to_string()).unwrap();
    let SiteAnswer::Answered { groups, .. } = &results.sites()[0].answer else { panic!("{json:#}") };
    assert_eq!(groups.len(), counts.len());
    for (pooled, count) in results.pooled().unwrap().groups.iter().zip(&counts) {
        match (&pooled.count, count) {
            (PooledCell::Value { value, .. }, Cell::Value(count)) => assert_eq!(*value, i64::try_from(*count).unwrap()),
            (PooledCell::Zero { .. }, Cell::Zero) | (PooledCell::Suppressed { .. }, Cell::Suppressed) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(json["citation"].as_str().unwrap().contains(&id));
    assert_eq!(std::fs::read_to_string(exchange.folder.path().join("results.csv")).unwrap(), results.to_csv());
    let (code, out, _) = exchange.run(&["results", &id]);
    assert!(code == 0 && out.contains("north: HOLDS") && out.contains("TRIAL: a development key"), "{out}");
    assert!(out.contains("south: no answer") && out.contains("declined by the site: no capacity"), "{out}");
    // The request's digest names the query too.
    let request = exchange.request(&id).digest().to_string();
    assert_eq!(exchange.json(0, &["results", &request])["id"], id.as_str());

    lies_about_an_answer(&exchange, &id);
}

/// No number of a bundle that fails is shown, whatever was done to it.
fn lies_about_an_answer(exchange: &Exchange, id: &str) {
    type Change = (&'static str, fn(&mut Value));
    let changes: [Change; 5] = [
        ("another number", |bundle| {
            let cells = bundle["proof"]["cells"].as_array_mut().unwrap();
            let cell = cells.iter_mut().find(|cell| cell["count"]["value"].is_number()).unwrap();
            let value = cell["count"]["value"].as_u64().unwrap();
            cell["count"]["value"] = (value + 5).into();
        }),
        ("another place", |bundle| bundle["ledger"]["release"]["index"] = 0.into()),
        ("another signer", |bundle| bundle["ledger"]["release"]["member"] = "south".into()),
        ("no evidence", |bundle| drop(bundle.as_object_mut().unwrap().remove("ledger"))),
        ("another approval", |bundle| bundle["approval"]["expires"] = "2031-12-31".into()),
    ];
    for (what, change) in changes {
        exchange.service.bend(move |path, answer| match path.contains("/bundles/") {
            true => answer.edit(change),
            false => answer,
        });
        let (code, out, error) = exchange.run(&["results", id]);
        assert!(code == 1 && out.contains("north: FAILS"), "{what}: {out}{error}");
        assert!(out.contains("Nothing can be shown") && !out.contains("Cite as"), "{what}: {out}");
    }
    exchange.service.bend(|path, answer| match path.contains("/bundles/") {
        true => Answer::new(200, "application/json", "{}"),
        false => answer,
    });
    let json = exchange.json(1, &["results", id]);
    assert!(json["verdicts"][0]["verdict"] == "fails" && json["results"].is_null(), "{json:#}");
    // A key that the charter does not name.
    exchange.service.bend(|path, answer| match path.starts_with("/v1/keys") {
        true => answer.edit(|key| key["id"] = serde_json::json!(Digest::of_bytes(b"x"))),
        false => answer,
    });
    let (code, out, _) = exchange.run(&["results", id]);
    assert!(code == 1 && out.is_empty(), "{out}");
    exchange.service.straighten();
}

#[test]
fn files_by_hand_and_answers_that_are_lost() {
    let exchange = Exchange::new();
    let ask = ["ask", "query.json", "--approval", STUDY, "--site", "north", "--no-post", "--out", "request.json"];
    let json = exchange.json(0, &ask);
    assert!(json["id"].is_null() && exchange.service.asked("POST /v1/transactions") == 0);
    exchange.json(0, &["sign", "request.json", "--out", "tx.json"]);
    assert!(exchange.json(0, &["post", "tx.json"])["already"] == false);
    assert!(exchange.json(0, &["post", "tx.json"])["already"] == true);
    // The same request again is the same statement; a second question has the next number.
    let first = exchange.json(0, &["sign", "request.json", "--out", "tx.json"])["id"].clone();
    assert_ne!(exchange.ask(), first.as_str().unwrap());

    // Admitted, and what comes back is no acknowledgement.
    exchange.service.bend(|path, answer| match path {
        "/v1/transactions" => Answer::new(200, "text/html", "<html>Welcome</html>"),
        _ => answer,
    });
    let json = exchange.json(2, &["ask", "query.json", "--approval", STUDY, "--site", "north"]);
    let kept = json["kept"].as_str().unwrap();
    assert!(json["error"].as_str().unwrap().contains("Nothing tells whether the transaction"), "{json:#}");
    exchange.service.straighten();
    let posted = exchange.json(0, &["post", kept]);
    assert!(posted["already"] == true && posted["id"] == json["id"], "{posted:#}");
    assert_eq!(exchange.service.lock().state.queries().len(), 3);

    // A request of another ledger is not signed.
    let text = std::fs::read_to_string(exchange.folder.path().join("request.json")).unwrap();
    let text = text.replace(&exchange.charter.ledger(), "file-exchange");
    std::fs::write(exchange.folder.path().join("request.json"), text).unwrap();
    let json = exchange.json(1, &["sign", "request.json", "--out", "other.json"]);
    assert!(json["error"].as_str().unwrap().contains("is for the ledger \"file-exchange\""), "{json:#}");
    // Beyond the approval: the clause is named before anything is posted.
    let before = exchange.service.asked("POST /v1/transactions");
    let other = serde_json::to_string(&grouped()).unwrap().replace("DUO:0000042", "DUO:0000007");
    std::fs::write(exchange.folder.path().join("query.json"), other).unwrap();
    let json = exchange.json(1, &["ask", "query.json", "--approval", STUDY, "--site", "north"]);
    assert!(json["error"].as_str().unwrap().contains("clause \"purpose\""), "{json:#}");
    assert_eq!(exchange.service.asked("POST /v1/transactions"), before);
}
