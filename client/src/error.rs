//! What can go wrong between a program and a ledger service.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// Why the service refuses: its own words, and the rule's short name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The rule's name, as in the service's list of rules; `http-STATUS` where it gave none.
    pub rule: String,
    /// The problem in a few words; empty where it gave none.
    pub title: String,
    /// What was found and what would pass, in a sentence.
    pub detail: String,
    /// When to come again, where it says so.
    pub retry_after: Option<Duration>,
}

/// Characters of a problem's sentence that are kept.
const MAX_DETAIL: usize = 2000;

impl Problem {
    /// Reads an answer that is no success; whatever it holds makes a problem.
    pub(crate) fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Form {
            #[serde(default)]
            rule: Option<String>,
            #[serde(default)]
            title: Option<String>,
            #[serde(default)]
            detail: Option<String>,
        }
        let form = serde_json::from_slice(body).unwrap_or(Form { rule: None, title: None, detail: None });
        let cut = |text: String| text.chars().take(MAX_DETAIL).collect::<String>();
        let title = cut(form.title.unwrap_or_default());
        let nothing = || format!("the service answered with the HTTP status {status} and no reason");
        let detail = form.detail.map(cut).filter(|detail| !detail.is_empty());
        Self {
            status,
            rule: form.rule.map_or_else(|| format!("http-{status}"), cut),
            detail: detail.unwrap_or_else(|| if title.is_empty() { nothing() } else { title.clone() }),
            title,
            retry_after,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [rule {}]", self.detail, self.rule)
    }
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ClientError {
    /// An address that is none.
    #[error("the ledger's address {found:?} is refused: {rule}")]
    Address {
        /// What was found, shortened.
        found: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// Certificates that are none.
    #[error("the certificates to trust cannot be used: {reason}")]
    Certificates {
        /// What is wrong.
        reason: String,
    },
    /// Nobody answered, or not in time, or not to the end.
    #[error("the ledger at {address} cannot be reached: {reason}")]
    Unreachable {
        /// The service's address.
        address: String,
        /// What happened.
        reason: String,
    },
    /// Somebody is there who cannot show to be the one that the address names.
    #[error(
        "the ledger at {address} does not show to be itself: {reason}. If its certificate is of an authority of your own, name \
         that authority's certificate"
    )]
    Insecure {
        /// The service's address.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// The service answered, and said no.
    #[error("the ledger refuses: {0}")]
    Refused(Box<Problem>),
    /// An answer that sends elsewhere.
    #[error(
        "the ledger at {address} sends to {to:?}. Nothing was sent there: if it is the same ledger, give that address yourself"
    )]
    Redirected {
        /// The service's address.
        address: String,
        /// Where it sends, shortened.
        to: String,
    },
    /// An answer beyond what is read.
    #[error("the ledger's answer to {path} is longer than {limit} bytes, the most that is read")]
    TooLarge {
        /// What was asked for.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An answer that is not what the route promises.
    #[error("the ledger's answer to {path} cannot be used: {reason}")]
    Unexpected {
        /// What was asked for.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// What was received could not be written down.
    #[error("what the ledger sent could not be written: {reason}")]
    Write {
        /// What the system says.
        reason: String,
    },
}

impl ClientError {
    /// Whether the same again may succeed: nobody answered, or the service asks for patience.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => matches!(problem.status, 408 | 429 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// What the service said, if it refused.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(problem) => Some(problem),
            _ => None,
        }
    }

    /// The name of the rule that was broken, if the service refused.
    pub fn rule(&self) -> Option<&str> {
        self.problem().map(|problem| problem.rule.as_str())
    }

    /// How long the service asks to wait, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem().and_then(|problem| problem.retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_sentence() {
        let json =
            br#"{"type":"urn:cohortium:rule:number","title":"Number","status":409,"detail":"it is 3","rule":"number"}"#;
        let problem = Problem::read(409, None, json);
        assert_eq!(problem.to_string(), "it is 3 [rule number]");
        assert!(!ClientError::Refused(Box::new(problem)).is_retryable());
        let problem = Problem::read(502, None, b"<html>Bad gateway</html>");
        assert_eq!(problem.to_string(), "the service answered with the HTTP status 502 and no reason [rule http-502]");
        assert!(ClientError::Refused(Box::new(problem)).is_retryable());
        let long = format!("{{\"detail\":\"{}\"}}", "x".repeat(100_000));
        assert_eq!(Problem::read(400, None, long.as_bytes()).detail.len(), MAX_DETAIL);
    }
}
