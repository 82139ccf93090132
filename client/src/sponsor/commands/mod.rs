//! What each command does.

pub(crate) mod anchors;
pub(crate) mod ask;
pub(crate) mod catalogue;
pub(crate) mod fetch;
pub(crate) mod follow;
pub(crate) mod key;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod post;
mod request;
pub(crate) mod results;
mod show;

use serde::Serialize;

/// A document as it is written to a file.
fn pretty(document: &impl Serialize) -> Vec<u8> {
    // A structure with text keys: writing it to memory does not fail.
    let mut bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A value for machines.
fn value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}
