//! What a plan reads of each column: the classes of values that it tells apart, whatever tests it does that with.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Measurement;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::column::{ColumnId, Source};
use crate::query::plan::Plan;
use crate::query::table::LookupTable;
use crate::table::{Kind, MISSING, Schema};

/// A committed column as a plan uses it. Without a table, a flag is taken as it is.
#[derive(Default)]
struct Use<'a> {
    /// Bits of the selection's key.
    bits: Vec<(usize, Option<&'a LookupTable>)>,
    /// The group along an axis.
    groups: Option<Option<&'a LookupTable>>,
    /// The sums of the column: itself, squares, products.
    sums: [bool; 3],
    /// One value of each kind that tests and groups tell apart, ascending; *missing* last.
    values: Vec<u16>,
    /// What each value adds to the selection's key.
    keys: Vec<u32>,
}

/// A column with its classes and groups.
struct Column {
    id: ColumnId,
    measurement: Measurement,
    classes: Runs,
    groups: Option<Runs>,
    sums: [bool; 3],
    /// What each class adds to the selection's key.
    keys: Vec<u32>,
}

/// Values by number: first value of each run, and the number.
#[derive(PartialEq, Eq)]
struct Runs(Vec<(u16, u64)>);

impl Runs {
    fn new(values: &[u16], numbers: &[u64]) -> Self {
        let mut runs: Vec<(u16, u64)> = Vec::new();
        for (value, number) in values.iter().zip(numbers) {
            match runs.last() {
                Some((_, last)) if last == number && *value != MISSING => {}
                None if *value != MISSING => runs.push((0, *number)),
                _ => runs.push((*value, *number)),
            }
        }
        Self(runs)
    }

    fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(self.0.len() as u64);
        for (first, number) in &self.0 {
            hasher.u64(u64::from(*first)).u64(*number);
        }
    }
}

/// Everything that a plan reads.
pub(super) struct Reading {
    columns: Vec<Column>,
    formula: Vec<u8>,
}

impl Reading {
    pub(super) fn new(plan: &Plan, schema: &Schema) -> Self {
        let bits = plan.conditions.len();
        let phi = plan.phi().map_or_else(|| vec![0; 1 << bits], |phi| phi.expand(1 << bits));
        let mut uses = uses(plan);
        for (id, column) in &mut uses {
            column.values = representatives(schema, id, column);
            column.keys = column.values.iter().map(|value| key(column, *value)).collect();
        }
        let distinct: Vec<Vec<u32>> = uses.values().map(|column| sorted(column.keys.iter().copied())).collect();
        let columns = uses.iter().enumerate().map(|(place, (id, column))| {
            let others = distinct.iter().enumerate().filter(|(other, _)| *other != place);
            let rest = combinations(others.map(|(_, keys)| keys.as_slice()));
            Column::new(id, column, &measurement(schema, id), &phi, &rest)
        });
        let columns: Vec<Column> = columns.filter(Column::is_read).collect();
        // A column that is not read adds nothing that matters: any of its keys will do.
        let unread = uses.iter().filter(|(id, _)| !columns.iter().any(|column| column.id == **id));
        let unread = unread.filter_map(|(_, column)| column.keys.first()).fold(0, |sum, key| sum | key);
        let tested = columns.iter().map(|column| column.keys.as_slice());
        let formula = combinations(tested).into_iter().map(|key| u8::from(phi[(key | unread) as usize] != 0)).collect();
        Self { columns, formula }
    }

    /// The digest over what is read of each measurement.
    pub(super) fn sources(&self) -> BTreeMap<Measurement, Digest> {
        let mut by_source: BTreeMap<Measurement, Vec<&Column>> = BTreeMap::new();
        for column in &self.columns {
            by_source.entry(column.measurement.clone()).or_default().push(column);
        }
        let digest = |columns: Vec<&Column>| {
            let mut hasher = Hasher::new(domain::PLAN_SIGNATURE);
            hasher.str("measurement").u64(columns.len() as u64);
            for column in columns {
                column.absorb(&mut hasher);
                hasher.u64(u64::from(column.sums != [false; 3]));
            }
            hasher.finish()
        };
        by_source.into_iter().map(|(measurement, columns)| (measurement, digest(columns))).collect()
    }

    /// The digest over everything that decides the numbers.
    pub(super) fn question(&self, plan: &Plan) -> Digest {
        let mut hasher = Hasher::new(domain::PLAN_SIGNATURE);
        hasher.str("question").str(&plan.table).u64(self.columns.len() as u64);
        for column in &self.columns {
            column.absorb(&mut hasher);
            for sum in column.sums {
                hasher.u64(u64::from(sum));
            }
        }
        hasher.bytes(&self.formula).finish()
    }
}

impl Column {
    /// Two values are alike if the selection is the same for both, whatever the other columns hold.
    fn new(id: &ColumnId, used: &Use<'_>, measurement: &Measurement, phi: &[u16], rest: &[u32]) -> Self {
        let mut selections: BTreeMap<u32, Vec<bool>> = BTreeMap::new();
        for key in &used.keys {
            selections.entry(*key).or_insert_with(|| rest.iter().map(|rest| phi[(rest | key) as usize] != 0).collect());
        }
        let selections: Vec<&[bool]> = used.keys.iter().map(|key| selections[key].as_slice()).collect();
        let (mut classes, mut first_keys) = (Numbers::from(0), Vec::new());
        let numbers: Vec<u64> = selections.iter().map(|selection| classes.number(selection)).collect();
        for (number, key) in numbers.iter().zip(&used.keys) {
            if *number == first_keys.len() as u64 {
                first_keys.push(*key);
            }
        }
        let groups = used.groups.map(|table| {
            let mut groups = Numbers::from(1);
            let is_selected = |place: usize| selections[place].contains(&true);
            let group = |value: u16| table.map_or(value, |table| table.value(value));
            let numbers = used.values.iter().enumerate();
            let numbers =
                numbers.map(|(place, value)| if is_selected(place) { groups.number(group(*value)) } else { 0 });
            let numbers: Vec<u64> = numbers.collect();
            Runs::new(&used.values, &numbers)
        });
        Self {
            id: id.clone(),
            measurement: measurement.clone(),
            classes: Runs::new(&used.values, &numbers),
            // One group for everybody who is selected tells nothing.
            groups: groups.filter(|groups| groups.0.iter().any(|(_, number)| *number > 1)),
            sums: used.sums,
            keys: first_keys,
        }
    }

    fn is_read(&self) -> bool {
        self.keys.len() > 1 || self.groups.is_some() || self.sums != [false; 3]
    }

    fn absorb(&self, hasher: &mut Hasher) {
        self.id.absorb(hasher);
        self.classes.absorb(hasher);
        hasher.u64(u64::from(self.groups.is_some()));
        if let Some(groups) = &self.groups {
            groups.absorb(hasher);
        }
    }
}

/// Numbers in the order in which things come up.
struct Numbers<T> {
    first: u64,
    seen: BTreeMap<T, u64>,
}

impl<T: Ord> Numbers<T> {
    const fn from(first: u64) -> Self {
        Self { first, seen: BTreeMap::new() }
    }

    fn number(&mut self, thing: T) -> u64 {
        let next = self.first + self.seen.len() as u64;
        *self.seen.entry(thing).or_insert(next)
    }
}

/// The manifest's and the epoch's columns with what is done with them.
fn uses(plan: &Plan) -> BTreeMap<ColumnId, Use<'_>> {
    let mut uses: BTreeMap<ColumnId, Use<'_>> = BTreeMap::new();
    let read = |column: &ColumnId| match plan.lookups.iter().find(|lookup| lookup.output == *column) {
        Some(lookup) => lookup.input.columns().next().map(|input| (input.clone(), Some(&lookup.table))),
        None => Some((column.clone(), None)),
    };
    for (bit, condition) in plan.conditions.iter().enumerate() {
        if let Some((column, table)) = read(&condition.column) {
            uses.entry(column).or_default().bits.push((bit, table));
        }
    }
    for axis in &plan.axes {
        if let Some((column, table)) = read(&axis.column) {
            uses.entry(column).or_default().groups = Some(table);
        }
    }
    let [sum, squares, products] = plan.asked.as_array();
    for (measure, sums) in [(&plan.y, [sum, squares, products]), (&plan.z, [false, false, products])] {
        if let Some(measure) = measure {
            uses.entry(measure.column.clone()).or_default().sums = sums;
        }
    }
    uses
}

fn measurement(schema: &Schema, id: &ColumnId) -> Measurement {
    if id.source == Source::Epoch {
        return Measurement::Consent;
    }
    let name = schema.column(&id.name).map_or(id.name.as_str(), |spec| spec.source());
    Measurement::Source(Arc::from(name))
}

/// Allowed values between which neither a test nor a grouping makes a difference, each by its lowest.
fn representatives(schema: &Schema, id: &ColumnId, used: &Use<'_>) -> Vec<u16> {
    let spec = (id.source == Source::Manifest).then(|| schema.column(&id.name)).flatten();
    let (domain, missing) = match spec {
        Some(spec) => (spec.domain(), spec.may_be_missing()),
        None if id.source == Source::Epoch => (0..=1, false),
        None => (0..=MISSING - 1, true),
    };
    let mut values = match spec.map(|spec| spec.kind()) {
        Some(Kind::Code { codes, .. }) => codes.iter().map(|entry| entry.code).collect(),
        _ => {
            let mut starts = vec![*domain.start()];
            for table in used.bits.iter().map(|(_, table)| *table).chain(used.groups) {
                match table {
                    Some(table) => starts.extend(
                        table.segments().iter().flat_map(|segment| [segment.first, segment.last.saturating_add(1)]),
                    ),
                    None => starts.extend([0, 1]),
                }
            }
            starts
        }
    };
    values.retain(|value| domain.contains(value));
    values.extend(missing.then_some(MISSING));
    values.sort_unstable();
    values.dedup();
    values
}

/// What a value adds to the selection's key.
fn key(used: &Use<'_>, value: u16) -> u32 {
    let holds = |table: Option<&LookupTable>| table.map_or(value, |table| table.value(value)) == 1;
    used.bits.iter().filter(|(_, table)| holds(*table)).fold(0, |key, (bit, _)| key | 1 << bit)
}

/// The keys that one key of each column make together, the last column's fastest. A plan has at most sixteen conditions, each
/// on one column, so there are at most as many as the selection has.
fn combinations<'a>(columns: impl Iterator<Item = &'a [u32]>) -> Vec<u32> {
    columns.fold(vec![0], |made, keys| made.iter().flat_map(|one| keys.iter().map(move |key| one | key)).collect())
}

fn sorted(keys: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut keys: Vec<u32> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}
