//! Bounds and members as a query writes them: exact, never through floating point.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::table::decimal::{self, Decimal};

/// An end of a range, in display units: a number, or a text that is a date or a mistake. Which of them a
/// column takes, its kind says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Bound {
    /// A number; a text that reads as a number is one, too.
    Number(Decimal),
    /// Another text.
    Text(String),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&decimal::text(number)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Whole numbers as numbers, since no reader rounds them; fractions as strings.
            Self::Number(number) => match decimal::text(number).parse::<i32>() {
                Ok(whole) => serializer.serialize_i32(whole),
                Err(_) => decimal::serialize(number, serializer),
            },
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number or date as a string")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Bound, E> {
        Ok(Bound::Number(value.into()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Bound, E> {
        Ok(Bound::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Bound, E> {
        decimal::deserialize(de::value::F64Deserializer::new(value)).map(Bound::Number)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Bound, E> {
        Ok(decimal::parse(value).map_or_else(|_| Bound::Text(value.to_owned()), Bound::Number))
    }
}

/// A range with both ends included; an absent end is open. Written `[lo, hi]`, `null` for an open end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "(Option<Bound>, Option<Bound>)", into = "(Option<Bound>, Option<Bound>)")]
pub struct Range {
    /// The lower end.
    pub lo: Option<Bound>,
    /// The upper end.
    pub hi: Option<Bound>,
}

impl Range {
    /// Open at both ends.
    pub const OPEN: Self = Self { lo: None, hi: None };
}

impl From<(Option<Bound>, Option<Bound>)> for Range {
    fn from((lo, hi): (Option<Bound>, Option<Bound>)) -> Self {
        Self { lo, hi }
    }
}

impl From<Range> for (Option<Bound>, Option<Bound>) {
    fn from(range: Range) -> Self {
        (range.lo, range.hi)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |bound: &Option<Bound>| bound.as_ref().map_or_else(|| "open".into(), Bound::to_string);
        write!(f, "[{}, {}]", end(&self.lo), end(&self.hi))
    }
}

/// One of a code column's values: a number is its code, a text its label.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Member {
    /// The stored number.
    Code(u16),
    /// What people call it.
    Label(String),
}

impl<'de> Deserialize<'de> for Member {
    // Written out: a derived reader of untagged values would first build whatever stands there.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a label as a string, or a code as a number from 0 to 65534")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Member, E> {
        u16::try_from(value).map(Member::Code).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Member, E> {
        Ok(Member::Label(value.to_owned()))
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Label(label) => write!(f, "{label:?}"),
        }
    }
}
