//! The guard against differencing: a question that is a sliver apart from an earlier one is refused, or the board's to allow.

use std::collections::BTreeMap;
use std::sync::Arc;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::policy::Differencing;
use cohortium_protocol::query::{Near, NearIndex, Plan, Signature, put_to};

use super::refusal::Refusal;
use super::state::{Question, State};

/// What was put to one table of one site, over all its versions and epochs.
#[derive(Clone, Default, Debug)]
pub(super) struct Earlier {
    index: NearIndex,
    /// The queries' names by their places.
    names: BTreeMap<u64, Digest>,
}

impl Earlier {
    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// What each question reads, and what it was put to: so that two programs that read questions differently find out with
    /// the first of them.
    pub(super) fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(self.index.len() as u64);
        for (place, signature, over) in self.index.entries() {
            hasher.u64(place).digest(&signature.digest()).digest(&signature.question()).digest(&over);
        }
    }
}

/// What a question reads at a site, and over what.
#[derive(Clone, Debug)]
pub struct Reads {
    pub(super) signature: Arc<Signature>,
    pub(super) over: Digest,
}

impl Reads {
    /// Two answers to one question are the same answer if version, epoch and the release rule's numbers are the same.
    pub(super) fn new(signature: Arc<Signature>, manifest: &Digest, epoch: &Digest, rule: &Digest) -> Self {
        Self { signature, over: put_to(manifest, epoch, rule) }
    }
}

impl State {
    /// Refuses a question that is a sliver apart from an earlier one, as the stricter of the site's floor and the approval's
    /// policy says.
    pub(super) fn check_near(
        &self,
        (site, table): (&str, &str),
        reads: &Reads,
        (plan, approval): (&Plan, &Approval),
        rule: Differencing,
    ) -> Result<(), Refusal> {
        let allowed = match rule {
            Differencing::Off => return Ok(()),
            Differencing::Board => approval.allows_near(plan),
            Differencing::Refuse => false,
        };
        let earlier = self.earlier.get(&(site.to_owned(), table.to_owned()));
        let near = earlier.and_then(|earlier| Some((earlier, earlier.index.lookup(&reads.signature, reads.over)?)));
        let Some((earlier, Near::Sliver { place, difference })) = near.filter(|_| !allowed) else {
            return Ok(());
        };
        let unknown = || Refusal::Unknown { what: "query", name: format!("at place {place}") };
        let earlier = *earlier.names.get(&place).ok_or_else(unknown)?;
        let passes = match rule {
            Differencing::Refuse => "nothing passes here but a question that differs in more".to_owned(),
            _ => format!("it passes if the board names the plan {} in the approval's near_plans", plan.digest()),
        };
        Err(Refusal::Near { site: site.to_owned(), earlier, difference: difference.to_string(), passes })
    }

    /// From its posting on a question counts as earlier, unless it asks for noise: what noise leaves of a difference its
    /// epsilon says.
    pub(super) fn enter_near(&mut self, question: &Question) {
        if question.is_noised() {
            return;
        }
        let (place, table) = (question.request.index, &question.request.document.query.table);
        for (site, asked) in &question.sites {
            let earlier = Arc::make_mut(self.earlier.entry((site.clone(), table.clone())).or_default());
            earlier.index.insert(place, asked.reads.signature.clone(), asked.reads.over);
            earlier.names.insert(place, question.id);
        }
    }

    /// What a site has declined it never answers.
    pub(super) fn leave_near(&mut self, request: &Digest, site: &str) {
        let Some(question) = self.queries.get(request) else { return };
        let key = (site.to_owned(), question.request.document.query.table.clone());
        if let Some(earlier) = self.earlier.get_mut(&key) {
            let (place, earlier) = (question.request.index, Arc::make_mut(earlier));
            earlier.index.remove(place);
            earlier.names.remove(&place);
        }
    }
}
