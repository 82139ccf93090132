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
    assert_eq!(again, AdmissionError::Answered { site: site.clone(), request });
    assert_eq!(
        again.to_string(),
        format!("{site} has answered the request {request} already; a site answers a request once")
    );
    // Another file is no other answer: not with other white space, and not with other numbers.
    let spaced = format!("{GOOD}\n\n");
    assert!(matches!(admitted.admit(spaced.as_bytes(), &anchors), Err(AdmissionError::Answered { .. })));
    let other = GOOD.replacen("{\"state\":\"zero\"}", "{\"state\":\"suppressed\"}", 1);
    assert_ne!(other, GOOD);
    assert!(matches!(admitted.admit(other.as_bytes(), &anchors), Err(AdmissionError::Answered { .. })));
    assert_eq!(admitted.len(), 1);
}

#[test]
fn trials_are_not_admitted_unless_the_anchors_are_for_trials() {
    let strict = ANCHORS.replacen("\"accept_development_keys\": true", "\"accept_development_keys\": false", 1);
    let mut admitted = Admitted::new();
    let refused = admitted.admit(GOOD.as_bytes(), &Anchors::parse(&strict).unwrap()).unwrap_err();
    assert_eq!(refused, AdmissionError::DevelopmentKey);
    assert!(admitted.is_empty(), "a refusal changes nothing");
    admitted.admit(GOOD.as_bytes(), &Anchors::parse(ANCHORS).unwrap()).unwrap();
}

#[test]
fn forged_numbers_are_not_admitted() {
    let anchors = Anchors::parse(ANCHORS).unwrap();
    let mut admitted = Admitted::new();
    let other = GOOD.replacen("{\"state\":\"zero\"}", "{\"state\":\"suppressed\"}", 1);
    let refused = admitted.admit(other.as_bytes(), &anchors).unwrap_err();
    assert!(matches!(refused, AdmissionError::Audit(_)), "{refused}");
    assert!(refused.to_string().starts_with("the release does not pass the audit: "), "{refused}");
    // And the honest answer is still welcome.
    admitted.admit(GOOD.as_bytes(), &anchors).unwrap();
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
