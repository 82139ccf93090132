//! A prover by the definitions: plain tables, every round's polynomial by its values, every value a sum over
//! all corners. It is the oracle of the optimised prover, and it can lie.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::PublicChallenges;

use super::dealer::{Dealer, Said, Statement};
use super::dense::{Dense, weights};
use super::formulas::{Tree, aggregate_side, coefficients, parent, round, row_leaves, table_leaves};
use super::lie::{Carrier, Lie, Manner, Place, bend_children, bend_round, inverse};
use crate::clause::Relation;
use crate::messages::{Children, Layer, LayerRound, Messages};
use crate::native::Challenges;
use crate::transcript::active;

/// What came of it.
pub(super) struct Played {
    pub(super) messages: Messages,
    pub(super) challenges: PublicChallenges,
    /// The challenges after the aggregates.
    pub(super) drawn: Challenges,
    /// `(rho_row, rho_slot)` and `(rho_t, rho_slot)`.
    pub(super) row_point: Vec<F>,
    pub(super) table_point: Vec<F>,
    /// The leaves' batching challenge.
    pub(super) lambda: F,
    /// The last claims of the row and table sumchecks, and the leaf denominators' claim of the table tree.
    pub(super) row_claim: F,
    pub(super) table_claim: F,
    pub(super) table_denominator: F,
}

/// Runs the argument.
pub(super) fn prove(relation: Relation, shape: &Shape, dense: &Dense, statement: &Statement, lie: &Lie) -> Played {
    let dealer = Dealer::new(relation, shape, statement, &lie.aggregates);
    let mut messages = Messages::blank(shape);
    messages.nonce = statement.nonce;
    messages.aggregates.clone_from(&lie.aggregates);
    let drawn = dealer.drawn.clone();
    let mut player = Player { relation, shape, dense, lie, dealer, drawn, messages };
    player.walk()
}

/// A prover in the middle of the argument.
pub(super) struct Player<'a> {
    pub(super) relation: Relation,
    pub(super) shape: &'a Shape,
    pub(super) dense: &'a Dense,
    pub(super) lie: &'a Lie,
    pub(super) dealer: Dealer<'a>,
    pub(super) drawn: Challenges,
    pub(super) messages: Messages,
}

impl Player<'_> {
    fn walk(&mut self) -> Played {
        let mut row = Tree::grow(row_leaves(self.relation, self.shape, &self.drawn, self.dense));
        let mut table = Tree::grow(table_leaves(self.shape, &self.drawn, self.dense));
        let mut batch = [self.roots(&mut row, &mut table), F::ZERO];
        let mut point = Vec::new();
        for number in 0..self.shape.layers() {
            batch = self.layer(number, &mut point, batch[0], &mut row, &mut table);
        }
        let [lambda, drawn_mu] = batch;
        let mu = self.lie.mu.unwrap_or(drawn_mu);
        let (r, row_claim) = self.rows(&row, lambda, mu);
        let (r_t, table_claim) = self.tables(&table);
        let table_point = table.point[..self.shape.value_bits].to_vec();
        Played {
            messages: self.messages.clone(),
            challenges: PublicChallenges { row_point: r, value_point: r_t, table_point, mu },
            drawn: self.drawn.clone(),
            row_point: row.point,
            table_point: table.point,
            lambda,
            row_claim,
            table_claim,
            table_denominator: table.claim.q,
        }
    }

    /// Sends the roots: with false aggregates, roots that pass the root check, unless the lie is dropped here.
    fn roots(&mut self, row: &mut Tree, table: &mut Tree) -> F {
        let side = aggregate_side(self.relation, self.shape, &self.drawn, &self.lie.aggregates);
        let gap = (table.claim.p + side * table.claim.q) * row.claim.q - row.claim.p * table.claim.q;
        match self.lie.manner(Place::Roots) {
            Some(Manner::Bluntly) => {}
            None if gap == F::ZERO => {}
            None => row.claim.p += gap * inverse(table.claim.q),
            // The batch P_r + lambda^2 P_t stays, and so layer 0's claim.
            Some(_) => {
                let [lambda, ..] = self.dealer.peek(&Said::Roots(row.claim, table.claim));
                let scale = lambda.square();
                let step = -gap * inverse(row.claim.q + scale * table.claim.q);
                table.claim.p += step;
                row.claim.p -= scale * step;
            }
        }
        (self.messages.row_root, self.messages.table_root) = (row.claim, table.claim);
        self.messages.set_inverses(self.shape, self.drawn.gamma);
        self.dealer.say(Said::Roots(row.claim, table.claim))[0]
    }

    /// Proves one layer; returns the next `lambda`, and `mu`.
    fn layer(&mut self, number: usize, point: &mut Vec<F>, lambda: F, row: &mut Tree, table: &mut Tree) -> [F; 2] {
        let (row_active, table_active) = active(self.shape, number);
        let table_scale = if row_active { lambda.square() } else { F::ONE };
        let mut claim = F::ZERO;
        if row_active {
            claim += row.claim.p + lambda * row.claim.q;
        }
        if table_active {
            claim += table_scale * (table.claim.p + lambda * table.claim.q);
        }
        let honest_children = |at: &[F]| {
            let weights = weights(at);
            let row = if row_active { row.children_at(number, &weights) } else { Children::default() };
            let table = if table_active { table.children_at(number, &weights) } else { Children::default() };
            (row, table)
        };
        let bracket = |at: &[F]| {
            let (row, table) = honest_children(at);
            parent(&row, lambda) + table_scale * parent(&table, lambda)
        };
        let mut bound = Vec::new();
        for j in 0..number {
            let values = round(&bound, &point[j + 1..], 2, bracket);
            let mut sent = LayerRound { at_zero: values[0], at_one: values[1], leading: coefficients(&values)[2] };
            let gap = claim - (F::ONE - point[j]) * values[0] - point[j] * values[1];
            let manner = self.lie.manner(Place::LayerRound(number, j));
            let [zero, one] = bend_round(gap, point[j], manner, || self.dealer.peek(&Said::LayerRound(sent))[0]);
            sent.at_zero += zero;
            sent.at_one += one;
            let [challenge, ..] = self.dealer.say(Said::LayerRound(sent));
            claim = sent.at(challenge);
            self.messages.layers[number].rounds[j] = sent;
            bound.push(challenge);
        }
        let (row_children, table_children) = honest_children(&bound);
        let mut sent = Layer { rounds: Vec::new(), row: row_children, table: table_children };
        let gap = claim - bracket(&bound);
        let manner = self.lie.manner(Place::LayerEnd(number));
        let honest = sent.clone();
        let drawn = || {
            let [fold, next, _] = self.dealer.peek(&Said::LayerEnd(number, honest));
            [fold, next]
        };
        match self.lie.carrier {
            Carrier::RowNumerator => bend_children(&mut sent.row, gap, lambda, false, manner, drawn),
            Carrier::TableNumerator | Carrier::TableDenominator => {
                let in_denominator = self.lie.carrier == Carrier::TableDenominator;
                let gap = gap * inverse(table_scale);
                bend_children(&mut sent.table, gap, lambda, in_denominator, manner, drawn);
            }
        }
        let [fold, next, mu] = self.dealer.say(Said::LayerEnd(number, sent.clone()));
        bound.insert(0, fold);
        *point = bound;
        if row_active {
            (row.claim, row.point) = (sent.row.fold(fold), point.clone());
        }
        if table_active {
            (table.claim, table.point) = (sent.table.fold(fold), point.clone());
        }
        (self.messages.layers[number].row, self.messages.layers[number].table) = (sent.row, sent.table);
        [next, mu]
    }
}
