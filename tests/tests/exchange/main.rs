//! The ledger service with real transactions and real proofs, over loopback.

#![allow(clippy::unwrap_used, unreachable_pub)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
mod decisions;
mod dry;
mod hospital;
#[path = "../../../server/tests/service_common/http.rs"]
mod http;
mod outages;
mod place;
mod processes;
mod programs;
mod routes;
mod sponsor;
mod story;
mod town;
