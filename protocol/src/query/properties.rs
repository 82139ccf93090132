//! The plan's columns against the plain evaluation, over random tables and random queries.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::fixtures::{compiled, consent, query, schema};
use super::*;
use crate::table::{ConsentTable, Day, MISSING, Table};

/// A stored value that the column allows, near the bounds that the queries below use.
fn value(column: &'static str) -> BoxedStrategy<u16> {
    match column {
        "age" => (40u16..=60).boxed(),
        "meno" | "hormon" | "chemo" | "event" => (0u16..=1).boxed(),
        "size" => select(vec![0, 1, 4, MISSING]).boxed(),
        "grade" => (1u16..=3).boxed(),
        "nodes" => prop_oneof![6 => 0u16..=12, 1 => Just(60), 1 => Just(MISSING)].boxed(),
        "nodes_class" => select(vec![0, 1, MISSING]).boxed(),
        "er" => prop_oneof![6 => 2u16..=20, 1 => Just(4002), 1 => Just(MISSING)].boxed(),
        "rfs" => prop_oneof![0u16..=20, 360u16..=370, 3600u16..=3700, Just(7300)].boxed(),
        "surgery" => prop_oneof![4 => 32870u16..=32880, 1 => Just(MISSING)].boxed(),
        other => panic!("no values for {other}"),
    }
}

const COLUMNS: [&str; 12] =
    ["age", "meno", "size", "grade", "nodes", "nodes_class", "er", "hormon", "chemo", "event", "rfs", "surgery"];

fn tables() -> impl Strategy<Value = (Table, ConsentTable)> {
    (1usize..60).prop_flat_map(|rows| {
        let columns: Vec<_> = COLUMNS.iter().map(|column| vec(value(column), rows)).collect();
        (columns, vec(prop_oneof![1 => Just(0u16), 4 => Just(1)], rows)).prop_map(move |(columns, flags)| {
            let tags = std::array::from_fn(|_| vec![7; rows]);
            let refused = "DUO:0000042/commercial".parse().unwrap();
            let consents = vec![(consent(), flags), (refused, vec![0; rows])];
            (Table::new(&schema(), columns, tags).unwrap(), ConsentTable::new(consents).unwrap())
        })
    })
}

fn number(tenths: i64) -> Bound {
    serde_json::from_str(&format!("\"{}.{}\"", tenths / 10, tenths % 10)).unwrap()
}

fn day(days: u16) -> Bound {
    Bound::Text(Day::from_days(days).unwrap().to_string())
}

/// A range with either end open at times.
fn range(bounds: impl Strategy<Value = (Bound, Bound)>) -> impl Strategy<Value = Range> {
    (bounds, 0u8..5).prop_map(|((lo, hi), open)| Range { lo: (open != 0).then_some(lo), hi: (open != 1).then_some(hi) })
}

fn tenths(lo: i64, hi: i64) -> impl Strategy<Value = (Bound, Bound)> {
    (lo..=hi, lo..=hi).prop_map(|(a, b)| (number(a.min(b)), number(a.max(b))))
}

fn leaf() -> impl Strategy<Value = Expr> {
    let days = (32868u16..=32882, 32868u16..=32882).prop_map(|(a, b)| (day(a.min(b)), day(a.max(b))));
    let sizes =
        prop_oneof![Just(Member::Code(0)), Just(Member::Label("20-50".into())), Just(Member::Label(">50".into())),];
    let test = |column: &'static str| move |test| Expr::Test { column: column.into(), test };
    prop_oneof![
        range(tenths(380, 620)).prop_map(Test::Between).prop_map(test("age")),
        vec(range(tenths(0, 130)), 1..4).prop_map(Test::Ranges).prop_map(test("nodes")),
        range(tenths(0, 50)).prop_map(Test::Between).prop_map(test("er")),
        range(days).prop_map(Test::Between).prop_map(test("surgery")),
        vec(sizes, 1..3).prop_map(Test::In).prop_map(test("size")),
        vec((1u16..=3).prop_map(Member::Code), 1..3).prop_map(Test::In).prop_map(test("grade")),
        (select(vec!["meno", "hormon", "chemo"]), any::<bool>())
            .prop_map(|(column, is)| Expr::Test { column: column.into(), test: Test::Is(is) }),
        (select(vec!["nodes", "er", "size", "surgery"]), any::<bool>())
            .prop_map(|(column, present)| Expr::Test { column: column.into(), test: Test::Present(present) }),
    ]
}

fn selections() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..4).prop_map(Expr::All),
            vec(inner.clone(), 1..4).prop_map(Expr::Any),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

/// Queries whose groupings and measures are drawn from a list, with a random selection.
pub(super) fn queries() -> impl Strategy<Value = Query> {
    let axes = vec![
        r#"{"column": "meno"}"#,
        r#"{"column": "size"}"#,
        r#"{"column": "nodes_class", "missing": "own bin"}"#,
        r#"{"column": "age", "bins": [[50, 55], [40, 44.5], [57, null]]}"#,
        r#"{"column": "er", "bins": {"from": 0.1, "width": 1.3, "count": 3, "beyond": true}, "missing": "own bin"}"#,
        r#"{"column": "rfs", "bins": {"from": 0, "width": 365.25, "count": 9}}"#,
        r#"{"column": "surgery", "bins": {"from": "1989-12-31", "width": 3, "count": 2, "beyond": true}}"#,
    ];
    let measures = vec![
        "{}",
        r#"{"sum": "nodes"}"#,
        r#"{"sum": "nodes", "sum_of_squares": "nodes", "bounds": {"nodes": [1, 10.5]}}"#,
        r#"{"sum_of_squares": "er", "sum_of_products": ["nodes", "er"], "bounds": {"er": [0.3, null], "nodes": [0, 8]}}"#,
        r#"{"sum_of_products": ["age", "rfs"]}"#,
    ];
    (subsequence(axes, 0..=2), select(measures), proptest::option::weighted(0.9, selections())).prop_map(
        |(axes, measures, selection)| {
            let query = query(&format!(r#""group_by": [{}], "measures": {measures}"#, axes.join(",")));
            Query { selection, ..query }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_counts_what_the_query_says((table, consents) in tables(), query in queries()) {
        let plan = match compiled(&query) {
            Ok(plan) => plan,
            // Random selections may contradict themselves; every other refusal would be a mistake in here.
            Err(CompileError::NeverHolds { .. } | CompileError::NothingSelected | CompileError::NoValue { .. }) => {
                return Err(TestCaseError::reject("a selection that never holds"));
            }
            Err(CompileError::TooManyGroups { .. } | CompileError::TooManyLookups { .. }) => {
                return Err(TestCaseError::reject("a query beyond the shape"));
            }
            Err(error) => panic!("{error}"),
        };
        let schema = schema();
        let inputs = Inputs::new(&schema, &table, &consents).unwrap();
        let columns = plan.query_columns(&inputs).unwrap();
        let proved = plan.aggregates(&inputs, &columns).unwrap();
        let plain = evaluate(&query, &schema, &inputs).unwrap();
        prop_assert!(proved == plain, "the plan counts otherwise than the query says: {}", plan.explain());
        // The aggregates' order is the groups'; every selected row is in exactly one of them.
        let selected = columns.column(&ColumnId::selection()).unwrap().iter().filter(|bit| **bit == 1).count() as u64;
        prop_assert_eq!(plain.groups().iter().map(|group| group.n).sum::<u64>(), selected);
        // The query written out and read again is the same query, with the same plan.
        let again = Query::parse(&serde_json::to_string(&query).unwrap()).unwrap();
        prop_assert_eq!(compiled(&again).unwrap().digest(), plan.digest());
    }
}
