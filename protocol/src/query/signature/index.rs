//! Earlier questions to one table, so that one that is near is found without looking at all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Difference, Measurement, Signature};
use crate::hash::Digest;

/// An earlier question that is near.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Near {
    /// The very same question, over the same.
    Repeat {
        /// The earlier one.
        place: u64,
    },
    /// Another one, or over something else, a sliver apart.
    Sliver {
        /// The earlier one.
        place: u64,
        /// In what the two do not agree.
        difference: Difference,
    },
}

/// Questions that were put to one table, over all its versions and epochs, by their places on a ledger.
///
/// All that is done to it takes time by the number of measurements in a question, times the logarithm of the number of
/// questions.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NearIndex {
    entries: BTreeMap<u64, (Arc<Signature>, Digest)>,
    /// Question, what it was put to, place.
    repeats: BTreeSet<(Digest, Digest, u64)>,
    /// The map, place.
    wholes: BTreeSet<(Digest, u64)>,
    /// The map without a measurement that is in it, place, the measurement.
    without: BTreeSet<(Digest, u64, Measurement)>,
    /// The same by measurement.
    beside: BTreeSet<(Measurement, Digest, u64)>,
}

impl NearIndex {
    /// Enters a question under its place. `over` stands for what it is put to: table version, epoch, and whatever else makes
    /// two answers to one question different. What was under this place is replaced.
    pub fn insert(&mut self, place: u64, signature: Arc<Signature>, over: Digest) {
        self.remove(place);
        self.repeats.insert((signature.question, over, place));
        self.wholes.insert((signature.whole, place));
        for (measurement, digest) in &signature.without {
            self.without.insert((*digest, place, measurement.clone()));
            self.beside.insert((measurement.clone(), *digest, place));
        }
        self.entries.insert(place, (signature, over));
    }

    /// Takes a question out again; whether there was one.
    pub fn remove(&mut self, place: u64) -> bool {
        let Some((signature, over)) = self.entries.remove(&place) else {
            return false;
        };
        self.repeats.remove(&(signature.question, over, place));
        self.wholes.remove(&(signature.whole, place));
        for (measurement, digest) in &signature.without {
            self.without.remove(&(*digest, place, measurement.clone()));
            self.beside.remove(&(measurement.clone(), *digest, place));
        }
        true
    }

    /// The earlier question that is near. A repeat goes before all others, since its answer tells nothing that was not told;
    /// then the lowest place.
    pub fn lookup(&self, signature: &Signature, over: Digest) -> Option<Near> {
        let question = signature.question;
        let repeated = self.repeats.range((question, over, 0)..=(question, over, u64::MAX)).next();
        if let Some((.., place)) = repeated {
            return Some(Near::Repeat { place: *place });
        }
        let nothing = self.whole(signature.whole).map(|place| (place, Difference::Nothing));
        // Read by the earlier one only.
        let lowest = (signature.whole, 0, Measurement::Consent);
        let theirs = self.without.range(lowest..).next().filter(|(digest, ..)| *digest == signature.whole);
        let theirs = theirs.map(|(_, place, measurement)| (*place, Difference::In(measurement.clone())));
        let ours = signature.without.iter().flat_map(|(measurement, digest)| {
            let from = (measurement.clone(), *digest, 0);
            let both =
                self.beside.range(from..=(measurement.clone(), *digest, u64::MAX)).next().map(|(.., place)| *place);
            [both, self.whole(*digest)].into_iter().flatten().map(|place| (place, Difference::In(measurement.clone())))
        });
        // Of two ways to the same earlier question, "nothing" is the right one, and comes first.
        let (place, difference) = nothing.into_iter().chain(theirs).chain(ours).min()?;
        Some(Near::Sliver { place, difference })
    }

    fn whole(&self, digest: Digest) -> Option<u64> {
        self.wholes.range((digest, 0)..=(digest, u64::MAX)).next().map(|(_, place)| *place)
    }

    /// How many questions there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The questions by place, with what each was put to.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &Signature, Digest)> {
        self.entries.iter().map(|(place, (signature, over))| (*place, &**signature, *over))
    }
}
