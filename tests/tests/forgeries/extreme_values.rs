//! The extreme values of every field of a bundle's documents.

use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::shape::Shape;
use serde_json::{Map, Value, json};

/// One field at an extreme.
pub(crate) struct Case {
    /// Where, as a JSON pointer into the bundle.
    pub(crate) path: String,
    pub(crate) what: String,
    pub(crate) value: Value,
}

/// The documents whose fields are taken to their extremes; the proof's are varied elsewhere.
const DOCUMENTS: [&str; 6] = ["request", "approval", "policy_floor", "schema", "manifest", "epoch"];

/// Numbers at the ends of what is allowed somewhere, and of what integers hold.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    1024,
    1025,
    3584,
    3585,
    65_534,
    65_535,
    65_536,
    i32::MAX as u64 + 1,
    u32::MAX as u64,
    u32::MAX as u64 + 1,
    1 << 53,
    i64::MAX as u64,
    u64::MAX,
];

/// Numbers as texts: at the ends of a schema's, of decimals, and beyond.
const DECIMALS: [&str; 14] = [
    "0",
    "-1",
    "0.000000001",
    "0.0000000001",
    "0.0000000000000000000000000001",
    "65534",
    "65535",
    "1000000000000",
    "-1000000000000",
    "1000000000001",
    "79228162514264337593543950335",
    "-79228162514264337593543950335",
    "79228162514264337593543950336",
    "1e400",
];

const DAYS: [&str; 9] = [
    "1900-01-01",
    "1899-12-31",
    "2079-06-05",
    "2079-06-06",
    "0000-01-01",
    "9999-12-31",
    "2024-02-29",
    "2023-02-29",
    "2024-01-01T00:00:00Z",
];

/// Limits of texts: names, labels, lines, descriptions.
const LENGTHS: [usize; 8] = [64, 65, 120, 121, 200, 201, 1000, 1001];

/// What single words stand for elsewhere: every variant of every choice.
const WORDS: [&str; 14] = [
    "none",
    "restrained",
    "exact for named plans",
    "academic",
    "commercial",
    "exclude",
    "own bin",
    "flag",
    "code",
    "DUO:0000000",
    "DUO:9999999",
    "DUO:0000000/academic",
    "DUO:9999999/commercial",
    "file-exchange",
];

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_day(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[..4].iter().all(u8::is_ascii_digit)
}

/// How a value is called in a failure.
fn name(value: &Value) -> String {
    let text = value.to_string();
    let start: String = text.chars().take(60).collect();
    if start.len() == text.len() { start } else { format!("{start}... of {} bytes", text.len()) }
}

/// Every field of every document at its extremes.
pub(crate) fn cases(whole: &Value) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in DOCUMENTS.map(|document| format!("/{document}")).into_iter().chain(["/site".to_owned()]) {
        field(&path, whole.pointer(&path).unwrap(), &mut cases);
    }
    for (path, what, value) in lists(whole).into_iter().chain(shapes()).chain(policies()).chain(selections(whole)) {
        assert!(whole.pointer(&path).is_some(), "there is no {path}");
        cases.push(Case { path, what: what.to_owned(), value });
    }
    cases.retain(|case| whole.pointer(&case.path) != Some(&case.value));
    cases
}

fn field(path: &str, value: &Value, out: &mut Vec<Case>) {
    let mut put = |what: String, value: Value| out.push(Case { path: path.to_owned(), what, value });
    match value {
        Value::Object(fields) => {
            put("an empty object".to_owned(), json!({}));
            fields.iter().for_each(|(name, value)| field(&format!("{path}/{name}"), value, out));
        }
        Value::Array(list) => {
            put("emptied".to_owned(), json!([]));
            if let Some(first) = list.first() {
                for length in [1, 1024, 1025, 4096, 4097] {
                    put(format!("the first {length} times"), json!(vec![first; length]));
                }
                put("backwards".to_owned(), list.iter().rev().cloned().collect());
                put("twice".to_owned(), list.iter().chain(list).cloned().collect());
            }
            list.iter().enumerate().for_each(|(place, value)| field(&format!("{path}/{place}"), value, out));
        }
        Value::String(text) => texts(text).into_iter().for_each(|text| put(name(&json!(text)), json!(text))),
        Value::Bool(flag) => put("the opposite".to_owned(), json!(!flag)),
        Value::Number(_) => {
            let negative = [json!(-1), json!(i64::MIN), json!(0.5), json!(1e300)];
            NUMBERS.map(|number| json!(number)).into_iter().chain(negative).for_each(|value| put(name(&value), value));
        }
        // An open end of a range.
        Value::Null => {
            let ends = NUMBERS.map(|number| json!(number)).into_iter();
            ends.chain(DECIMALS.map(|text| json!(text)))
                .chain(DAYS.map(|text| json!(text)))
                .for_each(|value| put(name(&value), value));
        }
    }
}

fn texts(text: &str) -> Vec<String> {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    if is_digest(text) {
        return vec!["0".repeat(64), "f".repeat(64), "0".repeat(63), "0".repeat(65), String::new()];
    }
    if is_day(text) {
        return owned(&DAYS);
    }
    if text.parse::<f64>().is_ok() {
        return owned(&DECIMALS);
    }
    let mut all = owned(&["", " ", "x", "\0", "\u{202e}x", "\u{feff}", "..", "cohortium-bundle/2"]);
    all.extend(owned(&WORDS));
    for length in LENGTHS {
        all.extend(["x", "\u{10348}"].map(|letter| letter.repeat(length)));
    }
    all.push("x".repeat(1 << 20));
    all
}

type Special = (String, &'static str, Value);

/// Lists of distinct entries, as long as is allowed and longer.
fn lists(whole: &Value) -> Vec<Special> {
    let mut out = Vec::new();
    let mut put = |path: &str, what, value| out.push((path.to_owned(), what, value));
    let list = |path: &str| whole.pointer(path).unwrap().as_array().unwrap().clone();
    let codes = |path: &str, last: u32| -> Value {
        let given = list(path);
        let more = (given.len() as u32 + 1..=last).map(|code| json!({"code": code, "label": format!("c{code}")}));
        given.iter().cloned().chain(more).collect()
    };
    for path in ["/schema/columns/3/codes", "/schema/columns/4/codes"] {
        put(path, "a thousand codes", codes(path, 1000));
        put(path, "every code", codes(path, 65_534));
        put(path, "every code and that of missing", codes(path, 65_535));
        put(path, "a code beyond 16 bits", codes(path, 65_536));
        put(path, "every code under one label", (0..65_535).map(|code| json!({"code": code, "label": "x"})).collect());
    }
    let flags = |length: usize| -> Value {
        let columns = list("/schema/columns");
        let more = (columns.len()..length).map(|i| json!({"name": format!("f{i}"), "description": "", "kind": "flag"}));
        columns.iter().cloned().chain(more).collect()
    };
    put("/schema/columns", "256 columns", flags(256));
    put("/schema/columns", "257 columns", flags(257));
    let entry = |name: String| json!({"name": name, "commitment": "0".repeat(64)});
    for (length, manifest, epoch) in [
        (4096, "4096 columns in the manifest", "4096 columns in the epoch"),
        (4097, "4097 columns in the manifest", "4097 columns in the epoch"),
    ] {
        let columns = list("/manifest/columns");
        let more = (0..length - columns.len()).map(|i| entry(format!("m{i}")));
        put("/manifest/columns", manifest, more.chain(columns.clone()).collect());
        let columns = list("/epoch/columns");
        let more = (0..length - columns.len()).map(|i| entry(format!("DUO:{i:07}/academic")));
        put("/epoch/columns", epoch, more.chain(columns.clone()).collect());
    }
    let site = |i: usize| {
        let mut pin: Map<String, Value> = whole.pointer("/request/sites/1").unwrap().as_object().unwrap().clone();
        pin.insert("site".to_owned(), json!(format!("site {i}")));
        Value::Object(pin)
    };
    for (length, what) in [(1024, "1024 sites"), (1025, "1025 sites")] {
        let sites = list("/request/sites");
        let more = (sites.len()..length).map(site);
        put("/request/sites", what, sites.iter().cloned().chain(more).collect());
    }
    for path in ["/approval/tables", "/approval/columns"] {
        let more = (0..65_536).map(|i| json!(format!("t{i}")));
        put(path, "65536 more names", more.chain(list(path)).collect());
    }
    let more = (0..65_536).map(|i| json!(format!("{i:064x}")));
    put("/approval/exact_plans", "65536 more plans", more.chain(list("/approval/exact_plans")).collect());
    out
}

/// Shapes exchanged, and names with the ids of others.
fn shapes() -> Vec<Special> {
    let refer = |shape: &Shape| serde_json::to_value(ShapeRef::to(shape)).unwrap();
    let crossed = json!({"name": Shape::QUERY_16.name, "id": Shape::QUERY_12.id()});
    let unknown = json!({"name": "query-255", "id": Shape::QUERY_12.id()});
    let paths = ["/manifest/shape", "/epoch/shape", "/request/sites/0/shape", "/request/sites/1/shape"];
    let values = [
        ("shape 16", refer(&Shape::QUERY_16)),
        ("shape 20", refer(&Shape::QUERY_20)),
        ("shape 16 with the id of 12", crossed),
        ("no such shape", unknown),
    ];
    paths.iter().flat_map(|path| values.clone().map(|(what, value)| ((*path).to_owned(), what, value))).collect()
}

/// Smallest cells and roundings at the ends of what fits each other.
fn policies() -> Vec<Special> {
    let numbers = [
        ("everything shown", 1, 1),
        ("the largest cell", 1024, 1),
        ("a larger cell", 1025, 1),
        ("no cell", 0, 1),
        ("no rounding", 1, 0),
        ("the coarsest rounding", 512, 1024),
        ("the coarsest rounding, off its edge", 513, 1024),
        ("a coarser rounding", 513, 1025),
        ("rounding to the largest prime", 511, 1021),
        ("rounding to 2", 1, 2),
        ("the largest numbers", u32::MAX, u32::MAX),
    ];
    let policy = |min_cell: u32, rounding: u32, sums: &str| {
        json!({"format": "cohortium-policy/1", "min_cell": min_cell, "rounding": rounding, "show_zeros": true,
            "sums": sums, "query_cap": {"per_approval": u32::MAX, "per_column": 0}})
    };
    let mut out = Vec::new();
    for path in ["/policy_floor", "/approval/policy"] {
        for sums in ["exact for named plans", "restrained"] {
            let of = |(what, min_cell, rounding)| (path.to_owned(), what, policy(min_cell, rounding, sums));
            out.extend(numbers.map(of));
        }
    }
    out
}

/// Selections as deep, as large and as long as is allowed, and more.
fn selections(whole: &Value) -> Vec<Special> {
    let path = "/request/query/where";
    assert!(whole.pointer(path).is_some());
    let test = json!({"column": "smoker", "is": true});
    let deep = |depth: usize| (1..depth).fold(test.clone(), |part, _| json!({ "not": part }));
    let wide = |nodes: usize| json!({ "all": vec![&test; nodes - 1] });
    let ranges = |count: usize| json!({"column": "followup_days", "ranges": (0..count).map(|i| json!([3 * i, 3 * i])).collect::<Value>()});
    let codes = |count: usize| json!({"column": "icd", "in": vec![5; count]});
    [
        ("as deep as can be", deep(12)),
        ("deeper", deep(13)),
        ("a thousand deep", deep(1000)),
        ("as many tests as can be", wide(256)),
        ("more tests", wide(257)),
        ("as many ranges as can be", ranges(1024)),
        ("more ranges", ranges(1025)),
        ("as many codes as can be", codes(1024)),
        ("more codes", codes(1025)),
        ("nothing", json!({})),
    ]
    .map(|(what, value)| (path.to_owned(), what, value))
    .into_iter()
    .collect()
}
