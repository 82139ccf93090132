//! Cohortium's numbers against a second tool's: `examples/breast-cancer/tallies.json`, which a script in another language made
//! of the raw files, `tallies.py` beside it. It shares nothing with this workspace but the formats page.

#![allow(clippy::unwrap_used)] // a failure should stop a test where it happens

use std::path::PathBuf;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::policy::{Cell, Policy, effective, release};
use cohortium_protocol::query::{Inputs, Query, compile, evaluate};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::synthetic_consent_file;
use cohortium_protocol::table::{ConsentColumn, ImportOptions, PatientKey, Schema, Tagger};
use cohortium_prover::import::{import_consents, import_table, read_mapping, read_schema};
use serde::Deserialize;

/// What the script prints.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tallies {
    seed: u64,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    question: String,
    site: String,
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    labels: Vec<String>,
    n: u64,
    sum: u64,
    sum_of_squares: u64,
    released: Released,
}

#[derive(PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Released {
    count: Cell,
    sums: Vec<Cell>,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// Holds one answer of the script against import, plan, evaluation and policy.
fn compare(answer: &Answer, seed: u64, schema: &Schema) -> usize {
    let Answer { question, site, groups } = answer;
    let consent: ConsentColumn = "DUO:0000042/academic".parse().unwrap();
    let (rng, folder) = (&mut cohortium_tests::seeded(3), tempfile::tempdir().unwrap());
    let raw = text(&format!("{site}.csv"));
    let identifiers = raw.lines().skip(1).filter_map(|line| line.split(',').next());
    let consent_path = folder.path().join("consent.csv");
    let consent_text = synthetic_consent_file(seed, site, "pid", identifiers, std::slice::from_ref(&consent));
    std::fs::write(&consent_path, consent_text).unwrap();
    let mapping = read_mapping(&file(&format!("mapping-{site}.json")), schema).unwrap();
    let tagger = Tagger::new(PatientKey::from_bytes([9; 32]), site, schema.table());
    let csv = file(&format!("{site}.csv"));
    let table = import_table(&csv, schema, &mapping, &tagger, ImportOptions::default(), rng).unwrap().table;
    let consents = import_consents(&consent_path, b',', "pid", &table, &tagger).unwrap().consents;

    let query = Query::parse(&text(&format!("queries/{question}.json"))).unwrap();
    let plan = compile(&query, schema, &consent, &Shape::QUERY_12).unwrap();
    let exact = evaluate(&query, schema, &Inputs::new(schema, &table, &consents).unwrap()).unwrap();
    let floor = Policy::parse(&text("policy.json")).unwrap();
    let approval = Approval::parse(&text("approval.json")).unwrap();
    let policy = effective(Some(&floor), Some(&approval.policy)).unwrap();
    // As in the demo: the board names every plan but the last question's.
    let params = policy.release_params(&plan, schema, question != "nodes-by-grade").unwrap();
    let cells = release(exact.groups(), &params);

    assert_eq!(groups.len(), plan.groups(), "{question} at {site}");
    for (place, theirs) in groups.iter().enumerate() {
        let at = format!("{question} at {site}, {:?}", theirs.labels);
        let (ours, cells) = (&exact.groups()[place], &cells[place]);
        assert_eq!(plan.group_labels(place), theirs.labels, "{at}");
        assert_eq!(ours.n, theirs.n, "{at}");
        if plan.asked.as_array().contains(&true) {
            assert_eq!((ours.s, ours.ss), (theirs.sum, theirs.sum_of_squares), "{at}");
        }
        let released = Released { count: cells.count, sums: cells.sums.iter().flatten().copied().collect() };
        assert_eq!(released, theirs.released, "{at}");
    }
    groups.len()
}

#[test]
fn a_second_tool_finds_the_same_numbers() {
    let schema = read_schema(&file("schema.json")).unwrap();
    let tallies: Tallies = serde_json::from_str(&text("tallies.json")).unwrap();
    // The demo's own seed, so that these are the numbers that it prints.
    assert_eq!(tallies.seed, 2013);
    let groups: usize = tallies.answers.iter().map(|answer| compare(answer, tallies.seed, &schema)).sum();
    // Five questions with 2, 3, 8, 44 and 3 groups, at two sites: none was left out.
    assert_eq!((tallies.answers.len(), groups), (10, 2 * (2 + 3 + 8 + 44 + 3)));
    let mut questions: Vec<&str> = tallies.answers.iter().map(|answer| answer.question.as_str()).collect();
    questions.dedup();
    let mut files: Vec<String> = std::fs::read_dir(file("queries"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    files.sort();
    questions.sort_unstable();
    assert_eq!(questions, files);
}
