//! Which shape proves answers with noise.

use cohortium_protocol::shape::Shape;

/// The shape that proves answers with noise over tables of a shape. The ledger admits no request with noise to a table for
/// which there is none.
pub fn noise_shape_of(table: &Shape) -> Option<Shape> {
    table.noised()
}
