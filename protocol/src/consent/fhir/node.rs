//! A place in a resource, and what is found wrong on the way.

use serde_json::{Map, Value};

use crate::text::is_line;

/// Characters of what was found that are repeated.
const SHOWN: usize = 80;

/// What cannot be mapped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Problem {
    pub(super) path: String,
    pub(super) found: String,
    pub(super) allowed: String,
}

/// The problems of one resource. All are collected: whoever mends it should not be told one at a time.
#[derive(Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// Problems told of one resource at most.
    const MOST: usize = 20;

    pub(super) fn add(&mut self, node: &Node<'_>, allowed: impl Into<String>) {
        self.say(&node.path, node.shown(), allowed);
    }

    pub(super) fn say(&mut self, path: &str, found: String, allowed: impl Into<String>) {
        if self.0.len() < Self::MOST {
            self.0.push(Problem { path: path.to_owned(), found, allowed: allowed.into() });
        }
    }
}

/// A value and its path.
pub(super) struct Node<'a> {
    pub(super) path: String,
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    /// What stands there, shortened.
    pub(super) fn shown(&self) -> String {
        let text = match self.value {
            Value::String(text) => format!("{text:?}"),
            other => other.to_string(),
        };
        match text.char_indices().nth(SHOWN) {
            None => text,
            Some((end, _)) => format!("{}...", &text[..end]),
        }
    }

    fn object(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object()
    }

    /// A field, if it is there.
    pub(super) fn get(&self, field: &str) -> Option<Self> {
        let value = self.object()?.get(field)?;
        let path = if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) };
        Some(Self { path, value })
    }

    /// A text of one line, if the field is there; a problem if it is something else.
    pub(super) fn text(&self, field: &str, limit: usize, problems: &mut Problems) -> Option<&'a str> {
        let node = self.get(field)?;
        let text = node.value.as_str().filter(|text| is_line(text, limit));
        if text.is_none() {
            problems.add(&node, format!("one line of 1 to {limit} printable characters"));
        }
        text
    }

    /// The entries of a list, if the field is there; a problem if it is no list or has no entries, which FHIR does not know.
    pub(super) fn list(&self, field: &str, problems: &mut Problems) -> Vec<Self> {
        let Some(node) = self.get(field) else { return Vec::new() };
        match node.value.as_array() {
            Some(entries) if !entries.is_empty() => {
                let entry = |(place, value)| Self { path: format!("{}[{place}]", node.path), value };
                entries.iter().enumerate().map(entry).collect()
            }
            _ => {
                problems.add(&node, "a list with at least one entry");
                Vec::new()
            }
        }
    }

    /// Refuses what is no object, and fields beyond these: what is not known may restrict.
    pub(super) fn only(&self, fields: &[&str], problems: &mut Problems) {
        match self.object() {
            None => problems.add(self, "an object"),
            // FHIR does not know them: something is missing.
            Some(map) if map.is_empty() => problems.add(self, "an object with fields"),
            Some(map) => {
                for field in map.keys().filter(|field| !fields.contains(&field.as_str())) {
                    if let Some(node) = self.get(field) {
                        problems.add(&node, format!("the fields {}; others may restrict", fields.join(", ")));
                    }
                }
            }
        }
    }
}
