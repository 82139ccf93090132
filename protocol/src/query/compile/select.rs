//! The selection: negations pushed to the tests, tests to conditions, the rest to a truth table.

use super::bounds::{self, Coded, labels, wrong_kind};
use super::builder::Builder;
use super::error::CompileError;
use super::near::near;
use crate::query::CODED_VALUES;
use crate::query::algebra::{Expr, Member, Range, Test};
use crate::query::column::ColumnId;
use crate::query::plan::{Condition, Role};
use crate::query::table::LookupTable;
use crate::table::{ColumnSpec, Kind, MISSING};

/// A selection without negations, over the conditions' bits.
pub(super) enum Logic {
    /// The condition with this number has this value.
    Literal { bit: usize, value: bool, text: String },
    /// All of these hold.
    All(Vec<Logic>),
    /// At least one of these holds.
    Any(Vec<Logic>),
}

impl Logic {
    fn holds(&self, key: u32) -> bool {
        match self {
            Self::Literal { bit, value, .. } => (key >> bit & 1 == 1) == *value,
            Self::All(parts) => parts.iter().all(|part| part.holds(key)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(key)),
        }
    }

    /// The selection in words.
    pub(super) fn text(&self) -> String {
        let join = |parts: &[Self], word: &str| {
            let texts = parts.iter().map(|part| match part {
                Self::All(inner) | Self::Any(inner) if inner.len() > 1 && parts.len() > 1 => {
                    format!("({})", part.text())
                }
                _ => part.text(),
            });
            texts.collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Literal { text, .. } => text.clone(),
            Self::All(parts) => join(parts, " and "),
            Self::Any(parts) => join(parts, " or "),
        }
    }
}

/// Adds the selection's tests to the conditions.
pub(super) fn compile(builder: &mut Builder<'_>, part: &Expr) -> Result<Logic, CompileError> {
    visit(builder, part, "where", false)
}

/// `Phi`: 1 on the keys where every required condition and the selection hold.
pub(super) fn truth_table(conditions: &[Condition], logic: Option<&Logic>) -> LookupTable {
    let required = conditions.iter().enumerate().filter(|(_, condition)| condition.role.is_required());
    let required = required.fold(0u32, |mask, (bit, _)| mask | 1 << bit);
    let holds = |key: u32| key & required == required && logic.is_none_or(|logic| logic.holds(key));
    LookupTable::from_outputs((0..1u32 << conditions.len()).map(|key| u16::from(holds(key))))
}

fn visit(builder: &mut Builder<'_>, part: &Expr, at: &str, negated: bool) -> Result<Logic, CompileError> {
    let mut list = |name: &str, parts: &[Expr]| {
        let parts = parts.iter().enumerate();
        parts
            .map(|(i, part)| visit(builder, part, &format!("{at}.{name}[{i}]"), negated))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(match part {
        Expr::All(parts) if negated => Logic::Any(list("all", parts)?),
        Expr::All(parts) => Logic::All(list("all", parts)?),
        Expr::Any(parts) if negated => Logic::All(list("any", parts)?),
        Expr::Any(parts) => Logic::Any(list("any", parts)?),
        Expr::Not(part) => visit(builder, part, &format!("{at}.not"), !negated)?,
        Expr::Test { column, test } => {
            let spec = builder.column(at, column)?;
            leaf(builder, spec, test, at, negated)?
        }
    })
}

fn leaf<'a>(
    builder: &mut Builder<'a>,
    spec: &'a ColumnSpec,
    test: &Test,
    at: &str,
    negated: bool,
) -> Result<Logic, CompileError> {
    let name = spec.name();
    let (table, text) = match test {
        Test::Is(is) => {
            if !matches!(spec.kind(), Kind::Flag) {
                let fits = match spec.kind() {
                    Kind::Code { .. } => format!("choose from its labels with \"in\": {}", labels(spec)),
                    _ => "test it with \"between\" or \"ranges\"".to_owned(),
                };
                return Err(wrong_kind(at, spec, fits));
            }
            let bit = builder.flag(ColumnId::manifest(name), Role::Asked, format!("{name} is yes"))?;
            let value = *is != negated;
            let text = format!("{name} is {}", if value { "yes" } else { "no" });
            return Ok(Logic::Literal { bit, value, text });
        }
        Test::Present(present) => {
            if matches!(spec.kind(), Kind::Flag) {
                return Err(wrong_kind(at, spec, "flags are never missing; test it with \"is\": true or false"));
            }
            // Exact complements of each other: these two alone look at missing values.
            if *present != negated {
                (LookupTable::indicator(&[(0, MISSING - 1)]), format!("{name} is known"))
            } else {
                (LookupTable::indicator(&[(MISSING, MISSING)]), format!("{name} is missing"))
            }
        }
        Test::Between(range) => in_ranges(spec, std::slice::from_ref(range), &format!("{at}.between"), negated)?,
        Test::Ranges(ranges) => in_ranges(spec, ranges, &format!("{at}.ranges"), negated)?,
        Test::In(members) => in_members(builder, spec, members, &format!("{at}.in"), negated)?,
    };
    if table.segments().is_empty() {
        return Err(CompileError::NeverHolds { at: at.to_owned(), text });
    }
    let bit = builder.test(name, table, Role::Asked, text.clone())?;
    Ok(Logic::Literal { bit, value: true, text })
}

fn in_ranges(
    spec: &ColumnSpec,
    ranges: &[Range],
    at: &str,
    negated: bool,
) -> Result<(LookupTable, String), CompileError> {
    let coded = ranges.iter().map(|range| bounds::encode(at, spec, range)).collect::<Result<Vec<Coded>, _>>()?;
    let set: Vec<(u16, u16)> = coded.iter().map(|range| (range.first, range.last)).collect();
    let words = one_of(coded.iter().map(|range| bounds::words_with_unit(spec, range)).collect());
    let name = spec.name();
    if !negated {
        return Ok((LookupTable::indicator(&set), format!("{name} is {words}")));
    }
    let inside = LookupTable::indicator(&set);
    let (mut others, mut next) = (Vec::new(), u32::from(*spec.domain().start()));
    for segment in inside.segments() {
        if next < u32::from(segment.first) {
            others.push((next as u16, segment.first - 1));
        }
        next = u32::from(segment.last) + 1;
    }
    if next <= u32::from(*spec.domain().end()) {
        others.push((next as u16, *spec.domain().end()));
    }
    Ok((LookupTable::indicator(&others), format!("{name} is known but not {words}")))
}

fn in_members<'a>(
    builder: &mut Builder<'a>,
    spec: &'a ColumnSpec,
    members: &[Member],
    at: &str,
    negated: bool,
) -> Result<(LookupTable, String), CompileError> {
    let fits = match spec.kind() {
        Kind::Code { .. } => None,
        Kind::Flag => Some("test it with \"is\": true or false"),
        _ => Some("test it with \"between\" or \"ranges\""),
    };
    if let Some(fits) = fits {
        return Err(wrong_kind(at, spec, fits));
    }
    // By code, so that neither the list nor the dictionary is gone through again for each entry of the other.
    let mut is_chosen = vec![false; CODED_VALUES];
    let mut chosen = Vec::new();
    for member in members {
        let code = match member {
            Member::Code(code) => spec.code(*code).map(|entry| entry.code),
            Member::Label(label) => builder.code_of(spec, label),
        };
        let Some(code) = code else {
            let near = match member {
                Member::Label(label) => near(label, spec.codes().iter().map(|entry| entry.label.as_str())),
                Member::Code(_) => format!("its labels are {}", labels(spec)),
            };
            let (at, column, found) = (at.to_owned(), spec.name().to_owned(), member.to_string());
            return Err(CompileError::UnknownMember { at, column, found, near });
        };
        if !std::mem::replace(&mut is_chosen[usize::from(code)], true) {
            chosen.push(code);
        }
    }
    let words = one_of(chosen.iter().map(|code| format!("{:?}", spec.decode(*code))).collect());
    // Only registered codes are ever in the set, whichever way round it is asked.
    let kept = spec.codes().iter().map(|entry| entry.code).filter(|code| is_chosen[usize::from(*code)] != negated);
    let table = LookupTable::indicator(&kept.map(|code| (code, code)).collect::<Vec<_>>());
    let name = spec.name();
    Ok((table, if negated { format!("{name} is known but not {words}") } else { format!("{name} is {words}") }))
}

/// One thing, or a list in brackets: "and" and "or" are the selection's own words.
fn one_of(words: Vec<String>) -> String {
    match words.as_slice() {
        [one] => one.clone(),
        _ => format!("one of ({})", words.join(", ")),
    }
}
