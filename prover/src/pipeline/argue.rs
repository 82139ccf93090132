//! From a plan's columns to its proof: what answers and offers share.

use ark_ff::UniformRand;
use cohortium_circuits::gadget;
use cohortium_circuits::noise::NoiseWitness;
use cohortium_circuits::prove::{self, Stage};
use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::{
    COLUMN_OPENING, ChallengesDocument, ColumnAtPoint, Derivation, MULTIPLICITY_OPENING, opening_context,
    query_commitments,
};
use cohortium_protocol::commit::{Hedge, OpeningProof, SecretColumn};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{GroupCells, SumParams};
use cohortium_protocol::query::{ColumnId, Source};
use cohortium_protocol::statement::ReleaseRule;
use rand::{CryptoRng, RngCore};

use super::clock::Clock;
use super::columns::{MadeColumn, Material, ProofColumn, open};
use super::{PipelineError, Progress};

/// What is to be proved of the columns.
pub(super) struct Statement<'a> {
    /// The context digest.
    pub(super) context: Digest,
    /// What follows from the aggregates.
    pub(super) rule: ReleaseRule,
    /// The first sum's rule.
    pub(super) first: SumParams,
    /// The released cells.
    pub(super) cells: &'a [GroupCells],
    /// The noise, if there is any.
    pub(super) noise: Option<NoiseWitness>,
}

/// The parts of a proof, as they are published.
pub(super) struct Argued {
    pub(super) columns: Vec<ColumnAtPoint>,
    pub(super) multiplicities: Vec<ColumnAtPoint>,
    pub(super) challenges: ChallengesDocument,
    pub(super) column_opening: OpeningProof,
    pub(super) multiplicity_opening: OpeningProof,
    pub(super) groth16: String,
    /// What opens the selection again, at one row.
    pub(super) selection: Option<SecretColumn>,
}

/// Commits to the query-time columns, argues, opens, and proves that the check of all this succeeds.
pub(super) fn argue(
    material: &Material<'_>,
    statement: Statement<'_>,
    key: &ProvingKey,
    rng: &mut (impl RngCore + CryptoRng),
    progress: &mut Progress<'_>,
    clock: &mut Clock<'_>,
) -> Result<Argued, PipelineError> {
    let Statement { context, rule, first, cells, noise } = statement;
    progress("committing to the query's columns", 0.0);
    let layout = *material.site.manifest.layout();
    let query_time = material.commit_query_columns(layout, rng)?;
    clock.lap("commit query columns");
    let (lookups, multiplicities) = material.commit_multiplicities(&query_time, rng)?;
    clock.lap("commit multiplicities");

    let columns = material.proof_columns(&query_time)?;
    let commitments = query_commitments(
        columns.iter().filter(|c| c.id.source == Source::Query).map(|c| (&c.id, c.commitment.digest())),
        multiplicities.iter().map(|column| (&column.id, column.commitment.digest())),
    );

    let witness = material.witness(&columns, lookups)?;
    clock.lap("witness");
    let nonce = nonce(&context, &commitments, &query_time, rng);
    let shape = material.shape;
    let mut argument = prove::prove(shape, &witness, &first, &context, &commitments, nonce, &mut |stage| {
        progress(stage_name(stage), 0.15 + 0.5 * stage_fraction(stage));
    });
    drop(witness);
    argument.messages.noise = noise;
    clock.lap("argument");

    progress("opening columns", 0.65);
    let at = &argument.challenges;
    let opening = |which| opening_context(&context, &commitments, which);
    let (opened, column_opening) = open(&columns, &at.row_point, &opening(COLUMN_OPENING), rng)?;
    let multiplicities: Vec<ProofColumn<'_>> = multiplicities.iter().map(MadeColumn::of_proof).collect();
    let (opened_multiplicities, multiplicity_opening) =
        open(&multiplicities, &at.value_point, &opening(MULTIPLICITY_OPENING), rng)?;
    clock.lap("openings");

    progress("proving that the check of all this succeeds", 0.75);
    let public = Derivation {
        plan: material.plan,
        shape,
        declared_rows: material.site.manifest.declared_rows(),
        context,
        commitments,
        rule,
        challenges: argument.challenges.clone(),
        columns: &opened,
        multiplicities: &opened_multiplicities,
        cells,
    }
    .public()?
    .encode(shape)?;
    let (assignment, _) = gadget::assignment(shape, &public, &argument.messages);
    let assignment = zeroize::Zeroizing::new(assignment);
    clock.lap("assignment");
    if !key.is_satisfied(&assignment) {
        return Err(PipelineError::Unsatisfied);
    }
    let groth16 = key.prove(&assignment, rng)?;
    clock.lap("groth16");
    Ok(Argued {
        columns: opened,
        multiplicities: opened_multiplicities,
        challenges: argument.challenges.into(),
        column_opening,
        multiplicity_opening,
        groth16: groth16.to_base64(),
        selection: query_time.into_iter().find(|column| column.id == ColumnId::selection()).map(|column| column.secret),
    })
}

/// What the transcript hides behind: uniform, and another one for another request even from a generator that repeats itself.
fn nonce(context: &Digest, commitments: &Digest, query_time: &[MadeColumn], rng: &mut (impl RngCore + CryptoRng)) -> F {
    let hedge = Hedge::new("transcript nonce", rng).digest(context).digest(commitments);
    let secrets = query_time.iter().map(|column| column.secret.blinding_rows());
    F::rand(&mut secrets.fold(hedge, Hedge::elements).generator())
}

pub(super) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Trees => "growing the fraction trees",
        Stage::Layer(..) => "walking the fraction trees",
        Stage::Rows => "settling the rows",
        Stage::Tables => "settling the tables",
    }
}

/// How much of the argument is done. The last layers hold nearly all of the work.
pub(super) fn stage_fraction(stage: Stage) -> f64 {
    match stage {
        Stage::Trees => 0.0,
        Stage::Layer(layer, layers) => 0.2 + 0.6 * 0.5f64.powi((layers - layer) as i32 - 1),
        Stage::Rows => 0.8,
        Stage::Tables => 0.98,
    }
}
