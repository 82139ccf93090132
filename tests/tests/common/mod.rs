//! What the test programs share: a question put to a hospital, answered, and read again as an auditor reads it.

#![allow(dead_code, unreachable_pub)] // every test program takes what it needs

use std::sync::OnceLock;

use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::policy::{GroupCells, Policy, QueryCap};
use cohortium_protocol::query::{Plan, Query};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::{synthetic_consents, synthetic_table};
use cohortium_prover::pipeline::{PipelineError, prepare};
use cohortium_tests::{Hospital, anchors_document, approval, consent_column, key, request, seeded, usual_policy};
use cohortium_verifier::{Anchors, AnchorsDocument, AuditError, verify_release};
use rand::rngs::OsRng;

/// The study of every question here.
pub const STUDY: &str = "S-1";

/// A query to the synthetic table: the fields beside the head.
pub fn query(fields: &str) -> Query {
    let comma = if fields.is_empty() { "" } else { "," };
    Query::parse(&format!(
        r#"{{"format": "cohortium-query/1", "title": "A question", "table": "synthetic", "study": "{STUDY}",
            "purpose": "DUO:0000042", "sponsor_class": "academic"{comma} {fields}}}"#
    ))
    .unwrap()
}

/// The development key of the smallest shape, loaded once.
pub fn key_12() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| key(Shape::QUERY_12))
}

/// A question, who allows it, and what the board knows.
pub struct Asked<'a> {
    pub hospital: &'a Hospital,
    pub plan: Plan,
    pub approval: Approval,
    pub request: Request,
    pub anchors: AnchorsDocument,
}

impl<'a> Asked<'a> {
    /// Under this policy of the board; exact sums if the plan is named.
    pub fn new(query: &Query, hospital: &'a Hospital, key: &ProvingKey, policy: Policy, named: bool) -> Self {
        let plan = hospital.plan(query);
        let named: &[&Plan] = if named { &[&plan] } else { &[] };
        let approval = approval(STUDY, hospital.schema.table(), policy, named);
        let request = request(query, &approval, hospital, key);
        let anchors = anchors_document(&[hospital], &[key], &[&approval]);
        Self { hospital, plan, approval, request, anchors }
    }

    /// The anchors, checked.
    pub fn anchors(&self) -> Anchors {
        Anchors::check(self.anchors.clone()).unwrap()
    }

    /// The answer, as the hospital writes it; it has passed the hospital's own audit.
    pub fn answer(&self, key: &ProvingKey) -> Result<Bundle, PipelineError> {
        let site = self.hospital.site();
        prepare(&self.request, &self.approval, &site, None)?.prove(key, &self.anchors(), &mut OsRng, &mut |_, _| ())
    }

    /// What a reader of the file gets: parsed from its bytes, and verified.
    pub fn released(&self, bundle: &Bundle) -> Result<Vec<GroupCells>, AuditError> {
        let bytes = serde_json::to_vec(bundle).unwrap();
        let read = Bundle::parse(&bytes).unwrap();
        assert!(read == *bundle, "a bundle reads as it was written");
        verify_release(&read, &self.anchors()).map(|release| release.cells().to_vec())
    }
}

/// A question that uses every part of the query language, asked of two sites; the answer of the first.
pub struct Rich {
    pub north: Hospital,
    pub south: Hospital,
    pub query: Query,
    pub approval: Approval,
    pub request: Request,
    pub anchors: AnchorsDocument,
    pub bundle: Bundle,
}

/// Proofs take the operating system's randomness; this one is remade in part, by the forgers.
pub const RICH_SEED: u64 = 1234;

const RICH: &str = r#""where": {"all": [
        {"any": [{"column": "age", "ranges": [[20, 55], [57, null]]}, {"not": {"column": "smoker", "is": true}}]},
        {"column": "icd", "in": ["C18", "C34", "C50", "E11", 5, 6]},
        {"column": "weight", "present": true},
        {"column": "entered", "between": ["2001-02-03", null]}]},
    "group_by": [{"column": "sex"}, {"column": "grade", "missing": "own bin"},
        {"column": "weight", "bins": {"from": "10.5", "width": "50.5", "count": 2, "beyond": true}}],
    "measures": {"count": true, "sum": "crp", "sum_of_squares": "crp", "sum_of_products": ["crp", "age"],
        "bounds": {"crp": [1, 450], "age": [18, null]}}"#;

/// Two sites, one question, one answer; made once a test program.
pub fn rich() -> &'static Rich {
    static RICH_ANSWER: OnceLock<Rich> = OnceLock::new();
    RICH_ANSWER.get_or_init(|| {
        let cap = QueryCap { per_approval: Some(20), per_column: Some(6) };
        let floor = usual_policy().with_query_cap(cap);
        let hospital = |site, rows, seed| {
            let (schema, table) = synthetic_table(rows, seed).unwrap();
            let columns = [consent_column(), "DUO:0000007/commercial".parse().unwrap()];
            let consents = synthetic_consents(&table, seed, &columns).unwrap();
            Hospital::new(site, schema, table, consents, floor.clone())
        };
        let (north, south) = (hospital("north", 700, 11), hospital("south", 60, 12));
        let query = query(RICH);
        let plan = north.plan(&query);
        let approval = Approval {
            columns: Some(north.schema.columns().iter().map(|column| column.name().to_owned()).collect()),
            exact_plans: vec![south.epoch.digest(), plan.digest()],
            ..approval(STUDY, "synthetic", usual_policy(), &[])
        };
        let mut request = request(&query, &approval, &north, key_12());
        request.sites.push(south.pin(key_12()));
        let anchors = anchors_document(&[&north, &south], &[key_12()], &[&approval]);
        let checked = Anchors::check(anchors.clone()).unwrap();
        let site = north.site();
        let prepared = prepare(&request, &approval, &site, None).unwrap();
        let bundle = prepared.prove(key_12(), &checked, &mut seeded(RICH_SEED), &mut |_, _| ()).unwrap();
        drop(prepared);
        Rich { north, south, query, approval, request, anchors, bundle }
    })
}

impl Rich {
    /// The anchors, checked.
    pub fn anchors(&self) -> Anchors {
        Anchors::check(self.anchors.clone()).unwrap()
    }
}
