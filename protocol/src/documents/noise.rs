//! How a request asks for its answers to be noised.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::request::{FILE_EXCHANGE, RequestError, SitePin};
use crate::hash::{Digest, Hasher};
use crate::noise::{Epsilon, EpsilonError};
use crate::query::Measures;

/// How results are noised. Written out, so that no reader takes silence for noise.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub enum Noise {
    /// Not at all: no seed, no beacon.
    #[default]
    #[serde(rename = "none")]
    None,
    /// By the discrete Laplace law.
    #[serde(rename = "laplace")]
    Laplace(Laplace),
}

/// What a request for Laplace noise states: how much, and the sponsor's part of the beacon.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Laplace {
    /// The privacy that each aggregate spends.
    pub epsilon: Epsilons,
    /// The commitment to the nonce that the sponsor opens when every site has decided.
    pub sponsor_commitment: Digest,
}

/// An epsilon for each aggregate that is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epsilons {
    /// Of the counts, which are always released.
    pub count: Epsilon,
    /// Of the sums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<Epsilon>,
    /// Of the sums of squares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_of_squares: Option<Epsilon>,
    /// Of the sums of products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum_of_products: Option<Epsilon>,
}

/// Why a text states no epsilons.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EpsilonsError {
    /// Not a list of aggregates with their epsilons.
    #[error(
        "{found:?} is no aggregate with its epsilon: write count=0.1 and, where they are asked for, sum=, sum_of_squares= and \
         sum_of_products=, with commas between"
    )]
    Form {
        /// What was found, shortened.
        found: String,
    },
    /// One aggregate twice.
    #[error("an epsilon for the {aggregate} is stated twice")]
    Twice {
        /// Which one.
        aggregate: &'static str,
    },
    /// Without the counts.
    #[error("no epsilon is stated for the count, which is always released")]
    NoCount,
    /// Not an epsilon.
    #[error(transparent)]
    Epsilon(#[from] EpsilonError),
}

/// The aggregates' names, in the order of every digest.
const NAMES: [&str; 4] = ["count", "sum", "sum_of_squares", "sum_of_products"];

impl Epsilons {
    /// Of the count, the sum, the sum of squares and the sum of products, in this order; nothing for one not asked for.
    pub const fn as_array(&self) -> [Option<Epsilon>; 4] {
        [Some(self.count), self.sum, self.sum_of_squares, self.sum_of_products]
    }

    /// What a query with these spends at each site, in millionths: their sum (sequential composition).
    pub fn price(&self) -> u64 {
        // At most four times a hundred million.
        self.as_array().into_iter().flatten().map(Epsilon::millionths).sum()
    }

    /// Refuses an epsilon too many or too few for what a query measures.
    pub fn check(&self, measures: &Measures) -> Result<(), RequestError> {
        let asked =
            [true, measures.sum.is_some(), measures.sum_of_squares.is_some(), measures.sum_of_products.is_some()];
        for ((aggregate, epsilon), asked) in NAMES.into_iter().zip(self.as_array()).zip(asked) {
            let rule = match (asked, epsilon) {
                (true, None) => "the query asks for it, and its noise has no epsilon",
                (false, Some(_)) => "it has an epsilon, and the query does not ask for it",
                _ => continue,
            };
            return Err(RequestError::Epsilon { aggregate, rule });
        }
        Ok(())
    }
}

/// As on a command line: "count=0.1,sum=0.2".
impl FromStr for Epsilons {
    type Err = EpsilonsError;

    fn from_str(text: &str) -> Result<Self, EpsilonsError> {
        let mut found = [None; 4];
        for part in text.split(',') {
            let form = || EpsilonsError::Form { found: part.chars().take(80).collect() };
            let (name, epsilon) = part.split_once('=').ok_or_else(form)?;
            let place = NAMES.iter().position(|known| *known == name).ok_or_else(form)?;
            if found[place].replace(epsilon.parse()?).is_some() {
                return Err(EpsilonsError::Twice { aggregate: NAMES[place] });
            }
        }
        let [count, sum, sum_of_squares, sum_of_products] = found;
        Ok(Self { count: count.ok_or(EpsilonsError::NoCount)?, sum, sum_of_squares, sum_of_products })
    }
}

impl fmt::Display for Epsilons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stated = NAMES.into_iter().zip(self.as_array()).filter_map(|(name, epsilon)| Some((name, epsilon?)));
        for (place, (name, epsilon)) in stated.enumerate() {
            write!(f, "{}{name}={epsilon}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Noise {
    /// The name used in files and digests.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Laplace(_) => "laplace",
        }
    }

    /// What is stated of Laplace noise; nothing without noise.
    pub const fn laplace(&self) -> Option<&Laplace> {
        match self {
            Self::None => None,
            Self::Laplace(laplace) => Some(laplace),
        }
    }

    /// Appends the name and, with noise, what is stated of it and each site's seed leaf: requests without noise keep their
    /// digests.
    pub(super) fn absorb(&self, sites: &[SitePin], hasher: &mut Hasher) {
        hasher.str(self.name());
        let Self::Laplace(Laplace { epsilon, sponsor_commitment }) = self else { return };
        for epsilon in epsilon.as_array() {
            hasher.u64(epsilon.map_or(0, Epsilon::millionths));
        }
        hasher.digest(sponsor_commitment);
        for SitePin { seed_leaf, .. } in sites {
            // A checked request with noise pins a leaf at every site.
            hasher.u64(seed_leaf.map_or(u64::MAX, u64::from));
        }
    }

    /// What noise needs, of a request to a ledger about these measures to these sites.
    pub(super) fn check(&self, ledger: &str, measures: &Measures, sites: &[SitePin]) -> Result<(), RequestError> {
        let refuse = |site: &SitePin, rule| Err(RequestError::SeedLeaf { site: site.site.clone(), rule });
        let Self::Laplace(laplace) = self else {
            return match sites.iter().find(|pin| pin.seed_leaf.is_some()) {
                Some(pin) => refuse(pin, "it pins a seed leaf, and asks for no noise"),
                None => Ok(()),
            };
        };
        if ledger == FILE_EXCHANGE {
            return Err(RequestError::NoiseWithoutLedger);
        }
        laplace.epsilon.check(measures)?;
        match sites.iter().find(|pin| pin.seed_leaf.is_none() || pin.seeds.is_none()) {
            Some(pin) => refuse(pin, "it asks for noise, and does not pin both a seed tree and a leaf of it"),
            None => Ok(()),
        }
    }
}
