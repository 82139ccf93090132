//! Measures: what is summed, and the implied condition that a row has a value within the bounds.

use super::bounds::{self, Coded, wrong_kind};
use super::builder::Builder;
use super::error::CompileError;
use crate::query::algebra::{Measures, Range};
use crate::query::column::ColumnId;
use crate::query::plan::{Asked, Measure, Role};
use crate::query::table::LookupTable;
use crate::table::Kind;
use crate::table::decimal;

pub(super) struct Compiled {
    pub(super) y: Option<Measure>,
    pub(super) z: Option<Measure>,
    pub(super) asked: Asked,
}

pub(super) fn compile(builder: &mut Builder<'_>, measures: &Measures) -> Result<Compiled, CompileError> {
    let refuse = |part: &str, reason: String| Err(CompileError::Measures { at: format!("measures.{part}"), reason });
    let Measures { sum, sum_of_squares, sum_of_products, bounds } = measures;
    if let (Some(sum), Some(squared)) = (sum, sum_of_squares)
        && sum != squared
    {
        let reason = format!("{squared:?} is squared but {sum:?} is summed; one query has one measure for both");
        return refuse("sum_of_squares", reason);
    }
    let summed = sum.as_deref().or(sum_of_squares.as_deref());
    let (y, z) = match (summed, sum_of_products.as_ref().map(|[first, second]| [first.as_str(), second.as_str()])) {
        (None, Some([first, second])) => (Some(first), Some(second)),
        (Some(summed), Some([first, second])) if summed == first => (Some(first), Some(second)),
        (Some(summed), Some([first, second])) if summed == second => (Some(second), Some(first)),
        (Some(summed), Some(_)) => {
            let reason = format!("{summed:?} is summed, so it must be one of the two factors");
            return refuse("sum_of_products", reason);
        }
        (summed, None) => (summed, None),
    };
    if let Some(unused) = bounds.keys().find(|column| ![y, z].contains(&Some(column.as_str()))) {
        let reason = format!("{unused:?} has bounds but is not summed; to select by it, test it in \"where\"");
        return refuse("bounds", reason);
    }
    let asked = Asked {
        sum: sum.is_some(),
        sum_of_squares: sum_of_squares.is_some(),
        sum_of_products: sum_of_products.is_some(),
    };
    let y = y.map(|name| measure(builder, measures, name)).transpose()?;
    let z = z.map(|name| measure(builder, measures, name)).transpose()?;
    Ok(Compiled { y, z, asked })
}

fn measure(builder: &mut Builder<'_>, measures: &Measures, name: &str) -> Result<Measure, CompileError> {
    let spec = builder.column("measures", name)?;
    let Kind::Quantity { offset, step, .. } = spec.kind() else {
        let fits = match spec.kind() {
            Kind::Date { .. } => "only quantities are summed; group by it with bins instead",
            _ => "only quantities are summed; count by grouping or selecting instead",
        };
        return Err(wrong_kind("measures", spec, fits));
    };
    let range = measures.bounds.get(name).unwrap_or(&Range::OPEN);
    let coded = if *range == Range::OPEN {
        let domain = spec.domain();
        Coded { first: *domain.start(), last: *domain.end(), lo_open: false, hi_open: false }
    } else {
        bounds::encode(&format!("measures.bounds.{name}"), spec, range)?
    };
    let text = format!("{name} is {}", bounds::words_with_unit(spec, &coded));
    builder.test(name, LookupTable::indicator(&[(coded.first, coded.last)]), Role::Implied, text)?;
    Ok(Measure {
        column: ColumnId::manifest(name),
        lo: coded.first,
        hi: coded.last,
        offset: decimal::text(offset),
        step: decimal::text(step),
        unit: spec.unit().filter(|unit| !unit.is_empty()).map(str::to_owned),
    })
}
