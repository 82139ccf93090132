//! The transcript as a dishonest prover uses it: with a look at what would be drawn if something were said.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::Shape;

use crate::clause::Relation;
use crate::messages::{Fraction, GroupSums, Layer, LayerRound, RowRound, TableRound};
use crate::native::{Challenges, Coins};

/// What the transcript starts from.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    pub(super) context: Digest,
    pub(super) commitments: Digest,
    pub(super) nonce: F,
}

/// One step of the transcript.
#[derive(Clone)]
pub(super) enum Said {
    Roots(Fraction, Fraction),
    LayerRound(LayerRound),
    LayerEnd(usize, Layer),
    RowRound(RowRound),
    TableRound(TableRound),
}

/// Deals challenges, and can be asked beforehand.
pub(super) struct Dealer<'a> {
    relation: Relation,
    shape: &'a Shape,
    statement: Statement,
    aggregates: &'a [GroupSums],
    said: Vec<Said>,
    coins: Coins<'a>,
    /// The challenges after the aggregates.
    pub(super) drawn: Challenges,
}

fn start<'a>(
    relation: Relation,
    shape: &'a Shape,
    statement: &Statement,
    aggregates: &[GroupSums],
) -> (Coins<'a>, Challenges) {
    let mut coins = Coins::new(relation, shape);
    coins.statement(digest_limbs(&statement.context), digest_limbs(&statement.commitments), statement.nonce);
    let drawn = coins.aggregates(aggregates);
    (coins, drawn)
}

/// The challenges after the aggregates, before anything else is decided.
pub(super) fn draw(relation: Relation, shape: &Shape, statement: &Statement, aggregates: &[GroupSums]) -> Challenges {
    start(relation, shape, statement, aggregates).1
}

fn play(coins: &mut Coins<'_>, said: &Said) -> [F; 3] {
    let one = |x: F| [x, F::ZERO, F::ZERO];
    match said {
        Said::Roots(row, table) => one(coins.roots(*row, *table)),
        Said::LayerRound(round) => one(coins.layer_round(round)),
        Said::LayerEnd(number, layer) => {
            let drawn = coins.layer_end(*number, layer);
            [drawn.fold, drawn.lambda, drawn.mu]
        }
        Said::RowRound(round) => one(coins.row_round(round)),
        Said::TableRound(round) => one(coins.table_round(round)),
    }
}

impl<'a> Dealer<'a> {
    /// A transcript in which the aggregates have been said.
    pub(super) fn new(
        relation: Relation,
        shape: &'a Shape,
        statement: &Statement,
        aggregates: &'a [GroupSums],
    ) -> Self {
        let (coins, drawn) = start(relation, shape, statement, aggregates);
        Self { relation, shape, statement: *statement, aggregates, said: Vec::new(), coins, drawn }
    }

    /// Says something; returns the step's challenges (a layer's end: fold coordinate, `lambda`, `mu`).
    pub(super) fn say(&mut self, said: Said) -> [F; 3] {
        let drawn = play(&mut self.coins, &said);
        self.said.push(said);
        drawn
    }

    /// What would be drawn if this were said now.
    pub(super) fn peek(&self, said: &Said) -> [F; 3] {
        let (mut coins, _) = start(self.relation, self.shape, &self.statement, self.aggregates);
        for said in &self.said {
            play(&mut coins, said);
        }
        play(&mut coins, said)
    }
}
