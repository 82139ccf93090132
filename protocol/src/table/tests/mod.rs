//! Tests of the tables, by subject. Every refusal is tested by its message: people act on messages.

mod schema;
mod tag;

use super::Schema;

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

fn schema() -> Schema {
    Schema::parse(SCHEMA).unwrap()
}
