//! What the test programs share: a question put to a hospital, answered, and read again as an auditor reads it.

#![allow(dead_code, unreachable_pub)] // every test program takes what it needs

use std::sync::OnceLock;

use cohortium_keys::ProvingKey;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::policy::{GroupCells, Policy};
use cohortium_protocol::query::{Plan, Query};
use cohortium_protocol::shape::Shape;
use cohortium_prover::pipeline::{PipelineError, prepare};
use cohortium_tests::{Hospital, anchors_document, approval, key, request};
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
        prepare(&self.request, &self.approval, &site)?.prove(key, &self.anchors(), &mut OsRng, &mut |_, _| ())
    }

    /// What a reader of the file gets: parsed from its bytes, and verified.
    pub fn released(&self, bundle: &Bundle) -> Result<Vec<GroupCells>, AuditError> {
        let bytes = serde_json::to_vec(bundle).unwrap();
        let read = Bundle::parse(&bytes).unwrap();
        assert!(read == *bundle, "a bundle reads as it was written");
        verify_release(&read, &self.anchors()).map(|release| release.cells().to_vec())
    }
}
