//! Admission over the bundle that must verify for ever.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_server::{AdmissionError, Admitted};
use cohortium_verifier::Anchors;

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

#[test]
fn a_site_answers_a_request_once() {
    let anchors = Anchors::parse(ANCHORS).unwrap();
    let mut admitted = Admitted::new();
    let (request, site) = {
        let release = admitted.admit(GOOD.as_bytes(), &anchors).unwrap();
        (release.request(), release.site().to_owned())
    };
    assert_eq!(admitted.len(), 1);
    assert!(admitted.get(request, &site).is_some());
    assert!(admitted.get(request, "nobody").is_none());
    let again = admitted.admit(GOOD.as_bytes(), &anchors).unwrap_err();
    assert_eq!(again, AdmissionError::Answered { site, request });
}

#[test]
fn what_an_auditor_refuses_is_not_admitted() {
    let anchors = Anchors::parse(ANCHORS).unwrap();
    let mut admitted = Admitted::new();
    assert!(matches!(admitted.admit(b"{}", &anchors), Err(AdmissionError::Bundle(_))));
    let other_ledger = GOOD.replacen("file-exchange", "another", 1);
    let refused = admitted.admit(other_ledger.as_bytes(), &anchors).unwrap_err().to_string();
    assert!(refused.contains("the request is of ledger \"another\""), "{refused}");
    assert!(admitted.is_empty());
}
