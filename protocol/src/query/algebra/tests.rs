//! Reading queries: forms that pass, and each refusal with its sentence.

use super::*;

const FULL: &str = r#"{
  "format": "cohortium-query/1", "title": "Nodes by age", "table": "breast-cancer", "study": "S-1",
  "purpose": "DUO:0000042", "sponsor_class": "academic",
  "where": {"all": [
    {"column": "age", "between": [50, null]},
    {"any": [{"column": "grade", "in": ["3", 2]}, {"not": {"column": "hormon", "is": true}}]},
    {"column": "nodes", "ranges": [[0, "3"], [10, 20.5]]},
    {"column": "er", "present": false}]},
  "group_by": [
    {"column": "size", "missing": "own bin"},
    {"column": "age", "bins": [[20, 39], ["40", null]]},
    {"column": "rfs", "bins": {"from": 0, "width": 365.25, "count": 10, "beyond": true}}],
  "measures": {"count": true, "sum": "nodes", "sum_of_squares": "nodes", "sum_of_products": ["nodes", "age"],
    "bounds": {"nodes": [0, 60]}}
}"#;

/// The full query after a replacement in its text.
fn changed(from: &str, to: &str) -> Result<Query, QueryError> {
    assert!(FULL.contains(from), "{from}");
    Query::parse(&FULL.replacen(from, to, 1))
}

fn sentence(from: &str, to: &str) -> String {
    changed(from, to).unwrap_err().to_string()
}

#[test]
fn a_full_query_reads_writes_and_keeps_its_digest() {
    let query = Query::parse(FULL).unwrap();
    assert_eq!(query.consent.to_string(), "DUO:0000042/academic");
    assert_eq!(query.group_by.len(), 3);
    let text = serde_json::to_string_pretty(&query).unwrap();
    let again = Query::parse(&text).unwrap();
    assert_eq!(again, query);
    assert_eq!(again.digest(), query.digest());
    // Another way to write the same number is the same question; anything else is another one.
    assert_eq!(changed("[50, null]", r#"["50.0", null]"#).unwrap().digest(), query.digest());
    for (from, to) in [
        ("Nodes by age", "Nodes by Age"),
        ("breast-cancer", "breast-cancers"),
        ("S-1", "S-2"),
        ("DUO:0000042", "DUO:0000007"),
        ("academic", "commercial"),
        (r#"{"all""#, r#"{"any""#),
        ("[50, null]", "[null, 50]"),
        ("[50, null]", "[51, null]"),
        (r#""3", 2"#, r#""3", "2""#),
        (r#""is": true"#, r#""is": false"#),
        (r#""present": false"#, r#""present": true"#),
        ("own bin", "exclude"),
        ("365.25", "365.2425"),
        (r#""count": 10"#, r#""count": 11"#),
        (r#""beyond": true"#, r#""beyond": false"#),
        (r#""sum": "nodes""#, r#""sum": "age""#),
        (r#"["nodes", "age"]"#, r#"["age", "nodes"]"#),
        (r#"{"nodes": [0, 60]}"#, r#"{"age": [0, 60]}"#),
        (r#"{"nodes": [0, 60]}"#, "{}"),
    ] {
        assert_ne!(changed(from, to).unwrap().digest(), query.digest(), "{from}");
    }
}

#[test]
fn numbers_are_read_by_their_text() {
    let Some(Expr::Test { test: Test::Ranges(ranges), .. }) = Query::parse(
        r#"{"format": "cohortium-query/1", "title": "t", "table": "t", "study": "s", "purpose": "DUO:0000042",
        "sponsor_class": "academic", "where": {"column": "x", "ranges": [[0.1, 0.3], ["0.30", "2001-02-03"]]}}"#,
    )
    .unwrap()
    .selection
    else {
        panic!("a test was written")
    };
    assert_eq!(ranges[0].to_string(), "[0.1, 0.3]");
    assert_eq!(ranges[1].to_string(), "[0.3, 2001-02-03]");
    assert!(sentence("20.5", "20.123456789012345678").contains("write it as a JSON string"));
}

#[test]
fn no_purpose_no_query() {
    let error = changed(r#""purpose": "DUO:0000042", "#, "").unwrap_err();
    assert_eq!(error, QueryError::NoPurpose);
    assert!(error.to_string().contains("add \"purpose\", a Data Use Ontology id such as \"DUO:0000042\""), "{error}");
    assert_eq!(changed("DUO:0000042", "").unwrap_err(), QueryError::NoPurpose);
    assert!(sentence("DUO:0000042", "research").contains("\"research\" is not a Data Use Ontology id"));
    assert!(sentence(r#", "sponsor_class": "academic""#, "").contains("add \"sponsor_class\""));
    assert!(sentence("academic", "charity").contains("unknown variant `charity`, expected `academic` or `commercial`"));
}

#[test]
fn consent_is_not_the_querys_to_ignore() {
    for (from, to, at) in [
        (r#""purpose""#, r#""consent": "ignore", "purpose""#, "the query"),
        (r#""is": true"#, r#""is": true, "consent": false"#, "where.all[1].any[1].not"),
        (r#"{"all""#, r#"{"consent": "ignore", "all""#, "where"),
        (r#""count": true"#, r#""count": true, "consent": "waived""#, "measures"),
        (r#""purpose""#, r#""consent": null, "purpose""#, "the query"),
    ] {
        let error = changed(from, to).unwrap_err();
        assert_eq!(error, QueryError::Consent { at: at.into() });
        assert!(error.to_string().contains("a selection cannot ignore, waive or test consent"), "{error}");
    }
}

#[test]
fn each_part_is_one_test() {
    assert_eq!(
        sentence(r#""is": true"#, r#""is": true, "present": true"#),
        "where.all[1].any[1].not must be one of \"all\", \"any\", \"not\", or a \"column\" with one of \"between\", \
         \"ranges\", \"in\", \"is\", \"present\"; found column, is, present"
    );
    assert!(sentence(r#"{"column": "er", "present": false}"#, "{}").contains("where.all[3] must be one of"));
    assert!(sentence(r#""column": "er", "#, "").contains("found present"));
    assert!(sentence(r#", "between": [50, null]"#, "").contains("found column"));
    assert!(sentence(r#"["3", 2]"#, "[]").contains("where.all[1].any[0].in is empty: name at least one label or code"));
    assert!(sentence(r#"[[0, "3"], [10, 20.5]]"#, "[]").contains("where.all[2].ranges is empty"));
    assert!(sentence(r#"["3", 2]"#, "[2.5]").contains("a label as a string, or a code as a number"));
    assert!(sentence("[50, null]", "[50]").contains("invalid length 1"));
    assert!(sentence("\"er\", ", "\"er\", \"above\": 3, ").contains("unknown field `above`"));
}

#[test]
fn sizes_are_limited() {
    let deep =
        (0..MAX_DEPTH).fold(r#"{"column": "a", "is": true}"#.to_owned(), |part, _| format!(r#"{{"not": {part}}}"#));
    let query = |part: &str| {
        Query::parse(&format!(
            r#"{{"format": "cohortium-query/1", "title": "t", "table": "t", "study": "s", "purpose": "DUO:0000042",
            "sponsor_class": "academic", "where": {part}}}"#
        ))
    };
    assert!(matches!(query(&deep), Err(QueryError::TooDeep { .. })));
    query(&deep[8..deep.len() - 1]).unwrap();
    let very_deep = format!("{}1{}", r#"{"not":"#.repeat(5000), "}".repeat(5000));
    assert!(matches!(query(&very_deep), Err(QueryError::Json { .. })));
    assert!(matches!(Query::parse(&" ".repeat(MAX_QUERY_BYTES + 1)), Err(QueryError::TooLong { .. })));
}

/// Why a query is refused whose text ends in the middle of its selection: with the sentence of a limit only if the
/// limit is kept while reading. Nothing beyond it can have been built, since there is nothing.
fn cut_short(selection: &str) -> String {
    let head = r#"{"format": "cohortium-query/1", "title": "t", "table": "t", "study": "s", "purpose": "DUO:0000042",
        "sponsor_class": "academic", "where": "#;
    serde_json::from_str::<Query>(&format!("{head}{selection}")).unwrap_err().to_string()
}

#[test]
fn limits_are_kept_while_reading() {
    // Parts, in one list and over nested ones.
    let parts = |count: usize| vec!["{}"; count].join(",");
    let too_many = "the selection has more than 256 parts";
    assert!(cut_short(&format!(r#"{{"all": [{}, {{"#, parts(MAX_NODES - 1))).contains(too_many));
    assert!(cut_short(&format!(r#"{{"all": [{}"#, parts(MAX_NODES - 1))).contains("EOF"));
    let nested = format!(r#"{{"all": [{{"any": [{0}]}}, {{"not": {{"all": [{0}"#, parts(126));
    assert!(cut_short(&nested).contains("EOF"));
    assert!(cut_short(&format!("{nested}, {{}}")).contains(too_many));

    // Entries of one list, of whatever kind, and of all lists.
    let list = |field: &str, entry: &str, count: usize| {
        format!(r#"{{"column": "a", "{field}": [{}"#, vec![entry; count].join(","))
    };
    for (field, entry) in [("in", "1"), ("in", "\"a\""), ("ranges", "[1,2]")] {
        assert!(cut_short(&list(field, entry, MAX_LIST)).contains("EOF"));
        let refused = cut_short(&list(field, entry, MAX_LIST + 1));
        assert!(
            refused.contains(&format!("where.{field} has more than 1024 entries, the most that are read")),
            "{refused}"
        );
    }
    let full = format!("{}]}}", list("in", "1", MAX_LIST));
    let lists = format!(r#"{{"any": [{}, {}"#, vec![full; MAX_ENTRIES / MAX_LIST].join(","), list("in", "1", 0));
    assert!(cut_short(&lists).contains("EOF"));
    let refused = cut_short(&format!("{lists}1"));
    assert!(refused.contains("up to where.any[8].in have more than 8192 entries"), "{refused}");

    // What is no entry at all is not built first.
    assert!(cut_short(&list("in", "[[[", 1)).contains("a label as a string, or a code as a number"));
    assert!(cut_short(&list("in", "70000", 1)).contains("a label as a string, or a code as a number"));
}

#[test]
fn limits_are_kept_beside_the_selection() {
    let cut_short = |fields: &str| {
        serde_json::from_str::<Query>(&format!(r#"{{"format": "cohortium-query/1", {fields}"#)).unwrap_err().to_string()
    };
    let list = |entry: &str, count: usize| vec![entry; count].join(",");
    for (before, entry) in [
        (r#""group_by": ["#, r#"{"column": "a"}"#),
        (r#""group_by": [{"column": "a", "bins": ["#, "[1,2]"),
        (r#""measures": {"sum_of_products": ["#, "\"a\""),
    ] {
        assert!(cut_short(&format!("{before}{}", list(entry, MAX_LIST))).contains("EOF"), "{before}");
        let refused = cut_short(&format!("{before}{}", list(entry, MAX_LIST + 1)));
        assert!(refused.contains("the list has more than 1024 entries"), "{refused}");
    }
    let bounds = |count: usize| (0..count).map(|i| format!(r#""c{i}": [1,2]"#)).collect::<Vec<_>>().join(",");
    let refused = cut_short(&format!(r#""measures": {{"bounds": {{{}"#, bounds(MAX_LIST + 1)));
    assert!(refused.contains("more than 1024 columns have bounds"), "{refused}");
}

/// In a request or a bundle no file's size was looked at.
#[test]
fn a_query_is_short_wherever_it_stands() {
    let label = "x".repeat(MAX_QUERY_BYTES);
    let long = FULL.replacen(r#""3", 2"#, &format!("{label:?}"), 1);
    let refused = serde_json::from_str::<Query>(&long).unwrap_err().to_string();
    assert!(refused.starts_with("the query has 66") && refused.contains("at most 65536 are read"), "{refused}");
    // Spaces do not count where there is no file.
    let spaced = FULL.replace('\n', &"\n".repeat(6000));
    assert!(spaced.len() > MAX_QUERY_BYTES);
    assert_eq!(serde_json::from_str::<Query>(&spaced).unwrap().digest(), Query::parse(FULL).unwrap().digest());
}

#[test]
fn texts_bins_and_measures() {
    assert!(sentence("query/1", "query/2").contains("this version reads \"cohortium-query/1\""));
    assert!(sentence("Nodes by age", "").contains("the query's title must be 1 to 200 characters"));
    assert!(sentence("Nodes by age", r"\u001b[2J").contains("on one line"));
    assert!(sentence(r#"[[20, 39], ["40", null]]"#, "[]").contains("group_by[1].bins is empty"));
    assert!(
        sentence(r#"[[20, 39], ["40", null]]"#, "5")
            .contains("invalid type: integer `5`, expected bins, [[lo, hi], ...] or")
    );
    assert!(sentence(r#""width": 365.25, "#, "").contains("missing field `width` at line 12"));
    assert!(sentence("own bin", "zero").contains("unknown variant `zero`, expected `exclude` or `own bin`"));
    assert!(sentence(r#""count": true"#, r#""count": false"#).contains("the count is part of every release"));
    assert!(sentence(r#"["nodes", "age"]"#, r#"["nodes"]"#).contains("names 1 columns: a product needs two measures"));
    assert!(sentence(r#"["nodes", "age"]"#, r#"["age", "age"]"#).contains("ask for \"sum_of_squares\" instead"));
    assert!(sentence("\"title\"", "\"table\": \"x\", \"title\"").contains("duplicate field `table`"));
    assert!(sentence(r#""from": 0"#, r#""from": 0, "from": 1"#).contains("duplicate field `from`"));
    let twice = sentence(r#"{"nodes": [0, 60]}"#, r#"{"nodes": [0, 60], "nodes": [0, 9]}"#);
    assert!(twice.contains("the column \"nodes\" has bounds twice"), "{twice}");
}
