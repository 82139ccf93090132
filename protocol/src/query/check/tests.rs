//! Every clause of the check, each by a plan that breaks only it.

mod offer;

use super::*;
use crate::hash::Digest;
use crate::query::{Asked, AxisGroup, Condition, LookupTable};

fn group(label: &str) -> AxisGroup {
    AxisGroup { label: label.into(), lo: None, hi: None }
}

fn condition(column: ColumnId, role: Role, text: &str) -> Condition {
    Condition { column, role, text: text.into() }
}

fn test(index: usize, column: &str, table: LookupTable) -> Lookup {
    Lookup { input: Linear::column(ColumnId::manifest(column)), output: ColumnId::test(index), table }
}

fn consent() -> ColumnId {
    ColumnId::epoch("DUO:0000042/academic")
}

/// Sum of `nodes` (0 to 50) by `age` in two bins and the flag `meno`, for those with `hormon` or grade 3.
fn plan() -> Plan {
    let conditions = vec![
        condition(consent(), Role::Consent, "consent"),
        condition(ColumnId::test(0), Role::Implied, "age is in a bin"),
        condition(ColumnId::test(1), Role::Implied, "nodes is 0 to 50"),
        condition(ColumnId::manifest("hormon"), Role::Asked, "hormon"),
        condition(ColumnId::test(2), Role::Asked, "grade is 3"),
    ];
    let phi = LookupTable::from_outputs((0..32u16).map(|key| u16::from(key & 7 == 7 && key & 24 != 0)));
    let mut plan = Plan {
        title: "a plan".into(),
        table: "cancer".into(),
        schema: Digest::from_bytes([1; 32]),
        query: Digest::from_bytes([2; 32]),
        counted: "hormon, or grade is 3".into(),
        lookups: vec![
            test(0, "age", LookupTable::indicator(&[(20, 99)])),
            test(1, "nodes", LookupTable::indicator(&[(0, 50)])),
            test(2, "grade", LookupTable::indicator(&[(3, 3)])),
            Lookup { input: Linear::default(), output: ColumnId::selection(), table: phi },
            Lookup {
                input: Linear::column(ColumnId::manifest("age")),
                output: ColumnId::bin(0),
                table: LookupTable::indicator(&[(50, 99)]),
            },
        ],
        conditions,
        axes: vec![
            Axis {
                column: ColumnId::bin(0),
                name: "age".into(),
                unit: None,
                groups: vec![group("20 to 49"), group("50 to 99")],
            },
            Axis {
                column: ColumnId::manifest("meno"),
                name: "meno".into(),
                unit: None,
                groups: vec![group("no"), group("yes")],
            },
        ],
        y: Some(Measure {
            column: ColumnId::manifest("nodes"),
            lo: 0,
            hi: 50,
            offset: "0".into(),
            step: "1".into(),
            unit: None,
        }),
        z: None,
        asked: Asked { sum: true, ..Asked::default() },
        flags: vec![consent(), ColumnId::manifest("hormon"), ColumnId::manifest("meno")],
    };
    plan.lookups[3].input = plan.selection_key();
    plan
}

/// What the check says of the plan after a change.
fn refused(change: impl FnOnce(&mut Plan)) -> PlanError {
    refused_by(&Shape::QUERY_12, change)
}

fn refused_by(shape: &Shape, change: impl FnOnce(&mut Plan)) -> PlanError {
    let mut plan = plan();
    change(&mut plan);
    plan.check(shape).unwrap_err()
}

/// Rewrites the selection after a change of the conditions, so that only the change is wrong.
fn reselect(plan: &mut Plan) {
    plan.lookups[3].input = plan.selection_key();
    let required = plan.conditions.iter().enumerate().filter(|(_, c)| c.role.is_required());
    let mask = required.fold(0, |mask, (bit, _)| mask | 1u32 << bit);
    let keys = 1u32 << plan.conditions.len();
    plan.lookups[3].table = LookupTable::from_outputs((0..keys).map(|key| u16::from(key & mask == mask)));
}

#[test]
fn the_plan_itself_passes_and_keeps_its_keys() {
    let plan = plan();
    plan.check(&Shape::QUERY_12).unwrap();
    assert_eq!(plan.groups(), 4);
    assert_eq!(plan.group_key().to_string(), "query:bin.0 + 2 manifest:meno");
    assert_eq!(plan.group_labels(2), ["20 to 49", "yes"]);
    let text = serde_json::to_string(&plan).unwrap();
    let read: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(read, plan);
    assert_eq!(read.digest(), plan.digest());
}

#[test]
fn a_tiny_shape_takes_what_fits_it() {
    let tiny = Shape {
        name: "tiny",
        proves: crate::shape::Proves::Query,
        row_bits: 3,
        value_bits: 3,
        slot_bits: 2,
        groups: 4,
        blinding_rows: 2,
        row_split: 1,
        value_split: 1,
        noise: None,
    };
    assert!(matches!(refused_by(&tiny, |_| {}), PlanError::TooManyLookups { found: 5, limit: 3, .. }));
    let mut small = plan();
    small.conditions.truncate(1);
    small.lookups = vec![small.lookups[3].clone()];
    small.lookups[0].input = small.selection_key();
    small.lookups[0].table = LookupTable::indicator(&[(1, 1)]);
    (small.axes, small.y, small.asked) = (vec![small.axes[1].clone()], None, Asked::default());
    small.flags.remove(1);
    small.check(&tiny).unwrap();
    let widened = refused_by(&Shape { slot_bits: 4, ..tiny }, |_| {});
    assert_eq!(widened, PlanError::ConditionCount { found: 5, limit: 3 });
}

#[test]
fn trap_3_images_beyond_their_range() {
    let error = refused(|plan| plan.lookups[2].table = LookupTable::from_outputs([0, 0, 0, 2]));
    assert_eq!(error, PlanError::Image { output: "query:test.2".into(), found: 2, limit: 1 });
    let error =
        refused(|plan| plan.lookups[3].table = LookupTable::from_outputs((0..32).map(|k| 2 * u16::from(k == 31))));
    assert_eq!(error, PlanError::Image { output: "query:selection".into(), found: 2, limit: 1 });
    let error = refused(|plan| plan.lookups[4].table = LookupTable::from_outputs((0..100).map(|v| v / 40)));
    assert_eq!(error, PlanError::Image { output: "query:bin.0".into(), found: 2, limit: 1 });
    assert!(error.to_string().contains("maps to 2; its outputs must be at most 1"), "{error}");
}

#[test]
fn selection_needs_consent_and_every_implied_condition() {
    for bit in 0..3 {
        let error = refused(|plan| {
            let mut outputs = plan.lookups[3].table.expand(32);
            outputs[31 ^ (1 << bit)] = 1;
            plan.lookups[3].table = LookupTable::from_outputs(outputs);
        });
        assert!(matches!(error, PlanError::Unguarded { key, .. } if key == 31 ^ (1 << bit)), "{error}");
    }
    let error = refused(|plan| {
        let outputs = plan.lookups[3].table.expand(32).into_iter().chain([1]);
        plan.lookups[3].table = LookupTable::from_outputs(outputs);
    });
    assert_eq!(error, PlanError::SelectionBeyond { found: 32, conditions: 5, limit: 31 });
    let error = refused(|plan| plan.lookups[3].input.0.swap(0, 3));
    assert!(matches!(error, PlanError::SelectionInput { .. }));
    let error = refused(|plan| plan.lookups[3].input.0[1].0 = 1);
    assert!(matches!(error, PlanError::SelectionInput { .. }));
}

#[test]
fn consent_is_first_and_only_consent() {
    let error = refused(|plan| plan.conditions[0].role = Role::Implied);
    assert!(matches!(error, PlanError::Consent { .. }), "{error}");
    let error = refused(|plan| plan.conditions[3].role = Role::Consent);
    assert!(matches!(error, PlanError::Consent { .. }), "{error}");
    let error = refused(|plan| {
        plan.conditions[0].column = ColumnId::manifest("hormon");
        plan.conditions[3].column = consent();
        reselect(plan);
    });
    assert!(matches!(error, PlanError::Consent { .. }), "{error}");
    let error = refused(|plan| {
        plan.conditions.swap(0, 3);
        reselect(plan);
    });
    assert!(matches!(error, PlanError::Consent { .. }), "{error}");
    let error = refused(|plan| {
        plan.axes[1].column = consent();
        plan.flags.pop();
    });
    assert!(matches!(error, PlanError::Consent { .. }), "{error}");
    let error = refused(|plan| plan.conditions.clear());
    assert_eq!(error, PlanError::ConditionCount { found: 0, limit: 16 });
}

#[test]
fn every_column_in_a_key_is_checked_and_used() {
    for flag in 0..3 {
        let error = refused(|plan| drop(plan.flags.remove(flag)));
        assert!(matches!(error, PlanError::Unchecked { .. }), "{error}");
    }
    let error = refused(|plan| plan.flags.push(ColumnId::manifest("chemo")));
    assert!(matches!(error, PlanError::Unused { .. }), "{error}");
    let error = refused(|plan| plan.flags.push(ColumnId::test(0)));
    assert!(matches!(error, PlanError::Unused { .. }), "{error}");
    let error = refused(|plan| plan.flags.push(consent()));
    assert!(matches!(error, PlanError::Twice { place: "flags", .. }), "{error}");
    let error = refused(|plan| {
        plan.conditions.remove(4);
        reselect(plan);
    });
    assert_eq!(error, PlanError::Unused { column: "query:test.2".into() });
    let error = refused(|plan| {
        plan.conditions[4].column = ColumnId::test(1);
        reselect(plan);
    });
    assert!(matches!(error, PlanError::Twice { place: "conditions", .. }), "{error}");
    let error = refused(|plan| plan.axes[1] = plan.axes[0].clone());
    assert!(matches!(error, PlanError::Unused { .. } | PlanError::Twice { .. }), "{error}");
    // A raw 16-bit column in a key: nothing keeps it below 2, or below the number of groups.
    let error = refused(|plan| {
        plan.conditions[3].column = ColumnId::manifest("nodes");
        plan.flags.remove(1);
        reselect(plan);
    });
    assert!(matches!(error, PlanError::Unchecked { .. }), "{error}");
    let error = refused(|plan| {
        plan.axes[0].column = ColumnId::manifest("age");
        plan.lookups.pop();
    });
    assert!(matches!(error, PlanError::Unchecked { .. }), "{error}");
}

#[test]
fn lookups_stand_in_order_and_read_the_manifest() {
    let error = refused(|plan| plan.lookups.swap(0, 1));
    assert!(matches!(error, PlanError::LookupOrder { index: 0, .. }), "{error}");
    let error = refused(|plan| drop(plan.lookups.remove(3)));
    assert_eq!(error, PlanError::LookupMissing { expected: "query:selection".into() });
    let error = refused(|plan| drop(plan.lookups.pop()));
    assert_eq!(error, PlanError::LookupMissing { expected: "query:bin.0".into() });
    let error = refused(|plan| plan.lookups.push(plan.lookups[4].clone()));
    assert_eq!(error, PlanError::Unused { column: "query:bin.0".into() });
    let sum = Linear(vec![(1, ColumnId::manifest("age")), (1, ColumnId::manifest("nodes"))]);
    for input in [
        Linear::default(),
        Linear(vec![(2, ColumnId::manifest("age"))]),
        sum,
        Linear::column(consent()),
        Linear::column(ColumnId::test(1)),
    ] {
        let error = refused(|plan| plan.lookups[2].input = input);
        assert!(matches!(error, PlanError::LookupInput { .. }), "{error}");
    }
}

#[test]
fn tags_are_never_read() {
    let error = refused(|plan| plan.lookups[2].input = Linear::column(ColumnId::tag(0)));
    assert_eq!(error.to_string(), "the plan reads manifest:tag.0: patients' tags are never part of a query");
    let error = refused(|plan| plan.flags.push(ColumnId::tag(3)));
    assert!(matches!(error, PlanError::Tag { .. }), "{error}");
    let error = refused(|plan| {
        if let Some(y) = &mut plan.y {
            y.column = ColumnId::tag(7);
        }
    });
    assert!(matches!(error, PlanError::Tag { .. }), "{error}");
}

#[test]
fn groups_fit_and_are_guarded() {
    let error = refused(|plan| plan.axes[0].groups = vec![group("a"); 33]);
    assert_eq!(error.to_string(), "the plan has 66 groups; the shape query-12 holds 64");
    let error = refused(|plan| plan.axes[0].groups = vec![group("a"); usize::from(u16::MAX)]);
    assert!(matches!(error, PlanError::TooManyGroups { .. }), "{error}");
    let error = refused(|plan| plan.axes[0].groups.clear());
    assert_eq!(error, PlanError::EmptyAxis { axis: "age".into() });
    let error = refused(|plan| plan.axes[1].groups.push(group("unknown")));
    assert_eq!(error, PlanError::FlagGroups { axis: "meno".into(), found: 3 });
    let error = refused(|plan| plan.axes.extend([plan.axes[0].clone(), plan.axes[1].clone()]));
    assert_eq!(error, PlanError::TooManyAxes { found: 4 });
    let error = refused(|plan| {
        plan.conditions[1].role = Role::Asked;
        reselect(plan);
    });
    assert_eq!(error, PlanError::UnguardedBins { axis: "age".into() });
    let error = refused(|plan| plan.lookups[0].table = LookupTable::indicator(&[(20, 98)]));
    assert_eq!(error, PlanError::UnguardedBins { axis: "age".into() });
}

#[test]
fn measures_are_bounded_by_implied_conditions() {
    let measure = |change: fn(&mut Measure)| refused(|plan| plan.y.iter_mut().for_each(change));
    for error in [
        measure(|y| y.hi = 49),
        measure(|y| y.lo = 1),
        measure(|y| (y.lo, y.hi) = (51, 50)),
        measure(|y| y.hi = MISSING),
        measure(|y| y.column = ColumnId::manifest("size")),
        measure(|y| y.column = ColumnId::manifest("hormon")),
        measure(|y| y.column = consent()),
        refused(|plan| {
            plan.conditions[2].role = Role::Asked;
            reselect(plan);
        }),
    ] {
        assert!(matches!(error, PlanError::Measure { .. }), "{error}");
    }
    for error in [
        refused(|plan| plan.y = None),
        refused(|plan| plan.asked = Asked::default()),
        refused(|plan| plan.asked.sum_of_products = true),
        refused(|plan| plan.z = plan.y.clone()),
        refused(|plan| {
            plan.asked.sum_of_products = true;
            plan.z = plan.y.clone();
        }),
    ] {
        assert!(matches!(error, PlanError::Aggregates { .. }), "{error}");
    }
}

#[test]
fn the_digest_covers_every_field() {
    let changes: [fn(&mut Plan); 26] = [
        |p| p.title.push('x'),
        |p| p.table.push('x'),
        |p| p.schema = Digest::from_bytes([9; 32]),
        |p| p.query = Digest::from_bytes([9; 32]),
        |p| p.counted.push('x'),
        |p| p.lookups[0].table = LookupTable::indicator(&[(20, 98)]),
        |p| p.lookups[0].output = ColumnId::test(9),
        |p| p.lookups[0].input.0[0].0 = 2,
        |p| p.lookups[0].input.0[0].1 = ColumnId::manifest("x"),
        |p| p.lookups[0].input.0[0].1.source = Source::Epoch,
        |p| drop(p.lookups.pop()),
        |p| p.conditions[0].column = ColumnId::test(9),
        |p| p.conditions[0].role = Role::Asked,
        |p| p.conditions[0].text.push('x'),
        |p| p.axes[0].column = ColumnId::test(9),
        |p| p.axes[0].name.push('x'),
        |p| p.axes[0].unit = Some(String::new()),
        |p| p.axes[0].groups[0].label.push('x'),
        |p| p.axes[0].groups[0].lo = Some("20".into()),
        |p| p.axes[0].groups[0].hi = Some("20".into()),
        |p| p.z = p.y.take(),
        |p| p.y.iter_mut().for_each(|y| y.hi += 1),
        |p| p.y.iter_mut().for_each(|y| y.step.push('0')),
        |p| p.y.iter_mut().for_each(|y| y.unit = Some("mm".into())),
        |p| p.asked.sum_of_squares = true,
        |p| drop(p.flags.pop()),
    ];
    let mut digests = vec![plan().digest()];
    for change in changes {
        let mut plan = plan();
        change(&mut plan);
        digests.push(plan.digest());
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

/// Each rule has a plan that breaks it and is refused by its name.
#[test]
fn every_rule_has_a_plan_that_breaks_it() {
    let (errors, tests) = (include_str!("error.rs"), concat!(include_str!("tests.rs"), include_str!("tests/offer.rs")));
    let body = errors.split("pub enum PlanError {").nth(1).unwrap();
    let variants: Vec<&str> = body
        .lines()
        .take_while(|line| *line != "}")
        .filter_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase)))
        .map(|line| line.trim_end_matches([' ', '{', ',']))
        .collect();
    assert!(variants.len() > 15 && variants.contains(&"UnguardedBins"), "{variants:?}");
    for variant in variants {
        let refused_by = [" {", "("].map(|end| format!("PlanError::{variant}{end}"));
        assert!(refused_by.iter().any(|name| tests.contains(name)), "no plan is refused by {variant}");
    }
}
