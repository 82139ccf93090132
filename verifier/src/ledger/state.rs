//! The ledger's state: what all transactions so far come to. Pure: the same transactions make the same state.

use std::collections::BTreeMap;
use std::sync::Arc;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::{Batch, Charter, MerkleTree, Timestamp, events_root};
use cohortium_protocol::policy::{GroupCells, Policy};
use cohortium_protocol::results::ReleasePolicy;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::Schema;

use super::beacon::Openings;
use super::epsilon::EpsilonAccount;
use super::near::{Earlier, Reads};
use crate::noise::noise_shape_of;

/// Why a charter and keys do not found a ledger.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FoundingError {
    /// A key that the charter does not name.
    #[error("the verifying key {id} of shape {shape} was given, but the charter does not name it")]
    ForeignKey {
        /// The key's id.
        id: Digest,
        /// Its shape.
        shape: String,
    },
    /// A key that the charter names, and nobody gave.
    #[error("the charter names the verifying key {id} of shape {shape}; it was not given")]
    MissingKey {
        /// The key's id.
        id: Digest,
        /// Its shape.
        shape: String,
    },
}

/// Where a document stands on the ledger.
#[derive(Clone, Debug)]
pub struct Posted<T> {
    /// The document.
    pub document: Arc<T>,
    /// The place of its transaction.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
}

impl<T> Posted<T> {
    pub(super) fn new(document: T, index: u64, time: Timestamp) -> Self {
        Self { document: Arc::new(document), index, time }
    }
}

/// A site's policy floor and its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Floor {
    /// Counts the site's floors.
    pub number: u32,
    /// The floor.
    pub policy: Policy,
}

/// A site's seed tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seeds {
    /// Counts the site's trees.
    pub number: u32,
    /// Leaves of the tree.
    pub leaves: u32,
    /// Its root.
    pub root: Digest,
    /// The number, at the site, of the query that has its first leaf.
    pub first: u64,
}

/// A batch of consent events on the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PostedBatch {
    /// The batch.
    pub batch: Batch,
    /// The place of its transaction.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
}

/// One table of one site.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The schema of the active version.
    pub schema: Arc<Schema>,
    /// The active version.
    pub manifest: Posted<DatasetManifest>,
    /// The active epoch: one over the active version.
    pub epoch: Option<Posted<ConsentEpoch>>,
    /// The last epoch's number, of any version.
    pub last_epoch: u32,
    /// Since when it is proved that no two rows of the active version bear one tag.
    pub unique: Option<Timestamp>,
    /// Since when it is proved that the active epoch's flags are 0 or 1.
    pub flags: Option<Timestamp>,
}

/// A hospital.
#[derive(Clone, Default, Debug)]
pub struct Site {
    /// Its tables by name.
    pub tables: BTreeMap<String, Dataset>,
    /// Its policy floor.
    pub floor: Option<Posted<Floor>>,
    /// Its seed tree.
    pub seeds: Option<Posted<Seeds>>,
    /// Queries put to it so far: the next one's seed leaf.
    pub asked: u64,
    /// Its batches of consent events, in the order of their numbers from 1.
    pub consents: Vec<PostedBatch>,
}

impl Site {
    /// The root over its batches up to a number, if there are so many.
    pub fn events_root(&self, cutoff: u32) -> Option<Digest> {
        Some(events_root(self.consents.get(..cutoff as usize)?.iter().map(|posted| &posted.batch)))
    }
}

/// An approval and what became of it.
#[derive(Clone, Debug)]
pub struct Study {
    /// The approval.
    pub approval: Posted<Approval>,
    /// The board that gave it.
    pub board: String,
    /// Since when it is suspended, and why.
    pub suspended: Option<(Timestamp, String)>,
    /// The approval of the same study that took its place.
    pub amended: Option<Digest>,
    /// The queries under it, in the order of their numbers from 1.
    pub queries: Vec<Digest>,
}

/// What a site decided about a query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It will answer.
    Accepted,
    /// It will not.
    Declined {
        /// Why.
        reason: String,
    },
}

/// A release.
#[derive(Clone, Debug)]
pub struct Released {
    /// The place of its transaction.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
    /// The released cells.
    pub cells: Vec<GroupCells>,
    /// The effective policy, and the numbers that it gives for the plan.
    pub policy: ReleasePolicy,
}

/// One site's part of a query: what was pinned, and what became of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The table version.
    pub manifest: Posted<DatasetManifest>,
    /// The epoch.
    pub epoch: Posted<ConsentEpoch>,
    /// The policy floor.
    pub floor: Posted<Floor>,
    /// The number of the query at this site, from 0.
    pub leaf: u64,
    /// The tree of seeds that was active then: with noise, the pinned leaf is one of it.
    pub seeds: Option<Posted<Seeds>>,
    /// What the plan reads, for the comparison with later ones.
    pub reads: Reads,
    /// Since when a person has to decide, and why.
    pub held: Option<(Timestamp, String)>,
    /// What the site decided, when, and the place of the transaction.
    pub decision: Option<(Decision, Timestamp, u64)>,
    /// Its answer.
    pub release: Option<Released>,
}

/// A query.
#[derive(Clone, Debug)]
pub struct Question {
    /// The transaction's id: the query's name.
    pub id: Digest,
    /// The request.
    pub request: Posted<Request>,
    /// Who asked.
    pub sponsor: String,
    /// The schema it is asked in.
    pub schema: Arc<Schema>,
    /// The sites asked.
    pub sites: BTreeMap<String, Asked>,
    /// What has become of the nonces; nothing if it asks for no noise.
    pub openings: Option<Openings>,
}

/// What was spent of a column's opening budget.
#[derive(Clone, Default, Debug)]
pub(super) struct Account {
    pub(super) spent: u32,
    pub(super) under: BTreeMap<Digest, u32>,
}

/// The state of a ledger.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) ledger: String,
    pub(super) charter: Charter,
    pub(super) keys: Vec<Arc<VerifyingKey>>,
    pub(super) height: u64,
    pub(super) tip: Digest,
    pub(super) time: Timestamp,
    pub(super) tree: MerkleTree,
    pub(super) ids: BTreeMap<Digest, u64>,
    pub(super) sites: BTreeMap<String, Site>,
    pub(super) studies: BTreeMap<Digest, Study>,
    pub(super) queries: BTreeMap<Digest, Question>,
    /// The request of each query transaction.
    pub(super) by_id: BTreeMap<Digest, Digest>,
    pub(super) accounts: BTreeMap<Digest, Account>,
    /// What answers with noise have spent, by site and table.
    pub(super) epsilon: BTreeMap<(String, String), EpsilonAccount>,
    /// The shape that proves answers with noise over tables of a shape.
    pub(super) noise_shape: fn(&Shape) -> Option<Shape>,
    /// What was put to each table of each site.
    pub(super) earlier: BTreeMap<(String, String), Arc<Earlier>>,
}

impl State {
    /// A ledger before its first block.
    pub fn found(charter: Charter, keys: Vec<VerifyingKey>) -> Result<Self, FoundingError> {
        for key in &keys {
            if charter.verifying_key(key.shape().name) != Some(key.id()) {
                return Err(FoundingError::ForeignKey { id: key.id(), shape: key.shape().name.to_owned() });
            }
        }
        for pin in &charter.verifying_keys {
            if !keys.iter().any(|key| key.id() == pin.id) {
                return Err(FoundingError::MissingKey { id: pin.id, shape: pin.shape.clone() });
            }
        }
        Ok(Self {
            ledger: charter.ledger(),
            tip: charter.digest(),
            charter,
            keys: keys.into_iter().map(Arc::new).collect(),
            height: 0,
            time: Timestamp::default(),
            tree: MerkleTree::new(),
            ids: BTreeMap::new(),
            sites: BTreeMap::new(),
            studies: BTreeMap::new(),
            queries: BTreeMap::new(),
            by_id: BTreeMap::new(),
            accounts: BTreeMap::new(),
            epsilon: BTreeMap::new(),
            noise_shape: noise_shape_of,
            earlier: BTreeMap::new(),
        })
    }

    /// For tests of the rules of noise: the same state, as if these shapes proved answers with noise. No program calls it.
    #[doc(hidden)]
    #[must_use]
    pub fn with_noise_shapes(self, noise_shape: fn(&Shape) -> Option<Shape>) -> Self {
        Self { noise_shape, ..self }
    }

    /// The ledger's id.
    pub fn ledger(&self) -> &str {
        &self.ledger
    }

    /// The charter.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The verifying keys.
    pub fn keys(&self) -> &[Arc<VerifyingKey>] {
        &self.keys
    }

    /// The last block's height; 0 before the first.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The last block's digest; the charter's before the first.
    pub fn tip(&self) -> Digest {
        self.tip
    }

    /// The last block's time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The tree over all transactions.
    pub fn tree(&self) -> &MerkleTree {
        &self.tree
    }

    /// The place of a transaction.
    pub fn place(&self, id: &Digest) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// The sites that registered something, by name.
    pub fn sites(&self) -> &BTreeMap<String, Site> {
        &self.sites
    }

    /// The approvals by digest.
    pub fn studies(&self) -> &BTreeMap<Digest, Study> {
        &self.studies
    }

    /// The queries by their requests' digests.
    pub fn queries(&self) -> &BTreeMap<Digest, Question> {
        &self.queries
    }

    /// A query by its transaction's id or its request's digest.
    pub fn query(&self, id: &Digest) -> Option<&Question> {
        self.queries.get(self.by_id.get(id).unwrap_or(id))
    }

    /// Openings spent of a commitment, in all and under one approval.
    pub fn spent(&self, commitment: &Digest, approval: &Digest) -> (u32, u32) {
        self.accounts
            .get(commitment)
            .map_or((0, 0), |account| (account.spent, account.under.get(approval).copied().unwrap_or(0)))
    }

    /// The digest over everything that rules depend on.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::STATE);
        hasher.str(&self.ledger).u64(self.tree.len()).digest(&self.tree.root());
        hasher.u64(self.sites.len() as u64);
        for (name, site) in &self.sites {
            hasher.str(name).u64(site.asked).u64(site.tables.len() as u64);
            for (table, dataset) in &site.tables {
                hasher.str(table).digest(&dataset.manifest.document.digest()).u64(u64::from(dataset.last_epoch));
                optional(&mut hasher, dataset.epoch.as_ref().map(|epoch| epoch.document.digest()));
                // Only where there is a proof.
                for (what, since) in [("unique", dataset.unique), ("flags", dataset.flags)] {
                    if let Some(since) = since {
                        hasher.str(what).u64(since.unix());
                    }
                }
            }
            optional(&mut hasher, site.floor.as_ref().map(|floor| floor.document.policy.digest()));
            hasher.u64(site.floor.as_ref().map_or(0, |floor| u64::from(floor.document.number)));
            optional(&mut hasher, site.seeds.as_ref().map(|seeds| seeds.document.root));
            hasher.u64(site.seeds.as_ref().map_or(0, |seeds| u64::from(seeds.document.number)));
            // Only where there are some: states from before have the digests that they had.
            if let Some(last) = site.consents.last() {
                hasher.str("consents").u64(site.consents.len() as u64).u64(last.time.unix());
                optional(&mut hasher, site.events_root(last.batch.number));
            }
        }
        hasher.u64(self.studies.len() as u64);
        for (digest, study) in &self.studies {
            hasher.digest(digest).str(&study.board).u64(u64::from(study.suspended.is_some()));
            optional(&mut hasher, study.amended);
            hasher.u64(study.queries.len() as u64);
            for query in &study.queries {
                hasher.digest(query);
            }
        }
        hasher.u64(self.queries.len() as u64);
        for (digest, question) in &self.queries {
            hasher.digest(digest).u64(question.request.time.unix());
            for (site, asked) in &question.sites {
                hasher.str(site).u64(asked.leaf).u64(u64::from(asked.held.is_some()));
                hasher.u64(match &asked.decision {
                    None => 0,
                    Some((Decision::Accepted, ..)) => 1,
                    Some((Decision::Declined { .. }, ..)) => 2,
                });
                // Until when a site that accepted may answer follows from it.
                hasher.u64(asked.decision.as_ref().map_or(0, |(_, time, _)| time.unix()));
                hasher.u64(asked.release.as_ref().map_or(0, |release| release.index + 1));
            }
        }
        hasher.u64(self.accounts.len() as u64);
        for (commitment, account) in &self.accounts {
            hasher.digest(commitment).u64(u64::from(account.spent)).u64(account.under.len() as u64);
            for (approval, spent) in &account.under {
                hasher.digest(approval).u64(u64::from(*spent));
            }
        }
        self.absorb_openings(&mut hasher);
        self.absorb_epsilon(&mut hasher);
        // Only where something was asked: a ledger without questions has the digest that it had before they were compared.
        let earlier: Vec<_> = self.earlier.iter().filter(|(_, earlier)| !earlier.is_empty()).collect();
        if !earlier.is_empty() {
            hasher.str("differencing").u64(earlier.len() as u64);
            for ((site, table), earlier) in earlier {
                hasher.str(site).str(table);
                earlier.absorb(&mut hasher);
            }
        }
        hasher.finish()
    }
}

fn optional(hasher: &mut Hasher, digest: Option<Digest>) {
    hasher.u64(u64::from(digest.is_some()));
    if let Some(digest) = digest {
        hasher.digest(&digest);
    }
}
