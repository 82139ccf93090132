//! Every field of a bundle changed, one at a time: each change is refused, by a message that names the part.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
mod rules;
mod walk;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_protocol::bundle::Bundle;
use cohortium_verifier::{Anchors, Step, verify_release};
use common::rich;
use rules::{RULES, SAME, begins, names, pattern};
use serde_json::{Value, json};
use walk::{Change, Walk};

/// What became of a changed bundle.
enum Outcome {
    /// It does not read.
    Unread(String),
    /// It reads as the very bundle it was.
    Same,
    /// The audit refuses it.
    Refused(Step, String),
    /// It passes.
    Accepted,
}

fn outcome(bytes: &[u8], good: &Bundle, anchors: &Anchors) -> Outcome {
    match Bundle::parse(bytes) {
        Err(error) => Outcome::Unread(error.to_string()),
        Ok(bundle) if bundle == *good => Outcome::Same,
        Ok(bundle) => match verify_release(&bundle, anchors) {
            Err(error) => Outcome::Refused(error.step, error.to_string()),
            Ok(_) => Outcome::Accepted,
        },
    }
}

/// What is wrong with what became of a change, if anything is.
fn judge(change: &Change, whole: &Value, good: &Bundle, anchors: &Anchors) -> Option<String> {
    let Change { path, what, .. } = change;
    let told = |problem: String| Some(format!("{path}, {what}: {problem}"));
    match outcome(&change.apply(whole), good, anchors) {
        Outcome::Accepted => told("ACCEPTED".to_owned()),
        Outcome::Same if SAME.contains(&(&pattern(path), what)) => None,
        Outcome::Same => told("reads as before".to_owned()),
        Outcome::Unread(text) if names(&text, path) => None,
        Outcome::Unread(text) => told(text),
        Outcome::Refused(step, text) => {
            let rule = RULES.iter().find(|(rule, _)| begins(path, rule));
            let fits = |(at, words): &(Step, &str)| *at == step && text.contains(words);
            if rule.is_some_and(|(_, reasons)| reasons.iter().any(fits)) {
                None
            } else {
                told(format!("{step:?}: {text}"))
            }
        }
    }
}

#[test]
fn every_field_that_is_changed_is_refused_by_name() {
    let rich = rich();
    let (good, anchors) = (&rich.bundle, rich.anchors());
    let whole = serde_json::to_value(good).unwrap();
    let changes = Walk::over(&whole);
    assert!(changes.len() > 4000, "{}", changes.len());
    // On threads of their own: tasks of a pool that wait for tasks of the same pool pile up on its stacks.
    let halves = changes.split_at(changes.len() / 2);
    let judge = |half: &[Change]| half.iter().filter_map(|change| judge(change, &whole, good, &anchors)).collect();
    let (mut wrong, rest): (Vec<String>, Vec<String>) = std::thread::scope(|scope| {
        let second = scope.spawn(|| judge(halves.1));
        (judge(halves.0), second.join().unwrap())
    });
    wrong.extend(rest);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), changes.len(), wrong.join("\n"));
}

/// Changes that leave every part well-formed by itself.
#[test]
fn well_formed_parts_of_elsewhere_are_refused() {
    let rich = rich();
    let (good, anchors) = (&rich.bundle, rich.anchors());
    let whole = serde_json::to_value(good).unwrap();
    let refused = |change: &dyn Fn(&mut Value)| -> (Step, String) {
        let mut value = whole.clone();
        change(&mut value);
        assert_ne!(value, whole);
        match outcome(value.to_string().as_bytes(), good, &anchors) {
            Outcome::Refused(step, text) => (step, text),
            Outcome::Unread(text) => panic!("not well-formed: {text}"),
            Outcome::Same | Outcome::Accepted => panic!("accepted"),
        }
    };
    let swap = |value: &mut Value, a: &str, b: &str| {
        let (x, y) = (value.pointer(a).unwrap().clone(), value.pointer(b).unwrap().clone());
        (*value.pointer_mut(a).unwrap(), *value.pointer_mut(b).unwrap()) = (y, x);
    };

    // Points of one column under another's name, and values exchanged.
    let columns: Vec<&str> = good.proof.columns.iter().map(|opened| opened.column.source.name()).collect();
    for place in 0..columns.len() - 1 {
        let [a, b] = [place, place + 1].map(|place| format!("/proof/columns/{place}/commitment"));
        let (step, text) = refused(&|value| swap(value, &a, &b));
        // Query-time commitments are named by nothing but the proof.
        let expected = if columns[place] == "query" { Step::Openings } else { Step::Commitments };
        assert_eq!(step, expected, "{place}: {text}");
        let [a, b] = [place, place + 1].map(|place| format!("/proof/columns/{place}/value"));
        assert_eq!(refused(&|value| swap(value, &a, &b)).0, Step::Openings, "{place}");
    }
    for place in 1..good.proof.multiplicities.len() {
        for field in ["commitment", "value"] {
            let [a, b] = [place - 1, place].map(|place| format!("/proof/multiplicities/{place}/{field}"));
            assert_eq!(refused(&|value| swap(value, &a, &b)).0, Step::Openings, "{place}");
        }
    }
    // The masks of the two openings, and their answers.
    for field in ["mask", "mask_value", "blinding_answer"] {
        let [a, b] = ["column", "multiplicity"].map(|which| format!("/proof/{which}_opening/{field}"));
        assert_eq!(refused(&|value| swap(value, &a, &b)).0, Step::Openings, "{field}");
    }
    // Single answers, added to.
    for (which, answers) in [("column", 256), ("multiplicity", 2048)] {
        for answer in [0, 77, answers - 1] {
            let change = |value: &mut Value| {
                let text = value.pointer_mut(&format!("/proof/{which}_opening/answers")).unwrap();
                let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
                assert_eq!(bytes.len(), 32 * answers);
                bytes[32 * answer + 31] ^= 1;
                *text = json!(STANDARD.encode(bytes));
            };
            assert_eq!(refused(&change).0, Step::Openings, "{which} {answer}");
        }
    }
    // The Groth16 proof: A and C negated, exchanged, one for the other.
    let groth16 = |change: &dyn Fn(&mut Vec<u8>)| {
        let (step, text) = refused(&|value| {
            let text = value.pointer_mut("/proof/groth16").unwrap();
            let mut bytes = STANDARD.decode(text.as_str().unwrap()).unwrap();
            change(&mut bytes);
            *text = json!(STANDARD.encode(bytes));
        });
        assert_eq!((step, text.contains("the proof is not valid")), (Step::Proof, true), "{text}");
    };
    groth16(&|bytes| bytes[31] ^= 0x80);
    groth16(&|bytes| bytes[95] ^= 0x80);
    groth16(&|bytes| bytes[127] ^= 0x80);
    groth16(&|bytes| {
        let (a, c) = bytes.split_at_mut(96);
        a[..32].swap_with_slice(c);
    });
    groth16(&|bytes| bytes.copy_within(..32, 96));
    // Cells of two groups exchanged.
    let cells = &good.proof.cells;
    for group in 1..cells.len() {
        if cells[group - 1] != cells[group] {
            let [a, b] = [group - 1, group].map(|group| format!("/proof/cells/{group}"));
            assert_eq!(refused(&|value| swap(value, &a, &b)).0, Step::Proof, "{group}");
        }
    }
}

#[test]
fn files_that_are_no_bundle() {
    let good = serde_json::to_string(&rich().bundle).unwrap();
    assert!(Bundle::parse(good.as_bytes()).is_ok());
    let spaced = format!(" \n{good}\t\n");
    assert!(Bundle::parse(spaced.as_bytes()).is_ok(), "white space around it is no content");
    for (what, file, says) in [
        ("nothing", String::new(), "EOF while parsing"),
        ("half of it", good[..good.len() / 2].to_owned(), "EOF while parsing"),
        ("all but the last byte", good[..good.len() - 1].to_owned(), "EOF while parsing"),
        ("a byte more", format!("{good}x"), "trailing characters"),
        ("a zero byte more", format!("{good}\0"), "trailing characters"),
        ("two bundles", format!("{good}{good}"), "trailing characters"),
        ("a byte order mark", format!("\u{feff}{good}"), "expected value"),
        ("a comment", format!("// one\n{good}"), "expected value"),
        ("a list of bundles", format!("[{good}]"), "invalid type: map, expected a string"),
        ("null", "null".to_owned(), "invalid type: null"),
        ("an empty object", "{}".to_owned(), "missing field `format`"),
        ("a later format", good.replacen("cohortium-bundle/1", "cohortium-bundle/2", 1), "this version reads"),
        ("a deep one", "{\"format\":".repeat(10_000), "invalid type: map, expected a string"),
        ("deep lists", format!("{{\"proof\":{{\"cells\":{}", "[".repeat(100_000)), "expected value"),
    ] {
        let error = Bundle::parse(file.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{what}: {error}");
    }
    let huge = vec![b' '; cohortium_protocol::bundle::MAX_BUNDLE_BYTES + 1];
    let error = Bundle::parse(&huge).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "the file has 16777217 bytes; a bundle has at most 16777216");
}
