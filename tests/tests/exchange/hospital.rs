//! The hospital's program against the service itself: killed at every stage of a run, and afterwards one release stands.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use cohortium_client::{LedgerClient, PlanQuestion, RetryPolicy};
use cohortium_keys::VerifyingKey;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Block, Charter, KeyPin, Member, Role, Statement, Transaction};
use cohortium_protocol::policy::Differencing;
use cohortium_protocol::query::{Query, compile};
use cohortium_protocol::table::SponsorClass;
use cohortium_protocol::table::synthetic::synthetic_consent_file;
use cohortium_prover::faults::Stage;
use cohortium_server::http::{Config, Running, spawn};
use cohortium_server::metrics::Metrics;
use cohortium_server::node::{self, Ledger, Settings};
use cohortium_tests::usual_policy;
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, verify_release};
use serde_json::Value;

use crate::common::key_12;
use crate::place::{BOARD, SPONSOR, member_key};
use crate::programs::program;

const SITE: &str = "gbsg";
const QUERY: &str = r#"{
  "format": "cohortium-query/1", "title": "Over 50, by hormonal treatment", "table": "breast-cancer", "study": "S-1",
  "purpose": "DUO:0000042", "sponsor_class": "academic",
  "where": { "column": "age", "between": [51, null] }, "group_by": [{ "column": "hormon" }] }"#;

/// A hospital that runs the program, and the service.
struct Site {
    folder: tempfile::TempDir,
    charter: Charter,
    client: LedgerClient,
    approval: Digest,
    _running: Running,
}

/// Runs the program: its exit code (none if it died), standard output, standard error.
fn program_in(folder: &Path, words: &str, die_at: Option<Stage>) -> (Option<i32>, String, String) {
    // Makes the key, if there is none yet, where the program looks for it.
    key_12();
    let mut command = Command::new(program("cohortium-prover"));
    command.args(words.split_whitespace()).current_dir(folder).env("COHORTIUM_HOME", "home").stdin(Stdio::null());
    command.env("COHORTIUM_KEYS", cohortium_tests::keys_folder());
    if let Some(stage) = die_at {
        command.env("COHORTIUM_DIE_AT", stage.name());
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn ok(folder: &Path, words: &str) -> String {
    let (code, out, error) = program_in(folder, words, None);
    assert_eq!(code, Some(0), "{words}: {out}{error}");
    out
}

impl Site {
    /// A table committed and registered, a study approved, and a rule that accepts its queries.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer");
        for name in ["schema.json", "mapping-gbsg.json", "gbsg.csv"] {
            std::fs::copy(examples.join(name), path.join(name)).unwrap();
        }
        let csv = std::fs::read_to_string(path.join("gbsg.csv")).unwrap();
        let position = csv.lines().next().unwrap().split(',').position(|name| name == "pid").unwrap();
        let patients: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').nth(position).unwrap()).collect();
        let columns = ["DUO:0000042/academic".parse().unwrap()];
        std::fs::write(path.join("consent.csv"), synthetic_consent_file(1, SITE, "pid", patients, &columns)).unwrap();
        // Questions about one age after another are a sliver apart, and this story is about other things.
        let policy = usual_policy().with_differencing(Some(Differencing::Off));
        std::fs::write(path.join("floor.json"), serde_json::to_string(&policy).unwrap()).unwrap();
        ok(path, "init --site gbsg --policy floor.json");
        ok(path, "import --schema schema.json --mapping mapping-gbsg.json --csv gbsg.csv --consent consent.csv");
        ok(path, "commit --date 2026-01-31");
        let key: Value = serde_json::from_str(&ok(path, "ledger key --json")).unwrap();

        let member = |name: &str, role| {
            let class = (role == Role::Sponsor).then_some(SponsorClass::Academic);
            Member { name: name.to_owned(), role, class, key: member_key(name).public() }
        };
        let mut site = member(SITE, Role::Hospital);
        site.key = key["key"].as_str().unwrap().parse().unwrap();
        let charter = Charter {
            name: "hospitals".to_owned(),
            founded: "2026-11-24".parse().unwrap(),
            members: vec![
                member("The operator", Role::Operator),
                member(BOARD, Role::Board),
                member(SPONSOR, Role::Sponsor),
                site,
            ],
            verifying_keys: vec![KeyPin { shape: key_12().shape().name.to_owned(), id: key_12().verifying().id() }],
            accept_development_keys: true,
            acceptance_seconds: 3600,
            answer_seconds: 3600,
            opening_share: 64,
            consents: None,
        };
        let keys = [VerifyingKey::from_document(&key_12().verifying().to_document()).unwrap()];
        let home = path.join("ledger");
        let home = node::found(&home, &charter, "The operator", &member_key("The operator"), &keys).unwrap();
        let ledger = Arc::new(Ledger::open(home, Settings::new(Metrics::new().unwrap())).unwrap().0);
        let config = Config { shutdown_seconds: 1, ..Config::default() };
        let running = spawn(ledger, TcpListener::bind("127.0.0.1:0").unwrap(), config).unwrap();

        std::fs::write(path.join("charter.json"), serde_json::to_string(&charter).unwrap()).unwrap();
        let url = format!("http://{}", running.address);
        ok(path, &format!("ledger join --url {url} --charter charter.json"));
        ok(path, "ledger register");
        let rules = r#"{"format": "cohortium-rules/1", "allow": [{"name": "the study", "study": "S-1"}]}"#;
        std::fs::write(path.join("rules.json"), rules).unwrap();
        ok(path, "rules --set rules.json");
        let client = LedgerClient::new(&url).unwrap();
        let approval = cohortium_tests::approval("S-1", "breast-cancer", policy, &[]);
        let approval = Approval { sponsor: SPONSOR.to_owned(), ..approval };
        let digest = approval.digest();
        let site = Self { folder, charter, client, approval: digest, _running: running };
        site.say(BOARD, Statement::Study { approval: Box::new(approval) });
        site
    }

    fn say(&self, member: &str, statement: Statement) -> Digest {
        let transaction = Transaction::sign(&self.charter.ledger(), member, statement, &member_key(member));
        self.client.post_with_retries(&transaction, &RetryPolicy::ONCE).unwrap().id
    }

    /// The sponsor asks: the query's id and the request's digest.
    fn ask(&self, query: &str) -> (Digest, Digest) {
        let query = Query::parse(query).unwrap();
        let question = PlanQuestion { query, approval: self.approval, sites: vec![SITE.to_owned()], epsilon: None };
        let planned = self.client.plan(&question).unwrap();
        assert!(planned.allowed, "{planned:?}");
        let dataset = self.client.dataset(SITE, &question.query.table).unwrap();
        let approval = self.client.study(&self.approval).unwrap().document;
        let shape = dataset.manifest_document.shape();
        let plan = compile(&question.query, &dataset.schema_document, &approval.consent, shape).unwrap();
        let request = Request {
            ledger: self.charter.ledger(),
            sequence: planned.sequence.unwrap(),
            approval: self.approval,
            schema: dataset.summary.schema,
            plan: plan.digest(),
            sites: planned.sites.into_iter().map(|site| site.pins.unwrap()).collect(),
            sponsor_nonce: Nonce::from_bytes([7; 32]),
            noise: Noise::None,
            query: question.query,
        };
        let digest = request.digest();
        (self.say(SPONSOR, Statement::Query { request: Box::new(request) }), digest)
    }

    /// How many transactions of each kind stand on the ledger.
    fn kinds(&self) -> BTreeMap<&'static str, usize> {
        let mut export = Vec::new();
        self.client.export(&mut export, 1 << 28).unwrap();
        let mut kinds = BTreeMap::new();
        for line in String::from_utf8(export).unwrap().lines().skip(1) {
            let block: Block = serde_json::from_str(line).unwrap();
            for transaction in &block.transactions {
                *kinds.entry(transaction.statement.kind()).or_insert(0) += 1;
            }
        }
        kinds
    }

    fn run(&self) -> Vec<Value> {
        let out = ok(self.folder.path(), "run --once --json");
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
#[cfg(debug_assertions)] // elsewhere the program cannot be made to die
fn killed_at_every_stage_one_release_stands() {
    let site = Site::new();
    let (id, request) = site.ask(QUERY);
    let stages = [
        Stage::RunDecided,
        Stage::OutgoingHalfWritten,
        Stage::RunAcceptRecorded,
        Stage::RunAcceptPosted,
        Stage::ProveChargeHalfWritten,
        Stage::ProveCharged,
        Stage::ProveMade,
        Stage::ProveVerified,
        Stage::ProveReleaseHalfWritten,
        Stage::ProveReleaseWritten,
        Stage::ProveKept,
        Stage::OutgoingHalfWritten,
        Stage::RunReleaseRecorded,
        Stage::RunReleasePosted,
    ];
    for stage in stages {
        let (code, out, error) = program_in(site.folder.path(), "run --once --json", Some(stage));
        assert_eq!(code, None, "did not die at {}: {out}{error}", stage.name());
        let releases = site.kinds().get("release").copied().unwrap_or(0);
        assert_eq!(releases, usize::from(stage == Stage::RunReleasePosted), "{}", stage.name());
    }
    let events = site.run();
    assert_eq!((&events[0]["event"], &events[0]["already"]), (&"release".into(), &true.into()), "{events:?}");
    site.run();
    let kinds = site.kinds();
    assert_eq!((kinds["accept"], kinds["release"], kinds.get("hold")), (1, 1, None), "{kinds:?}");

    // What stands there passes the audit from the charter alone, and is what the hospital kept.
    let bundle = Bundle::parse(&site.client.bundle(&id, SITE).unwrap()).unwrap();
    let anchors = AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: site.charter.ledger(),
        accept_development_keys: true,
        verifying_keys: vec![key_12().verifying().to_document()],
        sites: Vec::new(),
        approvals: Vec::new(),
        charter: Some(site.charter.clone()),
    };
    verify_release(&bundle, &Anchors::check(anchors).unwrap()).unwrap();
    let kept = std::fs::read(site.folder.path().join(format!("home/releases/{request}/bundle.json"))).unwrap();
    assert_eq!(Bundle::parse(&kept).unwrap().proof, bundle.proof);
}

#[test]
fn by_rule_by_person_and_declined() {
    let site = Site::new();
    let path = site.folder.path();
    let (by_rule, _) = site.ask(QUERY);
    site.run();
    std::fs::write(path.join("rules.json"), r#"{"format": "cohortium-rules/1", "allow": []}"#).unwrap();
    ok(path, "rules --set rules.json");
    let (accepted, _) = site.ask(&QUERY.replace("51", "61"));
    let (declined, _) = site.ask(&QUERY.replace("51", "71"));
    assert_eq!(site.run().iter().filter(|event| event["event"] == "hold").count(), 2);
    ok(path, &format!("accept {accepted} --yes"));
    ok(path, &format!("decline {declined} --because not-this-one"));
    site.run();
    let words = |id: &Digest| site.client.query(id).unwrap().summary.sites[SITE].words.clone();
    assert!(words(&by_rule).starts_with("answered"), "{}", words(&by_rule));
    assert!(words(&accepted).starts_with("answered"), "{}", words(&accepted));
    assert!(words(&declined).ends_with("not-this-one"), "{}", words(&declined));
    let status = ok(path, "status");
    assert!(status.contains("No open queries.") && status.contains("registered as it is here"), "{status}");
    ok(path, "outgoing --check");
}
