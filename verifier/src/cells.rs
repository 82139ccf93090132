//! The native half of the statement's relation (e): what the circuit leaves to a look at the public numbers.
//!
//! The circuit speaks of the secret aggregates, this of the released cells alone (ADR 0002). Every rule is a
//! clause with a name, like those of the circuit, and with a forger of its own in the tests.

#[cfg(test)]
mod forgers;
mod noised;

pub(crate) use noised::check_noised;

use cohortium_protocol::bundle::DeriveError;
use cohortium_protocol::policy::{Cell, GroupCells, ReleaseParams, SumParams};

use crate::reason::Reason;
use crate::rules::Rules;

/// Sums are below two to this power: at most 2^20 rows with products of two 16-bit values.
const SUM_BITS: u32 = 53;

/// A clause of the native half.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ReleaseClause {
    /// There are as many groups as the plan has.
    GroupCount,
    /// A count has no noise in it.
    CountExact,
    /// A count is a multiple of the rounding base.
    CountGrid,
    /// A count is at most what a group of all rows is rounded to.
    CountRange,
    /// A sum that was asked for is there.
    SumAsked,
    /// A sum that was not asked for is not there.
    SumNotAsked,
    /// A sum has no noise in it.
    SumExact,
    /// A sum's number is shown only beside its group's.
    SumFollowsCount,
    /// A sum is a multiple of its base.
    SumGrid,
    /// A sum that rounds to nothing is suppressed.
    SumDominance,
    /// A sum is a number that sums can reach.
    SumRange,
    /// A restrained sum is not near the most that the largest group of that count could add up to.
    SumComplement,
    /// A sum is zero where its count is zero, and nowhere else.
    SumState,
}

/// Checks the released cells of a plan with so many groups, over a table of so many declared rows.
pub(crate) fn check_cells(
    cells: &[GroupCells],
    groups: usize,
    params: &ReleaseParams,
    rows: usize,
) -> Result<(), Reason> {
    check(Rules::default(), cells, groups, params, rows)
}

fn check(
    rules: Rules<ReleaseClause>,
    cells: &[GroupCells],
    groups: usize,
    params: &ReleaseParams,
    rows: usize,
) -> Result<(), Reason> {
    if rules.has(ReleaseClause::GroupCount) && cells.len() != groups {
        return Err(DeriveError::Groups { found: cells.len(), required: groups }.into());
    }
    for (group, cells) in cells.iter().enumerate() {
        let refuse = |(what, rule)| Reason::Cells { group: group + 1, what, rule };
        check_count(rules, cells.count, u64::from(params.b), rows as u64).map_err(refuse)?;
        let most_rows = most_rows(cells.count, u64::from(params.b), rows as u64);
        for (sum, rule) in cells.sums.iter().zip(&params.sums) {
            check_sum(rules, cells.count, *sum, rule, most_rows).map_err(refuse)?;
        }
    }
    Ok(())
}

fn check_count(rules: Rules<ReleaseClause>, count: Cell, base: u64, rows: u64) -> Result<(), (String, String)> {
    rules.require(ReleaseClause::CountExact, !matches!(count, Cell::Noised(_)), || {
        (format!("the count \"{count}\""), "this policy's counts have no noise in them".to_owned())
    })?;
    let Cell::Value(count) = count else { return Ok(()) };
    let what = format!("the count {count}");
    rules.require(ReleaseClause::CountGrid, count % base == 0, || {
        (what.clone(), format!("counts are multiples of {base}"))
    })?;
    let most = (rows + base / 2) / base * base;
    rules.require(ReleaseClause::CountRange, count <= most, || (what.clone(), format!("the table has {rows} rows")))
}

/// The most rows that a group with this count can have.
fn most_rows(count: Cell, base: u64, rows: u64) -> u64 {
    match count {
        Cell::Value(count) => rows.min(count.saturating_add(base - base / 2 - 1)),
        _ => rows,
    }
}

fn check_sum(
    rules: Rules<ReleaseClause>,
    count: Cell,
    sum: Option<Cell>,
    rule: &SumParams,
    most_rows: u64,
) -> Result<(), (String, String)> {
    let say = |what: String, rule: &str| (what, rule.to_owned());
    let sum = match (sum, rule.on) {
        (None, false) => return Ok(()),
        (Some(_), false) => {
            return rules.require(ReleaseClause::SumNotAsked, false, || say("a sum".into(), "which was not asked for"));
        }
        (None, true) => {
            return rules
                .require(ReleaseClause::SumAsked, false, || say("no sum".into(), "although one was asked for"));
        }
        (Some(sum), true) => sum,
    };
    rules.require(ReleaseClause::SumExact, !matches!(sum, Cell::Noised(_)), || {
        say(format!("the sum \"{sum}\""), "this policy's sums have no noise in them")
    })?;
    let Cell::Value(value) = sum else {
        // A sum without a number follows its count: zero with zero, else suppressed.
        return rules.require(ReleaseClause::SumState, (sum == Cell::Zero) == (count == Cell::Zero), || {
            say(
                format!("the sum \"{sum}\" beside the count \"{count}\""),
                "a sum is zero where its count is, and nowhere else",
            )
        });
    };
    let what = || format!("the sum {value}");
    rules.require(ReleaseClause::SumFollowsCount, matches!(count, Cell::Value(_)), || {
        say(format!("the sum {value} beside the count \"{count}\""), "a sum is shown only beside its group's count")
    })?;
    rules.require(ReleaseClause::SumGrid, value % rule.base == 0, || {
        (what(), format!("these sums are multiples of {}", rule.base))
    })?;
    // Below the dominance bound the circuit would accept 0 as well as no number at all.
    rules.require(ReleaseClause::SumDominance, value >= rule.dominance, || {
        (what(), format!("a sum that rounds to less than {} is suppressed", rule.base))
    })?;
    rules
        .require(ReleaseClause::SumRange, value < 1 << SUM_BITS, || (what(), format!("sums are below 2^{SUM_BITS}")))?;
    // The least that is released so, of as many rows as can be: how many there are the circuit knows better.
    let least = value.saturating_sub(rule.base / 2).max(rule.dominance);
    rules.require(ReleaseClause::SumComplement, !rule.hides(least, most_rows), || {
        let most = rule.most.unwrap_or_default();
        (
            what(),
            format!(
                "{most_rows} rows of at most {most} are shown with at most {most_rows} * {most} - {}",
                rule.dominance
            ),
        )
    })
}
