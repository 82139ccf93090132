//! What a question would take of each budget, before it is asked.

use cohortium_protocol::commit::budget::column_limit;
use cohortium_protocol::documents::Epsilons;
use cohortium_protocol::noise::{Epsilon, decimal};
use cohortium_protocol::policy::effective;
use cohortium_protocol::query::{Plan, Query, Source};
use serde::{Deserialize, Serialize};

use super::dry::DryRun;
use super::plans::Plans;

/// One budget at one site: what was spent of it, and what a question would take. Numbers are exact decimals in texts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// What it is of, in words.
    pub what: String,
    /// `epsilon`, `openings` or `queries`.
    pub unit: String,
    /// Spent so far.
    pub spent: String,
    /// What the question takes.
    pub asked: String,
    /// What is left afterwards; nothing if it does not suffice.
    pub left_after: Option<String>,
    /// The limit.
    pub limit: String,
}

impl Budget {
    fn of(what: String, unit: &str, (spent, asked, limit): (u64, u64, u64), text: fn(u64) -> String) -> Self {
        let left = limit.checked_sub(spent).and_then(|left| left.checked_sub(asked));
        let (spent, asked, limit) = (text(spent), text(asked), text(limit));
        Self { what, unit: unit.to_owned(), spent, asked, left_after: left.map(text), limit }
    }
}

fn whole(count: u64) -> String {
    count.to_string()
}

impl DryRun {
    /// The budgets of a site that a question about its table would be charged to, and what it would take of each: of epsilon
    /// where the effective policy sets a limit, of the columns' openings, of queries where there is a cap. Empty for a site
    /// that could not be asked at all. Whether it would be admitted is for [`DryRun::check`] to say.
    pub fn budgets(
        &self,
        site: &str,
        (query, plan): (&Query, &Plan),
        noise: Option<&Epsilons>,
        plans: &mut Plans,
    ) -> Vec<Budget> {
        let (approval, state) = (self.approval(), self.state());
        let Some(registered) = self.site(site) else { return Vec::new() };
        let Some(dataset) = registered.tables.get(&query.table) else { return Vec::new() };
        let floor = registered.floor.as_ref().map(|floor| &floor.document.policy);
        let Ok(policy) = effective(floor, Some(&approval.policy)) else { return Vec::new() };
        let (limits, price) = (policy.policy().epsilon(), noise.map_or(0, Epsilons::price));
        let account = state.epsilon(site, &query.table);
        let table = &query.table;
        let epsilon = |what: String, spent: u64, limit: Option<Epsilon>| {
            limit.map(|limit| Budget::of(what, "epsilon", (spent, price, limit.millionths()), decimal))
        };
        let own = account.map_or(0, |account| account.by(&query.study));
        let in_all = account.map_or(0, |account| account.spent);
        let mut budgets: Vec<Budget> = [
            epsilon("epsilon of one query".to_owned(), 0, limits.per_query),
            epsilon(format!("epsilon of study {} at table {table}", query.study), own, limits.per_study),
            epsilon(format!("epsilon of all studies at table {table}"), in_all, limits.per_dataset),
        ]
        .into_iter()
        .flatten()
        .collect();
        if let Some(cap) = policy.policy().query_cap().per_approval {
            let before = state.queries().values().filter(|question| question.sites.contains_key(site)).count() as u64;
            let counts = (before, 1, u64::from(cap));
            budgets.push(Budget::of("queries of this study".to_owned(), "queries", counts, whole));
        }
        if let Some(cap) = policy.policy().query_cap().per_column
            && let Ok(used) = state.uses_of_columns(site, &query.study, plans)
        {
            for column in plan.columns().iter().filter(|column| column.source == Source::Manifest) {
                let before = used.get(column).copied().unwrap_or(0);
                let what = format!("queries of this study that use column {:?}", column.name);
                budgets.push(Budget::of(what, "queries", (u64::from(before), 1, u64::from(cap)), whole));
            }
        }
        let (manifest, epoch) = (&dataset.manifest.document, dataset.epoch.as_ref());
        for column in plan.columns() {
            let commitment = match column.source {
                Source::Manifest => manifest.commitment(&column.name),
                Source::Epoch => epoch.and_then(|epoch| epoch.document.commitment(&column.name)),
                Source::Query => None,
            };
            let Some(commitment) = commitment else { continue };
            let (spent, under) = state.spent(commitment, &self.digest());
            let limits = [
                ("in all", spent, column_limit(manifest.shape())),
                ("under this approval", under, state.charter().opening_share),
            ];
            for (of, spent, limit) in limits {
                let what = format!("openings of column {:?} {of}", column.name);
                budgets.push(Budget::of(what, "openings", (u64::from(spent), 1, u64::from(limit)), whole));
            }
        }
        budgets
    }
}
