//! The research sponsor's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cohortium_client::sponsor::run()
}
