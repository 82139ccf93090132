//! How a query stands in its JSON file, and the way from there to the checked types.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::QueryError;
use super::is_line;
use super::read;
use super::value::{Bound, Member, Range};
use super::{Bins, Expr, GroupBy, MAX_DEPTH, MAX_LIST, MAX_QUERY_BYTES, Measures, Missing, QUERY_FORMAT, Query, Test};
use crate::bounded;
use crate::table::decimal::{self, Decimal};
use crate::table::{ConsentColumn, Institution, SponsorClass};

/// Characters of a title or a study's id: one line of a report.
const MAX_TEXT: usize = 200;

/// A query as its file has it. `consent` stands here to be refused with a sentence of its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuery {
    format: String,
    title: String,
    table: String,
    study: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sponsor_class: Option<SponsorClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    institution: Option<String>,
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none", deserialize_with = "read::selection")]
    selection: Option<RawExpr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded::list::<MAX_LIST, _, _>")]
    group_by: Vec<RawGroupBy>,
    #[serde(default)]
    measures: RawMeasures,
    #[serde(default, skip_serializing, deserialize_with = "mentioned")]
    consent: bool,
}

/// A part of a selection as the file has it: one flat object, so that a message can name the fields.
/// Read by [`read`], which keeps its limits.
#[derive(Default, Serialize)]
pub(super) struct RawExpr {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) all: Option<Vec<RawExpr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) any: Option<Vec<RawExpr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not: Option<Box<RawExpr>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) between: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ranges: Option<Vec<Range>>,
    #[serde(rename = "in", skip_serializing_if = "Option::is_none")]
    pub(super) members: Option<Vec<Member>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) present: Option<bool>,
    #[serde(skip_serializing)]
    pub(super) consent: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroupBy {
    column: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bins: Option<RawBins>,
    #[serde(default)]
    missing: Missing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSteps {
    from: Bound,
    #[serde(with = "decimal")]
    width: Decimal,
    count: u32,
    #[serde(default)]
    beyond: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMeasures {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sum_of_squares: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional::<MAX_LIST, _, _>"
    )]
    sum_of_products: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "each_once")]
    bounds: BTreeMap<String, Range>,
    #[serde(default, skip_serializing, deserialize_with = "mentioned")]
    consent: bool,
}

impl TryFrom<RawQuery> for Query {
    type Error = QueryError;

    fn try_from(raw: RawQuery) -> Result<Self, QueryError> {
        if raw.format != QUERY_FORMAT {
            return Err(QueryError::Format { found: raw.format });
        }
        if raw.consent {
            return Err(QueryError::Consent { at: "the query".into() });
        }
        for (field, text) in [("title", &raw.title), ("table", &raw.table), ("study", &raw.study)] {
            check_text(field, text)?;
        }
        let purpose = raw.purpose.filter(|purpose| !purpose.is_empty()).ok_or(QueryError::NoPurpose)?;
        let sponsor_class = raw.sponsor_class.ok_or(QueryError::NoSponsorClass)?;
        let consent = ConsentColumn::new(&purpose, sponsor_class)
            .map_err(|_| QueryError::Purpose { found: purpose.chars().take(80).collect() })?;
        let institution = raw.institution.map(|name| name.parse()).transpose().map_err(QueryError::Institution)?;
        let consent = consent.with_institution(institution);
        let selection = raw.selection.map(|part| part.check("where", 1)).transpose()?;
        let group_by = raw.group_by.into_iter().enumerate().map(|(index, part)| part.check(index));
        let group_by = group_by.collect::<Result<_, _>>()?;
        let measures = raw.measures.check()?;
        let query =
            Self { title: raw.title, table: raw.table, study: raw.study, consent, selection, group_by, measures };
        // Wherever it stands, in a request or a bundle, a query is as short as one that is a file of its own.
        match query.written_bytes() {
            found if found > MAX_QUERY_BYTES => Err(QueryError::TooLong { found }),
            _ => Ok(query),
        }
    }
}

/// Titles go to terminals and reports: one line, no control characters.
fn check_text(field: &'static str, text: &str) -> Result<(), QueryError> {
    if !is_line(text, MAX_TEXT) {
        return Err(QueryError::Text { field, limit: MAX_TEXT, found: text.chars().take(80).collect() });
    }
    Ok(())
}

/// Lists that are too long were refused while they were read.
fn check_list<T>(at: &str, list: &[T], fits: &'static str) -> Result<(), QueryError> {
    if list.is_empty() { Err(QueryError::EmptyList { at: at.into(), fits }) } else { Ok(()) }
}

impl RawExpr {
    fn check(self, at: &str, depth: usize) -> Result<Expr, QueryError> {
        if depth > MAX_DEPTH {
            return Err(QueryError::TooDeep { at: at.into() });
        }
        if self.consent {
            return Err(QueryError::Consent { at: at.into() });
        }
        let fields = self.fields();
        let parts = |name: &str, parts: Vec<RawExpr>| -> Result<Vec<Expr>, QueryError> {
            check_list(&format!("{at}.{name}"), &parts, "put at least one test in it, or leave it out")?;
            let checked = parts.into_iter().enumerate();
            checked.map(|(i, part)| part.check(&format!("{at}.{name}[{i}]"), depth + 1)).collect()
        };
        let found = if fields.is_empty() { "nothing".into() } else { fields.join(", ") };
        let wrong = || QueryError::NotOneTest { at: at.into(), found };
        match self {
            Self { all: Some(list), .. } if fields == ["all"] => Ok(Expr::All(parts("all", list)?)),
            Self { any: Some(list), .. } if fields == ["any"] => Ok(Expr::Any(parts("any", list)?)),
            Self { not: Some(part), .. } if fields == ["not"] => {
                Ok(Expr::Not(Box::new(part.check(&format!("{at}.not"), depth + 1)?)))
            }
            Self { column: Some(column), between, ranges, members, is, present, .. } if fields.len() == 2 => {
                let test = match (between, ranges, members, is, present) {
                    (Some(range), ..) => Test::Between(range),
                    (_, Some(ranges), ..) => {
                        check_list(&format!("{at}.ranges"), &ranges, "name at least one range")?;
                        Test::Ranges(ranges)
                    }
                    (_, _, Some(members), ..) => {
                        check_list(&format!("{at}.in"), &members, "name at least one label or code")?;
                        Test::In(members)
                    }
                    (_, _, _, Some(is), _) => Test::Is(is),
                    (_, _, _, _, Some(present)) => Test::Present(present),
                    _ => return Err(wrong()),
                };
                Ok(Expr::Test { column, test })
            }
            _ => Err(wrong()),
        }
    }

    fn fields(&self) -> Vec<&'static str> {
        let fields = [
            ("all", self.all.is_some()),
            ("any", self.any.is_some()),
            ("not", self.not.is_some()),
            ("column", self.column.is_some()),
            ("between", self.between.is_some()),
            ("ranges", self.ranges.is_some()),
            ("in", self.members.is_some()),
            ("is", self.is.is_some()),
            ("present", self.present.is_some()),
        ];
        fields.into_iter().filter(|(_, is_there)| *is_there).map(|(field, _)| field).collect()
    }
}

/// Bins as the file has them: a list of ranges, or an object with equal steps.
enum RawBins {
    Ranges(Vec<Range>),
    Steps(RawSteps),
}

impl Serialize for RawBins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Ranges(ranges) => ranges.serialize(serializer),
            Self::Steps(steps) => steps.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for RawBins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BinsVisitor)
    }
}

struct BinsVisitor;

impl<'de> Visitor<'de> for BinsVisitor {
    type Value = RawBins;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bins, [[lo, hi], ...] or {\"from\", \"width\", \"count\", \"beyond\"}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawBins, A::Error> {
        bounded::list::<MAX_LIST, _, _>(SeqAccessDeserializer::new(list)).map(RawBins::Ranges)
    }

    fn visit_map<A: MapAccess<'de>>(self, steps: A) -> Result<RawBins, A::Error> {
        RawSteps::deserialize(MapAccessDeserializer::new(steps)).map(RawBins::Steps)
    }
}

/// Bounds by column, none named twice: readers of JSON differ in which of two they believe.
fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Range>, D::Error> {
    deserializer.deserialize_map(BoundsVisitor)
}

struct BoundsVisitor;

impl<'de> Visitor<'de> for BoundsVisitor {
    type Value = BTreeMap<String, Range>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bounds, {column: [lo, hi], ...}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut bounds = BTreeMap::new();
        while let Some((column, range)) = fields.next_entry::<String, Range>()? {
            if bounds.contains_key(&column) {
                return Err(de::Error::custom(format_args!("the column {column:?} has bounds twice")));
            }
            if bounds.len() == MAX_LIST {
                return Err(de::Error::custom(format_args!("more than {MAX_LIST} columns have bounds")));
            }
            bounds.insert(column, range);
        }
        Ok(bounds)
    }
}

/// Whether the field is there at all, whatever it says.
fn mentioned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|IgnoredAny| true)
}

impl RawGroupBy {
    fn check(self, index: usize) -> Result<GroupBy, QueryError> {
        let bins = match self.bins {
            None => None,
            Some(RawBins::Ranges(ranges)) => {
                check_list(&format!("group_by[{index}].bins"), &ranges, "name at least one bin")?;
                Some(Bins::Ranges(ranges))
            }
            Some(RawBins::Steps(RawSteps { from, width, count, beyond })) => {
                Some(Bins::Steps { from, width, count, beyond })
            }
        };
        Ok(GroupBy { column: self.column, bins, missing: self.missing })
    }
}

impl RawMeasures {
    fn check(self) -> Result<Measures, QueryError> {
        if self.consent {
            return Err(QueryError::Consent { at: "measures".into() });
        }
        if self.count == Some(false) {
            return Err(QueryError::NoCount);
        }
        let sum_of_products = self
            .sum_of_products
            .map(|columns| <[String; 2]>::try_from(columns).map_err(|all| QueryError::Factors { found: all.len() }))
            .transpose()?;
        if let Some([first, second]) = &sum_of_products
            && first == second
        {
            return Err(QueryError::SquareAsProduct { column: first.clone() });
        }
        let Self { sum, sum_of_squares, bounds, .. } = self;
        Ok(Measures { sum, sum_of_squares, sum_of_products, bounds })
    }
}

impl From<Query> for RawQuery {
    fn from(query: Query) -> Self {
        let measures = query.measures;
        Self {
            format: QUERY_FORMAT.into(),
            title: query.title,
            table: query.table,
            study: query.study,
            purpose: Some(query.consent.purpose()),
            sponsor_class: Some(query.consent.sponsor()),
            institution: query.consent.institution().map(Institution::to_string),
            selection: query.selection.map(RawExpr::from),
            group_by: query.group_by.into_iter().map(RawGroupBy::from).collect(),
            measures: RawMeasures {
                count: Some(true),
                sum: measures.sum,
                sum_of_squares: measures.sum_of_squares,
                sum_of_products: measures.sum_of_products.map(Vec::from),
                bounds: measures.bounds,
                consent: false,
            },
            consent: false,
        }
    }
}

impl From<Expr> for RawExpr {
    fn from(part: Expr) -> Self {
        let list = |parts: Vec<Expr>| Some(parts.into_iter().map(Self::from).collect());
        match part {
            Expr::All(parts) => Self { all: list(parts), ..Self::default() },
            Expr::Any(parts) => Self { any: list(parts), ..Self::default() },
            Expr::Not(part) => Self { not: Some(Box::new(Self::from(*part))), ..Self::default() },
            Expr::Test { column, test } => {
                let raw = Self { column: Some(column), ..Self::default() };
                match test {
                    Test::Between(range) => Self { between: Some(range), ..raw },
                    Test::Ranges(ranges) => Self { ranges: Some(ranges), ..raw },
                    Test::In(members) => Self { members: Some(members), ..raw },
                    Test::Is(is) => Self { is: Some(is), ..raw },
                    Test::Present(present) => Self { present: Some(present), ..raw },
                }
            }
        }
    }
}

impl From<GroupBy> for RawGroupBy {
    fn from(group: GroupBy) -> Self {
        let bins = group.bins.map(|bins| match bins {
            Bins::Ranges(ranges) => RawBins::Ranges(ranges),
            Bins::Steps { from, width, count, beyond } => RawBins::Steps(RawSteps { from, width, count, beyond }),
        });
        Self { column: group.column, bins, missing: group.missing }
    }
}
