//! The program's command line: arguments, what is printed where, exit codes.
//!
//! Results go to the standard output: for people, or one JSON document with `--json`. Progress, questions and
//! errors go to the standard error. Exit codes: 0 done, 1 refused or a check failed, 2 could not tell.

mod args;
mod consent_args;
mod console;
mod failure;
mod ledger_args;
mod offer_args;
mod progress;
mod table_args;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::Day;

pub(crate) use args::{
    AnchorsArgs, CommitArgs, ImportArgs, InitArgs, InspectArgs, KeysArgs, PlanArgs, PolicyArgs, ProveArgs, PublishArgs,
    RequestArgs, TagArgs, VerifyArgs,
};
use args::{Cli, Command};
pub(crate) use consent_args::{
    AcknowledgeArgs, AddArgs, ChoiceArgs, ConsentArgs, ConsentCommand, ConsentImportArgs, EpochArgs, PostArgs,
    ReceiptArgs, RecordArgs,
};
pub(crate) use console::{Console, Outcome, Report};
pub(crate) use failure::Failure;
pub(crate) use ledger_args::{
    AcceptArgs, BackupArgs, DeclineArgs, JoinArgs, LedgerArgs, LedgerCommand, OutgoingArgs, PauseArgs, RegisterArgs,
    RestoreArgs, RulesArgs, RunArgs,
};
pub(crate) use offer_args::EligibilityArgs;
pub(crate) use progress::Progress;
pub(crate) use table_args::UniqueArgs;
pub(crate) use words::{about, bytes, table};

use crate::commands;
use crate::store::{Access, Home, StoreError};

/// 1970-01-01 in days since 1900-01-01.
const UNIX_DAY: u64 = 25_567;

/// How long a command waits for the home's lock.
const PATIENCE: Duration = Duration::from_secs(60);

/// What every command is given.
pub(crate) struct Setting {
    home: Option<PathBuf>,
    keys: Option<PathBuf>,
    /// Where things are printed.
    pub(crate) console: Console,
}

impl Setting {
    /// Opens the site's home.
    pub(crate) fn open(&self, access: Access) -> Result<Home, StoreError> {
        Home::open(&self.home_folder()?, access)
    }

    /// Opens the site's home for writing, and waits a while for another process that has it: a proof may be under way.
    pub(crate) fn open_patiently(&self) -> Result<Home, StoreError> {
        let begun = Instant::now();
        loop {
            match self.open(Access::Write) {
                Err(StoreError::Busy { .. }) if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(200)),
                opened => return opened,
            }
        }
    }

    /// The site's home, named by option or environment.
    pub(crate) fn home_folder(&self) -> Result<PathBuf, StoreError> {
        self.home.clone().or_else(|| from_environment("COHORTIUM_HOME")).ok_or(StoreError::NoHome)
    }

    /// The folder of keys, named by option or environment, or the user's cache.
    pub(crate) fn keys_folder(&self) -> Result<PathBuf, Failure> {
        let cache = || {
            Some(from_environment("HOME").or_else(|| from_environment("USERPROFILE"))?.join(".cache/cohortium/keys"))
        };
        self.keys.clone().or_else(|| from_environment("COHORTIUM_KEYS")).or_else(cache).ok_or_else(|| {
            Failure::cannot_tell("where are the keys? Name their folder with --keys DIR, or in COHORTIUM_KEYS")
        })
    }

    /// Now, by the system's clock.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }

    /// Today, by the system's clock (UTC).
    pub(crate) fn today(&self) -> Result<Day, Failure> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        let days = since.and_then(|since| u16::try_from(since.as_secs() / 86_400 + UNIX_DAY).ok());
        days.and_then(Day::from_days).ok_or_else(|| Failure::cannot_tell("the system's clock shows no usable date"))
    }
}

fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Runs the program.
pub fn run() -> ExitCode {
    let Cli { home, keys, json, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(problem) => {
            // Help and version are no failures; clap knows which stream each belongs on.
            let _ = problem.print();
            return ExitCode::from(u8::try_from(problem.exit_code()).unwrap_or(2));
        }
    };
    let setting = Setting { home, keys, console: Console::new(json) };
    let outcome = match &command {
        Command::Init(args) => commands::init::run(&setting, args),
        Command::Policy(args) => commands::policy::run(&setting, args),
        Command::Import(args) => commands::import::run(&setting, args),
        Command::Inspect(args) => commands::inspect::run(&setting, args),
        Command::Commit(args) => commands::commit::run(&setting, args),
        Command::Unique(args) => commands::unique::run(&setting, args),
        Command::Publish(args) => commands::publish::run(&setting, args),
        Command::Plan(args) => commands::plan::run(&setting, args),
        Command::Keys(args) => commands::keys::run(&setting, args),
        Command::Request(args) => commands::request::run(&setting, args),
        Command::Prove(args) => commands::prove::run(&setting, args),
        Command::Eligibility(args) => commands::eligibility::run(&setting, args),
        Command::Verify(args) => commands::verify::run(&setting, args),
        Command::Anchors(args) => commands::anchors::run(&setting, args),
        Command::Ledger(args) => commands::exchange::ledger(&setting, args),
        Command::Consent(args) => commands::exchange::consent(&setting, args),
        Command::Rules(args) => commands::rules::run(&setting, args),
        Command::Run(args) => commands::exchange::run(&setting, args),
        Command::Status => commands::exchange::status(&setting),
        Command::Accept(args) => commands::exchange::accept(&setting, args),
        Command::Decline(args) => commands::exchange::decline(&setting, args),
        Command::Pause(args) => commands::pause::pause(&setting, args),
        Command::Resume => commands::pause::resume(&setting),
        Command::Outgoing(args) => commands::outgoing::run(&setting, args),
        Command::Backup(args) => commands::backup::backup(&setting, args),
        Command::Restore(args) => commands::backup::restore(&setting, args),
        Command::Tag(args) => commands::tag::run(&setting, args),
    };
    setting.console.finish(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_as_a_day() {
        assert_eq!(Day::from_days(UNIX_DAY as u16).unwrap().to_string(), "1970-01-01");
    }
}
