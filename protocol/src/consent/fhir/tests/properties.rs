//! Junk anywhere.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// Every place of a value.
fn places(value: &Value, path: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(field, value)| places(value, format!("{path}/{field}"), all)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| places(value, format!("{path}/{place}"), all))
        }
        _ => {}
    }
    all.push(path);
}

fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("deny")),
        Just(json!("2030-12-31T25:00:00é")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("[a-zA-Z_]{0,10}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Junk anywhere in a resource: never a panic; and a consent comes out only if everything that can restrict is as it was.
    #[test]
    fn nothing_is_granted_that_was_not_there(at in any::<Index>(), to in junk(), from in any::<bool>()) {
        let mut value = with(&[("/provision/actor", json!([actor(json!({"reference": "Organization/7", "display": "U"}))])),
            ("/provision/period", json!({"end": "2030-12-31"})), ("/provision/action", json!([concept(ACTION, "use")]))]);
        let before = choices(&read(&value));
        let mut all = Vec::new();
        places(&value, String::new(), &mut all);
        let path = at.get(&all).clone();
        *value.pointer_mut(&path).unwrap() = to;
        let from = if from { PatientFrom::Identifier } else { PatientFrom::Reference };
        if let Ok(import) = import(&value.to_string(), from) {
            let after = choices(&import);
            prop_assert!(after.is_empty() || after == before || after.iter().all(|choice| choice.decision() != Decision::Granted)
                || ["/provision/period/end", "/provision/actor/0/reference/display"].contains(&path.as_str()), "{path}: {after:?}");
            prop_assert!(!after.is_empty() || !import.report.findings.is_empty(), "what becomes no choice is reported");
            prop_assert!(import.report.to_text().len() < 60_000);
        }
    }

    /// Any text: an error or an import, no panic.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", value in junk()) {
        drop(import(&text, PatientFrom::Identifier));
        let mut value = value;
        if let Some(map) = value.as_object_mut() {
            map.insert("resourceType".into(), "Consent".into());
        }
        if let Ok(import) = import(&value.to_string(), PatientFrom::Reference) {
            prop_assert!(import.choices.is_empty());
        }
    }
}
