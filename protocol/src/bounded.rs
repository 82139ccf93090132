//! Lists from outside, refused at the first entry too many: a check that comes after reading comes after the memory
//! is spent. Three bytes of JSON can stand for hundreds in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads a list of at most `MAX` entries. For `#[serde(deserialize_with = "...")]`.
pub(crate) fn list<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_seq(Entries::<T, MAX>(PhantomData))
}

/// The same where the list may be absent, or `null`, which says the same.
pub(crate) fn optional<'de, const MAX: usize, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    deserializer.deserialize_option(Maybe::<T, MAX>(PhantomData))
}

struct Entries<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Entries<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            if entries.len() == MAX {
                return Err(de::Error::custom(format_args!(
                    "the list has more than {MAX} entries, the most it may have"
                )));
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

struct Maybe<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Maybe<T, MAX> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX} entries")
    }

    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        list::<MAX, T, D>(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Three {
        #[serde(default, deserialize_with = "optional::<3, _, _>")]
        numbers: Option<Vec<u8>>,
    }

    #[test]
    fn the_first_entry_too_many_ends_the_reading() {
        let read = |json: &str| serde_json::from_str::<Three>(json).map(|three| three.numbers);
        assert_eq!(read(r#"{"numbers": [1, 2, 3]}"#).unwrap(), Some(vec![1, 2, 3]));
        assert_eq!(read(r#"{"numbers": null}"#).unwrap(), None);
        assert_eq!(read("{}").unwrap(), None);
        // Nothing after the fourth entry is looked at: there is no more of the document.
        let refused = read(r#"{"numbers": [1, 2, 3, 4"#).unwrap_err().to_string();
        assert!(refused.contains("the list has more than 3 entries, the most it may have"), "{refused}");
        assert!(read(r#"{"numbers": 1}"#).unwrap_err().to_string().contains("expected a list of at most 3 entries"));
    }
}
