//! Shapes: the sizes that a circuit, its key and its commitments are made for.
//!
//! A shape fixes everything that a set-up depends on and nothing that a query depends on. There are few
//! of them, so that one ceremony a shape serves every hospital and every query.

use std::fmt;

use crate::domain;
use crate::hash::{Digest, Hasher};

/// Aggregates of a group, in this order everywhere: count, sum, sum of squares, sum of products.
pub const AGGREGATES: usize = 4;

/// One way of laying out a shape's digits of noise (statement page *Noise, proved*).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NoiseLayout {
    /// Groups at most.
    pub groups: usize,
    /// Signed digits of each of a group's aggregates: of count, sum, sum of squares, sum of products.
    pub digits: [usize; AGGREGATES],
}

impl NoiseLayout {
    /// Digits of one group.
    pub const fn stride(&self) -> usize {
        let [n, s, ss, p] = self.digits;
        n + s + ss + p
    }

    /// The number of an aggregate's first digit.
    pub fn first(&self, group: usize, aggregate: usize) -> usize {
        group * self.stride() + self.digits[..aggregate].iter().sum::<usize>()
    }
}

/// The noise that a shape has room for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NoiseShape {
    /// Signed digits in all: a multiple of three, which is what one number of the stream gives.
    pub digits: usize,
    /// How they can be laid out; the first that fits is taken.
    pub layouts: &'static [NoiseLayout],
}

/// No digit of noise is worth more than two to this power, less one.
pub const MAX_NOISE_DIGITS: usize = 50;

/// No count has more digits of noise than this.
pub const MAX_COUNT_DIGITS: usize = 24;

/// The noise of the standard shapes.
pub const STANDARD_NOISE: NoiseShape = NoiseShape {
    digits: 192,
    layouts: &[
        NoiseLayout { groups: 16, digits: [12, 0, 0, 0] },
        NoiseLayout { groups: 8, digits: [24, 0, 0, 0] },
        NoiseLayout { groups: 6, digits: [11, 21, 0, 0] },
        NoiseLayout { groups: 4, digits: [14, 34, 0, 0] },
        NoiseLayout { groups: 3, digits: [11, 20, 33, 0] },
        NoiseLayout { groups: 2, digits: [12, 34, 50, 0] },
        NoiseLayout { groups: 2, digits: [12, 34, 0, 50] },
        NoiseLayout { groups: 1, digits: [24, 50, 50, 50] },
    ],
};

/// Which statement a shape's circuit proves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Proves {
    /// The answer to a query (statement page *Query*).
    Query,
    /// Of a table version, that no two data rows bear one tag; of a consent epoch, that its flags are 0 or 1 on data rows
    /// (statement page *Table*).
    Table,
    /// That a consenting patient meets a study's criteria (statement page *Eligibility*).
    Eligibility,
}

impl Proves {
    /// The name used in ids and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Table => "table",
            Self::Eligibility => "eligibility",
        }
    }
}

/// The sizes of one circuit.
///
/// Private fields with checked relations would forbid the tiny shapes of the tests, so the fields are
/// public and every constructor of this crate returns one of the constants below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Shape {
    /// The name people see and files carry.
    pub name: &'static str,
    /// The statement.
    pub proves: Proves,
    /// `n`: a table has `2^n` rows, blinding and padding rows included. At most 20.
    pub row_bits: usize,
    /// `w`: a lookup table has `2^w` entries; data values are below `2^w`. 16 in the standard shapes.
    pub value_bits: usize,
    /// `l`: the fraction trees hold `2^l` leaf sets, the last of them for the aggregates.
    pub slot_bits: usize,
    /// Groups: released rows of cells, at most.
    pub groups: usize,
    /// `B`: blinding rows after the data rows.
    pub blinding_rows: usize,
    /// `h` for data columns: a column is laid out as `2^h` matrix rows of `2^(n-h)`.
    pub row_split: usize,
    /// `h` for multiplicities, which have `w + 1` variables.
    pub value_split: usize,
    /// The digits of noise, in shapes whose releases are noised; none where they are exact.
    pub noise: Option<&'static NoiseShape>,
}

impl Shape {
    /// Tables of up to 3,584 patients.
    pub const QUERY_12: Self = Self::standard("query-12", 12, 4);
    /// Tables of up to 65,024 patients.
    pub const QUERY_16: Self = Self::standard("query-16", 16, 6);
    /// Tables of up to 1,048,064 patients.
    pub const QUERY_20: Self = Self::standard("query-20", 20, 8);
    /// Noised answers over tables of [`Shape::QUERY_12`].
    pub const NOISE_12: Self = Self::QUERY_12.with_noise("noise-12");
    /// Noised answers over tables of [`Shape::QUERY_16`].
    pub const NOISE_16: Self = Self::QUERY_16.with_noise("noise-16");
    /// Noised answers over tables of [`Shape::QUERY_20`].
    pub const NOISE_20: Self = Self::QUERY_20.with_noise("noise-20");
    /// Statements about whole tables of [`Shape::QUERY_12`].
    pub const TABLE_12: Self = Self::QUERY_12.about_tables("table-12");
    /// Statements about whole tables of [`Shape::QUERY_16`].
    pub const TABLE_16: Self = Self::QUERY_16.about_tables("table-16");
    /// Statements about whole tables of [`Shape::QUERY_20`].
    pub const TABLE_20: Self = Self::QUERY_20.about_tables("table-20");
    /// Eligible patients of tables of [`Shape::QUERY_12`].
    pub const ELIGIBLE_12: Self = Self::QUERY_12.about_a_patient("eligible-12");
    /// Eligible patients of tables of [`Shape::QUERY_16`].
    pub const ELIGIBLE_16: Self = Self::QUERY_16.about_a_patient("eligible-16");
    /// Eligible patients of tables of [`Shape::QUERY_20`].
    pub const ELIGIBLE_20: Self = Self::QUERY_20.about_a_patient("eligible-20");
    /// The standard shapes of tables and of exact answers, smallest first.
    pub const STANDARD: [Self; 3] = [Self::QUERY_12, Self::QUERY_16, Self::QUERY_20];
    /// The shapes of noised answers, in the order of the tables' shapes.
    pub const NOISED: [Self; 3] = [Self::NOISE_12, Self::NOISE_16, Self::NOISE_20];
    /// The shapes of statements about whole tables, in the order of the tables' shapes.
    pub const TABLES: [Self; 3] = [Self::TABLE_12, Self::TABLE_16, Self::TABLE_20];
    /// The shapes of statements about one eligible patient, in the order of the tables' shapes.
    pub const ELIGIBLE: [Self; 3] = [Self::ELIGIBLE_12, Self::ELIGIBLE_16, Self::ELIGIBLE_20];
    /// Every family, each in the order of the tables' shapes.
    const FAMILIES: [[Self; 3]; 4] = [Self::STANDARD, Self::NOISED, Self::TABLES, Self::ELIGIBLE];

    const fn standard(name: &'static str, row_bits: usize, row_split: usize) -> Self {
        Self {
            name,
            proves: Proves::Query,
            row_bits,
            value_bits: 16,
            slot_bits: 4,
            groups: 64,
            blinding_rows: 512,
            row_split,
            value_split: 6,
            noise: None,
        }
    }

    /// The same tables, fewer groups, and noise in the circuit.
    const fn with_noise(self, name: &'static str) -> Self {
        Self { name, groups: 16, noise: Some(&STANDARD_NOISE), ..self }
    }

    /// The same tables, no query: one group's aggregates hold the ends of a chain.
    const fn about_tables(self, name: &'static str) -> Self {
        Self { name, proves: Proves::Table, groups: 1, ..self }
    }

    /// The same tables, one group: its aggregates are one patient.
    const fn about_a_patient(self, name: &'static str) -> Self {
        Self { name, proves: Proves::Eligibility, groups: 1, ..self }
    }

    /// Every shape that this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::FAMILIES.into_iter().flatten()
    }

    /// The names of every shape, for a message.
    pub fn names() -> String {
        Self::all().map(|shape| shape.name).collect::<Vec<_>>().join(", ")
    }

    /// The shape with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|shape| shape.name == name)
    }

    /// The shape of the tables that this one's statements are about: itself, where it is an exact answer.
    pub fn data(&self) -> Self {
        let place = Self::FAMILIES.iter().find_map(|family| family.iter().position(|shape| shape == self));
        place.map_or(*self, |place| Self::STANDARD[place])
    }

    /// The shape of noised answers over tables of this shape, if it is a standard one.
    pub fn noised(&self) -> Option<Self> {
        Self::STANDARD.iter().position(|shape| shape == self).map(|place| Self::NOISED[place])
    }

    /// The shape of statements about whole tables of this shape, if it is a standard one.
    pub fn about_table(&self) -> Option<Self> {
        Self::STANDARD.iter().position(|shape| shape == self).map(|place| Self::TABLES[place])
    }

    /// The shape of eligible patients of tables of this shape, if it is a standard one.
    pub fn eligible(&self) -> Option<Self> {
        Self::STANDARD.iter().position(|shape| shape == self).map(|place| Self::ELIGIBLE[place])
    }

    /// The smallest standard shape that holds this many data rows beside its blinding rows.
    pub fn smallest_for(rows: usize) -> Option<Self> {
        Self::STANDARD.into_iter().find(|shape| rows <= shape.max_declared_rows())
    }

    /// `2^n`.
    pub const fn rows(&self) -> usize {
        1 << self.row_bits
    }

    /// `2^w`: entries of a lookup table.
    pub const fn values(&self) -> usize {
        1 << self.value_bits
    }

    /// `2^l`: leaf sets of a fraction tree.
    pub const fn slots(&self) -> usize {
        1 << self.slot_bits
    }

    /// Leaf sets that are no lookups: the last one, of the aggregates; of a statement about a table the last two, of the
    /// chain's sources and its targets.
    pub const fn other_slots(&self) -> usize {
        match self.proves {
            Proves::Query | Proves::Eligibility => 1,
            Proves::Table => 2,
        }
    }

    /// Lookups at most: every other leaf set.
    pub const fn max_lookups(&self) -> usize {
        self.slots() - self.other_slots()
    }

    /// Data rows at most.
    pub const fn max_declared_rows(&self) -> usize {
        self.rows() - self.blinding_rows
    }

    /// Layers of the taller fraction tree.
    pub const fn layers(&self) -> usize {
        let bits = if self.row_bits > self.value_bits { self.row_bits } else { self.value_bits };
        bits + self.slot_bits
    }

    /// The shape's id: a digest of every size in it.
    pub fn id(&self) -> Digest {
        let mut hasher = Hasher::new(domain::SHAPE);
        hasher.str(self.name);
        for size in [
            self.row_bits,
            self.value_bits,
            self.slot_bits,
            self.groups,
            AGGREGATES,
            self.blinding_rows,
            self.row_split,
            self.value_split,
        ] {
            hasher.u64(size as u64);
        }
        // Only where it is another one: the ids of queries are older than other statements.
        if self.proves != Proves::Query {
            hasher.str("proves").str(self.proves.name());
        }
        if let Some(noise) = self.noise {
            hasher.str("noise").u64(noise.digits as u64).u64(noise.layouts.len() as u64);
            for layout in noise.layouts {
                hasher.u64(layout.groups as u64);
                layout.digits.iter().for_each(|digits| {
                    hasher.u64(*digits as u64);
                });
            }
        }
        hasher.finish()
    }
}

/// What a standard shape's circuit is: keys are for exactly these constraints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin {
    /// The shape.
    pub shape: Shape,
    /// The shape's id.
    pub id: &'static str,
    /// Constraints of the circuit.
    pub constraints: usize,
    /// The digest of the circuit's matrices.
    pub matrices: &'static str,
}

/// The circuits of this version. A change here voids every key; the crate `circuits` holds them equal to what
/// it builds.
pub const PINNED: [Pin; 12] = [
    Pin {
        shape: Shape::QUERY_12,
        id: "b80031091b0cf5cf795bd6d8b360416b0d7478c77a7a3652675350cb0d8b0235",
        constraints: 94_619,
        matrices: "a753611bbc7afb68c3748e6d4af193658f8a285a0aaba2023f2ef376c9ba9826",
    },
    Pin {
        shape: Shape::QUERY_16,
        id: "1535c9b825cab9bef67340634dcabd40e2657a6df928a7fd23d9abdbde43d89a",
        constraints: 96_811,
        matrices: "c3124dcfb5713041af905936f204585c009207366a7adde5d2e579380cf83b42",
    },
    Pin {
        shape: Shape::QUERY_20,
        id: "d175010c597762b9df3272abf227387bff30fb5d682ef35ebf5fd27d9a606870",
        constraints: 120_931,
        matrices: "a002ce57fa7627e537fb1e0063d946aa92ffaecd6edb7d3e6fc14be9e42b740b",
    },
    Pin {
        shape: Shape::NOISE_12,
        id: "7a3311b255defdca5d7d28920d3818dfca7df63d783ab7d31b0c09b6a59a70f1",
        constraints: 103_369,
        matrices: "106c1d9edfcb4ab54e408a72f78488561cd6de5f4a969bc74710c55e468638a2",
    },
    Pin {
        shape: Shape::NOISE_16,
        id: "245a3723138e7bed6a94311b328a955dab90b2783bcd478396a7bcb185837830",
        constraints: 105_049,
        matrices: "00a5a0009fc62e248721e2e862be486459c89a0635791c347f7961fdb5bd9e74",
    },
    Pin {
        shape: Shape::NOISE_20,
        id: "c23aa87ca33e4d985747b6a0e01d87268316741c56807cc676ccac7f70283849",
        constraints: 128_657,
        matrices: "24543b314accd0601ceb53908b0cd6567121668046c0ead9dc27deb383e188b0",
    },
    Pin {
        shape: Shape::TABLE_12,
        id: "ab03cb97e73c188caa19739c2367e515f70aa2e7469c4c0c16a01e76e1f50830",
        constraints: 63_651,
        matrices: "3e18c5c43f736af3138680922de19805152779733642bc6f1c2569bd76d14a90",
    },
    Pin {
        shape: Shape::TABLE_16,
        id: "c96977fac7ee53bfee73601543ad83d46c101f62aa16306dd9dc2dd810367712",
        constraints: 65_331,
        matrices: "935b5c8518a7cf60285ce9b9e600388a2aa5657f1a5c4cbff2fb1dca6770e2f2",
    },
    Pin {
        shape: Shape::TABLE_20,
        id: "1711bc141745bc3cdfa442a28325463d5f84d97165c0d63180c9769864fb07ae",
        constraints: 88_939,
        matrices: "3b540dfb221aed0239877cd69254e5f98314399bfeb75aafdd366372a3f38dfc",
    },
    Pin {
        shape: Shape::ELIGIBLE_12,
        id: "370453580f1e540eb6e3b2960e3342c2643fd53fbf4ee44020c3b0c125876a21",
        constraints: 64_755,
        matrices: "098ddd7f1fa328755d3f3bfc54d6f4173a0fb8bec32a4dbb5a81f18e7f794a7e",
    },
    Pin {
        shape: Shape::ELIGIBLE_16,
        id: "08178c3cc9ea36e71ba78926a5e4e79ae8db970521d7d2bf26a3bac5e9f691dd",
        constraints: 66_435,
        matrices: "30b0fdc0685e3466a14cea6fa8c896ad28208d927ab787533814e730ab6bde5e",
    },
    Pin {
        shape: Shape::ELIGIBLE_20,
        id: "f8fca60afee6edec6d1e74c924bd30badc79dfd0ceee6651f5a2929d2523df96",
        constraints: 90_043,
        matrices: "d0c54103759fba469b3805db1190bbd74bab38bc123017b5a6d60f7e6c995ab3",
    },
];

impl Shape {
    /// What this version pins of the shape; nothing for a shape that is not standard.
    pub fn pinned(&self) -> Option<&'static Pin> {
        PINNED.iter().find(|pin| pin.shape == *self)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_fit_their_digits() {
        for shape in Shape::NOISED {
            let noise = shape.noise.unwrap();
            assert_eq!(noise.digits % 3, 0);
            for layout in noise.layouts {
                assert!(layout.groups <= shape.groups && layout.groups * layout.stride() <= noise.digits, "{layout:?}");
                assert!(layout.digits[0] <= MAX_COUNT_DIGITS && layout.digits.iter().all(|d| *d <= MAX_NOISE_DIGITS));
            }
            assert_eq!(shape.data().noised(), Some(shape));
            assert_eq!((shape.data().rows(), shape.data().noise), (shape.rows(), None));
            assert_eq!(Shape::by_name(shape.name), Some(shape));
        }
        assert_eq!(Shape::STANDARD.map(|shape| shape.data()), Shape::STANDARD);
    }

    #[test]
    fn eligible_patients_have_a_shape_of_their_own() {
        for (data, shape) in Shape::STANDARD.into_iter().zip(Shape::ELIGIBLE) {
            assert_eq!((data.eligible(), shape.data(), shape.eligible()), (Some(shape), data, None));
            assert_ne!(shape.id(), data.id());
        }
    }

    #[test]
    fn the_smallest_shape_that_fits() {
        assert_eq!(Shape::smallest_for(2982), Some(Shape::QUERY_12));
        assert_eq!(Shape::smallest_for(3585), Some(Shape::QUERY_16));
        assert_eq!(Shape::smallest_for(1_048_064), Some(Shape::QUERY_20));
        assert_eq!(Shape::smallest_for(1_048_065), None);
    }
}
