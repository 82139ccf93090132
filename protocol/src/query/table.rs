//! Public maps of the 16-bit domain, kept as runs of equal values.

use serde::{Deserialize, Serialize};

use super::column::{ColumnId, Linear};
use crate::hash::Hasher;

/// A run of inputs with one output, both ends included; written `[first, last, output]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "(u16, u16, u16)", into = "(u16, u16, u16)")]
pub struct Segment {
    /// The first input.
    pub first: u16,
    /// The last input.
    pub last: u16,
    /// The output of all of them.
    pub output: u16,
}

impl From<(u16, u16, u16)> for Segment {
    fn from((first, last, output): (u16, u16, u16)) -> Self {
        Self { first, last, output }
    }
}

impl From<Segment> for (u16, u16, u16) {
    fn from(segment: Segment) -> Self {
        (segment.first, segment.last, segment.output)
    }
}

/// Why a list of segments is not a lookup table in its one canonical form.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableError {
    /// A run that ends before it starts.
    #[error("the table segment {first} to {last} ends before it starts")]
    Inverted {
        /// Its first input.
        first: u16,
        /// Its last input.
        last: u16,
    },
    /// A run with output 0, which is what inputs outside all runs have already.
    #[error("the table segment {first} to {last} maps to 0, which is not written")]
    Zero {
        /// Its first input.
        first: u16,
        /// Its last input.
        last: u16,
    },
    /// Runs that overlap or are not in ascending order.
    #[error("the table segment at {first} starts before the one ahead of it has ended at {previous}")]
    Order {
        /// Where it starts.
        first: u16,
        /// Where the one ahead of it ends.
        previous: u16,
    },
    /// Neighbouring runs with one output are one run.
    #[error("the table segments that meet at {first} have the same output and must be written as one")]
    Split {
        /// Where the second one starts.
        first: u16,
    },
}

/// A public map from the 16-bit domain to 16-bit outputs. Inputs outside all segments map to 0.
///
/// Held in one canonical form (ascending, disjoint, longest runs, no zero outputs), so equal maps are
/// equal values with equal digests.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Segment>", into = "Vec<Segment>")]
pub struct LookupTable {
    segments: Vec<Segment>,
}

impl TryFrom<Vec<Segment>> for LookupTable {
    type Error = TableError;

    fn try_from(segments: Vec<Segment>) -> Result<Self, TableError> {
        for segment in &segments {
            let Segment { first, last, output } = *segment;
            if first > last {
                return Err(TableError::Inverted { first, last });
            }
            if output == 0 {
                return Err(TableError::Zero { first, last });
            }
        }
        for pair in segments.windows(2) {
            if pair[1].first <= pair[0].last {
                return Err(TableError::Order { first: pair[1].first, previous: pair[0].last });
            }
            if pair[1].first == pair[0].last + 1 && pair[1].output == pair[0].output {
                return Err(TableError::Split { first: pair[1].first });
            }
        }
        Ok(Self { segments })
    }
}

impl From<LookupTable> for Vec<Segment> {
    fn from(table: LookupTable) -> Self {
        table.segments
    }
}

impl LookupTable {
    /// The table that maps everything to 0.
    pub const fn zero() -> Self {
        Self { segments: Vec::new() }
    }

    /// The table with these outputs for inputs 0, 1, 2, ... and 0 beyond them. Outputs beyond the
    /// 16-bit domain are dropped.
    pub fn from_outputs(outputs: impl IntoIterator<Item = u16>) -> Self {
        let mut segments: Vec<Segment> = Vec::new();
        for (input, output) in (0..=u16::MAX).zip(outputs) {
            match segments.last_mut() {
                _ if output == 0 => {}
                Some(run) if run.output == output && u32::from(run.last) + 1 == u32::from(input) => run.last = input,
                _ => segments.push(Segment { first: input, last: input, output }),
            }
        }
        Self { segments }
    }

    /// The map that is 1 on these ranges (ends included, any order, overlaps allowed) and 0 elsewhere.
    /// Ranges that end before they start are empty.
    pub fn indicator(ranges: &[(u16, u16)]) -> Self {
        let mut ranges: Vec<_> = ranges.iter().copied().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut segments: Vec<Segment> = Vec::new();
        for (first, last) in ranges {
            match segments.last_mut() {
                Some(run) if u32::from(first) <= u32::from(run.last) + 1 => run.last = run.last.max(last),
                _ => segments.push(Segment { first, last, output: 1 }),
            }
        }
        Self { segments }
    }

    /// The runs with outputs other than 0, ascending.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The output for an input.
    pub fn value(&self, input: u16) -> u16 {
        let behind = self.segments.partition_point(|segment| segment.last < input);
        match self.segments.get(behind) {
            Some(segment) if segment.first <= input => segment.output,
            _ => 0,
        }
    }

    /// The largest output of all.
    pub fn max_output(&self) -> u16 {
        self.segments.iter().map(|segment| segment.output).max().unwrap_or(0)
    }

    /// The outputs of the inputs `0..values`.
    pub fn expand(&self, values: usize) -> Vec<u16> {
        let mut outputs = vec![0; values];
        for segment in &self.segments {
            let first = usize::from(segment.first).min(values);
            let end = (usize::from(segment.last) + 1).min(values);
            outputs[first..end].fill(segment.output);
        }
        outputs
    }

    /// Feeds the map into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(self.segments.len() as u64);
        for segment in &self.segments {
            hasher.u64(u64::from(segment.first)).u64(u64::from(segment.last)).u64(u64::from(segment.output));
        }
    }
}

/// One lookup of a plan: on every data row, `output = table[input]`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookup {
    /// What is looked up.
    pub input: Linear,
    /// The query-time column with the results.
    pub output: ColumnId,
    /// The public map.
    pub table: LookupTable,
}

impl Lookup {
    /// Feeds the lookup into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        self.input.absorb(hasher);
        self.output.absorb(hasher);
        self.table.absorb(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_one_map() {
        let table = LookupTable::from_outputs([0, 1, 1, 2, 0, 0, 3]);
        assert_eq!(table.expand(8), [0, 1, 1, 2, 0, 0, 3, 0]);
        assert_eq!(table.expand(3), [0, 1, 1]);
        assert_eq!((0..8).map(|v| table.value(v)).collect::<Vec<_>>(), table.expand(8));
        assert_eq!(table.max_output(), 3);
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(text, "[[1,2,1],[3,3,2],[6,6,3]]");
        assert_eq!(serde_json::from_str::<LookupTable>(&text).unwrap(), table);
        for (wrong, sentence) in [
            ("[[2,1,1]]", "ends before it starts"),
            ("[[1,2,0]]", "not written"),
            ("[[1,2,1],[2,3,2]]", "starts before the one ahead"),
            ("[[1,2,1],[3,3,1]]", "written as one"),
        ] {
            let error = serde_json::from_str::<LookupTable>(wrong).unwrap_err().to_string();
            assert!(error.contains(sentence), "{error}");
        }
    }

    #[test]
    fn indicators_join_ranges() {
        let table = LookupTable::indicator(&[(10, 12), (3, 5), (6, 6), (12, 20), (9, 8)]);
        assert_eq!(table, serde_json::from_str("[[3,6,1],[10,20,1]]").unwrap());
        assert_eq!(LookupTable::indicator(&[(0, u16::MAX)]).expand(4), [1; 4]);
        assert_eq!(LookupTable::indicator(&[(0, u16::MAX)]).value(u16::MAX), 1);
        assert_eq!(LookupTable::indicator(&[(65535, 65535), (0, 65534)]).segments().len(), 1);
        assert_eq!(LookupTable::from_outputs(vec![1; 70_000]).segments().len(), 1);
    }
}
