//! The ethics board's program: checks bundles and studies, approves and suspends. Offline.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cli;
mod file;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
