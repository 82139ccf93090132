//! Dishonest provers: one for every clause of the relation.
//!
//! - [`dense`], [`formulas`]: columns as plain tables, and the statement page's formulas over them;
//! - [`naive`], [`sumchecks`]: the argument by its definitions, which is the optimised prover's [`oracle`];
//! - [`lie`], [`dealer`]: how it lies, and the transcript with a look ahead;
//! - [`cohort`]: ten people, a query about them, its true answer;
//! - [`transcript`], [`layers`], [`roots`], [`leaves`], [`release`], [`noise`], [`offer`]: the forgers, by the statement page's headings;
//! - [`table`]: who forges which clause, and the test of each against the native twin;
//! - [`constraints`], [`groth`]: the same against the circuit, and through Groth16;
//! - [`everywhere`]: a lie at every place, every message and every public number changed;
//! - [`uniqueness`]: exactly one release fits the aggregates;
//! - [`order`]: which message changes which challenges, and pinned transcripts;
//! - [`hiding`]: what is published has one distribution;
//! - [`chain`]: all of this for the statement `table`.

mod chain;
mod cohort;
mod constraints;
mod dealer;
mod dense;
mod everywhere;
mod formulas;
mod groth;
mod hiding;
mod layers;
mod leaves;
mod lie;
mod naive;
mod noise;
mod offer;
mod oracle;
mod order;
mod release;
mod roots;
mod sumchecks;
mod table;
mod transcript;
mod uniqueness;

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::{GroupCells, ReleaseParams};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{QueryPublic, ReleaseRule};

use crate::clause::Relation;
use crate::messages::{GroupSums, Messages};
use crate::native::{Broken, verify};
use cohort::{Cohort, EXACT, cells_of, true_cells};
use lie::Lie;
use naive::Played;

/// A forged proof with its statement.
pub(crate) struct Forgery {
    /// The shape that it is proved in.
    pub(crate) shape: Shape,
    /// Whatever was committed.
    cohort: Cohort,
    /// What a verifier derives, and the forged cells.
    pub(crate) public: QueryPublic,
    /// The query's true answer.
    truth: Vec<GroupCells>,
    /// The forged proof.
    pub(crate) messages: Messages,
    /// What a lottery has to give for `alpha`, if it has to.
    alpha: Option<F>,
}

impl Forgery {
    /// A relation, with this forgery's lottery won.
    pub(crate) fn rigged(&self, relation: Relation) -> Relation {
        match self.alpha {
            Some(alpha) => relation.with_alpha(alpha),
            None => relation,
        }
    }

    /// The native twin's verdict.
    pub(crate) fn judged_by(&self, relation: Relation) -> Result<(), Broken> {
        verify(&self.rigged(relation), &self.shape, &self.public, &self.messages)
    }

    /// The released cells are not the query's answer; the nullifier is none of an eligible patient's.
    fn is_false(&self) -> bool {
        match &self.public.rule {
            ReleaseRule::Offered(inputs) => !offer::true_nullifiers().contains(&inputs.nullifier),
            _ => self.public.cells != self.truth,
        }
    }

    /// Everything else that is public is what a verifier derives from what was committed: digests, and
    /// evaluations at the public points.
    fn is_derived(&self) -> bool {
        self.public.context == self.cohort.context()
            && self.public.commitments == self.cohort.commitments()
            && self.public.evaluations == self.cohort.dense().evaluations(&self.public.challenges)
    }
}

/// Plays the argument over what a cohort committed, and publishes the cells that the lie's aggregates give.
fn forge(relation: Relation, cohort: Cohort, lie: &Lie) -> Forgery {
    let played = play(relation, &cohort, lie);
    let cells = cells_of(&lie.aggregates, &EXACT);
    publish(cohort, played, EXACT, cells)
}

fn play(relation: Relation, cohort: &Cohort, lie: &Lie) -> Played {
    naive::prove(relation, &Cohort::SHAPE, &cohort.dense(), &cohort.statement(), lie)
}

/// The statement that a verifier is given.
fn publish(cohort: Cohort, mut played: Played, params: ReleaseParams, cells: Vec<GroupCells>) -> Forgery {
    played.messages.set_sides(&params.sums[0]);
    let public = QueryPublic {
        context: cohort.context(),
        commitments: cohort.commitments(),
        evaluations: cohort.dense().evaluations(&played.challenges),
        challenges: played.challenges,
        rule: params.into(),
        cells,
    };
    Forgery { shape: Cohort::SHAPE, truth: true_cells(&params), cohort, public, messages: played.messages, alpha: None }
}

/// The honest proof of the cohort's answer, to the digit.
fn honest() -> Forgery {
    let cohort = Cohort::honest();
    let lie = Lie::claiming(cohort.aggregates());
    forge(Relation::whole(), cohort, &lie)
}

/// The true aggregates, with one more person counted in the first group.
fn one_more() -> Vec<GroupSums> {
    let mut aggregates = Cohort::honest().aggregates();
    aggregates[0][0] += F::ONE;
    aggregates
}

/// The root of a linear function, of which two values are enough.
fn root_of_linear(f: impl Fn(F) -> F) -> F {
    let (zero, one) = (f(F::ZERO), f(F::ONE));
    -zero * lie::inverse(one - zero)
}
