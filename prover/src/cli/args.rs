//! The arguments of every command, with examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cohortium_protocol::policy::DEFAULT_PRESET;
use cohortium_protocol::table::Day;

use super::consent_args::ConsentArgs;
use super::ledger_args::{
    AcceptArgs, BackupArgs, ClaimArgs, DeclineArgs, LedgerArgs, OutgoingArgs, PauseArgs, RestoreArgs, RulesArgs,
    RunArgs,
};
use super::offer_args::EligibilityArgs;
use super::table_args::UniqueArgs;

/// Answers research queries over a hospital's patients with proofs, and lets nothing else out.
#[derive(Parser)]
#[command(
    name = "cohortium-prover",
    version,
    after_help = "Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files).",
    after_long_help = "\
The way of a site, each step with its own --help:
  cohortium-prover init --home hospital --site rotterdam --preset opensafely
  cohortium-prover import --home hospital --schema schema.json --mapping mapping.json --csv patients.csv --consent consent.csv
  cohortium-prover commit --home hospital
  cohortium-prover publish --home hospital --out public/rotterdam
  cohortium-prover prove request.json --home hospital --approval approval.json --out answer.json

Or, with a ledger, after `commit`:
  cohortium-prover ledger key --home hospital
  cohortium-prover ledger join --home hospital --url https://ledger.example.org --charter charter.json
  cohortium-prover ledger register --home hospital
  cohortium-prover rules --home hospital --set rules.json
  cohortium-prover run --home hospital --watch

Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files).

Environment: COHORTIUM_HOME for --home, COHORTIUM_KEYS for --keys."
)]
pub(crate) struct Cli {
    /// The site's folder [environment: COHORTIUM_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// The folder of proving keys [environment: COHORTIUM_KEYS; default: ~/.cache/cohortium/keys]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a site: its folder and its master secret
    Init(InitArgs),
    /// Show or set the site's policy floor
    Policy(PolicyArgs),
    /// Bring a table in from CSV: a new version, whole or nothing
    Import(ImportArgs),
    /// Show what the site has: for the hospital's own screen
    Inspect(InspectArgs),
    /// Commit to a version, or to new consents
    Commit(CommitArgs),
    /// Prove that the tags of a table are unique, and that its consent flags are 0 or 1
    Unique(UniqueArgs),
    /// Write the site's public documents into a folder
    Publish(PublishArgs),
    /// Say in plain words what a query asks, without touching data
    Plan(PlanArgs),
    /// Make or show the proving and verifying keys
    Keys(KeysArgs),
    /// Build a request from a query, an approval and sites' public folders (what a sponsor does)
    Request(RequestArgs),
    /// Answer a request: show what will leave, prove it, verify it, hand it out
    Prove(ProveArgs),
    /// Prove to a sponsor that a consenting patient meets a study's criteria, without saying who
    Eligibility(EligibilityArgs),
    /// Check a bundle as an auditor would
    Verify(VerifyArgs),
    /// Build an anchors file from sites' public folders and approvals (what a board does)
    Anchors(AnchorsArgs),
    /// The ledger: the site's key, joining it, registering documents there
    Ledger(LedgerArgs),
    /// Patients' choices: enter them, post them, compute epochs, give receipts
    Consent(ConsentArgs),
    /// Show or set which queries are accepted without asking a person
    Rules(RulesArgs),
    /// The batch job: fetch open queries from the ledger, accept what the rules allow, prove, post
    Run(RunArgs),
    /// How the site stands with its ledger
    Status,
    /// Accept a query that waits for a person
    Accept(AcceptArgs),
    /// Decline a query, with a reason
    Decline(DeclineArgs),
    /// Accept nothing new for a while; what is accepted is finished
    Pause(PauseArgs),
    /// End a pause
    Resume,
    /// Show and check the record of everything that left
    Outgoing(OutgoingArgs),
    /// Write everything of the site into one file
    Backup(BackupArgs),
    /// Make the site again of a backup
    Restore(RestoreArgs),
    /// Print a patient's card: the secret and the tag
    Tag(TagArgs),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover init --home hospital --site rotterdam --preset opensafely
  cohortium-prover init --home hospital --site \"St. Mary's\" --policy floor.json --share 50

Back up the folder, above all master.secret: without it, no table committed with it can be queried again; with
it, anyone can test guesses about the patients.")]
pub(crate) struct InitArgs {
    /// The site's name, as it will stand in every document
    #[arg(long, value_name = "NAME")]
    pub(crate) site: String,
    /// The policy floor, from a file; it can be set later
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub(crate) policy: Option<PathBuf>,
    /// The policy floor, by the name of a network's rule; without a name, the strict one
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = DEFAULT_PRESET)]
    pub(crate) preset: Option<String>,
    /// How often one approval may have one column opened
    #[arg(long, value_name = "N", default_value_t = 124)]
    pub(crate) share: u32,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover policy --home hospital
  cohortium-prover policy --list
  cohortium-prover policy --home hospital --preset opensafely
  cohortium-prover policy --home hospital --set floor.json")]
pub(crate) struct PolicyArgs {
    /// Set the floor from a file
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    pub(crate) set: Option<PathBuf>,
    /// Set the floor to a network's rule; without a name, to the strict one
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = DEFAULT_PRESET)]
    pub(crate) preset: Option<String>,
    /// List the networks' rules
    #[arg(long, conflicts_with_all = ["set", "preset"])]
    pub(crate) list: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover import --home hospital --schema schema.json --mapping mapping.json --csv patients.csv --consent consent.csv
  cohortium-prover import ... --leave-out-rejected
  cohortium-prover import ... --dummies 100

Nothing is imported unless every row is right, or --leave-out-rejected is given. Each import is a new version.")]
pub(crate) struct ImportArgs {
    /// The study's schema
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: PathBuf,
    /// How this site's file becomes that schema
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: PathBuf,
    /// The patients
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: PathBuf,
    /// Who consents to what
    #[arg(long, value_name = "FILE")]
    pub(crate) consent: PathBuf,
    /// The day on which the source was extracted, public with the commitment [default: today]
    #[arg(long, value_name = "DATE")]
    pub(crate) vintage: Option<Day>,
    /// Secrets that patients brought, if any: CSV with the columns patient and secret
    #[arg(long, value_name = "FILE")]
    pub(crate) patient_secrets: Option<PathBuf>,
    /// Import the rest if rows are rejected
    #[arg(long)]
    pub(crate) leave_out_rejected: bool,
    /// Rows of nobody to add, so that the public size is not the number of patients [default: drawn from 64 to 191]
    ///
    /// The public size is a total: without dummies it can give away the one group that an answer suppresses.
    #[arg(long, value_name = "N")]
    pub(crate) dummies: Option<usize>,
    /// Write the quality report to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover inspect --home hospital
  cohortium-prover inspect breast-cancer --home hospital --json")]
pub(crate) struct InspectArgs {
    /// One table, instead of all
    pub(crate) table: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover commit --home hospital
  cohortium-prover commit --home hospital --version 2 --date 2026-01-31
  cohortium-prover commit --home hospital --epoch --consent consent-of-february.csv

Killed on the way, it leaves nothing that counts; run it again.")]
pub(crate) struct CommitArgs {
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The version; the newest by default
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
    /// The day that the data are as of: the catalogue shows it as their vintage; today by default
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<String>,
    /// The shape, if it should be larger than needed: to hide the size, or to be asked together with larger sites
    #[arg(long, value_name = "NAME", conflicts_with = "epoch")]
    pub(crate) shape: Option<String>,
    /// Commit to new consents over the same rows
    #[arg(long, requires = "consent")]
    pub(crate) epoch: bool,
    /// The new consents
    #[arg(long, value_name = "FILE", requires = "epoch")]
    pub(crate) consent: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover publish --home hospital --out public/rotterdam

The folder holds the schema, the manifest, the newest consent epoch, the policy floor and the commitments' points.
None of it says anything about a patient.")]
pub(crate) struct PublishArgs {
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The folder, made if there is none
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover plan query.json --schema schema.json
  cohortium-prover plan query.json --schema schema.json --approval approval.json --floor public/rotterdam/policy.json")]
pub(crate) struct PlanArgs {
    /// The query
    pub(crate) query: PathBuf,
    /// The schema it is asked in
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: PathBuf,
    /// Check it against this approval
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Option<PathBuf>,
    /// Show the policy that follows from the approval's and this floor
    #[arg(long, value_name = "FILE", requires = "approval")]
    pub(crate) floor: Option<PathBuf>,
    /// The shape whose limits hold
    #[arg(long, value_name = "NAME", default_value = "query-12")]
    pub(crate) shape: String,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover keys --shape query-12
  cohortium-prover keys --shape query-12 --keys keys --out verifying-key.json

These are development keys: whoever makes one can forge proofs. They are for trials.")]
pub(crate) struct KeysArgs {
    /// The shape
    #[arg(long, value_name = "NAME")]
    pub(crate) shape: String,
    /// Write the verifying key to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover request query.json --approval approval.json --site public/rotterdam --site public/gbsg \\
      --number 1 --out request.json")]
pub(crate) struct RequestArgs {
    /// The query
    pub(crate) query: PathBuf,
    /// The approval it is asked under
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: PathBuf,
    /// A site's public folder; once for each site
    #[arg(long = "site", value_name = "DIR", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// A verifying key; by default those of the sites' shapes in the folder of keys
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    /// The running number under the approval
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) number: u64,
    /// The request
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover prove request.json --home hospital --approval approval.json --out answer.json
  cohortium-prover prove request.json --home hospital --approval approval.json --dry-run

A request that was answered before gets the very same bytes again, and nothing is charged.")]
pub(crate) struct ProveArgs {
    /// The request
    pub(crate) request: PathBuf,
    /// The approval it is asked under
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: PathBuf,
    /// The bundle
    #[arg(long, value_name = "FILE", required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
    /// Do not ask before it leaves
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Show what would leave, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) claim: ClaimArgs,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover verify answer.json --anchors anchors.json --request request.json")]
pub(crate) struct VerifyArgs {
    /// The bundle
    pub(crate) bundle: PathBuf,
    /// What the auditor knows from elsewhere
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: PathBuf,
    /// The request as it was put to the sites; the bundle must answer this one
    #[arg(long, value_name = "FILE")]
    pub(crate) request: Option<PathBuf>,
    /// The day on which the query is known to have been asked; checked against the approval's end
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) asked_on: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover anchors --site public/rotterdam --site public/gbsg --approval approval.json \\
      --accept-development-keys --out anchors.json

A board that builds its anchors so believes the folders and files it names. It should know from elsewhere that they
are the sites' own: by letter, by telephone, from a register.")]
pub(crate) struct AnchorsArgs {
    /// A site's public folder; once for each site
    #[arg(long = "site", value_name = "DIR", required = true)]
    pub(crate) sites: Vec<PathBuf>,
    /// An approval in force; once for each
    #[arg(long = "approval", value_name = "FILE")]
    pub(crate) approvals: Vec<PathBuf>,
    /// A verifying key, of whatever statement; by default those of the sites' shapes in the folder of keys
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) key_files: Vec<PathBuf>,
    /// Let proofs under development keys count, for trials: whoever made such a key can forge
    #[arg(long)]
    pub(crate) accept_development_keys: bool,
    /// The anchors
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover tag --home hospital --patient 4711
  cohortium-prover tag --home hospital --patient -       (reads the identifier from the standard input)

For the patient alone: whoever has the secret can find the patient's row in a receipt.")]
pub(crate) struct TagArgs {
    /// The patient's identifier; - reads it from the standard input, where no list of processes shows it
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) patient: String,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
}
