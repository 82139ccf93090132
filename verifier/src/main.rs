//! The ethics board's program: checks a bundle offline.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod file;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cohortium_protocol::bundle::{Bundle, MAX_BUNDLE_BYTES};
use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::table::Day;
use cohortium_protocol::text::shown;
use cohortium_verifier::{Anchors, Known, audit};

/// Checks answers of hospitals against what you know yourself. Needs no network, no account, no data.
#[derive(Parser)]
#[command(name = "cohortium-verifier", version, after_help = "Exit status: 0 holds, 1 fails, 2 could not tell.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks a bundle and says, guarantee by guarantee, what holds.
    #[command(after_help = "Examples:
  cohortium-verifier audit answer.json --anchors our-anchors.json
  cohortium-verifier audit answer.json --anchors our-anchors.json --report report-2026-117.txt
  cohortium-verifier audit answer.json --anchors our-anchors.json --json

Exit status: 0 holds, 1 fails, 2 could not tell (a development key, an unreadable file, missing anchors).")]
    Audit {
        /// The bundle that the hospital or the sponsor gave you.
        bundle: PathBuf,
        /// Your anchors: keys, sites and approvals that you know of from elsewhere.
        #[arg(long, value_name = "FILE")]
        anchors: PathBuf,
        /// Prints the report as JSON.
        #[arg(long)]
        json: bool,
        /// Writes the report in words to a file, to be filed; never over a file that the audit reads.
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// The request as you, or the sponsor, hold it; the bundle must answer just that one.
        #[arg(long, value_name = "FILE")]
        request: Option<PathBuf>,
        /// The day on which you know the query to have been asked; checked against the approval's end.
        #[arg(long, value_name = "YYYY-MM-DD")]
        asked_on: Option<Day>,
    },
    /// Shows the digest of an anchors file and what is in it.
    Anchors {
        /// The anchors file.
        file: PathBuf,
    },
}

/// A file that is too long is not read to its end.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let show = |error: std::io::Error| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(show)?.len();
    if length > MAX_BUNDLE_BYTES as u64 {
        return Err(format!("{}: the file has {length} bytes; at most {MAX_BUNDLE_BYTES} are read", path.display()));
    }
    std::fs::read(path).map_err(show)
}

fn anchors(path: &Path) -> Result<Anchors, String> {
    let text = String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Anchors::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn request_digest(path: &Path) -> Result<Digest, String> {
    let text = String::from_utf8(read(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    Request::parse(&text).map(|request| request.digest()).map_err(|error| format!("{}: {error}", path.display()))
}

fn run(arguments: Arguments) -> Result<u8, String> {
    match arguments.command {
        Command::Audit { bundle, anchors: anchors_path, json, report: report_path, request, asked_on } => {
            if let Some(path) = &report_path {
                let inputs = [Some(&bundle), Some(&anchors_path), request.as_ref()];
                file::check_place(path, inputs.into_iter().flatten()).map_err(|error| error.to_string())?;
            }
            let anchors = anchors(&anchors_path)?;
            let bytes = read(&bundle)?;
            let parsed = Bundle::parse(&bytes).map_err(|error| format!("{}: {error}", bundle.display()))?;
            let request = request.map(|path| request_digest(&path)).transpose()?;
            let report = audit(&parsed, &bytes, &anchors, &Known { request, asked_on });
            if let Some(path) = report_path {
                file::write_whole(&path, report.to_string().as_bytes()).map_err(|error| error.to_string())?;
            }
            if json {
                println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
            } else {
                print!("{report}");
            }
            Ok(report.verdict.exit_status())
        }
        Command::Anchors { file } => {
            let anchors = anchors(&file)?;
            println!("Anchors {} are well-formed.", anchors.digest());
            Ok(0)
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(sentence) => {
            eprintln!("Could not tell: {}", shown(&sentence));
            ExitCode::from(2)
        }
    }
}
