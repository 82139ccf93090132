//! The examples of the page on the ledger are read; texts in angle brackets stand for documents of other pages.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use cohortium_protocol::ledger::{Charter, Checkpoint, MemberKey, Statement, Transaction};
use cohortium_verifier::ledger::{Founding, parse_block};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../docs/src/formats/ledger.md");
const TABLE_PROOF: &str = include_str!("../../tests/vectors/good-table-12.json");
const EXPORT: &str = include_str!("../../tests/vectors/ledger/export.ndjson");

/// Real documents for the texts in angle brackets.
fn documents() -> BTreeMap<String, Value> {
    let lines: Vec<Value> = EXPORT.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut documents = BTreeMap::new();
    let mut put = |name: &str, value: &Value| {
        if !value.is_null() {
            documents.insert(format!("<{name}>"), value.clone());
        }
    };
    put("charter", &lines[0]["charter"]);
    put("table proof", &serde_json::from_str(TABLE_PROOF).unwrap());
    put("verifying key", &lines[0]["verifying_keys"][0]);
    for block in &lines[1..] {
        put("checkpoint", &block["checkpoint"]);
        for transaction in block["transactions"].as_array().unwrap() {
            put("transaction", transaction);
            let statement = &transaction["statement"];
            put("manifest", &statement["manifest"]["manifest"]);
            put("schema", &statement["manifest"]["schema"]);
            put("epoch", &statement["epoch"]["epoch"]);
            put("approval", &statement["study"]["approval"]);
            put("request", &statement["query"]["request"]);
            put("proof", &statement["release"]["proof"]);
        }
    }
    documents
}

fn filled(value: &Value, documents: &BTreeMap<String, Value>) -> Value {
    match value {
        Value::String(text) if text.starts_with('<') => documents.get(text).unwrap_or_else(|| panic!("{text}")).clone(),
        Value::Array(list) => list.iter().map(|value| filled(value, documents)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled(value, documents)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[test]
fn the_examples_of_the_page_are_read() {
    let documents = documents();
    let (mut formats, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for block in PAGE.split("```json\n").skip(1) {
        let example: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
        let example = filled(&example, &documents);
        let text = example.to_string();
        match example["format"].as_str() {
            Some("cohortium-charter/1") => drop(Charter::parse(&text).unwrap()),
            Some("cohortium-member-key/1") => drop(MemberKey::parse_file(&text).unwrap()),
            Some("cohortium-transaction/1") => drop(Transaction::parse(text.as_bytes()).unwrap()),
            Some("cohortium-block/1") => drop(parse_block(1, text.as_bytes()).unwrap()),
            Some("cohortium-founding/1") => drop(Founding::parse(text.as_bytes()).unwrap().found().unwrap()),
            Some(other) => panic!("{other}"),
            None => {
                let statement: Statement = serde_json::from_value(example).unwrap();
                statement.check().unwrap();
                let (kind, role) = (statement.kind(), statement.role().name());
                assert!(PAGE.contains(&format!("| `{kind}` | {role} |")), "{kind}");
                kinds.insert(kind);
                continue;
            }
        }
        formats.insert(example["format"].as_str().unwrap().to_owned());
    }
    assert_eq!((formats.len(), kinds.len()), (5, 15));
    // A kind that the page lacks does not pass unnoticed: this match is exhaustive.
    let listed = |statement: &Statement| match statement {
        Statement::Manifest { .. } | Statement::Epoch { .. } | Statement::Floor { .. } | Statement::Seeds { .. } => {
            true
        }
        Statement::Study { .. } | Statement::Suspend { .. } | Statement::Query { .. } | Statement::Hold { .. } => true,
        Statement::Accept { .. } | Statement::Decline { .. } | Statement::Release { .. } => true,
        Statement::SponsorNonce { .. } | Statement::BoardNonce { .. } => true,
        Statement::Consents { .. } | Statement::TableProof { .. } => true,
    };
    assert!(listed(&serde_json::from_value(json!({"accept": {"request": "00".repeat(32)}})).unwrap()));
}

#[test]
fn the_checkpoint_of_the_page_is_one() {
    let text = PAGE.split("```text\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned() + "\n";
    let line = |place: usize| text.lines().nth(place).unwrap();
    let checkpoint = Checkpoint {
        origin: line(0).to_owned(),
        size: line(1).parse().unwrap(),
        root: "c1f9e48b0d375a62f8b1960c4ed7a523719ec0f58a4db36e2095d7f1c6a84b3e".parse().unwrap(),
        height: line(3).strip_prefix("height ").unwrap().parse().unwrap(),
        block: line(4).strip_prefix("block ").unwrap().parse().unwrap(),
        time: line(5).strip_prefix("time ").unwrap().parse().unwrap(),
    };
    assert_eq!(checkpoint.to_string(), text);
    let key = MemberKey::from_bytes(&[1; 32]);
    let note = checkpoint.sign(&key).unwrap();
    assert_eq!(Checkpoint::verify(&note, line(0), &key.public()).unwrap(), checkpoint);
}

#[test]
fn every_rule_is_on_the_page() {
    // The names that the service's errors bear.
    let source = include_str!("../src/ledger/refusal.rs");
    let names: Vec<&str> = source.lines().filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\",")).collect();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        assert!(PAGE.contains(&format!("`{name}`")), "{name}");
    }
}
