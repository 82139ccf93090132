//! `anchors`: what is in an anchors file.

use std::path::Path;

use cohortium_protocol::text::shown;

use super::{Outcome, read};

pub(super) fn run(file: &Path) -> Outcome {
    let anchors = read::anchors(file)?;
    println!("Anchors {} are well-formed.", anchors.digest());
    if let Some(charter) = anchors.charter() {
        println!("They trust the charter {} of the ledger {}.", charter.digest(), shown(&charter.name));
        for member in &charter.members {
            println!("  {:<8}  {}  {}", member.role.name(), member.key.short(), shown(&member.name));
        }
    }
    Ok(0)
}
