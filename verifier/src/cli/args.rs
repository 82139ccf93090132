//! What can be asked of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::patient_args::{CardArgs, ChooseArgs, ReceiptArgs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::noise::MAX_NONCES;
use cohortium_protocol::table::Day;

/// Checks answers of hospitals against what you know yourself, and signs your decisions. Needs no network, no
/// account, no data.
#[derive(Parser)]
#[command(name = "cohortium-verifier", version, after_help = "Exit status: 0 holds, 1 fails, 2 could not tell.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Checks a bundle, or everything under a study, and says what holds.
    #[command(after_help = "Examples:
  cohortium-verifier audit answer.json --anchors our-anchors.json
  cohortium-verifier audit answer.json --anchors our-anchors.json --report report-2026-117.txt
  cohortium-verifier audit --study EC-2026-117 --from-export ledger.ndjson --anchors our-anchors.json
  cohortium-verifier audit --study EC-2026-117 --from-export ledger.ndjson --anchors our-anchors.json \\
      --checkpoint checkpoint-from-the-hospital.txt

Exit status: 0 holds, 1 fails, 2 could not tell (a development key, an unreadable file, missing anchors).")]
    Audit(AuditArgs),
    /// Checks a proof that a hospital has a consenting patient who meets a study's criteria, and says what it proves.
    #[command(after_help = "Examples:
  cohortium-verifier eligibility offer.json --anchors our-anchors.json --seen nullifiers.txt
  cohortium-verifier eligibility offer.json --anchors our-anchors.json --json

With --seen, the nullifiers met so far are kept in a file, one a line, and one that was met before is refused.

Exit status: 0 holds, 1 fails, 2 could not tell (a development key, an unreadable file, anchors that name no sites).")]
    Eligibility(EligibilityArgs),
    /// Shows the digest of an anchors file and what is in it.
    Anchors {
        /// The anchors file.
        file: PathBuf,
    },
    /// Makes your key, with which you sign. The secret stays in the file; the public half goes into the charter.
    Key(KeyArgs),
    /// Shows a study in plain words, asks, and signs your approval. Nothing is sent.
    #[command(after_help = "Example:
  cohortium-verifier approve study.json --key our-key.json --charter charter.json --out approval-tx.json")]
    Approve(ApproveArgs),
    /// Opens your nonce of a query with noise: verifies the whole ledger, that it goes on from the last one under which you opened,
    /// and signs once every site has decided and the sponsor has opened its own. Nothing is sent.
    #[command(after_help = "Example:
  cohortium-verifier open 3d1f...08aa --from-export ledger.ndjson --key our-key.json --charter charter.json --out nonce-tx.json
  cohortium-verifier open 3d1f...08aa --from-export ledger.ndjson --key our-key.json --charter charter.json --out nonce-tx.json \\
      --checkpoint checkpoint-from-the-hospital.txt

The last checkpoint is kept beside your key, in a file of its name and .seen.

Exit status: 0 signed, 1 not to be opened, or not now, 2 could not tell.")]
    Open(OpenArgs),
    /// Signs the end of an approval before its last day. Nothing is sent.
    #[command(after_help = "Example:
  cohortium-verifier suspend 5f0c...b64f --because \"a complaint is looked into\" --key our-key.json \\
      --charter charter.json --out suspend-tx.json")]
    Suspend(SuspendArgs),
    /// For patients: checks a receipt of a consent epoch, and says what it shows.
    #[command(after_help = "Examples:
  cohortium-verifier receipt receipt.json --anchors anchors.json --card my.card
  cohortium-verifier receipt receipt.json --anchors anchors.json --card my.card --acknowledged revocation-ack.json \\
      --evidence for-the-board.json
  cohortium-verifier receipt receipt.json --anchors anchors.json --card my.card --answer answer.json
  cohortium-verifier receipt receipt.json --anchors anchors.json --card my.card --from-export ledger.ndjson
  cohortium-verifier receipt for-the-board.json --anchors anchors.json

Exit status: 0 the epoch is what you chose, 1 it is not, or the receipt is none, 2 could not tell.")]
    Receipt(ReceiptArgs),
    /// For patients: makes a card, the secret that your tag and your signatures follow from; or shows both.
    #[command(after_help = "Examples:
  cohortium-verifier card --out my.card
  cohortium-verifier card --show my.card --site north")]
    Card(CardArgs),
    /// For patients: signs a choice. Nothing is sent; hand the file to your hospital.
    #[command(after_help = "Examples:
  cohortium-verifier choose --card my.card --site north --number 1 --key --out event-1.json
  cohortium-verifier choose --card my.card --site north --number 2 --grant DUO:0000006 --not-commercial --out event-2.json
  cohortium-verifier choose --card my.card --site north --number 3 --revoke DUO:0000006 --out event-3.json")]
    Choose(ChooseArgs),
}

#[derive(Args)]
pub(crate) struct AuditArgs {
    /// The bundle that the hospital or the sponsor gave you.
    #[arg(required_unless_present = "study", conflicts_with = "study")]
    pub(crate) bundle: Option<PathBuf>,
    /// Your anchors: keys, sites and approvals, or the ledger's charter, that you know of from elsewhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: PathBuf,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes the report in words to a file, to be filed; never over a file that the audit reads.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// The request as you, or the sponsor, hold it; the bundle must answer just that one.
    #[arg(long, value_name = "FILE", conflicts_with = "study")]
    pub(crate) request: Option<PathBuf>,
    /// The day on which you know the query to have been asked; checked against the approval's end.
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "study")]
    pub(crate) asked_on: Option<Day>,
    /// Audits everything under this study, by its name or the digest of one of its approvals.
    #[arg(long, value_name = "ID", requires = "from_export")]
    pub(crate) study: Option<String>,
    /// The export of the whole ledger, from anybody: it is verified.
    #[arg(long, value_name = "FILE", requires = "study")]
    pub(crate) from_export: Option<PathBuf>,
    /// A checkpoint of the ledger that you have from elsewhere; the export must contain it.
    #[arg(long, value_name = "FILE", requires = "study")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// Says which answers that were owed when the export ended are overdue at this moment, such as 2026-11-24T12:00:00Z.
    #[arg(long, value_name = "TIME", requires = "study")]
    pub(crate) as_of: Option<Timestamp>,
}

#[derive(Args)]
pub(crate) struct EligibilityArgs {
    /// The file that the hospital gave you.
    pub(crate) file: PathBuf,
    /// Your anchors: keys, sites and approvals that you know of from elsewhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: PathBuf,
    /// The nullifiers met so far, one a line: one that is there is refused, any other is added where the proof holds. Made if
    /// there is none. One process at a time.
    #[arg(long, value_name = "FILE")]
    pub(crate) seen: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct KeyArgs {
    /// Your name, as it will stand in the charter.
    #[arg(long)]
    pub(crate) name: String,
    /// Where the key's file goes. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// With what a statement is signed, and where it goes.
#[derive(Args)]
pub(crate) struct SignArgs {
    /// Your key's file.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The ledger's charter.
    #[arg(long, value_name = "FILE")]
    pub(crate) charter: PathBuf,
    /// Where the signed transaction goes.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct ApproveArgs {
    /// The study: an approval document.
    pub(crate) study: PathBuf,
    /// Commits to nonces for so many queries with noise, if the study has none yet; by default 1024 where its policy allows
    /// noise.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_NONCES)))]
    pub(crate) nonces: Option<u32>,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
    /// Signs without asking: you have read the study elsewhere.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct OpenArgs {
    /// The query transaction's id, or the request's digest.
    pub(crate) query: Digest,
    /// The export of the whole ledger, from anybody: it is verified.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_export: PathBuf,
    /// A checkpoint of the ledger that somebody else was shown; the export must contain it.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// The moment at which it will be posted, such as 2026-11-24T12:00:00Z; by default now.
    /// Never before the export's last block.
    #[arg(long, value_name = "TIME")]
    pub(crate) as_of: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}

#[derive(Args)]
pub(crate) struct SuspendArgs {
    /// The approval's digest.
    pub(crate) approval: Digest,
    /// Why, in one line: everybody reads it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) because: String,
    #[command(flatten)]
    pub(crate) sign: SignArgs,
}
