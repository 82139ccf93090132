//! Every change of one place of a JSON document.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_tests::seeded;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// One change to one place of a bundle's JSON.
pub(crate) struct Change {
    /// Where, as a JSON pointer.
    pub(crate) path: String,
    pub(crate) what: String,
    edit: Edit,
}

pub(crate) enum Edit {
    /// Another value.
    New(Value),
    /// Another text, which need not be JSON.
    Raw(String),
}

impl Change {
    /// The changed file.
    pub(crate) fn apply(&self, whole: &Value) -> Vec<u8> {
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

/// Collects changes of every leaf, list and object below a value.
pub(crate) struct Walk {
    rng: StdRng,
    changes: Vec<Change>,
}

impl Walk {
    pub(crate) fn over(whole: &Value) -> Vec<Change> {
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
