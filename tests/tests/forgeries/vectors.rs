//! Writes the vectors in `tests/vectors`: a good bundle, and what must never be taken for one.
//!
//! Run by hand, when the format changes on purpose:
//! `COHORTIUM_WRITE_VECTORS=1 cargo test -p cohortium-tests --test forgeries -- --ignored --nocapture the_vectors`
//!
//! Without the variable all of it is made and looked at, and no file is touched: the ignored suites are run
//! as a matter of course, and what is pinned must not change by that.

use std::path::PathBuf;

use cohortium_verifier::Step;
use serde_json::{Value, json};

use crate::common::rich;
use crate::contradictions::CASES;
use crate::replays::REPLAYS;
use crate::{Forged, refused};

/// Has the vectors written, if set to 1.
const WRITE: &str = "COHORTIUM_WRITE_VECTORS";

/// Patches longer than this are left to the tests: a key, or openings.
const LONGEST: usize = 2000;

/// Changes of single places: where, what to, the step and what it says. `null` removes.
fn single() -> Vec<(&'static str, Value, Step, &'static str)> {
    let digest = "0f".repeat(32);
    let point = format!("{}==", "A".repeat(86));
    vec![
        ("/site", json!("west"), Step::Anchors, "your anchors do not name the site \"west\""),
        ("/request/ledger", json!("ledger-1"), Step::Anchors, "the request is of ledger \"ledger-1\""),
        ("/request/sequence", json!(2), Step::Openings, "was not made for this request"),
        ("/request/plan", json!(digest), Step::Plan, "the request pins the plan"),
        ("/request/query/where/all/2/present", json!(false), Step::Plan, "the request pins the plan"),
        ("/request/query/where/all/2/column", json!("height"), Step::Plan, "the query does not compile"),
        ("/request/query/measures/bounds/crp/1", json!(451), Step::Plan, "the request pins the plan"),
        ("/request/sites/1/epoch", json!(digest), Step::Openings, "was not made for this request"),
        ("/request/sites/0/verifying_key", json!(digest), Step::Anchors, "which is not among your anchors"),
        ("/approval/expires", json!("2040-01-01"), Step::Anchors, "is not among those in force in your anchors"),
        ("/approval/columns", json!(null), Step::Anchors, "is not among those in force in your anchors"),
        ("/policy_floor/show_zeros", json!(false), Step::Registration, "the bundle's policy floor is"),
        ("/schema/columns/0/max", json!("121"), Step::Registration, "the manifest is over schema"),
        ("/manifest/declared_rows", json!(699), Step::Registration, "the bundle's manifest is"),
        ("/epoch/columns/1/commitment", json!(digest), Step::Registration, "the bundle's consent epoch is"),
        ("/proof/columns/0/value", json!(digest), Step::Openings, "the opening of columns"),
        ("/proof/multiplicities/0/value", json!(digest), Step::Openings, "the opening of multiplicities"),
        ("/proof/challenges/row_point/0", json!(digest), Step::Openings, "the opening of columns"),
        ("/proof/challenges/value_point/16", json!(digest), Step::Openings, "the opening of multiplicities"),
        ("/proof/challenges/table_point/3", json!(digest), Step::Proof, "the proof is not valid"),
        ("/proof/challenges/mu", json!(digest), Step::Proof, "the proof is not valid"),
        ("/proof/column_opening/mask", json!(point), Step::Openings, "the opening of columns"),
        ("/proof/multiplicity_opening/answers", json!(""), Step::Openings, "has 0 answers"),
        ("/proof/groth16", json!(""), Step::Proof, "a proof is 128 bytes, found 0"),
        ("/proof/cells/9/count/value", json!(66), Step::Release, "counts are multiples of 5"),
        ("/proof/cells/9/count/value", json!(710), Step::Release, "the table has 700 rows"),
        ("/proof/cells/9/count/value", json!(200), Step::Proof, "the proof is not valid"),
        (
            "/proof/cells/9/count",
            json!({"state": "suppressed"}),
            Step::Release,
            "beside the count \"suppressed\", a sum is shown only",
        ),
        (
            "/proof/cells/9/count",
            json!({"state": "zero"}),
            Step::Release,
            "beside the count \"0\", a sum is shown only",
        ),
        ("/proof/cells/0/sums/0", json!({"state": "zero"}), Step::Release, "beside the count \"suppressed\""),
        (
            "/proof/cells/0/count",
            json!({"state": "noised", "value": 3}),
            Step::Release,
            "this policy's counts have no noise in them",
        ),
        ("/proof/cells/9/sums/1", json!(null), Step::Release, "although one was asked for"),
        ("/proof/cells/9/sums/0", json!({"state": "value", "value": 7}), Step::Proof, "the proof is not valid"),
        ("/proof/cells/0", json!(null), Step::Release, "the bundle releases 23 groups, the plan has 24"),
    ]
}

/// Changes after which the file does not read: where, what to, what is said.
fn unread() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("/format", json!("cohortium-bundle/2"), "this version reads \"cohortium-bundle/1\""),
        ("/plan", json!({}), "at plan: unknown field `plan`"),
        ("/proof/public_inputs", json!([]), "at proof.public_inputs: unknown field `public_inputs`"),
        ("/request/noise", json!("uniform"), "at request.noise: unknown variant `uniform`"),
        ("/request/query/where/consent", json!("waived"), "a selection cannot ignore, waive or test consent"),
        ("/policy_floor/min_cell", json!(14), "the smallest cell 14 is not the lower edge"),
        ("/approval/policy", json!(null), "without a policy nothing is released"),
        ("/manifest/declared_rows", json!(3585), "a table of shape query-12 has between 1 and 3584"),
        ("/proof/columns/0/value", json!("f".repeat(64)), "at proof.columns[0]: a field element is less than"),
        ("/proof/challenges/mu", json!("00"), "at proof.challenges.mu: a field element is 64 lower-case"),
        (
            "/proof/columns/0/commitment",
            json!("AA=="),
            "at proof.columns[0].commitment: a column commitment is 64 bytes",
        ),
        (
            "/proof/cells/0/count",
            json!({"state": "rounded", "value": 3}),
            "at proof.cells[0].count.state: unknown variant",
        ),
        ("/proof/cells/0/count", json!({"state": "value", "value": -3}), "at proof.cells[0].count"),
    ]
}

/// What to do to one document to get the other.
fn difference(path: &str, from: &Value, to: &Value, out: &mut Vec<Value>) {
    match (from, to) {
        _ if from == to => {}
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().for_each(|(name, value)| difference(&format!("{path}/{name}"), value, &b[name], out));
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs.for_each(|(place, (a, b))| difference(&format!("{path}/{place}"), a, b, out));
        }
        _ => out.push(json!({ "op": "replace", "path": path, "value": to })),
    }
}

fn step_name(step: Step) -> Value {
    serde_json::to_value(step).unwrap()
}

#[test]
#[ignore = "slow; writes files of this repository, if asked by a variable"]
fn the_vectors_are_made_and_written_if_asked() {
    let rich = rich();
    let (good, board) = (serde_json::to_value(&rich.bundle).unwrap(), serde_json::to_value(&rich.anchors).unwrap());
    let mut bad = Vec::new();
    for (path, value, step, says) in single() {
        let op = match (good.pointer(path), &value) {
            (Some(_), Value::Null) if path == "/proof/cells/0" => json!({ "op": "remove", "path": path }),
            (Some(_), _) => json!({ "op": "replace", "path": path, "value": value }),
            (None, _) => panic!("there is no {path}"),
        };
        let name = format!("{path} changed");
        bad.push(json!({ "name": name, "patch": [op], "step": step_name(step), "says": says }));
    }
    for (path, value, says) in unread() {
        let op = if value.is_null() { "remove" } else { "add" };
        let op = json!({ "op": op, "path": path, "value": value });
        bad.push(json!({ "name": format!("{path} unfit"), "patch": [op], "step": "unread", "says": says }));
    }
    let forge = |change: fn(&mut Forged)| {
        let mut forged = Forged { bundle: rich.bundle.clone(), anchors: rich.anchors.clone() };
        change(&mut forged);
        forged
    };
    let replays = REPLAYS.iter().map(|replay| {
        let mut forged = forge(replay.change);
        forged.agree();
        forged.name_the_plan();
        (replay.what, forged, "was not made for this request")
    });
    let contradictions = CASES.iter().map(|(what, change, _, says)| (*what, forge(*change), *says));
    for (what, forged, says) in replays.chain(contradictions) {
        let (step, text) = refused(&forged.bundle, &forged.anchors);
        assert!(text.contains(says), "{what}: {text}");
        let (mut patch, mut anchors) = (Vec::new(), Vec::new());
        difference("", &good, &serde_json::to_value(&forged.bundle).unwrap(), &mut patch);
        difference("", &board, &serde_json::to_value(&forged.anchors).unwrap(), &mut anchors);
        if json!([patch, anchors]).to_string().len() <= LONGEST {
            let case =
                json!({ "name": what, "patch": patch, "anchors": anchors, "step": step_name(step), "says": says });
            bad.push(case);
        }
    }
    if std::env::var_os(WRITE).is_none_or(|value| value != "1") {
        eprintln!("the vectors are not written: for that, set {WRITE}=1");
        return;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text + "\n").unwrap();
    write("good-query-12.json", good.to_string());
    write("good-query-12.anchors.json", serde_json::to_string_pretty(&board).unwrap());
    let lines: Vec<String> = bad.iter().map(Value::to_string).collect();
    write("bad.json", format!("[\n{}\n]", lines.join(",\n")));
}
