//! The program: its arguments, and a file for each command. Files and the terminal are touched here and nowhere
//! else in this crate.

mod anchors;
mod approve;
mod args;
mod audit;
mod choose;
mod eligibility;
mod key;
mod open;
mod patient_args;
mod read;
mod receipt;
mod sign;
mod study;
mod suspend;

use std::process::ExitCode;

use clap::Parser;
use cohortium_protocol::text::shown;

use args::{Arguments, Command};

/// How a command ended: its exit status, or why it could not tell.
type Outcome = Result<u8, String>;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Audit(args) if args.study.is_some() => study::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Eligibility(args) => eligibility::run(&args),
        Command::Anchors { file } => anchors::run(&file),
        Command::Key(args) => key::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Open(args) => open::run(&args),
        Command::Suspend(args) => suspend::run(&args),
        Command::Receipt(args) => receipt::run(&args),
        Command::Card(args) => choose::new_card(&args),
        Command::Choose(args) => choose::choose(&args),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(sentence) => {
            eprintln!("Could not tell: {}", shown(&sentence));
            ExitCode::from(2)
        }
    }
}
