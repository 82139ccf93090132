//! What each site has to say to a query, and the answers added up.

use serde::{Deserialize, Serialize};

use super::cells::{PooledCell, SiteCell};
use super::group::Group;
use crate::hash::Digest;
use crate::policy::{NoiseRule, Policy, Rule, SumParams, Sums};

/// The rules a site's cells were released under.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePolicy {
    /// In words.
    pub words: String,
    /// The whole effective policy: the stricter of the site's floor and the approval's.
    pub effective: Policy,
    /// The numbers that it gives for the query's plan.
    pub params: Rule,
}

impl ReleasePolicy {
    /// An effective policy, and the numbers that it gives for a plan.
    pub fn new(effective: Policy, rule: impl Into<Rule>) -> Self {
        let params = rule.into();
        Self { words: effective.words(&params), effective, params }
    }

    /// Whether the policy can give these numbers.
    pub(super) fn agrees(&self) -> bool {
        let Self { effective, params, .. } = self;
        let params = match params {
            Rule::Exact(params) => params,
            // What may be spent is the ledger's to say.
            Rule::Noised(params) => {
                let counts = (params.k(), params.b()) == (effective.min_cell(), effective.rounding());
                let sums = effective.sums() != Sums::None || !params.asked().contains(&true);
                return counts && sums && effective.noise() != NoiseRule::Off;
            }
        };
        if effective.noise() == NoiseRule::Required {
            return false;
        }
        let counts = (effective.min_cell(), effective.rounding(), effective.show_zeros());
        let allows = |sum: &SumParams| match effective.sums() {
            _ if !sum.on => true,
            Sums::None => false,
            Sums::Restrained => *sum != SumParams::EXACT,
            Sums::ExactForNamedPlans => true,
        };
        counts == (params.k, params.b, params.show_zero) && params.sums.iter().all(allows)
    }
}

/// What a site has to say to a query.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum SiteAnswer {
    /// It answered.
    Answered {
        /// The release transaction.
        release: Digest,
        /// The effective policy of this release.
        policy: Box<ReleasePolicy>,
        /// The groups, by number.
        groups: Vec<Group<SiteCell>>,
    },
    /// The query is there, and the site has not decided.
    Submitted {},
    /// A person at the site has to decide.
    AwaitingApproval {},
    /// An approval permits it; the site has not decided. A ledger, which holds no other queries, says `submitted`.
    Approved {},
    /// The site has accepted, and has not answered yet.
    Accepted {},
    /// The site has declined.
    Declined {
        /// Why, in its own words.
        because: String,
    },
    /// The site accepted, and did not answer by the deadline.
    WithheldAfterAcceptance {},
    /// The site has accepted, and answers with noise once sponsor and board have opened their nonces.
    AwaitingBeacon {},
    /// The site has accepted, and never answers: the nonces of its noise were not opened.
    Void {
        /// Whose doing it was.
        because: String,
    },
    /// The deadline has passed without a decision of the site.
    Expired {},
}

impl SiteAnswer {
    /// The state's name, as in JSON.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Submitted {} => "submitted",
            Self::AwaitingApproval {} => "awaiting_approval",
            Self::Approved {} => "approved",
            Self::Accepted {} => "accepted",
            Self::Declined { .. } => "declined",
            Self::WithheldAfterAcceptance {} => "withheld_after_acceptance",
            Self::AwaitingBeacon {} => "awaiting_beacon",
            Self::Void { .. } => "void",
            Self::Expired {} => "expired",
        }
    }

    /// The state in words, with the reason.
    pub fn words(&self) -> String {
        match self {
            Self::Answered { .. } => "answered".into(),
            Self::Submitted {} => "submitted; nothing has been decided yet".into(),
            Self::AwaitingApproval {} => "awaiting the decision of a person at the site".into(),
            Self::Approved {} => "permitted by an approval; the site has not decided yet".into(),
            Self::Accepted {} => "accepted by the site, not answered yet".into(),
            Self::Declined { because } => format!("declined by the site: {because}"),
            Self::WithheldAfterAcceptance {} => "withheld: the site accepted and did not answer by the deadline".into(),
            Self::AwaitingBeacon {} => "accepted by the site; sponsor and board have yet to open their nonces".into(),
            Self::Void { because } => format!("void: {because}"),
            Self::Expired {} => "expired: the deadline passed without a decision of the site".into(),
        }
    }
}

/// One site of a query.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteResults {
    /// The site's name.
    pub site: String,
    /// What it has to say.
    pub answer: SiteAnswer,
}

/// The answers added up.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PooledResults {
    /// The sites that answered: as many as each of their policies wants for that, at least.
    pub sites: Vec<String>,
    /// The sites that did not: nothing of theirs is in here.
    pub not_answered: Vec<String>,
    /// The groups, by number.
    pub groups: Vec<Group<PooledCell>>,
}
