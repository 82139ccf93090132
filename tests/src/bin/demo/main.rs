//! The demo: a ledger service, two hospitals' batch jobs, a sponsor and an ethics board, as processes of their own over
//! loopback HTTP; five questions from import to audit; and what does not go through.
//!
//! It runs Cohortium's own programs and prints every command. `./demo` builds all of it.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod ask;
mod audit;
mod cells;
mod consent;
mod derived;
mod exchange;
mod failure;
mod lifetable;
mod noise;
mod pictures;
mod plain;
mod print;
mod programs;
mod questions;
mod report;
mod results;
mod scenes;
mod setup;
mod svg;
mod tamper;

use std::process::ExitCode;
use std::time::Instant;

use failure::Failure;
use plain::Site;
use questions::QUESTIONS;
use scenes::Scenes;
use setup::Stage;

/// The question that is asked with noise too: counts by decade of age.
const TWIN: usize = 2;

fn run() -> Result<(), Failure> {
    let began = Instant::now();
    print::heading("Cohortium: two hospitals, five questions, every answer with a proof");
    print::say(
        "Two real breast cancer cohorts, each at a hospital of its own: 2,982 patients of the Rotterdam tumour bank and 686 of \
         the GBSG-2 trial. Each hospital keeps its table and registers commitments to it on a ledger. A sponsor asks over HTTP; \
         the hospitals' jobs fetch questions, answer with numbers and proofs, and the ledger admits only what verifies; an ethics board \
         audits all of it offline without seeing a patient. Everything below is done by the programs in the folder of this one, as \
         processes of their own; what each of them printed is in target/demo/log.",
    );
    let mut programs = setup::begin()?;
    setup::keys(&mut programs)?;
    let mut patients = Vec::new();
    for site in Site::ALL {
        patients.push((site, setup::hospital(&mut programs, site)?));
    }
    let exchange = exchange::found(&mut programs)?;
    print::heading("Hospitals join and register");
    for site in Site::ALL {
        exchange::join(&mut programs, site, &exchange.url)?;
    }
    exchange::approve(&mut programs)?;
    let mut stage = Stage { programs, exchange, patients };

    let mut answers = Vec::new();
    let mut derived = Vec::new();
    for (place, question) in QUESTIONS.iter().enumerate() {
        let answer = ask::ask(&mut stage, place + 1, QUESTIONS.len(), question)?;
        derived.push(results::derive(&answer)?);
        answers.push(answer);
    }
    let tampering = results::tamper(&mut stage, &answers[0])?;
    let Stage { programs, exchange, .. } = &mut stage;
    let scenes = Scenes {
        out_of_scope: scenes::out_of_scope(programs, exchange)?,
        declined: scenes::declined(programs, exchange)?,
        noised: noise::noised(programs, exchange, &answers[TWIN])?,
        consent: consent::scene(programs, exchange)?,
        study_audit: scenes::study_audit(programs, exchange)?,
        altered: scenes::altered(programs, exchange)?,
    };
    report::write(&stage, &answers, derived, tampering, scenes, began.elapsed().as_secs_f64())?;
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
