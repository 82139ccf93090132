//! A query's digest: over what it says, not over its file's bytes.

use super::{Bins, Expr, Missing, Query, Range, Test};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::Member;
use crate::table::decimal;

impl Query {
    /// The digest over every field: two files that say the same have the same digest, however laid out.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::QUERY);
        hasher.str(&self.title).str(&self.table).str(&self.study).str(&self.consent.to_string());
        hasher.u64(u64::from(self.selection.is_some()));
        if let Some(selection) = &self.selection {
            expr(&mut hasher, selection);
        }
        hasher.u64(self.group_by.len() as u64);
        for group in &self.group_by {
            hasher.str(&group.column);
            match &group.bins {
                None => {
                    hasher.str("values");
                }
                Some(Bins::Ranges(list)) => {
                    hasher.str("ranges");
                    ranges(&mut hasher, list);
                }
                Some(Bins::Steps { from, width, count, beyond }) => {
                    hasher.str("steps").str(&from.to_string()).str(&decimal::text(width));
                    hasher.u64(u64::from(*count)).u64(u64::from(*beyond));
                }
            }
            hasher.u64(u64::from(group.missing == Missing::OwnBin));
        }
        let measures = &self.measures;
        option(&mut hasher, measures.sum.as_deref());
        option(&mut hasher, measures.sum_of_squares.as_deref());
        for factor in 0..2 {
            option(&mut hasher, measures.sum_of_products.as_ref().map(|factors| factors[factor].as_str()));
        }
        hasher.u64(measures.bounds.len() as u64);
        for (column, bounds) in &measures.bounds {
            hasher.str(column);
            range(&mut hasher, bounds);
        }
        hasher.finish()
    }
}

fn expr(hasher: &mut Hasher, part: &Expr) {
    match part {
        Expr::All(parts) | Expr::Any(parts) => {
            hasher.str(if matches!(part, Expr::All(_)) { "all" } else { "any" }).u64(parts.len() as u64);
            for part in parts {
                expr(hasher, part);
            }
        }
        Expr::Not(part) => expr(hasher.str("not"), part),
        Expr::Test { column, test } => {
            hasher.str("test").str(column);
            match test {
                Test::Between(bounds) => range(hasher.str("between"), bounds),
                Test::Ranges(list) => ranges(hasher.str("ranges"), list),
                Test::In(members) => {
                    hasher.str("in").u64(members.len() as u64);
                    for member in members {
                        match member {
                            Member::Code(code) => hasher.str("code").u64(u64::from(*code)),
                            Member::Label(label) => hasher.str("label").str(label),
                        };
                    }
                }
                Test::Is(is) => {
                    hasher.str("is").u64(u64::from(*is));
                }
                Test::Present(present) => {
                    hasher.str("present").u64(u64::from(*present));
                }
            }
        }
    }
}

fn ranges(hasher: &mut Hasher, list: &[Range]) {
    hasher.u64(list.len() as u64);
    for bounds in list {
        range(hasher, bounds);
    }
}

fn range(hasher: &mut Hasher, bounds: &Range) {
    for end in [&bounds.lo, &bounds.hi] {
        // A number's text is canonical, and a text that reads as a number is one: no two bounds share a text.
        option(hasher, end.as_ref().map(ToString::to_string).as_deref());
    }
}

fn option(hasher: &mut Hasher, text: Option<&str>) {
    hasher.u64(u64::from(text.is_some()));
    if let Some(text) = text {
        hasher.str(text);
    }
}
