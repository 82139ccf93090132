//! How a consent event stands in JSON.

use serde::{Deserialize, Serialize};

use super::event::{By, Content, Event, EventError, What};
use super::salt::Salt;
use crate::table::{Day, Tag};

/// The format this code reads and writes.
pub const EVENT_FORMAT: &str = "cohortium-consent-event/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvent {
    format: String,
    site: String,
    #[serde(with = "tag_text")]
    tag: Tag,
    number: u32,
    date: Day,
    what: What,
    salt: Salt,
    by: By,
}

impl TryFrom<RawEvent> for Event {
    type Error = EventError;

    fn try_from(raw: RawEvent) -> Result<Self, EventError> {
        let RawEvent { format, site, tag, number, date, what, salt, by } = raw;
        if format != EVENT_FORMAT {
            return Err(EventError::Format { found: format.chars().take(80).collect() });
        }
        Self::new(Content::new(&site, tag, number, date, what, salt)?, by)
    }
}

impl From<Event> for RawEvent {
    fn from(event: Event) -> Self {
        let (content, by) = event.into_parts();
        let Content { site, tag, number, date, what, salt } = content;
        Self { format: EVENT_FORMAT.to_owned(), site, tag, number, date, what, salt, by }
    }
}

/// Tags have no text of their own in documents: they are secret, and written here alone.
pub(super) mod tag_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use zeroize::Zeroizing;

    use crate::table::Tag;

    pub(in super::super) fn serialize<S: Serializer>(tag: &Tag, serializer: S) -> Result<S::Ok, S::Error> {
        Zeroizing::new(tag.to_hex()).as_str().serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tag, D::Error> {
        Tag::from_hex(&Zeroizing::new(String::deserialize(deserializer)?)).map_err(serde::de::Error::custom)
    }
}
