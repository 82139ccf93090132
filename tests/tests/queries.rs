//! One key answers very different questions, and every answer is the table's: beside the plain evaluation put
//! through the release rule stands a second computation, written down here for each question by hand.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use std::sync::OnceLock;

use cohortium_protocol::policy::{Cell, GroupCells, Policy, Sums, release};
use cohortium_protocol::query::{Inputs, Query, compile, evaluate};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::MISSING;
use cohortium_tests::{Hospital, consent_column, key, seeded, usual_policy};
use cohortium_verifier::{Known, Report, Verdict, audit};
use common::{Asked, key_12, query};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// As many patients as the smallest shape holds.
const PATIENTS: usize = 3584;

fn hospital() -> &'static Hospital {
    static HOSPITAL: OnceLock<Hospital> = OnceLock::new();
    HOSPITAL.get_or_init(|| Hospital::synthetic("north", PATIENTS, 5, usual_policy()))
}

/// One consenting patient, decoded by hand.
struct Patient {
    age: u64,
    sex: bool,
    smoker: bool,
    grade: Option<u64>,
    icd: &'static str,
    /// Tenths of a kilogram.
    weight: Option<u64>,
    crp: u64,
    days: u64,
    /// Days since 1900-01-01.
    entered: u64,
}

fn patients(hospital: &Hospital) -> Vec<Patient> {
    let names: Vec<&str> = hospital.schema.columns().iter().map(|column| column.name()).collect();
    assert_eq!(names, ["age", "sex", "smoker", "grade", "icd", "weight", "crp", "followup_days", "entered"]);
    let consents = &hospital.consents.columns()[0].1;
    let diagnoses = ["", "C18", "C34", "C50", "E11", "I10", "I21", "J44", "N18"];
    (0..hospital.table.rows())
        .filter(|&row| consents[row] == 1)
        .map(|row| {
            let stored = |column: usize| u64::from(hospital.table.columns()[column][row]);
            let known = |column: usize| Some(stored(column)).filter(|value| *value != u64::from(MISSING));
            Patient {
                age: stored(0),
                sex: stored(1) == 1,
                smoker: stored(2) == 1,
                grade: known(3),
                icd: diagnoses[stored(4) as usize],
                weight: known(5),
                crp: stored(6),
                days: stored(7),
                entered: stored(8),
            }
        })
        .collect()
}

/// What a patient adds: to which group, and the two measures.
type Adds = Option<(usize, u64, u64)>;

/// A question, and what it means, said a second time.
struct Case {
    name: &'static str,
    fields: &'static str,
    groups: usize,
    lookups: usize,
    /// Rounding of sum, sum of squares and products: 1 exact, 0 not asked.
    bases: [u64; 3],
    means: fn(&Patient) -> Adds,
}

/// The rule of `usual_policy`, once more: groups from 8 on, counts rounded to 5, zeros shown.
fn published(groups: &[[u64; 4]], bases: [u64; 3]) -> Vec<GroupCells> {
    let nearest = |value: u64, base: u64| (2 * value + base) / (2 * base) * base;
    let cells = groups.iter().map(|[n, sums @ ..]| {
        let count = match n {
            0 => Cell::Zero,
            1..=7 => Cell::Suppressed,
            n => Cell::Value(nearest(*n, 5)),
        };
        let mut out = GroupCells { count, sums: [None; 3] };
        for ((cell, sum), base) in out.sums.iter_mut().zip(sums).zip(bases) {
            *cell = match (base, count) {
                (0, _) => None,
                (_, Cell::Zero | Cell::Suppressed) => Some(count),
                (1, _) => Some(Cell::Value(*sum)),
                // Base is 16 times the most of one: shown from half of that on, to as much below what n could have.
                (base, _) if *sum < base / 2 || sum + base / 2 > n * (base / 16) => Some(Cell::Suppressed),
                (base, _) => Some(Cell::Value(nearest(*sum, base))),
            };
        }
        out
    });
    cells.collect()
}

const CASES: [Case; 12] = [
    Case { name: "everybody", fields: "", groups: 1, lookups: 1, bases: [0; 3], means: |_| Some((0, 0, 0)) },
    Case {
        name: "flags only: the selection is the one lookup",
        fields: r#""where": {"all": [{"column": "sex", "is": true}, {"not": {"column": "smoker", "is": true}}]}"#,
        groups: 1,
        lookups: 1,
        bases: [0; 3],
        means: |p| (p.sex && !p.smoker).then_some((0, 0, 0)),
    },
    Case {
        name: "three grouping columns, one with a bin for missing values",
        fields: r#""group_by": [{"column": "sex"}, {"column": "grade", "missing": "own bin"}, {"column": "smoker"}],
            "where": {"column": "icd", "in": ["C18", "C34", "C50"]}"#,
        groups: 16,
        lookups: 4,
        bases: [0; 3],
        means: |p| {
            let grade = p.grade.map_or(3, |grade| grade as usize - 1);
            p.icd.starts_with('C').then_some((usize::from(p.sex) + 2 * grade + 8 * usize::from(p.smoker), 0, 0))
        },
    },
    Case {
        name: "sum and sum of squares within bounds, exact",
        fields: r#""group_by": [{"column": "age", "bins": [[20, 39], [40, 59], [60, 79], [80, null]]}],
            "measures": {"sum": "crp", "sum_of_squares": "crp", "bounds": {"crp": [3, 300]}}"#,
        groups: 4,
        lookups: 4,
        bases: [1, 1, 0],
        means: |p| (p.age >= 20 && (3..=300).contains(&p.crp)).then(|| (((p.age - 20) / 20).min(3) as usize, p.crp, 0)),
    },
    Case {
        name: "products of two measures, one of them sometimes missing",
        fields: r#""group_by": [{"column": "sex"}],
            "measures": {"sum": "age", "sum_of_squares": "age", "sum_of_products": ["weight", "age"]}"#,
        groups: 2,
        lookups: 3,
        bases: [1, 1, 1],
        means: |p| p.weight.map(|weight| (usize::from(p.sex), p.age, weight)),
    },
    Case {
        name: "union of ranges, NOT (trap 12: it selects no missing value), presence",
        fields: r#""where": {"all": [
            {"column": "age", "ranges": [[20, 34], [50, 50], [70, null]]},
            {"any": [{"not": {"column": "weight", "between": [60, 90.5]}}, {"column": "weight", "present": false}]},
            {"not": {"any": [{"column": "grade", "present": false}, {"column": "icd", "in": ["I10", 6]}]}}]}"#,
        groups: 1,
        lookups: 6,
        bases: [0; 3],
        means: |p| {
            let age = p.age <= 34 || p.age == 50 || p.age >= 70;
            let weight = p.weight.is_none_or(|tenths| !(600..=905).contains(&tenths));
            (age && weight && p.grade.is_some() && !["I10", "I21"].contains(&p.icd)).then_some((0, 0, 0))
        },
    },
    Case {
        name: "NOT alone: the missing are not the others (trap 12)",
        fields: r#""where": {"not": {"column": "weight", "between": [60, 90]}}"#,
        groups: 1,
        lookups: 2,
        bases: [0; 3],
        means: |p| p.weight.is_some_and(|tenths| !(600..=900).contains(&tenths)).then_some((0, 0, 0)),
    },
    Case {
        name: "an empty result",
        fields: r#""where": {"column": "age", "between": [119, 120]}, "group_by": [{"column": "sex"}],
            "measures": {"sum": "crp"}"#,
        groups: 2,
        lookups: 3,
        bases: [1, 0, 0],
        means: |p| (p.age >= 119).then_some((usize::from(p.sex), p.crp, 0)),
    },
    Case {
        name: "as many lookups as there are",
        fields: r#""where": {"any": [
            {"column": "age", "between": [20, 30]}, {"column": "icd", "in": ["E11"]}, {"column": "icd", "in": ["N18", "J44"]},
            {"column": "crp", "between": [100, 200]}, {"column": "crp", "between": [400, null]},
            {"column": "followup_days", "between": [0, 99]}, {"column": "weight", "between": [0, 50]},
            {"all": [{"column": "weight", "between": [110, null]}, {"column": "grade", "in": ["3"]}]},
            {"column": "entered", "between": ["2024-01-01", null]}]},
            "group_by": [{"column": "grade"}, {"column": "entered", "bins": [[null, "2009-12-31"], ["2010-01-01", null]]}]"#,
        groups: 6,
        lookups: 15,
        bases: [0; 3],
        means: |p| {
            let selected = p.age <= 30
                || ["E11", "N18", "J44"].contains(&p.icd)
                || (100..=200).contains(&p.crp)
                || p.crp >= 400
                || p.days <= 99
                || p.weight.is_some_and(|tenths| tenths <= 500)
                || (p.weight.is_some_and(|tenths| tenths >= 1100) && p.grade == Some(3))
                || p.entered >= 45_290;
            // 2024-01-01 is day 45,290 since 1900-01-01, and 2010-01-01 day 40,177.
            let later = usize::from(p.entered >= 40_177);
            p.grade.filter(|_| selected).map(|grade| (grade as usize - 1 + 3 * later, 0, 0))
        },
    },
    Case {
        name: "as many groups as there are",
        fields: r#""group_by": [{"column": "age", "bins": {"from": 20, "width": 5, "count": 15, "beyond": true}},
            {"column": "smoker"}, {"column": "sex"}], "measures": {"sum": "followup_days"}"#,
        groups: 64,
        lookups: 4,
        bases: [1, 0, 0],
        means: |p| {
            let bin = p.age.checked_sub(20)? / 5;
            Some((bin.min(15) as usize + 16 * usize::from(p.smoker) + 32 * usize::from(p.sex), p.days, 0))
        },
    },
    Case {
        name: "a life table: years of observation in steps of 365.25 days",
        fields: r#""where": {"column": "sex", "is": false},
            "group_by": [{"column": "followup_days", "bins": {"from": 0, "width": "365.25", "count": 10, "beyond": true}}]"#,
        groups: 11,
        lookups: 3,
        bases: [0; 3],
        means: |p| (!p.sex).then(|| (((4 * p.days) / 1461).min(10) as usize, 0, 0)),
    },
    Case {
        name: "an unnamed plan: the sum is restrained to 2 k times the largest contribution",
        fields: r#""group_by": [{"column": "icd"}, {"column": "smoker"}], "measures": {"sum": "crp"}"#,
        groups: 16,
        lookups: 4,
        bases: [16 * 500, 0, 0],
        means: |p| {
            let diagnosis =
                ["C18", "C34", "C50", "E11", "I10", "I21", "J44", "N18"].iter().position(|d| *d == p.icd)?;
            Some((diagnosis + 8 * usize::from(p.smoker), p.crp, p.age))
        },
    },
];

fn audited(asked: &Asked<'_>, bundle: &cohortium_protocol::bundle::Bundle) -> Report {
    let bytes = serde_json::to_vec(bundle).unwrap();
    audit(bundle, &bytes, &asked.anchors(), &Known { asked_on: Some("2030-12-31".parse().unwrap()), request: None })
}

#[test]
fn one_key_answers_very_different_questions() {
    let hospital = hospital();
    let patients = patients(hospital);
    let mut keys = std::collections::BTreeSet::new();
    let mut states = [0; 3];
    for case in &CASES {
        let query = query(case.fields);
        let named = case.bases.iter().all(|base| *base <= 1);
        let asked = Asked::new(&query, hospital, key_12(), usual_policy(), named);
        assert_eq!((asked.plan.groups(), asked.plan.lookups.len()), (case.groups, case.lookups), "{}", case.name);

        let bundle = asked.answer(key_12()).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let released = asked.released(&bundle).unwrap_or_else(|error| panic!("{}: {error}", case.name));

        let site = hospital.site();
        let params = *cohortium_prover::pipeline::prepare(&asked.request, &asked.approval, &site).unwrap().params();
        assert_eq!(params.sums.map(|sum| if sum.on { sum.base } else { 0 }), case.bases, "{}", case.name);
        let inputs = Inputs::new(&hospital.schema, &hospital.table, &hospital.consents).unwrap();
        let plain = evaluate(&query, &hospital.schema, &inputs).unwrap();
        assert_eq!(released, release(plain.groups(), &params), "{}", case.name);

        let mut by_hand = vec![[0u64; 4]; case.groups];
        for (group, y, z) in patients.iter().filter_map(case.means) {
            let sums = &mut by_hand[group];
            *sums = [sums[0] + 1, sums[1] + y, sums[2] + y * y, sums[3] + y * z];
        }
        assert_eq!(released, published(&by_hand, case.bases), "{}", case.name);

        let report = audited(&asked, &bundle);
        assert_eq!((report.verdict, report.stopped_at), (Verdict::Holds, None), "{}: {report}", case.name);
        assert_eq!(report.groups.len(), case.groups);
        keys.insert(asked.request.sites[0].verifying_key);
        for cells in &released {
            states[match cells.count {
                Cell::Suppressed => 0,
                Cell::Zero => 1,
                Cell::Value(_) => 2,
            }] += 1;
        }
    }
    assert_eq!(keys.len(), 1, "one key");
    assert!(states.iter().all(|count| *count > 2), "every state of a cell occurs: {states:?}");
}

#[test]
fn the_stricter_policy_is_the_one_that_is_proved() {
    // Of the site 8 and 5 with zeros, of the board 20 and 1 without: 23 and 5 without.
    let hospital = hospital();
    let board = Policy::new(20, 1, false, Sums::Restrained).unwrap();
    let query = query(r#""group_by": [{"column": "age", "bins": {"from": 84, "width": 1, "count": 21}}]"#);
    let asked = Asked::new(&query, hospital, key_12(), board, true);
    let released = asked.released(&asked.answer(key_12()).unwrap()).unwrap();
    let mut counts = [0u64; 21];
    patients(hospital).iter().filter(|p| p.age >= 84).for_each(|p| counts[p.age as usize - 84] += 1);
    assert!(counts.contains(&0) && counts.iter().any(|n| (8..23).contains(n)) && counts.iter().any(|n| *n >= 23));
    for (cells, n) in released.iter().zip(counts) {
        let expected = if n < 23 { Cell::Suppressed } else { Cell::Value((n + 2) / 5 * 5) };
        assert_eq!(cells.count, expected, "{n}");
    }
}

/// A random selection, at times nested and negated.
fn selection(rng: &mut StdRng, depth: usize) -> String {
    if depth < 3 && rng.gen_bool(0.5) {
        let parts: Vec<String> = (0..rng.gen_range(1..=3)).map(|_| selection(rng, depth + 1)).collect();
        return match rng.gen_range(0..3) {
            0 => format!(r#"{{"all": [{}]}}"#, parts.join(",")),
            1 => format!(r#"{{"any": [{}]}}"#, parts.join(",")),
            _ => format!(r#"{{"not": {}}}"#, parts[0]),
        };
    }
    let mut range = |lo: u32, hi: u32| {
        let (a, b) = (rng.gen_range(lo..=hi), rng.gen_range(lo..=hi));
        match rng.gen_range(0..5) {
            0 => format!("[null, {a}]"),
            1 => format!("[{a}, null]"),
            _ => format!("[{}, {}]", a.min(b), a.max(b)),
        }
    };
    let (age, other, weight) = (range(20, 100), range(20, 100), range(45, 120));
    let tests = [
        format!(r#""column": "age", "between": {age}"#),
        format!(r#""column": "age", "ranges": [{age}, {other}]"#),
        format!(r#""column": "weight", "between": {weight}"#),
        r#""column": "weight", "present": true"#.to_owned(),
        r#""column": "grade", "present": false"#.to_owned(),
        r#""column": "grade", "in": [2, "3"]"#.to_owned(),
        r#""column": "icd", "in": ["C50", "N18", 1, 7]"#.to_owned(),
        r#""column": "sex", "is": false"#.to_owned(),
        r#""column": "smoker", "is": true"#.to_owned(),
        r#""column": "entered", "between": ["2005-06-07", "2021-01-31"]"#.to_owned(),
    ];
    format!("{{{}}}", tests[rng.gen_range(0..tests.len())])
}

fn random_query(rng: &mut StdRng) -> Query {
    let mut axes = vec![
        r#"{"column": "sex"}"#,
        r#"{"column": "grade", "missing": "own bin"}"#,
        r#"{"column": "age", "bins": [[30, 44], [45, 45], [60, null]]}"#,
        r#"{"column": "weight", "bins": {"from": "50.05", "width": "12.5", "count": 3, "beyond": true}, "missing": "own bin"}"#,
        r#"{"column": "entered", "bins": {"from": "2001-01-01", "width": 2000, "count": 4}}"#,
    ];
    axes.shuffle(rng);
    axes.truncate(rng.gen_range(0..=2));
    let measures = [
        "{}",
        r#"{"sum": "crp", "bounds": {"crp": [null, 250]}}"#,
        r#"{"sum_of_squares": "weight", "bounds": {"weight": ["50.5", 100]}}"#,
        r#"{"sum_of_products": ["followup_days", "crp"]}"#,
        r#"{"sum": "crp", "sum_of_squares": "crp", "sum_of_products": ["age", "crp"], "bounds": {"age": [18, 90]}}"#,
    ];
    let measures = measures[rng.gen_range(0..measures.len())];
    query(&format!(r#""where": {}, "group_by": [{}], "measures": {measures}"#, selection(rng, 0), axes.join(",")))
}

fn answers_are_the_tables(seed: u64, cases: usize) {
    let rng = &mut seeded(seed);
    let mut done = 0;
    while done < cases {
        let policy = usual_policy();
        let hospital = Hospital::synthetic("random", rng.gen_range(1..=400), rng.r#gen(), policy.clone());
        let query = random_query(rng);
        // A random selection may contradict itself, or not fit.
        if compile(&query, &hospital.schema, &consent_column(), &Shape::QUERY_12).is_err() {
            continue;
        }
        check_answer(&query, &hospital, key_12());
        done += 1;
    }
}

/// Exact, through proof, file and audit, and equal to the plain evaluation.
fn check_answer(query: &Query, hospital: &Hospital, key: &cohortium_keys::ProvingKey) {
    let asked = Asked::new(query, hospital, key, usual_policy(), true);
    let says = || format!("{} rows: {}", hospital.table.rows(), serde_json::to_string(query).unwrap());
    let bundle = asked.answer(key).unwrap_or_else(|error| panic!("{error}: {}", says()));
    let released = asked.released(&bundle).unwrap_or_else(|error| panic!("{error}: {}", says()));
    let inputs = Inputs::new(&hospital.schema, &hospital.table, &hospital.consents).unwrap();
    let exact = evaluate(query, &hospital.schema, &inputs).unwrap();
    let bases = asked.plan.asked.as_array().map(u64::from);
    let groups: Vec<[u64; 4]> = exact.groups().iter().map(|g| [g.n, g.s, g.ss, g.p]).collect();
    assert_eq!(released, published(&groups, bases), "{}", says());
}

#[test]
fn random_questions_over_random_tables() {
    answers_are_the_tables(41, 4);
}

#[test]
#[ignore = "minutes"]
fn many_random_questions_over_random_tables() {
    answers_are_the_tables(42, 60);
}

#[test]
#[ignore = "needs the keys of the large shapes, and 4 GiB"]
fn large_tables_are_answered_too() {
    for shape in [Shape::QUERY_16, Shape::QUERY_20] {
        let hospital = Hospital::synthetic("large", shape.max_declared_rows() - 3, 6, usual_policy());
        check_answer(&query(CASES[4].fields), &hospital, &key(shape));
    }
}
