//! The public inputs of a proof about a table, derived: by the verifier from the proof and the registered document, by the
//! prover from what it is about to publish.

use ark_ff::{AdditiveGroup, Field};

use super::subject::TableSubject;
use crate::bundle::ColumnAtPoint;
use crate::field::F;
use crate::hash::Digest;
use crate::mle;
use crate::query::ColumnId;
use crate::shape::Shape;
use crate::statement::{TableChallenges, TableEvaluations, TablePublic};
use crate::table::TAG_LIMBS;

/// Why public inputs cannot be derived.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableDeriveError {
    /// Other columns than the statement is about, or in another order.
    #[error("the proof opens {found} among its {list}, at this place the statement needs {required}")]
    Columns {
        /// Columns or multiplicities.
        list: &'static str,
        /// What was found.
        found: String,
        /// What is needed.
        required: String,
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
    /// A shape with fewer lookups than a tag has limbs.
    #[error("shape {shape} has room for {room} lookups, a tag has {TAG_LIMBS} limbs")]
    Room {
        /// The shape.
        shape: &'static str,
        /// How many it has room for.
        room: usize,
    },
}

/// What the public inputs are derived from.
pub struct TableDerivation<'a> {
    /// What is proved, of what.
    pub subject: TableSubject<'a>,
    /// The shape of the proof.
    pub shape: &'a Shape,
    /// The context digest.
    pub context: Digest,
    /// The digest of the query-time commitments.
    pub commitments: Digest,
    /// Where columns are opened.
    pub challenges: TableChallenges,
    /// The opened columns and their values.
    pub columns: &'a [ColumnAtPoint],
    /// The opened multiplicities and their values.
    pub multiplicities: &'a [ColumnAtPoint],
}

fn in_order(list: &'static str, found: &[ColumnAtPoint], required: &[ColumnId]) -> Result<(), TableDeriveError> {
    let name = |column: Option<&ColumnId>| column.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    for place in 0..found.len().max(required.len()) {
        let (a, b) = (found.get(place).map(|opened| &opened.column), required.get(place));
        if a != b {
            return Err(TableDeriveError::Columns { list, found: name(a), required: name(b) });
        }
    }
    Ok(())
}

impl TableDerivation<'_> {
    /// Derives every public input.
    pub fn public(&self) -> Result<TablePublic, TableDeriveError> {
        let Self { shape, subject, .. } = *self;
        // Before anything is evaluated: the cost of an evaluation is exponential in a point's length.
        let at = &self.challenges;
        for (which, point, required) in
            [("r", &at.row_point, shape.row_bits), ("r_t", &at.value_point, shape.value_bits + 1)]
        {
            if point.len() != required {
                return Err(TableDeriveError::Point { which, found: point.len(), shape: shape.name, required });
            }
        }
        if shape.max_lookups() < TAG_LIMBS {
            return Err(TableDeriveError::Room { shape: shape.name, room: shape.max_lookups() });
        }
        in_order("columns", self.columns, &subject.columns())?;
        in_order("multiplicities", self.multiplicities, &subject.steps())?;
        Ok(TablePublic {
            context: self.context,
            commitments: self.commitments,
            challenges: self.challenges.clone(),
            evaluations: self.evaluations(),
        })
    }

    /// `in_order` has shown which columns there are.
    fn evaluations(&self) -> TableEvaluations {
        let Self { shape, challenges: at, .. } = self;
        let declared_rows = self.subject.manifest().declared_rows();
        // An unused slot is the lookup of 0 in the zero table: every data row, at value 0 and mask 0.
        let unused = F::from(declared_rows as u64) * mle::eq(&vec![F::ZERO; at.value_point.len()], &at.value_point);
        let values: Vec<F> = self.columns.iter().map(|opened| opened.value).collect();
        let mut multiplicities: Vec<F> = self.multiplicities.iter().map(|opened| opened.value).collect();
        multiplicities.resize(shape.max_lookups(), unused);
        let base = F::from(shape.values() as u64);
        let number = |limbs: &[F]| limbs.iter().fold(F::ZERO, |sum, limb| sum * base + limb);
        let mut inputs = Vec::new();
        let [mut flags, mut sources, mut targets] = [F::ZERO; 3];
        match self.subject {
            TableSubject::Unique(_) => {
                let (tags, steps) = values.split_at(TAG_LIMBS);
                sources = number(tags);
                // The 1 stands on every row: which rows count is in the numerators.
                targets = sources + number(steps) + F::ONE;
                inputs.extend(steps);
            }
            TableSubject::Flags(..) => {
                let mut power = F::ONE;
                for value in &values {
                    power *= at.mu;
                    flags += power * (value.square() - value);
                }
            }
        }
        inputs.resize(shape.max_lookups(), F::ZERO);
        let occupied = mle::prefix(&at.row_point, declared_rows);
        TableEvaluations { occupied, flags, sources, targets, inputs, multiplicities }
    }
}
