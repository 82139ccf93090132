//! The rules of consents in a charter.

use serde_json::{Value, json};

use super::*;

fn charter(consents: &Value) -> Result<Charter, CharterError> {
    let key = |byte| crate::ledger::MemberKey::from_bytes(&[byte; 32]).public();
    let mut charter = json!({
        "format": CHARTER_FORMAT, "name": "coast", "founded": "2026-01-15", "members": [
            { "name": "Operator", "role": "operator", "key": key(1) },
            { "name": "north", "role": "hospital", "key": key(2) },
        ],
        "verifying_keys": [], "acceptance_seconds": 86_400, "answer_seconds": 86_400, "opening_share": 9,
    });
    if !consents.is_null() {
        charter["consents"] = consents.clone();
    }
    Charter::parse(&charter.to_string())
}

fn rules(batch_seconds: u64, batch_leaves: u32, epoch_days: u32) -> Value {
    json!({ "batch_seconds": batch_seconds, "batch_leaves": batch_leaves, "epoch_days": epoch_days })
}

#[test]
fn rules_of_consents_are_hashed_where_they_are() {
    let (without, usual) = (charter(&Value::Null).unwrap(), charter(&rules(86_400, 64, 31)).unwrap());
    // The same rules, and another charter: what is not said was not signed.
    assert_eq!((without.consents, without.consent_rules()), (None, ConsentRules::USUAL));
    assert_eq!(usual.consent_rules(), ConsentRules::USUAL);
    assert_ne!(without.digest(), usual.digest());
    // As it was before charters had such rules.
    assert_eq!(without.digest().to_string(), "b33fd99ea8ecfe15ecf6a89a81204bc98e7fcd9947cb0bf989c51992c5136bee");
    assert!(!serde_json::to_string(&without).unwrap().contains("consents"));
    let digests: std::collections::BTreeSet<_> =
        [rules(86_400, 64, 31), rules(3600, 64, 31), rules(86_400, 128, 31), rules(86_400, 64, 30)]
            .iter()
            .map(|rules| charter(rules).unwrap().digest())
            .collect();
    assert_eq!(digests.len(), 4);
    let read = Charter::parse(&serde_json::to_string(&usual).unwrap()).unwrap();
    assert_eq!((read.digest(), read), (usual.digest(), usual));
}

#[test]
fn rules_of_consents_have_their_ranges() {
    for good in [rules(1, 2, 1), rules(MAX_SECONDS, MAX_BATCH_LEAVES, 3_660)] {
        charter(&good).unwrap();
    }
    for (bad, field) in [
        (rules(0, 64, 31), "batch_seconds"),
        (rules(MAX_SECONDS + 1, 64, 31), "batch_seconds"),
        (rules(86_400, 64, 0), "epoch_days"),
        (rules(86_400, 64, 3_661), "epoch_days"),
    ] {
        let error = charter(&bad).unwrap_err();
        assert!(matches!(error, CharterError::Range { field: found, .. } if found == field), "{error}");
    }
    for leaves in [0, 1, 3, 63, 65, MAX_BATCH_LEAVES + 1, MAX_BATCH_LEAVES * 2] {
        assert_eq!(charter(&rules(86_400, leaves, 31)), Err(CharterError::Leaves { found: leaves }));
    }
    let mut more = rules(86_400, 64, 31);
    more["more"] = json!(1);
    assert!(charter(&more).unwrap_err().to_string().contains("unknown field `more`"));
    let less = json!({ "batch_seconds": 86_400 });
    assert!(charter(&less).unwrap_err().to_string().contains("missing field"));
}
