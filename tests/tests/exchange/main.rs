//! The ledger service with real transactions and real proofs, over loopback.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
mod hospital;
#[path = "../../../server/tests/service_common/http.rs"]
mod http;
mod place;
mod routes;
mod sponsor;
mod story;
