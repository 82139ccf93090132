//! Accounts of privacy: what answers with noise have spent at one table of one site, over all its versions and epochs and
//! under all approvals. Whole millionths, sums only: sequential composition. PROTOCOL, section 7.

use std::collections::BTreeMap;

use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::policy::NoiseLimits;

use super::refusal::Refusal;
use super::state::{Question, State};

/// What was spent at one table of one site, in millionths of epsilon.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct EpsilonAccount {
    /// By all studies.
    pub spent: u64,
    /// By each study, by name: an amended approval goes on where the one before it stood.
    pub by_study: BTreeMap<String, u64>,
}

impl EpsilonAccount {
    /// By one study.
    pub fn by(&self, study: &str) -> u64 {
        self.by_study.get(study).copied().unwrap_or(0)
    }

    /// With one study's part alone.
    pub(super) fn only(&self, study: &str) -> Self {
        let by_study = self.by_study.get_key_value(study).map(|(study, spent)| (study.clone(), *spent));
        Self { spent: self.spent, by_study: by_study.into_iter().collect() }
    }

    fn spend(&mut self, study: &str, price: u64) {
        self.spent = self.spent.saturating_add(price);
        let part = self.by_study.entry(study.to_owned()).or_default();
        *part = part.saturating_add(price);
    }

    fn refund(&mut self, study: &str, price: u64) {
        self.spent = self.spent.saturating_sub(price);
        if let Some(part) = self.by_study.get_mut(study) {
            *part = part.saturating_sub(price);
        }
    }
}

/// What a request spends at each site that it asks, in millionths; nothing without noise.
fn price(request: &Request) -> Option<u64> {
    request.noise.laplace().map(|laplace| laplace.epsilon.price())
}

impl State {
    /// What was spent at a table of a site; nothing if no answer with noise was ever asked of it.
    pub fn epsilon(&self, site: &str, table: &str) -> Option<&EpsilonAccount> {
        self.epsilon.get(&(site.to_owned(), table.to_owned()))
    }

    /// Refuses a price, in millionths, that the study's part or the whole does not bear.
    pub(super) fn check_epsilon(
        &self,
        (site, table, study): (&str, &str, &str),
        price: u64,
        limits: &NoiseLimits,
    ) -> Result<(), Refusal> {
        let account = self.epsilon(site, table);
        let spent = [
            (Some(study), account.map_or(0, |account| account.by(study)), limits.per_study),
            (None, account.map_or(0, |account| account.spent), limits.per_dataset),
        ];
        for (study, spent, limit) in spent {
            if price > limit.millionths().saturating_sub(spent) {
                return Err(Refusal::Epsilon {
                    site: site.to_owned(),
                    table: table.to_owned(),
                    whose: study.map_or_else(|| "in all".to_owned(), |study| format!("for study {study}")),
                    asked: price,
                    spent,
                    limit,
                });
            }
        }
        Ok(())
    }

    /// Charges an admitted question at every site: from here on only a site's own refusal gives anything back.
    pub(super) fn spend_epsilon(&mut self, question: &Question) {
        let request = &question.request.document;
        let Some(price) = price(request) else { return };
        for site in question.sites.keys() {
            let account = self.epsilon.entry((site.clone(), request.query.table.clone())).or_default();
            account.spend(&request.query.study, price);
        }
    }

    /// What a site has declined it never answers: its charge is given back.
    pub(super) fn refund_epsilon(&mut self, request: &Digest, site: &str) {
        let Some(question) = self.queries.get(request) else { return };
        let request = &question.request.document;
        let Some(price) = price(request) else { return };
        if let Some(account) = self.epsilon.get_mut(&(site.to_owned(), request.query.table.clone())) {
            account.refund(&request.query.study, price);
        }
    }

    /// Appends the accounts, if there are any: a ledger without noise keeps the digests that it had.
    pub(super) fn absorb_epsilon(&self, hasher: &mut Hasher) {
        if self.epsilon.is_empty() {
            return;
        }
        hasher.str("epsilon").u64(self.epsilon.len() as u64);
        for ((site, table), account) in &self.epsilon {
            hasher.str(site).str(table).u64(account.spent).u64(account.by_study.len() as u64);
            for (study, spent) in &account.by_study {
                hasher.str(study).u64(*spent);
            }
        }
    }
}
