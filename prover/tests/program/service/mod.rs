//! A ledger service for tests: the auditor's own state machine behind the routes that the hospital's program uses.

mod answers;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cohortium_keys::{KeyCache, VerifyingKey, read_verifying};
use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{CHARTER_FORMAT, Charter, ConsentRules, MemberKey, Statement, Transaction};
use cohortium_protocol::query::{Query, compile};
use cohortium_protocol::shape::Shape;
use serde_json::json;

pub(crate) use answers::{BUSY, Lies};
use answers::{Inner, PROXY, found};

/// The members besides the hospital, by their keys' only byte.
const OPERATOR: u8 = 1;
const BOARD: u8 = 2;
pub(crate) const SPONSOR: u8 = 3;

pub(crate) fn keys_folder() -> PathBuf {
    let folder = std::env::var_os("COHORTIUM_KEYS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cohortium-keys"), PathBuf::from);
    std::fs::canonicalize(&folder).unwrap_or(folder)
}

fn member(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) charter: Charter,
    key: VerifyingKey,
    inner: Arc<Mutex<Inner>>,
}

fn serve(mut stream: TcpStream, inner: &Mutex<Inner>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let mut length = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let [method, path, ..] = &words[..] else { return Ok(()) };
    let mut inner = inner.lock().unwrap();
    let proxy = inner.lies.proxy.filter(|_| method == "POST");
    let (status, kind, text) = match inner.answer_or(proxy, method, path, &body) {
        Err((status, rule, text)) if rule == PROXY => (status, "text/html", text),
        Ok((status, text)) => (status, "application/json", text),
        Err((status, rule, detail)) => {
            let problem = json!({ "status": status, "rule": rule, "title": rule, "detail": detail });
            (status, "application/problem+json", problem.to_string())
        }
    };
    let again = if status == BUSY { "Retry-After: 1\r\n" } else { "" };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\n{again}Content-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

impl Service {
    /// A ledger with this hospital's public key in its charter, and these rules of consents, if not the usual ones.
    pub(crate) fn start(hospital: &str, consents: Option<ConsentRules>) -> Self {
        let key = read_verifying(&KeyCache::new(keys_folder()).verifying_path(&Shape::QUERY_12)).unwrap();
        let public = |byte| member(byte).public();
        let mut charter = json!({
            "format": CHARTER_FORMAT, "name": "trial", "founded": "2026-11-24", "members": [
                { "name": "Operator", "role": "operator", "key": public(OPERATOR) },
                { "name": "Board", "role": "board", "key": public(BOARD) },
                { "name": "Example University", "role": "sponsor", "class": "academic", "key": public(SPONSOR) },
                { "name": "gbsg", "role": "hospital", "key": hospital },
            ],
            "verifying_keys": [{ "shape": "query-12", "id": key.id() }], "accept_development_keys": true,
            "acceptance_seconds": 86_400, "answer_seconds": 3600, "opening_share": 400,
        });
        if let Some(consents) = consents {
            charter["consents"] = json!(consents);
        }
        let charter = Charter::parse(&charter.to_string()).unwrap();
        let inner = Arc::new(Mutex::new(found(&charter, &key)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::clone(&inner);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that was killed is no concern of the service's.
                let _ = serve(stream, &served);
            }
        });
        Self { url, charter, key, inner }
    }

    /// Everything is forgotten: an operator that goes back to the beginning.
    pub(crate) fn forget(&self) {
        *self.inner.lock().unwrap() = found(&self.charter, &self.key);
    }

    /// Answers everything with this status for a while.
    pub(crate) fn set_trouble(&self, status: Option<u16>) {
        self.inner.lock().unwrap().trouble = status;
    }

    /// Lies from now on.
    pub(crate) fn lie(&self, lies: Lies) {
        self.inner.lock().unwrap().lies = lies;
    }

    /// Moves the ledger's clock.
    pub(crate) fn move_clock(&self, seconds: u64) {
        self.inner.lock().unwrap().ahead += seconds;
    }

    fn post(&self, name: &str, byte: u8, statement: Statement) -> Digest {
        let transaction = Transaction::sign(&self.charter.ledger(), name, statement, &member(byte));
        self.inner.lock().unwrap().admit(transaction).unwrap().id
    }

    /// The board approves a study.
    pub(crate) fn approve(&self, approval: &str) -> Digest {
        let approval = Approval::parse(approval).unwrap();
        let digest = approval.digest();
        self.post("Board", BOARD, Statement::Study { approval: Box::new(approval) });
        digest
    }

    /// The board suspends what it approved.
    pub(crate) fn suspend(&self, approval: &Digest, reason: &str) {
        self.post("Board", BOARD, Statement::Suspend { approval: *approval, reason: reason.to_owned() });
    }

    /// The sponsor asks: what is active is pinned. Gives the query's id and the request's digest.
    pub(crate) fn ask(&self, query: &str, approval: &Digest) -> (Digest, Digest) {
        let request = {
            let inner = self.inner.lock().unwrap();
            let query = Query::parse(query).unwrap();
            let study = &inner.state.studies()[approval];
            let site = &inner.state.sites()["gbsg"];
            let dataset = &site.tables[&query.table];
            let (manifest, shape) = (&dataset.manifest.document, Shape::QUERY_12);
            let plan = compile(&query, &dataset.schema, &study.approval.document.consent, &shape).unwrap();
            let sequence = study.queries.len() as u64 + 1;
            Request {
                ledger: self.charter.ledger(),
                sequence,
                approval: *approval,
                schema: manifest.schema(),
                plan: plan.digest(),
                sites: vec![SitePin {
                    site: "gbsg".to_owned(),
                    manifest: manifest.digest(),
                    epoch: dataset.epoch.as_ref().unwrap().document.digest(),
                    policy_floor: site.floor.as_ref().unwrap().document.policy.digest(),
                    shape: ShapeRef::to(&shape),
                    verifying_key: self.key.id(),
                    seeds: site.seeds.as_ref().map(|seeds| seeds.document.root),
                    seed_leaf: None,
                }],
                sponsor_nonce: Nonce::from_bytes([sequence as u8; 32]),
                noise: Noise::None,
                query,
            }
        };
        let digest = request.digest();
        let id = self.post("Example University", SPONSOR, Statement::Query { request: Box::new(request) });
        (id, digest)
    }

    /// The site's batches of consent events, by their leaves.
    pub(crate) fn batches(&self) -> Vec<u32> {
        let inner = self.inner.lock().unwrap();
        inner.state.sites()["gbsg"].consents.iter().map(|posted| posted.batch.leaves).collect()
    }

    /// How many transactions of a kind there are.
    pub(crate) fn count(&self, kind: &str) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.transactions.iter().filter(|(transaction, ..)| transaction.statement.kind() == kind).count()
    }

    /// What has become of the site's part of a query.
    pub(crate) fn status(&self, query: &Digest) -> String {
        let inner = self.inner.lock().unwrap();
        let question = inner.state.query(query).unwrap();
        question.site_status("gbsg", inner.state.charter(), inner.now()).unwrap().to_string()
    }
}
