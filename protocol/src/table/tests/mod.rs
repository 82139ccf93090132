//! Tests of the tables, by subject. Every refusal is tested by its message: people act on messages.

mod codec;
mod consent;
mod import;
mod mapping;
mod mapping_refusals;
mod schema;
mod synthetic;
mod tag;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Import, ImportError, ImportOptions, Importer, Mapping, PatientKey, Schema, Tagger};

/// A column of each kind, and some that may be missing.
const SCHEMA: &str = r#"{
    "format": "cohortium-schema/1", "table": "ward", "version": 2, "description": "A ward's patients",
    "columns": [
        {"name": "age", "description": "Age", "kind": "quantity", "unit": "years", "offset": 0, "step": 1, "min": 18, "max": 110},
        {"name": "smoker", "description": "Smokes", "kind": "flag"},
        {"name": "stage", "description": "Stage", "kind": "code", "missing": true,
            "codes": [{"code": 1, "label": "early"}, {"code": 2, "label": "middle"}, {"code": 7, "label": "late"}]},
        {"name": "crp", "description": "CRP", "kind": "quantity", "unit": "mg/l", "offset": 0, "step": 0.5, "min": 0, "max": 500, "missing": true},
        {"name": "seen", "description": "First seen", "kind": "date", "min": "1990-01-01", "max": "2030-12-31", "missing": true}
    ]
}"#;

/// Each schema column from the file's column of the same name.
const MAPPING: &str = r#"{
    "format": "cohortium-mapping/1", "table": "ward", "schema_version": 2, "patient": "id", "missing": ["NA"],
    "columns": {
        "age": {"from": "age"}, "smoker": {"from": "smoker"}, "stage": {"from": "stage"},
        "crp": {"from": "crp"}, "seen": {"from": "seen"}
    }
}"#;

fn schema() -> Schema {
    Schema::parse(SCHEMA).unwrap()
}

/// The mapping above with one column's rule replaced.
fn mapping_with(column: &str, rule: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(MAPPING).unwrap();
    json["columns"][column] = serde_json::from_str(rule).unwrap();
    json.to_string()
}

fn tagger(site: &str) -> Tagger {
    Tagger::new(PatientKey::from_bytes([5; 32]), site, "ward")
}

/// Imports a file without quotation marks, its first line the header.
fn import_with(mapping: &str, file: &str, options: ImportOptions) -> Result<Import, ImportError> {
    let schema = schema();
    let mapping = Mapping::parse(mapping, &schema).unwrap();
    let mut lines = file.lines().zip(1..).map(|(text, line)| (line, text.split(',').collect::<Vec<_>>()));
    let (_, header) = lines.next().unwrap();
    let mut importer = Importer::new(&schema, &mapping, &header)?;
    for (line, fields) in lines {
        importer.push(line, &fields)?;
    }
    importer.finish(&tagger("north"), options, &mut StdRng::seed_from_u64(1))
}

fn import(file: &str) -> Result<Import, ImportError> {
    import_with(MAPPING, file, ImportOptions::default())
}

/// The stored row of a patient, found by tag.
fn row_of(table: &super::Table, identifier: &str) -> Option<Vec<u16>> {
    let limbs = tagger("north").tag(identifier).limbs();
    let row = (0..table.rows()).find(|row| (0..8).all(|limb| table.tags()[limb][*row] == limbs[limb]))?;
    Some(table.columns().iter().map(|column| column[row]).collect())
}
