//! Plans by example.

use super::*;
use crate::query::fixtures::{compiled, consent, query, schema, selecting};
use crate::query::{LookupTable, PlanError};
use crate::table::MISSING;

/// The table of the only test that a selection compiles to.
fn table(part: &str) -> LookupTable {
    let plan = compiled(&selecting(part)).unwrap();
    assert_eq!(plan.lookups.len(), 2, "one test and the selection");
    plan.lookups[0].table.clone()
}

fn texts(plan: &Plan) -> Vec<&str> {
    plan.conditions.iter().map(|condition| condition.text.as_str()).collect()
}

#[test]
fn everybody_who_consents() {
    let plan = compiled(&query("")).unwrap();
    assert_eq!(plan.counted, "everybody");
    assert_eq!(texts(&plan), ["consent for DUO:0000042 by an academic sponsor is active"]);
    assert_eq!(plan.lookups.len(), 1);
    assert_eq!(plan.lookups[0].input.to_string(), "epoch:DUO:0000042/academic");
    assert_eq!(plan.lookups[0].table, LookupTable::indicator(&[(1, 1)]));
    assert_eq!((plan.groups(), plan.group_key()), (1, Linear::default()));
    assert_eq!(plan.flags, [ColumnId::epoch("DUO:0000042/academic")]);
}

#[test]
fn older_than_fifty_with_grade_3_by_treatment() {
    let plan = compiled(&query(
        r#""where": {"all": [{"column": "age", "between": [51, null]}, {"column": "grade", "in": ["3"]}]},
        "group_by": [{"column": "hormon"}]"#,
    ))
    .unwrap();
    assert_eq!(plan.counted, "age is at least 51 years and grade is \"3\"");
    let outputs: Vec<String> = plan.lookups.iter().map(|lookup| lookup.output.to_string()).collect();
    assert_eq!(outputs, ["query:test.0", "query:test.1", "query:selection"]);
    assert_eq!(plan.lookups[0].table, LookupTable::indicator(&[(51, 110)]));
    assert_eq!(plan.lookups[1].table, LookupTable::indicator(&[(3, 3)]));
    assert_eq!(plan.lookups[2].input.to_string(), "epoch:DUO:0000042/academic + 2 query:test.0 + 4 query:test.1");
    assert_eq!(plan.phi().unwrap(), &LookupTable::indicator(&[(7, 7)]));
    assert_eq!(plan.group_key().to_string(), "manifest:hormon");
    assert_eq!(plan.flags, [ColumnId::epoch("DUO:0000042/academic"), ColumnId::manifest("hormon")]);
}

#[test]
fn survival_in_44_groups() {
    let plan = compiled(&query(
        r#""group_by": [{"column": "rfs", "bins": {"from": 0, "width": 365.25, "count": 10, "beyond": true}},
        {"column": "event"}, {"column": "hormon"}]"#,
    ))
    .unwrap();
    assert_eq!(plan.groups(), 44);
    let labels: Vec<&str> = plan.axes[0].groups.iter().map(|group| group.label.as_str()).collect();
    assert_eq!(
        labels,
        [
            "0 to 365",
            "366 to 730",
            "731 to 1095",
            "1096 to 1460",
            "1461 to 1826",
            "1827 to 2191",
            "2192 to 2556",
            "2557 to 2921",
            "2922 to 3287",
            "3288 to 3652",
            "at least 3653",
        ]
    );
    assert_eq!(plan.axes[0].groups[10].hi, None);
    assert_eq!(plan.group_key().to_string(), "query:bin.0 + 11 manifest:event + 22 manifest:hormon");
    assert_eq!(plan.group_labels(43), ["at least 3653", "yes", "yes"]);
    assert_eq!(texts(&plan)[1], "rfs is in one of its groups");
    assert_eq!(plan.conditions[1].role, Role::Implied);
    assert_eq!(plan.lookups[0].table, LookupTable::indicator(&[(0, 7300)]));
    let bins = &plan.lookups[2].table;
    assert_eq!([0, 365, 366, 3652, 3653, 7300, 7301, MISSING].map(|v| bins.value(v)), [0, 0, 1, 9, 10, 10, 0, 0]);
}

#[test]
fn the_benchmark_query_fits() {
    let plan = compiled(&query(
        r#""where": {"all": [{"column": "age", "between": [30, 80]}, {"column": "er", "between": [1, 500]},
          {"column": "surgery", "between": ["1980-01-01", null]}, {"column": "grade", "in": [2, 3]},
          {"column": "meno", "is": true}, {"column": "chemo", "is": false}]},
        "group_by": [{"column": "rfs", "bins": {"from": 0, "width": 1000, "count": 4}},
          {"column": "age", "bins": [[20, 49], [50, 110]]}],
        "measures": {"sum": "nodes", "sum_of_squares": "nodes", "bounds": {"nodes": [0, 50]}}"#,
    ))
    .unwrap();
    assert_eq!(plan.lookups.len(), 10);
    assert_eq!(plan.conditions.len(), 10);
}

#[test]
fn trap_12_a_test_and_its_negation_are_both_0_at_missing() {
    let all: Vec<u16> = (0..=MISSING).collect();
    for (test, valid) in [
        (r#"{"column": "nodes", "between": [3, 10]}"#, (0..=60).collect::<Vec<u16>>()),
        (r#"{"column": "nodes", "ranges": [[0, 0], [5, 7], [60, null]]}"#, (0..=60).collect()),
        (r#"{"column": "size", "in": ["<=20", 4]}"#, vec![0, 1, 4]),
        (r#"{"column": "surgery", "between": [null, "1980-12-31"]}"#, (28489..=34332).collect()),
    ] {
        let (positive, negative) = (table(test), table(&format!(r#"{{"not": {test}}}"#)));
        for &value in &all {
            let expected = u16::from(valid.contains(&value));
            assert_eq!(positive.value(value) + negative.value(value), expected, "{test} at {value}");
        }
        assert_eq!(table(&format!(r#"{{"not": {{"not": {test}}}}}"#)), positive);
    }
    let known = table(r#"{"column": "nodes", "present": true}"#);
    let missing = table(r#"{"column": "nodes", "present": false}"#);
    assert!(all.iter().all(|&value| known.value(value) + missing.value(value) == 1));
    assert_eq!(missing, LookupTable::indicator(&[(MISSING, MISSING)]));
    assert_eq!(table(r#"{"not": {"column": "nodes", "present": true}}"#), missing);
    assert_eq!(table(r#"{"not": {"column": "nodes", "present": false}}"#), known);
}

#[test]
fn trap_12_negation_reaches_the_tests_through_and_and_or() {
    let test = r#"{"column": "nodes", "between": [3, 10]}"#;
    let flag = r#"{"column": "hormon", "is": true}"#;
    let plan = compiled(&selecting(&format!(r#"{{"not": {{"all": [{test}, {flag}]}}}}"#))).unwrap();
    assert_eq!(plan.counted, "nodes is known but not 3 to 10 nodes or hormon is no");
    // Consent, then: the test's own negation, hormon. A missing value has test bit 0 and counts only without hormon.
    assert_eq!(plan.phi().unwrap().expand(8), [0, 1, 0, 1, 0, 0, 0, 1]);
    let plan = compiled(&selecting(&format!(r#"{{"not": {{"any": [{test}, {flag}]}}}}"#))).unwrap();
    assert_eq!(plan.counted, "nodes is known but not 3 to 10 nodes and hormon is no");
    assert_eq!(plan.phi().unwrap().expand(8), [0, 0, 0, 1, 0, 0, 0, 0]);
}

#[test]
fn equal_tests_share_a_lookup() {
    let plan = compiled(&selecting(
        r#"{"any": [{"column": "age", "between": [50, null]}, {"not": {"column": "age", "between": [null, 49.5]}},
        {"column": "age", "ranges": [[50, 70], [71, 110]]}, {"all": [
          {"not": {"column": "age", "between": ["50.0", null]}}, {"column": "meno", "is": false}]}]}"#,
    ))
    .unwrap();
    assert_eq!(
        texts(&plan)[1..],
        ["age is at least 50 years", "age is known but not at least 50 years", "meno is yes"]
    );
    assert_eq!(plan.lookups.len(), 3);
    // A measure's bounds and a test of the same values: one lookup, and the stricter role.
    let plan = compiled(&query(
        r#""where": {"column": "nodes", "between": [0, 20]},
        "measures": {"sum": "nodes", "bounds": {"nodes": [null, 20]}}"#,
    ))
    .unwrap();
    assert_eq!((plan.lookups.len(), plan.conditions.len(), plan.conditions[1].role), (2, 2, Role::Implied));
}

#[test]
fn bounds_round_inwards_to_stored_values() {
    // er: offset -0.5, step 0.25, so 0 is stored as 2.
    assert_eq!(table(r#"{"column": "er", "between": [0.3, 0.8]}"#), LookupTable::indicator(&[(4, 5)]));
    assert_eq!(table(r#"{"column": "er", "between": ["0.25", "0.75"]}"#), LookupTable::indicator(&[(3, 5)]));
    assert_eq!(table(r#"{"column": "er", "between": [null, 0.2]}"#), LookupTable::indicator(&[(2, 2)]));
}

#[test]
fn missing_values_have_a_bin_only_if_asked() {
    let group = |missing: &str| compiled(&query(&format!(r#""group_by": [{{"column": "size"{missing}}}]"#))).unwrap();
    let plan = group("");
    assert_eq!(plan.groups(), 3);
    assert_eq!(texts(&plan)[1], "size is in one of its groups (in none: missing values)");
    assert_eq!(plan.lookups[0].table, LookupTable::indicator(&[(0, 1), (4, 4)]));
    let plan = group(r#", "missing": "own bin""#);
    assert_eq!(plan.group_labels(3), ["missing"]);
    assert_eq!(plan.lookups[0].table, LookupTable::indicator(&[(0, 1), (4, 4), (MISSING, MISSING)]));
    assert_eq!([0, 1, 2, 4, MISSING].map(|v| plan.lookups[2].table.value(v)), [0, 1, 0, 2, 3]);
    let plan = compiled(&query(r#""group_by": [{"column": "age", "bins": [[20, 49], [51, 99]]}]"#)).unwrap();
    assert_eq!(texts(&plan)[1], "age is in one of its groups (in none: 18 to 19, 50, 100 to 110)");
    // Dates count days; a bin's end is the day before the next one's start.
    let plan = compiled(&query(
        r#""group_by": [{"column": "surgery", "bins": {"from": "1992-01-01", "width": 366, "count": 1, "beyond": true}}]"#,
    ))
    .unwrap();
    assert_eq!(
        (plan.group_labels(0), plan.group_labels(1)),
        (vec!["1992-01-01 to 1992-12-31"], vec!["at least 1993-01-01"])
    );
}

#[test]
fn the_summed_factor_comes_first() {
    let plan = compiled(&query(r#""measures": {"sum": "nodes", "sum_of_products": ["age", "nodes"]}"#)).unwrap();
    assert_eq!(plan.y.as_ref().unwrap().column, ColumnId::manifest("nodes"));
    assert_eq!(plan.z.as_ref().unwrap().column, ColumnId::manifest("age"));
    assert_eq!((plan.y.as_ref().unwrap().lo, plan.y.unwrap().hi), (0, 60));
    assert_eq!(plan.conditions[1].text, "nodes is 0 to 60 nodes");
}

#[test]
fn tiny_shapes_compile_what_fits_them() {
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
    let tiny_plan = |query: &Query| compile(query, &schema(), &consent(), &tiny);
    let plan =
        tiny_plan(&query(r#""where": {"column": "grade", "in": [3]}, "group_by": [{"column": "meno"}]"#)).unwrap();
    assert_eq!(plan.lookups[0].table.expand(8), [0, 0, 0, 1, 0, 0, 0, 0]);
    let refused = tiny_plan(&selecting(r#"{"column": "age", "between": [50, null]}"#)).unwrap_err();
    assert!(matches!(refused, CompileError::TooWide { limit: 8, .. }), "{refused}");
    let refused = tiny_plan(&selecting(r#"{"column": "size", "in": [0]}"#)).unwrap_err();
    assert!(matches!(refused, CompileError::TooWide { .. }), "a missing size has no place below 8: {refused}");
}

#[test]
fn compiling_again_gives_the_same_plan_and_any_change_another() {
    let text = r#""where": {"column": "age", "between": [50, null]}, "group_by": [{"column": "meno"}]"#;
    let plan = compiled(&query(text)).unwrap();
    assert_eq!(compiled(&query(text)).unwrap().digest(), plan.digest());
    assert_ne!(compiled(&query(&text.replace("50", "51"))).unwrap().digest(), plan.digest());
    let renamed = Query { title: "another title".into(), ..query(text) };
    assert_ne!(compiled(&renamed).unwrap().digest(), plan.digest());
    assert_eq!(plan.query, query(text).digest());
    assert_eq!(plan.schema, schema().digest());
    assert!(matches!(CompileError::from(PlanError::TooManyAxes { found: 4 }), CompileError::Plan(_)));
}
