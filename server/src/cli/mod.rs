//! The operator's program: arguments, what is printed where, exit codes.
//!
//! Results go to the standard output: for people, or one JSON document with `--json`. Remarks and errors go to the
//! standard error. Exit codes: 0 done, 1 refused or a check failed, 2 could not tell.

mod args;
mod console;
mod make;
mod serve;
mod whole;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use args::Command;
use console::Console;

/// Runs the program.
pub fn run() -> ExitCode {
    let Cli { json, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // Help and version are no failures; clap knows which stream each belongs on.
            let _ = problem.print();
            return ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(2));
        }
    };
    let console = Console::new(json);
    let outcome = match &command {
        Command::Key(args) => make::key(args),
        Command::Charter(args) => make::charter(args),
        Command::Found(args) => make::found(args),
        Command::Serve(args) => serve::run(&console, args),
        Command::Check(args) => whole::check(&console, args),
        Command::Export(args) => whole::export(args),
    };
    console.finish(outcome)
}
