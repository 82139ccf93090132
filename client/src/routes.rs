//! A method for every route that clients use.

use std::io::Write;

use cohortium_keys::VerifyingKeyDocument;
use cohortium_protocol::bundle::MAX_BUNDLE_BYTES;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, MAX_CHARTER_BYTES, MAX_TRANSACTION_BYTES, Transaction};
use serde::Deserialize;

use crate::address::segment;
use crate::answers::{
    ConsistencyAnswer, LedgerInfo, PlanAnswer, PlanQuestion, Posted, QueryDetail, QueryFilter, QueryList, StudyDetail,
    StudySummary, TransactionAnswer,
};
use crate::client::{LedgerClient, unexpected};
use crate::dataset::{BatchInfo, DatasetDetail, DatasetInfo};
use crate::error::ClientError;

/// The most that is read of short answers.
const SHORT: u64 = 64 << 10;
/// The largest block that is read: many releases.
const MAX_BLOCK_BYTES: u64 = 256 << 20;
/// The most that is read of answers about one thing.
const ONE: u64 = 32 << 20;
/// The most that is read of lists.
const LIST: u64 = 64 << 20;

/// The most tables or studies that are read of one ledger.
pub const MOST_LISTED: usize = 100_000;

/// Everything of a list, page by page: `page` is given the path with the mark of where to go on, and the mark alone.
/// Refused beyond `most`, so that no service keeps a client busy for ever.
fn pages<T, M: Clone + PartialEq + ToString>(
    path: &str,
    what: &str,
    mut after: Option<M>,
    most: usize,
    page: impl Fn(&str, Option<M>) -> Result<(Vec<T>, Option<M>), ClientError>,
) -> Result<Vec<T>, ClientError> {
    let mut all = Vec::new();
    loop {
        let place = match &after {
            None => path.to_owned(),
            Some(after) => format!("{path}?after={}", segment(&after.to_string())),
        };
        let (found, next) = page(&place, after.clone())?;
        let empty = found.is_empty();
        all.extend(found);
        let reason = match next {
            None => return Ok(all),
            Some(_) if empty => format!("a page without {what} has a next one"),
            Some(next) if after.as_ref() == Some(&next) => "a page is its own next one".to_owned(),
            Some(_) if all.len() >= most => format!("there are more than {most} {what}, the most that are read"),
            Some(next) => {
                after = Some(next);
                continue;
            }
        };
        return Err(unexpected(path, &reason));
    }
}

impl LedgerClient {
    /// The ledger in brief.
    pub fn ledger(&self) -> Result<LedgerInfo, ClientError> {
        self.get("/v1/ledger", MAX_CHARTER_BYTES as u64 + SHORT)
    }

    /// The charter, as the service has it. To trust it, compare its digest with one from elsewhere.
    pub fn charter(&self) -> Result<Charter, ClientError> {
        let path = "/v1/charter";
        let text = self.get_text(path, MAX_CHARTER_BYTES as u64)?;
        Charter::parse(&text).map_err(|error| unexpected(path, &error.to_string()))
    }

    /// The verifying keys.
    pub fn keys(&self) -> Result<Vec<VerifyingKeyDocument>, ClientError> {
        self.get("/v1/keys", ONE)
    }

    /// A verifying key.
    pub fn verifying_key(&self, id: &Digest) -> Result<VerifyingKeyDocument, ClientError> {
        self.get(&format!("/v1/keys/{id}"), ONE)
    }

    /// The newest checkpoint: a signed note.
    pub fn checkpoint(&self) -> Result<String, ClientError> {
        self.get_text("/v1/checkpoint", SHORT)
    }

    /// The path from the tree of `from` transactions to that of `to`.
    pub fn consistency(&self, from: u64, to: u64) -> Result<ConsistencyAnswer, ClientError> {
        self.get(&format!("/v1/consistency?from={from}&to={to}"), SHORT)
    }

    /// A transaction with its inclusion path.
    pub fn transaction(&self, id: &Digest) -> Result<TransactionAnswer, ClientError> {
        self.get(&format!("/v1/transactions/{id}"), MAX_TRANSACTION_BYTES as u64 + SHORT)
    }

    /// The checkpoint of a block, from height 1 on: a signed note.
    pub fn block_checkpoint(&self, height: u64) -> Result<String, ClientError> {
        /// As much of a block as is looked at.
        #[derive(serde::Deserialize)]
        struct Head {
            checkpoint: String,
        }
        let block: Head = self.get(&format!("/v1/blocks/{height}"), MAX_BLOCK_BYTES)?;
        Ok(block.checkpoint)
    }

    /// The catalogue, page by page; refused beyond [`MOST_LISTED`] tables.
    pub fn datasets(&self) -> Result<Vec<DatasetInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Form {
            datasets: Vec<DatasetInfo>,
            #[serde(default)]
            next: Option<String>,
        }
        pages("/v1/datasets", "tables", None, MOST_LISTED, |path, _| {
            self.get::<Form>(path, LIST).map(|form| (form.datasets, form.next))
        })
    }

    /// A table with its documents.
    pub fn dataset(&self, site: &str, table: &str) -> Result<DatasetDetail, ClientError> {
        self.get(&format!("/v1/datasets/{}/{}", segment(site), segment(table)), ONE)
    }

    /// A site's batches of consent events, page by page; refused beyond [`MOST_LISTED`].
    pub fn consents(&self, site: &str) -> Result<Vec<BatchInfo>, ClientError> {
        #[derive(Deserialize)]
        struct Form {
            batches: Vec<BatchInfo>,
            #[serde(default)]
            next: Option<u32>,
        }
        let path = format!("/v1/sites/{}/consents", segment(site));
        pages(&path, "batches of consent events", None, MOST_LISTED, |path, _| {
            self.get::<Form>(path, LIST).map(|form| (form.batches, form.next))
        })
    }

    /// The studies, page by page; refused beyond [`MOST_LISTED`].
    pub fn studies(&self) -> Result<Vec<StudySummary>, ClientError> {
        #[derive(Deserialize)]
        struct Form {
            studies: Vec<StudySummary>,
            #[serde(default)]
            next: Option<String>,
        }
        pages("/v1/studies", "studies", None, MOST_LISTED, |path, _| {
            self.get::<Form>(path, LIST).map(|form| (form.studies, form.next))
        })
    }

    /// A study by its approval's digest.
    pub fn study(&self, approval: &Digest) -> Result<StudyDetail, ClientError> {
        self.get(&format!("/v1/studies/{approval}"), ONE)
    }

    /// A page of queries.
    pub fn queries(&self, filter: &QueryFilter) -> Result<QueryList, ClientError> {
        let QueryFilter { study, sponsor, site, open_for, state, after, limit } = filter;
        let (after, limit) = (after.map(|after| after.to_string()), limit.map(|limit| limit.to_string()));
        let parts = [
            ("study", study),
            ("sponsor", sponsor),
            ("site", site),
            ("open_for", open_for),
            ("state", state),
            ("after", &after),
            ("limit", &limit),
        ];
        let parts = parts.iter().filter_map(|(name, value)| Some(format!("{name}={}", segment(value.as_deref()?))));
        let parts: Vec<String> = parts.collect();
        let mark = if parts.is_empty() { "" } else { "?" };
        self.get(&format!("/v1/queries{mark}{}", parts.join("&")), LIST)
    }

    /// All queries that pass a filter, page by page; refused beyond `most`, so that no service keeps a client busy for
    /// ever.
    pub fn all_queries(&self, filter: &QueryFilter, most: usize) -> Result<Vec<crate::QuerySummary>, ClientError> {
        pages("/v1/queries", "queries", filter.after, most, |_, after| {
            let QueryList { queries, next } = self.queries(&QueryFilter { after, ..filter.clone() })?;
            Ok((queries, next))
        })
    }

    /// A query by its transaction's id or its request's digest.
    pub fn query(&self, id: &Digest) -> Result<QueryDetail, ClientError> {
        self.get(&format!("/v1/queries/{id}"), ONE)
    }

    /// A query's plan in plain words.
    pub fn query_plan(&self, id: &Digest) -> Result<String, ClientError> {
        self.get_text(&format!("/v1/queries/{id}/plan"), ONE)
    }

    /// What would become of a query now, without asking it.
    pub fn plan(&self, question: &PlanQuestion) -> Result<PlanAnswer, ClientError> {
        self.post_json("/v1/plan", question, ONE)
    }

    /// The results as the service computes them, in JSON. Whoever relies on results verifies the bundles.
    pub fn results(&self, id: &Digest) -> Result<serde_json::Value, ClientError> {
        self.get(&format!("/v1/queries/{id}/results"), ONE)
    }

    /// The same as CSV.
    pub fn results_csv(&self, id: &Digest) -> Result<String, ClientError> {
        self.get_text(&format!("/v1/queries/{id}/results.csv"), ONE)
    }

    /// A site's bundle, as bytes: for [`Bundle::parse`](cohortium_protocol::bundle::Bundle::parse) and the audit.
    pub fn bundle(&self, id: &Digest, site: &str) -> Result<Vec<u8>, ClientError> {
        self.get_bytes(&format!("/v1/queries/{id}/bundles/{}", segment(site)), MAX_BUNDLE_BYTES as u64)
    }

    /// Copies the whole ledger to a writer, at most `limit` bytes; how many there were.
    pub fn export(&self, to: &mut dyn Write, limit: u64) -> Result<u64, ClientError> {
        self.copy("/v1/export", limit, to)
    }

    /// Posts a transaction. The same statement again is acknowledged with the place where it stands.
    pub fn post(&self, transaction: &Transaction) -> Result<Posted, ClientError> {
        let path = "/v1/transactions";
        let posted: Posted = self.post_json(path, transaction, SHORT)?;
        let id = transaction.id();
        if posted.id == id {
            return Ok(posted);
        }
        Err(unexpected(path, &format!("it acknowledges the transaction {}, posted was {id}", posted.id)))
    }
}
