use super::super::Mapping;
use super::{MAPPING, SCHEMA, mapping_with, schema};

fn refused(json: &str) -> String {
    Mapping::parse(json, &schema()).unwrap_err().to_string()
}

#[track_caller]
fn rule_refused(column: &str, rule: &str, message: &str) {
    assert_eq!(refused(&mapping_with(column, rule)), format!("the rule for column {column:?}: {message}"));
}

#[test]
fn refused_as_a_whole() {
    let changed = |from: &str, to: &str| {
        assert!(MAPPING.contains(from));
        refused(&MAPPING.replacen(from, to, 1))
    };
    assert!(refused("[]").starts_with("the mapping cannot be read: invalid"));
    assert_eq!(
        refused(r#"{"format": "cohortium-mapping/9", "new": 1}"#),
        "the mapping's format is \"cohortium-mapping/9\"; this version reads \"cohortium-mapping/1\""
    );
    assert_eq!(
        changed(r#""schema_version": 2"#, r#""schema_version": 3"#),
        "the mapping is for table \"ward\" version 3, the schema is \"ward\" version 2"
    );
    assert!(changed(r#""table": "ward""#, r#""table": "other""#).starts_with("the mapping is for table \"other\""));
    assert!(changed(r#""patient""#, r#""patients""#).contains("unknown field `patients`"));
    assert!(changed(r#""patient": "id""#, r#""patient": " id""#).contains("begins or ends with a space"));
    assert!(changed(r#""patient": "id""#, r#""patient": "id", "delimiter": "::""#).contains("one of , ; | or a tab"));
    assert!(changed(r#""patient": "id""#, r#""patient": "id", "decimal_mark": ";""#).contains("a point or a comma"));
    assert_eq!(changed(r#""age": {"from": "age"}, "#, ""), "column \"age\" of the schema has no rule in the mapping");
    assert_eq!(
        changed(r#""age": {"from": "age"}, "#, r#""age": {"from": "age"}, "weight": {"from": "weight"}, "#),
        "the mapping has a rule for \"weight\", which the schema does not have"
    );
    assert!(
        changed(r#""smoker": {"from": "smoker"}"#, r#""age": {"from": "smoker"}"#).contains("\"age\" stands twice")
    );
    let flags = |flags: &str| changed(r#""missing": ["NA"]"#, &format!(r#""missing": ["NA", ""], "flags": {flags}"#));
    assert_eq!(flags(r#"{"no": ["0"], "yes": ["0"]}"#), "the text \"0\" is listed as no and as yes");
    assert_eq!(flags(r#"{"no": ["0", "NA"], "yes": ["1"]}"#), "the text \"NA\" is listed as missing and as no");
    assert_eq!(flags(r#"{"no": [], "yes": ["1"]}"#), "no text of the file means no: list at least one under \"flags\"");
    assert!(flags(r#"{"no": [""], "yes": ["1"]}"#).starts_with("\"\" is empty"));
}

#[test]
fn refused_rules() {
    rule_refused("age", "{}", "give exactly one of from, either, earliest, choose, constant; found none of them");
    rule_refused(
        "age",
        r#"{"from": "a", "constant": "20"}"#,
        "give exactly one of from, either, earliest, choose, constant; found from, constant",
    );
    assert!(refused(&mapping_with("age", r#"{"form": "a"}"#)).contains("unknown field `form`"));
    rule_refused(
        "age",
        r#"{"from": " a"}"#,
        "\" a\" is empty or begins or ends with a space; texts are compared without the spaces around them",
    );
    rule_refused("age", r#"{"from": "a", "ignore_missing": true}"#, "\"ignore_missing\" does not belong to \"from\"");
    rule_refused("age", r#"{"constant": "20", "values": {}}"#, "\"values\" does not belong to \"constant\"");
    rule_refused("stage", r#"{"from": "a", "at_least": 0}"#, "\"at_least\" does not belong to \"from\"");
    rule_refused(
        "stage",
        r#"{"from": "a", "values": {"x": "early"}, "classes": []}"#,
        "give \"values\" or \"classes\", not both",
    );
}

#[test]
fn refused_labels_and_values() {
    rule_refused(
        "stage",
        r#"{"from": "a", "values": {"I": "first"}}"#,
        "the column has no label \"first\"; it has \"early\", \"middle\", \"late\"",
    );
    rule_refused(
        "smoker",
        r#"{"from": "a", "values": {"I": "1"}}"#,
        "the column has no label \"1\"; it has \"no\", \"yes\"",
    );
    rule_refused(
        "age",
        r#"{"from": "a", "values": {"I": "1"}}"#,
        "\"values\" makes a flag or a code, the column is a quantity",
    );
    rule_refused("stage", r#"{"from": "a", "values": {}}"#, "\"values\" needs at least 1, found 0");
    rule_refused(
        "stage",
        r#"{"from": "a", "values": {"NA": "early"}}"#,
        "the text \"NA\" means missing in this mapping, and is a value of this column too",
    );
    assert!(refused(&mapping_with("stage", r#"{"from": "a", "values": {"I ": "early"}}"#)).contains("with a space"));
    let twice = MAPPING
        .replace(r#""stage": {"from": "stage"}"#, r#""stage": {"from": "a", "values": {"I": "early", "I": "late"}}"#);
    assert!(refused(&twice).contains("\"I\" stands twice"));
    let missing_label = MAPPING.replace(r#"["NA"]"#, r#"["late"]"#);
    assert_eq!(
        refused(&missing_label),
        "the rule for column \"stage\": the text \"late\" means missing in this mapping, and is a value of this column too"
    );
}

#[test]
fn refused_classes() {
    let classes = |classes: &str| format!(r#"{{"from": "a", "classes": {classes}}}"#);
    rule_refused(
        "stage",
        &classes(r#"[{"up_to": 50, "label": "early"}, {"up_to": 20, "label": "late"}]"#),
        "the class bounds must rise: 20 follows 50",
    );
    rule_refused(
        "stage",
        &classes(r#"[{"up_to": 50, "label": "early"}, {"up_to": 50, "label": "late"}]"#),
        "the class bounds must rise: 50 follows 50",
    );
    rule_refused(
        "stage",
        &classes(r#"[{"label": "early"}, {"up_to": 20, "label": "late"}]"#),
        "only the last class may be without \"up_to\"; \"early\" is not the last",
    );
    rule_refused(
        "stage",
        &classes(r#"[{"up_to": 20, "label": "early"}, {"label": "early"}]"#),
        "two classes have the label \"early\"",
    );
    rule_refused("stage", &classes("[]"), "\"classes\" needs at least 1, found 0");
    rule_refused("crp", &classes(r#"[{"label": "early"}]"#), "\"classes\" makes a code, the column is a quantity");
    rule_refused(
        "stage",
        r#"{"from": "a", "at_least": 30, "classes": [{"up_to": 20, "label": "early"}]}"#,
        "the class bounds must rise: 20 follows 30",
    );
}

#[test]
fn refused_combinations() {
    rule_refused("smoker", r#"{"either": ["a"]}"#, "\"either\" needs at least 2, found 1");
    rule_refused("smoker", r#"{"either": ["a", "a"]}"#, "\"either\" names \"a\" twice");
    rule_refused(
        "age",
        r#"{"either": ["a", "b"]}"#,
        "\"either\" makes a flag, or a code with the labels \"no\" and \"yes\", the column is a quantity",
    );
    rule_refused(
        "stage",
        r#"{"earliest": ["a", "b"]}"#,
        "\"earliest\" makes a quantity or a date, the column is a code",
    );
    rule_refused(
        "age",
        r#"{"constant": "9"}"#,
        "the constant \"9\": 9 lies outside column \"age\", which is defined from 18 years to 110 years",
    );
    rule_refused("crp", r#"{"constant": "NA"}"#, "the constant \"NA\": it means missing");
    assert!(refused(&mapping_with("age", r#"{"choose": {"if": "a", "then": "b"}}"#)).contains("missing field `else`"));
}

#[test]
fn a_flag_that_can_be_missing() {
    let codes =
        r#""kind": "code", "missing": true, "codes": [{"code": 3, "label": "no"}, {"code": 4, "label": "yes"}]"#;
    let schema = super::Schema::parse(&SCHEMA.replace(r#""kind": "flag""#, codes)).unwrap();
    let mapping = Mapping::parse(&mapping_with("smoker", r#"{"either": ["a", "b"]}"#), &schema).unwrap();
    assert!(matches!(mapping.rules()[1], super::super::Rule::Either { no: 3, yes: 4, .. }));
}
