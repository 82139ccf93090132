//! What the service answers: the auditor's own state machine behind the routes, and what it may say that is not so.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_client::{
    BatchInfo, ConsistencyAnswer, DatasetDetail, DatasetInfo, EpochInfo, FloorInfo, InclusionAnswer, Posted,
    QueryDetail, QueryList, QuerySummary, StudyDetail, StudySummary, TransactionAnswer, Worded,
};
use cohortium_keys::VerifyingKey;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Batch, Charter, Checkpoint, MemberKey, Statement, Timestamp, Transaction, empty_root,
};
use cohortium_verifier::ledger::{PostedBatch, Question, Refusal, SiteStatus, State, Study, Verification};
use serde::Serialize;
use serde_json::json;

use super::{OPERATOR, member};

/// The status of a service that has too much to do. It says when to come again.
pub(crate) const BUSY: u16 = 503;
/// Queries on a page: fewer than a test asks.
const PAGE: usize = 1;
/// What marks an answer as somebody else's.
pub(super) const PROXY: &str = "proxy";

pub(super) struct Inner {
    pub(super) state: State,
    pub(super) transactions: Vec<(Transaction, u64, Timestamp)>,
    checkpoint: String,
    operator: MemberKey,
    /// Added to the clock.
    pub(super) ahead: u64,
    /// The status that everything is answered with, if the service is in trouble.
    pub(super) trouble: Option<u16>,
    pub(super) lies: Lies,
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

pub(super) type Answer = Result<(u16, String), (u16, String, String)>;

fn ok(answer: &impl Serialize) -> Answer {
    Ok((200, serde_json::to_string(answer).unwrap()))
}

fn refuse(refusal: &Refusal) -> (u16, String, String) {
    (refusal.http_status(), refusal.rule().to_owned(), refusal.to_string())
}

impl Inner {
    pub(super) fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        Timestamp::from_unix(now + self.ahead)
    }

    pub(super) fn admit(&mut self, transaction: Transaction) -> Result<Posted, Refusal> {
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
            vintage: manifest.vintage().to_owned(),
            declared_rows: manifest.declared_rows() as u64,
            shape: manifest.shape().name.to_owned(),
            schema: manifest.schema(),
            description: String::new(),
            epoch: epoch.map(|epoch| EpochInfo {
                number: epoch.number(),
                created: epoch.created().to_owned(),
                digest: epoch.digest(),
                until: epoch.record().map(|record| record.until),
            }),
            consents: Vec::new(),
            policy_floor: of.floor.as_ref().map(|floor| FloorInfo {
                number: self.lies.floor_number.unwrap_or(floor.document.number),
                digest: floor.document.policy.digest(),
                words: floor.document.policy.describe(),
            }),
            seeds: self.lies.seeds.or_else(|| of.seeds.as_ref().map(|seeds| seeds.document.root)),
            seed_leaf: of.next_leaf(),
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

    fn study_summary(&self, approval: &Digest, study: &Study) -> StudySummary {
        let document = &study.approval.document;
        let (state, reason) = match (&study.suspended, study.amended) {
            (Some((since, why)), _) => ("suspended", Some(format!("suspended at {since}: {why}"))),
            (None, Some(by)) => ("amended", Some(format!("the approval of the study is now {by}"))),
            (None, None) if self.now().day() > document.expires => {
                ("expired", Some(format!("its last day was {}", document.expires)))
            }
            (None, None) => ("in force", None),
        };
        StudySummary {
            approval: *approval,
            study: document.study.clone(),
            ethics_reference: document.ethics_reference.clone(),
            board: self.lies.board.map_or_else(|| study.board.clone(), |(board, _)| board.to_owned()),
            sponsor: document.sponsor.clone(),
            purpose: document.consent.purpose(),
            sponsor_class: document.consent.sponsor(),
            institution: document.consent.institution().map(ToString::to_string),
            tables: document.tables.clone(),
            expires: document.expires,
            state: state.to_owned(),
            reason,
            posted: study.approval.time,
        }
    }

    fn study(&self, approval: &Digest) -> Option<StudyDetail> {
        let study = self.state.studies().get(approval)?;
        let summary = self.study_summary(approval, study);
        let document = study.approval.document.as_ref().clone();
        Some(StudyDetail { summary, words: document.describe(), document })
    }

    /// A page of queries: of those that are open for a site, or of all.
    fn list(&self, query: &str) -> QueryList {
        let value = |name: &str| query.split('&').filter_map(|part| part.split_once('=')).find(|part| part.0 == name);
        let (charter, now) = (self.state.charter(), self.now());
        let is_open =
            |question: &&Question| value("open_for").is_none_or(|(_, site)| question.is_open_for(site, charter, now));
        let after = value("after").map(|(_, id)| self.state.query(&id.parse().unwrap()).unwrap().request.index);
        let mut found: Vec<&Question> = self.state.queries().values().filter(is_open).collect();
        found.retain(|question| after.is_none_or(|after| question.request.index > after));
        found.sort_by_key(|question| question.request.index);
        let next = (found.len() > PAGE).then(|| found[PAGE - 1].id);
        QueryList { queries: found.into_iter().take(PAGE).map(|question| self.summary(question)).collect(), next }
    }

    pub(super) fn answer_or(&mut self, proxy: Option<u16>, method: &str, path: &str, body: &[u8]) -> Answer {
        match proxy {
            // The words of a rule, in a type that is none of the ledger's.
            Some(status) => Err((status, PROXY.to_owned(), json!({ "rule": "decided", "detail": "no" }).to_string())),
            None => self.answer(method, path, body),
        }
    }

    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let missing = || (404, "not-found".to_owned(), format!("there is nothing at {path}"));
        if let Some(status) = self.trouble {
            let rule = if status == BUSY { "busy" } else { "internal" };
            return Err((status, rule.to_owned(), "come again".to_owned()));
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
            ("GET", ["sites", site, "consents"]) => {
                let site = self.state.sites().get(*site).ok_or_else(missing)?;
                let batches = site.consents.iter().map(|PostedBatch { batch, index, time }| {
                    let Batch { number, leaves, root } = *batch;
                    BatchInfo { number, leaves, root, index: *index, time: *time }
                });
                ok(&json!({ "batches": batches.collect::<Vec<_>>(), "next": null }))
            }
            ("GET", ["studies"]) => {
                let studies = self.state.studies().iter().map(|(digest, study)| self.study_summary(digest, study));
                ok(&json!({ "studies": studies.collect::<Vec<_>>() }))
            }
            ("GET", ["studies", id]) => ok(&self.study(&digest(id)?).ok_or_else(missing)?),
            ("GET", ["queries"]) => ok(&self.list(query)),
            ("GET", ["queries", id]) => {
                let asked = digest(id)?;
                let given = self.lies.swapped.filter(|(first, _)| *first == asked).map_or(asked, |(_, second)| second);
                let question = self.state.query(&given).ok_or_else(missing)?;
                let request_document = question.request.document.as_ref().clone();
                let (summary, plan) = (self.summary(question), request_document.plan);
                ok(&QueryDetail { summary, request_document, plan, nonces: None })
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

pub(super) fn found(charter: &Charter, key: &VerifyingKey) -> Inner {
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
    Inner { state, transactions: Vec::new(), checkpoint, operator, ahead: 0, trouble: None, lies: Lies::default() }
}
