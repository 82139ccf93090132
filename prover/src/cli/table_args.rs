//! The arguments of what is proved about whole tables.

use std::path::PathBuf;

use clap::Args;

use super::ledger_args::ClaimArgs;

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover unique --home hospital
  cohortium-prover unique --home hospital --out proofs

Of the active version and its newest consent epoch; what is proved already is not proved again. Each proof opens each tag
column, or each consent flag, at one point of its opening budget. Nothing is said about any patient.")]
pub(crate) struct UniqueArgs {
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Write the proofs into this folder, made if there is none
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) claim: ClaimArgs,
}
