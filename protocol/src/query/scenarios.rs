//! Small tables counted by hand, a plan in words, and inputs that do not belong together.

use super::fixtures::{compiled, consent, query, schema};
use super::*;
use crate::table::{ConsentTable, MISSING, Schema, Table};

/// Six patients; the last one does not consent.
fn six() -> (Table, ConsentTable) {
    let columns: Vec<Vec<u16>> = [
        [30, 49, 50, 51, 70, 60],                     // age
        [0, 0, 1, 1, 1, 1],                           // meno
        [0, 1, 4, MISSING, 1, 0],                     // size
        [1, 2, 3, 3, 3, 3],                           // grade
        [0, 3, MISSING, 5, 60, 9],                    // nodes
        [0, 1, MISSING, 1, 1, 1],                     // nodes_class
        [2, 3, 4, MISSING, 4002, 6],                  // er
        [0, 1, 0, 1, 1, 1],                           // hormon
        [0, 0, 0, 0, 0, 1],                           // chemo
        [1, 0, 1, 0, 1, 1],                           // event
        [0, 365, 366, 3653, 7300, 1],                 // rfs
        [29000, 29001, 29002, MISSING, 29004, 29005], // surgery
    ]
    .into_iter()
    .map(Vec::from)
    .collect();
    let tags = std::array::from_fn(|_| (0..6).collect());
    let flags = vec![1, 1, 1, 1, 1, 0];
    (Table::new(&schema(), columns, tags).unwrap(), ConsentTable::new(vec![(consent(), flags)]).unwrap())
}

/// The counts and sums of the six, from the plan; held equal to the plain evaluation.
fn counted(fields: &str) -> Vec<(u64, u64, u64, u64)> {
    let ((table, consents), schema) = (six(), schema());
    let inputs = Inputs::new(&schema, &table, &consents).unwrap();
    let query = query(fields);
    let plan = compiled(&query).unwrap();
    let columns = plan.query_columns(&inputs).unwrap();
    let sums = plan.aggregates(&inputs, &columns).unwrap();
    assert!(sums == evaluate(&query, &schema, &inputs).unwrap());
    sums.groups().iter().map(|group| (group.n, group.s, group.ss, group.p)).collect()
}

fn counts(fields: &str) -> Vec<u64> {
    counted(fields).into_iter().map(|(n, ..)| n).collect()
}

#[test]
fn counted_by_hand() {
    assert_eq!(counts(""), [5]);
    assert_eq!(counts(r#""where": {"column": "age", "between": [50, null]}"#), [3]);
    assert_eq!(
        counts(r#""where": {"column": "age", "between": [50, null]}, "group_by": [{"column": "hormon"}]"#),
        [1, 2]
    );
    assert_eq!(counts(r#""group_by": [{"column": "size"}]"#), [1, 2, 1]);
    assert_eq!(counts(r#""group_by": [{"column": "size", "missing": "own bin"}]"#), [1, 2, 1, 1]);
    assert_eq!(
        counts(r#""group_by": [{"column": "rfs", "bins": {"from": 0, "width": 365.25, "count": 10, "beyond": true}}]"#),
        [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    );
    // The first grouping column runs fastest.
    assert_eq!(counts(r#""group_by": [{"column": "meno"}, {"column": "grade"}]"#), [1, 0, 1, 0, 0, 3]);
}

#[test]
fn trap_12_missing_is_neither_in_nor_out() {
    let nodes = r#"{"column": "nodes", "between": [3, 10]}"#;
    assert_eq!(counts(&format!(r#""where": {nodes}"#)), [2]);
    assert_eq!(counts(&format!(r#""where": {{"not": {nodes}}}"#)), [2]);
    assert_eq!(counts(r#""where": {"column": "nodes", "present": false}"#), [1]);
    assert_eq!(counts(r#""where": {"not": {"column": "nodes", "present": false}}"#), [4]);
    assert_eq!(counts(&format!(r#""where": {{"any": [{nodes}, {{"not": {nodes}}}]}}"#)), [4]);
}

#[test]
fn measures_exclude_and_do_not_clamp() {
    assert_eq!(counted(r#""measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#), [(4, 68, 3634, 0)]);
    let bounded = r#""measures": {"sum": "nodes", "sum_of_squares": "nodes", "bounds": {"nodes": [null, 10]}}"#;
    assert_eq!(counted(bounded), [(3, 8, 34, 0)]);
    let products = r#""measures": {"sum": "nodes", "sum_of_products": ["age", "nodes"], "bounds": {"nodes": [1, 10]}}"#;
    assert_eq!(counted(products), [(2, 8, 34, 3 * 49 + 5 * 51)]);
}

#[test]
fn what_is_left_out_is_counted_for_the_hospital() {
    let ((table, consents), schema) = (six(), schema());
    let inputs = Inputs::new(&schema, &table, &consents).unwrap();
    let plan = compiled(&query(r#""group_by": [{"column": "age", "bins": [[40, 69]]}], "measures": {"sum": "nodes"}"#))
        .unwrap();
    let columns = plan.query_columns(&inputs).unwrap();
    let expected = [("age is in one of its groups (in none: 18 to 39, 70 to 110)", 2), ("nodes is 0 to 60 nodes", 1)];
    assert_eq!(plan.left_out(&inputs, &columns).unwrap(), expected.map(|(text, count)| (text.to_owned(), count)));
    assert_eq!(format!("{inputs:?} {columns:?}"), "Inputs(secret) QueryColumns(secret)");
    assert_eq!(format!("{:?}", plan.aggregates(&inputs, &columns).unwrap()), "Aggregates(secret)");
}

#[test]
fn inputs_that_do_not_belong_together() {
    let ((table, consents), schema) = (six(), schema());
    let other = Schema::new("other".into(), 1, String::new(), schema.columns().to_vec()).unwrap();
    assert_eq!(Inputs::new(&other, &table, &consents).unwrap_err(), ColumnsError::Schema);
    let short = ConsentTable::new(vec![(consent(), vec![1; 5])]).unwrap();
    assert_eq!(Inputs::new(&schema, &table, &short).unwrap_err(), ColumnsError::Rows { consents: 5, rows: 6 });
    let inputs = Inputs::new(&schema, &table, &consents).unwrap();
    let plan = compiled(&query("")).unwrap();
    let foreign = Plan { schema: other.digest(), ..plan.clone() };
    assert_eq!(foreign.query_columns(&inputs).unwrap_err(), ColumnsError::PlanSchema);
    let mut unknown = plan.clone();
    unknown.lookups[0].input.0[0].1 = ColumnId::epoch("DUO:0000042/commercial");
    let error = unknown.query_columns(&inputs).unwrap_err();
    assert_eq!(error.to_string(), "there is no column epoch:DUO:0000042/commercial");
    let mut wrapping = plan;
    wrapping.lookups[0].input = Linear(vec![(70_000, ColumnId::manifest("age"))]);
    assert!(matches!(wrapping.query_columns(&inputs), Err(ColumnsError::Range { .. })));
    assert_eq!(inputs.column(&ColumnId::tag(3)), Some([0, 1, 2, 3, 4, 5].as_slice()));
    assert_eq!(inputs.column(&ColumnId::tag(8)), None);
    assert_eq!(inputs.column(&ColumnId::manifest("tag.03")), None);
    let unasked = Query { consent: "DUO:0000042/commercial".parse().unwrap(), ..query("") };
    let error = evaluate(&unasked, &schema, &inputs).unwrap_err().to_string();
    assert_eq!(error, "the query cannot be evaluated: there are no consent flags for DUO:0000042/commercial");
}

#[test]
fn a_plan_in_words() {
    let plan = compiled(&query(
        r#""where": {"all": [{"column": "age", "between": [51, null]}, {"any": [
          {"column": "grade", "in": ["2", "3"]}, {"not": {"column": "er", "between": [null, 10]}}]}]},
        "group_by": [{"column": "rfs", "bins": {"from": 0, "width": 365.25, "count": 2}}, {"column": "hormon"}],
        "measures": {"sum": "nodes", "sum_of_products": ["nodes", "er"], "bounds": {"nodes": [0, 50]}}"#,
    ))
    .unwrap();
    let expected = format!(
        "a question
Table breast-cancer; plan {}

Who is counted: patients for whom all of this holds
  - consent for DUO:0000042 by an academic sponsor is active
  - rfs is in one of its groups (in none: 731 to 7300)
  - nodes is 0 to 50 nodes
  - er is 0 to 1000 fmol/l
  - age is at least 51 years and (grade is one of (\"2\", \"3\") or er is known but not at most 10 fmol/l)

Who is left out: everybody else, and in particular
  - patients without active consent for this purpose and kind of sponsor
  - patients whose value is missing where it is tested or summed: a missing value fails a test and the test's negation alike; only \"is missing\" finds it
  - patients whose rfs is in none of the groups below
  - patients whose nodes lies outside the bounds above: they are excluded, from the count too, not moved to the bound
  - patients whose er lies outside the bounds above: they are excluded, from the count too, not moved to the bound

Groups: 4 (2 times 2), by
  - rfs (days): 0 to 365; 366 to 730
  - hormon: no; yes

What is released for each group, in the form the policy allows
  - how many patients
  - the sum of nodes (in nodes)
  - the sum of products of nodes (in nodes) and er (in steps of 0.25 fmol/l, counted from -0.5)

Size: 8 lookups; 7 of at most 16 conditions
",
        plan.digest()
    );
    assert_eq!(plan.explain(), expected);
}
