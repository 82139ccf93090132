//! The demo: two hospitals, five questions, from import to audit, and two forgeries that are refused.
//!
//! It runs Cohortium's own programs as processes of their own and prints every command. `./demo` builds all of it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ask;
mod audit;
mod cells;
mod derived;
mod failure;
mod lifetable;
mod pictures;
mod plain;
mod print;
mod programs;
mod questions;
mod report;
mod results;
mod setup;
mod svg;
mod tamper;

use std::process::ExitCode;
use std::time::Instant;

use failure::Failure;
use plain::Site;
use questions::QUESTIONS;
use setup::Stage;

fn run() -> Result<(), Failure> {
    let began = Instant::now();
    print::heading("Cohortium: two hospitals, five questions, every answer with a proof");
    print::say(
        "Two real breast cancer cohorts, each at a hospital of its own: 2,982 patients of the Rotterdam tumour bank and 686 of \
         the GBSG-2 trial. Each hospital keeps its table and publishes commitments to it. A sponsor asks; the hospitals answer \
         with numbers and proofs; an ethics board audits each answer without seeing a patient. Everything below is done by the \
         programs in the folder of this one; what each of them printed is in target/demo/log.",
    );
    let mut programs = setup::begin()?;
    setup::keys(&mut programs)?;
    let mut patients = Vec::new();
    for site in Site::ALL {
        patients.push((site, setup::hospital(&mut programs, site)?));
    }
    setup::board(&mut programs)?;
    let mut stage = Stage { programs, patients };

    let mut answers = Vec::new();
    let mut derived = Vec::new();
    for (place, question) in QUESTIONS.iter().enumerate() {
        let answer = ask::ask(&mut stage, place + 1, QUESTIONS.len(), question)?;
        derived.push(results::derive(&answer)?);
        answers.push(answer);
    }
    let tampering = results::tamper(&mut stage, &answers[0])?;
    report::write(&stage, &answers, derived, tampering, began.elapsed().as_secs_f64())?;
    report::end(&answers, began.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nThe demo has failed: {failure}");
            ExitCode::FAILURE
        }
    }
}
