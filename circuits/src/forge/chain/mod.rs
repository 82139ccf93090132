//! Dishonest provers of the statement `table`: one for every clause that it has.
//!
//! - [`town`]: ten people with tags and flags, and what is committed about them;
//! - [`forgers`]: how each clause is forged;
//! - [`table`]: who forges which clause, and the tests of each against native twin, circuit and Groth16;
//! - [`attempts`]: what a hospital with two equal tags could try, and that the optimised prover is the naive one.

mod attempts;
mod forgers;
mod table;
mod town;

use cohortium_protocol::field::F;
use cohortium_protocol::statement::TablePublic;

use super::lie::Lie;
use super::naive::{self, Played};
use crate::clause::Relation;
use crate::messages::Messages;
use crate::native::{Broken, verify_table};
use town::{Kind, Town};

/// A forged proof with its statement.
struct Forgery {
    town: Town,
    public: TablePublic,
    messages: Messages,
    /// What a lottery has to give for `alpha`, if it has to.
    alpha: Option<F>,
}

impl Forgery {
    fn rigged(&self, relation: Relation) -> Relation {
        match self.alpha {
            Some(alpha) => relation.with_alpha(alpha),
            None => relation,
        }
    }

    /// The native twin's verdict.
    fn judged_by(&self, relation: Relation) -> Result<(), Broken> {
        verify_table(&self.rigged(relation), &Town::SHAPE, &self.public, &self.messages)
    }

    /// Everything public is what a verifier derives from what was committed.
    fn is_derived(&self) -> bool {
        self.public.context == self.town.context()
            && self.public.commitments == self.town.commitments()
            && self.public.evaluations == self.town.dense().table_evaluations(&self.public.challenges)
    }
}

fn play(relation: Relation, town: &Town, lie: &Lie) -> Played {
    naive::prove(relation, &Town::SHAPE, &town.dense(), &town.statement(), lie)
}

/// The statement that a verifier is given.
fn publish(town: Town, played: Played) -> Forgery {
    let challenges = played.challenges.into();
    let public = TablePublic {
        context: town.context(),
        commitments: town.commitments(),
        evaluations: town.dense().table_evaluations(&challenges),
        challenges,
    };
    Forgery { town, public, messages: played.messages, alpha: None }
}

/// Plays the argument over what a town committed, with a lie.
fn forge_with(relation: Relation, town: Town, lie: &Lie) -> Forgery {
    let played = play(relation, &town, lie);
    publish(town, played)
}

/// The same without any deviation that what was committed does not force.
fn forge(relation: Relation, town: Town) -> Forgery {
    let lie = Lie::claiming(town.aggregates());
    forge_with(relation, town, &lie)
}

fn honest(kind: Kind) -> Forgery {
    forge(Relation::whole(), Town::honest(kind))
}
