//! A schema and queries for tests.

use super::{Query, compile};
use crate::query::{CompileError, Plan};
use crate::shape::Shape;
use crate::table::{ConsentColumn, Schema};

/// Shaped like the breast cancer cohorts of the demonstration.
pub(crate) fn schema() -> Schema {
    Schema::parse(
        r#"{"format": "cohortium-schema/1", "table": "breast-cancer", "version": 1, "description": "test",
        "columns": [
        {"name": "age", "description": "age at surgery", "kind": "quantity", "unit": "years",
         "offset": 0, "step": 1, "min": 18, "max": 110},
        {"name": "meno", "description": "postmenopausal", "kind": "flag"},
        {"name": "size", "description": "tumour size", "kind": "code", "missing": true, "codes": [
          {"code": 0, "label": "<=20"}, {"code": 1, "label": "20-50"}, {"code": 4, "label": ">50"}]},
        {"name": "grade", "description": "grade", "kind": "code", "codes": [
          {"code": 1, "label": "1"}, {"code": 2, "label": "2"}, {"code": 3, "label": "3"}]},
        {"name": "nodes", "description": "positive nodes", "kind": "quantity", "unit": "nodes",
         "offset": 0, "step": 1, "min": 0, "max": 60, "missing": true},
        {"name": "nodes_class", "description": "classes of nodes", "kind": "code", "source": "nodes", "missing": true,
         "codes": [{"code": 0, "label": "none"}, {"code": 1, "label": "some"}]},
        {"name": "er", "description": "oestrogen receptors", "kind": "quantity", "unit": "fmol/l",
         "offset": -0.5, "step": 0.25, "min": 0, "max": 1000, "missing": true},
        {"name": "hormon", "description": "hormonal treatment", "kind": "flag"},
        {"name": "chemo", "description": "chemotherapy", "kind": "flag"},
        {"name": "event", "description": "recurrence or death", "kind": "flag"},
        {"name": "rfs", "description": "recurrence-free survival", "kind": "quantity", "unit": "days",
         "offset": 0, "step": 1, "min": 0, "max": 7300},
        {"name": "surgery", "description": "day of surgery", "kind": "date",
         "min": "1978-01-01", "max": "1993-12-31", "missing": true}]}"#,
    )
    .unwrap()
}

/// The consent column of [`query`].
pub(crate) fn consent() -> ConsentColumn {
    "DUO:0000042/academic".parse().unwrap()
}

/// A query with these fields beside the head.
pub(crate) fn query(fields: &str) -> Query {
    let comma = if fields.is_empty() { "" } else { "," };
    Query::parse(&format!(
        r#"{{"format": "cohortium-query/1", "title": "a question", "table": "breast-cancer", "study": "S-1",
        "purpose": "DUO:0000042", "sponsor_class": "academic"{comma}{fields}}}"#
    ))
    .unwrap()
}

/// A query with this selection.
pub(crate) fn selecting(part: &str) -> Query {
    query(&format!(r#""where": {part}"#))
}

/// Compiles for the smallest standard shape.
pub(crate) fn compiled(query: &Query) -> Result<Plan, CompileError> {
    compile(query, &schema(), &consent(), &Shape::QUERY_12)
}
