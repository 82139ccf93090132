//! Queries without a plan, each with its sentence.

use super::*;
use crate::query::fixtures::{compiled, query, schema, selecting};

/// The sentence a selection is refused with.
fn no(part: &str) -> String {
    compiled(&selecting(part)).unwrap_err().to_string()
}

/// The sentence a query with these fields is refused with.
fn no_query(fields: &str) -> String {
    compiled(&query(fields)).unwrap_err().to_string()
}

#[test]
fn unknown_columns_have_near_names() {
    assert_eq!(
        no(r#"{"all": [{"column": "nodess", "present": true}]}"#),
        "where.all[0]: the schema has no column \"nodess\"; near it: \"nodes\""
    );
    assert!(no(r#"{"column": "Hormone", "is": true}"#).contains("near it: \"hormon\""));
    assert!(no(r#"{"column": "zzzzzz", "is": true}"#).contains("there are \"age\", \"meno\""));
    assert!(no_query(r#""group_by": [{"column": "ages"}]"#).starts_with("group_by[0]: the schema has no column"));
    assert!(no_query(r#""measures": {"sum": "node"}"#).starts_with("measures: the schema has no column"));
}

#[test]
fn consent_and_tags_are_out_of_reach() {
    for name in ["consent", "DUO:0000042/academic", "DUO:0000007"] {
        let refused = no(&format!(r#"{{"not": {{"column": "{name}", "is": true}}}}"#));
        assert!(refused.starts_with(&format!("where.not names the consent column {name:?}")), "{refused}");
        assert!(refused.contains("cannot ignore or test consent"), "{refused}");
    }
    assert!(no_query(r#""group_by": [{"column": "DUO:0000042/academic"}]"#).contains("names the consent column"));
    assert!(no(r#"{"column": "tag.0", "present": true}"#).contains("patients' tags are never part of a query"));
    let other = "DUO:0000042/commercial".parse().unwrap();
    let refused = compile(&query(""), &schema(), &other, &Shape::QUERY_12).unwrap_err();
    assert!(refused.to_string().contains("only consent to DUO:0000042/commercial may be used here"), "{refused}");
}

#[test]
fn bounds_that_do_not_fit() {
    assert_eq!(
        no(r#"{"column": "age", "between": [70, 50]}"#),
        "where.between: the range [70, 50] ends before it starts; write the lower end first"
    );
    assert!(no(r#"{"column": "surgery", "between": ["1990-01-01", "1980-01-01"]}"#).contains("ends before it starts"));
    assert_eq!(
        no(r#"{"column": "age", "between": [50, 130]}"#),
        "where.between: 130 lies outside column \"age\", which is defined from 18 years to 110 years"
    );
    assert!(no(r#"{"column": "age", "ranges": [[20, 30], [10, 12]]}"#).contains("10 lies outside"));
    assert!(no(r#"{"column": "surgery", "between": ["1970-01-01", null]}"#).contains("from 1978-01-01 to 1993-12-31"));
    assert!(no(r#"{"column": "surgery", "between": [1980, null]}"#).contains("write yyyy-mm-dd"));
    assert!(
        no(r#"{"column": "age", "between": ["fifty", null]}"#).contains("its bounds are numbers; \"fifty\" is not")
    );
    assert!(no(r#"{"column": "age", "between": [null, null]}"#).contains("open at both ends tests nothing"));
    assert_eq!(
        no(r#"{"column": "er", "between": [0.3, 0.45]}"#),
        "where.between: no value of \"er\" lies in [0.3, 0.45]; its values are 0.25 fmol/l apart, from 0"
    );
    let never = no(r#"{"not": {"column": "nodes", "between": [0, 60]}}"#);
    assert_eq!(
        never,
        "where.not: \"nodes is known but not 0 to 60 nodes\" can never hold: every valid value is excluded, and \
         negation does not select missing ones"
    );
    assert!(no(r#"{"not": {"column": "grade", "in": [1, 2, 3]}}"#).contains("can never hold"));
    assert!(
        no(r#"{"all": [{"column": "meno", "is": true}, {"column": "meno", "is": false}]}"#)
            .contains("contradicts itself")
    );
}

#[test]
fn tests_fit_their_kinds() {
    for (part, sentence) in [
        (r#"{"column": "meno", "between": [0, 1]}"#, "\"meno\" is a flag; test it with \"is\": true or false"),
        (r#"{"column": "meno", "in": [1]}"#, "\"meno\" is a flag; test it with \"is\": true or false"),
        (r#"{"column": "meno", "present": true}"#, "flags are never missing"),
        (
            r#"{"column": "grade", "between": [1, 2]}"#,
            "is a code; choose from its labels with \"in\": \"1\", \"2\", \"3\"",
        ),
        (r#"{"column": "grade", "is": true}"#, "is a code; choose from its labels with \"in\""),
        (r#"{"column": "age", "is": true}"#, "is a quantity; test it with \"between\" or \"ranges\""),
        (r#"{"column": "age", "in": [50]}"#, "is a quantity; test it with \"between\" or \"ranges\""),
        (r#"{"column": "surgery", "in": [1]}"#, "is a date; test it with \"between\" or \"ranges\""),
        (r#"{"column": "size", "in": [">60"]}"#, "has no value \">60\"; near it: \">50\""),
        (r#"{"column": "size", "in": [2]}"#, "has no value 2; its labels are \"<=20\", \"20-50\", \">50\""),
        (r#"{"column": "size", "in": ["1"]}"#, "has no value \"1\""),
    ] {
        let refused = no(part);
        assert!(refused.contains(sentence), "{refused}");
    }
}

#[test]
fn bins_that_do_not_fit() {
    for (group, sentence) in [
        (r#"{"column": "age"}"#, "group_by[0]: \"age\" is a quantity and needs \"bins\""),
        (r#"{"column": "grade", "bins": [[1, 2]]}"#, "is a code; it has a group for each of its values"),
        (r#"{"column": "meno", "bins": [[0, 0]]}"#, "is a flag; it has a group for each of its values"),
        (
            r#"{"column": "age", "bins": [[20, 50], [50, 80]]}"#,
            "group_by[0].bins: bins 1 and 2 both hold 50; after bin 1 the next value is 51",
        ),
        (
            r#"{"column": "age", "bins": [[60, null], [20, 70]]}"#,
            "bins 2 and 1 both hold 60; after bin 2 the next value is 71",
        ),
        (r#"{"column": "age", "bins": [[20, 130]]}"#, "130 lies outside column \"age\""),
        (r#"{"column": "age", "bins": [[40, 30]]}"#, "the range [40, 30] ends before it starts"),
        (r#"{"column": "age", "bins": {"from": 10, "width": 10, "count": 2}}"#, "10 lies outside column \"age\""),
        (r#"{"column": "age", "bins": {"from": 20, "width": 0, "count": 2}}"#, "the width is 0; it must be above 0"),
        (r#"{"column": "age", "bins": {"from": 20, "width": -1, "count": 2}}"#, "the width is -1"),
        (r#"{"column": "age", "bins": {"from": 20, "width": 5, "count": 0}}"#, "the count is 0; it must be from 1"),
        (r#"{"column": "age", "bins": {"from": 20, "width": 5, "count": 4000000000}}"#, "the count is 4000000000"),
        (
            r#"{"column": "age", "bins": {"from": 20, "width": 10, "count": 12}}"#,
            "bin 11 starts above the column's highest value, 110; a count of 10 reaches it",
        ),
        (
            r#"{"column": "age", "bins": {"from": 20, "width": 10, "count": 10, "beyond": true}}"#,
            "nothing lies \"beyond\": leave it out",
        ),
        (
            r#"{"column": "age", "bins": {"from": 20, "width": 0.5, "count": 2}}"#,
            "no value of \"age\" lies in bin 2 (width 0.5); its values are 1 years apart",
        ),
        (
            r#"{"column": "age", "bins": {"from": 20, "width": "79228162514264337593543950335", "count": 2}}"#,
            "bin 2 starts above the column's highest value",
        ),
        (
            r#"{"column": "surgery", "bins": {"from": "1980-01-01", "width": 365.25, "count": 2}}"#,
            "the width of bins of dates is in whole days; found 365.25",
        ),
        (r#"{"column": "age", "bins": [[20, 30]], "missing": "own bin"}"#, "\"age\" is never missing by its schema"),
        (r#"{"column": "meno", "missing": "own bin"}"#, "\"meno\" is never missing by its schema"),
    ] {
        let refused = no_query(&format!(r#""group_by": [{group}]"#));
        assert!(refused.contains(sentence), "{refused}");
    }
    assert!(no_query(r#""group_by": [{"column": "meno"}, {"column": "meno"}]"#).contains("groups by \"meno\" twice"));
}

#[test]
fn measures_that_do_not_fit() {
    for (measures, sentence) in [
        (r#"{"sum": "meno"}"#, "is a flag; only quantities are summed; count by grouping or selecting instead"),
        (r#"{"sum": "grade"}"#, "is a code; only quantities are summed"),
        (r#"{"sum": "surgery"}"#, "is a date; only quantities are summed; group by it with bins instead"),
        (
            r#"{"sum": "nodes", "sum_of_squares": "age"}"#,
            "measures.sum_of_squares: \"age\" is squared but \"nodes\" is summed",
        ),
        (
            r#"{"sum": "er", "sum_of_products": ["nodes", "age"]}"#,
            "\"er\" is summed, so it must be one of the two factors",
        ),
        (r#"{"sum": "nodes", "bounds": {"age": [20, 30]}}"#, "measures.bounds: \"age\" has bounds but is not summed"),
        (
            r#"{"sum": "nodes", "bounds": {"nodes": [5, 3]}}"#,
            "measures.bounds.nodes: the range [5, 3] ends before it starts",
        ),
        (r#"{"sum": "nodes", "bounds": {"nodes": [0, 100]}}"#, "100 lies outside column \"nodes\""),
    ] {
        let refused = no_query(&format!(r#""measures": {measures}"#));
        assert!(refused.contains(sentence), "{refused}");
    }
}

#[test]
fn sizes_are_named() {
    let decades = r#"{"column": "age", "bins": {"from": 20, "width": 10, "count": 9}}"#;
    assert_eq!(
        no_query(&format!(r#""group_by": [{decades}, {{"column": "size"}}, {{"column": "grade"}}]"#)),
        "the query has 81 groups (age 9 times size 3 times grade 3); the shape query-12 holds 64: use fewer or wider bins"
    );
    let four = r#"[{"column": "meno"}, {"column": "event"}, {"column": "hormon"}, {"column": "chemo"}]"#;
    assert_eq!(no_query(&format!(r#""group_by": {four}"#)), "the query groups by 4 columns; it may group by 3");
    let tests = |count: usize| {
        let tests: Vec<String> = (0..count).map(|i| format!(r#"{{"column": "rfs", "between": [{i}, 100]}}"#)).collect();
        format!(r#""where": {{"any": [{}]}}"#, tests.join(","))
    };
    compiled(&query(&tests(14))).unwrap();
    assert_eq!(
        no_query(&tests(15)),
        "the query needs at least 16 lookups (15 tests, the selection, 0 for bins); the shape query-12 holds 15: use fewer tests \
         of numbers, dates and codes, or ask in two queries"
    );
    let refused = no_query(&format!(r#"{}, "measures": {{"sum": "nodes"}}"#, tests(15)));
    assert!(
        refused.starts_with(
            "the query has at least 17 conditions (consent, 1 implied by groups and measures, 15 asked for); 16 fit"
        ),
        "{refused}"
    );
    let table = Query { table: "lungs".into(), ..query("") };
    assert_eq!(
        compiled(&table).unwrap_err().to_string(),
        "the query asks table \"lungs\"; this schema describes \"breast-cancer\""
    );
}

/// What comes after the first condition or lookup too many is not compiled: nobody notices the unknown column.
#[test]
fn compiling_stops_where_a_limit_is_reached() {
    let unknown = r#"{"column": "no such column", "is": true}"#;
    let tests = |count: usize| -> Vec<String> {
        (0..count).map(|i| format!(r#"{{"column": "rfs", "between": [{i}, 100]}}"#)).collect()
    };
    let any = |tests: &[String]| no(&format!(r#"{{"any": [{}, {unknown}]}}"#, tests.join(",")));
    assert!(any(&tests(15)).contains("no column \"no such column\""));
    let refused = any(&tests(16));
    assert!(refused.starts_with("the query has at least 17 conditions"), "{refused}");
    // Fewer conditions than tests: two of the tests are bins' and a measure's, in a shape with fewer lookups.
    let shape = Shape { slot_bits: 3, ..Shape::QUERY_12 };
    let refused = |count: usize| {
        let selected = format!(r#"{{"any": [{}, {unknown}]}}"#, tests(count).join(","));
        compile(&selecting(&selected), &schema(), &crate::query::fixtures::consent(), &shape).unwrap_err().to_string()
    };
    assert!(refused(7).contains("no column \"no such column\""));
    assert!(refused(8).starts_with("the query needs at least 9 lookups (8 tests, the selection"), "{}", refused(8));
    // Repeated tests are the same test, and stop nothing.
    let same = vec![tests(1)[0].clone(); 200];
    assert!(any(&same).contains("no column \"no such column\""));
}

/// A dictionary of every code there is, and the longest list of the last of them: found by halving, or through one
/// index, and not by going through the dictionary for each.
#[test]
fn large_dictionaries_are_searched_and_not_gone_through() {
    const CODES: usize = 65_535;
    let codes: Vec<String> = (0..CODES).map(|i| format!(r#"{{"code": {i}, "label": "c{i}"}}"#)).collect();
    let schema = format!(
        r#"{{"format": "cohortium-schema/1", "table": "breast-cancer", "version": 1, "description": "", "columns": [
        {{"name": "icd", "description": "", "kind": "code", "codes": [{}]}}]}}"#,
        codes.join(",")
    );
    let schema = Schema::parse(&schema).unwrap();
    let compiled = |entry: fn(usize) -> String| {
        let list = |from: usize| (from..from + 500).map(entry).collect::<Vec<_>>().join(",");
        let tests = [65_000, 64_000, 63_000].map(|from| format!(r#"{{"column": "icd", "in": [{}]}}"#, list(from)));
        let query = selecting(&format!(r#"{{"any": [{}]}}"#, tests.join(",")));
        crate::table::looks::taken();
        let plan = compile(&query, &schema, &crate::query::fixtures::consent(), &Shape::QUERY_12).unwrap();
        assert_eq!(plan.lookups[0].table, serde_json::from_str("[[65000,65499,1]]").unwrap());
        assert!(plan.conditions[1].text.starts_with("icd is one of (\"c65000\", \"c65001\", "));
        crate::table::looks::taken()
    };
    // Each code is looked for once, and once more for its words: 17 halvings each time. At least one look each, or
    // it would not be this search that finds them.
    let halvings = 2 * 1500..=2 * 1500 * 17;
    let by_code = compiled(|i| i.to_string());
    assert!(halvings.contains(&by_code), "{by_code}");
    let by_label = compiled(|i| format!("\"c{i}\""));
    assert!((CODES + 1500..=CODES + 1500 * 17).contains(&by_label), "{by_label}");
}

#[test]
fn trap_24_flags_are_never_summed() {
    // Two summed flags could hide each other's values beyond 0 and 1 behind a shared weight. No flag is a
    // measure, and every flag that a plan uses is checked on its own.
    for flag in ["meno", "hormon"] {
        let refused = no_query(&format!(r#""measures": {{"sum": "{flag}"}}"#));
        assert!(refused.contains("is a flag; only quantities are summed"), "{refused}");
    }
    let plan = compiled(&query(
        r#""where": {"any": [{"column": "chemo", "is": true}, {"column": "meno", "is": false}]},
        "group_by": [{"column": "hormon"}, {"column": "meno"}]"#,
    ))
    .unwrap();
    let names: Vec<&str> = plan.flags.iter().map(|flag| flag.name.as_str()).collect();
    assert_eq!(names, ["DUO:0000042/academic", "hormon", "meno", "chemo"]);
}
