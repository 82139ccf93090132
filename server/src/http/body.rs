//! Reading what is posted: its type, its length, how long it may take, and how much of it all there may be at one time.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::body::BodyStream;
use actix_web::body::MessageBody;
use actix_web::http::header;
use actix_web::rt::time::timeout;
use actix_web::web::Bytes;
use actix_web::web::Data;
use actix_web::web::Payload;
use prometheus::IntGauge;

use super::Service;
use super::problem::Problem;

/// A body that is not complete brings at least so much in every window of time.
const MIN_WINDOW_BYTES: usize = 64 << 10;
/// Windows of the time that a body may take in all.
const WINDOWS: u32 = 6;
/// But no window is shorter than this, or than the whole time.
const MIN_WINDOW: Duration = Duration::from_secs(5);

/// Bytes of bodies that came and whose requests are not answered yet.
pub(super) struct Uploads {
    most: usize,
    most_of_one: usize,
    gauge: IntGauge,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: usize,
    by: BTreeMap<Option<IpAddr>, usize>,
}

impl Uploads {
    /// So many bytes at one time, in all and from one address; a gauge shows how many there are.
    pub(super) fn new(most: usize, most_of_one: usize, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, gauge, held: Mutex::default() })
    }

    /// For a body that is to come from an address: nothing yet.
    fn begin(self: &Arc<Self>, from: Option<IpAddr>) -> Reserved {
        Reserved { uploads: self.clone(), from, bytes: 0 }
    }
}

/// Bytes that are set aside for a body; given back when dropped.
pub(super) struct Reserved {
    uploads: Arc<Uploads>,
    from: Option<IpAddr>,
    bytes: usize,
}

impl Reserved {
    /// Sets aside for what has come, and for nothing that is only announced.
    fn grow(&mut self, bytes: usize) -> Result<(), Problem> {
        let mut held = self.uploads.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (most, of_this) = (self.uploads.most, held.by.get(&self.from).copied().unwrap_or(0));
        if of_this.saturating_add(bytes) > self.uploads.most_of_one {
            return Err(Problem::busy("too much is being posted from this address; post again in a moment"));
        }
        if held.all.saturating_add(bytes) > most {
            return Err(Problem::busy("too much is being posted at this moment; post again in a moment"));
        }
        held.all += bytes;
        self.uploads.gauge.set(i64::try_from(held.all).unwrap_or(i64::MAX));
        held.by.insert(self.from, of_this + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut held = self.uploads.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(self.bytes);
        self.uploads.gauge.set(i64::try_from(held.all).unwrap_or(i64::MAX));
        let left = held.by.get(&self.from).map_or(0, |of_this| of_this.saturating_sub(self.bytes));
        if left == 0 {
            held.by.remove(&self.from);
        } else {
            held.by.insert(self.from, left);
        }
    }
}

/// A body that was read, and what is set aside for it: to be kept until the request is answered.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    pub(super) reserved: Reserved,
}

/// Reads a JSON body of at most `limit` bytes.
pub(super) async fn read(
    request: &HttpRequest,
    payload: Payload,
    service: &Data<Service>,
    limit: usize,
) -> Result<Body, Problem> {
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
    let mut reserved = service.uploads.begin(service.proxies.client(request));
    let patience = service.body_patience;
    let incomplete = Problem::timeout(format!(
        "the body was not complete after {} seconds, the most that is waited",
        patience.as_secs()
    ));
    let bytes = timeout(patience, collect(payload, &mut reserved, limit, window(patience)));
    let bytes = bytes.await.unwrap_or(Err(incomplete))?;
    Ok(Body { bytes: bytes.into(), reserved })
}

/// The window in which some of a body has to come.
fn window(patience: Duration) -> Duration {
    (patience / WINDOWS).max(patience.min(MIN_WINDOW))
}

/// Reads a body piece by piece: whoever only announces one holds nothing, and whoever dawdles does not hold it long.
async fn collect(
    payload: Payload,
    reserved: &mut Reserved,
    limit: usize,
    window: Duration,
) -> Result<Vec<u8>, Problem> {
    let mut stream = pin!(BodyStream::new(payload));
    let mut body = Vec::new();
    let (mut begun, mut before) = (Instant::now(), 0);
    loop {
        let next = poll_fn(|context| stream.as_mut().poll_next(context));
        let left = window.saturating_sub(begun.elapsed());
        let chunk = match timeout(left, next).await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) => {
                chunk.map_err(|error| Problem::malformed(format!("the body cannot be read: {error}")))?
            }
            Err(_) if body.len() - before >= MIN_WINDOW_BYTES => {
                (begun, before) = (Instant::now(), body.len());
                continue;
            }
            Err(_) => {
                return Err(Problem::timeout(format!(
                    "the body was not complete, and fewer than {MIN_WINDOW_BYTES} bytes of it came within {} seconds",
                    window.as_secs_f32()
                )));
            }
        };
        if body.len() + chunk.len() > limit {
            return Err(Problem::too_large(limit));
        }
        reserved.grow(chunk.len())?;
        body.extend_from_slice(&chunk);
        // Small pieces that come in time reset nothing: they have to add up.
        if begun.elapsed() >= window && body.len() - before >= MIN_WINDOW_BYTES {
            (begun, before) = (Instant::now(), body.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_holds_its_share_at_most_and_all_hold_no_more_than_there_is() {
        let uploads = Uploads::new(8000, 1000, IntGauge::new("bytes", "for the test").unwrap());
        let address = |last| Some(IpAddr::from([10, 0, 0, last]));
        let mut first: Vec<Reserved> = (0..3).map(|_| uploads.begin(address(1))).collect();
        first[0].grow(600).unwrap();
        first[1].grow(400).unwrap();
        assert!(first[2].grow(1).unwrap_err().to_string().contains("from this address"));
        first.remove(0);
        first[1].grow(600).unwrap();
        let mut others: Vec<Reserved> = (2..=9).map(|last| uploads.begin(address(last))).collect();
        for other in &mut others[..7] {
            other.grow(1000).unwrap();
        }
        assert!(others[7].grow(1).unwrap_err().to_string().contains("at this moment"));
        drop(first);
        others[7].grow(1000).unwrap();
        drop(others);
        let held = uploads.held.lock().unwrap();
        assert_eq!((held.all, held.by.len()), (0, 0), "all is given back");
    }

    #[test]
    fn a_window_is_a_part_of_the_time_but_no_shorter_than_people_need() {
        let seconds = Duration::from_secs;
        assert_eq!(window(seconds(60)), seconds(10));
        assert_eq!(window(seconds(12)), seconds(5));
        assert_eq!(window(seconds(2)), seconds(2));
    }
}
