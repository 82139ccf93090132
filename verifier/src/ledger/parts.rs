//! What a bundle and its evidence are made from: taken out of the state in a moment, so that what stands in blocks is
//! read without it.

use std::sync::Arc;

use cohortium_protocol::bundle::{BUNDLE_FORMAT, Bundle, NoiseOnLedger, QueryProof};
use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Inclusion, LedgerEvidence, NoiseEvidence};
use cohortium_protocol::table::Schema;

use super::beacon::Openings;
use super::evidence::Signed;
use super::refusal::Refusal;
use super::state::{Decision, Floor, State};

/// The documents that a site's proof makes a bundle with.
#[derive(Clone, Debug)]
pub struct BundleParts {
    site: String,
    request: Arc<Request>,
    approval: Arc<Approval>,
    floor: Arc<Floor>,
    schema: Arc<Schema>,
    manifest: Arc<DatasetManifest>,
    epoch: Arc<ConsentEpoch>,
    noise: Option<NoiseOnLedger>,
}

impl BundleParts {
    /// What a bundle repeats of the noise, once both nonces are open.
    pub fn noise(&self) -> Option<&NoiseOnLedger> {
        self.noise.as_ref()
    }

    /// The bundle of a proof, without evidence of the ledger itself.
    pub fn bundle(&self, proof: QueryProof) -> Bundle {
        Bundle {
            format: BUNDLE_FORMAT.to_owned(),
            site: self.site.clone(),
            request: self.request.as_ref().clone(),
            approval: self.approval.as_ref().clone(),
            policy_floor: self.floor.policy.clone(),
            schema: self.schema.as_ref().clone(),
            manifest: self.manifest.as_ref().clone(),
            epoch: self.epoch.as_ref().clone(),
            proof,
            noise: self.noise.clone(),
            ledger: None,
        }
    }
}

/// A transaction's place, and the path from there to a checkpoint.
#[derive(Clone, Debug)]
struct Place {
    index: u64,
    path: Vec<Digest>,
}

/// The places of the transactions that are evidence for a site's release.
#[derive(Clone, Debug)]
pub struct EvidenceParts {
    checkpoint: String,
    floor_number: u32,
    manifest: Place,
    epoch: Place,
    floor: Place,
    study: Place,
    query: Place,
    accept: Place,
    release: Place,
    noise: Option<NoiseParts>,
}

/// The places of what a release's noise is drawn from.
#[derive(Clone, Debug)]
struct NoiseParts {
    seeds_number: u32,
    seeds: Place,
    sponsor: Place,
    board: Place,
}

impl EvidenceParts {
    /// The place of the release.
    pub fn release(&self) -> u64 {
        self.release.index
    }

    /// The evidence. `signed` looks up who signed the transaction at a place, and how.
    pub fn evidence<E>(self, signed: &mut dyn FnMut(u64) -> Result<Signed, E>) -> Result<LedgerEvidence, E> {
        let mut include = |Place { index, path }| -> Result<Inclusion, E> {
            let (member, signature) = signed(index)?;
            Ok(Inclusion { member, signature, index, path })
        };
        Ok(LedgerEvidence {
            checkpoint: self.checkpoint,
            manifest: include(self.manifest)?,
            epoch: include(self.epoch)?,
            floor_number: self.floor_number,
            floor: include(self.floor)?,
            study: include(self.study)?,
            query: include(self.query)?,
            accept: include(self.accept)?,
            release: include(self.release)?,
            noise: match self.noise {
                None => None,
                Some(NoiseParts { seeds_number, seeds, sponsor, board }) => Some(NoiseEvidence {
                    seeds_number,
                    seeds: include(seeds)?,
                    sponsor_nonce: include(sponsor)?,
                    board_nonce: include(board)?,
                }),
            },
        })
    }
}

impl State {
    /// What the evidence for a site's release is made from, under a checkpoint of this state's size or less.
    pub fn evidence_parts(
        &self,
        site: &str,
        request: &Digest,
        checkpoint: &str,
        size: u64,
    ) -> Result<EvidenceParts, Refusal> {
        let unknown = || Refusal::Unknown { what: "release", name: format!("of {site:?} for {request}") };
        let question = self.query(request).ok_or_else(unknown)?;
        let asked = question.sites.get(site).ok_or_else(unknown)?;
        let study = self.studies.get(&question.request.document.approval).ok_or_else(unknown)?;
        let (Some(release), Some((Decision::Accepted, _, accepted))) = (&asked.release, &asked.decision) else {
            return Err(unknown());
        };
        let place = |index: u64| -> Result<Place, Refusal> {
            Ok(Place { index, path: self.tree.inclusion(index, size).map_err(|_| unknown())? })
        };
        let noise = match (&question.openings, &asked.seeds) {
            (Some(Openings { sponsor: Some(sponsor), board: Some(board), .. }), Some(seeds)) => Some(NoiseParts {
                seeds_number: seeds.document.number,
                seeds: place(seeds.index)?,
                sponsor: place(sponsor.index)?,
                board: place(board.index)?,
            }),
            (None, _) => None,
            _ => return Err(unknown()),
        };
        Ok(EvidenceParts {
            checkpoint: checkpoint.to_owned(),
            floor_number: asked.floor.document.number,
            manifest: place(asked.manifest.index)?,
            epoch: place(asked.epoch.index)?,
            floor: place(asked.floor.index)?,
            study: place(study.approval.index)?,
            query: place(question.request.index)?,
            accept: place(*accepted)?,
            release: place(release.index)?,
            noise,
        })
    }

    /// The evidence for a site's release, with who signed what looked up at once.
    pub fn evidence(
        &self,
        site: &str,
        request: &Digest,
        checkpoint: &str,
        size: u64,
        signed: &mut dyn FnMut(u64) -> Option<Signed>,
    ) -> Result<LedgerEvidence, Refusal> {
        let unknown = || Refusal::Unknown { what: "release", name: format!("of {site:?} for {request}") };
        let parts = self.evidence_parts(site, request, checkpoint, size)?;
        parts.evidence(&mut |index| signed(index).ok_or_else(unknown))
    }

    /// The documents that a site's proof makes a bundle with.
    pub fn bundle_parts(&self, site: &str, request: &Digest) -> Result<BundleParts, Refusal> {
        let unknown = || Refusal::Unknown { what: "query", name: request.to_string() };
        let question = self.query(request).ok_or_else(unknown)?;
        let asked = question.sites.get(site).ok_or_else(unknown)?;
        let study = self.studies.get(&question.request.document.approval).ok_or_else(unknown)?;
        Ok(BundleParts {
            site: site.to_owned(),
            request: question.request.document.clone(),
            approval: study.approval.document.clone(),
            floor: asked.floor.document.clone(),
            schema: question.schema.clone(),
            manifest: asked.manifest.document.clone(),
            epoch: asked.epoch.document.clone(),
            noise: question.noise_of(asked),
        })
    }

    /// The bundle that a site's proof makes with what is on the ledger, without evidence of the ledger itself.
    pub fn bundle(&self, site: &str, request: &Digest, proof: &QueryProof) -> Result<Bundle, Refusal> {
        Ok(self.bundle_parts(site, request)?.bundle(proof.clone()))
    }
}
