//! Every field of a bundle changed, one at a time: each change is refused, by a message that names the part.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod common;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_protocol::bundle::Bundle;
use cohortium_tests::seeded;
use cohortium_verifier::{Anchors, Step, verify_release};
use common::rich;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// One change to one place of a bundle's JSON.
struct Change {
    /// Where, as a JSON pointer.
    path: String,
    what: String,
    edit: Edit,
}

enum Edit {
    /// Another value.
    New(Value),
    /// Another text, which need not be JSON.
    Raw(String),
}

impl Change {
    /// The changed file.
    fn apply(&self, whole: &Value) -> Vec<u8> {
        let mut value = whole.clone();
        let place = value.pointer_mut(&self.path).unwrap();
        match &self.edit {
            Edit::New(new) => {
                *place = new.clone();
                value.to_string().into_bytes()
            }
            Edit::Raw(text) => {
                *place = json!("HERE IT GOES");
                value.to_string().replacen("\"HERE IT GOES\"", text, 1).into_bytes()
            }
        }
    }
}

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

/// Collects changes of every leaf, list and object below a value.
struct Walk {
    rng: StdRng,
    changes: Vec<Change>,
}

impl Walk {
    fn over(whole: &Value) -> Vec<Change> {
        let mut walk = Self { rng: seeded(1), changes: Vec::new() };
        walk.value("", whole);
        walk.changes
    }

    fn put(&mut self, path: &str, what: impl Into<String>, new: Value) {
        self.changes.push(Change { path: path.to_owned(), what: what.into(), edit: Edit::New(new) });
    }

    fn value(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(fields) => self.object(path, fields),
            Value::Array(list) => self.list(path, list),
            Value::String(text) => self.text(path, text),
            Value::Number(number) => {
                let number = number.as_u64().unwrap();
                for (what, other) in [
                    ("one more", json!(number + 1)),
                    ("five more", json!(number + 5)),
                    ("one less", json!(number as i64 - 1)),
                    ("negative", json!(-1)),
                    ("fraction", json!(number as f64 + 0.25)),
                    ("a list", json!([])),
                ] {
                    self.put(path, what, other);
                }
            }
            Value::Bool(flag) => {
                self.put(path, "the opposite", json!(!flag));
                self.put(path, "null", Value::Null);
            }
            Value::Null => {
                self.put(path, "a number", json!(3));
                self.put(path, "a text", json!("x"));
                self.put(path, "a cell", json!({"state": "suppressed"}));
            }
        }
    }

    fn object(&mut self, path: &str, fields: &serde_json::Map<String, Value>) {
        for (name, field) in fields {
            let mut without = fields.clone();
            without.remove(name);
            self.put(path, format!("without {name}"), Value::Object(without));
            let text = Value::Object(fields.clone()).to_string();
            let raw = format!("{{\"{name}\":{field},{}", &text[1..]);
            self.changes.push(Change { path: path.to_owned(), what: format!("{name} twice"), edit: Edit::Raw(raw) });
            self.value(&format!("{path}/{name}"), field);
        }
        let mut more = fields.clone();
        more.insert("unknown".to_owned(), json!(1));
        self.put(path, "an unknown field", Value::Object(more));
        // A cell's other states: each says something else.
        if fields.contains_key("state") {
            let states =
                [json!({"state": "suppressed"}), json!({"state": "zero"}), json!({"state": "value", "value": 0})];
            for other in states.into_iter().chain([json!({"state": "value", "value": 10})]) {
                if other != Value::Object(fields.clone()) {
                    self.put(path, format!("now {other}"), other);
                }
            }
        }
    }

    fn list(&mut self, path: &str, list: &[Value]) {
        let random = self.rng.gen_range(0..list.len().max(1));
        let places = BTreeSet::from([0, list.len().saturating_sub(1), random]);
        for place in places.into_iter().filter(|place| *place < list.len()) {
            let mut fewer = list.to_vec();
            fewer.remove(place);
            self.put(path, format!("without entry {place}"), Value::Array(fewer));
            let mut more = list.to_vec();
            more.insert(place, list[place].clone());
            self.put(path, format!("entry {place} twice"), Value::Array(more));
        }
        if list.len() > 1 && list[0] != list[1] {
            let mut swapped = list.to_vec();
            swapped.swap(0, 1);
            self.put(path, "entries swapped", Value::Array(swapped));
        }
        self.put(path, "no entries", json!([]));
        list.iter().enumerate().for_each(|(place, entry)| self.value(&format!("{path}/{place}"), entry));
    }

    fn text(&mut self, path: &str, text: &str) {
        let is_hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_base64 = text.len() > 80 && STANDARD.decode(text).is_ok();
        if is_hex || is_base64 {
            let data = text.trim_end_matches('=').len();
            for place in [0, data - 1, self.rng.gen_range(0..data)] {
                let mut bytes = text.as_bytes().to_vec();
                // 1 to 0, b to a, and others into another digit, too.
                bytes[place] = match bytes[place] {
                    b'0' => b'1',
                    b'a' | b'A' | b'+' | b'/' => b'9',
                    other => other - 1,
                };
                self.put(path, format!("character {place}"), json!(String::from_utf8(bytes).unwrap()));
            }
            let case = if is_hex { text.to_uppercase() } else { text.to_lowercase() };
            if case != text {
                self.put(path, "other case", json!(case));
            }
            self.put(path, "shorter", json!(text[..text.len() - 4]));
            self.put(path, "longer", json!(format!("{text}AAAA")));
            self.put(path, "a space", json!(format!(" {text}")));
        } else {
            self.put(path, "longer", json!(format!("{text}x")));
            if let Ok(number) = text.parse::<f64>() {
                self.put(path, "another number", json!((number + 1.0).to_string()));
            }
        }
        self.put(path, "empty", json!(""));
        self.put(path, "null", Value::Null);
        self.put(path, "a number", json!(7));
    }
}

/// What a change below a path is refused with: the step, and words that name the part.
type Rule = (&'static str, &'static [(Step, &'static str)]);

/// What is bound by the context digest alone, so that only the openings can tell.
const CONTEXT: (Step, &str) = (Step::Openings, "the opening of columns was not made for this request");
const FALSE: (Step, &str) = (Step::Proof, "the proof is not valid for these numbers");
const COLUMNS: (Step, &str) = (Step::Openings, "the opening of columns");
const MULTIPLICITIES: (Step, &str) = (Step::Openings, "the opening of multiplicities");

/// The first rule whose path begins the change's path counts. `*` is any place of a list.
const RULES: &[Rule] = &[
    ("/format", &[]),
    ("/site", &[(Step::Anchors, "your anchors do not name the site")]),
    ("/request/ledger", &[(Step::Anchors, "the request is of ledger")]),
    ("/request/sequence", &[CONTEXT]),
    ("/request/sponsor_nonce", &[CONTEXT]),
    (
        "/request/query",
        &[(Step::Plan, "the request pins the plan"), (Step::Plan, "the query does not compile over this schema")],
    ),
    ("/request/approval", &[(Step::Plan, "the request pins the approval")]),
    ("/request/schema", &[(Step::Plan, "the request pins the schema")]),
    ("/request/plan", &[(Step::Plan, "the request pins the plan")]),
    // The answering site's own pins; then the other site's.
    ("/request/sites/0/site", &[(Step::Anchors, "the request does not ask the site")]),
    ("/request/sites/0/manifest", &[(Step::Registration, "the request pins the manifest")]),
    ("/request/sites/0/epoch", &[(Step::Registration, "the request pins the consent epoch")]),
    ("/request/sites/0/policy_floor", &[(Step::Registration, "the request pins the policy floor")]),
    ("/request/sites/0/shape", &[(Step::Registration, "the request names the shape")]),
    ("/request/sites/0/verifying_key", &[(Step::Anchors, "the request names the verifying key")]),
    ("/request/sites/1", &[CONTEXT]),
    ("/request/sites", &[CONTEXT, (Step::Anchors, "the request does not ask the site")]),
    ("/approval", &[(Step::Anchors, "the approval")]),
    ("/policy_floor", &[(Step::Registration, "the bundle's policy floor is")]),
    ("/schema", &[(Step::Registration, "the manifest is over schema")]),
    ("/manifest", &[(Step::Registration, "the bundle's manifest is")]),
    ("/epoch", &[(Step::Registration, "the bundle's consent epoch is")]),
    (
        "/proof/columns/*/column",
        &[(Step::Commitments, "the document lists no column"), (Step::Commitments, "the bundle opens")],
    ),
    ("/proof/columns/*/value", &[COLUMNS]),
    ("/proof/columns/*", &[]),
    ("/proof/columns", &[(Step::Commitments, "the bundle opens")]),
    ("/proof/multiplicities/*/column", &[(Step::Commitments, "the bundle opens the multiplicities of")]),
    ("/proof/multiplicities/*/value", &[MULTIPLICITIES]),
    ("/proof/multiplicities/*", &[]),
    ("/proof/multiplicities", &[(Step::Commitments, "the bundle opens the multiplicities of")]),
    ("/proof/challenges/row_point/*", &[COLUMNS]),
    ("/proof/challenges/row_point", &[COLUMNS, (Step::Commitments, "the point r has")]),
    ("/proof/challenges/value_point/*", &[MULTIPLICITIES]),
    ("/proof/challenges/value_point", &[MULTIPLICITIES, (Step::Commitments, "the point r_t has")]),
    ("/proof/challenges/table_point/*", &[FALSE]),
    ("/proof/challenges/table_point", &[FALSE, (Step::Commitments, "the point rho_t has")]),
    ("/proof/challenges/mu", &[FALSE]),
    ("/proof/column_opening", &[COLUMNS]),
    ("/proof/multiplicity_opening", &[MULTIPLICITIES]),
    ("/proof/groth16", &[FALSE, (Step::Proof, "a proof is"), (Step::Proof, "the proof holds no valid points")]),
    ("/proof/cells/*/count", &[FALSE, (Step::Release, "shows the count"), (Step::Release, "shows the sum")]),
    (
        "/proof/cells/*",
        &[FALSE, (Step::Release, "shows no sum"), (Step::Release, "shows the sum"), (Step::Release, "shows a sum")],
    ),
    ("/proof/cells", &[(Step::Release, "groups, the plan has 24"), FALSE]),
];

/// Changes after which the file says the same: defaults written out or left out, and a list without an order.
const SAME: [(&str, &str); 4] = [
    ("/request/query/group_by/*", "without missing"),
    ("/request/query/measures", "without count"),
    ("/request/query/measures/count", "null"),
    ("/schema/columns/*/codes", "entries swapped"),
];

/// A pointer with stars for places of lists.
fn pattern(path: &str) -> String {
    let star = |part: &str| if part.parse::<usize>().is_ok() { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(star).collect::<Vec<_>>().join("/")
}

fn begins(path: &str, rule: &str) -> bool {
    let mut parts = path.split('/');
    rule.split('/')
        .all(|part| parts.next().is_some_and(|found| found == part || (part == "*" && found.parse::<usize>().is_ok())))
}

/// The same place as a message writes it.
fn in_words(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('/').skip(1) {
        match part.parse::<usize>() {
            Ok(place) => out.push_str(&format!("[{place}]")),
            Err(_) if out.is_empty() => out.push_str(part),
            Err(_) => out.push_str(&format!(".{part}")),
        }
    }
    out
}

/// Whether the message of an unread file names the changed part, or a part of it, or one around it.
fn names(text: &str, path: &str) -> bool {
    let Some(place) = text.strip_prefix("the bundle cannot be read at ").and_then(|rest| rest.split(": ").next())
    else {
        // Of the file as a whole, nothing smaller can be named.
        return path.is_empty() || path == "/format";
    };
    let path = in_words(path);
    // A document is checked when it has been read whole; of the proof, the part at least must be named.
    place.starts_with(&path) || (path.starts_with(place) && place != "proof")
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
        ("deep lists", format!("{{\"proof\":{{\"cells\":{}", "[".repeat(100_000)), "invalid type: sequence"),
    ] {
        let error = Bundle::parse(file.as_bytes()).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(says), "{what}: {error}");
    }
    let huge = vec![b' '; cohortium_protocol::bundle::MAX_BUNDLE_BYTES + 1];
    let error = Bundle::parse(&huge).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "the file has 67108865 bytes; a bundle has at most 67108864");
}
