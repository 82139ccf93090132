//! How many queries of one study a site may be asked: caps, rates, and lock-outs after repeats.
//!
//! A study is counted over all its approvals: an amendment begins nothing anew.

use std::collections::BTreeMap;

use cohortium_protocol::documents::SitePin;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::{QueryCap, Quota, Rate};
use cohortium_protocol::query::{ColumnId, Source};

use super::plans::Plans;
use super::refusal::Refusal;
use super::state::{Asked, Question, State, Study};

impl State {
    /// All approvals of a study, the newest first: at most one of them is in force, and it is the first.
    pub(super) fn approvals_of(&self, name: &str) -> Vec<&Study> {
        let of = |study: &&Study| study.approval.document.study == name;
        let mut approvals: Vec<&Study> = self.studies.values().filter(of).collect();
        approvals.sort_by_key(|study| std::cmp::Reverse(study.approval.index));
        approvals
    }

    /// What a site was asked under a study, the newest first: nothing is asked under an approval any more once there is a
    /// newer one.
    fn put_to<'a>(&'a self, study: &str, site: &'a str) -> impl Iterator<Item = (&'a Question, &'a Asked)> + use<'a> {
        let approvals = self.approvals_of(study);
        let queries = approvals.into_iter().flat_map(|study| study.queries.iter().rev());
        let questions = queries.filter_map(|query| self.queries.get(query));
        questions.filter_map(move |question| Some((question, question.sites.get(site)?)))
    }

    /// Query caps: how many queries under the approvals of a study, and how many that use one column.
    pub(super) fn check_caps(
        &self,
        pin: &SitePin,
        study: &str,
        columns: &[ColumnId],
        cap: QueryCap,
        plans: &mut Plans,
    ) -> Result<(), Refusal> {
        let reached = |cap: u32, per: String| Err(Refusal::Cap { site: pin.site.clone(), cap, per });
        if let Some(cap) = cap.per_approval
            && self.put_to(study, &pin.site).take(cap as usize).count() >= cap as usize
        {
            return reached(cap, "approval of a study, with those that it amends".to_owned());
        }
        let Some(cap) = cap.per_column else { return Ok(()) };
        let used = self.uses_of_columns(&pin.site, study, plans)?;
        match columns.iter().find(|column| used.get(*column).is_some_and(|count| *count >= cap)) {
            Some(column) => reached(cap, format!("column {:?} under the approvals of a study", column.name)),
            None => Ok(()),
        }
    }

    /// How many queries under the approvals of a study use each column of a site's tables.
    pub(super) fn uses_of_columns(
        &self,
        site: &str,
        study: &str,
        plans: &mut Plans,
    ) -> Result<BTreeMap<ColumnId, u32>, Refusal> {
        let mut used = BTreeMap::new();
        for (question, _) in self.put_to(study, site) {
            let columns = plans.columns(&self.plan_source(question, site)?)?;
            for column in columns.iter().filter(|column| column.source == Source::Manifest) {
                *used.entry(column.clone()).or_default() += 1;
            }
        }
        Ok(used)
    }

    /// Rates, and the lock-out of a study that asked one thing again and again. By the blocks' times.
    pub(super) fn check_quota(&self, site: &str, study: &str, quota: &Quota, time: Timestamp) -> Result<(), Refusal> {
        let (site_name, study_name) = (|| site.to_owned(), || study.to_owned());
        for Rate { queries, seconds } in quota.rates.iter().copied() {
            let last = (queries as usize).checked_sub(1);
            let first = last.and_then(|last| self.put_to(study, site).nth(last));
            let Some(until) = first.map(|(question, _)| question.request.time.plus(seconds)) else { continue };
            if time < until {
                return Err(Refusal::Quota { site: site_name(), study: study_name(), queries, seconds, until });
            }
        }
        let Some(Rate { queries, seconds }) = quota.repeats else { return Ok(()) };
        let mut alike: BTreeMap<(&str, Digest), u32> = BTreeMap::new();
        let recent = self.put_to(study, site).take_while(|(question, _)| time < question.request.time.plus(seconds));
        for (question, asked) in recent {
            let count =
                alike.entry((&question.request.document.query.table, asked.reads.signature.digest())).or_default();
            *count += 1;
            // Newest first: of all that lock the study out, this is the one that does so longest.
            if *count >= queries {
                let (query, until) = (question.id, question.request.time.plus(seconds));
                let (site, study) = (site_name(), study_name());
                return Err(Refusal::LockedOut { site, study, query, queries, seconds, until });
            }
        }
        Ok(())
    }
}
