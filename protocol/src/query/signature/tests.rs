//! Pairs of questions that are near or not, and the index against a comparison with all.

use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;
use crate::query::algebra::{Bins, Expr};
use crate::query::fixtures::{compiled, consent, query, schema};
use crate::query::properties::queries;
use crate::query::{Query, compile};
use crate::shape::Shape;

fn signature(fields: &str) -> Signature {
    of(&query(fields))
}

fn of(query: &Query) -> Signature {
    Signature::new(&compiled(query).unwrap(), &schema())
}

fn source(name: &str) -> Difference {
    Difference::In(Measurement::Source(name.into()))
}

fn number(number: u64) -> Digest {
    Hasher::new("test").u64(number).finish()
}

const OVER_50_GRADE_3: &str = r#""where": {"all": [{"column": "age", "between": [51, null]}, {"column": "grade", "in": ["3"]}]},
    "group_by": [{"column": "hormon"}]"#;
const BY_AGE: &str =
    r#""group_by": [{"column": "age", "bins": {"from": 20, "width": 10, "count": 7, "beyond": true}}]"#;
const BY_GRADE: &str = r#""group_by": [{"column": "grade"}]"#;
const NODES_BY_GRADE: &str = r#""group_by": [{"column": "grade"}], "measures": {"sum": "nodes"}"#;

#[test]
fn near() {
    let pairs = [
        // One condition more, in front or behind; all, and some.
        ("", BY_AGE, "age"),
        (
            OVER_50_GRADE_3,
            r#""where": {"all": [{"column": "chemo", "is": false}, {"column": "age", "between": [51, null]},
            {"column": "grade", "in": ["3"]}]}, "group_by": [{"column": "hormon"}]"#,
            "chemo",
        ),
        (
            OVER_50_GRADE_3,
            r#""where": {"column": "age", "between": [51, null]}, "group_by": [{"column": "hormon"}]"#,
            "grade",
        ),
        // Nested ranges, and codes.
        (
            r#""where": {"column": "age", "between": [51, null]}"#,
            r#""where": {"column": "age", "between": [52, 90]}"#,
            "age",
        ),
        (r#""where": {"column": "size", "in": [0, 1]}"#, r#""where": {"column": "size", "in": [0]}"#, "size"),
        (r#""where": {"column": "nodes", "present": true}"#, r#""where": {"column": "nodes", "present": false}"#, "-"),
        // Shifted bins, one bin less.
        (
            BY_AGE,
            r#""group_by": [{"column": "age", "bins": {"from": 21, "width": 10, "count": 7, "beyond": true}}]"#,
            "age",
        ),
        (BY_AGE, r#""group_by": [{"column": "age", "bins": {"from": 20, "width": 10, "count": 7}}]"#, "age"),
        // A group in place of a condition.
        (r#""where": {"column": "grade", "in": ["3"]}"#, BY_GRADE, "grade"),
        (r#""where": {"column": "chemo", "is": true}"#, r#""group_by": [{"column": "chemo"}]"#, "chemo"),
        // A measure added, its bounds narrowed, a sum of it added.
        (BY_GRADE, NODES_BY_GRADE, "nodes"),
        (
            NODES_BY_GRADE,
            r#""group_by": [{"column": "grade"}], "measures": {"sum": "nodes", "bounds": {"nodes": [0, 20]}}"#,
            "nodes",
        ),
        (
            NODES_BY_GRADE,
            r#""group_by": [{"column": "grade"}], "measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#,
            "-",
        ),
        // One measurement in two columns.
        (
            r#""where": {"column": "nodes", "between": [1, null]}"#,
            r#""where": {"column": "nodes_class", "in": ["some"]}"#,
            "nodes",
        ),
        // The formula.
        (
            r#""where": {"all": [{"column": "chemo", "is": true}, {"column": "hormon", "is": true}]}"#,
            r#""where": {"any": [{"column": "chemo", "is": true}, {"column": "hormon", "is": false}]}"#,
            "-",
        ),
        // The other side: together they are everybody.
        (
            r#""where": {"column": "age", "between": [51, null]}"#,
            r#""where": {"column": "age", "between": [null, 50]}"#,
            "-",
        ),
    ];
    for (one, other, differ) in pairs {
        let expected = if differ == "-" { Difference::Nothing } else { source(differ) };
        let (one_is, other_is) = (signature(one), signature(other));
        assert_eq!(one_is.sliver(&other_is), Some(expected.clone()), "{one} {other}");
        assert_eq!(other_is.sliver(&one_is), Some(expected.clone()), "{other} {one}");
        assert_ne!(one_is.question(), other_is.question(), "{one} {other}");
        let mut index = NearIndex::default();
        index.insert(7, Arc::new(one_is), number(0));
        assert_eq!(index.lookup(&other_is, number(0)), Some(Near::Sliver { place: 7, difference: expected }));
    }
}

#[test]
fn another_purpose_differs_in_consent() {
    let commercial = Query { consent: "DUO:0000042/commercial".parse().unwrap(), ..query(BY_GRADE) };
    let plan = compile(&commercial, &schema(), &commercial.consent, &Shape::QUERY_12).unwrap();
    let other = Signature::new(&plan, &schema());
    assert_eq!(signature(BY_GRADE).sliver(&other), Some(Difference::In(Measurement::Consent)));
    assert_ne!(commercial.consent, consent());
}

#[test]
fn not_near() {
    let pairs = [
        (OVER_50_GRADE_3, BY_AGE),
        (OVER_50_GRADE_3, BY_GRADE),
        (
            NODES_BY_GRADE,
            r#""group_by": [{"column": "size"}], "measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#,
        ),
        (BY_AGE, BY_GRADE),
        // Two measurements changed: what the page says is not caught.
        (
            r#""where": {"all": [{"column": "age", "between": [51, null]}, {"column": "nodes", "between": [0, 59]}]}"#,
            r#""where": {"all": [{"column": "age", "between": [52, null]}, {"column": "nodes", "between": [0, 58]}]}"#,
        ),
    ];
    for (one, other) in pairs {
        let (one_is, other_is) = (signature(one), signature(other));
        assert_eq!(one_is.sliver(&other_is), None, "{one} {other}");
        let mut index = NearIndex::default();
        index.insert(7, Arc::new(one_is), number(0));
        assert_eq!(index.lookup(&other_is, number(0)), None);
    }
}

#[test]
fn the_demos_five_questions_are_not_near() {
    let schema = Schema::parse(include_str!("../../../../examples/breast-cancer/schema.json")).unwrap();
    let signatures = [
        include_str!("../../../../examples/breast-cancer/queries/age-by-decade.json"),
        include_str!("../../../../examples/breast-cancer/queries/grade-3-by-treatment.json"),
        include_str!("../../../../examples/breast-cancer/queries/nodes-by-grade.json"),
        include_str!("../../../../examples/breast-cancer/queries/nodes-by-size.json"),
        include_str!("../../../../examples/breast-cancer/queries/recurrence-free-survival.json"),
    ]
    .map(|text| {
        let query = Query::parse(text).unwrap();
        let plan = compile(&query, &schema, &query.consent, &Shape::QUERY_12).unwrap();
        Signature::new(&plan, &schema)
    });
    for (place, one) in signatures.iter().enumerate() {
        for other in &signatures[..place] {
            assert_eq!(one.sliver(other), None);
        }
    }
}

#[test]
fn what_changes_no_number_changes_no_signature() {
    let pairs = [
        // Tests that every allowed value passes, on two measurements: no way around the guard.
        (
            r#""where": {"column": "grade", "in": ["3"]}"#,
            r#""where": {"all": [{"column": "grade", "in": ["3"]}, {"column": "rfs", "between": [0, 7300]},
            {"any": [{"column": "chemo", "is": true}, {"column": "chemo", "is": false}]},
            {"any": [{"column": "age", "between": [51, null]}, {"not": {"column": "age", "between": [51, null]}}]}]}"#,
        ),
        // Two ways to write one test; a condition twice.
        (
            r#""where": {"column": "age", "between": [51, null]}"#,
            r#""where": {"all": [{"not": {"column": "age", "between": [null, 50]}}, {"column": "age", "between": [30, null]}]}"#,
        ),
        // Bins and groupings in another order; a bin where nobody is selected.
        (
            r#""group_by": [{"column": "age", "bins": [[50, 59], [60, null]]}, {"column": "nodes", "bins": [[0, 3], [4, 9]]}]"#,
            r#""group_by": [{"column": "nodes", "bins": [[4, 9], [0, 3]]}, {"column": "age", "bins": [[60, null], [50, 59]]}]"#,
        ),
        (
            r#""where": {"column": "age", "between": [60, null]},
            "group_by": [{"column": "age", "bins": [[40, 49], [60, 69], [70, null]]}]"#,
            r#""group_by": [{"column": "age", "bins": [[60, 69], [70, null]]}]"#,
        ),
        // Two factors in another order; a bound that bounds nothing.
        (r#""measures": {"sum_of_products": ["age", "rfs"]}"#, r#""measures": {"sum_of_products": ["rfs", "age"]}"#),
        (r#""measures": {"sum": "rfs"}"#, r#""measures": {"sum": "rfs", "bounds": {"rfs": [0, 7300]}}"#),
        // A grouping with one group.
        ("", r#""group_by": [{"column": "age", "bins": [[18, null]]}]"#),
    ];
    for (one, other) in pairs {
        assert_eq!(signature(one), signature(other), "{one} {other}");
    }
}

#[test]
fn repeats_and_the_same_over_something_else() {
    let asked = Arc::new(signature(OVER_50_GRADE_3));
    let (first, second) = (number(1), number(2));
    let mut index = NearIndex::default();
    assert_eq!(index.lookup(&asked, first), None);
    index.insert(3, asked.clone(), first);
    assert_eq!(index.lookup(&asked, first), Some(Near::Repeat { place: 3 }));
    // A new version or a new epoch.
    let other = Near::Sliver { place: 3, difference: Difference::Nothing };
    assert_eq!(index.lookup(&asked, second), Some(other));
    index.insert(5, asked.clone(), second);
    assert_eq!(index.lookup(&asked, second), Some(Near::Repeat { place: 5 }));
    assert_eq!(index.entries().map(|(place, ..)| place).collect::<Vec<_>>(), [3, 5]);
    assert!(index.remove(3) && !index.remove(3));
    assert!(index.remove(5) && index.is_empty());
    assert_eq!(index, NearIndex::default());
}

#[test]
fn a_schema_that_allows_more_is_the_same_measurement() {
    let wider =
        serde_json::to_string(&schema()).unwrap().replace("110", "115").replace("\"version\":1", "\"version\":2");
    let wider = Schema::parse(&wider).unwrap();
    let asked = query(OVER_50_GRADE_3);
    let plan = compile(&asked, &wider, &consent(), &Shape::QUERY_12).unwrap();
    assert_ne!(plan.digest(), compiled(&asked).unwrap().digest());
    assert_eq!(Signature::new(&plan, &wider), of(&asked));
}

/// The same question with everything that has an order the other way round, and every part negated twice.
fn turned(query: &Query) -> Query {
    fn part(expr: &Expr) -> Expr {
        let parts = |parts: &[Expr]| parts.iter().rev().map(part).collect();
        let not = |expr| Expr::Not(Box::new(expr));
        match expr {
            Expr::All(all) => not(Expr::Any(all.iter().rev().map(|one| not(part(one))).collect())),
            Expr::Any(any) => Expr::Any(parts(any)),
            Expr::Not(one) => not(part(one)),
            test @ Expr::Test { .. } => test.clone(),
        }
    }
    let mut turned = Query { title: "other words".into(), ..query.clone() };
    turned.selection = query.selection.as_ref().map(part);
    turned.group_by.reverse();
    for group in &mut turned.group_by {
        if let Some(Bins::Ranges(ranges)) = &mut group.bins {
            ranges.reverse();
        }
    }
    turned
}

/// Signatures over few measurements with few digests, so that many are near.
fn signatures() -> impl Strategy<Value = Arc<Signature>> {
    (0u64..3, btree_map(0u8..4, 0u64..2, 0..=4)).prop_map(|(question, map)| {
        let name = |of: u8| if of == 0 { Measurement::Consent } else { Measurement::Source(format!("s{of}").into()) };
        let sources: BTreeMap<_, _> = map.into_iter().map(|(of, digest)| (name(of), number(digest))).collect();
        // Equal questions have equal maps.
        let question = Hasher::new("test").u64(question).digest(&map_digest(&sources, None)).finish();
        Arc::new(Signature::of(question, sources))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_global_rejects: 6000, ..ProptestConfig::default() })]

    #[test]
    fn words_and_order_make_no_difference(query in queries()) {
        let (Ok(one), Ok(other)) = (compiled(&query), compiled(&turned(&query))) else {
            return Err(TestCaseError::reject("a query that does not compile"));
        };
        prop_assert_eq!(Signature::new(&one, &schema()), Signature::new(&other, &schema()));
    }

    #[test]
    fn the_index_finds_what_a_comparison_with_all_finds(
        steps in vec((signatures(), 0u64..2, any::<Option<u8>>()), 1..40)
    ) {
        let mut index = NearIndex::default();
        let mut all: BTreeMap<u64, (Arc<Signature>, Digest)> = BTreeMap::new();
        for (place, (asked, over, removed)) in (0u64..).zip(steps) {
            let over = number(over);
            let repeat = all.iter().find(|(_, (one, put))| one.question() == asked.question() && *put == over);
            let expected = repeat.map(|(place, _)| Near::Repeat { place: *place }).or_else(|| {
                all.iter().find_map(|(place, (one, _))| {
                    Some(Near::Sliver { place: *place, difference: one.sliver(&asked)? })
                })
            });
            prop_assert_eq!(index.clone().lookup(&asked, over), expected);
            index.insert(place, asked.clone(), over);
            all.insert(place, (asked, over));
            if let Some(removed) = removed {
                let removed = u64::from(removed) % (place + 2);
                prop_assert_eq!(index.remove(removed), all.remove(&removed).is_some());
            }
            prop_assert_eq!(index.len(), all.len());
        }
        // The order in which things came makes no difference.
        let mut again = NearIndex::default();
        for (place, (one, over)) in all.into_iter().rev() {
            again.insert(place, one, over);
        }
        prop_assert_eq!(again, index);
    }
}
