//! `key`: makes a board's key. The one place of this crate that draws randomness.

use std::fs::OpenOptions;
use std::io::Write;

use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::text::{is_line, shown};
use rand::rngs::OsRng;

use super::Outcome;
use super::args::KeyArgs;

/// Characters of a member's name at most.
const MAX_NAME: usize = 120;

pub(super) fn run(args: &KeyArgs) -> Outcome {
    let KeyArgs { name, out } = args;
    if !is_line(name, MAX_NAME) {
        return Err(format!("--name {name:?}: a name is one line of 1 to {MAX_NAME} printable characters"));
    }
    let key = MemberKey::draw(&mut OsRng);
    let show = |error: std::io::Error| format!("--out {}: {error}", out.display());
    let mut options = OpenOptions::new();
    // Never over another key.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(out).map_err(show)?;
    file.write_all(key.to_file(name).as_bytes()).and_then(|()| file.sync_all()).map_err(show)?;
    println!("The key of {} is in {}. Keep the file secret, and a copy of it in a safe.", shown(name), out.display());
    println!("Give the public half to whoever writes the charter, by a way of your own:");
    println!("  {}", key.public());
    Ok(0)
}
