//! The hospital's program.

use std::process::ExitCode;

fn main() -> ExitCode {
    cohortium_prover::cli::run()
}
