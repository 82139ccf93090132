//! `suspend`: ends an approval.

use cohortium_protocol::ledger::Statement;

use super::Outcome;
use super::args::SuspendArgs;
use super::sign::Signer;

pub(super) fn run(args: &SuspendArgs) -> Outcome {
    let signer = Signer::new(&args.sign, &[])?;
    signer.sign(Statement::Suspend { approval: args.approval, reason: args.because.clone() })?;
    println!(
        "From then on nothing is asked under it and nothing accepted. What was accepted before may still be answered."
    );
    Ok(0)
}
