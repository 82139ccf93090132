//! One rule of a mapping against the schema column it makes.

use super::error::RuleError;
use super::file::{RawChoose, RawClass, RawRule, UniqueMap};
use super::{Rule, trimmed};
use crate::table::decimal::{self, Decimal};
use crate::table::value::{Reading, read_plain};
use crate::table::{ColumnSpec, Kind};

/// Turns a rule from the file into a checked one.
pub(super) fn check(raw: RawRule, spec: &ColumnSpec, reading: &Reading) -> Result<Rule, RuleError> {
    exactly_one(&raw)?;
    no_strays(&raw)?;
    let rule = if let Some(from) = raw.from {
        match (raw.values, raw.classes) {
            (Some(_), Some(_)) => return Err(RuleError::ValuesAndClasses),
            (Some(values), None) => check_values(from, values, spec, reading)?,
            (None, Some(classes)) => check_classes(from, raw.at_least, classes, spec)?,
            (None, None) => {
                no_missing_label(spec, reading)?;
                Rule::Direct { from }
            }
        }
    } else if let Some(of) = raw.either {
        several("either", &of)?;
        let (Some(no), Some(yes)) = (spec.code_of("no"), spec.code_of("yes")) else {
            return Err(wrong_kind("either", "a flag, or a code with the labels \"no\" and \"yes\"", spec));
        };
        Rule::Either { of, no, yes }
    } else if let Some(of) = raw.earliest {
        several("earliest", &of)?;
        if !matches!(spec.kind(), Kind::Quantity { .. } | Kind::Date { .. }) {
            return Err(wrong_kind("earliest", "a quantity or a date", spec));
        }
        Rule::Earliest { of, ignore_missing: raw.ignore_missing.unwrap_or(false) }
    } else if let Some(RawChoose { flag, then, otherwise }) = raw.choose {
        no_missing_label(spec, reading)?;
        Rule::Choose { flag, then, otherwise }
    } else {
        check_constant(raw.constant.unwrap_or_default(), spec, reading)?
    };
    for input in rule.inputs() {
        trimmed(input).map_err(|text| RuleError::Untrimmed { text })?;
    }
    Ok(rule)
}

fn exactly_one(raw: &RawRule) -> Result<(), RuleError> {
    let rules = [
        ("from", raw.from.is_some()),
        ("either", raw.either.is_some()),
        ("earliest", raw.earliest.is_some()),
        ("choose", raw.choose.is_some()),
        ("constant", raw.constant.is_some()),
    ];
    let found: Vec<&str> = rules.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
    match found.len() {
        1 => Ok(()),
        0 => Err(RuleError::NotOne { found: "none of them".into() }),
        _ => Err(RuleError::NotOne { found: found.join(", ") }),
    }
}

fn no_strays(raw: &RawRule) -> Result<(), RuleError> {
    let stray = |field, is_there: bool, belongs: bool, rule| {
        if is_there && !belongs { Err(RuleError::Stray { field, rule }) } else { Ok(()) }
    };
    let rule = match raw {
        RawRule { from: Some(_), .. } => "from",
        RawRule { either: Some(_), .. } => "either",
        RawRule { earliest: Some(_), .. } => "earliest",
        RawRule { choose: Some(_), .. } => "choose",
        _ => "constant",
    };
    stray("values", raw.values.is_some(), rule == "from", rule)?;
    stray("classes", raw.classes.is_some(), rule == "from", rule)?;
    stray("at_least", raw.at_least.is_some(), raw.classes.is_some(), rule)?;
    stray("ignore_missing", raw.ignore_missing.is_some(), rule == "earliest", rule)
}

/// Where the file's texts are labels, none of the labels may mean missing.
fn no_missing_label(spec: &ColumnSpec, reading: &Reading) -> Result<(), RuleError> {
    match spec.codes().iter().find(|entry| reading.present(&entry.label).is_none()) {
        Some(entry) => Err(RuleError::MissingIsValue { text: entry.label.clone() }),
        None => Ok(()),
    }
}

fn check_values(
    from: String,
    values: UniqueMap<String>,
    spec: &ColumnSpec,
    reading: &Reading,
) -> Result<Rule, RuleError> {
    if !matches!(spec.kind(), Kind::Flag | Kind::Code { .. }) {
        return Err(wrong_kind("values", "a flag or a code", spec));
    }
    if values.0.is_empty() {
        return Err(RuleError::TooFew { rule: "values", needed: 1, found: 0 });
    }
    let mut codes = std::collections::BTreeMap::new();
    for (text, label) in values.0 {
        trimmed(&text).map_err(|text| RuleError::Untrimmed { text })?;
        if reading.present(&text).is_none() {
            return Err(RuleError::MissingIsValue { text });
        }
        codes.insert(text, code_of(spec, &label)?);
    }
    Ok(Rule::Values { from, codes })
}

fn check_classes(
    from: String,
    at_least: Option<Decimal>,
    raw: Vec<RawClass>,
    spec: &ColumnSpec,
) -> Result<Rule, RuleError> {
    if !matches!(spec.kind(), Kind::Code { .. }) {
        return Err(wrong_kind("classes", "a code", spec));
    }
    if raw.is_empty() {
        return Err(RuleError::TooFew { rule: "classes", needed: 1, found: 0 });
    }
    let last = raw.len() - 1;
    let mut before = at_least;
    let mut classes: Vec<(Option<Decimal>, u16)> = Vec::with_capacity(raw.len());
    for (position, RawClass { up_to, label }) in raw.into_iter().enumerate() {
        let stored = code_of(spec, &label)?;
        if classes.iter().any(|(_, other)| *other == stored) {
            return Err(RuleError::LabelTwice { label });
        }
        match (up_to, before) {
            (None, _) if position < last => return Err(RuleError::OpenClass { label }),
            // A first class may hold the one value `at_least`; every later bound must rise.
            (Some(bound), Some(before)) if bound < before || (bound == before && position > 0) => {
                return Err(RuleError::BoundsOrder { found: decimal::text(&bound), before: decimal::text(&before) });
            }
            _ => {}
        }
        before = up_to;
        classes.push((up_to, stored));
    }
    Ok(Rule::Classes { from, at_least, classes })
}

fn check_constant(text: String, spec: &ColumnSpec, reading: &Reading) -> Result<Rule, RuleError> {
    match read_plain(spec, reading, &text) {
        Ok(Some(stored)) => Ok(Rule::Constant { stored }),
        Ok(None) => Err(RuleError::Constant { text, reason: "it means missing".into() }),
        Err(fault) => Err(RuleError::Constant { text, reason: fault.reason }),
    }
}

fn several(rule: &'static str, of: &[String]) -> Result<(), RuleError> {
    if of.len() < 2 {
        return Err(RuleError::TooFew { rule, needed: 2, found: of.len() });
    }
    match of.iter().enumerate().find(|(position, name)| of[..*position].contains(name)) {
        Some((_, name)) => Err(RuleError::NamedTwice { rule, name: name.clone() }),
        None => Ok(()),
    }
}

fn code_of(spec: &ColumnSpec, label: &str) -> Result<u16, RuleError> {
    spec.code_of(label).ok_or_else(|| {
        let labels = match spec.kind() {
            Kind::Code { codes, .. } => codes.iter().map(|entry| format!("{:?}", entry.label)).collect(),
            _ => vec!["\"no\"".to_owned(), "\"yes\"".to_owned()],
        };
        RuleError::UnknownLabel { label: label.to_owned(), labels: labels.join(", ") }
    })
}

fn wrong_kind(rule: &'static str, makes: &'static str, spec: &ColumnSpec) -> RuleError {
    RuleError::WrongKind { rule, makes, kind: spec.kind().name() }
}
