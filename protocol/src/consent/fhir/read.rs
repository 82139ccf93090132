//! From a file's text to its Consent resources: JSON in which nothing stands twice.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::{FhirError, MAX_FHIR_BYTES, MAX_RESOURCES};

/// JSON whose objects have each field once: readers differ in which of two they believe, and one of them may restrict.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(Strict(entry)) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Value::Array(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(field) = fields.next_key::<String>()? {
            if map.contains_key(&field) {
                return Err(de::Error::custom(format_args!("the field {field:?} stands twice in one object")));
            }
            let Strict(value) = fields.next_value()?;
            map.insert(field, value);
        }
        Ok(Value::Object(map))
    }
}

fn json(text: &str, first_line: usize) -> Result<Value, FhirError> {
    serde_json::from_str::<Strict>(text).map(|Strict(value)| value).map_err(|error| FhirError::Json {
        line: first_line + error.line().saturating_sub(1),
        reason: error.to_string(),
    })
}

/// The Consent resources of a file, and how many resources of other types stand beside them.
pub(super) fn resources(text: &str) -> Result<(Vec<Value>, usize), FhirError> {
    if text.len() > MAX_FHIR_BYTES {
        return Err(FhirError::Size { found: text.len() });
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Found::default();
    let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let first = lines.next().map(|(line, number)| json(line, number));
    match (first, lines.next()) {
        // One JSON a line: the first line is complete, and there is another.
        (Some(Ok(_)), Some(_)) => {
            for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
                found.take(json(line, number)?, &format!("line {number}"), true)?;
            }
        }
        _ => found.take(json(text, 1)?, "the file", true)?,
    }
    if found.consents.is_empty() {
        return Err(FhirError::None { others: found.others });
    }
    Ok((found.consents, found.others))
}

#[derive(Default)]
struct Found {
    consents: Vec<Value>,
    others: usize,
}

impl Found {
    fn take(&mut self, value: Value, place: &str, may_be_bundle: bool) -> Result<(), FhirError> {
        if self.consents.len() + self.others >= MAX_RESOURCES {
            return Err(FhirError::Many);
        }
        match value.get("resourceType").and_then(Value::as_str) {
            Some("Consent") => self.consents.push(value),
            Some("Bundle") if may_be_bundle => self.bundle(value, place)?,
            Some(_) => self.others += 1,
            None => return Err(FhirError::NoResource { place: place.to_owned() }),
        }
        Ok(())
    }

    fn bundle(&mut self, mut bundle: Value, place: &str) -> Result<(), FhirError> {
        let refuse = |rule| Err(FhirError::Bundle { place: place.to_owned(), rule });
        // A history has what was, and a transaction what shall be, deletions too.
        if !matches!(bundle.get("type").and_then(Value::as_str), Some("collection" | "searchset")) {
            return refuse("its type must be collection or searchset, which say what is now");
        }
        let is_next = |link: &Value| link.get("relation").and_then(Value::as_str) == Some("next");
        if bundle.get("link").and_then(Value::as_array).is_some_and(|links| links.iter().any(is_next)) {
            return refuse(
                "it says that there is a next page, on which a consent may be revoked; bring all pages into one file",
            );
        }
        let Some(Value::Array(entries)) = bundle.get_mut("entry").map(Value::take) else {
            return refuse("it has no list of entries");
        };
        for (number, mut entry) in entries.into_iter().enumerate() {
            let place = format!("{place}, entry[{number}]");
            match entry.get_mut("resource").map(Value::take) {
                Some(resource) => self.take(resource, &place, false)?,
                None => return Err(FhirError::NoResource { place }),
            }
        }
        Ok(())
    }
}
