//! (b) Layers: false roots that pass the root check, and a lie that is dropped on the way.

use super::Forgery;
use super::lie::{Carrier, Manner, Place};
use super::transcript::dropped;
use crate::clause::Relation;

/// Layer 0 is proved of the false roots; layer 1's round is the honest one.
pub(super) fn layer_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerRound(1, 0), Manner::Bluntly)
}

/// Layer 0's children are the true ones, though the roots are not.
pub(super) fn layer_end(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerEnd(0), Manner::Bluntly)
}
