//! Offers: from a query that counts to the plan of one patient who meets its criteria (statement page *Eligibility*).

use super::MAX_CONDITIONS;
use super::algebra::Query;
use super::check::PlanError;
use super::column::ColumnId;
use super::compile::{CompileError, compile};
use super::plan::{Condition, Plan, Role};
use super::table::LookupTable;
use crate::shape::Shape;
use crate::table::{ConsentColumn, Schema};

/// Why nobody can be offered by a query.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferError {
    /// Criteria say who, and nothing else.
    #[error("the criteria {found}; a query that patients are offered by counts, and does nothing else")]
    CountsOnly {
        /// What else it does.
        found: &'static str,
    },
    /// The offer is one condition more.
    #[error(
        "the criteria come to {found} conditions, consent included; there is room for {limit} beside the offer's own"
    )]
    TooManyConditions {
        /// How many there are.
        found: usize,
        /// How many fit.
        limit: usize,
    },
    /// The criteria do not compile.
    #[error(transparent)]
    Compile(Box<CompileError>),
    /// The plan does not pass its check.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// Compiles a study's criteria to the plan of an offer, for a shape of the statement `eligibility`: as [`compile`] does for the
/// shape of the table, and then [`Plan::offer`].
pub fn compile_offer(
    query: &Query,
    schema: &Schema,
    consent: &ConsentColumn,
    shape: &Shape,
) -> Result<Plan, OfferError> {
    let plan = compile(query, schema, consent, &shape.data()).map_err(|error| OfferError::Compile(Box::new(error)))?;
    plan.offer(shape)
}

impl Plan {
    /// The plan of one patient who meets the criteria of this one: with `OFFERED` as the last bit of the selection key, and
    /// nothing selected without it. The shape is one of the statement `eligibility`.
    ///
    /// # Errors
    /// A plan that groups or sums; more conditions than the key has bits left for; a plan that does not pass its check.
    pub fn offer(mut self, shape: &Shape) -> Result<Self, OfferError> {
        if !self.axes.is_empty() {
            return Err(OfferError::CountsOnly { found: "have groups" });
        }
        if self.y.is_some() || self.z.is_some() || self.asked != Default::default() {
            return Err(OfferError::CountsOnly { found: "have sums" });
        }
        let bit = self.conditions.len();
        let limit = MAX_CONDITIONS.min(shape.value_bits).saturating_sub(1);
        if bit > limit {
            return Err(OfferError::TooManyConditions { found: bit, limit });
        }
        let missing = || PlanError::LookupMissing { expected: ColumnId::selection().to_string() };
        let text = "this is the patient who is offered".to_owned();
        self.conditions.push(Condition { column: ColumnId::offered(), role: Role::Offered, text });
        self.flags.push(ColumnId::offered());
        let input = self.selection_key();
        let selection = self.lookups.last_mut().filter(|lookup| lookup.output == ColumnId::selection());
        let selection = selection.ok_or_else(missing)?;
        // The new bit is the highest, so Phi is what it was, moved up by it; below it there is nothing.
        let shift = 1u32 << bit;
        let moved: Option<Vec<(u16, u16)>> = selection
            .table
            .segments()
            .iter()
            .map(|run| Some((moved_by(run.first, shift)?, moved_by(run.last, shift)?)))
            .collect();
        selection.table = LookupTable::indicator(&moved.ok_or_else(missing)?);
        selection.input = input;
        self.check(shape)?;
        Ok(self)
    }
}

/// A key with a higher bit set; nothing for a key that is beyond that bit already.
fn moved_by(key: u16, shift: u32) -> Option<u16> {
    let key = u32::from(key);
    if key < shift { u16::try_from(key + shift).ok() } else { None }
}
