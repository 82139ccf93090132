//! The noise of an answer: drawn from the site's one-time seed and the query's beacon, for this one context.

use cohortium_circuits::noise::{NoiseWitness, draw};
use cohortium_circuits::seeds::commitment;
use cohortium_protocol::bundle::{NoiseFacts, NoiseOnLedger, SeedOpening};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{GroupNoise, NoisedParams, Rule};
use cohortium_protocol::shape::NoiseShape;
use zeroize::Zeroizing;

use super::{PipelineError, Planned, Site, context};

/// What the noise is drawn from: the seed, a secret, and what shows that nobody chose it.
pub struct NoiseSource {
    /// The seed of the pinned leaf.
    pub seed: Zeroizing<[u8; 32]>,
    /// The path from its commitment to the registered root.
    pub path: Vec<Digest>,
    /// What stands on the ledger: the tree's size, and both nonces.
    pub on_ledger: NoiseOnLedger,
}

/// The noise of one answer.
pub(super) struct Drawn {
    facts: NoiseFacts,
    on_ledger: NoiseOnLedger,
    opening: SeedOpening,
    shape: &'static NoiseShape,
    witness: NoiseWitness,
}

impl Drawn {
    /// Draws it: the same whenever it is drawn again for the same request, seed and beacon.
    pub(super) fn new(source: NoiseSource, planned: &Planned<'_>, site: &Site<'_>) -> Result<Self, PipelineError> {
        let NoiseSource { seed, path, on_ledger } = source;
        let (Rule::Noised(params), Some(shape)) = (&planned.rule, planned.shape.noise) else {
            return Err(PipelineError::NotNoised);
        };
        let opening = SeedOpening { commitment: commitment(&seed), path };
        let name = site.manifest.site();
        let facts = NoiseFacts::check(
            planned.request,
            planned.approval,
            name,
            &planned.shape,
            Some(&on_ledger),
            Some(&opening),
        )?;
        let facts = facts.ok_or(PipelineError::NotNoised)?;
        let key = planned.request.site(name)?.verifying_key;
        let context = context(planned, site, key, Some(&facts));
        let drawn = draw(&seed, &facts.beacon(), &context, &params.thresholds(shape), shape);
        let witness = drawn.ok_or(PipelineError::NoReading)?;
        Ok(Self { facts, on_ledger, opening, shape, witness })
    }

    pub(super) const fn facts(&self) -> &NoiseFacts {
        &self.facts
    }

    pub(super) const fn on_ledger(&self) -> &NoiseOnLedger {
        &self.on_ledger
    }

    pub(super) const fn opening(&self) -> &SeedOpening {
        &self.opening
    }

    pub(super) const fn witness(&self) -> &NoiseWitness {
        &self.witness
    }

    pub(super) fn by_group(&self, params: &NoisedParams) -> Zeroizing<Vec<GroupNoise>> {
        self.witness.by_group(self.shape, params.layout(), params.groups())
    }
}
