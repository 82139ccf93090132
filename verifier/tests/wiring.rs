//! Traps 4 and 22: nothing about wiring, tables, policy, shape or key is taken from the bundle. Trap 11, as far as
//! it goes today: what is read has one form.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_protocol::bundle::Bundle;
use cohortium_verifier::{Anchors, AuditError, Step, verify_release};
use serde_json::{Value, json};

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");

fn refused(change: impl Fn(&mut Bundle)) -> AuditError {
    let mut bundle = Bundle::parse(GOOD.as_bytes()).unwrap();
    change(&mut bundle);
    verify_release(&bundle, &Anchors::parse(ANCHORS).unwrap()).unwrap_err()
}

#[test]
fn trap_4_columns_stand_where_the_plan_needs_them() {
    let swapped = refused(|bundle| bundle.proof.columns.swap(0, 1));
    assert_eq!(swapped.step, Step::Commitments);
    assert!(swapped.to_string().contains("at this place the plan needs"), "{swapped}");
    let renamed = refused(|bundle| {
        let (left, right) = (bundle.proof.columns[0].column.clone(), bundle.proof.columns[1].column.clone());
        bundle.proof.columns[0].column = right;
        bundle.proof.columns[1].column = left;
    });
    assert_eq!(renamed.step, Step::Commitments, "{renamed}");
    let missing = refused(|bundle| drop(bundle.proof.columns.pop()));
    assert!(missing.to_string().contains("the bundle opens nothing"), "{missing}");
    let twice = refused(|bundle| {
        let last = bundle.proof.columns.last().unwrap().clone();
        bundle.proof.columns.push(last);
    });
    assert!(twice.to_string().contains("the plan needs nothing"), "{twice}");
}

#[test]
fn trap_22_floor_shape_and_key_are_the_anchors() {
    let floor =
        refused(|bundle| bundle.policy_floor = bundle.approval.policy.clone().with_query_cap(Default::default()));
    // The same policy is no change; so the floor of the vector differs from its approval's, or nothing was refused.
    assert_eq!(floor.step, Step::Registration, "{floor}");
    let key = refused(|bundle| bundle.request.sites[0].verifying_key = bundle.request.plan);
    assert_eq!(key.step, Step::Anchors, "{key}");
    let shape = refused(|bundle| bundle.request.sites[0].shape.name = "query-16".to_owned());
    assert_eq!(shape.step, Step::Registration, "{shape}");
}

/// The cost of an evaluation is exponential in a point's length, so lengths are looked at first.
#[test]
fn points_of_other_lengths_are_refused_before_anything_is_evaluated() {
    for extra in [1, 20, 60, 200] {
        for which in 0..3 {
            let error = refused(|bundle| {
                let at = &mut bundle.proof.challenges;
                let list =
                    [&mut at.row_point, &mut at.value_point, &mut at.table_point].into_iter().nth(which).unwrap();
                list.extend(vec![at.mu; extra]);
            });
            assert!(error.to_string().contains("coordinates"), "{error}");
        }
    }
    let short = refused(|bundle| bundle.proof.challenges.row_point.truncate(11));
    assert!(short.to_string().contains("the point r has 11 coordinates"), "{short}");
}

/// The modulus, big-endian.
const MODULUS: [u8; 32] = [
    0x30, 0x64, 0x4e, 0x72, 0xe1, 0x31, 0xa0, 0x29, 0xb8, 0x50, 0x45, 0xb6, 0x81, 0x81, 0x58, 0x5d, 0x28, 0x33, 0xe8,
    0x48, 0x79, 0xb9, 0x70, 0x91, 0x43, 0xe1, 0xf5, 0x93, 0xf0, 0x00, 0x00, 0x01,
];

/// The same element's next form: the modulus more.
fn second_form(bytes: &[u8]) -> [u8; 32] {
    let (mut out, mut carry) = ([0; 32], 0u16);
    for i in (0..32).rev() {
        let sum = u16::from(bytes[i]) + u16::from(MODULUS[i]) + carry;
        (out[i], carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "it is 256 bits still");
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where field elements stand in a bundle: as texts.
fn elements(place: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, x)| elements(&format!("{place}/{name}"), x, out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, x)| elements(&format!("{place}/{i}"), x, out)),
        Value::String(text) if text.len() == 64 => out.push(place.to_owned()),
        _ => {}
    }
}

/// A third of all elements have two forms of 254 bits, and all of them several of 256. Every public input that is
/// read is refused in any but its one form; and so is what the openings say.
#[test]
fn trap_11_a_field_element_has_one_form() {
    let good: Value = serde_json::from_str(GOOD).unwrap();
    let mut places = Vec::new();
    elements("/proof", &good["proof"], &mut places);
    let count = |part: &str| places.iter().filter(|place| place.starts_with(&format!("/proof/{part}"))).count();
    assert_eq!((count("challenges/row_point"), count("challenges/value_point")), (12, 17));
    assert_eq!((count("challenges/table_point"), count("challenges/mu")), (16, 1));
    let columns = ["columns", "multiplicities"].map(|list| good["proof"][list].as_array().unwrap().len());
    assert_eq!((count("columns/"), count("multiplicities/")), (columns[0], columns[1]));
    assert_eq!((count("column_opening/"), count("multiplicity_opening/")), (2, 2), "mask's value, blinding's answer");
    assert_eq!(places.len(), 46 + columns[0] + columns[1] + 4, "{places:?}");
    for place in &places {
        let text = good.pointer(place).unwrap().as_str().unwrap();
        let digits = (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap());
        let bytes: Vec<u8> = digits.collect();
        assert!(bytes[..] < MODULUS[..]);
        let mut bundle = good.clone();
        *bundle.pointer_mut(place).unwrap() = json!(hex(&second_form(&bytes)));
        let refused = Bundle::parse(bundle.to_string().as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("a field element is less than the BN254 scalar modulus"), "{place}: {refused}");
    }
    for opening in ["column_opening", "multiplicity_opening"] {
        let mut bundle = good.clone();
        let answers = &mut bundle["proof"][opening]["answers"];
        let mut bytes = STANDARD.decode(answers.as_str().unwrap()).unwrap();
        let second = second_form(&bytes[..32]);
        bytes[..32].copy_from_slice(&second);
        *answers = json!(STANDARD.encode(&bytes));
        let refused = Bundle::parse(bundle.to_string().as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("field element") && refused.contains(opening), "{refused}");
    }
}
