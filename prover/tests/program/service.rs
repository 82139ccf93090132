//! A ledger service for tests: the auditor's own state machine behind the routes that the hospital's program uses.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_client::{
    ConsistencyAnswer, DatasetDetail, DatasetInfo, EpochInfo, FloorInfo, InclusionAnswer, Posted, QueryDetail,
    QueryList, QuerySummary, StudyDetail, StudySummary, TransactionAnswer, Worded,
};
use cohortium_keys::{KeyCache, VerifyingKey, read_verifying};
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    CHARTER_FORMAT, Charter, Checkpoint, MemberKey, Statement, Timestamp, Transaction, empty_root,
};
use cohortium_protocol::query::{Query, compile};
use cohortium_protocol::shape::Shape;
use cohortium_verifier::ledger::{Question, Refusal, SiteStatus, State, Verification};
use serde::Serialize;
use serde_json::json;

/// The members besides the hospital, by their keys' only byte.
const OPERATOR: u8 = 1;
const BOARD: u8 = 2;
pub(crate) const SPONSOR: u8 = 3;
/// What marks an answer as somebody else's.
const PROXY: &str = "proxy";

pub(crate) fn keys_folder() -> PathBuf {
    let folder = std::env::var_os("COHORTIUM_KEYS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/cohortium-keys"), PathBuf::from);
    std::fs::canonicalize(&folder).unwrap_or(folder)
}

fn member(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

struct Inner {
    state: State,
    transactions: Vec<(Transaction, u64, Timestamp)>,
    checkpoint: String,
    operator: MemberKey,
    /// Added to the clock.
    ahead: u64,
    down: bool,
    lies: Lies,
}

/// What a service may say that is not so.
#[derive(Clone, Default)]
pub(crate) struct Lies {
    /// Lists whatever the site has not decided as accepted.
    pub(crate) accepted: bool,
    /// Lists whatever the site has accepted as answered.
    pub(crate) answered: bool,
    /// Gives the second query to whoever asks for the first.
    pub(crate) swapped: Option<(Digest, Digest)>,
    /// Says that this is the site's seed tree.
    pub(crate) seeds: Option<Digest>,
    /// Somebody on the way answers every post with this status, in a proxy's words.
    pub(crate) proxy: Option<u16>,
    /// Acknowledges what it forgets at once.
    pub(crate) forgetful: bool,
    /// Says that everything happened long ago.
    pub(crate) long_ago: bool,
    /// Gives studies as this member signed them, with this key.
    pub(crate) board: Option<(&'static str, u8)>,
    /// Says that this is the number of the site's last floor.
    pub(crate) floor_number: Option<u32>,
    /// Says another title of every query.
    pub(crate) title: Option<String>,
}

pub(crate) struct Service {
    pub(crate) url: String,
    pub(crate) charter: Charter,
    key: VerifyingKey,
    inner: Arc<Mutex<Inner>>,
}

type Answer = Result<(u16, String), (u16, String, String)>;

fn ok(answer: &impl Serialize) -> Answer {
    Ok((200, serde_json::to_string(answer).unwrap()))
}

fn refuse(refusal: &Refusal) -> (u16, String, String) {
    let status = if matches!(refusal, Refusal::Unknown { .. }) { 404 } else { 422 };
    (status, refusal.rule().to_owned(), refusal.to_string())
}

impl Inner {
    fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Timestamp::from_unix(now + self.ahead)
    }

    fn admit(&mut self, transaction: Transaction) -> Result<Posted, Refusal> {
        let now = self.now();
        let posted = |id, index: u64, height, time, already| Posted { id, index, height, time, already };
        if let Some(index) = self.state.place(&transaction.id()) {
            let (_, height, time) = &self.transactions[index as usize];
            return Ok(posted(transaction.id(), index, *height, *time, true));
        }
        let verification = match self.state.prepare(&transaction, now)? {
            None => Verification::NotNeeded,
            Some(check) => Verification::Verified(Box::new(check.run()?)),
        };
        let mut block = self.state.open_block(now);
        let admitted = block.admit(transaction.clone(), &verification)?;
        let block = block.seal(&self.operator).unwrap().unwrap();
        self.checkpoint = block.checkpoint;
        self.transactions.push((transaction, block.height, block.time));
        Ok(posted(admitted.id, admitted.index, block.height, block.time, false))
    }

    fn transaction(&self, id: &Digest) -> Option<TransactionAnswer> {
        let forged = self.lies.board.and_then(|(board, key)| {
            let mut signed = self.state.studies().values().map(|study| {
                let statement = Statement::Study { approval: Box::new(study.approval.document.as_ref().clone()) };
                (
                    Transaction::sign(&self.state.charter().ledger(), board, statement, &member(key)),
                    study.approval.index,
                )
            });
            signed.find(|(transaction, _)| transaction.id() == *id)
        });
        let index = forged.as_ref().map(|(_, index)| *index).or_else(|| self.state.place(id))?;
        let (mut transaction, height, mut time) = self.transactions[index as usize].clone();
        if let Some((forged, _)) = forged {
            transaction = forged;
        }
        if self.lies.long_ago {
            time = Timestamp::default();
        }
        let (size, root) = (self.state.tree().len(), self.state.tree().root());
        let path = self.state.tree().inclusion(index, size).unwrap();
        let inclusion = InclusionAnswer { size, root, path, checkpoint: self.checkpoint.clone() };
        let (member, kind) = (transaction.member.clone(), transaction.statement.kind().to_owned());
        Some(TransactionAnswer { id: *id, index, height, time, member, kind, transaction, inclusion })
    }

    fn dataset(&self, site: &str, table: &str) -> Option<DatasetDetail> {
        let of = self.state.sites().get(site)?;
        let dataset = of.tables.get(table)?;
        let (manifest, epoch) = (&dataset.manifest.document, dataset.epoch.as_ref().map(|epoch| &epoch.document));
        let summary = DatasetInfo {
            site: site.to_owned(),
            table: table.to_owned(),
            version: manifest.version(),
            manifest: manifest.digest(),
            created: manifest.created().to_owned(),
            declared_rows: manifest.declared_rows() as u64,
            shape: manifest.shape().name.to_owned(),
            schema: manifest.schema(),
            description: String::new(),
            epoch: epoch.map(|epoch| EpochInfo {
                number: epoch.number(),
                created: epoch.created().to_owned(),
                digest: epoch.digest(),
            }),
            consents: Vec::new(),
            policy_floor: of.floor.as_ref().map(|floor| FloorInfo {
                number: self.lies.floor_number.unwrap_or(floor.document.number),
                digest: floor.document.policy.digest(),
                words: floor.document.policy.describe(),
            }),
            seeds: self.lies.seeds.or_else(|| of.seeds.as_ref().map(|seeds| seeds.document.root)),
            registered: dataset.manifest.time,
        };
        Some(DatasetDetail {
            summary,
            schema_document: dataset.schema.as_ref().clone(),
            manifest_document: manifest.as_ref().clone(),
            epoch_document: epoch.map(|epoch| epoch.as_ref().clone()),
            policy_document: of.floor.as_ref().map(|floor| floor.document.policy.clone()),
        })
    }

    fn summary(&self, question: &Question) -> QuerySummary {
        let (charter, now) = (self.state.charter(), self.now());
        let sites = question.sites.keys().map(|site| {
            let mut state = question.site_status(site, charter, now).unwrap();
            if let (true, SiteStatus::Submitted { until } | SiteStatus::AwaitingApproval { until, .. }) =
                (self.lies.accepted, &state)
            {
                state = SiteStatus::Accepted { until: *until };
            }
            if let (true, SiteStatus::Accepted { until }) = (self.lies.answered, &state) {
                state = SiteStatus::Answered { at: *until };
            }
            (site.clone(), Worded { words: state.to_string(), state })
        });
        let (state, request) = (question.status(charter, now), &question.request.document);
        QuerySummary {
            id: question.id,
            request: request.digest(),
            study: request.query.study.clone(),
            approval: request.approval,
            sponsor: question.sponsor.clone(),
            sequence: request.sequence,
            title: self.lies.title.clone().unwrap_or_else(|| request.query.title.clone()),
            posted: question.request.time,
            status: Worded { words: state.to_string(), state },
            sites: sites.collect::<BTreeMap<_, _>>(),
        }
    }

    fn study(&self, approval: &Digest) -> Option<StudyDetail> {
        let study = self.state.studies().get(approval)?;
        let document = study.approval.document.as_ref().clone();
        let summary = StudySummary {
            approval: *approval,
            study: document.study.clone(),
            ethics_reference: document.ethics_reference.clone(),
            board: self.lies.board.map_or_else(|| study.board.clone(), |(board, _)| board.to_owned()),
            sponsor: document.sponsor.clone(),
            purpose: document.consent.duo().to_owned(),
            sponsor_class: document.consent.sponsor(),
            tables: document.tables.clone(),
            expires: document.expires,
            state: "in force".to_owned(),
            reason: None,
            posted: study.approval.time,
        };
        Some(StudyDetail { summary, words: document.describe(), document, queries: Vec::new() })
    }

    fn answer_or(&mut self, proxy: Option<u16>, method: &str, path: &str, body: &[u8]) -> Answer {
        match proxy {
            // The words of a rule, in a type that is none of the ledger's.
            Some(status) => Err((status, PROXY.to_owned(), json!({ "rule": "decided", "detail": "no" }).to_string())),
            None => self.answer(method, path, body),
        }
    }

    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let missing = || (404, "not-found".to_owned(), format!("there is nothing at {path}"));
        if self.down {
            return Err((500, "internal".to_owned(), "down".to_owned()));
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches("/v1/").split('/').collect();
        let digest = |text: &str| text.parse::<Digest>().map_err(|_| missing());
        match (method, &parts[..]) {
            ("POST", ["transactions"]) => {
                let transaction = Transaction::parse(body).map_err(|error| refuse(&error.into()))?;
                if self.lies.forgetful {
                    let (id, time) = (transaction.id(), self.now());
                    return ok(&Posted { id, index: 7, height: 7, time, already: false });
                }
                let posted = self.admit(transaction).map_err(|refusal| refuse(&refusal))?;
                let time = if self.lies.long_ago { Timestamp::default() } else { posted.time };
                ok(&Posted { time, ..posted })
            }
            ("GET", ["checkpoint"]) => Ok((200, self.checkpoint.clone())),
            ("GET", ["consistency"]) => {
                let numbers: Vec<u64> =
                    query.split('&').map(|part| part.split_once('=').unwrap().1.parse().unwrap()).collect();
                let path = self.state.tree().consistency(numbers[0], numbers[1]).map_err(|_| missing())?;
                ok(&ConsistencyAnswer { from: numbers[0], to: numbers[1], path })
            }
            ("GET", ["transactions", id]) => ok(&self.transaction(&digest(id)?).ok_or_else(missing)?),
            ("GET", ["datasets", site, table]) => ok(&self.dataset(site, table).ok_or_else(missing)?),
            ("GET", ["studies", id]) => ok(&self.study(&digest(id)?).ok_or_else(missing)?),
            ("GET", ["queries"]) => {
                let queries = self.state.queries().values().map(|question| self.summary(question)).collect();
                ok(&QueryList { queries, next: None })
            }
            ("GET", ["queries", id]) => {
                let asked = digest(id)?;
                let given = self.lies.swapped.filter(|(first, _)| *first == asked).map_or(asked, |(_, second)| second);
                let question = self.state.query(&given).ok_or_else(missing)?;
                let request_document = question.request.document.as_ref().clone();
                let (summary, plan) = (self.summary(question), request_document.plan);
                ok(&QueryDetail { summary, request_document, plan })
            }
            ("GET", ["queries", id, "bundles", site]) => ok(&self.bundle(&digest(id)?, site).ok_or_else(missing)?),
            _ => Err(missing()),
        }
    }

    fn bundle(&self, id: &Digest, site: &str) -> Option<Bundle> {
        let question = self.state.query(id)?;
        let index = question.sites.get(site)?.release.as_ref()?.index;
        let Statement::Release { proof, .. } = &self.transactions[index as usize].0.statement else { return None };
        self.state.bundle(site, &question.request.document.digest(), proof).ok()
    }
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
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

impl Service {
    /// A ledger with this hospital's public key in its charter.
    pub(crate) fn start(hospital: &str) -> Self {
        let key = read_verifying(&KeyCache::new(keys_folder()).verifying_path(&Shape::QUERY_12)).unwrap();
        let public = |byte| member(byte).public();
        let charter = json!({
            "format": CHARTER_FORMAT, "name": "trial", "founded": "2026-11-24", "members": [
                { "name": "Operator", "role": "operator", "key": public(OPERATOR) },
                { "name": "Board", "role": "board", "key": public(BOARD) },
                { "name": "Example University", "role": "sponsor", "class": "academic", "key": public(SPONSOR) },
                { "name": "gbsg", "role": "hospital", "key": hospital },
            ],
            "verifying_keys": [{ "shape": "query-12", "id": key.id() }], "accept_development_keys": true,
            "acceptance_seconds": 86_400, "answer_seconds": 3600, "opening_share": 400,
        });
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

    /// Answers nothing for a while.
    pub(crate) fn set_down(&self, down: bool) {
        self.inner.lock().unwrap().down = down;
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

fn found(charter: &Charter, key: &VerifyingKey) -> Inner {
    let state = State::found(charter.clone(), vec![key.clone()]).unwrap();
    let operator = member(OPERATOR);
    let checkpoint = Checkpoint {
        origin: charter.ledger(),
        size: 0,
        root: empty_root(),
        height: 0,
        block: charter.digest(),
        time: Timestamp::default(),
    };
    let checkpoint = checkpoint.sign(&operator).unwrap();
    Inner { state, transactions: Vec::new(), checkpoint, operator, ahead: 0, down: false, lies: Lies::default() }
}
