//! What a plan reads, in a form in which plans that are too close to each other are found.
//!
//! The definition, and what it does not catch, is on the book's page about differencing.

mod index;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use index::{Near, NearIndex};

use self::read::Reading;
use super::plan::Plan;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::table::Schema;

/// What is measured once, whatever columns it is stored in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Measurement {
    /// The patients' consents, to all purposes and sponsor classes.
    Consent,
    /// The source that schema columns name.
    Source(Arc<str>),
}

impl Measurement {
    fn absorb(&self, hasher: &mut Hasher) {
        match self {
            Self::Consent => hasher.str("consent"),
            Self::Source(name) => hasher.str("source").str(name),
        };
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consent => f.write_str("consent"),
            Self::Source(name) => f.write_str(name),
        }
    }
}

/// In what two plans that are a sliver apart do not agree.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Difference {
    /// They read the same: only the formula, the sums of a measure, or the table's version or epoch are others.
    Nothing,
    /// What they read on one measurement.
    In(Measurement),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("its formula, its sums, or the table's version or epoch"),
            Self::In(measurement) => write!(f, "what it reads of {measurement}"),
        }
    }
}

/// A map from each measurement that a plan reads to a digest over what it reads of it; independent of words, of the order
/// of conditions, groupings and bins, and of how tests are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signature {
    question: Digest,
    sources: BTreeMap<Measurement, Digest>,
    whole: Digest,
    without: BTreeMap<Measurement, Digest>,
}

impl Signature {
    /// The signature of a plan that was compiled over this schema. A column that the schema does not have counts as a
    /// measurement of its own.
    pub fn new(plan: &Plan, schema: &Schema) -> Self {
        let reading = Reading::new(plan, schema);
        Self::of(reading.question(plan), reading.sources())
    }

    fn of(question: Digest, sources: BTreeMap<Measurement, Digest>) -> Self {
        let without = sources.keys().map(|left_out| (left_out.clone(), map_digest(&sources, Some(left_out)))).collect();
        Self { question, whole: map_digest(&sources, None), without, sources }
    }

    /// The digest over everything that decides the numbers: two plans with one question count and sum the same rows in the
    /// same groups, in whatever order, of every table of the schema.
    pub const fn question(&self) -> Digest {
        self.question
    }

    /// What is read, by measurement.
    pub const fn sources(&self) -> &BTreeMap<Measurement, Digest> {
        &self.sources
    }

    /// The digest over the whole map.
    pub const fn digest(&self) -> Digest {
        self.whole
    }

    /// In what the plans do not agree, if they are a sliver apart: their maps agree in all measurements but at most one.
    pub fn sliver(&self, other: &Self) -> Option<Difference> {
        let mut differ = self
            .sources
            .keys()
            .chain(other.sources.keys().filter(|measurement| !self.sources.contains_key(*measurement)))
            .filter(|measurement| self.sources.get(*measurement) != other.sources.get(*measurement));
        match (differ.next(), differ.next()) {
            (None, _) => Some(Difference::Nothing),
            (Some(measurement), None) => Some(Difference::In(measurement.clone())),
            (Some(_), Some(_)) => None,
        }
    }
}

/// What a question is put to: a table version, an epoch, and a release rule's numbers, by their digests. Over the same, two
/// answers to one question are the same answer.
pub fn put_to(manifest: &Digest, epoch: &Digest, rule: &Digest) -> Digest {
    Hasher::new(domain::PLAN_SIGNATURE).str("put to").digest(manifest).digest(epoch).digest(rule).finish()
}

/// The digest over a map, or over what is left of it.
fn map_digest(sources: &BTreeMap<Measurement, Digest>, left_out: Option<&Measurement>) -> Digest {
    let mut hasher = Hasher::new(domain::PLAN_SIGNATURE);
    hasher.str("map").u64((sources.len() - usize::from(left_out.is_some())) as u64);
    for (measurement, digest) in sources.iter().filter(|(measurement, _)| Some(*measurement) != left_out) {
        measurement.absorb(&mut hasher);
        hasher.digest(digest);
    }
    hasher.finish()
}
