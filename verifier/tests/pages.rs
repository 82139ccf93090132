//! The example of the page on reports is a report's.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_protocol::bundle::Bundle;
use cohortium_verifier::{Anchors, Known, audit};
use serde_json::Value;

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");
const PAGE: &str = include_str!("../../docs/src/formats/report.md");

/// The real report of a good bundle, by a board that accepts no development keys.
fn report() -> Value {
    let mut anchors: Value = serde_json::from_str(ANCHORS).unwrap();
    anchors["accept_development_keys"] = false.into();
    let anchors = Anchors::parse(&anchors.to_string()).unwrap();
    let bundle = Bundle::parse(GOOD.as_bytes()).unwrap();
    serde_json::to_value(audit(&bundle, GOOD.as_bytes(), &anchors, &Known::default())).unwrap()
}

/// Whether an example shows nothing but what the real thing has: fields by name, of a list some elements. Digests,
/// and texts with the site's name, are another site's.
fn shows(example: &Value, real: &Value) -> bool {
    match (example, real) {
        (Value::Object(example), Value::Object(real)) => {
            example.iter().all(|(name, value)| real.get(name).is_some_and(|real| shows(value, real)))
        }
        (Value::Array(example), Value::Array(real)) => {
            example.iter().all(|element| real.iter().any(|real| shows(element, real)))
        }
        (Value::String(example), Value::String(real)) => {
            let is_hex = |text: &str| [16, 64].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
            example.replace("rotterdam", "north") == *real
                || is_hex(example) && is_hex(real) && example.len() == real.len()
        }
        (example, real) => example == real,
    }
}

#[test]
fn the_example_on_the_page_is_a_report() {
    let real = report();
    let mut examples = 0;
    for block in PAGE.split("```json\n").skip(1) {
        let example: Value = serde_json::from_str(block.split("```").next().unwrap()).unwrap();
        assert!(shows(&example, &real), "{example:#}");
        for anchor in example["anchors"].as_array().unwrap() {
            let [digest, fingerprint] = ["digest", "fingerprint"].map(|name| anchor[name].as_str().unwrap());
            assert_eq!(&digest[..16], fingerprint);
        }
        examples += 1;
    }
    assert!(examples > 0);
    // What is no report's is told apart.
    for (from, to) in [("\"name\": \"binding\"", "\"name\": \"bonding\""), ("\"verdict\"", "\"judgement\"")] {
        let block = PAGE.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        let changed = block.replace(from, to);
        assert!(changed != block && !shows(&serde_json::from_str(&changed).unwrap(), &real), "{from}");
    }
    // Every field that a report has is in the page's table.
    for field in real.as_object().unwrap().keys() {
        assert!(PAGE.contains(&format!("`{field}`")), "{field}");
    }
}
