//! `approve`: shows a study, asks, signs.

use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Write;

use cohortium_protocol::documents::Approval;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::noise::BoardNonces;
use cohortium_protocol::policy::NoiseRule;
use cohortium_protocol::text::shown;
use cohortium_verifier::ledger::check_study;

use super::args::ApproveArgs;
use super::sign::Signer;
use super::{Outcome, read};

/// Queries with noise that an approval has nonces for, unless told.
const NONCES: u32 = 1024;

pub(super) fn run(args: &ApproveArgs) -> Outcome {
    let signer = Signer::new(&args.sign, &[&args.study])?;
    let mut approval = read::document(&args.study, Approval::parse)?;
    let asked = args.nonces.or(approval.nonces.map(|there| there.leaves));
    if let Some(leaves) = asked.or((approval.policy.noise() != NoiseRule::Off).then_some(NONCES)) {
        let leaves = approval.nonces.map_or(leaves, |there| there.leaves);
        let tree = BoardNonces::new(&signer.key, &signer.charter.ledger(), &approval, leaves).tree();
        // Signed, they could never be opened, and every query with noise would be void.
        if approval.nonces.is_some_and(|there| there != tree) {
            return Err(format!(
                "{}: its nonces are not those of this key, this ledger and this text, so you could never open them: remove the \
                 field nonces, and new ones are made",
                args.study.display()
            ));
        }
        approval.nonces = Some(tree);
    }
    check_study(&signer.charter, &approval).map_err(|error| format!("{}: {error}", args.study.display()))?;
    println!("THE STUDY\n");
    approval.describe().lines().for_each(|line| println!("  {}", shown(line)));
    println!("\nWHAT YOU ALLOW\n");
    meanings(&approval).iter().for_each(|line| println!("  - {}", shown(line)));
    println!();
    if !args.yes && !confirmed()? {
        println!("Nothing was signed.");
        return Ok(1);
    }
    signer.sign(Statement::Study { approval: Box::new(approval) })?;
    Ok(0)
}

/// Each clause as a sentence.
fn meanings(approval: &Approval) -> Vec<String> {
    let Approval { sponsor, consent, tables, columns, sites, aggregates, exact_plans, .. } = approval;
    let Approval { near_plans, expires, nonces, .. } = approval;
    let mut lines = vec![
        format!("Only {sponsor} may ask, and as often as the query caps allow; you are not asked about each query."),
        format!(
            "Only patients who consented to {} by sponsors of class {} are counted. The proof enforces it.",
            consent.purpose(),
            consent.sponsor()
        ),
        format!("The tables that may be asked: {}. A query to another is refused by the ledger.", tables.join(", ")),
    ];
    if let Some(name) = consent.institution() {
        lines.push(format!("Patients who consented to research by {name} alone are counted as well."));
    }
    lines.push(match columns {
        None => "EVERY column of these tables may be used.".to_owned(),
        Some(columns) => format!("No column may be used but {}.", columns.join(", ")),
    });
    lines.push(match sites {
        None => "EVERY hospital may be asked; each may decline.".to_owned(),
        Some(sites) => format!("No hospital may be asked but {}; each may decline.", sites.join(", ")),
    });
    lines.push(match aggregates {
        None => "Counts and every kind of sum may be asked for.".to_owned(),
        Some(list) => {
            let names: Vec<String> = list.iter().map(|aggregate| aggregate.name().replace('_', " ")).collect();
            format!("Nothing may be asked for but counts and: {}.", names.join(", "))
        }
    });
    lines.push(format!(
        "What is released obeys this policy, or a hospital's stricter one: {}.",
        approval.policy.describe().trim_end_matches('.')
    ));
    lines.push(match exact_plans.len() {
        0 => "No sum is released to the digit.".to_owned(),
        1 => "The sums of 1 plan are released TO THE DIGIT: compare its digest with the plan that you were shown."
            .to_owned(),
        n => format!(
            "The sums of {n} plans are released TO THE DIGIT: compare their digests with the plans you were shown."
        ),
    });
    if !near_plans.is_empty() {
        lines.push(format!(
            "{} plans may be asked ALTHOUGH THEY ARE NEAR EARLIER QUESTIONS: the difference of two answers may tell about few \
             patients. Compare the digests with the plans that you were shown.",
            near_plans.len()
        ));
    }
    if let Some(nonces) = nonces {
        lines.push(format!(
            "Up to {} queries may be answered with noise. For each you have to open a nonce in time, when every hospital has \
             decided and the sponsor has opened its own; if you do not, the query is void, and what it spent stays spent.",
            nonces.leaves
        ));
    }
    lines.push(format!(
        "Nothing may be asked or accepted after {expires}. What a hospital accepted by then may still be answered."
    ));
    lines.push(
        "You can end this at any time with suspend, by the same rule. What was released by then stays released."
            .to_owned(),
    );
    lines.push("If this study has an approval already, this one takes its place.".to_owned());
    lines
}

/// Asks for a yes; anything else is a no.
fn confirmed() -> Result<bool, String> {
    if std::io::stdin().is_terminal() {
        print!("Type yes to sign this: ");
    } else {
        print!("Reading yes or no from the standard input: ");
    }
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
    println!();
    Ok(answer.trim() == "yes")
}
