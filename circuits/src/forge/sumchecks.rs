//! The naive prover's row and table sumchecks.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;

use super::dealer::Said;
use super::dense::{extend, weights};
use super::formulas::{Tree, coefficients, round, row_bracket, table_numerator};
use super::lie::{Place, bend_round};
use super::naive::Player;
use crate::messages::{RowRound, TableRound};

impl Player<'_> {
    /// The row sumcheck; returns `r` and the last claim.
    pub(super) fn rows(&mut self, row: &Tree, lambda: F, mu: F) -> (Vec<F>, F) {
        let point = &row.point[..self.shape.row_bits];
        let mut claim = row.claim.p + lambda * row.claim.q;
        let mut bound = Vec::new();
        for (i, rho) in point.iter().enumerate() {
            let values = round(&bound, &point[i + 1..], 4, |at| {
                let (opened, chain) = (self.dense.at_row_point(at, mu), self.dense.chain_at(at));
                row_bracket(self.relation, self.shape, &self.drawn, &row.point, lambda, (&opened, chain))
            });
            let c = coefficients(&values);
            let mut sent = RowRound { at_zero: values[0], at_one: values[1], high: [c[2], c[3], c[4]] };
            let gap = claim - (F::ONE - rho) * values[0] - *rho * values[1];
            let manner = self.lie.manner(Place::RowRound(i));
            let [zero, one] = bend_round(gap, *rho, manner, || self.dealer.peek(&Said::RowRound(sent))[0]);
            sent.at_zero += zero;
            sent.at_one += one;
            let [challenge, ..] = self.dealer.say(Said::RowRound(sent));
            claim = sent.at(challenge);
            self.messages.row_rounds[i] = sent;
            bound.push(challenge);
        }
        (bound, claim)
    }

    /// The table sumcheck; returns `r_t` and the last claim.
    pub(super) fn tables(&mut self, table: &Tree) -> (Vec<F>, F) {
        let mut point = table.point[..self.shape.value_bits].to_vec();
        point.push(F::ZERO);
        let mut claim = table.claim.p;
        let mut bound = Vec::new();
        for (i, rho) in point.iter().enumerate() {
            let values = round(&bound, &point[i + 1..], 1, |at| {
                let weights = weights(at);
                let at: Vec<F> = self.dense.lookups.iter().map(|l| extend(&l.multiplicity, &weights)).collect();
                table_numerator(self.shape, &self.drawn, &table.point, &at)
            });
            let mut sent = TableRound { at_zero: values[0], at_one: values[1] };
            let gap = claim - (F::ONE - rho) * values[0] - *rho * values[1];
            let manner = self.lie.manner(Place::TableRound(i));
            let [zero, one] = bend_round(gap, *rho, manner, || self.dealer.peek(&Said::TableRound(sent))[0]);
            sent.at_zero += zero;
            sent.at_one += one;
            let [challenge, ..] = self.dealer.say(Said::TableRound(sent));
            claim = sent.at(challenge);
            self.messages.table_rounds[i] = sent;
            bound.push(challenge);
        }
        (bound, claim)
    }
}
