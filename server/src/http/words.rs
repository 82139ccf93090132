//! States beside their sentences, and what several routes say of a query.

use std::collections::BTreeMap;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::Timestamp;
use cohortium_verifier::ledger::QueryStatus;
use cohortium_verifier::ledger::Question;
use cohortium_verifier::ledger::SiteStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// What has become of a query.
#[derive(Serialize, ToSchema)]
pub(super) struct QueryState {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    status: QueryStatus,
    /// In words.
    words: String,
}

/// What has become of a site's part.
#[derive(Serialize, ToSchema)]
pub(super) struct SiteState {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    status: SiteStatus,
    /// In words.
    words: String,
}

/// A query in a list.
#[derive(Serialize, ToSchema)]
pub(super) struct QuerySummary {
    /// The query transaction's id.
    #[schema(value_type = String)]
    pub(super) id: Digest,
    /// The request's digest.
    #[schema(value_type = String)]
    request: Digest,
    /// The study.
    study: String,
    /// The approval's digest.
    #[schema(value_type = String)]
    approval: Digest,
    /// Who asked.
    sponsor: String,
    /// The running number under the approval.
    sequence: u64,
    /// The query's title.
    title: String,
    /// When it was posted.
    #[schema(value_type = String)]
    posted: Timestamp,
    /// What has become of it.
    status: QueryState,
    /// What has become of each site's part.
    sites: BTreeMap<String, SiteState>,
}

impl QuerySummary {
    pub(super) fn of(question: &Question, charter: &Charter, now: Timestamp) -> Self {
        let request = &question.request.document;
        let status = question.status(charter, now);
        let sites = question.sites.iter().map(|(site, asked)| {
            let status = asked.status(question, charter, now);
            (site.clone(), SiteState { words: status.to_string(), status })
        });
        Self {
            id: question.id,
            request: request.digest(),
            study: request.query.study.clone(),
            approval: request.approval,
            sponsor: question.sponsor.clone(),
            sequence: request.sequence,
            title: request.query.title.clone(),
            posted: question.request.time,
            status: QueryState { words: status.to_string(), status },
            sites: sites.collect(),
        }
    }

    /// Whether it is in a state. What a site withheld counts whatever the other sites did: it never goes away.
    pub(super) fn is_in(&self, state: &str) -> bool {
        let withheld = |site: &SiteState| matches!(site.status, SiteStatus::WithheldAfterAcceptance { .. });
        self.state() == state || state == WITHHELD && self.sites.values().any(withheld)
    }

    /// The state's name.
    fn state(&self) -> &'static str {
        match self.status.status {
            QueryStatus::Submitted => "submitted",
            QueryStatus::AwaitingApproval => "awaiting_approval",
            QueryStatus::Approved => "approved",
            QueryStatus::Answered { .. } => "answered",
            QueryStatus::Declined => "declined",
            QueryStatus::WithheldAfterAcceptance => WITHHELD,
            QueryStatus::Void => "void",
            QueryStatus::Expired => "expired",
        }
    }
}

const WITHHELD: &str = "withheld_after_acceptance";

/// Every state that a query can be in.
pub(super) const STATES: [&str; 8] =
    ["submitted", "awaiting_approval", "approved", "answered", "declined", WITHHELD, "void", "expired"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        let statuses = [
            QueryStatus::Submitted,
            QueryStatus::AwaitingApproval,
            QueryStatus::Approved,
            QueryStatus::Answered { sites: 1, of: 2 },
            QueryStatus::Declined,
            QueryStatus::WithheldAfterAcceptance,
            QueryStatus::Void,
            QueryStatus::Expired,
        ];
        for (status, name) in statuses.into_iter().zip(STATES) {
            assert_eq!(serde_json::to_value(status).unwrap()["state"], name);
        }
    }
}
