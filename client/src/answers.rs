//! What the service says, as types. These are answers and no documents: a field that this version does not know is
//! left aside, so that a newer service can say more. Whatever anything rests on is a document inside, with its own
//! strict reader.

use std::collections::BTreeMap;
use std::fmt;

use cohortium_protocol::documents::{Approval, Epsilons, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{ConsentRules, KeyPin, Member, Timestamp, Transaction};
use cohortium_protocol::query::Query;
use cohortium_protocol::table::{Day, SponsorClass};
use cohortium_verifier::ledger::{Budget, QueryStatus, SiteStatus};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A ledger in brief.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LedgerInfo {
    /// The ledger's id.
    pub ledger: String,
    /// Its name.
    pub name: String,
    /// When it was founded.
    pub founded: Day,
    /// The charter's digest.
    pub charter: Digest,
    /// The newest block's height.
    pub height: u64,
    /// Transactions so far.
    pub size: u64,
    /// The newest block's time.
    pub time: Timestamp,
    /// The newest block's digest.
    pub block: Digest,
    /// The newest signed checkpoint.
    pub checkpoint: String,
    /// The members.
    pub members: Vec<Member>,
    /// The verifying keys.
    pub verifying_keys: Vec<KeyPin>,
    /// Whether development keys are accepted, for trials.
    pub accept_development_keys: bool,
    /// How long sites have to decide.
    pub acceptance_seconds: u64,
    /// How long sites that accepted have to answer.
    pub answer_seconds: u64,
    /// How often one approval may have a column opened.
    pub opening_share: u32,
    /// How consents are kept.
    pub consents: ConsentRules,
}

/// Hashes from an older tree to a newer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ConsistencyAnswer {
    /// The older size.
    pub from: u64,
    /// The newer size.
    pub to: u64,
    /// The path.
    pub path: Vec<Digest>,
}

/// Hashes from a transaction to a checkpoint's root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InclusionAnswer {
    /// The tree's size.
    pub size: u64,
    /// The root.
    pub root: Digest,
    /// The path.
    pub path: Vec<Digest>,
    /// The signed checkpoint of that size.
    pub checkpoint: String,
}

/// A transaction and where it stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TransactionAnswer {
    /// Its id.
    pub id: Digest,
    /// Its place among all transactions, from 0.
    pub index: u64,
    /// The height of its block.
    pub height: u64,
    /// The time of its block.
    pub time: Timestamp,
    /// Who signed it.
    pub member: String,
    /// Its kind.
    pub kind: String,
    /// The transaction, whole.
    pub transaction: Transaction,
    /// That it stands on the ledger.
    pub inclusion: InclusionAnswer,
}

/// A transaction that was acknowledged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Posted {
    /// Its id.
    pub id: Digest,
    /// Its place among all transactions, from 0.
    pub index: u64,
    /// The height of its block.
    pub height: u64,
    /// The time of its block.
    pub time: Timestamp,
    /// Whether the statement stood there before.
    #[serde(default)]
    pub already: bool,
}

/// A study in the list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StudySummary {
    /// The approval's digest.
    pub approval: Digest,
    /// The study.
    pub study: String,
    /// The board's reference.
    pub ethics_reference: String,
    /// The board that signed.
    pub board: String,
    /// Who may ask.
    pub sponsor: String,
    /// For which purpose.
    pub purpose: String,
    /// The sponsor's class.
    pub sponsor_class: SponsorClass,
    /// The sponsor's name, if consents that patients gave to it alone count too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub institution: Option<String>,
    /// The tables.
    pub tables: Vec<String>,
    /// The last day.
    pub expires: Day,
    /// `in force`, `suspended`, `amended` or `expired`.
    pub state: String,
    /// Why it is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was posted.
    pub posted: Timestamp,
}

impl StudySummary {
    /// Whether queries may be asked and accepted under it.
    pub fn is_in_force(&self) -> bool {
        self.state == "in force"
    }
}

/// A study with everything about it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StudyDetail {
    /// As in the list.
    #[serde(flatten)]
    pub summary: StudySummary,
    /// The approval, whole.
    pub document: Approval,
    /// The approval in plain words.
    pub words: String,
}

/// A state with the service's sentence about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worded<S> {
    /// The state.
    pub state: S,
    /// The sentence.
    pub words: String,
}

impl<'de, S: DeserializeOwned + fmt::Display> Deserialize<'de> for Worded<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The state's own reader knows no `words`.
        let mut fields = serde_json::Map::deserialize(deserializer)?;
        let words = fields.remove("words");
        let state: S = serde_json::from_value(fields.into()).map_err(serde::de::Error::custom)?;
        let words = words.and_then(|words| words.as_str().map(str::to_owned)).unwrap_or_else(|| state.to_string());
        Ok(Self { state, words })
    }
}

impl<S: Serialize> Serialize for Worded<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let mut value = serde_json::to_value(&self.state).map_err(serde::ser::Error::custom)?;
        value["words"] = self.words.clone().into();
        value.serialize(serializer)
    }
}

/// A query in a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QuerySummary {
    /// The query transaction's id.
    pub id: Digest,
    /// The request's digest.
    pub request: Digest,
    /// The study.
    pub study: String,
    /// The approval.
    pub approval: Digest,
    /// Who asked.
    pub sponsor: String,
    /// The running number under the approval.
    pub sequence: u64,
    /// The query's title.
    pub title: String,
    /// When it was posted.
    pub posted: Timestamp,
    /// What has become of it.
    pub status: Worded<QueryStatus>,
    /// What has become of each site's part.
    pub sites: BTreeMap<String, Worded<SiteStatus>>,
}

/// A query with its request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueryDetail {
    /// As in a list.
    #[serde(flatten)]
    pub summary: QuerySummary,
    /// The request, whole.
    pub request_document: Request,
    /// The plan's digest.
    pub plan: Digest,
    /// With noise: what has become of the nonces of its beacon.
    #[serde(default)]
    pub nonces: Option<Nonces>,
}

/// The nonces of a query with noise, as the service says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nonces {
    /// Whether every site has decided or missed its time.
    pub settled: bool,
    /// Until when they may be opened, at the latest.
    pub until: Timestamp,
    /// The transaction with the sponsor's, once it is open.
    #[serde(default)]
    pub sponsor: Option<Digest>,
    /// The transaction with the board's, once it is open.
    #[serde(default)]
    pub board: Option<Digest>,
}

/// One page of queries.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QueryList {
    /// The queries.
    pub queries: Vec<QuerySummary>,
    /// Where the next page begins; nothing at the end.
    #[serde(default)]
    pub next: Option<Digest>,
}

/// Which queries to list; nothing means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryFilter {
    /// Under this approval, or of the study of this name.
    pub study: Option<String>,
    /// Of this sponsor.
    pub sponsor: Option<String>,
    /// That ask this site.
    pub site: Option<String>,
    /// That this site has not decided, or has accepted and not answered, and still may.
    pub open_for: Option<String>,
    /// In this state, as `answered`; of `withheld_after_acceptance` also if any one site is.
    pub state: Option<String>,
    /// After this page, as [`QueryList::next`] says.
    pub after: Option<Digest>,
    /// So many at most.
    pub limit: Option<u32>,
}

/// What to plan without asking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanQuestion {
    /// The query.
    pub query: Query,
    /// The approval's digest.
    pub approval: Digest,
    /// The sites.
    pub sites: Vec<String>,
    /// With noise, the epsilons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<Epsilons>,
}

/// One site's part of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanSite {
    /// The site.
    pub site: String,
    /// Whether the query would be admitted for it.
    pub allowed: bool,
    /// The rule that refuses.
    #[serde(default)]
    pub rule: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The effective policy in words.
    #[serde(default)]
    pub policy: Option<String>,
    /// What is active at the site now.
    #[serde(default)]
    pub pins: Option<SitePin>,
    /// The budgets that it would be charged to.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// What the answer would cost the hospital.
    #[serde(default)]
    pub estimate: Option<PlanEstimate>,
}

/// What an answer would cost a hospital; good to about a factor of one and a half.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanEstimate {
    /// CPU-seconds of the proof on the machine that the benchmark's figures are of.
    pub seconds: u64,
    /// Memory at most, in bytes.
    pub memory_bytes: u64,
}

/// What would become of a query now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// Whether it would be admitted.
    pub allowed: bool,
    /// The rule that refuses.
    #[serde(default)]
    pub rule: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The plan in plain words.
    #[serde(default)]
    pub explain: Option<String>,
    /// Site by site.
    #[serde(default)]
    pub sites: Vec<PlanSite>,
    /// The next running number under the approval.
    #[serde(default)]
    pub sequence: Option<u64>,
}
