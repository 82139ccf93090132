//! What a verdict rests on has one digest, over all of it.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::collections::BTreeMap;

use cohortium_verifier::{Anchors, AnchorsDocument};

const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

#[test]
fn the_digest_is_over_every_anchor() {
    type Change = (&'static str, fn(&mut AnchorsDocument));
    let changes: &[Change] = &[
        ("nothing", |_| ()),
        ("ledger", |a| a.ledger.push('x')),
        ("trials", |a| a.accept_development_keys = false),
        ("no keys", |a| a.verifying_keys.clear()),
        ("a site's name", |a| a.sites[0].site.push('x')),
        ("a manifest", |a| a.sites[0].manifest = a.sites[1].manifest),
        ("an epoch", |a| a.sites[0].epoch = a.sites[1].epoch),
        ("a floor", |a| a.sites[0].policy_floor = a.sites[1].manifest),
        ("manifest for epoch", |a| a.sites[0].epoch = a.sites[0].manifest),
        ("one site", |a| drop(a.sites.pop())),
        ("no sites", |a| a.sites.clear()),
        ("no approvals", |a| a.approvals.clear()),
        ("another approval", |a| a.approvals[0] = a.sites[0].manifest),
        ("an approval more", |a| a.approvals.push(a.sites[0].manifest)),
    ];
    let mut seen = BTreeMap::new();
    for (what, change) in changes {
        let mut document: AnchorsDocument = serde_json::from_str(ANCHORS).unwrap();
        change(&mut document);
        let anchors = Anchors::check(document).unwrap();
        if let Some(before) = seen.insert(anchors.digest(), what) {
            panic!("{what} and {before} have one digest");
        }
    }
}

#[test]
fn what_anchors_hold_is_found() {
    let document: AnchorsDocument = serde_json::from_str(ANCHORS).unwrap();
    let anchors = Anchors::check(document.clone()).unwrap();
    assert_eq!(anchors.site("north"), Some(&document.sites[0]));
    assert!(anchors.site("North").is_none() && anchors.site("").is_none());
    assert!(anchors.approves(&document.approvals[0]) && !anchors.approves(&document.sites[0].epoch));
    assert_eq!(anchors.key(&document.verifying_keys[0].id).unwrap().id(), document.verifying_keys[0].id);
    assert!(anchors.key(&document.sites[0].epoch).is_none());
}
