//! A bundle that must verify for ever, and changes of it that never may: data, in `tests/vectors`.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::policy::Cell;
use cohortium_verifier::{Anchors, Known, Step, Verdict, audit, verify_release};
use serde::Deserialize;
use serde_json::Value;

const GOOD: &str = include_str!("../../tests/vectors/good-query-12.json");
const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");
const BAD: &str = include_str!("../../tests/vectors/bad.json");

/// One change that is refused: what is done to the good bundle and, at times, to the anchors, in the operations
/// `replace`, `add` and `remove` of JSON Patch; the step that must fail, and what it says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bad {
    name: String,
    patch: Vec<Op>,
    #[serde(default)]
    anchors: Vec<Op>,
    step: String,
    says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Op {
    op: String,
    path: String,
    #[serde(default)]
    value: Value,
}

fn patched(document: &str, patch: &[Op]) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap();
    for Op { op, path, value } in patch {
        let (parent, last) = path.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {path}"));
        match (op.as_str(), parent) {
            ("replace" | "add", Value::Object(fields)) => {
                assert!(op == "add" || fields.contains_key(last), "nothing to replace at {path}");
                fields.insert(last.to_owned(), value.clone());
            }
            ("remove", Value::Object(fields)) => drop(fields.remove(last).unwrap()),
            ("replace", Value::Array(list)) => list[last.parse::<usize>().unwrap()] = value.clone(),
            ("remove", Value::Array(list)) => drop(list.remove(last.parse().unwrap())),
            (op, _) => panic!("cannot {op} at {path}"),
        }
    }
    document.to_string()
}

#[test]
fn the_good_bundle_verifies() {
    let bundle = Bundle::parse(GOOD.as_bytes()).unwrap();
    let anchors = Anchors::parse(ANCHORS).unwrap();
    let release = verify_release(&bundle, &anchors).unwrap();
    assert_eq!(release.cells().len(), 24);
    let counts: Vec<u64> = release
        .cells()
        .iter()
        .map(|cells| match cells.count {
            Cell::Value(value) => value,
            Cell::Zero => 0,
            Cell::Suppressed => 999,
            Cell::Noised(_) => panic!("an exact answer"),
        })
        .collect();
    // Made from seeds, so that vectors made anew release the same. 999: suppressed.
    let expected =
        [999, 999, 999, 999, 10, 999, 0, 999, 65, 50, 60, 45, 60, 45, 999, 10, 999, 999, 999, 999, 999, 999, 0, 999];
    assert_eq!(counts, expected);
    let report = audit(&bundle, GOOD.as_bytes(), &anchors, &Known::default());
    assert_eq!(report.verdict, Verdict::Holds, "{report}");
    // Written out again, it is the same file, but for white space.
    let again: Value = serde_json::from_str(&serde_json::to_string(&bundle).unwrap()).unwrap();
    assert_eq!(again, serde_json::from_str::<Value>(GOOD).unwrap());
}

/// The report of a bad bundle: it fails, shows no number, and says of no guarantee of the numbers that it holds.
fn reported_as_failing(name: &str, bundle: &Bundle, anchors: &Anchors) {
    let bytes = serde_json::to_vec(bundle).unwrap();
    let report = audit(bundle, &bytes, anchors, &Known::default());
    assert_eq!((report.verdict, report.verdict.exit_status()), (Verdict::Fails, 1), "{name}");
    let stopped_at = verify_release(bundle, anchors).map(|_| ()).unwrap_err().step;
    assert_eq!(report.stopped_at, Some(stopped_at), "{name}");
    assert!(report.groups.is_empty() && report.policy.is_none(), "{name}");
    if stopped_at != Step::Plan {
        assert_eq!(report.question.is_empty(), stopped_at < Step::Plan, "{name}: what is not registered is not shown");
    }
    for guarantee in report.guarantees.iter().filter(|guarantee| guarantee.id < "G6") {
        assert_ne!(guarantee.verdict, Verdict::Holds, "{name}: {}", guarantee.id);
        assert_eq!(guarantee.verdict == Verdict::Fails, !guarantee.reason.starts_with("The audit stopped"), "{name}");
    }
}

#[test]
fn bad_bundles_fail_where_they_must() {
    let cases: Vec<Bad> = serde_json::from_str(BAD).unwrap();
    assert!(cases.len() > 80, "{}", cases.len());
    for Bad { name, patch, anchors, step, says } in &cases {
        let anchors = Anchors::parse(&patched(ANCHORS, anchors)).unwrap();
        let (at, text) = match Bundle::parse(patched(GOOD, patch).as_bytes()) {
            Err(error) => ("unread".to_owned(), error.to_string()),
            Ok(bundle) => {
                reported_as_failing(name, &bundle, &anchors);
                let error = verify_release(&bundle, &anchors).map(|_| ()).unwrap_err();
                (serde_json::to_value(error.step).unwrap().as_str().unwrap().to_owned(), error.to_string())
            }
        };
        assert!(at == *step && text.contains(says), "{name}: {at}: {text}");
    }
    let mut steps: Vec<&str> = cases.iter().map(|case| case.step.as_str()).collect();
    steps.sort_unstable();
    steps.dedup();
    let all = ["anchors", "commitments", "openings", "plan", "policy", "proof", "registration", "release", "unread"];
    assert_eq!(steps, all, "every step refuses something");
}
