//! What a release gives away of a group, by trying every small table: no sampling.
//!
//! The same cells come from many tables, and what anyone can know of the group is what is true of all of them. So
//! for every release and every set of values, these are all the numbers of rows that may have one of the values:
//! one of them has to reach the smallest cell, or they are all that a suppressed count may be. The sums and bounds
//! by which earlier rules failed are put in beside, and fail (ADR 0018).

use std::collections::HashMap;

use super::*;

/// How many rows have each value: 0, 1, and so on.
type Table = Vec<u64>;

/// Every table of at most so many rows and so many values.
fn tables(rows: u64, values: usize) -> Vec<Table> {
    let shorter = if values > 1 { tables(rows, values - 1) } else { vec![Table::new()] };
    let with = |table: &Table, more: u64| table.iter().copied().chain([more]).collect();
    shorter.iter().flat_map(|table| (0..=rows - table.iter().sum::<u64>()).map(move |more| with(table, more))).collect()
}

fn aggregates(table: &Table) -> GroupAggregates {
    let sum = |of: fn(u64) -> u64| (0u64..).zip(table).map(|(value, rows)| of(value) * rows).sum();
    GroupAggregates { n: sum(|_| 1), s: sum(|value| value), ss: sum(|value| value * value), p: 0 }
}

/// One release: its cells, and for every set of values (bit `v` of the index: `v` is in it) the numbers of rows that
/// may have one of these values (bit `m`: there may be `m`).
struct Known {
    cells: GroupCells,
    possible: Vec<u64>,
}

/// Every release of some tables.
fn releases(params: &ReleaseParams, tables: &[Table]) -> Vec<Known> {
    let number = |cell: Cell| match cell {
        Cell::Suppressed => u64::MAX,
        Cell::Zero => u64::MAX - 1,
        Cell::Value(value) => value,
    };
    let groups: Vec<GroupAggregates> = tables.iter().map(aggregates).collect();
    let mut out: HashMap<[u64; 4], Known> = HashMap::new();
    for (table, cells) in tables.iter().zip(release(&groups, params)) {
        let [s, ss, p] = cells.sums.map(|sum| sum.map_or(0, number));
        let sets = 1 << table.len();
        let known =
            out.entry([number(cells.count), s, ss, p]).or_insert_with(|| Known { cells, possible: vec![0; sets] });
        for (set, possible) in known.possible.iter_mut().enumerate() {
            let rows: u64 = table.iter().enumerate().filter(|(value, _)| (set >> value) & 1 == 1).map(|(_, n)| n).sum();
            *possible |= 1 << rows;
        }
    }
    out.into_values().collect()
}

/// A release that tells of a set of values that few rows have one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hole {
    cells: GroupCells,
    values: Vec<usize>,
    possible: Vec<u64>,
}

impl Known {
    /// What it tells that it must not.
    fn holes(&self, params: &ReleaseParams) -> Vec<Hole> {
        let all = self.possible.len() - 1;
        let tells = |set: usize| {
            let possible = self.possible[set];
            match self.cells.count {
                // That nobody is there, and the policy shows it.
                Cell::Zero => false,
                Cell::Value(_) => possible >> params.k == 0,
                Cell::Suppressed => {
                    let least = u32::from(set == all && params.show_zero);
                    possible != (1 << params.k) - (1 << least) || possible.count_ones() < 2
                }
            }
        };
        let bits = |word: u64| (0..64).filter(move |bit| (word >> bit) & 1 == 1);
        let hole = |set: usize| Hole {
            cells: self.cells,
            values: bits(set as u64).map(|value| value as usize).collect(),
            possible: bits(self.possible[set]).collect(),
        };
        (1..=all).filter(|set| tells(*set)).map(hole).collect()
    }
}

/// The holes of a rule for values up to `hi` in tables of at most so many rows. A count that larger tables are
/// released with too is left out: they may fill its holes.
fn holes(params: &ReleaseParams, hi: usize, rows: u64) -> Vec<Hole> {
    let above = u64::from(params.b - params.b / 2 - 1);
    let whole = |known: &Known| !matches!(known.cells.count, Cell::Value(value) if value + above > rows);
    releases(params, &tables(rows, hi + 1)).iter().filter(|k| whole(k)).flat_map(|known| known.holes(params)).collect()
}

/// Every smallest cell of a list with every rounding up to 7 that it is an edge of, zeros shown or not.
fn rules(cells: impl IntoIterator<Item = u32>) -> impl Iterator<Item = ReleaseParams> {
    let edges = |k| (1..=7).filter(move |b| next_edge(k, *b) == k).map(move |b| (k, b));
    let zeros = |(k, b)| [true, false].map(|show_zero| ReleaseParams { k, b, show_zero, sums: [SumParams::OFF; 3] });
    cells.into_iter().flat_map(edges).flat_map(zeros)
}

#[test]
fn no_value_is_known_to_be_rare() {
    for hi in 1..=3usize {
        let mut tables_of: HashMap<u32, Vec<Table>> = HashMap::new();
        for counts in rules(3..=5) {
            let tables = tables_of.entry(counts.k).or_insert_with(|| tables(7 * u64::from(counts.k), hi + 1));
            let sum = SumParams::restrained(counts.k, hi as u64);
            let mut seen = [false; 2];
            for params in [ReleaseParams { sums: [sum, SumParams::OFF, SumParams::OFF], ..counts }, counts] {
                params.check().unwrap();
                for known in releases(&params, tables) {
                    assert_eq!(known.holes(&params), [], "{params:?}, values up to {hi}");
                    if let (Cell::Value(_), Some(sum)) = (known.cells.count, known.cells.sums[0]) {
                        seen[usize::from(sum == Cell::Suppressed)] = true;
                    }
                }
            }
            assert_eq!(seen, [true; 2], "{counts:?}, values up to {hi}: sums are shown, and suppressed");
        }
    }
}

#[test]
fn counts_alone_tell_one_suppressed_count_or_nothing() {
    for params in rules(1..=6) {
        let holes = holes(&params, 1, 4 * u64::from(params.k) + 8);
        assert_eq!(holes.is_empty(), params.check().is_ok(), "{params:?}: {holes:?}");
    }
    let two = ReleaseParams { k: 2, b: 1, show_zero: true, sums: [SumParams::OFF; 3] };
    let one =
        Hole { cells: GroupCells { count: Cell::Suppressed, sums: [None; 3] }, values: vec![0, 1], possible: vec![1] };
    assert!(holes(&two, 1, 20).contains(&one));
}

/// A rule that no policy gives any more, and a release of its that tells too much: `(count, sum, squares)`.
struct Former {
    what: &'static str,
    counts: (u32, u32),
    hi: usize,
    rows: u64,
    sums: [SumParams; 3],
    shown: (u64, Option<u64>, Option<u64>),
    tells: (usize, &'static [u64]),
}

/// Rounded to `2 k most`, and suppressed near 0; near the other end too, if so.
fn former(k: u64, most: u64, on_both_sides: bool) -> SumParams {
    SumParams { on: true, base: 2 * k * most, dominance: k * most, most: on_both_sides.then_some(most) }
}

#[test]
fn former_rules_told_small_counts() {
    let off = SumParams::OFF;
    for Former { what, counts: (k, b), hi, rows, sums, shown: (count, sum, squares), tells: (value, possible) } in [
        Former {
            what: "one side, to the digit: all nine have 1",
            counts: (3, 1),
            hi: 1,
            rows: 21,
            sums: [former(3, 1, false), off, off],
            shown: (9, Some(12), None),
            tells: (0, &[0]),
        },
        Former {
            what: "one side, rounded: nobody has 0",
            counts: (3, 5),
            hi: 1,
            rows: 32,
            sums: [former(3, 1, false), off, off],
            shown: (25, Some(30), None),
            tells: (0, &[0]),
        },
        Former {
            what: "squares on both sides: at most one has 1",
            counts: (3, 1),
            hi: 3,
            rows: 12,
            sums: [off, former(3, 9, true), off],
            shown: (6, None, Some(54)),
            tells: (1, &[0, 1]),
        },
        Former {
            what: "sum and squares: nobody has 1",
            counts: (8, 5),
            hi: 2,
            rows: 34,
            sums: [former(8, 2, true), former(8, 4, true), off],
            shown: (30, Some(64), Some(128)),
            tells: (1, &[0]),
        },
    ] {
        let params = ReleaseParams { k, b, show_zero: false, sums };
        assert!(params.check().is_err(), "{what}");
        let [sum, squares] = [sum, squares].map(|sum| sum.map(Cell::Value));
        let cells = GroupCells { count: Cell::Value(count), sums: [sum, squares, None] };
        let found = holes(&params, hi, rows);
        let hole = Hole { cells, values: vec![value], possible: possible.to_vec() };
        assert!(found.contains(&hole), "{what}: {:?}", found.iter().filter(|h| h.cells == cells).collect::<Vec<_>>());
    }
}

/// What is known of a suppressed group of two, both counted to the digit, when the rows of the table are known too:
/// the numbers it may have, where the table has so many dummies out of a range that is known.
fn beside_another(params: &ReleaseParams, n: [u64; 2], dummies: u64, range: std::ops::RangeInclusive<u64>) -> Vec<u64> {
    let cells = |n: [u64; 2]| release(&n.map(|n| GroupAggregates { n, ..Default::default() }), params);
    let rows = n[0] + n[1] + dummies;
    let possible = |m: &u64| {
        let dummies = (rows - n[0]).checked_sub(*m);
        cells([n[0], *m]) == cells(n) && dummies.is_some_and(|dummies| range.contains(&dummies))
    };
    (0..=rows).filter(possible).collect()
}

/// The declared rows are a total of all groups. Dummies hide what is missing in it, but for draws at the ends of
/// their range; without dummies it is the suppressed count.
#[test]
fn declared_rows_tell_a_suppressed_group_unless_there_are_dummies() {
    let mut told = 0;
    for params in rules(3..=5).filter(|params| params.b == 1) {
        let k = u64::from(params.k);
        let least = u64::from(params.show_zero);
        for (shown, few) in (k..3 * k).flat_map(|shown| (least..k).map(move |few| (shown, few))) {
            assert_eq!(beside_another(&params, [shown, few], 0, 0..=0), [few]);
            for dummies in 64..=191 {
                let possible = beside_another(&params, [shown, few], dummies, 64..=191);
                let whole = possible.iter().copied().eq(least..k);
                assert!(whole || !(64 + k - 1..=191 - (k - 1)).contains(&dummies), "{params:?}, {dummies}");
                told += usize::from(!whole);
            }
        }
    }
    assert!(told > 0, "at the ends of the range something is told");
}
