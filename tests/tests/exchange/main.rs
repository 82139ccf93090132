//! The ledger service with real transactions and real proofs, over loopback.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../server/tests/service_common/http.rs"]
mod http;
mod hospital;
mod place;
mod routes;
mod sponsor;
mod story;
