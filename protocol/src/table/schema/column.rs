//! One column of a schema: what it means, and how its values are coded in 16 bits.

use std::fmt;
use std::ops::RangeInclusive;

use super::error::{BoundError, ColumnError, MAX_DECIMALS, MAX_DESCRIPTION, MAX_MAGNITUDE, MAX_NAME, MAX_TEXT};
use crate::table::Day;
use crate::table::MISSING;
use crate::table::decimal::{self, Decimal, Rounding};
use crate::text::is_line;

/// One value of a code column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    /// The stored number.
    pub code: u16,
    /// What people and source files call it.
    pub label: String,
    /// A concept in a public terminology, for example `SNOMED:248152002`, if one is certain.
    pub concept: Option<String>,
}

/// What kind of values a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// 0 or 1, never missing.
    Flag,
    /// One of a list.
    Code {
        /// The list, in ascending order of codes.
        codes: Vec<CodeEntry>,
        /// Whether a value may be missing.
        missing: bool,
    },
    /// A number, stored as `round((x - offset) / step)`, halves away from zero.
    Quantity {
        /// The value whose code is 0.
        offset: Decimal,
        /// The distance between neighbouring codes.
        step: Decimal,
        /// The lowest value allowed.
        min: Decimal,
        /// The highest value allowed.
        max: Decimal,
        /// The unit, for people.
        unit: String,
        /// Whether a value may be missing.
        missing: bool,
    },
    /// A day, stored as days since 1900-01-01.
    Date {
        /// The first day allowed.
        min: Day,
        /// The last day allowed.
        max: Day,
        /// Whether a value may be missing.
        missing: bool,
    },
}

impl Kind {
    /// The kind's name, as schema files write it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Code { .. } => "code",
            Self::Quantity { .. } => "quantity",
            Self::Date { .. } => "date",
        }
    }
}

/// One column: checked when it is made, so that coding cannot fail later for the column's own fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    name: String,
    description: String,
    kind: Kind,
    source: String,
    concept: Option<String>,
    /// Lowest and highest stored value, from the kind.
    domain: (u16, u16),
}

/// Whether a text may name a table or a column.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

impl ColumnSpec {
    /// Makes a column. `source` names the measurement it comes from: two columns with one source disclose
    /// each other. `None` means that it is a measurement of its own.
    pub fn new(
        name: String,
        description: String,
        mut kind: Kind,
        source: Option<String>,
        concept: Option<String>,
    ) -> Result<Self, ColumnError> {
        if name.starts_with("tag.") {
            return Err(ColumnError::ReservedName);
        }
        if !is_name(&name) {
            return Err(ColumnError::Name);
        }
        let source = source.unwrap_or_else(|| name.clone());
        if !is_name(&source) {
            return Err(ColumnError::Source { found: source });
        }
        let unit = match &kind {
            Kind::Quantity { unit, .. } => Some(unit.as_str()).filter(|unit| !unit.is_empty()),
            _ => None,
        };
        let concepts = match &kind {
            Kind::Code { codes, .. } => codes.iter().filter_map(|entry| entry.concept.as_deref()).collect(),
            _ => Vec::new(),
        };
        let described = Some(description.as_str()).filter(|text| !text.is_empty()).map(|text| ("description", text));
        let texts = unit.map(|unit| ("unit", unit)).into_iter().chain(described);
        let concepts = concepts.into_iter().chain(concept.as_deref()).map(|text| ("concept", text));
        if let Some((what, found)) = texts.chain(concepts).find(|(_, text)| !is_line(text, MAX_DESCRIPTION)) {
            return Err(ColumnError::Text { what, found: found.chars().take(80).collect() });
        }
        let domain = match &mut kind {
            Kind::Flag => (0, 1),
            Kind::Code { codes, .. } => check_codes(codes)?,
            Kind::Quantity { offset, step, min, max, .. } => check_quantity(offset, step, min, max)?,
            Kind::Date { min, max, .. } => {
                if min > max {
                    return Err(ColumnError::Inverted { min: min.to_string(), max: max.to_string() });
                }
                (min.days(), max.days())
            }
        };
        Ok(Self { name, description, kind, source, concept, domain })
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it means, for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The kind of its values.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The measurement it comes from; columns with the same source disclose each other.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its concept in a public terminology.
    pub fn concept(&self) -> Option<&str> {
        self.concept.as_deref()
    }

    /// The unit of a quantity.
    pub fn unit(&self) -> Option<&str> {
        match &self.kind {
            Kind::Quantity { unit, .. } => Some(unit),
            _ => None,
        }
    }

    /// Whether a value may be missing.
    pub const fn may_be_missing(&self) -> bool {
        match self.kind {
            Kind::Flag => false,
            Kind::Code { missing, .. } | Kind::Quantity { missing, .. } | Kind::Date { missing, .. } => missing,
        }
    }

    /// From the lowest to the highest stored value, *missing* apart. Codes may leave gaps: see [`Self::holds`].
    pub const fn domain(&self) -> RangeInclusive<u16> {
        RangeInclusive::new(self.domain.0, self.domain.1)
    }

    /// Whether a stored value is allowed, *missing* included where the schema allows it.
    pub fn holds(&self, stored: u16) -> bool {
        if stored == MISSING {
            return self.may_be_missing();
        }
        match &self.kind {
            Kind::Code { .. } => self.code(stored).is_some(),
            _ => self.domain().contains(&stored),
        }
    }

    /// The codes of a code column; of a flag, none.
    pub fn codes(&self) -> &[CodeEntry] {
        match &self.kind {
            Kind::Code { codes, .. } => codes,
            _ => &[],
        }
    }

    /// A code column's entry with this code.
    pub fn code(&self, stored: u16) -> Option<&CodeEntry> {
        // Dictionaries may have 65,535 codes, in ascending order: a query can name a thousand of them in each test.
        let codes = self.codes();
        let found = codes.binary_search_by(|entry| {
            #[cfg(test)]
            looks::count(1);
            entry.code.cmp(&stored)
        });
        found.ok().map(|place| &codes[place])
    }

    /// The code with this label; a flag's labels are `no` and `yes`.
    pub fn code_of(&self, label: &str) -> Option<u16> {
        match &self.kind {
            Kind::Flag => match label {
                "no" => Some(0),
                "yes" => Some(1),
                _ => None,
            },
            _ => self.codes().iter().find(|entry| entry.label == label).map(|entry| entry.code),
        }
    }

    /// A stored value in words: the label, the number without its unit, the date, `missing`.
    pub fn decode(&self, stored: u16) -> String {
        if stored == MISSING {
            return "missing".into();
        }
        match &self.kind {
            Kind::Flag => match stored {
                0 => "no".into(),
                1 => "yes".into(),
                _ => format!("undefined flag {stored}"),
            },
            Kind::Code { .. } => match self.code(stored) {
                Some(entry) => entry.label.clone(),
                None => format!("undefined code {stored}"),
            },
            Kind::Quantity { offset, step, .. } => decimal::text(&decimal::value_of(stored, *offset, *step)),
            Kind::Date { .. } => Day::from_days(stored).map_or_else(|| "missing".into(), |day| day.to_string()),
        }
    }

    /// The lowest stored value that stands for at least `x` of a quantity: a range's lower end.
    pub fn encode_bound_up(&self, x: Decimal) -> Result<u16, BoundError> {
        self.encode_quantity(x, Rounding::Up)
    }

    /// The highest stored value that stands for at most `x` of a quantity: a range's upper end.
    pub fn encode_bound_down(&self, x: Decimal) -> Result<u16, BoundError> {
        self.encode_quantity(x, Rounding::Down)
    }

    /// The stored value of a day in a date column.
    pub fn encode_date(&self, text: &str) -> Result<u16, BoundError> {
        let Kind::Date { min, max, .. } = &self.kind else {
            return Err(BoundError::NotADate { column: self.name.clone(), kind: self.kind.name() });
        };
        let day: Day = text.parse().map_err(|source| BoundError::Day { column: self.name.clone(), source })?;
        if day < *min || day > *max {
            return Err(self.outside(day));
        }
        Ok(day.days())
    }

    /// The stored value of a quantity.
    pub(in crate::table) fn encode_quantity(&self, x: Decimal, rounding: Rounding) -> Result<u16, BoundError> {
        let Kind::Quantity { offset, step, min, max, .. } = &self.kind else {
            return Err(BoundError::NotAQuantity {
                column: self.name.clone(),
                kind: self.kind.name(),
                fits: match self.kind {
                    Kind::Flag => "it has no bounds, it is yes or no",
                    Kind::Code { .. } => "choose from its labels instead of bounds",
                    _ => "write its bounds as dates, yyyy-mm-dd",
                },
            });
        };
        if x < *min || x > *max {
            return Err(self.outside(decimal::text(&x)));
        }
        decimal::steps(x, *offset, *step, rounding)
            .and_then(|steps| u16::try_from(steps).ok())
            .ok_or_else(|| BoundError::Digits { column: self.name.clone(), value: decimal::text(&x) })
    }

    fn outside(&self, value: impl fmt::Display) -> BoundError {
        let domain = self.domain();
        let bound = |stored: u16| match self.unit() {
            Some(unit) if !unit.is_empty() => format!("{} {unit}", self.decode(stored)),
            _ => self.decode(stored),
        };
        BoundError::Outside {
            column: self.name.clone(),
            value: value.to_string(),
            min: bound(*domain.start()),
            max: bound(*domain.end()),
        }
    }
}

fn check_codes(codes: &mut [CodeEntry]) -> Result<(u16, u16), ColumnError> {
    for entry in codes.iter() {
        if entry.code == MISSING {
            return Err(ColumnError::ReservedCode { label: entry.label.clone() });
        }
        if !is_line(&entry.label, MAX_TEXT) {
            return Err(ColumnError::Label { code: entry.code, label: entry.label.clone() });
        }
    }
    let mut labels: Vec<&CodeEntry> = codes.iter().collect();
    labels.sort_by(|a, b| a.label.cmp(&b.label));
    if let Some(pair) = labels.windows(2).find(|pair| pair[0].label == pair[1].label) {
        let label = pair[0].label.clone();
        return Err(ColumnError::LabelTwice { label, first: pair[0].code, second: pair[1].code });
    }
    // A stable sort: the message names the labels in the file's order.
    codes.sort_by_key(|entry| entry.code);
    if let Some(pair) = codes.windows(2).find(|pair| pair[0].code == pair[1].code) {
        let [first, second] = [&pair[0], &pair[1]].map(|entry| entry.label.clone());
        return Err(ColumnError::CodeTwice { code: pair[0].code, first, second });
    }
    match (codes.first(), codes.last()) {
        (Some(first), Some(last)) => Ok((first.code, last.code)),
        _ => Err(ColumnError::NoCodes),
    }
}

fn check_quantity(
    offset: &mut Decimal,
    step: &mut Decimal,
    min: &mut Decimal,
    max: &mut Decimal,
) -> Result<(u16, u16), ColumnError> {
    let text = decimal::text;
    for (which, value) in [("offset", &mut *offset), ("step", &mut *step), ("min", &mut *min), ("max", &mut *max)] {
        *value = value.normalize();
        if value.scale() > MAX_DECIMALS || value.abs() > Decimal::from(MAX_MAGNITUDE) {
            return Err(ColumnError::Digits { which, value: text(value) });
        }
    }
    if *step <= Decimal::ZERO {
        return Err(ColumnError::Step { found: text(step) });
    }
    if min > max {
        return Err(ColumnError::Inverted { min: text(min), max: text(max) });
    }
    if min < offset {
        return Err(ColumnError::BelowOffset { min: text(min), offset: text(offset) });
    }
    let code = |which, value: &Decimal| {
        decimal::steps(*value, *offset, *step, Rounding::Exact).ok_or_else(|| ColumnError::OffGrid {
            which,
            value: text(value),
            offset: text(offset),
            step: text(step),
        })
    };
    let (lowest, highest) = (code("min", min)?, code("max", max)?);
    match (u16::try_from(lowest), u16::try_from(highest)) {
        (Ok(lowest), Ok(highest)) if highest != MISSING => Ok((lowest, highest)),
        _ => Err(ColumnError::TooWide { offset: text(offset), max: text(max), values: highest + 1 }),
    }
}

/// How many entries of dictionaries were looked at: what tests count instead of time.
#[cfg(test)]
pub(crate) mod looks {
    use std::cell::Cell;

    thread_local! {
        static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn count(entries: usize) {
        LOOKS.set(LOOKS.get() + entries);
    }

    /// The number since the last call.
    pub(crate) fn taken() -> usize {
        LOOKS.replace(0)
    }
}
