//! The native half of the statement's relation (f): what the circuit leaves to a look at the public numbers of a release
//! under noise.

#[cfg(test)]
mod forgers;

use cohortium_protocol::bundle::DeriveError;
use cohortium_protocol::policy::{Cell, GroupCells, NOISED_BITS, NoisedParams, SUM_NAMES};

use super::Rules;
use crate::reason::Reason;

/// A clause of the native half under noise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(clippy::enum_variant_names)] // as they are called on the statement page
enum NoisedClause {
    /// There are as many groups as the plan has.
    NoisedGroups,
    /// A cell is noised or suppressed: nothing is exact, and nothing is known to be empty.
    NoisedState,
    /// A count is a multiple of the rounding base.
    NoisedGrid,
    /// A count that is shown is at least what the smallest cell is rounded to.
    NoisedLeast,
    /// A sum that was asked for is there, and no other is.
    NoisedAsked,
    /// A sum is shown where its group's count is, and nowhere else.
    NoisedFollows,
    /// A number is one that a noised aggregate can be.
    NoisedRange,
}

/// Checks the released cells of a plan with so many groups under noise.
pub(crate) fn check_noised(cells: &[GroupCells], params: &NoisedParams) -> Result<(), Reason> {
    check(Rules::default(), cells, params)
}

fn check(rules: Rules<NoisedClause>, cells: &[GroupCells], params: &NoisedParams) -> Result<(), Reason> {
    if rules.has(NoisedClause::NoisedGroups) && cells.len() != params.groups() {
        return Err(DeriveError::Groups { found: cells.len(), required: params.groups() }.into());
    }
    for (group, cells) in cells.iter().enumerate() {
        check_group(&rules, cells, params).map_err(|(what, rule)| Reason::Cells { group: group + 1, what, rule })?;
    }
    Ok(())
}

fn check_group(rules: &Rules<NoisedClause>, cells: &GroupCells, params: &NoisedParams) -> Result<(), (String, String)> {
    let (k, b) = (i64::from(params.k()), i64::from(params.b()));
    check_cell(rules, "count", cells.count)?;
    if let Cell::Noised(count) = cells.count {
        let what = || format!("the count {count}");
        rules.require(NoisedClause::NoisedGrid, count % b == 0, || (what(), format!("counts are multiples of {b}")))?;
        let least = (k + b / 2) / b * b;
        rules.require(NoisedClause::NoisedLeast, count >= least, || {
            (what(), format!("a noised count below {k} is suppressed"))
        })?;
    }
    for ((sum, asked), name) in cells.sums.iter().zip(params.asked()).zip(SUM_NAMES) {
        rules.require(NoisedClause::NoisedAsked, sum.is_some() == asked, || {
            let [what, rule] =
                if asked { ["no", "although it was asked for"] } else { ["a", "which was not asked for"] };
            (format!("{what} {name}"), rule.to_owned())
        })?;
        let Some(sum) = *sum else { continue };
        check_cell(rules, name, sum)?;
        let follows = matches!(sum, Cell::Suppressed) == matches!(cells.count, Cell::Suppressed);
        rules.require(NoisedClause::NoisedFollows, follows, || {
            let what = format!("the {name} \"{sum}\" beside the count \"{}\"", cells.count);
            (what, "sums are shown where their group's count is, and nowhere else".to_owned())
        })?;
    }
    Ok(())
}

fn check_cell(rules: &Rules<NoisedClause>, name: &str, cell: Cell) -> Result<(), (String, String)> {
    rules.require(NoisedClause::NoisedState, matches!(cell, Cell::Noised(_) | Cell::Suppressed), || {
        (format!("the {name} \"{cell}\""), "under noise a cell is noised or suppressed".to_owned())
    })?;
    let Cell::Noised(value) = cell else { return Ok(()) };
    rules.require(NoisedClause::NoisedRange, value.unsigned_abs() < 1 << NOISED_BITS, || {
        (format!("the {name} {value}"), format!("noised numbers are below 2^{NOISED_BITS} either way"))
    })
}
