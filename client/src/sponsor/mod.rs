//! The sponsor's program: its command line, what is printed where, exit codes.
//!
//! Results go to the standard output: for people, or one JSON document with `--json`. Remarks and errors go to the
//! standard error. Exit codes: 0 done, 1 refused or a check failed, 2 could not tell.

mod args;
mod commands;
mod console;
mod failure;
mod setting;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use console::{Console, Outcome, Report};
use failure::Failure;
use setting::Setting;

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // Help and version are no failures; clap knows which stream each belongs on.
            let _ = problem.print();
            return ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(2));
        }
    };
    let Cli { url, charter, key, name, ca, seen, json, command } = cli;
    let setting = Setting::new(url, charter, key, name, ca, seen, Console::new(json));
    let outcome = match &command {
        Command::Key(args) => commands::key::run(&setting, args),
        Command::Datasets(args) => commands::catalogue::datasets(&setting, args),
        Command::Studies(args) => commands::catalogue::studies(&setting, args),
        Command::Plan(args) => commands::plan::run(&setting, args),
        Command::Ask(args) => commands::ask::run(&setting, args),
        Command::Sign(args) => commands::post::sign(&setting, args),
        Command::Post(args) => commands::post::post(&setting, args),
        Command::Open(args) => commands::open::run(&setting, args),
        Command::Follow(args) => commands::follow::run(&setting, args),
        Command::Results(args) => commands::results::run(&setting, args),
        Command::Bundle(args) => commands::fetch::bundle(&setting, args),
        Command::Export(args) => commands::fetch::export(&setting, args),
        Command::Anchors(args) => commands::anchors::run(&setting, args),
    };
    setting.console.finish(outcome)
}
