//! The demo's plain computation and the protocol's evaluation agree, on both real files and all questions.
//!
//! `./demo` compares what was proven; this compares the two computations themselves, exact numbers included.

#![allow(clippy::unwrap_used, dead_code)] // the demo's modules have more than is used here

#[path = "../src/bin/demo/cells.rs"]
mod cells;
#[path = "../src/bin/demo/plain.rs"]
mod plain;
#[path = "../src/bin/demo/questions.rs"]
mod questions;

use std::path::PathBuf;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::policy::{Policy, effective, release};
use cohortium_protocol::query::{Inputs, Plan, Query, compile, evaluate};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::synthetic_consent_file;
use cohortium_protocol::table::{ConsentColumn, ConsentTable, ImportOptions, PatientKey, Schema, Table, Tagger};
use cohortium_prover::import::{import_consents, import_table, read_mapping, read_schema};

use cells::Cell;
use plain::Site;
use questions::{QUESTIONS, Question, Sums};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/breast-cancer").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

fn consent_column() -> ConsentColumn {
    "DUO:0000042/academic".parse().unwrap()
}

fn consent_file(site: Site) -> String {
    let patients = text(&format!("{}.csv", site.name()));
    let identifiers = patients.lines().skip(1).filter_map(|line| line.split(',').next());
    synthetic_consent_file(5, site.name(), "pid", identifiers, &[consent_column()])
}

/// The file as the hospital imports it.
fn imported(site: Site, schema: &Schema) -> (Table, ConsentTable) {
    let folder = tempfile::tempdir().unwrap();
    let consent_path = folder.path().join("consent.csv");
    std::fs::write(&consent_path, consent_file(site)).unwrap();
    let rng = &mut cohortium_tests::seeded(1);
    let mapping = read_mapping(&file(&format!("mapping-{}.json", site.name())), schema).unwrap();
    let key = PatientKey::from_bytes([7; 32]);
    let tagger = Tagger::new(key, site.name(), schema.table());
    let csv = file(&format!("{}.csv", site.name()));
    let table = import_table(&csv, schema, &mapping, &tagger, ImportOptions::default(), rng).unwrap().table;
    let consents = import_consents(&consent_path, b',', "pid", &table, &tagger).unwrap();
    (table, consents.consents)
}

fn query(question: &Question) -> Query {
    Query::parse(&text(&format!("queries/{}.json", question.file))).unwrap()
}

fn plan(question: &Question, schema: &Schema) -> Plan {
    compile(&query(question), schema, &consent_column(), &Shape::QUERY_12).unwrap()
}

#[test]
fn plain_computation_and_evaluation_agree() {
    let schema = read_schema(&file("schema.json")).unwrap();
    let floor = Policy::parse(&text("policy.json")).unwrap();
    let approval = Approval::parse(&text("approval.json")).unwrap();
    let policy = effective(Some(&floor), Some(&approval.policy)).unwrap();
    let mut seen = [false; 3];
    for site in Site::ALL {
        let (table, consents) = imported(site, &schema);
        let inputs = Inputs::new(&schema, &table, &consents).unwrap();
        let csv = text(&format!("{}.csv", site.name()));
        let patients = plain::read_patients(site, &csv, &consent_file(site)).unwrap();
        for question in &QUESTIONS {
            let plan = plan(question, &schema);
            let exact = evaluate(&query(question), &schema, &inputs).unwrap();
            let tallies = plain::tally(question, &patients);
            assert_eq!(exact.groups().len(), tallies.len(), "{}", question.file);
            for (group, (exact, tally)) in exact.groups().iter().zip(&tallies).enumerate() {
                let place = format!("{} at {}, group {group}", question.file, site.name());
                assert_eq!(exact.n, tally.n, "{place}");
                if question.sums != Sums::None {
                    assert_eq!((exact.s, exact.ss), (tally.sum, tally.sum_of_squares), "{place}");
                }
                assert_eq!(plan.group_labels(group), plain::labels(question, group), "{place}");
            }
            // The same rule, twice: the policy's own code and the demo's few lines.
            let params = policy.release_params(&plan, &schema, question.sums == Sums::Exact).unwrap();
            let cells = release(exact.groups(), &params);
            for (ours, theirs) in plain::released(question, &tallies).iter().zip(&cells) {
                assert_eq!(serde_json::to_value(ours.count).unwrap(), serde_json::to_value(theirs.count).unwrap());
                assert_eq!(serde_json::to_value(ours.sums).unwrap(), serde_json::to_value(theirs.sums).unwrap());
                for (_, cell) in ours.cells() {
                    seen[match cell {
                        Cell::Suppressed => 0,
                        Cell::Zero => 1,
                        Cell::Value(_) => 2,
                    }] = true;
                }
            }
        }
    }
    assert_eq!(seen, [true; 3], "the questions show every state of a cell");
}

#[test]
fn the_questions_that_are_not_named_can_be_restrained() {
    let schema = read_schema(&file("schema.json")).unwrap();
    let floor = Policy::parse(&text("policy.json")).unwrap();
    let policy = effective(Some(&floor), Some(&floor)).unwrap();
    for question in &QUESTIONS {
        let params = policy.release_params(&plan(question, &schema), &schema, false);
        match question.sums {
            Sums::Restrained { base, .. } => assert_eq!(params.unwrap().sums[0].base, base),
            Sums::Exact => assert!(params.unwrap_err().to_string().contains("the sum of squares is released only")),
            Sums::None => assert!(params.is_ok()),
        }
    }
}

#[test]
fn about_one_in_six_refuses() {
    for site in Site::ALL {
        let csv = text(&format!("{}.csv", site.name()));
        let patients = plain::read_patients(site, &csv, &consent_file(site)).unwrap();
        let share = patients.iter().filter(|patient| !patient.consents).count() as f64 / patients.len() as f64;
        assert!((0.13..0.20).contains(&share), "{share}");
    }
}
