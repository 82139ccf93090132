//! The public inputs of the circuit, derived: by the verifier from the bundle, by the prover from what it is
//! about to publish. Nothing about wiring is read from anywhere but the plan.

use ark_ff::{AdditiveGroup, Field};

use super::proof::ColumnAtPoint;
use crate::field::F;
use crate::hash::Digest;
use crate::mle;
use crate::policy::{Cell, GroupCells};
use crate::query::{ColumnId, Linear, Plan};
use crate::shape::Shape;
use crate::statement::{Evaluations, PublicChallenges, QueryPublic, ReleaseRule};
use crate::table::TAG_LIMBS;

/// Why public inputs cannot be derived.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DeriveError {
    /// The opened columns are not the plan's, in its order.
    #[error("the bundle opens {found}, at this place the plan needs {required}")]
    Columns {
        /// What was found.
        found: String,
        /// What the plan needs.
        required: String,
    },
    /// The opened multiplicities are not the plan's lookups', in their order.
    #[error("the bundle opens the multiplicities of {found}, at this place the plan needs those of {required}")]
    Multiplicities {
        /// What was found.
        found: String,
        /// What the plan needs.
        required: String,
    },
    /// More lookups or groups than the shape has.
    #[error("the plan has {found} {what}, shape {shape} has room for {room}")]
    Room {
        /// Which.
        what: &'static str,
        /// How many the plan has.
        found: usize,
        /// The shape.
        shape: &'static str,
        /// How many it has room for.
        room: usize,
    },
    /// A point with another number of coordinates than the shape's.
    #[error("the point {which} has {found} coordinates, in shape {shape} it has {required}")]
    Point {
        /// Which point.
        which: &'static str,
        /// How many were found.
        found: usize,
        /// The shape.
        shape: &'static str,
        /// How many it has.
        required: usize,
    },
    /// Another number of released groups than the plan has.
    #[error("the bundle releases {found} groups, the plan has {required}")]
    Groups {
        /// How many were found.
        found: usize,
        /// How many the plan has.
        required: usize,
    },
}

/// What the public inputs are derived from.
pub struct Derivation<'a> {
    /// The plan, recompiled and checked.
    pub plan: &'a Plan,
    /// The shape.
    pub shape: &'a Shape,
    /// From the manifest.
    pub declared_rows: usize,
    /// The context digest.
    pub context: Digest,
    /// The digest of the query-time commitments.
    pub commitments: Digest,
    /// The effective policy's numbers for this plan, with what its noise is drawn from.
    pub rule: ReleaseRule,
    /// Where columns are opened.
    pub challenges: PublicChallenges,
    /// The opened columns and their values.
    pub columns: &'a [ColumnAtPoint],
    /// The opened multiplicities and their values.
    pub multiplicities: &'a [ColumnAtPoint],
    /// The released cells.
    pub cells: &'a [GroupCells],
}

/// Pairs a list with what the plan needs, in order.
fn in_order<'a>(
    found: &[ColumnAtPoint],
    required: impl Iterator<Item = &'a ColumnId>,
    refuse: impl Fn(String, String) -> DeriveError,
) -> Result<(), DeriveError> {
    let name = |column: Option<&ColumnId>| column.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    let mut found = found.iter().map(|opened| &opened.column);
    let mut required = required;
    loop {
        match (found.next(), required.next()) {
            (None, None) => return Ok(()),
            (a, b) if a == b => {}
            (a, b) => return Err(refuse(name(a), name(b))),
        }
    }
}

/// The cells of every group of a shape: the plan's as released, then those of empty groups. What groups
/// beyond the plan's show is never read from anywhere, so that nobody can be counted there.
pub fn cells_of_shape(released: &[GroupCells], shape: &Shape, rule: &ReleaseRule) -> Vec<GroupCells> {
    let (state, asked) = match rule {
        ReleaseRule::Exact(params) => {
            (if params.show_zero { Cell::Zero } else { Cell::Suppressed }, params.sums.map(|sum| sum.on))
        }
        ReleaseRule::Noised(inputs) => (Cell::Suppressed, inputs.params.asked()),
        ReleaseRule::Offered(_) => return released.to_vec(),
    };
    let empty = GroupCells { count: state, sums: asked.map(|on| on.then_some(state)) };
    let mut cells = released.to_vec();
    cells.resize(shape.groups, empty);
    cells
}

impl Derivation<'_> {
    /// Derives every public input.
    pub fn public(&self) -> Result<QueryPublic, DeriveError> {
        let Self { plan, shape, .. } = *self;
        let room = |what, found, room| DeriveError::Room { what, found, shape: shape.name, room };
        // Before anything is evaluated: the cost of an evaluation is exponential in a point's length.
        let at = &self.challenges;
        for (which, point, required) in [
            ("r", &at.row_point, shape.row_bits),
            ("r_t", &at.value_point, shape.value_bits + 1),
            ("rho_t", &at.table_point, shape.value_bits),
        ] {
            if point.len() != required {
                return Err(DeriveError::Point { which, found: point.len(), shape: shape.name, required });
            }
        }
        if plan.lookups.len() > shape.max_lookups() {
            return Err(room("lookups", plan.lookups.len(), shape.max_lookups()));
        }
        if plan.groups() > shape.groups {
            return Err(room("groups", plan.groups(), shape.groups));
        }
        // An offer has one group and releases nothing of it.
        let required = if plan.is_offer() { 0 } else { plan.groups() };
        if self.cells.len() != required {
            return Err(DeriveError::Groups { found: self.cells.len(), required });
        }
        in_order(self.columns, plan.columns().iter(), |found, required| DeriveError::Columns { found, required })?;
        in_order(self.multiplicities, plan.lookups.iter().map(|lookup| &lookup.output), |found, required| {
            DeriveError::Multiplicities { found, required }
        })?;
        Ok(QueryPublic {
            context: self.context,
            commitments: self.commitments,
            challenges: self.challenges.clone(),
            evaluations: self.evaluations(),
            rule: self.rule.clone(),
            cells: cells_of_shape(self.cells, shape, &self.rule),
        })
    }

    /// The value of an opened column; `in_order` has shown that every column of the plan is there.
    fn value(&self, column: &ColumnId) -> F {
        self.columns.iter().find(|opened| opened.column == *column).map_or(F::ZERO, |opened| opened.value)
    }

    fn linear(&self, linear: &Linear) -> F {
        linear.terms().map(|(coefficient, column)| F::from(coefficient) * self.value(column)).sum()
    }

    /// `V(tag)` at the point: the eight limbs as one number, `tag.0` the most significant.
    fn tag(&self) -> F {
        (0..TAG_LIMBS).fold(F::ZERO, |number, limb| number * F::from(1u64 << 16) + self.value(&ColumnId::tag(limb)))
    }

    fn evaluations(&self) -> Evaluations {
        let Self { plan, shape, challenges: at, .. } = self;
        // An unused slot is the lookup of 0 in the zero table: every data row, at value 0 and mask 0.
        let unused =
            F::from(self.declared_rows as u64) * mle::eq(&vec![F::ZERO; at.value_point.len()], &at.value_point);
        let slots = |values: Vec<F>, unused: F| {
            let mut values = values;
            values.resize(shape.max_lookups(), unused);
            values
        };
        let lookups = &plan.lookups;
        let mut power = F::ONE;
        let flags = plan
            .flags
            .iter()
            .map(|flag| {
                power *= at.mu;
                let value = self.value(flag);
                power * (value.square() - value)
            })
            .sum();
        let measure =
            |measure: &Option<crate::query::Measure>| measure.as_ref().map_or(F::ZERO, |m| self.value(&m.column));
        Evaluations {
            occupied: mle::prefix(&at.row_point, self.declared_rows),
            flags,
            selection: self.value(&ColumnId::selection()),
            y: if plan.is_offer() { self.tag() } else { measure(&plan.y) },
            z: measure(&plan.z),
            group: self.linear(&plan.group_key()),
            inputs: slots(lookups.iter().map(|lookup| self.linear(&lookup.input)).collect(), F::ZERO),
            outputs: slots(lookups.iter().map(|lookup| self.value(&lookup.output)).collect(), F::ZERO),
            tables: slots(
                lookups.iter().map(|lookup| mle::lookup_table(&lookup.table, &at.table_point)).collect(),
                F::ZERO,
            ),
            multiplicities: slots(self.multiplicities.iter().map(|opened| opened.value).collect(), unused),
        }
    }
}
