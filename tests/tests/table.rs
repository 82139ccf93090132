//! Proofs about whole tables, with the hospital's own program: made, verified, refused where anything is changed.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::sync::OnceLock;

use cohortium_keys::{ProvingKey, VerifyingKey};
use cohortium_protocol::commit::SecretColumn;
use cohortium_protocol::documents::FILE_EXCHANGE;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table_proof::{TableContext, TableKind, TableProof, TableSubject};
use cohortium_prover::pipeline::{PipelineError, RegisteredSecret, TableJob};
use cohortium_tests::{Hospital, key, seeded, usual_policy};
use cohortium_verifier::{TableError, verify_table};
use rand::rngs::OsRng;
use serde_json::{Value, json};

fn key_12() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::TABLE_12))
}

fn verifying() -> &'static VerifyingKey {
    key_12().verifying()
}

fn unique(hospital: &Hospital) -> TableSubject<'_> {
    TableSubject::Unique(&hospital.manifest)
}

fn flags(hospital: &Hospital) -> TableSubject<'_> {
    TableSubject::flags(&hospital.manifest, &hospital.epoch).unwrap()
}

fn prove(subject: TableSubject<'_>, held: &[RegisteredSecret]) -> Result<TableProof, PipelineError> {
    TableJob::new(subject, FILE_EXCHANGE, held)?.prove(key_12(), &mut OsRng, &mut |_, _| ())
}

/// A hospital and its two proofs.
struct Scene {
    hospital: Hospital,
    unique: TableProof,
    flags: TableProof,
}

fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(|| {
        let hospital = Hospital::synthetic("north", 300, 5, usual_policy());
        let unique = prove(unique(&hospital), &hospital.manifest_columns).unwrap();
        let flags = prove(flags(&hospital), &hospital.epoch_columns).unwrap();
        Scene { hospital, unique, flags }
    })
}

#[test]
fn both_proofs_are_verified_as_they_are_read() {
    let Scene { hospital, unique: proof, flags: of_flags } = scene();
    for (proof, subject, epoch) in
        [(proof, unique(hospital), None), (of_flags, flags(hospital), Some(hospital.epoch.digest()))]
    {
        let bytes = serde_json::to_vec(proof).unwrap();
        let read = TableProof::parse(&bytes).unwrap();
        assert!(read == *proof);
        let verified = verify_table(&read, subject, FILE_EXCHANGE, verifying(), true).unwrap();
        assert_eq!((verified.kind(), verified.epoch()), (subject.kind(), epoch));
        assert_eq!((verified.site(), verified.manifest()), ("north", hospital.manifest.digest()));
        assert_eq!((verified.key(), verified.proof()), (verifying().id(), proof.digest()));
        let refused = verify_table(&read, subject, FILE_EXCHANGE, verifying(), false).unwrap_err();
        assert_eq!(refused, TableError::DevelopmentKey { key: verifying().id() });
    }
}

/// What the opening budget is charged with: one point of every tag limb, or of every flag, and of nothing else.
#[test]
fn each_registered_column_costs_a_point() {
    let Scene { hospital, .. } = scene();
    let charged = |subject: TableSubject<'_>, held: &[RegisteredSecret]| {
        let charges = TableJob::new(subject, FILE_EXCHANGE, held).unwrap().charges().unwrap();
        assert!(charges.iter().all(|charge| charge.points == 1));
        charges.into_iter().map(|charge| charge.column).collect::<Vec<_>>()
    };
    let limbs: Vec<String> = (0..8).map(|limb| format!("tag.{limb}")).collect();
    assert_eq!(charged(unique(hospital), &hospital.manifest_columns), limbs);
    let names: Vec<&str> = hospital.epoch.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(charged(flags(hospital), &hospital.epoch_columns), names);
}

#[test]
fn equal_tags_are_refused_and_nobody_is_named() {
    let Scene { hospital, .. } = scene();
    let layout = *hospital.manifest.layout();
    let held: Vec<RegisteredSecret> = (0..8)
        .map(|limb| {
            let mut data = hospital.table.tags()[limb].clone();
            data[17] = data[230];
            let secret = SecretColumn::query_time(layout, data, &mut seeded(limb as u64)).unwrap();
            RegisteredSecret { name: format!("tag.{limb}"), commitment: secret.commit(), secret }
        })
        .collect();
    let error = prove(unique(hospital), &held).unwrap_err();
    assert!(matches!(error, PipelineError::EqualTags), "{error}");
    let digits = format!("{error} {error:?}").chars().any(|c| c.is_ascii_digit());
    assert!(!digits, "{error}: a row or a tag");
}

/// A hospital's program whose columns are others than the registered ones, or no flags, stops.
#[test]
fn a_dishonest_site_gets_no_proof() {
    let Scene { hospital, .. } = scene();
    let changed = |held: &[RegisteredSecret], at: usize, change: &dyn Fn(&mut Vec<u16>), own: bool| {
        let rewritten = held.iter().enumerate().map(|(i, column)| {
            let rows = column.secret.data();
            let mut data: Vec<u16> = (0..rows.len()).map(|row| rows.get(row) as u16).collect();
            if i == at {
                change(&mut data);
            }
            let secret = SecretColumn::query_time(*column.secret.layout(), data, &mut seeded(i as u64)).unwrap();
            let commitment = if own { secret.commit() } else { column.commitment.clone() };
            RegisteredSecret { name: column.name.clone(), secret, commitment }
        });
        rewritten.collect::<Vec<_>>()
    };
    let two = changed(&hospital.epoch_columns, 0, &|data| data[3] = 2, true);
    let error = prove(flags(hospital), &two).unwrap_err();
    assert!(matches!(error, PipelineError::Unsatisfied), "{error}");
    // Flags that are none are gone; but they are not the registered ones either.
    let none = changed(&hospital.epoch_columns, 0, &|data| data.fill(0), true);
    let error = prove(flags(hospital), &none).unwrap_err();
    assert!(
        matches!(&error, PipelineError::TableCheck(error) if matches!(**error, TableError::Registry(_))),
        "{error}"
    );
    let none = changed(&hospital.epoch_columns, 0, &|data| data.fill(0), false);
    let error = prove(flags(hospital), &none).unwrap_err();
    assert!(
        matches!(&error, PipelineError::TableCheck(error) if matches!(**error, TableError::Opening { which: "columns", .. })),
        "{error}"
    );
    let missing = prove(flags(hospital), &hospital.manifest_columns).unwrap_err();
    assert!(matches!(missing, PipelineError::Missing { .. }), "{missing}");
}

/// A proof of one thing is a proof of nothing else.
#[test]
fn a_proof_is_about_what_it_was_made_for() {
    let Scene { hospital, unique: proof, flags: of_flags } = scene();
    let other = Hospital::synthetic("south", 300, 6, usual_policy());
    let says = |proof: &TableProof, subject: TableSubject<'_>, ledger: &str, expected: &str| {
        let refused = verify_table(proof, subject, ledger, verifying(), true).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}, not {expected}");
    };
    says(proof, flags(hospital), FILE_EXCHANGE, "the proof's kind is \"unique\"");
    says(of_flags, unique(hospital), FILE_EXCHANGE, "the proof's kind is \"flags\"");
    says(proof, unique(&other), FILE_EXCHANGE, "the proof's site is \"north\"");
    says(proof, unique(hospital), "ledger", "the proof's ledger is \"file-exchange\"");
    // What it says of itself changed along: then it is the opening that was made for something else.
    let mut moved = proof.clone();
    moved.ledger = "ledger".to_owned();
    says(&moved, unique(hospital), "ledger", "the opening of columns was not made for this document");
    let another = TableSubject::flags(&hospital.manifest, &other.epoch).unwrap_err().to_string();
    assert!(another.contains("south"), "{another}");
    let query = key(Shape::QUERY_12);
    let refused = verify_table(proof, unique(hospital), FILE_EXCHANGE, query.verifying(), true).unwrap_err();
    assert!(matches!(refused, TableError::KeyShape { found: "query-12", .. }), "{refused}");
}

/// Every field of a proof changed: refused, by a sentence that names it.
#[test]
fn every_field_matters() {
    let Scene { hospital, unique: proof, flags: of_flags } = scene();
    let whole = serde_json::to_value(proof).unwrap();
    let digest = json!("00".repeat(32));
    let number = json!(format!("{:064x}", 5));
    let at = |pointer: &str| whole.pointer(pointer).unwrap().clone();
    let without = |pointer: &str| {
        let mut list = at(pointer);
        list.as_array_mut().unwrap().pop();
        list
    };
    let changes: Vec<(&str, Value, &str)> = vec![
        ("/format", json!("cohortium-table-proof/2"), "format"),
        ("/kind", json!("flags"), "kind"),
        ("/kind", json!("both"), "unknown variant"),
        ("/ledger", json!("another"), "ledger"),
        ("/site", json!("south"), "site"),
        ("/table", json!("another"), "table"),
        ("/manifest", digest.clone(), "manifest"),
        ("/shape/name", json!("table-16"), "shape"),
        ("/shape/id", digest.clone(), "shape id"),
        ("/verifying_key", digest, "verifying key"),
        ("/columns/0/column/name", json!("tag.1"), "tag.1"),
        ("/columns/8/column/name", json!("step.1"), "query:step.1 among its columns"),
        ("/columns/8/column/source", json!("epoch"), "step.0"),
        ("/columns/0/commitment", at("/columns/1/commitment"), "tag.0"),
        ("/columns/9/commitment", at("/columns/8/commitment"), "opening of columns"),
        ("/columns/9/commitment", at("/multiplicities/0/commitment"), "the commitment to query:step.1"),
        ("/columns/3/value", number.clone(), "opening of columns"),
        ("/columns", without("/columns"), "nothing among its columns"),
        ("/multiplicities/0/column/name", json!("step.3"), "step.3 among its multiplicities"),
        ("/multiplicities/0/commitment", at("/multiplicities/1/commitment"), "opening of columns"),
        ("/multiplicities/0/value", number.clone(), "opening of multiplicities"),
        ("/multiplicities", without("/multiplicities"), "nothing among its multiplicities"),
        ("/challenges/row_point/0", number.clone(), "opening of columns"),
        ("/challenges/row_point", without("/challenges/row_point"), "the point r has 11"),
        ("/challenges/value_point/0", number.clone(), "opening of multiplicities"),
        ("/challenges/value_point", without("/challenges/value_point"), "the point r_t has 16"),
        ("/challenges/mu", number.clone(), "the proof is not valid"),
        ("/column_opening", at("/multiplicity_opening"), "opening of columns"),
        ("/multiplicity_opening", at("/column_opening"), "opening of multiplicities"),
        ("/multiplicity_opening", Value::Null, "its multiplicity_opening is missing"),
        ("/groth16", json!("AAAA"), "groth16"),
        ("/groth16", serde_json::to_value(&of_flags.groth16).unwrap(), "the proof is not valid"),
    ];
    for (pointer, new, expected) in changes {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = new;
        says(&changed, unique(hospital), pointer, expected);
    }
    let mut more = whole.clone();
    more["epoch"] = json!(hospital.epoch.digest());
    says(&more, unique(hospital), "epoch", "epoch");
    more = whole.clone();
    more["comment"] = json!("");
    says(&more, unique(hospital), "comment", "unknown field");
    // Of the flags, what is special about them.
    let whole = serde_json::to_value(of_flags).unwrap();
    for (field, new, expected) in [
        ("epoch", json!(hospital.manifest.digest()), "the proof's epoch"),
        ("epoch", Value::Null, "the proof's epoch is \"none\""),
        ("multiplicity_opening", whole["column_opening"].clone(), "its multiplicity_opening is there"),
        ("multiplicities", serde_json::to_value(&proof.multiplicities).unwrap(), "among its multiplicities"),
    ] {
        let mut changed = whole.clone();
        changed[field] = new;
        says(&changed, flags(hospital), field, expected);
    }
    assert_eq!(of_flags.kind, TableKind::Flags);
}

fn says(changed: &Value, subject: TableSubject<'_>, field: &str, expected: &str) {
    let bytes = serde_json::to_vec(changed).unwrap();
    let refused = match TableProof::parse(&bytes) {
        Err(error) => error.to_string(),
        Ok(proof) => verify_table(&proof, subject, FILE_EXCHANGE, verifying(), true).unwrap_err().to_string(),
    };
    assert!(refused.contains(expected), "{field}: {refused}, not {expected}");
}

/// Everything that a proof is about is in the digest that it starts from.
#[test]
fn the_context_binds_everything() {
    let Scene { hospital, .. } = scene();
    let other = Hospital::synthetic("north", 301, 6, usual_policy());
    let [one, two] = [hospital.manifest.digest(), other.manifest.digest()];
    let context = |subject, ledger, shape: &Shape, verifying_key| {
        TableContext { subject, ledger, shape, verifying_key }.digest().to_string()
    };
    let all = [
        context(unique(hospital), "a", &Shape::TABLE_12, one),
        context(unique(hospital), "b", &Shape::TABLE_12, one),
        context(unique(hospital), "a", &Shape::TABLE_16, one),
        context(unique(hospital), "a", &Shape::TABLE_12, two),
        context(unique(&other), "a", &Shape::TABLE_12, one),
        context(flags(hospital), "a", &Shape::TABLE_12, one),
        context(flags(&other), "a", &Shape::TABLE_12, one),
    ];
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
}

/// Writes a proof that tags are unique, for those who read the format; it is as new as the development key.
///
/// `COHORTIUM_WRITE_VECTORS=1 cargo test -p cohortium-tests --test table -- --ignored the_vector`
#[test]
#[ignore = "writes tests/vectors/good-table-12.json"]
fn the_vector() {
    if std::env::var("COHORTIUM_WRITE_VECTORS").is_ok_and(|value| value == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/good-table-12.json");
        std::fs::write(path, serde_json::to_string(&scene().unique).unwrap()).unwrap();
    }
}
