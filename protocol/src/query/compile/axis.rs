//! Grouping columns: bins and codes to group numbers, and the implied condition that a row has one.

use super::bounds::{self, Coded, End, wrong_kind};
use super::builder::Builder;
use super::error::CompileError;
use crate::query::algebra::{Bins, Bound, GroupBy, Missing};
use crate::query::column::ColumnId;
use crate::query::plan::{Axis, AxisGroup, Role};
use crate::query::table::LookupTable;
use crate::table::decimal::{self, Decimal, Rounding};
use crate::table::{ColumnSpec, Kind, MISSING};

/// Groups along one axis at most, before any shape has its say: a limit on work, not on meaning.
const MAX_BINS: usize = 4096;

/// One group: its stored values, and its label.
type Group = (Vec<(u16, u16)>, AxisGroup);

/// The axis, and its bins table unless it is a flag.
pub(super) fn compile(
    builder: &mut Builder<'_>,
    index: usize,
    group: &GroupBy,
) -> Result<(Axis, Option<LookupTable>), CompileError> {
    let at = format!("group_by[{index}]");
    let spec = builder.column(&at, &group.column)?;
    let name = spec.name().to_owned();
    let unit = spec.unit().filter(|unit| !unit.is_empty()).map(str::to_owned);
    if group.missing == Missing::OwnBin && !spec.may_be_missing() {
        return Err(CompileError::NeverMissing { at, column: name });
    }
    let mut groups: Vec<Group> = match (spec.kind(), &group.bins) {
        (Kind::Flag | Kind::Code { .. }, Some(_)) => {
            return Err(wrong_kind(&at, spec, "it has a group for each of its values; leave \"bins\" out"));
        }
        (Kind::Quantity { .. } | Kind::Date { .. }, None) => {
            let reason = format!(
                "{name:?} is a {} and needs \"bins\", [[lo, hi], ...] or {{\"from\", \"width\", \"count\", \"beyond\"}}",
                spec.kind().name()
            );
            return Err(CompileError::Bins { at, reason });
        }
        (Kind::Flag, None) => {
            let column = ColumnId::manifest(&*name);
            builder.checked_flag(column.clone());
            let groups = ["no", "yes"].map(|label| AxisGroup { label: label.into(), lo: None, hi: None });
            return Ok((Axis { column, name, unit, groups: groups.into() }, None));
        }
        (Kind::Code { codes, .. }, None) => codes
            .iter()
            .map(|entry| {
                let group = AxisGroup { label: entry.label.clone(), lo: None, hi: None };
                (vec![(entry.code, entry.code)], group)
            })
            .collect(),
        (_, Some(Bins::Ranges(ranges))) => {
            let bins = ranges.iter().map(|range| bounds::encode(&format!("{at}.bins"), spec, range));
            numbered(&at, spec, &bins.collect::<Result<Vec<_>, _>>()?)?
        }
        (_, Some(Bins::Steps { from, width, count, beyond })) => {
            let bins = steps(&format!("{at}.bins"), spec, from, *width, *count, *beyond)?;
            numbered(&at, spec, &bins)?
        }
    };
    if group.missing == Missing::OwnBin {
        let label = AxisGroup { label: "missing".into(), lo: None, hi: None };
        groups.push((vec![(MISSING, MISSING)], label));
    }
    if groups.len() > MAX_BINS {
        let reason = format!("{name:?} has {} values; at most {MAX_BINS} can be told apart", groups.len());
        return Err(CompileError::Bins { at, reason });
    }
    // Always, even if the groups cover every value the schema allows: what is stored is the hospital's word.
    let covered: Vec<(u16, u16)> = groups.iter().flat_map(|(set, _)| set.iter().copied()).collect();
    let table = LookupTable::indicator(&covered);
    let text = match ungrouped(spec, &table) {
        None => format!("{name} is in one of its groups"),
        Some(others) => format!("{name} is in one of its groups (in none: {others})"),
    };
    builder.test(&name, table, Role::Implied, text)?;
    let mut outputs = vec![0u16; usize::from(u16::MAX) + 1];
    for (number, (set, _)) in groups.iter().enumerate() {
        for (first, last) in set {
            outputs[usize::from(*first)..=usize::from(*last)].fill(number as u16);
        }
    }
    let groups = groups.into_iter().map(|(_, group)| group).collect();
    Ok((Axis { column: ColumnId::bin(index), name, unit, groups }, Some(LookupTable::from_outputs(outputs))))
}

/// The allowed values that are in no group, in words; those rows are not counted.
fn ungrouped(spec: &ColumnSpec, grouped: &LookupTable) -> Option<String> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for value in spec.domain().filter(|value| spec.holds(*value) && grouped.value(*value) == 0) {
        match runs.last_mut() {
            Some(run) if run.1 + 1 == value => run.1 = value,
            _ => runs.push((value, value)),
        }
    }
    let words = |(first, last)| Coded { first, last, lo_open: false, hi_open: false };
    let mut others: Vec<String> = runs.into_iter().map(|run| bounds::words(spec, &words(run))).collect();
    if spec.may_be_missing() && grouped.value(MISSING) == 0 {
        others.push("missing values".into());
    }
    (!others.is_empty()).then(|| others.join(", "))
}

/// Labels bins and refuses overlaps.
fn numbered(at: &str, spec: &ColumnSpec, bins: &[Coded]) -> Result<Vec<Group>, CompileError> {
    let mut order: Vec<usize> = (0..bins.len()).collect();
    order.sort_by_key(|&i| (bins[i].first, bins[i].last));
    for pair in order.windows(2) {
        let (lower, upper) = (bins[pair[0]], bins[pair[1]]);
        if upper.first <= lower.last {
            let after = (lower.last < *spec.domain().end()).then(|| spec.decode(lower.last + 1));
            let fits = match after {
                Some(after) => format!("after bin {} the next value is {after}", pair[0] + 1),
                None => format!("no value is left after bin {}", pair[0] + 1),
            };
            return Err(CompileError::Overlap {
                at: format!("{at}.bins"),
                first: pair[0] + 1,
                second: pair[1] + 1,
                value: spec.decode(upper.first),
                fits,
            });
        }
    }
    let group = |bin: &Coded| AxisGroup {
        label: bounds::words(spec, bin),
        lo: (!bin.lo_open).then(|| spec.decode(bin.first)),
        hi: (!bin.hi_open).then(|| spec.decode(bin.last)),
    };
    Ok(bins.iter().map(|bin| (vec![(bin.first, bin.last)], group(bin))).collect())
}

/// Bins of equal width: each from its lower edge to the last value below the next one's.
fn steps(
    at: &str,
    spec: &ColumnSpec,
    from: &Bound,
    width: Decimal,
    count: u32,
    beyond: bool,
) -> Result<Vec<Coded>, CompileError> {
    let refuse = |reason: String| CompileError::Bins { at: at.to_owned(), reason };
    if width <= Decimal::ZERO {
        return Err(refuse(format!("the width is {}; it must be above 0", decimal::text(&width))));
    }
    if count == 0 || count as usize > MAX_BINS {
        return Err(refuse(format!("the count is {count}; it must be from 1 to {MAX_BINS}")));
    }
    let start = bounds::encode_bound(at, spec, from, End::Lower)?;
    if matches!(spec.kind(), Kind::Date { .. }) && !width.fract().is_zero() {
        return Err(refuse(format!("the width of bins of dates is in whole days; found {}", decimal::text(&width))));
    }
    // The lowest stored value from the i-th edge on; beyond all reason, it is above every domain.
    let edge = |i: u32| -> i128 {
        let distance = width.checked_mul(Decimal::from(i));
        let code = match (spec.kind(), from) {
            (Kind::Quantity { offset, step, .. }, Bound::Number(from)) => distance
                .and_then(|distance| from.checked_add(distance))
                .and_then(|edge| decimal::steps(edge, *offset, *step, Rounding::Up)),
            _ => distance.and_then(|distance| i128::try_from(distance).ok()).map(|days| i128::from(start) + days),
        };
        code.unwrap_or(i128::MAX)
    };
    let end = *spec.domain().end();
    let below = |edge: i128| u16::try_from(edge - 1).unwrap_or(u16::MAX).min(end);
    let mut bins = Vec::new();
    for i in 0..count {
        let (lower, upper) = (edge(i), edge(i + 1));
        if lower > i128::from(end) {
            return Err(refuse(format!(
                "bin {} starts above the column's highest value, {}; a count of {i} reaches it",
                i + 1,
                spec.decode(end)
            )));
        }
        if lower >= upper {
            let found = format!("bin {} (width {})", i + 1, decimal::text(&width));
            return Err(bounds::no_value(at.to_owned(), spec, found));
        }
        bins.push(Coded { first: lower as u16, last: below(upper), lo_open: false, hi_open: false });
    }
    if beyond {
        let lower = edge(count);
        if lower > i128::from(end) {
            let highest = spec.decode(end);
            return Err(refuse(format!(
                "the bins reach the column's highest value, {highest}; nothing lies \"beyond\": leave it out"
            )));
        }
        bins.push(Coded { first: lower as u16, last: end, lo_open: false, hi_open: true });
    }
    Ok(bins)
}
