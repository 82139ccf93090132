//! Rules of a policy that look beyond one group's numbers: how many sites, how many groups, how many queries in what time.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::document::PolicyError;
use crate::documents::MAX_SITES;
use crate::hash::Hasher;

/// Rates that one policy has at most.
pub const MAX_RATES: usize = 16;

/// The longest time that a rate may be about, in seconds: ten years.
pub const MAX_RATE_SECONDS: u64 = 10 * 366 * 86_400;

/// Where a least number of sites holds; the later, the stricter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SitesWhen {
    /// Where the sites' numbers are added up.
    Pooled,
    /// In every query, and where numbers are added up.
    Always,
}

impl SitesWhen {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled",
            Self::Always => "always",
        }
    }
}

/// How many sites there have to be.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinSites {
    /// At least so many, from 2 to [`MAX_SITES`].
    pub sites: u32,
    /// Where.
    pub when: SitesWhen,
}

/// So many queries in so many seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many, at least 1.
    pub queries: u32,
    /// In how many seconds, from 1 to [`MAX_RATE_SECONDS`].
    pub seconds: u64,
}

/// How many queries of one study a site may be asked in a time. A ledger's rule, by its blocks' times: no single proof can
/// show it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// At most so many in any such time: all of them hold. At most [`MAX_RATES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rate>,
    /// So many questions that read the same of one table, in such a time, lock the study out at the site until the first of
    /// them is so long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Rate>,
}

impl Quota {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Rules that look beyond one group's numbers. Each may be absent.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Limits {
    /// How many sites there have to be.
    pub min_sites: Option<MinSites>,
    /// Groups along one grouping at most, the one of missing values included.
    pub max_levels: Option<u32>,
    /// How many queries in what time.
    pub quota: Quota,
}

impl Limits {
    /// Refuses numbers that mean nothing, and two rates about the same time.
    pub(super) fn check(&self) -> Result<(), PolicyError> {
        let refuse = |rule, reason: String| Err(PolicyError::Limit { rule, reason });
        if let Some(MinSites { sites, .. }) = self.min_sites
            && !(2..=MAX_SITES as u64).contains(&u64::from(sites))
        {
            return refuse("min_sites", format!("{sites} sites; it must be from 2 to {MAX_SITES}"));
        }
        if self.max_levels == Some(0) {
            return refuse("max_levels", "0 groups along a grouping; it must be at least 1".to_owned());
        }
        let Quota { rates, repeats } = &self.quota;
        if rates.len() > MAX_RATES {
            return refuse("quota", format!("{} rates; at most {MAX_RATES} are held", rates.len()));
        }
        for Rate { queries, seconds } in rates.iter().chain(repeats) {
            if *queries == 0 || *seconds == 0 || *seconds > MAX_RATE_SECONDS {
                let rule = format!("it must be at least 1 in 1 to {MAX_RATE_SECONDS} seconds");
                return refuse("quota", format!("{queries} queries in {seconds} seconds; {rule}"));
            }
        }
        let twice = (1..rates.len()).find(|at| rates[..*at].iter().any(|rate| rate.seconds == rates[*at].seconds));
        match twice {
            Some(at) => refuse("quota", format!("two rates about {} seconds; one is enough", rates[at].seconds)),
            None => Ok(()),
        }
    }

    /// Rates in one order: by their time.
    pub(super) fn sorted(mut self) -> Self {
        self.quota.rates.sort_by_key(|rate| (rate.seconds, rate.queries));
        self
    }

    /// The stricter of each rule: more sites, in more places; fewer groups; the rates of both.
    pub(super) fn stricter(&self, other: &Self) -> Self {
        let min_sites = both(self.min_sites, other.min_sites, |a, b| MinSites {
            sites: a.sites.max(b.sites),
            when: a.when.max(b.when),
        });
        let max_levels = both(self.max_levels, other.max_levels, u32::min);
        let repeats = both(self.quota.repeats, other.quota.repeats, |a, b| Rate {
            queries: a.queries.min(b.queries),
            seconds: a.seconds.max(b.seconds),
        });
        let mut rates = [self.quota.rates.as_slice(), &other.quota.rates].concat();
        rates.sort_by_key(|rate| (rate.seconds, rate.queries));
        rates.dedup_by_key(|rate| rate.seconds);
        Self { min_sites, max_levels, quota: Quota { rates, repeats } }
    }

    /// Only what is set, each under its name: policies that were made before have the digests that they had.
    pub(super) fn absorb(&self, hasher: &mut Hasher) {
        let Self { min_sites, max_levels, quota } = self;
        if let Some(MinSites { sites, when }) = min_sites {
            hasher.str("min_sites").u64(u64::from(*sites)).str(when.name());
        }
        if let Some(levels) = max_levels {
            hasher.str("max_levels").u64(u64::from(*levels));
        }
        if !quota.is_empty() {
            hasher.str("quota").u64(quota.rates.len() as u64);
            for Rate { queries, seconds } in quota.rates.iter() {
                hasher.u64(u64::from(*queries)).u64(*seconds);
            }
            hasher.u64(u64::from(quota.repeats.is_some()));
            if let Some(Rate { queries, seconds }) = quota.repeats {
                hasher.u64(u64::from(queries)).u64(seconds);
            }
        }
    }

    /// In words, each rule after a comma; nothing if there is none.
    pub(super) fn describe(&self) -> String {
        let Self { min_sites, max_levels, quota } = self;
        let mut text = String::new();
        if let Some(levels) = max_levels {
            let _ = write!(text, ", at most {levels} groups along one grouping");
        }
        match min_sites {
            None => {}
            Some(MinSites { sites, when: SitesWhen::Pooled }) => {
                let _ =
                    write!(text, ", numbers added up only over {sites} sites or more (by whoever adds, not proved)");
            }
            Some(MinSites { sites, when: SitesWhen::Always }) => {
                let _ = write!(text, ", at least {sites} sites in every query");
            }
        }
        for Rate { queries, seconds } in &quota.rates {
            let _ = write!(text, ", at most {queries} queries of a study in {}", time(*seconds));
        }
        if let Some(Rate { queries, seconds }) = quota.repeats {
            let time = time(seconds);
            let _ = write!(text, ", a study locked out once it asked {queries} times in {time} what reads the same");
        }
        if !quota.is_empty() {
            text.push_str(" (by the ledger's rules, not proved)");
        }
        text
    }
}

fn both<T>(a: Option<T>, b: Option<T>, stricter: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(stricter(a, b)),
        (a, b) => a.or(b),
    }
}

/// A time in words, in the largest unit that it is a whole number of.
pub fn time(seconds: u64) -> String {
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let (number, unit) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size))
        .map_or((seconds, "second"), |(size, unit)| (seconds / size, unit));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}
