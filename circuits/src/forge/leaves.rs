//! (d) Leaves: a lie that reaches the leaves and is dropped there, or not at all; and a flag that is none.

use super::lie::{Carrier, Lie, Manner, Place};
use super::transcript::{consent_of_three, dropped};
use super::{Cohort, Forgery, forge, one_more};
use crate::clause::Relation;

pub(super) fn row_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::RowRound(0), Manner::Bluntly)
}

pub(super) fn table_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::TableNumerator, Place::TableRound(0), Manner::Bluntly)
}

pub(super) fn row_final(relation: Relation) -> Forgery {
    kept(relation, Carrier::RowNumerator)
}

pub(super) fn table_denominators(relation: Relation) -> Forgery {
    kept(relation, Carrier::TableDenominator)
}

pub(super) fn table_final(relation: Relation) -> Forgery {
    kept(relation, Carrier::TableNumerator)
}

/// One more person, and the lie kept to the end.
fn kept(relation: Relation, carrier: Carrier) -> Forgery {
    forge(relation, Cohort::honest(), &Lie::claiming(one_more()).carried_by(carrier))
}

/// A consent of 3 selects the outsider, whose test fails.
pub(super) fn flags_checked(relation: Relation) -> Forgery {
    let cohort = consent_of_three();
    let lie = Lie::claiming(cohort.aggregates());
    forge(relation, cohort, &lie)
}
