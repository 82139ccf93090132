//! Everything that is read from outside, changed at random: refused or read, never a panic, and what is read has one
//! meaning, which survives being written and read again.
//!
//! 1,024 changes; `PROPTEST_CASES=100000` for more.

use std::sync::OnceLock;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::ledger::{Charter, Checkpoint, Transaction};
use cohortium_protocol::policy::Policy;
use cohortium_protocol::query::Query;
use cohortium_protocol::table::Schema;
use cohortium_tests::exchange::{Exchange, OPERATOR, key_of};
use cohortium_verifier::Anchors;
use cohortium_verifier::ledger::{Founding, parse_block};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::world::{exchange, story};

/// Reads bytes; if they are taken, gives them as they are written.
type Reader = fn(&[u8]) -> Option<Vec<u8>>;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn written(document: Option<&impl Serialize>) -> Option<Vec<u8>> {
    document.map(|document| serde_json::to_vec(document).unwrap())
}

/// A reader of text, by its type.
macro_rules! reads {
    ($document:ty) => {
        |bytes| written(text(bytes).and_then(|text| <$document>::parse(text).ok()).as_ref())
    };
}

fn note(bytes: &[u8]) -> Option<Vec<u8>> {
    let (ledger, operator) = (exchange().charter.ledger(), key_of(OPERATOR));
    let checkpoint = Checkpoint::verify(text(bytes)?, &ledger, &operator.public()).ok()?;
    Some(checkpoint.sign(&operator).unwrap().into_bytes())
}

/// Every reader with something that it takes.
fn readers() -> &'static [(&'static str, Vec<u8>, Reader)] {
    static READERS: OnceLock<Vec<(&'static str, Vec<u8>, Reader)>> = OnceLock::new();
    READERS.get_or_init(|| {
        let (exchange, story): (&Exchange<'_>, _) = (exchange(), story());
        let json = |document: &dyn erased::Json| document.json();
        let north = &exchange.north;
        let block = &story.chain.blocks[4];
        let release = block.transactions.iter().find(|one| one.statement.kind() == "release").unwrap();
        vec![
            ("schema", json(&north.schema), reads!(Schema)),
            ("manifest", json(&north.manifest), reads!(DatasetManifest)),
            ("epoch", json(&north.epoch), reads!(ConsentEpoch)),
            ("policy", json(&north.floor), reads!(Policy)),
            ("query", json(&story.requests[0].query), reads!(Query)),
            ("approval", json(&story.approvals[0]), reads!(Approval)),
            ("request", json(&story.requests[0]), reads!(Request)),
            ("charter", json(&exchange.charter), reads!(Charter)),
            ("verifying key", json(&exchange.verifying().to_document()), |bytes| {
                written(VerifyingKey::parse(text(bytes)?).ok().map(|key| key.to_document()).as_ref())
            }),
            ("anchors", json(&exchange.anchors_document()), |bytes| {
                Anchors::parse(text(bytes)?).ok().map(|anchors| anchors.digest().as_bytes().to_vec())
            }),
            ("transaction", json(release), |bytes| written(Transaction::parse(bytes).ok().as_ref())),
            ("block", json(block), |bytes| written(parse_block(5, bytes).ok().as_ref())),
            ("founding", json(&exchange.founding()), |bytes| {
                written(Founding::parse(bytes).ok().filter(|founding| founding.found().is_ok()).as_ref())
            }),
            ("checkpoint", block.checkpoint.clone().into_bytes(), note),
            ("bundle", json(&story.bundle("north", 0)), |bytes| written(Bundle::parse(bytes).ok().as_ref())),
        ]
    })
}

/// Documents of different types in one list.
mod erased {
    pub(super) trait Json {
        fn json(&self) -> Vec<u8>;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> Vec<u8> {
            serde_json::to_vec(self).unwrap()
        }
    }
}

/// What is done to a document. Numbers are places, and wrap around.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Cut(usize, usize),
    Twice(usize, usize),
    /// A value deep in the JSON becomes another.
    Value(usize, usize),
    /// A field that nobody knows.
    Unknown(usize),
    /// A list's or an object's entry goes, or one more comes.
    Shorter(usize),
    Longer(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = || any::<usize>();
    prop_oneof![
        1 => (place(), 1..=255u8).prop_map(|(place, bits)| Change::Flip(place, bits)),
        1 => (place(), 1..40usize).prop_map(|(place, length)| Change::Cut(place, length)),
        1 => (place(), 1..40usize).prop_map(|(place, length)| Change::Twice(place, length)),
        6 => (place(), place()).prop_map(|(place, value)| Change::Value(place, value)),
        1 => place().prop_map(Change::Unknown),
        2 => place().prop_map(Change::Shorter),
        2 => place().prop_map(Change::Longer),
    ]
}

/// Values that are at the edge of something.
fn edges() -> Vec<Value> {
    let deep = (0..200).fold(json!(0), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(2),
        json!(65_535),
        json!(65_536),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(0.1),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}x"),
        json!("a".repeat(5000)),
        json!("0".repeat(64)),
        json!("f".repeat(64)),
        json!("AAAA"),
        json!("2026-02-30"),
        json!("9999-12-31T23:59:59Z"),
        json!([]),
        json!({}),
        json!([[], {}]),
        deep,
    ]
}

/// All values in a document, outermost first.
fn places(value: &Value, paths: &mut Vec<String>, path: &str) {
    paths.push(path.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
            let name = name.replace('~', "~0").replace('/', "~1");
            places(inner, paths, &format!("{path}/{name}"));
        }),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, inner)| places(inner, paths, &format!("{path}/{place}")));
        }
        _ => {}
    }
}

fn in_json(bytes: &[u8], place: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return bytes.to_vec() };
    let mut paths = Vec::new();
    places(&value, &mut paths, "");
    if let Some(inner) = value.pointer_mut(&paths[place % paths.len()]) {
        change(inner);
    }
    serde_json::to_vec(&value).unwrap()
}

fn changed(bytes: &[u8], change: &Change) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    match *change {
        Change::Flip(place, bits) => {
            if let Some(byte) = bytes.get_mut(place % length) {
                *byte ^= bits;
            }
        }
        Change::Cut(place, count) => {
            let start = place % length;
            bytes.drain(start..(start + count).min(bytes.len()));
        }
        Change::Twice(place, count) => {
            let start = place % length;
            let slice = bytes[start..(start + count).min(bytes.len())].to_vec();
            bytes.splice(start..start, slice);
        }
        Change::Value(place, edge) => {
            let edges = edges();
            return in_json(&bytes, place, |inner| *inner = edges[edge % edges.len()].clone());
        }
        Change::Unknown(place) => {
            return in_json(&bytes, place, |inner| {
                if let Value::Object(fields) = inner {
                    fields.insert("unknown_field".to_owned(), json!(1));
                }
            });
        }
        Change::Shorter(place) => {
            return in_json(&bytes, place, |inner| match inner {
                Value::Array(list) => drop(list.pop()),
                Value::Object(fields) => {
                    let first = fields.keys().next().cloned();
                    first.map(|first| fields.remove(&first));
                }
                _ => {}
            });
        }
        Change::Longer(place) => {
            return in_json(&bytes, place, |inner| {
                if let Value::Array(list) = inner {
                    list.extend(list.last().cloned());
                }
            });
        }
    }
    bytes
}

#[test]
fn every_reader_takes_what_it_is_meant_for() {
    for (name, bytes, read) in readers() {
        let written = read(bytes).unwrap_or_else(|| panic!("the {name} is not read"));
        if *name != "anchors" {
            assert_eq!(read(&written).as_ref(), Some(&written), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4 * ProptestConfig::default().cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_changed_is_refused_or_has_one_meaning(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let (name, bytes, read) = which.get(readers());
        let changed = changes.iter().fold(bytes.clone(), |bytes, change| changed(&bytes, change));
        // A panic in a reader fails the test.
        if let Some(written) = read(&changed)
            && *name != "anchors"
        {
            let again = read(&written);
            prop_assert_eq!(again.as_ref(), Some(&written), "the {} is written otherwise than it was read", name);
        }
    }
}
