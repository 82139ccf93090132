//! The operator's program.

fn main() -> std::process::ExitCode {
    cohortium_server::cli::run()
}
