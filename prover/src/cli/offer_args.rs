//! The arguments of the command that offers a patient to a study, with examples.

use std::path::PathBuf;

use clap::Args;

use super::ledger_args::ClaimArgs;

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent record --home hospital --patient 4711 --agree EC-2026-117 --sponsor 'Example University' \\
      --until 2026-12-31 --form 2026/131
  cohortium-prover eligibility criteria.json --home hospital --patient 4711 --approval approval.json --out offer.json
  cohortium-prover eligibility criteria.json --home hospital --patient - ...  (reads the identifier from the standard input)

The file says that a consenting patient of the active table meets the criteria, and by which nullifier the sponsor would know
them again in this study. It does not say who, or how many others there are. The patient has to have agreed first.")]
pub(crate) struct EligibilityArgs {
    /// The study's criteria: a query that counts
    pub(crate) query: PathBuf,
    /// The patient's identifier; - reads it from the standard input, where no list of processes shows it
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) patient: String,
    /// The approval of the study
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: PathBuf,
    /// The file for the sponsor
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Do not ask before it leaves
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) claim: ClaimArgs,
}
