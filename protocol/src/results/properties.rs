//! Whatever the rows and the policy: the exact numbers lie where the results say they can lie.

use proptest::collection::vec;
use proptest::prelude::*;

use super::cells::{Part, Shown};
use super::tests::{digest, under};
use super::*;
use crate::policy::{GroupAggregates, ReleaseParams, SumParams, next_smallest_cell, release};
use crate::query::fixtures::{compiled, query, schema};

/// Of the measure `er`: a coded value `c` is `-0.5 + 0.25 c`.
const OFFSET: f64 = -0.5;
const STEP: f64 = 0.25;

/// Coded values of the rows of each of three groups.
type Rows = Vec<Vec<u16>>;

fn rows() -> impl Strategy<Value = Rows> {
    let alike = (2u16..=4002, 0usize..40).prop_map(|(value, rows)| vec![value; rows]);
    let group = prop_oneof![3 => vec(2u16..=4002, 0..60), 2 => vec(2u16..=9, 0..30), 2 => alike, 1 => Just(vec![])];
    vec(group, 3)
}

fn policy() -> impl Strategy<Value = ReleaseParams> {
    // A bound on each row, or none: the sum to the digit.
    let most = proptest::option::of(prop_oneof![Just(4002u64), 1u64..5000]);
    (1u32..15, 1u32..12, any::<bool>(), most).prop_map(|(k, b, show_zero, most)| {
        let k = next_smallest_cell(k, b, show_zero);
        let sum = most.map_or(SumParams::EXACT, |most| SumParams::restrained(k, most));
        ReleaseParams { k, b, show_zero, sums: [sum, SumParams::EXACT, SumParams::OFF] }
    })
}

fn aggregates(values: &[u16]) -> GroupAggregates {
    let wide = || values.iter().map(|value| u64::from(*value));
    GroupAggregates { n: values.len() as u64, s: wide().sum(), ss: wide().map(|value| value * value).sum(), p: 0 }
}

fn within(low: f64, exact: f64, high: f64) -> bool {
    let noise = 1e-11 * exact.abs().max(1e-3);
    low <= exact + noise && exact <= high + noise
}

/// One group's cells against the rows of the sites that are in them.
fn check<C: Shown>(group: &Group<C>, rows: &dyn Fn(&[String]) -> Vec<u16>) -> Result<(), TestCaseError> {
    for (name, cell) in group.cells() {
        let Part::Number(range, left_out) = cell.part() else { continue };
        let exact = aggregates(&rows(left_out));
        let exact = [exact.n, exact.s, exact.ss]
            [["count", "sum", "sum_of_squares"].iter().position(|n| *n == name).unwrap()] as i64;
        prop_assert!((range.low..=range.high).contains(&exact), "{}: {} in {:?}", name, exact, range);
        prop_assert!((range.low..=range.high).contains(&range.value));
    }
    let Derived { sum_in_units, mean, sd, proportion, not_derived } = &group.derived;
    let part = |cell: &Option<C>| cell.as_ref().map(|cell| matches!(cell.part(), Part::Number(..)));
    let shown = [Some(matches!(group.count.part(), Part::Number(..))), part(&group.sum), part(&group.sum_of_squares)];
    // Nothing is derived from what is not shown.
    prop_assert!(mean.is_none() || shown[..2] == [Some(true); 2]);
    prop_assert!(sd.is_none() || shown == [Some(true); 3]);
    prop_assert!(proportion.is_none() || !matches!(group.count.part(), Part::Hidden));
    let there = [sum_in_units.is_some(), mean.is_some(), sd.is_some(), proportion.is_some()];
    prop_assert_eq!(there.iter().filter(|there| **there).count() + not_derived.len(), 4);
    if let Part::Number(_, left_out) = group.count.part() {
        let units: Vec<f64> = rows(left_out).iter().map(|value| OFFSET + STEP * f64::from(*value)).collect();
        let (n, sum) = (units.len() as f64, units.iter().sum::<f64>());
        if let (Some(found), Some(total)) = (mean, sum_in_units) {
            prop_assert!(within(found.low.value(), sum / n, found.high.value()), "mean {} in {:?}", sum / n, found);
            prop_assert!(within(total.low.value(), sum, total.high.value()), "sum {} in {:?}", sum, total);
        }
        if let (Some(found), true) = (sd, units.len() > 1) {
            // Two passes, not the formula under test. Zero is reached only up to noise.
            let exact = (units.iter().map(|x| (x - sum / n).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            prop_assert!(within(found.low.value(), exact, found.high.value() + 1e-9), "sd {} in {:?}", exact, found);
            let value = found.value.map_or(found.low, |value| value);
            prop_assert!(found.low <= value && value <= found.high, "{:?}", found);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn intervals_hold_the_exact_numbers(sites in vec((rows(), policy()), 1..4)) {
        let asked = r#""group_by": [{"column": "grade"}], "measures": {"sum": "er", "sum_of_squares": "er"}"#;
        let plan = compiled(&query(asked)).unwrap();
        let mut results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
        for (i, (rows, params)) in sites.iter().enumerate() {
            let exact: Vec<GroupAggregates> = rows.iter().map(|values| aggregates(values)).collect();
            results.add_answered(&format!("s{i}"), digest("r"), under(params), &release(&exact, params)).unwrap();
        }
        for (site, (rows, _)) in results.sites().iter().zip(&sites) {
            let SiteAnswer::Answered { groups, .. } = &site.answer else { panic!("answered") };
            for (group, values) in groups.iter().zip(rows) {
                check(group, &|_| values.clone())?;
            }
            shares(groups, &rows.iter().map(Vec::len).collect::<Vec<_>>())?;
        }
        let pooled = &results.pooled().unwrap().groups;
        for (number, group) in pooled.iter().enumerate() {
            check(group, &|left_out| {
                let others = results.sites().iter().zip(&sites).filter(|(site, _)| !left_out.contains(&site.site));
                others.flat_map(|(_, (rows, _))| rows[number].clone()).collect()
            })?;
        }
        let count = |number: usize| sites.iter().map(|(rows, _)| rows[number].len()).sum();
        shares(pooled, &(0..3).map(count).collect::<Vec<_>>())?;
        let text = results.to_json().unwrap();
        prop_assert_eq!(QueryResults::parse(&text).unwrap(), results);
    }
}

/// Each share against the exact one among the groups that have a share.
fn shares<C>(groups: &[Group<C>], exact: &[usize]) -> Result<(), TestCaseError> {
    let shown = || groups.iter().zip(exact).filter_map(|(group, n)| Some((group.derived.proportion?, *n as f64)));
    let total: f64 = shown().map(|(_, n)| n).sum();
    let mut released = 0.0;
    for (share, n) in shown() {
        prop_assert!(within(share.low.value(), n / total, share.high.value()), "{} in {:?}", n / total, share);
        prop_assert!(share.wilson_low <= share.value && share.value <= share.wilson_high);
        prop_assert_eq!(share.suppressed_groups, groups.len() - shown().count());
        prop_assert_eq!(share.of_released, share.suppressed_groups > 0);
        released += share.value.value();
    }
    prop_assert!(shown().count() == 0 || (released - 1.0).abs() < 1e-8);
    Ok(())
}
