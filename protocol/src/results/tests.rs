//! Results of made-up releases: states, pooling, statistics, JSON and CSV.

use serde_json::Value;

use super::*;
use crate::policy::{Cell, Policy, ReleaseParams, SumParams, Sums};
use crate::query::compile;
use crate::query::fixtures::{compiled, consent, query, schema};
use crate::query::{Query, fixtures};
use crate::shape::Shape;

use Cell::{Suppressed, Zero};

pub(super) fn digest(name: &str) -> Digest {
    Digest::of_bytes(name.as_bytes())
}

pub(super) fn params(k: u32, b: u32, show_zero: bool, sums: [SumParams; 3]) -> ReleaseParams {
    let params = ReleaseParams { k, b, show_zero, sums };
    params.check().unwrap();
    params
}

fn cells(count: Cell, sums: [Option<Cell>; 3]) -> GroupCells {
    GroupCells { count, sums }
}

pub(super) fn counts(counts: &[Cell]) -> Vec<GroupCells> {
    counts.iter().map(|count| cells(*count, [None; 3])).collect()
}

/// The policy of a release under these numbers.
pub(super) fn under(params: &ReleaseParams) -> ReleasePolicy {
    let ReleaseParams { k, b, show_zero, .. } = *params;
    let policy = Policy::new(k, b, show_zero, Sums::ExactForNamedPlans);
    ReleasePolicy::new(policy.unwrap_or_else(|_| Policy::new(8, 5, true, Sums::None).unwrap()), *params)
}

pub(super) const OFF: [SumParams; 3] = [SumParams::OFF; 3];
pub(super) const EXACT: [SumParams; 3] = [SumParams::EXACT, SumParams::EXACT, SumParams::OFF];

pub(super) fn by_grade() -> QueryResults {
    let plan = compiled(&query(r#""group_by": [{"column": "grade"}]"#)).unwrap();
    QueryResults::new(&plan, &schema(), digest("query"), "S-1").unwrap()
}

/// Nodes by hormonal treatment, at two sites that answered and one that declined: the example in the docs.
fn example() -> QueryResults {
    let question = r#""group_by": [{"column": "hormon"}], "measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#;
    let title = "Positive nodes by hormonal treatment".into();
    let plan = Plan { title, ..compiled(&query(question)).unwrap() };
    let mut results = QueryResults::new(&plan, &schema(), digest("query"), "EC-2026-117").unwrap();
    let value =
        |count, sum, squares| cells(Cell::Value(count), [Some(Cell::Value(sum)), Some(Cell::Value(squares)), None]);
    let small = cells(Suppressed, [Some(Suppressed), Some(Suppressed), None]);
    let rule = params(8, 5, true, EXACT);
    let first = [value(125, 400, 3000), value(25, 110, 900)];
    results.add_answered("rotterdam", digest("first"), under(&rule), &first).unwrap();
    results.add_answered("gbsg", digest("second"), under(&rule), &[value(60, 210, 1500), small]).unwrap();
    results.add_state("basel", SiteAnswer::Declined { because: "no staff until May".into() }).unwrap();
    results
}

/// A table by a column whose labels are all that a spreadsheet or a reader could trip over.
fn labelled() -> QueryResults {
    let schema = Schema::parse(
        r#"{"format": "cohortium-schema/1", "table": "t", "version": 1, "description": "test", "columns": [
        {"name": "site", "description": "where", "kind": "code", "missing": true, "codes": [
          {"code": 0, "label": "=1+1"}, {"code": 1, "label": "a, \"b\""}, {"code": 2, "label": "missing"},
          {"code": 3, "label": "-5 to 5"}]}]}"#,
    )
    .unwrap();
    let query = Query::parse(
        r#"{"format": "cohortium-query/1", "title": "labels", "table": "t", "study": "S-1", "purpose": "DUO:0000042",
        "sponsor_class": "academic", "group_by": [{"column": "site", "missing": "own bin"}]}"#,
    )
    .unwrap();
    let plan = compile(&query, &schema, &consent(), &Shape::QUERY_12).unwrap();
    let mut results = QueryResults::new(&plan, &schema, digest("labels"), "S-1").unwrap();
    let released = counts(&[Zero, Suppressed, Cell::Value(10), Cell::Value(15), Cell::Value(20)]);
    results.add_answered("=evil()", digest("r"), under(&params(8, 5, true, OFF)), &released).unwrap();
    results.add_state("silent", SiteAnswer::WithheldAfterAcceptance {}).unwrap();
    results.add_state("no", SiteAnswer::Declined { because: "@me, \"never\"\u{1b}[2J".into() }).unwrap();
    results
}

/// The rows of a CSV text, by an independent reader, each field under its column's name.
pub(super) fn rows(results: &QueryResults) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = results.to_csv();
    assert!(text.ends_with("\r\n"));
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

pub(super) fn json(results: &QueryResults) -> Value {
    serde_json::from_str(&results.to_json().unwrap()).unwrap()
}

fn estimate(found: Option<Estimate>) -> [f64; 3] {
    let Estimate { value, low, high } = found.unwrap();
    [value.unwrap().value(), low.value(), high.value()]
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found}, not {expected}");
}

#[test]
fn zero_suppressed_and_missing_apart() {
    let results = labelled();
    let found: Vec<[String; 5]> = rows(&results)
        .into_iter()
        .filter(|row| row["scope"] == "site" && row["number"] == "count")
        .map(|row| ["group_site", "missing_in", "state", "shown", "value"].map(|column| row[column].clone()))
        .collect();
    assert_eq!(
        found,
        [
            ["'=1+1", "", "zero", "0", "0"],
            ["a, \"b\"", "", "suppressed", "<8", ""],
            ["missing", "", "value", "10", "10"],
            ["'-5 to 5", "", "value", "15", "15"],
            ["missing", "site", "value", "20", "20"],
        ]
    );
    let json = json(&results);
    let axis: Vec<(&str, bool)> = json["question"]["group_by"][0]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["label"].as_str().unwrap(), group["missing"].as_bool().unwrap()))
        .collect();
    assert_eq!(axis[2..], [("missing", false), ("-5 to 5", false), ("missing", true)]);
    let groups = &json["sites"][0]["answer"]["groups"];
    assert_eq!(groups[0]["count"], serde_json::json!({"state": "zero", "shown": "0"}));
    assert_eq!(groups[1]["count"]["shown"], "<8");
    assert_eq!(groups[1]["count"]["because"], "below_smallest_cell");
    assert_eq!((&groups[2]["missing_in"], &groups[4]["missing_in"][0]), (&serde_json::json!([]), &"site".into()));
}

#[test]
fn a_column_with_missing_values_that_no_bin_takes() {
    let plan = compiled(&query(r#""group_by": [{"column": "size"}]"#)).unwrap();
    let results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
    assert!(results.question().group_by[0].groups.iter().all(|group| !group.missing));
    // A test of missing values of the same column makes no bin of them.
    let asked = r#""where": {"column": "nodes", "present": false}, "group_by": [{"column": "size", "missing": "own bin"},
        {"column": "grade"}]"#;
    let plan = compiled(&query(asked)).unwrap();
    let results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
    let [size, grade] = &results.question().group_by[..] else { panic!("two groupings") };
    assert_eq!(size.groups.iter().map(|group| group.missing).collect::<Vec<_>>(), [false, false, false, true]);
    assert!(grade.groups.iter().all(|group| !group.missing));
    // The first grouping is the fastest, as in the plan.
    for group in 0..plan.groups() {
        let labels: Vec<&str> = results.question().labels(group).map(|(_, label)| label.label.as_str()).collect();
        assert_eq!(labels, plan.group_labels(group));
    }
}

#[test]
fn sites_that_did_not_answer() {
    let mut results = by_grade();
    let states = [
        SiteAnswer::Submitted {},
        SiteAnswer::AwaitingApproval {},
        SiteAnswer::Approved {},
        SiteAnswer::Accepted {},
        SiteAnswer::Declined { because: "too small".into() },
        SiteAnswer::WithheldAfterAcceptance {},
        SiteAnswer::AwaitingBeacon {},
        SiteAnswer::Void { because: "no nonce of the sponsor stood on the ledger in time".into() },
        SiteAnswer::Expired {},
    ];
    for state in states {
        results.add_state(state.state(), state.clone()).unwrap();
    }
    assert!(results.pooled().is_none());
    let rows = rows(&results);
    assert_eq!(rows.len(), 9);
    for row in &rows {
        assert_eq!((row["state"].as_str(), &row["shown"], row["value"].as_str()), ("not answered", &row["site"], ""));
        assert!(!row["note"].is_empty());
    }
    assert_eq!(rows[4]["note"], "too small");
    assert_eq!(json(&results)["sites"][4]["answer"], serde_json::json!({"state": "declined", "because": "too small"}));
    assert_eq!(QueryResults::parse(&results.to_json().unwrap()).unwrap(), results);
    // Every answer comes with its policy.
    let policies: Vec<_> = self::rows(&example()).into_iter().filter(|row| row["state"] == "policy").collect();
    assert_eq!(policies.len(), 2);
    assert!(policies.iter().all(|row| row["shown"].starts_with("smallest cell 8, counts rounded to 5")));
    // What acts on a terminal is written out; what acts in a spreadsheet has an apostrophe.
    let row = self::rows(&labelled()).into_iter().find(|row| row["site"] == "no").unwrap();
    assert_eq!(row["note"], "'@me, \"never\"\\u{1b}[2J");
}

#[test]
fn pooled_cells_leave_out_and_say_so() {
    let results = example();
    let pooled = results.pooled().unwrap();
    assert_eq!((pooled.sites.join(" "), pooled.not_answered.join(" ")), ("rotterdam gbsg".into(), "basel".into()));
    assert_eq!(pooled.groups[0].count, PooledCell::Value { shown: "185".into(), value: 185, low: 181, high: 189 });
    let left_out = vec!["gbsg".to_owned()];
    let partial = |shown: &str, value, low, high| {
        Some(PooledCell::Partial { shown: shown.into(), value, low, high, left_out: left_out.clone() })
    };
    let shown = |number| format!("{number} (1 of 2 sites suppressed)");
    assert_eq!(Some(pooled.groups[1].count.clone()), partial(&shown(25), 25, 23, 27));
    assert_eq!(pooled.groups[1].sum, partial(&shown(110), 110, 110, 110));
    // The mean is of the site that is in it; there is no share of a count without a site.
    close(estimate(pooled.groups[1].derived.mean)[0], 4.4);
    let absent = &pooled.groups[1].derived.not_derived;
    assert_eq!(absent[0].statistic, Statistic::Proportion);
    assert_eq!(absent[0].because, "the count is without some sites");
    let row = rows(&results).into_iter().find(|row| row["state"] == "partial" && row["number"] == "count").unwrap();
    assert_eq!((row["scope"].as_str(), row["left_out"].as_str(), row["value"].as_str()), ("pooled", "gbsg", "25"));
    let mean = rows(&results).into_iter().rfind(|row| row["number"] == "mean").unwrap();
    assert_eq!((mean["scope"].as_str(), mean["left_out"].as_str()), ("pooled", "gbsg"));
}

#[test]
fn statistics_need_the_same_sites() {
    let question = r#""measures": {"sum": "nodes", "sum_of_squares": "nodes"}"#;
    let plan = compiled(&query(question)).unwrap();
    let mut results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
    let exact = params(8, 5, true, EXACT);
    let restrained = params(8, 5, true, [SumParams::restrained(8, 60), SumParams::EXACT, SumParams::OFF]);
    let value = |sum| cells(Cell::Value(10), [Some(sum), Some(Cell::Value(900)), None]);
    results.add_answered("a", digest("a"), under(&exact), &[value(Cell::Value(70))]).unwrap();
    results.add_answered("b", digest("b"), under(&restrained), &[value(Suppressed)]).unwrap();
    let SiteAnswer::Answered { groups, .. } = &results.sites()[1].answer else { panic!("answered") };
    let because: Vec<&str> = groups[0].derived.not_derived.iter().map(|absent| absent.because.as_str()).collect();
    assert_eq!(because, ["the sum is suppressed"; 3]);
    let Some(SiteCell::Suppressed { shown, because }) = &groups[0].sum else { panic!("suppressed") };
    assert_eq!((shown.as_str(), *because), ("suppressed", Because::NearBound));
    let derived = &results.pooled().unwrap().groups[0].derived;
    assert_eq!((derived.mean, derived.sd), (None, None));
    assert_eq!(derived.not_derived[0].because, "the sum is without other sites than the count");
}

#[test]
fn suppressed_stays_suppressed() {
    for results in [example(), labelled()] {
        let mut suppressed = 0;
        walk(&json(&results), &mut |object| {
            if object.get("state").is_some_and(|state| state == "suppressed") {
                suppressed += 1;
                let fields: Vec<&str> = object.keys().map(String::as_str).collect();
                assert!(
                    fields == ["because", "shown", "state"] || fields == ["left_out", "shown", "state"],
                    "{fields:?}"
                );
                assert!(object["shown"] == "<8" || object["shown"] == "suppressed");
            }
        });
        assert!(suppressed > 0);
        let numbers = ["value", "rounding_low", "rounding_high", "wilson_low", "wilson_high", "total"];
        let bare = ["suppressed", "not derived", "not answered"];
        let rows: Vec<_> = rows(&results).into_iter().filter(|row| bare.contains(&row["state"].as_str())).collect();
        assert!(rows.len() > 2);
        for row in rows {
            assert!(numbers.iter().all(|column| row[*column].is_empty()), "{row:?}");
        }
    }
    // Of the suppressed group, no statistic; of the other, no share: there is nothing to compare it with.
    let results = example();
    let SiteAnswer::Answered { groups, .. } = &results.sites()[1].answer else { panic!("answered") };
    let because = |group: usize| -> Vec<(Statistic, &str)> {
        groups[group].derived.not_derived.iter().map(|a| (a.statistic, a.because.as_str())).collect()
    };
    assert_eq!(because(0), [(Statistic::Proportion, "no other group is shown")]);
    let reason = "the count is suppressed";
    use Statistic::{Mean, Proportion, Sd, SumInUnits};
    assert_eq!(because(1), [SumInUnits, Mean, Sd, Proportion].map(|statistic| (statistic, reason)));
    assert_eq!(groups[1].derived, Derived { not_derived: groups[1].derived.not_derived.clone(), ..Derived::default() });
}

fn walk(value: &Value, see: &mut impl FnMut(&serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            see(object);
            object.values().for_each(|value| walk(value, see));
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

#[test]
fn shares_of_released_groups() {
    let mut results = by_grade();
    let rule = params(8, 5, true, OFF);
    let some = counts(&[Cell::Value(125), Suppressed, Cell::Value(285)]);
    results.add_answered("a", digest("a"), under(&rule), &some).unwrap();
    results.add_answered("b", digest("b"), under(&rule), &counts(&[Zero, Zero, Cell::Value(20)])).unwrap();
    results.add_answered("c", digest("c"), under(&rule), &counts(&[Zero; 3])).unwrap();
    let groups = |site: usize| match &results.sites()[site].answer {
        SiteAnswer::Answered { groups, .. } => groups.clone(),
        _ => panic!("answered"),
    };
    let share = groups(0)[0].derived.proportion.unwrap();
    assert_eq!((share.total, share.of_released, share.suppressed_groups), (410, true, 1));
    close(share.value.value(), 125.0 / 410.0);
    close(share.low.value(), 123.0 / (123.0 + 287.0));
    close(share.high.value(), 127.0 / (127.0 + 283.0));
    close(share.wilson_low.value(), 0.26229912008059125);
    close(share.wilson_high.value(), 0.35107939338216093);
    assert!(groups(0)[1].derived.proportion.is_none());
    let shares = groups(1).iter().map(|group| group.derived.proportion.unwrap()).collect::<Vec<_>>();
    assert_eq!([shares[0].value.value(), shares[2].value.value(), shares[2].low.value()], [0.0, 1.0, 1.0]);
    assert_eq!((shares[0].of_released, shares[0].total), (false, 20));
    close(shares[0].wilson_high.value(), 0.1611251580528194);
    assert_eq!(groups(2)[0].derived.not_derived[0].because, "all groups that are shown are empty");
}

/// `statsmodels` 0.15.0, `proportion_confint(x, n, 0.05, "wilson")`; the first four are also in Newcombe, "Two-sided
/// confidence intervals for the single proportion", Statistics in Medicine 17:857 (1998), table I, method 3.
#[test]
fn wilson_intervals_of_the_literature() {
    for (x, n, low, high) in [
        (81, 263, 0.2552885198782742, 0.36620957698280004),
        (15, 148, 0.06238639953073628, 0.16048724172330803),
        (0, 20, 0.0, 0.1611251580528194),
        (1, 29, 0.006113214292762667, 0.17175521879320294),
        (20, 20, 0.8388748419471804, 1.0),
        (10, 25, 0.2340330237774797, 0.5926054264103301),
        (5, 1_048_575, 2.036766930026561e-06, 1.1163441078593364e-05),
        (1, 1, 0.2065493143772374, 1.0),
    ] {
        let (found_low, found_high) = wilson(x, n);
        for (found, expected) in [(found_low, low), (found_high, high)] {
            assert!((found - expected).abs() <= 1e-12 * expected, "{x} of {n}: {found}, not {expected}");
        }
    }
    assert_eq!(wilson(0, 0), (0.0, 1.0));
}

fn one_group(measure: &str, cells: GroupCells, rule: ReleaseParams) -> Derived {
    let question = format!(r#""measures": {{"sum": "{measure}", "sum_of_squares": "{measure}"}}"#);
    let plan = compiled(&query(&question)).unwrap();
    let mut results = QueryResults::new(&plan, &schema(), digest("q"), "S-1").unwrap();
    results.add_answered("a", digest("a"), under(&rule), &[cells]).unwrap();
    let SiteAnswer::Answered { groups, .. } = &results.sites()[0].answer else { panic!("answered") };
    groups[0].derived.clone()
}

/// Against numpy 2's `mean` and `std(ddof=1)`.
#[test]
fn means_and_deviations_in_units() {
    let of =
        |count, sum, squares| cells(Cell::Value(count), [Some(Cell::Value(sum)), Some(Cell::Value(squares)), None]);
    // 2, 4, 4, 4, 5, 5, 7, 9, 5, 5 nodes, and nothing rounded.
    let exact = params(1, 1, true, EXACT);
    let derived = one_group("nodes", of(10, 50, 282), exact);
    assert_eq!(estimate(derived.mean), [5.0; 3]);
    assert_eq!(estimate(derived.sum_in_units), [50.0; 3]);
    close(estimate(derived.sd)[0], 1.8856180831641267);
    assert!(estimate(derived.sd)[1] < 1.885618084 && estimate(derived.sd)[2] > 1.885618083);
    // Codes 0, 3, 3, 10, 11, 14, 20, 200 of a quantity in steps of 0.25 from -0.5.
    let derived = one_group("er", of(8, 261, 40835), exact);
    assert_eq!(estimate(derived.mean), [7.65625; 3]);
    assert_eq!(estimate(derived.sum_in_units), [61.25; 3]);
    estimate(derived.sd).iter().for_each(|sd| close(*sd, 16.98735743133699));
    // The same with the count rounded to 10, for 8 to 12.
    let derived = one_group("er", of(10, 261, 40835), params(8, 5, true, EXACT));
    let [value, low, high] = estimate(derived.mean);
    [(value, 26.1), (low, 21.75), (high, 32.625)]
        .into_iter()
        .for_each(|(found, coded)| close(found, -0.5 + 0.25 * coded));
    // A negative offset: more rows, a smaller sum.
    assert_eq!(estimate(derived.sum_in_units), [-5.0 + 65.25, -6.0 + 65.25, -4.0 + 65.25]);
    // Restrained, a code of 0 is the offset, not 0.
    let restrained = params(8, 5, true, [SumParams::restrained(8, 20), SumParams::EXACT, SumParams::OFF]);
    let [value, low, high] = estimate(one_group("er", of(20, 320, 41000), restrained).mean);
    [(value, 16.0), (low, 160.0 / 22.0), (high, 479.0 / 18.0)]
        .into_iter()
        .for_each(|(found, coded)| close(found, -0.5 + 0.25 * coded));
}

#[test]
fn deviations_that_a_rounded_count_does_not_allow() {
    // 12 rows of 50 each: with 10 for 12, s^2 / n is above ss.
    let of = cells(Cell::Value(10), [Some(Cell::Value(600)), Some(Cell::Value(30_000)), None]);
    let sd = one_group("nodes", of, params(8, 5, true, EXACT)).sd.unwrap();
    assert_eq!((sd.value, sd.low.value()), (None, 0.0));
    assert!(sd.high.value() >= 0.0);
    let one = cells(Cell::Value(1), [Some(Cell::Value(5)), Some(Cell::Value(25)), None]);
    let derived = one_group("nodes", one, params(1, 1, true, EXACT));
    assert_eq!((derived.sd, derived.mean.unwrap().value.unwrap().value()), (None, 5.0));
    assert_eq!(derived.not_derived[0].because, "a standard deviation needs two rows");
    let empty = cells(Zero, [Some(Zero), Some(Zero), None]);
    let derived = one_group("nodes", empty, params(1, 1, true, EXACT));
    assert!(derived.not_derived.iter().all(|absent| absent.because == "the group is empty"));
    assert_eq!(derived.not_derived.len(), 3);
}

#[test]
fn json_there_and_back_and_nothing_else() {
    for results in [example(), labelled(), by_grade()] {
        let text = results.to_json().unwrap();
        assert_eq!(QueryResults::parse(&text).unwrap(), results);
        assert_eq!(serde_json::from_str::<QueryResults>(&text).unwrap(), results);
        assert_eq!(serde_json::to_value(&results).unwrap(), json(&results));
    }
    let top: Vec<usize> = ["format", "query", "question", "sites", "pooled", "notes"]
        .map(|field| example().to_json().unwrap().find(&format!("\n  \"{field}\":")).unwrap())
        .into();
    assert!(top.is_sorted());
    let read = |pointer: &str, change: Value| {
        let mut value = json(&example());
        *value.pointer_mut(pointer).unwrap() = change;
        QueryResults::parse(&value.to_string())
    };
    let first = "/sites/0/answer/groups/0";
    let changes = [
        (format!("{first}/derived/mean/value"), Value::from(3.3), "something of the site rotterdam"),
        (format!("{first}/count/value"), 130.into(), "something of the site rotterdam"),
        (format!("{first}/count/value"), 131.into(), "never release"),
        (format!("{first}/count/shown"), "126".into(), "something of the site rotterdam"),
        (format!("{first}/labels/0"), "yes".into(), "something of the site rotterdam"),
        ("/sites/1/answer/groups/1/count/shown".into(), "0".into(), "something of the site gbsg"),
        ("/sites/1/answer/groups/1/count/state".into(), "zero".into(), "unknown field"),
        ("/sites/0/answer/policy/words".into(), "none".into(), "something of the site rotterdam"),
        ("/sites/0/answer/policy/params/k".into(), 7.into(), "not the lower edge"),
        ("/sites/1/site".into(), "rotterdam".into(), "twice"),
        ("/sites/1/site".into(), "a\nb".into(), "names no site"),
        ("/pooled/groups/1/count/value".into(), 32.into(), "\"pooled\" in the results"),
        ("/pooled/not_answered".into(), serde_json::json!([]), "\"pooled\" in the results"),
        ("/pooled".into(), Value::Null, "\"pooled\" in the results"),
        ("/notes/0".into(), "trust me".into(), "\"notes\" in the results"),
        ("/question/measure/step".into(), "0".into(), "must be above 0"),
        ("/question/measure/step".into(), "1e20".into(), "no schema allows"),
        ("/question/measure".into(), Value::Null, "no column is summed"),
        ("/question/asked/sum".into(), false.into(), "other sums"),
        ("/question/group_by/0/groups".into(), serde_json::json!([]), "no plan has that"),
        ("/question/group_by".into(), serde_json::json!([]), "released 2 groups; the plan has 1"),
        ("/format".into(), "cohortium-results/2".into(), "this version reads"),
        ("/query".into(), "AB".into(), "64 lower-case"),
    ];
    for (pointer, change, expected) in changes {
        let error = read(&pointer, change).unwrap_err().to_string();
        assert!(error.contains(expected), "{pointer}: {error}");
    }
    // A field more is refused at every level.
    let text = json(&example());
    let mut objects = Vec::new();
    paths(&text, String::new(), &mut objects);
    assert!(objects.len() > 30);
    for pointer in objects {
        let mut value = text.clone();
        value.pointer_mut(&pointer).unwrap().as_object_mut().unwrap().insert("more".into(), 1.into());
        let error = QueryResults::parse(&value.to_string()).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{pointer}: {error}");
    }
}

fn paths(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| paths(value, format!("{at}/{name}"), found));
            found.push(at);
        }
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| paths(value, format!("{at}/{i}"), found)),
        _ => {}
    }
}

#[test]
fn what_cannot_be_added() {
    let mut results = by_grade();
    let rule = params(8, 5, true, OFF);
    let mut refused = |site: &str, rule: &ReleaseParams, cells: &[GroupCells]| {
        let error = results.add_answered(site, digest("r"), under(rule), cells).unwrap_err();
        assert!(results.sites().is_empty() && results.pooled().is_none());
        error
    };
    let three = counts(&[Cell::Value(10); 3]);
    assert_eq!(refused("a", &rule, &three[..2]), ResultsError::Groups { site: "a".into(), found: 2, expected: 3 });
    assert!(matches!(refused("", &rule, &three), ResultsError::SiteName { .. }));
    assert!(matches!(refused("a", &ReleaseParams { k: 9, ..rule }, &three), ResultsError::Params { .. }));
    assert!(matches!(refused("a", &params(8, 5, true, EXACT), &three), ResultsError::Asked { .. }));
    let odd = counts(&[Cell::Value(10), Cell::Value(11), Zero]);
    assert_eq!(
        refused("a", &rule, &odd).to_string(),
        "the site a, group 1: the count is 11, which a smallest cell of 8 and rounding to 5 never release"
    );
    let plan = compiled(&fixtures::query("")).unwrap();
    let other = Plan { schema: digest("other"), ..plan };
    assert!(matches!(QueryResults::new(&other, &schema(), digest("q"), "S-1"), Err(ResultsError::Schema { .. })));
    let mut many = by_grade();
    for site in 0..MAX_SITES {
        many.add_state(&format!("s{site}"), SiteAnswer::Submitted {}).unwrap();
    }
    assert_eq!(many.add_state("one more", SiteAnswer::Submitted {}), Err(ResultsError::TooManySites));
}

#[test]
fn a_line_to_cite() {
    let short = digest("query").short();
    assert_eq!(
        example().citation("ledger-1", 118),
        format!(
            "Cohortium query {short} \"Positive nodes by hormonal treatment\" under study EC-2026-117, ledger ledger-1, \
             answered by 2 of 3 sites, checkpoint size 118, id {}",
            digest("query")
        )
    );
}

#[test]
fn the_examples_in_the_page_are_what_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/formats/results.md");
    let page = std::fs::read_to_string(path).unwrap();
    let block = |kind: &str| page.split(&format!("```{kind}\n")).nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(QueryResults::parse(block("json")).unwrap(), example());
    let csv = example().to_csv().replace("\r\n", "\n").replace(&digest("query").to_string(), "a8b7...");
    let shown: Vec<&str> = block("csv").lines().collect();
    let written: Vec<&str> = csv.lines().collect();
    assert_eq!(shown[0], written[0]);
    assert!(shown.len() > 8);
    for line in shown {
        assert!(written.contains(&line), "{line}");
    }
}
