//! The opening budget.

use crate::shape::Shape;

/// Openings of a registered column that are kept back: room for an audit that nobody has thought of yet.
pub const RESERVE: u32 = 16;

/// Points that a column of a manifest or epoch may be opened at, ever: `B - 16`.
pub fn column_limit(shape: &Shape) -> u32 {
    (shape.blinding_rows as u32).saturating_sub(RESERVE)
}
