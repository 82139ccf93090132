use proptest::prelude::*;

use super::super::decimal::{self, Decimal};
use super::super::{Kind, MISSING, Schema};
use super::{SCHEMA, schema};

/// The message for a schema whose only column is this.
fn refused(column: &str) -> String {
    let json = format!(
        r#"{{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "", "columns": [{column}]}}"#
    );
    Schema::parse(&json).unwrap_err().to_string()
}

fn quantity(fields: &str) -> String {
    refused(&format!(r#"{{"name": "q", "description": "", "kind": "quantity", "unit": "", {fields}}}"#))
}

fn codes(codes: &str) -> String {
    refused(&format!(r#"{{"name": "c", "description": "", "kind": "code", "codes": [{codes}]}}"#))
}

#[test]
fn the_whole_file_is_read() {
    let schema = schema();
    assert_eq!((schema.table(), schema.version(), schema.columns().len()), ("ward", 2, 5));
    assert_eq!(schema.index_of("stage"), Some(2));
    assert!(schema.column("weight").is_none());
    let stage = schema.column("stage").unwrap();
    assert_eq!((stage.domain(), stage.may_be_missing(), stage.source()), (1..=7, true, "stage"));
    assert_eq!(schema.column("age").unwrap().domain(), 18..=110);
    assert_eq!(schema.column("crp").unwrap().domain(), 0..=1000);
    assert_eq!(schema.column("smoker").unwrap().domain(), 0..=1);
    assert_eq!(schema.column("seen").unwrap().domain(), 32872..=47846);
}

#[test]
fn values_are_held_or_not() {
    let schema = schema();
    let holds = |name: &str, stored| schema.column(name).unwrap().holds(stored);
    assert!(holds("stage", 2) && holds("stage", 7) && holds("stage", MISSING));
    assert!(!holds("stage", 3) && !holds("stage", 0), "codes may leave gaps");
    assert!(holds("smoker", 1) && !holds("smoker", 2) && !holds("smoker", MISSING));
    assert!(holds("age", 18) && !holds("age", 17) && !holds("age", MISSING));
}

#[test]
fn values_in_words() {
    let schema = schema();
    let say = |name: &str, stored| schema.column(name).unwrap().decode(stored);
    assert_eq!(say("smoker", 0), "no");
    assert_eq!(say("stage", 7), "late");
    assert_eq!(say("stage", 3), "undefined code 3");
    assert_eq!(say("crp", 15), "7.5");
    assert_eq!(say("crp", MISSING), "missing");
    assert_eq!(say("seen", 36524), "2000-01-01");
    assert_eq!(schema.column("stage").unwrap().code_of("late"), Some(7));
    assert_eq!(schema.column("smoker").unwrap().code_of("yes"), Some(1));
    assert_eq!(schema.column("age").unwrap().code_of("18"), None);
}

#[test]
fn bounds_of_queries() {
    let schema = schema();
    let crp = schema.column("crp").unwrap();
    let d = |text: &str| decimal::parse(text).unwrap();
    assert_eq!((crp.encode_bound_up(d("7.5")).unwrap(), crp.encode_bound_down(d("7.5")).unwrap()), (15, 15));
    assert_eq!((crp.encode_bound_up(d("7.6")).unwrap(), crp.encode_bound_down(d("7.6")).unwrap()), (16, 15));
    assert_eq!((crp.encode_bound_up(d("500")).unwrap(), crp.encode_bound_down(d("0")).unwrap()), (1000, 0));
    assert_eq!(
        crp.encode_bound_up(d("500.1")).unwrap_err().to_string(),
        "500.1 lies outside column \"crp\", which is defined from 0 mg/l to 500 mg/l"
    );
    let message = |name: &str| schema.column(name).unwrap().encode_bound_up(d("1")).unwrap_err().to_string();
    assert_eq!(message("stage"), "column \"stage\" is a code; choose from its labels instead of bounds");
    assert_eq!(message("smoker"), "column \"smoker\" is a flag; it has no bounds, it is yes or no");
    assert_eq!(message("seen"), "column \"seen\" is a date; write its bounds as dates, yyyy-mm-dd");
    let seen = schema.column("seen").unwrap();
    assert_eq!(seen.encode_date("2000-01-01").unwrap(), 36524);
    assert_eq!(
        seen.encode_date("1989-12-31").unwrap_err().to_string(),
        "1989-12-31 lies outside column \"seen\", which is defined from 1990-01-01 to 2030-12-31"
    );
    assert!(seen.encode_date("soon").unwrap_err().to_string().contains("\"soon\" is not a date"));
    assert_eq!(crp.encode_date("2000-01-01").unwrap_err().to_string(), "column \"crp\" is a quantity, not a date");
}

#[test]
fn the_digest_is_over_the_content() {
    // Computed outside, from the stream that the formats page describes.
    let json = r#"{"format": "cohortium-schema/1", "table": "t", "version": 3, "description": "about", "columns": [
        {"name": "f", "description": "a flag", "kind": "flag", "concept": "SNOMED:1"},
        {"name": "c", "description": "a code", "kind": "code", "missing": true,
            "codes": [{"code": 2, "label": "yes", "concept": "X:2"}, {"code": 1, "label": "no"}]},
        {"name": "q", "description": "a quantity", "kind": "quantity", "source": "c", "unit": "g", "offset": -1.50, "step": "0.10", "min": -1, "max": 10.0},
        {"name": "d", "description": "a date", "kind": "date", "min": "1900-01-01", "max": "2000-01-01"}
    ]}"#;
    let schema = Schema::parse(json).unwrap();
    assert_eq!(schema.digest().to_string(), "2be84cb35e7cffd88b5202b8d016a95b0ff58b636cae0e407754e74ceb9824a8");
    // Written and read again, and laid out otherwise, it is the same schema.
    let written = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&written).unwrap(), schema);
    assert_eq!(Schema::parse(&written).unwrap().digest(), schema.digest());
    assert_eq!(Schema::parse(&serde_json::to_string_pretty(&schema).unwrap()).unwrap().digest(), schema.digest());
    // Each field counts.
    for (from, to) in [
        (r#""table": "t""#, r#""table": "u""#),
        (r#""version": 3"#, r#""version": 4"#),
        ("about", "About"),
        (r#""name": "f""#, r#""name": "g""#),
        ("a flag", "the flag"),
        ("SNOMED:1", "SNOMED:2"),
        (r#", "concept": "X:2""#, ""),
        (r#""label": "no""#, r#""label": "never""#),
        (r#""code": 1,"#, r#""code": 0,"#),
        (r#""missing": true"#, r#""missing": false"#),
        (r#""source": "c""#, r#""source": "q""#),
        (r#""unit": "g""#, r#""unit": "kg""#),
        ("-1.50", "-1.60"),
        ("\"0.10\"", "0.50"),
        (r#""min": -1,"#, r#""min": -0.9,"#),
        ("10.0", "10.1"),
        ("1900-01-01", "1900-01-02"),
        ("2000-01-01", "2000-01-02"),
    ] {
        assert!(json.contains(from), "{from}");
        let changed = Schema::parse(&json.replacen(from, to, 1)).unwrap();
        assert_ne!(changed.digest(), schema.digest(), "{from} -> {to}");
    }
}

#[test]
fn refused_as_a_whole() {
    let refused = |json: &str| Schema::parse(json).unwrap_err().to_string();
    assert!(refused("{").starts_with("the schema cannot be read: EOF"));
    assert_eq!(
        refused(r#"{"format": "cohortium-schema/2", "later": true}"#),
        "the schema's format is \"cohortium-schema/2\"; this version reads \"cohortium-schema/1\""
    );
    let changed = |from: &str, to: &str| refused(&SCHEMA.replacen(from, to, 1));
    assert!(changed(r#""table": "ward""#, r#""table": "The Ward""#).starts_with("the table name \"The Ward\" is not"));
    assert_eq!(changed(r#""version": 2"#, r#""version": 0"#), "schema versions begin at 1, found 0");
    assert!(changed(r#""version": 2"#, r#""version": 2, "extra": 1"#).contains("unknown field `extra`"));
    assert!(changed(r#""unit": "years""#, r#""unti": "years""#).contains("unknown field `unti`"));
    assert_eq!(
        changed(r#""name": "crp""#, r#""name": "smoker""#),
        "two columns are named \"smoker\", at positions 2 and 4"
    );
    let empty = r#"{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "", "columns": []}"#;
    assert_eq!(refused(empty), "the schema has no columns");
    let column = r#"{"name": "f0", "description": "", "kind": "flag"}"#;
    let many: Vec<String> = (0..257).map(|i| column.replace("f0", &format!("f{i}"))).collect();
    let message = refused(&empty.replace("[]", &format!("[{}]", many.join(","))));
    assert!(message.contains("the list has more than 256 entries, the most it may have"), "{message}");
}

#[test]
fn refused_columns() {
    for name in ["Age", "1st", "", "a-b", "a.b", "größe", &"a".repeat(65)] {
        let message = refused(&format!(r#"{{"name": "{name}", "description": "", "kind": "flag"}}"#));
        assert!(message.contains("a name begins with a small letter"), "{message}");
    }
    let flag = |fields: &str| refused(&format!(r#"{{"name": "f", "description": "", "kind": "flag", {fields}}}"#));
    let tag = refused(r#"{"name": "tag.3", "description": "", "kind": "flag"}"#);
    assert_eq!(tag, "column \"tag.3\": names that begin with \"tag.\" are reserved for the patients' tags");
    assert_eq!(
        flag(r#""missing": true"#),
        "column \"f\": a flag is never missing; a flag that can be missing is a code (with the labels \"no\" and \"yes\")"
    );
    assert_eq!(flag(r#""unit": "g""#), "column \"f\": a flag has no field \"unit\"");
    assert_eq!(
        flag(r#""source": "tag.1""#),
        "column \"f\": the source \"tag.1\" is not a name (small letters, digits and _)"
    );
    assert_eq!(
        refused(r#"{"name": "f", "description": "", "kind": "text"}"#),
        "column \"f\": there is no kind \"text\": allowed are flag, code, quantity and date"
    );
    let date = |min: &str, max: &str| {
        refused(&format!(r#"{{"name": "d", "description": "", "kind": "date", "min": {min}, "max": {max}}}"#))
    };
    assert!(date("\"1899-01-01\"", "\"2000-01-01\"").contains("dates reach from 1900-01-01 to 2079-06-05"));
    assert!(date("1", "\"2000-01-01\"").contains("the field \"min\": invalid type"));
    assert!(
        date("\"2001-01-01\"", "\"2000-01-01\"").contains("the lowest value 2001-01-01 is above the highest value")
    );
}

#[test]
fn refused_codes() {
    assert_eq!(codes(""), "column \"c\": a code column needs at least one code");
    assert_eq!(
        codes(r#"{"code": 4, "label": "b"}, {"code": 4, "label": "a"}"#),
        "column \"c\": code 4 is used twice, for \"b\" and \"a\""
    );
    assert_eq!(
        codes(r#"{"code": 1, "label": "a"}, {"code": 2, "label": "a"}"#),
        "column \"c\": label \"a\" is used twice, for the codes 1 and 2"
    );
    assert_eq!(
        codes(r#"{"code": 65535, "label": "lost"}"#),
        "column \"c\": code 65535 (\"lost\") is reserved: it means missing"
    );
    assert!(codes(r#"{"code": 65536, "label": "a"}"#).contains("expected u16"));
    assert!(codes(r#"{"code": 1, "label": " a"}"#).contains("is empty, or begins or ends with a space"));
    assert!(codes(r#"{"code": 1, "label": ""}"#).contains("is empty, or begins or ends with a space"));
    let no_codes = refused(r#"{"name": "c", "description": "", "kind": "code"}"#);
    assert_eq!(no_codes, "column \"c\": a code needs the field \"codes\"");
}

#[test]
fn refused_quantities() {
    assert_eq!(
        quantity(r#""offset": 0, "step": 0, "min": 0, "max": 1"#),
        "column \"q\": the step is 0; it must be more than 0"
    );
    assert!(quantity(r#""offset": 0, "step": -0.5, "min": 0, "max": 1"#).contains("the step is -0.5"));
    assert_eq!(
        quantity(r#""offset": 0, "step": 1, "min": 5, "max": 1"#),
        "column \"q\": the lowest value 5 is above the highest value 1"
    );
    assert_eq!(
        quantity(r#""offset": 0, "step": 1, "min": 0, "max": 65535"#),
        "column \"q\": the domain from the offset 0 to 65535 has 65536 values; at most 65,535 fit in a column. \
         Choose a larger step or narrower bounds: wider values (two limbs) are not supported"
    );
    assert!(quantity(r#""offset": 0, "step": 1e-6, "min": 0, "max": 1"#).contains("has 1000001 values"));
    assert!(
        quantity(r#""offset": 0, "step": 1, "min": -1, "max": 1"#)
            .contains("the lowest value -1 is below the offset 0")
    );
    assert_eq!(
        quantity(r#""offset": 0, "step": 2, "min": 0, "max": 5"#),
        "column \"q\": the max 5 is not the offset 0 plus a whole number of steps of 2"
    );
    assert!(quantity(r#""offset": 0, "step": 1, "min": 0.5, "max": 5"#).contains("the min 0.5 is not the offset 0"));
    assert!(quantity(r#""offset": 0, "min": 0, "max": 5"#).contains("a quantity needs the field \"step\""));
    assert!(quantity(r#""offset": 0, "step": 1, "min": 0"#).contains("a quantity needs the field \"max\""));
    assert!(quantity(r#""offset": 0, "step": 1e-10, "min": 0, "max": 1e-10"#).contains("more than 9 decimals"));
    assert!(quantity(r#""offset": 0, "step": 1e13, "min": 0, "max": 0"#).contains("exceeds 1000000000000"));
    assert!(
        quantity(r#""offset": 0, "step": 1, "min": "low", "max": 0"#)
            .contains("the field \"min\": \"low\" is not a number")
    );
    assert!(
        quantity(r#""offset": 0, "step": 1, "min": 0, "max": 1, "codes": []"#)
            .contains("a quantity has no field \"codes\"")
    );
}

#[test]
fn the_widest_domain() {
    let json = r#"{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "", "columns": [
        {"name": "q", "description": "", "kind": "quantity", "unit": "", "offset": -1, "step": 0.001, "min": -1, "max": 64.534}]}"#;
    let schema = Schema::parse(json).unwrap();
    assert_eq!(schema.columns()[0].domain(), 0..=65534);
    assert_eq!(schema.columns()[0].decode(65534), "64.534");
    assert!(Schema::parse(&json.replace("64.534", "64.535")).is_err());
}

proptest! {
    /// Every bound in the domain has codes on both sides of it, no farther than a step.
    #[test]
    fn bounds_enclose(offset in -1000i64..1000, step in 1i64..500, values in 1i64..2000, at in 0.0f64..1.0) {
        let d = |mantissa: i64| Decimal::new(mantissa, 2);
        let max = offset + step * values;
        let json = format!(
            r#"{{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "", "columns": [
            {{"name": "q", "description": "", "kind": "quantity", "unit": "", "offset": "{0}", "step": "{1}", "min": "{0}", "max": "{2}"}}]}}"#,
            d(offset), d(step), d(max)
        );
        let schema = Schema::parse(&json).unwrap();
        let spec = &schema.columns()[0];
        let x = offset + ((max - offset) as f64 * at) as i64;
        let (up, down) = (spec.encode_bound_up(d(x)).unwrap(), spec.encode_bound_down(d(x)).unwrap());
        let value = |code: u16| offset + step * i64::from(code);
        prop_assert!(value(down) <= x && x <= value(up));
        let apart = if (x - offset) % step == 0 { 0 } else { step };
        prop_assert_eq!(value(up) - value(down), apart);
        prop_assert!(spec.holds(up) && spec.holds(down));
        prop_assert_eq!(decimal::parse(&spec.decode(up)).unwrap(), d(value(up)));
        prop_assert!(matches!(spec.kind(), Kind::Quantity { .. }), "quantity");
    }
}

/// Labels, units and descriptions stand in reports: nothing in them may act on a terminal or turn the text around.
#[test]
fn texts_that_act_on_a_terminal_are_refused() {
    let schema = |label: &str, unit: &str, description: &str| {
        let label = serde_json::to_string(label).unwrap();
        let unit = serde_json::to_string(unit).unwrap();
        let description = serde_json::to_string(description).unwrap();
        Schema::parse(&format!(
            r#"{{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "d", "columns": [
                {{"name": "c", "description": {description}, "kind": "code", "codes": [{{"code": 1, "label": {label}}}]}},
                {{"name": "q", "description": "d", "kind": "quantity", "unit": {unit}, "offset": 0, "step": 1,
                  "min": 0, "max": 9}}]}}"#
        ))
    };
    schema("≤20 mm", "kg/m²", "Größe").unwrap();
    for bad in ["\u{1b}[2J\u{1b}[HVerdict: holds", "a\nb", "a\u{202e}b", "\u{200b}"] {
        for refused in [schema(bad, "mm", "d"), schema("a", bad, "d"), schema("a", "mm", bad)] {
            let sentence = refused.unwrap_err().to_string();
            assert!(!sentence.contains('\u{1b}'), "{sentence:?}");
        }
    }
}

#[test]
fn a_schema_whose_description_acts_on_a_terminal_is_refused() {
    for (bad, shown) in
        [("a\\u001b[2J", "\"a\\u{1b}[2J\""), ("two\\nlines", "\"two\\nlines\""), (&"x".repeat(1001), "xxx")]
    {
        let text = SCHEMA.replacen("A ward's patients", bad, 1);
        let refused = Schema::parse(&text).unwrap_err().to_string();
        assert!(refused.starts_with("the schema's description ") && refused.contains(shown), "{refused}");
        assert!(refused.len() < 300, "{refused}");
    }
    Schema::parse(&SCHEMA.replacen("A ward's patients", "", 1)).unwrap();
}
