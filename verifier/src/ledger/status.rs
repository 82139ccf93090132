//! What has become of a query, at a moment: for people who wait for an answer.

use std::fmt;

use cohortium_protocol::ledger::{Charter, Timestamp};
use serde::{Deserialize, Serialize};

use super::state::{Asked, Decision, Question};

/// What has become of one site's part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum SiteStatus {
    /// The site has said nothing yet.
    Submitted {
        /// Until when it may decide.
        until: Timestamp,
    },
    /// A person at the site has to decide.
    AwaitingApproval {
        /// Why.
        reason: String,
        /// Until when.
        until: Timestamp,
    },
    /// The site will answer.
    Accepted {
        /// Until when it has to.
        until: Timestamp,
    },
    /// The site will answer with noise, once sponsor and board have opened their nonces.
    AwaitingBeacon {
        /// Until when they have to, at the latest.
        until: Timestamp,
    },
    /// The site accepted, and the nonces that its noise would have come from were not opened in time, or the approval was
    /// suspended before they were. Nothing is ever answered; what was spent stays spent. This never goes away.
    Void {
        /// Since when.
        since: Timestamp,
        /// Whose doing it was.
        reason: String,
    },
    /// The site has answered.
    Answered {
        /// When.
        at: Timestamp,
    },
    /// The site will not answer.
    Declined {
        /// Why.
        reason: String,
        /// When it said so.
        at: Timestamp,
    },
    /// The site accepted, may have computed, and did not answer in time. This never goes away.
    WithheldAfterAcceptance {
        /// When its time ended.
        since: Timestamp,
    },
    /// The site did not decide in time.
    Expired {
        /// When its time ended.
        since: Timestamp,
    },
}

/// What has become of a query as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum QueryStatus {
    /// No site has decided.
    Submitted,
    /// A person at a site has to decide, and nobody has accepted yet.
    AwaitingApproval,
    /// A site has accepted; none has answered.
    Approved,
    /// Some sites have answered.
    Answered {
        /// How many.
        sites: usize,
        /// Of how many.
        of: usize,
    },
    /// Every site that decided declined, and none is left to decide.
    Declined,
    /// A site accepted and withheld; none has answered, and none is left to.
    WithheldAfterAcceptance,
    /// Its nonces were not opened: nobody will answer.
    Void,
    /// Nobody decided in time.
    Expired,
}

impl Asked {
    /// What has become of this part at a moment.
    pub fn status(&self, question: &Question, charter: &Charter, now: Timestamp) -> SiteStatus {
        if let Some(release) = &self.release {
            return SiteStatus::Answered { at: release.time };
        }
        let until = question.request.time.plus(charter.acceptance_seconds);
        match (&self.decision, &self.held) {
            (Some((Decision::Declined { reason }, at, _)), _) => {
                SiteStatus::Declined { reason: reason.clone(), at: *at }
            }
            (Some((Decision::Accepted, at, _)), _) => {
                let Some(from) = question.answers_from(*at) else {
                    return match question.void(charter, now) {
                        Some((since, reason)) => SiteStatus::Void { since, reason },
                        None => SiteStatus::AwaitingBeacon { until: question.open_until(charter, now) },
                    };
                };
                let until = from.plus(charter.answer_seconds);
                if now > until {
                    SiteStatus::WithheldAfterAcceptance { since: until }
                } else {
                    SiteStatus::Accepted { until }
                }
            }
            (None, _) if now > until => SiteStatus::Expired { since: until },
            (None, Some((_, reason))) => SiteStatus::AwaitingApproval { reason: reason.clone(), until },
            (None, None) => SiteStatus::Submitted { until },
        }
    }
}

impl Question {
    /// What has become of a site's part at a moment; nothing for a site that is not asked.
    pub fn site_status(&self, site: &str, charter: &Charter, now: Timestamp) -> Option<SiteStatus> {
        Some(self.sites.get(site)?.status(self, charter, now))
    }

    /// Whether a site still has something to do about it at a moment: it has not decided, or it has accepted and not
    /// answered, and its time has not ended.
    pub fn is_open_for(&self, site: &str, charter: &Charter, now: Timestamp) -> bool {
        use SiteStatus::{Accepted, AwaitingApproval, AwaitingBeacon, Submitted};
        let status = self.site_status(site, charter, now);
        matches!(status, Some(Submitted { .. } | AwaitingApproval { .. } | Accepted { .. } | AwaitingBeacon { .. }))
    }

    /// What has become of the query at a moment. A late or silent site never hides what others answered.
    pub fn status(&self, charter: &Charter, now: Timestamp) -> QueryStatus {
        let all: Vec<SiteStatus> = self.sites.values().map(|asked| asked.status(self, charter, now)).collect();
        let count = |test: fn(&SiteStatus) -> bool| all.iter().filter(|status| test(status)).count();
        let answered = count(|status| matches!(status, SiteStatus::Answered { .. }));
        let accepted =
            count(|status| matches!(status, SiteStatus::Accepted { .. } | SiteStatus::AwaitingBeacon { .. }));
        let void = count(|status| matches!(status, SiteStatus::Void { .. }));
        let held = count(|status| matches!(status, SiteStatus::AwaitingApproval { .. }));
        let open = count(|status| matches!(status, SiteStatus::Submitted { .. }));
        let withheld = count(|status| matches!(status, SiteStatus::WithheldAfterAcceptance { .. }));
        let declined = count(|status| matches!(status, SiteStatus::Declined { .. }));
        if answered > 0 {
            QueryStatus::Answered { sites: answered, of: all.len() }
        } else if accepted > 0 {
            QueryStatus::Approved
        } else if held > 0 {
            QueryStatus::AwaitingApproval
        } else if open > 0 {
            QueryStatus::Submitted
        } else if void > 0 {
            QueryStatus::Void
        } else if withheld > 0 {
            QueryStatus::WithheldAfterAcceptance
        } else if declined > 0 {
            QueryStatus::Declined
        } else {
            QueryStatus::Expired
        }
    }
}

impl fmt::Display for SiteStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submitted { until } => write!(f, "not decided yet; may decide until {until}"),
            Self::AwaitingApproval { reason, until } => {
                write!(f, "awaiting a person's approval until {until}: {reason}")
            }
            Self::Accepted { until } => write!(f, "accepted; has to answer until {until}"),
            Self::AwaitingBeacon { until } => {
                write!(f, "accepted; sponsor and board have to open their nonces until {until}")
            }
            Self::Void { since, reason } => write!(f, "VOID since {since}: {reason}; nothing will be answered"),
            Self::Answered { at } => write!(f, "answered at {at}"),
            Self::Declined { reason, at } => write!(f, "declined at {at}: {reason}"),
            Self::WithheldAfterAcceptance { since } => {
                write!(f, "WITHHELD AFTER ACCEPTANCE: accepted, and did not answer by {since}")
            }
            Self::Expired { since } => write!(f, "did not decide by {since}"),
        }
    }
}

impl fmt::Display for QueryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submitted => f.write_str("submitted"),
            Self::AwaitingApproval => f.write_str("awaiting approval"),
            Self::Approved => f.write_str("approved"),
            Self::Answered { sites, of } => {
                write!(f, "answered by {sites} of {of} site{}", if *of == 1 { "" } else { "s" })
            }
            Self::Declined => f.write_str("declined"),
            Self::WithheldAfterAcceptance => f.write_str("withheld after acceptance"),
            Self::Void => f.write_str("void: its nonces were not opened"),
            Self::Expired => f.write_str("expired"),
        }
    }
}
