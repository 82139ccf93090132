//! Reading what is posted: its type, its length, and how long it may take.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::FromRequest;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use actix_web::web::Data;

use super::Service;
use super::problem::Problem;

/// Bytes of all bodies that are being read at one time.
const MAX_UPLOADS_BYTES: usize = 256 << 20;

/// Bytes that are set aside for a body; given back when dropped.
struct Reserved<'a>(&'a AtomicUsize, usize);

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(self.1, Ordering::AcqRel);
    }
}

fn reserve(uploads: &AtomicUsize, bytes: usize) -> Result<Reserved<'_>, Problem> {
    let reserved = Reserved(uploads, bytes);
    if uploads.fetch_add(bytes, Ordering::AcqRel) + bytes > MAX_UPLOADS_BYTES {
        return Err(Problem::busy("too much is being posted at this moment; post again in a moment"));
    }
    Ok(reserved)
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn read(
    request: &HttpRequest,
    payload: actix_web::web::Payload,
    service: &Data<Service>,
    limit: usize,
) -> Result<Bytes, Problem> {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = text(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Problem::media_type(media_type));
    }
    let declared: Option<usize> = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if declared.is_some_and(|declared| declared > limit) {
        return Err(Problem::too_large(limit));
    }
    let _reserved = reserve(&service.uploads, declared.unwrap_or(limit))?;
    let patience: Duration = service.body_patience;
    let mut payload: Payload = payload.into_inner();
    // The extractor's own limit is in the service's configuration, and at least this one.
    let body = timeout(patience, Bytes::from_request(request, &mut payload)).await.map_err(|_| {
        Problem::timeout(format!(
            "the body was not complete after {} seconds, the most that is waited",
            patience.as_secs()
        ))
    })?;
    let body = body.map_err(|error| {
        if error.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE {
            Problem::too_large(limit)
        } else {
            Problem::malformed(format!("the body cannot be read: {error}"))
        }
    })?;
    if body.len() > limit { Err(Problem::too_large(limit)) } else { Ok(body) }
}
