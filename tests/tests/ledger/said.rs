//! What is said in random histories of the ledger.

use proptest::prelude::*;

use crate::model::{EPSILON, VARIANTS};

/// What somebody says. Numbers are places in the lists of what there is, and wrap around.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Nobody says anything for so many hours.
    Nothing(u64),
    Study {
        board: usize,
        variant: usize,
    },
    Suspend {
        board: usize,
        variant: usize,
    },
    Ask {
        variant: usize,
        /// A question that is a sliver apart from the usual one.
        near: bool,
        sites: usize,
        ahead: u64,
        epsilon: usize,
    },
    SponsorNonce {
        query: usize,
    },
    BoardNonce {
        board: usize,
        query: usize,
    },
    Hold {
        site: usize,
        query: usize,
        reason: usize,
    },
    Accept {
        site: usize,
        query: usize,
    },
    Decline {
        site: usize,
        query: usize,
    },
    Release {
        site: usize,
        query: usize,
        other: bool,
    },
    /// What was said before, word for word.
    Again(usize),
}

fn said() -> impl Strategy<Value = Said> {
    let (two, query) = (0..2usize, 0..6usize);
    prop_oneof![
        2 => (1..120u64).prop_map(Said::Nothing),
        1 => (two.clone(), 0..VARIANTS).prop_map(|(board, variant)| Said::Study { board, variant }),
        1 => (two.clone(), 0..VARIANTS).prop_map(|(board, variant)| Said::Suspend { board, variant }),
        5 => (0..VARIANTS, prop::bool::weighted(0.25), 1..4usize, prop_oneof![9 => Just(0), 1 => 1..3u64], 0..EPSILON.len())
            .prop_map(|(variant, near, sites, ahead, epsilon)| Said::Ask { variant, near, sites, ahead, epsilon }),
        4 => query.clone().prop_map(|query| Said::SponsorNonce { query }),
        4 => (two.clone(), query.clone()).prop_map(|(board, query)| Said::BoardNonce { board, query }),
        2 => (two.clone(), query.clone(), two.clone())
            .prop_map(|(site, query, reason)| Said::Hold { site, query, reason }),
        5 => (two.clone(), query.clone()).prop_map(|(site, query)| Said::Accept { site, query }),
        2 => (two.clone(), query.clone()).prop_map(|(site, query)| Said::Decline { site, query }),
        5 => (two, query, any::<bool>()).prop_map(|(site, query, other)| Said::Release { site, query, other }),
        1 => (0..40usize).prop_map(Said::Again),
    ]
}

/// The newest query, in place of a number.
pub(crate) const NEWEST: usize = usize::MAX;

/// Statements by themselves; and now and then what follows from one another, up to where it breaks off: at random a query
/// with noise would rarely come to its beacon.
pub(crate) fn course() -> impl Strategy<Value = Vec<Said>> {
    let whole = (1..4usize, 0..EPSILON.len(), any::<bool>(), 2..8usize);
    let whole = whole.prop_map(|(sites, epsilon, both, until)| {
        let query = NEWEST;
        let second = if both { Said::Accept { site: 1, query } } else { Said::Decline { site: 1, query } };
        let mut all = vec![
            Said::Ask { variant: 0, near: false, sites, ahead: 0, epsilon },
            Said::Accept { site: 0, query },
            second,
            Said::SponsorNonce { query },
            Said::BoardNonce { board: 0, query },
            Said::Release { site: 0, query, other: false },
            Said::Nothing(200),
        ];
        all.truncate(until);
        all
    });
    prop_oneof![4 => said().prop_map(|said| vec![said]), 1 => whole]
}
