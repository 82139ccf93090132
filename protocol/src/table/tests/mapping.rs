use proptest::prelude::*;

use super::super::{Fault, ImportOptions, MISSING, RejectedRows};
use super::{MAPPING, import_with, mapping_with, row_of};

/// What a rule makes of one record's columns `a` and `b`: the stored value of the schema column, or the
/// fault and its reason.
fn made(column: &str, rule: &str, a: &str, b: &str) -> Result<u16, (Fault, String)> {
    let file = format!("id,age,smoker,stage,crp,seen,a,b\np,50,0,early,1,2000-01-01,{a},{b}\n");
    let index = ["age", "smoker", "stage", "crp", "seen"].iter().position(|name| *name == column).unwrap();
    let options = ImportOptions { rejected: RejectedRows::LeaveOut, dummy_rows: 0 };
    match import_with(&mapping_with(column, rule), &file, options) {
        Ok(import) => Ok(row_of(&import.table, "p").unwrap()[index]),
        Err(super::ImportError::AllRejected { report }) => {
            let rejection = &report.rejections[0];
            assert_eq!((rejection.line, rejection.column.as_deref()), (2, Some(column)));
            Err((rejection.fault, rejection.reason.clone()))
        }
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn refused(result: Result<u16, (Fault, String)>, fault: Fault, reason: &str) {
    assert_eq!(result, Err((fault, reason.to_owned())));
}

#[test]
fn direct_quantities() {
    let crp = |text: &str| made("crp", r#"{"from": "a"}"#, text, "");
    assert_eq!(crp("7"), Ok(14));
    assert_eq!(crp(" 7.2 "), Ok(14));
    assert_eq!(crp("7.25"), Ok(15), "halves away from zero");
    assert_eq!(crp("0.2499999999999999999999"), Ok(0));
    assert_eq!(crp("5e2"), Ok(1000));
    assert_eq!(crp(""), Ok(MISSING));
    assert_eq!(crp("NA"), Ok(MISSING));
    refused(
        crp("500.1"),
        Fault::OutsideDomain,
        "500.1 lies outside column \"crp\", which is defined from 0 mg/l to 500 mg/l",
    );
    assert_eq!(crp("-0.1").unwrap_err().0, Fault::OutsideDomain, "bounds are checked before rounding");
    let message = "\"<5\" is not a number: write digits, at most one decimal point, and no thousands separators";
    refused(crp("<5"), Fault::Unreadable, message);
    assert_eq!(crp("na").unwrap_err().0, Fault::Unreadable, "texts are compared exactly");
    refused(
        made("age", r#"{"from": "a"}"#, "NA", ""),
        Fault::Missing,
        "no value, and the schema requires one in column \"age\"",
    );
}

#[test]
fn direct_flags_codes_and_dates() {
    let smoker = |text: &str| made("smoker", r#"{"from": "a"}"#, text, "");
    assert_eq!((smoker("0"), smoker("1")), (Ok(0), Ok(1)));
    refused(smoker("yes"), Fault::Unreadable, "\"yes\" is not a flag: no is 0, yes is 1");
    assert_eq!(smoker("").unwrap_err().0, Fault::Missing);
    let stage = |text: &str| made("stage", r#"{"from": "a"}"#, text, "");
    assert_eq!((stage("late"), stage("")), (Ok(7), Ok(MISSING)));
    refused(stage("Late"), Fault::Unreadable, "\"Late\" is none of the labels of column \"stage\"");
    let seen = |text: &str| made("seen", r#"{"from": "a"}"#, text, "");
    assert_eq!((seen("2000-01-01"), seen("NA")), (Ok(36524), Ok(MISSING)));
    assert_eq!(seen("01.02.2000").unwrap_err().0, Fault::Unreadable);
    assert_eq!(seen("1850-01-01").unwrap_err().0, Fault::OutsideDomain);
    refused(
        seen("1989-12-31"),
        Fault::OutsideDomain,
        "1989-12-31 lies outside column \"seen\", which is defined from 1990-01-01 to 2030-12-31",
    );
}

#[test]
fn the_files_own_flags_and_decimal_mark() {
    let mapping = MAPPING.replace(
        r#""missing": ["NA"]"#,
        r#""missing": ["-"], "flags": {"no": ["N", "n"], "yes": ["J"]}, "decimal_mark": ",""#,
    );
    let row = |smoker: &str, crp: &str| {
        // The test's own reader splits at commas: a semicolon stands for one.
        let fields = ["p", "50", smoker, "early", crp, "-"];
        let schema = super::schema();
        let mapping = super::Mapping::parse(&mapping, &schema).unwrap();
        let header = ["id", "age", "smoker", "stage", "crp", "seen"];
        let mut importer = super::Importer::new(&schema, &mapping, &header).unwrap();
        importer.push(2, &fields).unwrap();
        let rng = &mut <super::StdRng as super::SeedableRng>::seed_from_u64(1);
        importer.finish(&super::tagger("north"), ImportOptions::default(), rng).map(|import| {
            assert_eq!(import.report.columns[4].missing, 1);
            row_of(&import.table, "p").unwrap()
        })
    };
    assert_eq!(row("J", "7,5").unwrap()[1..4], [1, 1, 15]);
    assert_eq!(row("n", "7").unwrap()[1..4], [0, 1, 14]);
    let reason = |smoker: &str, crp: &str| match row(smoker, crp) {
        Err(super::ImportError::Rejected { report }) => report.rejections[0].reason.clone(),
        _ => panic!("accepted"),
    };
    assert_eq!(reason("1", "7"), "\"1\" is not a flag: no is N or n, yes is J");
    assert_eq!(reason("J", "7.5"), "\"7.5\" has a point, but the mapping's decimal mark is a comma");
    assert!(reason("J", "1,000,0").contains("is not a number"));
}

#[test]
fn values_and_classes() {
    let values = r#"{"from": "a", "values": {"I": "early", "II": "early", "III": "late"}}"#;
    let stage = |text: &str| made("stage", values, text, "");
    assert_eq!((stage("I"), stage("II"), stage("III"), stage("NA")), (Ok(1), Ok(1), Ok(7), Ok(MISSING)));
    refused(stage("early"), Fault::Unreadable, "\"early\" is none of the values that the mapping lists");
    let smoker = |text: &str| made("smoker", r#"{"from": "a", "values": {"m": "no", "f": "yes"}}"#, text, "");
    assert_eq!((smoker("m"), smoker("f")), (Ok(0), Ok(1)));
    assert_eq!(smoker("NA").unwrap_err().0, Fault::Missing);

    let classes = |text: &str| {
        let rule = r#"{"from": "a", "at_least": 0, "classes": [
            {"up_to": 20, "label": "early"}, {"up_to": 50, "label": "middle"}, {"label": "late"}]}"#;
        made("stage", rule, text, "")
    };
    assert_eq!((classes("0"), classes("20"), classes("20.0001")), (Ok(1), Ok(1), Ok(2)));
    assert_eq!((classes("50"), classes("51"), classes("1e9"), classes("")), (Ok(2), Ok(7), Ok(7), Ok(MISSING)));
    refused(classes("-1"), Fault::OutsideDomain, "-1 is below 0, the lowest value classed");
    let closed = r#"{"from": "a", "classes": [{"up_to": 20, "label": "early"}]}"#;
    refused(made("stage", closed, "21", ""), Fault::OutsideDomain, "21 is above the last class");
    assert_eq!(made("stage", closed, "-1000", ""), Ok(1));
}

#[test]
fn either_flag() {
    let either = |a: &str, b: &str| made("smoker", r#"{"either": ["a", "b"]}"#, a, b);
    assert_eq!([either("0", "0"), either("0", "1"), either("1", "0"), either("1", "1")], [Ok(0), Ok(1), Ok(1), Ok(1)]);
    assert_eq!((either("1", "NA"), either("NA", "1")), (Ok(1), Ok(1)), "yes whatever is missing");
    assert_eq!(either("0", "NA").unwrap_err().0, Fault::Missing);
    assert_eq!(either("1", "x").unwrap_err().0, Fault::Unreadable, "an unreadable cell is never passed over");
}

#[test]
fn earliest() {
    let earliest = |a: &str, b: &str| made("crp", r#"{"earliest": ["a", "b"]}"#, a, b);
    assert_eq!((earliest("3", "2"), earliest("2", "3"), earliest("2", "2")), (Ok(4), Ok(4), Ok(4)));
    assert_eq!((earliest("2", ""), earliest("", "")), (Ok(MISSING), Ok(MISSING)));
    assert_eq!(earliest("2", "9999"), Ok(4), "only the earliest must lie in the domain");
    assert_eq!(earliest("-1", "2").unwrap_err().0, Fault::OutsideDomain);
    assert_eq!(earliest("2", "x").unwrap_err().0, Fault::Unreadable);
    let ignoring = |a: &str, b: &str| made("crp", r#"{"earliest": ["a", "b"], "ignore_missing": true}"#, a, b);
    assert_eq!((ignoring("2", ""), ignoring("", "3"), ignoring("", "")), (Ok(4), Ok(6), Ok(MISSING)));
    let days = |a: &str, b: &str| made("seen", r#"{"earliest": ["a", "b"]}"#, a, b);
    assert_eq!(days("2000-01-02", "2000-01-01"), Ok(36524));
    assert_eq!(days("2000-01-02", "NA"), Ok(MISSING));
    assert_eq!(days("2000-01-02", "1950-01-01").unwrap_err().0, Fault::OutsideDomain);
}

#[test]
fn choose_and_constant() {
    let choose = |smoker: &str, a: &str, b: &str| {
        let rule = r#"{"choose": {"if": "smoker", "then": "a", "else": "b"}}"#;
        let file = format!("id,age,smoker,stage,crp,seen,a,b\np,50,{smoker},early,1,2000-01-01,{a},{b}\n");
        let import = import_with(&mapping_with("crp", rule), &file, ImportOptions::default());
        import.map(|import| row_of(&import.table, "p").unwrap()[3])
    };
    assert_eq!(choose("1", "3", "2").unwrap(), 6);
    assert_eq!(choose("0", "3", "2").unwrap(), 4);
    assert_eq!(choose("0", "x", "2").unwrap(), 4, "the other column is not looked at");
    assert_eq!(choose("1", "", "2").unwrap(), MISSING);
    assert!(choose("1", "501", "2").is_err());
    let chosen = |a: &str| made("crp", r#"{"choose": {"if": "a", "then": "age", "else": "crp"}}"#, a, "");
    assert_eq!((chosen("1"), chosen("0"), chosen("NA")), (Ok(100), Ok(2), Ok(MISSING)));
    assert_eq!(made("stage", r#"{"constant": "late"}"#, "", ""), Ok(7));
    assert_eq!(made("seen", r#"{"constant": "2000-01-01"}"#, "", ""), Ok(36524));
}

proptest! {
    /// A class is the number of bounds below the value, whatever the bounds.
    #[test]
    fn classes_partition(x in -100i64..100, first in -50i64..0, second in 0i64..50) {
        let rule = format!(r#"{{"from": "a", "classes": [
            {{"up_to": {first}, "label": "early"}}, {{"up_to": {}, "label": "middle"}}, {{"label": "late"}}]}}"#, second + 1);
        let expected = if x <= first { 1 } else if x <= second + 1 { 2 } else { 7 };
        prop_assert_eq!(made("stage", &rule, &x.to_string(), ""), Ok(expected));
    }

    /// A quantity is stored as the nearest step, in exact arithmetic.
    #[test]
    fn quantities_go_to_the_nearest_step(thousandths in 0i64..=500_000) {
        let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
        let stored = made("crp", r#"{"from": "a"}"#, &text, "").unwrap();
        prop_assert_eq!(i64::from(stored), (thousandths + 250) / 500);
    }
}

#[test]
fn the_formats_page_shows_what_is_read() {
    let page = include_str!("../../../../docs/src/formats/tables.md");
    let examples: Vec<&str> = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let schema = super::Schema::parse(examples[0]).unwrap();
    super::Mapping::parse(examples[1], &schema).unwrap();
    assert_eq!(examples.len(), 2);
}
