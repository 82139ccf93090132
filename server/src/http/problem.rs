//! Errors as RFC 9457 problems: the rule, what was found, what would pass.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use cohortium_verifier::ledger::Refusal;
use serde::Serialize;

use crate::node::ReadError;
use crate::node::SubmitError;

/// The media type of problems.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem: `application/problem+json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:cohortium:rule:` and the rule.
    #[serde(rename = "type")]
    kind: String,
    /// The rule in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What was found, and what would pass.
    detail: String,
    /// The rule's short name.
    rule: String,
    /// Seconds after which to come again.
    #[serde(skip)]
    retry_after: Option<u64>,
    /// The methods that are allowed.
    #[serde(skip)]
    allow: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, rule: &str, title: &str, detail: impl fmt::Display) -> Self {
        Self {
            kind: format!("urn:cohortium:rule:{rule}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.to_string(),
            rule: rule.to_owned(),
            retry_after: None,
            allow: None,
        }
    }

    /// There is no such thing.
    pub fn not_found(what: &str, name: impl fmt::Display) -> Self {
        let detail = format!("there is no {what} {name} on this ledger");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// There is no such address.
    pub fn no_route(path: &str) -> Self {
        let detail = format!("there is nothing at {path}; GET /v1/openapi.json describes what there is");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The address is there for other methods.
    pub fn method(found: &str, allowed: &[&str]) -> Self {
        let allow = allowed.join(", ");
        let detail = format!("the method {found} is not allowed here; allowed is {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail);
        Self { allow: Some(allow), ..problem }
    }

    /// A body of another type.
    pub fn media_type(found: &str) -> Self {
        let detail = format!("the content type is {found:?}; post application/json");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type", detail)
    }

    /// A body beyond the limit.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body is longer than {limit} bytes, the most that is read");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// Too many requests.
    pub fn rate(what: &str, per_second: u32, seconds: u64) -> Self {
        let detail = format!(
            "more than {per_second} {what} a second came from this address; come again after {seconds} second{}",
            if seconds == 1 { "" } else { "s" }
        );
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate", "Too many requests", detail);
        Self { retry_after: Some(seconds), ..problem }
    }

    /// Not in time.
    pub fn timeout(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Timeout", detail)
    }

    /// Taken, and not finished in time.
    pub fn late(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "Timeout", detail)
    }

    /// Come again.
    pub fn busy(detail: impl fmt::Display) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail);
        Self { retry_after: Some(1), ..problem }
    }

    /// Something that cannot be read.
    pub fn malformed(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed", detail)
    }

    /// The service itself failed.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed", detail)
    }

    /// For a status that something else has set.
    pub fn of_status(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Error");
        let detail = format!("the request was answered with {status}");
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large(MAX_TRANSACTION_BYTES),
            StatusCode::NOT_FOUND => Self::new(status, "not-found", "Not found", "there is nothing at this address"),
            StatusCode::REQUEST_TIMEOUT => Self::timeout("the request was not complete in time"),
            status if status.is_client_error() => Self::new(status, "malformed", title, detail),
            status => Self::new(status, "internal", title, detail),
        }
    }

    /// As JSON.
    pub(super) fn body(&self) -> Vec<u8> {
        // A structure with text keys: writing it to memory does not fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// A transaction that the rules refuse.
    pub fn refusal(refusal: &Refusal) -> Self {
        let rule = refusal.rule();
        let title = format!("Refused by the rule {rule}");
        let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        Self::new(status, rule, &title, refusal)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Stopped(_) | ReadError::Index => Self::busy(error),
            // Where files are is no business of whoever asks.
            ReadError::Log(_) | ReadError::Block(_) => Self::internal("the block log could not be read"),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        Self::busy(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        response.content_type(PROBLEM_JSON).body(self.body())
    }
}

/// Reads a digest out of an address.
pub(super) fn digest(what: &str, text: &str) -> Result<Digest, Problem> {
    text.parse().map_err(|error| Problem::malformed(format!("the {what} in the address: {error}")))
}
