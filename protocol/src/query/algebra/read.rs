//! Reading a selection. Its limits are kept while it is read, not afterwards: three bytes of JSON make a part that takes
//! hundreds in memory, and whoever sends a bundle chooses the bytes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::error::QueryError;
use super::file::RawExpr;
use super::{MAX_ENTRIES, MAX_LIST, MAX_NODES};

/// Reads a selection that may be absent. For `#[serde(deserialize_with = "...")]`.
pub(super) fn selection<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RawExpr>, D::Error> {
    let mut read = Read::default();
    Maybe(Part { at: "where", read: &mut read }).deserialize(deserializer)
}

/// How much of a selection has been read.
#[derive(Default)]
struct Read {
    parts: usize,
    entries: usize,
}

/// A value that may be `null`, which is as good as absent.
struct Maybe<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Maybe<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Maybe<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a selection")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}

/// The fields of a part, in the order of [`RawExpr`].
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    All,
    Any,
    Not,
    Column,
    Between,
    Ranges,
    In,
    Is,
    Present,
    Consent,
}

impl Field {
    const NAMES: [&'static str; 10] =
        ["all", "any", "not", "column", "between", "ranges", "in", "is", "present", "consent"];
}

/// One part, with everything below it.
struct Part<'a> {
    at: &'a str,
    read: &'a mut Read,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = RawExpr;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawExpr, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = RawExpr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part of a selection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawExpr, A::Error> {
        let Self { at, read } = self;
        read.parts += 1;
        if read.parts > MAX_NODES {
            return Err(de::Error::custom(QueryError::TooLarge));
        }
        let mut part = RawExpr::default();
        let mut seen = [false; Field::NAMES.len()];
        while let Some(field) = map.next_key::<Field>()? {
            let name = Field::NAMES[field as usize];
            if std::mem::replace(&mut seen[field as usize], true) {
                return Err(de::Error::duplicate_field(name));
            }
            let at = || format!("{at}.{name}");
            match field {
                Field::All => part.all = map.next_value_seed(Maybe(Parts { at: at(), read }))?,
                Field::Any => part.any = map.next_value_seed(Maybe(Parts { at: at(), read }))?,
                Field::Not => part.not = map.next_value_seed(Maybe(Part { at: &at(), read }))?.map(Box::new),
                Field::Column => part.column = map.next_value()?,
                Field::Between => part.between = map.next_value()?,
                Field::Ranges => part.ranges = map.next_value_seed(Maybe(Entries::new(at(), read)))?,
                Field::In => part.members = map.next_value_seed(Maybe(Entries::new(at(), read)))?,
                Field::Is => part.is = map.next_value()?,
                Field::Present => part.present = map.next_value()?,
                Field::Consent => {
                    map.next_value::<IgnoredAny>()?;
                    part.consent = true;
                }
            }
        }
        Ok(part)
    }
}

/// The parts of `all` or `any`. No limit of its own: there are fewer parts in all than entries in a list.
struct Parts<'a> {
    at: String,
    read: &'a mut Read,
}

impl<'de> DeserializeSeed<'de> for Parts<'_> {
    type Value = Vec<RawExpr>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Parts<'_> {
    type Value = Vec<RawExpr>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of parts of a selection")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        loop {
            let at = format!("{}[{}]", self.at, parts.len());
            match list.next_element_seed(Part { at: &at, read: self.read })? {
                Some(part) => parts.push(part),
                None => return Ok(parts),
            }
        }
    }
}

/// Ranges, or labels and codes.
struct Entries<'a, T> {
    at: String,
    read: &'a mut Read,
    kind: PhantomData<T>,
}

impl<'a, T> Entries<'a, T> {
    const fn new(at: String, read: &'a mut Read) -> Self {
        Self { at, read, kind: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Entries<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_LIST} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MAX_LIST {
                return Err(de::Error::custom(QueryError::LongList { at: self.at }));
            }
            self.read.entries += 1;
            if self.read.entries > MAX_ENTRIES {
                return Err(de::Error::custom(QueryError::TooManyEntries { at: self.at }));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}
