//! Groups with their cells and what is derived from them; and groups of sites added up.

use serde::{Deserialize, Serialize};

use super::ResultsError;
use super::cells::{PooledCell, Shown, SiteCell};
use super::derived::{Derived, Parts, shares};
use super::question::Question;
use crate::policy::GroupCells;

/// One group's cells, of a site or pooled, and what is derived from them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group<C> {
    /// The labels, one a grouping column.
    pub labels: Vec<String>,
    /// The grouping columns along which this is the bin of missing values.
    pub missing_in: Vec<String>,
    /// How many rows.
    pub count: C,
    /// The sum of the measure, in coded units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<C>,
    /// The sum of its squares, in coded units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum_of_squares: Option<C>,
    /// The sum of products, in coded units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum_of_products: Option<C>,
    /// What follows.
    pub derived: Derived,
}

impl<C> Group<C> {
    /// The cells that are there, with their names.
    pub fn cells(&self) -> impl Iterator<Item = (&'static str, &C)> {
        let sums =
            [("sum", &self.sum), ("sum_of_squares", &self.sum_of_squares), ("sum_of_products", &self.sum_of_products)];
        let sums = sums.into_iter().filter_map(|(name, cell)| Some((name, cell.as_ref()?)));
        std::iter::once(("count", &self.count)).chain(sums)
    }
}

/// A group's count and its three sums.
type Cells<C> = (C, [Option<C>; 3]);

impl Group<SiteCell> {
    /// The cells as they were released.
    pub(super) fn released(&self) -> GroupCells {
        let sums = [&self.sum, &self.sum_of_squares, &self.sum_of_products];
        GroupCells { count: self.count.released(), sums: sums.map(|cell| cell.as_ref().map(SiteCell::released)) }
    }
}

/// Labels the cells of all groups, by number, and derives what follows from them.
pub(super) fn all<C: Shown>(cells: Vec<Cells<C>>, question: &Question) -> Result<Vec<Group<C>>, ResultsError> {
    let coding = question.coding()?;
    let shares = shares(&cells.iter().map(|(count, _)| count.part()).collect::<Vec<_>>());
    // Of one group alone, the share says nothing.
    let is_grouped = cells.len() > 1;
    let group = |(number, (cells, share)): (usize, (Cells<C>, _))| {
        let (count, sums) = cells;
        let [sum, sum_of_squares, sum_of_products] = sums;
        let parts = Parts {
            count: count.part(),
            sum: sum.as_ref().map(Shown::part),
            sum_of_squares: sum_of_squares.as_ref().map(Shown::part),
        };
        let mut derived = Derived::of_measure(&parts, coding.as_ref());
        if is_grouped {
            derived.add_share(share);
        }
        let labels = question.labels(number).map(|(_, label)| label.label.clone()).collect();
        let missing = question.labels(number).filter(|(_, label)| label.missing);
        let missing_in = missing.map(|(axis, _)| axis.column.clone()).collect();
        Group { labels, missing_in, count, sum, sum_of_squares, sum_of_products, derived }
    };
    Ok(cells.into_iter().zip(shares).enumerate().map(group).collect())
}

/// Adds up the groups of the sites that answered, each with its site's name.
pub(super) fn pooled(
    sites: &[(&str, &[Group<SiteCell>])],
    question: &Question,
) -> Result<Vec<Group<PooledCell>>, ResultsError> {
    let pool = |number: usize, pick: fn(&Group<SiteCell>) -> Option<&SiteCell>| {
        let cells: Vec<(&str, &SiteCell)> =
            sites.iter().filter_map(|(site, groups)| Some((*site, pick(groups.get(number)?)?))).collect();
        (!cells.is_empty()).then(|| PooledCell::of(cells))
    };
    let group = |number| {
        let count = pool(number, |group| Some(&group.count))?;
        let sum = pool(number, |group| group.sum.as_ref());
        let squares = pool(number, |group| group.sum_of_squares.as_ref());
        Some((count, [sum, squares, pool(number, |group| group.sum_of_products.as_ref())]))
    };
    all((0..question.groups()).filter_map(group).collect(), question)
}
