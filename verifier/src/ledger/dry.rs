//! Dry runs: so much of the state as the rules of a query look at, taken out, so that they can be applied without it.

use std::collections::BTreeMap;

use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, MerkleTree, Timestamp};
use cohortium_protocol::shape::Shape;

use super::plans::Plans;
use super::refusal::Refusal;
use super::state::{Account, Asked, Question, Site, State, Study};

/// The part of a state that decides about queries under one approval to some sites.
#[derive(Debug)]
pub struct DryRun {
    state: State,
    approval: Digest,
    study: Study,
}

impl DryRun {
    /// The ledger's id.
    pub fn ledger(&self) -> &str {
        &self.state.ledger
    }

    /// The charter.
    pub fn charter(&self) -> &Charter {
        &self.state.charter
    }

    /// The approval.
    pub fn approval(&self) -> &Approval {
        &self.study.approval.document
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn digest(&self) -> Digest {
        self.approval
    }

    /// The shape that proves answers with noise over tables of a shape; nothing if none does.
    pub fn noise_shape(&self, shape: &Shape) -> Option<Shape> {
        (self.state.noise_shape)(shape)
    }

    /// The next running number under it.
    pub fn sequence(&self) -> u64 {
        self.study.queries.len() as u64 + 1
    }

    /// A site, if it is one of those that the part was taken for and has registered something.
    pub fn site(&self, name: &str) -> Option<&Site> {
        self.state.sites.get(name)
    }

    /// Whether the sponsor's query would be admitted if it were posted now: by the rules themselves.
    pub fn check(&self, request: &Request, time: Timestamp, plans: &mut Plans) -> Result<(), Refusal> {
        self.check_of(request, request.sites.len(), time, plans)
    }

    /// The same for a request that names some of the query's sites only, of so many: what those that it names have against
    /// it.
    pub fn check_of(&self, request: &Request, of: usize, time: Timestamp, plans: &mut Plans) -> Result<(), Refusal> {
        if request.approval != self.approval {
            return Err(Refusal::Unknown { what: "approval", name: request.approval.to_string() });
        }
        self.state.check_question((request, of), time, plans)
    }

    /// Compiles what the rules will ask for when the query is posted: as if its turn had come, since earlier ones may be
    /// admitted before it. What is refused is refused again then.
    pub fn prepare(&self, request: &Request, time: Timestamp, plans: &mut Plans) {
        let request = Request { sequence: self.sequence(), ..request.clone() };
        let _ = self.check(&request, time, plans);
    }
}

impl State {
    /// Takes out what decides about a query under an approval to some sites about a table. Copies references, compiles
    /// nothing; nothing if there is no such approval.
    pub fn dry_run(&self, approval: &Digest, sites: &[String], table: &str) -> Option<DryRun> {
        let study = self.studies.get(approval)?.clone();
        let sites: BTreeMap<String, Site> =
            sites.iter().filter_map(|name| Some((name.clone(), self.sites.get(name)?.only(table)))).collect();
        // What was asked under approvals that this one amends is counted as well.
        let approvals = self.approvals_of(&study.approval.document.study);
        let queries = approvals.iter().flat_map(|study| &study.queries);
        let queries = queries.filter_map(|digest| Some((*digest, self.queries.get(digest)?.only(&sites))));
        let queries = queries.filter(|(_, question)| !question.sites.is_empty()).collect();
        let mut accounts = BTreeMap::new();
        for dataset in sites.values().flat_map(|site| site.tables.values()) {
            let epoch = dataset.epoch.iter().flat_map(|epoch| epoch.document.columns());
            for column in dataset.manifest.document.columns().iter().chain(epoch) {
                if let Some(account) = self.accounts.get(&column.commitment) {
                    accounts.insert(column.commitment, account.only(approval));
                }
            }
        }
        let study_name = study.approval.document.study.as_str();
        let mut epsilon = BTreeMap::new();
        for site in sites.keys() {
            let key = (site.clone(), table.to_owned());
            if let Some(account) = self.epsilon.get(&key) {
                epsilon.insert(key, account.only(study_name));
            }
        }
        let earlier = self.earlier.iter().filter(|((site, of), _)| of == table && sites.contains_key(site));
        let earlier = earlier.map(|(key, earlier)| (key.clone(), earlier.clone())).collect();
        let state = State {
            ledger: self.ledger.clone(),
            charter: self.charter.clone(),
            keys: Vec::new(),
            height: self.height,
            tip: self.tip,
            time: self.time,
            tree: MerkleTree::new(),
            ids: BTreeMap::new(),
            sites,
            studies: approvals.into_iter().map(|study| (study.approval.document.digest(), study.clone())).collect(),
            queries,
            by_id: BTreeMap::new(),
            accounts,
            epsilon,
            noise_shape: self.noise_shape,
            earlier,
        };
        Some(DryRun { state, approval: *approval, study })
    }
}

impl Site {
    fn only(&self, table: &str) -> Self {
        let tables = self.tables.get_key_value(table).map(|(name, dataset)| (name.clone(), dataset.clone()));
        Self {
            tables: tables.into_iter().collect(),
            floor: self.floor.clone(),
            seeds: self.seeds.clone(),
            asked: self.asked,
            consents: self.consents.clone(),
        }
    }
}

impl Question {
    /// Of an earlier question it matters what was asked and who has decided, not what was answered.
    fn only(&self, sites: &BTreeMap<String, Site>) -> Self {
        let sites = self.sites.iter().filter(|(name, _)| sites.contains_key(*name)).map(|(name, asked)| {
            let Asked { manifest, epoch, floor, leaf, seeds, reads, decision, .. } = asked;
            let asked = Asked {
                manifest: manifest.clone(),
                epoch: epoch.clone(),
                floor: floor.clone(),
                leaf: *leaf,
                seeds: seeds.clone(),
                reads: reads.clone(),
                held: None,
                decision: decision.clone(),
                release: None,
            };
            (name.clone(), asked)
        });
        Self {
            id: self.id,
            request: self.request.clone(),
            sponsor: self.sponsor.clone(),
            schema: self.schema.clone(),
            sites: sites.collect(),
            openings: self.openings.clone(),
        }
    }
}

impl Account {
    fn only(&self, approval: &Digest) -> Self {
        let under = self.under.get(approval).map(|spent| (*approval, *spent));
        Self { spent: self.spent, under: under.into_iter().collect() }
    }
}
