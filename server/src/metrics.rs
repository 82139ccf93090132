//! What the service counts, for Prometheus. Names and numbers only: nothing that a member said, and no secret.

use std::time::Duration;

use prometheus::Encoder;
use prometheus::Gauge;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::Opts;
use prometheus::Registry;
use prometheus::TextEncoder;

/// All that is counted.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    pub(crate) connections: IntGauge,
    pub(crate) refused_connections: IntCounter,
    pub(crate) upload_bytes: IntGauge,
    admitted: IntCounterVec,
    refused: IntCounterVec,
    blocks: IntCounter,
    proofs: IntCounterVec,
    proof_seconds: Histogram,
    pub(crate) failed_verifications: IntCounter,
    pub(crate) waiting: IntGauge,
    pub(crate) waiting_proofs: IntGauge,
    pub(crate) height: IntGauge,
    pub(crate) size: IntGauge,
    pub(crate) log_bytes: IntGauge,
    sync_seconds: Gauge,
    pub(crate) index_current: IntGauge,
}

/// From a quarter of a millisecond to half a minute.
const LATENCIES: [f64; 14] =
    [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let buckets = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(LATENCIES.to_vec());
        let metrics = Self {
            requests: counters("cohortium_http_requests_total", "Requests by route and status", &["route", "status"])?,
            request_seconds: HistogramVec::new(
                buckets("cohortium_http_request_seconds", "How long requests took, by route"),
                &["route"],
            )?,
            connections: gauge("cohortium_http_connections", "Connections that are open")?,
            refused_connections: IntCounter::new(
                "cohortium_http_connections_refused_total",
                "Connections closed at once, because their address had as many as one may have",
            )?,
            upload_bytes: gauge(
                "cohortium_http_upload_bytes",
                "Bytes of bodies that came and whose requests are not answered",
            )?,
            admitted: counters("cohortium_admitted_total", "Transactions admitted, by kind", &["kind"])?,
            refused: counters("cohortium_refused_total", "Transactions refused, by kind and rule", &["kind", "rule"])?,
            blocks: IntCounter::new("cohortium_blocks_total", "Blocks written since the start")?,
            proofs: counters("cohortium_proofs_verified_total", "Proofs verified, by outcome", &["outcome"])?,
            proof_seconds: Histogram::with_opts(buckets(
                "cohortium_proof_verification_seconds",
                "How long verifying a proof took",
            ))?,
            failed_verifications: IntCounter::new(
                "cohortium_verifications_failed_total",
                "Verifications that panicked: a fault of the program",
            )?,
            waiting: gauge("cohortium_waiting_transactions", "Transactions that wait for the writer")?,
            waiting_proofs: gauge("cohortium_waiting_proofs", "Releases that wait for verification")?,
            height: gauge("cohortium_height", "The last block's height")?,
            size: gauge("cohortium_size", "Transactions on the ledger")?,
            log_bytes: gauge("cohortium_log_bytes", "The block log's length")?,
            sync_seconds: Gauge::new(
                "cohortium_last_sync_seconds",
                "How long the last block took to be written and brought to the disk",
            )?,
            index_current: gauge(
                "cohortium_index_current",
                "1 if the index is current, 0 while it is being made again",
            )?,
            registry: registry.clone(),
        };
        registry.register(Box::new(metrics.request_seconds.clone()))?;
        registry.register(Box::new(metrics.refused_connections.clone()))?;
        registry.register(Box::new(metrics.blocks.clone()))?;
        registry.register(Box::new(metrics.proof_seconds.clone()))?;
        registry.register(Box::new(metrics.failed_verifications.clone()))?;
        registry.register(Box::new(metrics.sync_seconds.clone()))?;
        metrics.index_current.set(1);
        Ok(metrics)
    }

    /// A request was answered.
    pub(crate) fn request(&self, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// A transaction was admitted.
    pub(crate) fn admitted(&self, kind: &str) {
        self.admitted.with_label_values(&[kind]).inc();
    }

    /// A transaction was refused.
    pub(crate) fn refused(&self, kind: &str, rule: &str) {
        self.refused.with_label_values(&[kind, rule]).inc();
    }

    /// A proof was verified.
    pub(crate) fn proof(&self, holds: bool, took: Duration) {
        self.proofs.with_label_values(&[if holds { "holds" } else { "refused" }]).inc();
        self.proof_seconds.observe(took.as_secs_f64());
    }

    /// A block is on the disk.
    pub(crate) fn block(&self, took: Duration) {
        self.blocks.inc();
        self.sync_seconds.set(took.as_secs_f64());
    }

    /// Prometheus' text.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        String::from_utf8(bytes).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}
