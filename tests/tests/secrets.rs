//! Secrets are not printed: neither by `Debug`, nor in the sentences of paths that fail, nor in progress.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use std::fmt::Debug;

use cohortium_circuits::messages::Messages;
use cohortium_circuits::prove::{QueryWitness, RowColumn};
use cohortium_protocol::commit::{
    BlindingSource, ColumnData, FoldedColumns, Layout, MasterSecret, ObjectKind, Salt, SecretColumn,
};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::GroupAggregates;
use cohortium_protocol::query::{Inputs, evaluate};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::{synthetic_consents, synthetic_table};
use cohortium_protocol::table::{ConsentTable, PatientKey, PatientSecret, TAG_LIMBS, Table, Tagger};
use cohortium_prover::pipeline::{PipelineError, Site, prepare};
use cohortium_tests::{Hospital, consent_column, seeded, usual_policy};
use common::{Asked, key_12, query};

/// A value, and a byte, that stand out however they are written.
const VALUE: u16 = 54_321;
const BYTE: u8 = 0xd7;

/// Neither in decimal nor in hexadecimal digits, on one line or on many.
fn assert_silent(what: &str, secret: &dyn Debug) {
    for text in [format!("{secret:?}"), format!("{secret:#?}")] {
        assert!(!tells(&text), "{what}: {text}");
        // Something is said, and it is short: a name, and sizes at most.
        assert!(!text.is_empty() && text.len() < 300, "{what}: {text}");
    }
}

fn tells(text: &str) -> bool {
    let text = text.to_lowercase();
    ["54321", "54_321", "d431", "31d4", "215, 215", "d7d7", "215,\n"].iter().any(|digits| text.contains(digits))
}

#[test]
fn what_debug_shows_of_secrets() {
    assert!(tells(&format!("{:?}", vec![VALUE])) && tells(&format!("{:?}", [BYTE; 2])) && tells("D431"));
    let (schema, mut table) = (synthetic_table(5, 1).unwrap().0, synthetic_table(5, 1).unwrap().1);
    let mut columns = table.columns().to_vec();
    columns[8] = vec![40_000; 5];
    table = Table::new(&schema, columns, std::array::from_fn(|_| vec![VALUE; 5])).unwrap();
    assert_silent("table", &table);
    let consents = synthetic_consents(&table, 1, &[consent_column()]).unwrap();
    assert_silent("consents", &consents);
    let inputs = Inputs::new(&schema, &table, &consents).unwrap();
    assert_silent("inputs", &inputs);
    let aggregates = GroupAggregates { n: u64::from(VALUE), s: u64::from(VALUE), ss: 1, p: u64::from(VALUE) };
    assert_silent("a group's aggregates", &aggregates);

    let layout = Layout::column(&Shape::QUERY_12, 3).unwrap();
    let data = ColumnData::from(vec![VALUE; 3]);
    assert_silent("data", &data);
    assert_silent("counts", &ColumnData::from(vec![u32::from(VALUE); 3]));
    let column = SecretColumn::query_time(layout, data, &mut seeded(1)).unwrap();
    assert_silent("column", &column);
    let point: Vec<F> = (1u64..=12).map(F::from).collect();
    assert_silent("folded columns", &FoldedColumns::new(&[&column], &point).unwrap());

    let master = MasterSecret::from_bytes([BYTE; 32]);
    assert_silent("master secret", &master);
    let salt = Salt::draw(&mut seeded(2));
    assert_silent("blinding", &BlindingSource::new(&master, ObjectKind::Manifest, "site", "table", 1, &salt));
    let key = PatientKey::from_bytes([BYTE; 32]);
    assert_silent("patients' key", &key);
    assert_silent("a patient's secret", &PatientSecret::from_card(&"d7".repeat(32)).unwrap());
    let tagger = Tagger::new(key, "site", "table");
    assert_silent("tagger", &tagger);
    assert_silent("a tag", &cohortium_protocol::table::Tag::from_limbs([VALUE; TAG_LIMBS]));

    let rows = RowColumn { data: vec![u32::from(VALUE); 3], blind: vec![F::from(VALUE)] };
    assert_silent("a column of the argument", &rows);
    let witness = QueryWitness {
        declared_rows: 3,
        lookups: Vec::new(),
        selection: rows.clone(),
        y: Some((&rows).into()),
        z: None,
        group: rows.clone(),
        flags: vec![rows],
    };
    assert_silent("witness", &witness);
    let mut messages = Messages::blank(&Shape::QUERY_12);
    messages.nonce = F::from(VALUE);
    assert_silent("messages", &messages);

    // The plain evaluation, and the columns made for a query.
    let question = query(r#""group_by": [{"column": "sex"}], "measures": {"sum": "crp"}"#);
    let sums = evaluate(&question, &schema, &inputs).unwrap();
    assert_eq!(format!("{sums:?}"), "Aggregates(secret)");
    let hospital = Hospital::synthetic("north", 5, 1, usual_policy());
    let inputs = Inputs::new(&hospital.schema, &hospital.table, &hospital.consents).unwrap();
    let made = hospital.plan(&question).query_columns(&inputs).unwrap();
    assert_eq!(format!("{made:?}"), "QueryColumns(secret)");
}

#[test]
fn what_failing_paths_say() {
    // A value that the schema does not allow, a flag that is none, a secret that is none.
    let (schema, table) = synthetic_table(5, 1).unwrap();
    let mut columns = table.columns().to_vec();
    columns[0][3] = VALUE;
    let refused = Table::new(&schema, columns, table.tags().clone()).unwrap_err().to_string();
    assert_eq!(refused, "column \"age\" has a value that the schema does not allow");
    let refused = ConsentTable::new(vec![(consent_column(), vec![1, VALUE])]).unwrap_err().to_string();
    assert_eq!(refused, "consent column DUO:0000042/academic has a value that is neither 0 nor 1");
    let refused = PatientSecret::from_card(&"D7".repeat(32)).unwrap_err().to_string();
    assert!(!tells(&refused), "{refused}");

    // A proof that fails half-way, of another table than the committed one.
    let hospital = Hospital::synthetic("north", 200, 51, usual_policy());
    let other = Hospital::synthetic("north", 200, 52, usual_policy());
    let question = query(r#""group_by": [{"column": "sex"}], "measures": {"sum": "crp"}"#);
    let asked = Asked::new(&question, &hospital, key_12(), usual_policy(), true);
    let site = Site { table: &other.table, ..hospital.site() };
    let mut said = Vec::new();
    let prepared = prepare(&asked.request, &asked.approval, &site, None).unwrap();
    let error = prepared
        .prove(key_12(), &asked.anchors(), &mut rand::rngs::OsRng, &mut |what, _| said.push(what.to_owned()))
        .unwrap_err();
    assert!(matches!(error, PipelineError::Unsatisfied), "{error}");
    let texts = [error.to_string(), format!("{error:?}")];
    for text in texts.iter().chain(&said) {
        assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
    }
    assert!(said.len() > 5, "{said:?}");
}

/// What a suppressed group holds does not show in what is released.
#[test]
fn suppressed_groups_release_nothing_else() {
    let (schema, table) = synthetic_table(30, 61).unwrap();
    let question = query(
        r#""group_by": [{"column": "icd"}, {"column": "sex"}], "measures": {"sum": "crp", "sum_of_squares": "crp"}"#,
    );
    let cells = |change: fn(u16) -> u16| {
        let mut columns = table.columns().to_vec();
        columns[6].iter_mut().for_each(|crp| *crp = change(*crp));
        let changed = Table::new(&schema, columns, table.tags().clone()).unwrap();
        let consents = synthetic_consents(&changed, 61, &[consent_column()]).unwrap();
        let hospital = Hospital::new("north", schema.clone(), changed, consents, usual_policy());
        let asked = Asked::new(&question, &hospital, key_12(), usual_policy(), true);
        let site = hospital.site();
        prepare(&asked.request, &asked.approval, &site, None).unwrap().cells().to_vec()
    };
    let (one, other) = (cells(|crp| crp), cells(|crp| 500 - crp));
    // Sixteen groups of a few patients each: none is shown.
    assert_eq!(one, other);
}
