//! The arguments of the commands that have to do with a ledger, and with backups.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cohortium_protocol::hash::Digest;

use crate::store::Claim;

/// What somebody says about a restored budget.
#[derive(Args)]
pub(crate) struct ClaimArgs {
    /// After a restore: the digest of the last budget record, as you noted it elsewhere
    #[arg(long, value_name = "DIGEST", conflicts_with = "budget_head_lost")]
    budget_head: Option<Digest>,
    /// After a restore, if nobody noted it: give up all that is left of every table version and consent epoch
    #[arg(long)]
    budget_head_lost: bool,
}

impl ClaimArgs {
    /// As the store takes it.
    pub(crate) fn claim(&self) -> Claim {
        match (self.budget_head, self.budget_head_lost) {
            (_, true) => Claim::Lost,
            (Some(head), false) => Claim::Head(head),
            (None, false) => Claim::None,
        }
    }
}

#[derive(Args)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    pub(crate) command: LedgerCommand,
}

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Make the site's key as a member, or show its public half: for the charter
    Key,
    /// Pin a ledger's charter, and its address
    Join(JoinArgs),
    /// Post what is not active on the ledger yet: table version, policy floor, seed tree, consent epoch
    Register(RegisterArgs),
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover ledger join --home hospital --url https://ledger.example.org --charter charter.json

Have the charter from the other members by another way than from the service. Nothing that the service says replaces it.")]
pub(crate) struct JoinArgs {
    /// The service's address
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// The charter
    #[arg(long, value_name = "FILE")]
    pub(crate) charter: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover ledger register --home hospital
  cohortium-prover ledger register --home hospital --table breast-cancer

What is active on the ledger already is not posted again. None of it says anything about a patient.")]
pub(crate) struct RegisterArgs {
    /// One table, instead of all
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover rules --home hospital
  cohortium-prover rules --home hospital --set rules.json

A file of rules:
  { \"format\": \"cohortium-rules/1\",
    \"allow\": [{ \"name\": \"registry study\", \"study\": \"S-1\", \"sponsor\": \"Example University\", \"max_queries\": 20 }] }
A rule covers a query that fits each of its clauses: study, sponsor, purpose (a DUO code), columns (no others), max_queries.
A rule without any has to say \"everything\": true. What no rule covers waits for a person.")]
pub(crate) struct RulesArgs {
    /// Set the rules from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) set: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover run --home hospital --once
  cohortium-prover run --home hospital --watch --every 300

It connects outward only. With --json it prints one JSON object a line. It may be ended at any time: what it was doing is
gone on with, and no request gets two answers.")]
pub(crate) struct RunArgs {
    /// Look once, do what there is to do, and end
    #[arg(long, required_unless_present = "watch")]
    pub(crate) once: bool,
    /// Look again and again
    #[arg(long, conflicts_with = "once")]
    pub(crate) watch: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) every: u64,
    #[command(flatten)]
    pub(crate) claim: ClaimArgs,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover accept 5f0c... --home hospital

The site's own checks have to pass all the same; a person only takes the place of an allow rule. It is final: the next run
answers, or the query is shown for ever as withheld.")]
pub(crate) struct AcceptArgs {
    /// The query: its transaction's id, or its request's digest
    pub(crate) query: Digest,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover decline 5f0c... --home hospital --because \"the registry is being cleaned until March\"

It is final, and the reason is public.")]
pub(crate) struct DeclineArgs {
    /// The query: its transaction's id, or its request's digest
    pub(crate) query: Digest,
    /// Why, for everybody to read
    #[arg(long, value_name = "TEXT")]
    pub(crate) because: String,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover pause --home hospital --because \"the data officer is away\"")]
pub(crate) struct PauseArgs {
    /// Why; it stays at the site
    #[arg(long, value_name = "TEXT")]
    pub(crate) because: String,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover outgoing --home hospital
  cohortium-prover outgoing --home hospital --check
  cohortium-prover outgoing --home hospital --check --head 9a31...")]
pub(crate) struct OutgoingArgs {
    /// Check only; releases, budget and record against each other
    #[arg(long)]
    pub(crate) check: bool,
    /// A digest that you noted elsewhere: the record must have it
    #[arg(long, value_name = "DIGEST")]
    pub(crate) head: Option<Digest>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover backup --home hospital --out /safe/rotterdam-2026-11-24.backup

The file holds the master secret, the patients' rows and the member key in plain. Keep it as you keep the site itself.")]
pub(crate) struct BackupArgs {
    /// The file; never overwritten
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover restore /safe/rotterdam-2026-11-24.backup --home hospital

The site is paused afterwards, and the first proof asks for the digest of the last budget record: a backup does not know
what was opened after it was made.")]
pub(crate) struct RestoreArgs {
    /// The backup
    pub(crate) file: PathBuf,
}
