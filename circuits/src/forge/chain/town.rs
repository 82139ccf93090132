//! Ten people with tags, two flags, and what is committed about them.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::{F, to_bytes};
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::shape::Shape;

use super::super::dealer::Statement;
use super::super::dense::{Dense, DenseChain, DenseLookup};
use crate::messages::{GroupSums, ends_message};
use crate::prove::LIMBS;
use crate::testing::{TINY_TABLE, integer};

/// The tags, as numbers of eight limbs of three bits. No step between neighbours has a limb of 7.
pub(super) const TAGS: [u64; 10] =
    [0o54, 0o12, 0o7_000_000, 0o3, 0o7_000_002, 0o123_456, 0o123_500, 0o20, 0o6_534_612, 0o77];
/// Two neighbours in the order of tags.
pub(super) const NEIGHBOURS: [usize; 2] = [2, 4];
/// The row with the smallest tag.
pub(super) const FIRST: usize = 3;
/// A value that no step has.
pub(super) const UNUSED_VALUE: u64 = 7;

/// Which of the two is proved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Unique,
    Flags,
}

/// The committed columns, whoever committed them.
#[derive(Clone)]
pub(super) struct Town {
    pub(super) kind: Kind,
    /// Registered in the manifest: the most significant limb first.
    pub(super) tags: [Vec<F>; LIMBS],
    /// Registered in the epoch.
    pub(super) flags: Vec<Vec<F>>,
    /// At proof time.
    pub(super) steps: [Vec<F>; LIMBS],
    pub(super) multiplicities: [Vec<F>; LIMBS],
    /// `v_0, v_end`.
    pub(super) ends: [F; 2],
    /// As [`DenseChain::balance`].
    pub(super) balance: F,
}

fn random(label: &str, count: usize) -> Vec<F> {
    let element = |i: usize| {
        let digest = Hasher::new("test").str(label).u64(i as u64).finish();
        <F as ark_ff::PrimeField>::from_be_bytes_mod_order(digest.as_bytes())
    };
    (0..count).map(element).collect()
}

fn column(label: &str, data: impl Iterator<Item = u64>) -> Vec<F> {
    let mut out: Vec<F> = data.map(F::from).collect();
    out.extend(random(label, TINY_TABLE.blinding_rows));
    out.resize(TINY_TABLE.rows(), F::ZERO);
    out
}

fn limb(number: u64, limb: usize) -> u64 {
    number >> (TINY_TABLE.value_bits * (LIMBS - 1 - limb)) & (TINY_TABLE.values() as u64 - 1)
}

impl Town {
    pub(super) const SHAPE: Shape = TINY_TABLE;
    pub(super) const ROWS: usize = TAGS.len();

    /// What an honest hospital commits, of these tags; of equal ones, each is shown the way to itself as if it were the largest.
    pub(super) fn with(kind: Kind, tags: [u64; TAGS.len()]) -> Self {
        let step = |tag: u64| tags.iter().filter(|other| **other > tag).min().map_or(0, |next| next - tag - 1);
        let flag = |name: &str, every: u64| column(name, (0..TAGS.len() as u64).map(|row| row / every % 2));
        let mut town = Self {
            kind,
            tags: std::array::from_fn(|i| column(&format!("tag.{i}"), tags.iter().map(|tag| limb(*tag, i)))),
            flags: vec![flag("a", 1), flag("b", 3)],
            steps: std::array::from_fn(|i| column(&format!("step.{i}"), tags.iter().map(|tag| limb(step(*tag), i)))),
            multiplicities: std::array::from_fn(|_| Vec::new()),
            ends: [tags.iter().min().copied(), tags.iter().max().map(|tag| tag + 1)].map(|end| end.unwrap().into()),
            balance: F::ONE,
        };
        town.count();
        if kind == Kind::Flags {
            town.ends = [F::ZERO; 2];
        }
        town
    }

    pub(super) fn honest(kind: Kind) -> Self {
        Self::with(kind, TAGS)
    }

    /// Two neighbours with one tag.
    pub(super) fn twins() -> Self {
        let mut tags = TAGS;
        tags[NEIGHBOURS[1]] = tags[NEIGHBOURS[0]];
        Self::with(Kind::Unique, tags)
    }

    /// Fills in how often each value occurs among the steps; what is no value is left out.
    pub(super) fn count(&mut self) {
        for (i, (step, counts)) in self.steps.iter().zip(&mut self.multiplicities).enumerate() {
            *counts = vec![F::ZERO; TINY_TABLE.values()];
            for value in &step[..Self::ROWS] {
                if *value == F::from(integer(*value)) && integer(*value) < TINY_TABLE.values() as u64 {
                    counts[integer(*value) as usize] += F::ONE;
                }
            }
            counts.extend(random(&format!("mask.{i}"), 8));
        }
    }

    fn number(limbs: &[Vec<F>; LIMBS], row: usize) -> F {
        limbs.iter().fold(F::ZERO, |sum, limb| sum * F::from(TINY_TABLE.values() as u64) + limb[row])
    }

    /// The tables that the argument is about.
    pub(super) fn dense(&self) -> Dense {
        let zeros = || vec![F::ZERO; TINY_TABLE.rows()];
        let unique = self.kind == Kind::Unique;
        let mut lookups: Vec<DenseLookup> = Vec::new();
        if unique {
            lookups.extend(self.steps.iter().zip(&self.multiplicities).map(|(step, counts)| DenseLookup {
                input: step.clone(),
                output: zeros(),
                table: vec![F::ZERO; TINY_TABLE.values()],
                multiplicity: counts.clone(),
            }));
        }
        lookups.resize_with(TINY_TABLE.max_lookups(), || Dense::unused_lookup(&TINY_TABLE, Self::ROWS));
        let sources = |row| if unique { Self::number(&self.tags, row) } else { F::ZERO };
        let targets = |row| if unique { sources(row) + Self::number(&self.steps, row) + F::ONE } else { F::ZERO };
        Dense {
            declared_rows: Self::ROWS,
            lookups,
            selection: zeros(),
            y: zeros(),
            z: zeros(),
            group: zeros(),
            flags: if unique { Vec::new() } else { self.flags.clone() },
            chain: Some(DenseChain {
                sources: (0..TINY_TABLE.rows()).map(sources).collect(),
                targets: (0..TINY_TABLE.rows()).map(targets).collect(),
                balance: self.balance,
            }),
        }
    }

    /// What stands in the place of aggregates.
    pub(super) fn aggregates(&self) -> Vec<GroupSums> {
        vec![ends_message(self.ends)]
    }

    /// Whether what is said is true: tags differ as numbers, or flags are 0 or 1.
    pub(super) fn is_true(&self) -> bool {
        match self.kind {
            Kind::Unique => {
                let tags: Vec<F> = (0..Self::ROWS).map(|row| Self::number(&self.tags, row)).collect();
                (0..tags.len()).all(|i| !tags[..i].contains(&tags[i]))
            }
            Kind::Flags => self.flags.iter().flat_map(|flag| &flag[..Self::ROWS]).all(|x| x.square() == *x),
        }
    }

    pub(super) fn context(&self) -> Digest {
        digest("context", self.tags.iter().chain(&self.flags))
    }

    pub(super) fn commitments(&self) -> Digest {
        digest("commitments", self.steps.iter().chain(&self.multiplicities))
    }

    pub(super) fn statement(&self) -> Statement {
        Statement { context: self.context(), commitments: self.commitments(), nonce: F::from(0xC0_FFEE_u64) }
    }
}

fn digest<'a>(name: &str, columns: impl Iterator<Item = &'a Vec<F>>) -> Digest {
    let mut hasher = Hasher::new("test");
    hasher.str(name);
    for x in columns.flatten() {
        hasher.bytes(&to_bytes(x));
    }
    hasher.finish()
}
