//! What a study has spent of privacy, for the audit of the whole of it.

use std::collections::BTreeMap;

use cohortium_protocol::noise::{Delta, decimal};
use cohortium_protocol::policy::{EpsilonLimits, effective};
use serde::Serialize;

use super::refusal::Refusal;
use super::state::{Decision, Question, State};
use crate::noise::stated_delta;

/// What a study has spent of epsilon at one table of one site. Decimals are exact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EpsilonReport {
    /// The site.
    pub site: String,
    /// The table.
    pub table: String,
    /// Queries with noise that were charged: all but those that the site declined.
    pub queries: u64,
    /// Spent by this study.
    pub spent: String,
    /// The limit of a study, by the policies that its last such query was asked under.
    pub limit: Option<String>,
    /// Spent by all studies.
    pub spent_in_all: String,
    /// The limit of all studies, by the same policies.
    pub limit_in_all: Option<String>,
    /// The sum of the stated deltas of the charged queries, rounded up; nothing where a law has none.
    pub delta: Option<String>,
    /// Of the charged queries, those that are void: spent, and never answered.
    pub void: u64,
    /// Answers of the site to the study without noise: what is spent says nothing of them.
    pub exact: u64,
}

/// What is gathered of one site and table on the way.
#[derive(Default)]
struct Gathered {
    queries: u64,
    void: u64,
    exact: u64,
    delta: Option<Delta>,
    lawless: bool,
    last: Option<(u64, EpsilonLimits)>,
}

impl State {
    /// What a study has spent, by site and table; only where it asked for noise.
    pub(super) fn epsilon_report(&self, study: &str) -> Result<Vec<EpsilonReport>, Refusal> {
        let mut all: BTreeMap<(String, String), Gathered> = BTreeMap::new();
        let questions = self.queries.values().filter(|question| question.request.document.query.study == study);
        for question in questions {
            let request = &question.request.document;
            for (site, asked) in &question.sites {
                let gathered = all.entry((site.clone(), request.query.table.clone())).or_default();
                if request.noise.laplace().is_none() {
                    gathered.exact += u64::from(asked.release.is_some());
                    continue;
                }
                if !matches!(asked.decision, Some((Decision::Declined { .. }, ..))) {
                    self.gather(gathered, question, site)?;
                }
            }
        }
        let spent = |site: &str, table: &str| {
            let account = self.epsilon(site, table);
            account.map_or((0, 0), |account| (account.by(study), account.spent))
        };
        let noised = all.into_iter().filter(|(_, gathered)| gathered.queries > 0);
        Ok(noised
            .map(|((site, table), gathered)| {
                let (own, in_all) = spent(&site, &table);
                let limits = gathered.last.map(|(_, limits)| limits).unwrap_or_default();
                EpsilonReport {
                    queries: gathered.queries,
                    spent: decimal(own),
                    limit: limits.per_study.map(|limit| limit.to_string()),
                    spent_in_all: decimal(in_all),
                    limit_in_all: limits.per_dataset.map(|limit| limit.to_string()),
                    delta: gathered.delta.filter(|_| !gathered.lawless).map(|delta| delta.to_string()),
                    void: gathered.void,
                    exact: gathered.exact,
                    site,
                    table,
                }
            })
            .collect())
    }

    /// Adds a charged query with noise.
    fn gather(&self, gathered: &mut Gathered, question: &Question, site: &str) -> Result<(), Refusal> {
        let request = &question.request.document;
        let unknown = || Refusal::Unknown { what: "query", name: question.id.to_string() };
        let laplace = request.noise.laplace().ok_or_else(unknown)?;
        let (asked, study) = (question.sites.get(site), self.studies.get(&request.approval));
        let (asked, study) = (asked.ok_or_else(unknown)?, study.ok_or_else(unknown)?);
        gathered.queries += 1;
        let is_accepted = matches!(asked.decision, Some((Decision::Accepted, ..)));
        gathered.void += u64::from(is_accepted && question.void(&self.charter, self.time).is_some());
        match stated_delta(&self.plan(question, site)?, &laplace.epsilon) {
            Ok(delta) => gathered.delta = Some(gathered.delta.take().unwrap_or_default().plus(&delta)),
            Err(_) => gathered.lawless = true,
        }
        let index = question.request.index;
        if gathered.last.is_none_or(|(last, _)| last < index) {
            let policy = effective(Some(&asked.floor.document.policy), Some(&study.approval.document.policy));
            let policy = policy.map_err(|source| Refusal::Policy { site: site.to_owned(), source })?;
            gathered.last = Some((index, policy.policy().epsilon()));
        }
        Ok(())
    }
}
