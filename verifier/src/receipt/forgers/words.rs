//! The report in words, and for machines.

use serde_json::json;

use super::said::{ROW, card, revoked};
use super::scene::{Plan, Scene};
use crate::receipt::report::ReceiptReport;
use crate::receipt::verify::{Holder, check_receipt};

fn good() -> ReceiptReport {
    let scene = Scene::honest();
    check_receipt(&scene.receipt(), &scene.anchors(), &Holder::Card(card(ROW)), &[], None).unwrap()
}

/// The revocation is left out, and the patient has its acknowledgement.
fn bad() -> ReceiptReport {
    let scene = Scene::of(Plan { posted: revoked(), ..Plan::default() });
    let mut receipt = scene.receipt();
    let last = receipt.events.pop().unwrap().event;
    let receipt = scene.signed(receipt);
    let acknowledged = [scene.acknowledge(&last, "2026-02-20", Some(3))];
    check_receipt(&receipt, &scene.anchors(), &Holder::Card(card(ROW)), &acknowledged, None).unwrap()
}

#[test]
fn a_good_receipt_in_words() {
    assert_eq!(good().to_string(), GOOD);
}

#[test]
fn a_bad_receipt_in_words() {
    let text = bad().to_string();
    for part in BAD {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains("HOLDS"), "{text}");
}

#[test]
fn both_for_machines() {
    let good = serde_json::to_value(good()).unwrap();
    assert_eq!(
        good["flags"][0],
        json!({
            "column": "DUO:0000042/academic", "consents": true, "expected": true,
            "because": good["flags"][0]["because"],
        })
    );
    assert_eq!((&good["row"], &good["until"]), (&json!(7), &json!("2026-04-01")));
    assert_eq!((&good["violations"], &good["counted"]), (&json!([]), &json!(null)));
    assert_eq!(good["events"].as_array().unwrap().len(), 3);
    let bad = serde_json::to_value(bad()).unwrap();
    assert_eq!(bad["violations"][0]["ignored"]["batch"], json!(3));
    assert_eq!(bad["violations"][0]["ignored"]["cutoff"], json!(3));
    assert_eq!(bad["violations"][1]["counted_against_will"]["column"], json!("DUO:0000042/academic"));
    assert_eq!(bad["flags"][0]["expected"], json!(false));
}

/// As a patient reads it.
const GOOD: &str = "RECEIPT

Hospital North, table synthetic, version 1: consent epoch 1 of 2026-03-01
  On the ledger, signed by the hospital, under a checkpoint of 5 transactions at
  2026-03-01T12:00:00Z.
  Row 7, a data row, bears your tag; queries may use it until 2026-04-01.

YOUR CHOICES IN THIS EPOCH
  DUO:0000042/academic: yes (covered)
  DUO:0000042/commercial: no (the consent is not for commercial sponsors)

YOUR EVENTS, ALL THAT THE HOSPITAL SHOWS
  1, 2026-02-01: the patient's key is fe73ac1f59919118 (signed with the patient's card) [batch 1]
  2, 2026-02-01: yes to research of any kind (signed by the patient) [batch 1]
  3, 2026-02-10: yes to research of any kind, not by companies (signed by the patient) [batch 2]

HOLDS: your choices in this epoch are what your events say.
This file proves to anybody who has it that you are in this table, and what you chose. Keep it to
  yourself.
";

/// What a patient has to find in the other.
const BAD: [&str; 4] = [
    "SHOULD BE NO",
    "VIOLATIONS\n",
    "IGNORED: event 4, 2026-02-20: no longer research of any kind",
    "FAILS: the hospital did not heed your choices. Take the evidence to the ethics board.",
];
