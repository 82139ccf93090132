//! What this site has accepted of epsilon, by its own notes: whatever the ledger's account says, whose operator it need not
//! trust for that.

use cohortium_protocol::noise::{Epsilon, decimal};
use cohortium_protocol::policy::EpsilonLimits;

use crate::cli::Failure;

/// What the site accepted of epsilon at one table, answered or not, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Accepted {
    /// Of one study, over all its approvals.
    pub(crate) by_study: u64,
    /// Of all studies.
    pub(crate) in_all: u64,
}

/// Why one more query with noise is too much.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the policy in force allows {whose} an epsilon of {limit} at this table, and this site has accepted {} of it: {} is asked, {} \
     left. A ledger by its rules would not have admitted the query",
    decimal(*accepted), decimal(*asked), decimal(limit.millionths().saturating_sub(*accepted))
)]
pub(crate) struct OverdrawnError {
    /// Whose budget.
    whose: &'static str,
    /// The limit.
    limit: Epsilon,
    /// Accepted so far, in millionths.
    accepted: u64,
    /// What the query asks for, in millionths.
    asked: u64,
}

impl From<OverdrawnError> for Failure {
    fn from(error: OverdrawnError) -> Self {
        Self::refused(error)
    }
}

impl Accepted {
    /// Counts a query that was accepted at the table.
    pub(crate) fn add(&mut self, price: u64, is_of_study: bool) {
        self.in_all = self.in_all.saturating_add(price);
        if is_of_study {
            self.by_study = self.by_study.saturating_add(price);
        }
    }

    /// Refuses a price that either budget does not bear. A limit that is not set is for the release's policy to refuse.
    pub(crate) fn check(&self, price: u64, limits: &EpsilonLimits) -> Result<(), OverdrawnError> {
        let budgets =
            [("a study", self.by_study, limits.per_study), ("all studies together", self.in_all, limits.per_dataset)];
        for (whose, accepted, limit) in budgets {
            if let Some(limit) = limit
                && accepted.checked_add(price).is_none_or(|sum| sum > limit.millionths())
            {
                return Err(OverdrawnError { whose, limit, accepted, asked: price });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_millionth_is_accepted_and_no_more() {
        let limit = |text: &str| Some(text.parse().unwrap());
        let limits = EpsilonLimits { per_query: None, per_study: limit("0.5"), per_dataset: limit("0.9") };
        let mut accepted = Accepted::default();
        accepted.add(300_000, true);
        accepted.add(400_000, false);
        assert_eq!(accepted, Accepted { by_study: 300_000, in_all: 700_000 });
        assert_eq!(accepted.check(200_000, &limits), Ok(()));
        let error = accepted.check(200_001, &limits).unwrap_err().to_string();
        assert_eq!(
            error,
            "the policy in force allows a study an epsilon of 0.5 at this table, and this site has accepted 0.3 of it: 0.200001 is \
             asked, 0.2 left. A ledger by its rules would not have admitted the query"
        );
        accepted.add(1, false);
        let error = accepted.check(200_000, &limits).unwrap_err().to_string();
        assert!(error.starts_with("the policy in force allows all studies together an epsilon of 0.9"), "{error}");
        assert_eq!(accepted.check(200_000, &EpsilonLimits::default()), Ok(()));
        accepted.add(u64::MAX, true);
        assert!(accepted.check(1, &limits).is_err());
    }
}
