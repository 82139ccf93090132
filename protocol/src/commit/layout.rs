//! How a column lies in its commitment: which rows are data, which are blinding, and in which matrix.
//!
//! A table of `2^variables` entries is a matrix of `2^split` matrix rows. The entry of row index `t` is
//! in matrix row `t >> (variables - split)` at position `t mod 2^(variables - split)`. In a point
//! `r[0..variables]` the coordinate `r[0]` belongs to the *least* significant bit of the row index, so
//! `r[..variables - split]` chooses a position and the rest a matrix row.

use std::ops::Range;

use crate::shape::Shape;

/// Positions of a matrix row at most: as many generators there are.
pub const MAX_POSITIONS: usize = 4096;

/// Random entries in the masked half of a multiplicity.
///
/// A multiplicity is committed afresh for each proof and opened at one random point, ever: one random entry
/// would do, and eight leave room.
pub const MULTIPLICITY_BLINDING_ROWS: usize = 8;

/// Why a layout is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// More rows than the shape holds.
    #[error("{declared} rows do not fit: a table of shape {shape} holds {allowed} beside its blinding rows")]
    TooManyRows {
        /// Rows asked for.
        declared: usize,
        /// Rows the shape holds.
        allowed: usize,
        /// The shape's name.
        shape: &'static str,
    },
    /// The shape wants longer matrix rows than there are generators.
    #[error("matrix rows of {positions} entries are longer than the {MAX_POSITIONS} generators")]
    MatrixRowsTooLong {
        /// Entries a matrix row would have.
        positions: usize,
    },
}

/// A table of `2^variables` entries as a matrix: what a commitment's reader must know of its layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grid {
    variables: usize,
    split: usize,
}

impl Grid {
    fn checked(variables: usize, split: usize) -> Result<Self, LayoutError> {
        let positions = 1 << (variables - split);
        if positions > MAX_POSITIONS {
            Err(LayoutError::MatrixRowsTooLong { positions })
        } else {
            Ok(Self { variables, split })
        }
    }

    /// Variables of the table's multilinear extension: coordinates of a point.
    pub const fn variables(&self) -> usize {
        self.variables
    }

    /// Variables that choose a matrix row.
    pub const fn split(&self) -> usize {
        self.split
    }

    /// `2^split`: matrix rows, points of the commitment.
    pub const fn matrix_rows(&self) -> usize {
        1 << self.split
    }

    /// `2^(variables - split)`: entries of a matrix row.
    pub const fn positions(&self) -> usize {
        1 << (self.variables - self.split)
    }

    /// Cuts a point into the part that chooses a position and the part that chooses a matrix row.
    ///
    /// The point must have a coordinate for each variable.
    pub fn cut<'a, T>(&self, point: &'a [T]) -> (&'a [T], &'a [T]) {
        point.split_at(self.variables - self.split)
    }
}

/// Where data, blinding rows and zeros are, and how the whole is cut into matrix rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    grid: Grid,
    data_rows: usize,
    blinding_rows: usize,
}

impl Layout {
    /// A column of `declared` data rows, then the shape's blinding rows, then zeros.
    pub fn column(shape: &Shape, declared: usize) -> Result<Self, LayoutError> {
        let allowed = shape.max_declared_rows();
        if declared > allowed {
            return Err(LayoutError::TooManyRows { declared, allowed, shape: shape.name });
        }
        let grid = Grid::checked(shape.row_bits, shape.row_split)?;
        Ok(Self { grid, data_rows: declared, blinding_rows: shape.blinding_rows })
    }

    /// A multiplicity: `w + 1` variables, the top one (`b`) masking. The half `b = 0` holds a count for each
    /// of the `2^w` values; the half `b = 1` begins with eight random entries and is zero after them.
    pub fn multiplicity(shape: &Shape) -> Result<Self, LayoutError> {
        let grid = Grid::checked(shape.value_bits + 1, shape.value_split)?;
        let values = shape.values();
        Ok(Self { grid, data_rows: values, blinding_rows: MULTIPLICITY_BLINDING_ROWS.min(values) })
    }

    /// The matrix.
    pub const fn grid(&self) -> Grid {
        self.grid
    }

    /// Rows that hold data, from 0.
    pub const fn data_rows(&self) -> usize {
        self.data_rows
    }

    /// Uniformly random rows, right after the data.
    pub const fn blinding_rows(&self) -> usize {
        self.blinding_rows
    }

    /// The rows of data in a matrix row.
    pub(super) fn data_in(&self, matrix_row: usize) -> Range<usize> {
        self.clip(0..self.data_rows, matrix_row)
    }

    /// The blinding rows in a matrix row; an empty range is still within the bounds of all of them.
    pub(super) fn blinding_in(&self, matrix_row: usize) -> Range<usize> {
        self.clip(self.data_rows..self.data_rows + self.blinding_rows, matrix_row)
    }

    fn clip(&self, rows: Range<usize>, matrix_row: usize) -> Range<usize> {
        let first = matrix_row * self.grid.positions();
        let last = first + self.grid.positions();
        first.clamp(rows.start, rows.end)..last.clamp(rows.start, rows.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_shapes_have_enough_generators() {
        let sizes = Shape::STANDARD.map(|shape| {
            let column = Layout::column(&shape, shape.max_declared_rows()).unwrap();
            let counts = Layout::multiplicity(&shape).unwrap();
            assert_eq!(column.data_rows() + column.blinding_rows(), shape.rows());
            let (column, counts) = (column.grid(), counts.grid());
            (column.matrix_rows(), column.positions(), counts.matrix_rows(), counts.positions())
        });
        assert_eq!(sizes, [(16, 256, 64, 2048), (64, 1024, 64, 2048), (256, 4096, 64, 2048)]);
    }

    #[test]
    fn too_many_rows_are_refused() {
        let refused = Layout::column(&Shape::QUERY_12, 3585).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "3585 rows do not fit: a table of shape query-12 holds 3584 beside its blinding rows"
        );
    }
}
