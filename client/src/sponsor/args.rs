//! The arguments of every command, with examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use cohortium_protocol::documents::Epsilons;

/// Asks hospitals research questions over a ledger, and shows only answers whose proofs it has checked.
#[derive(Parser)]
#[command(
    name = "cohortium-sponsor",
    version,
    after_help = "Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files, network).",
    after_long_help = "\
The way of a question, each step with its own --help:
  cohortium-sponsor key --name \"Example Sponsor\" --out sponsor.key
  cohortium-sponsor datasets --url https://ledger.example.org
  cohortium-sponsor studies --url https://ledger.example.org
  cohortium-sponsor plan query.json --study EC-2026-117 --site rotterdam --site gbsg
  cohortium-sponsor ask query.json --approval EC-2026-117 --site rotterdam --site gbsg
  cohortium-sponsor follow ID --wait
  cohortium-sponsor results ID

Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files, network).

Environment: COHORTIUM_LEDGER for --url, COHORTIUM_CHARTER for --charter, COHORTIUM_MEMBER_KEY for --key,
COHORTIUM_CA for --ca."
)]
pub(crate) struct Cli {
    /// The ledger's address [environment: COHORTIUM_LEDGER]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The charter that you trust, from elsewhere than the ledger [environment: COHORTIUM_CHARTER]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) charter: Option<PathBuf>,
    /// Your member's key [environment: COHORTIUM_MEMBER_KEY]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Your name in the charter; by default the one in the key's file
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Certificates in PEM to trust instead of the public authorities [environment: COHORTIUM_CA]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Where the last checkpoint seen is kept [default: the charter's file with .seen behind it]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) seen: Option<PathBuf>,
    /// Print the result as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a member's key
    Key(KeyArgs),
    /// Show which tables there are, or what is in one
    Datasets(DatasetsArgs),
    /// Show the approved studies, or one of them
    Studies(StudiesArgs),
    /// Say what a query would ask and whether it would be admitted, without asking it
    Plan(PlanArgs),
    /// Ask: make a request, sign it, post it
    Ask(AskArgs),
    /// Sign a request, for whoever posts it by other means
    Sign(SignArgs),
    /// Post a signed transaction
    Post(PostArgs),
    /// Open your nonce of a query with noise, once every site has decided
    Open(OpenArgs),
    /// Show what has become of a query
    Follow(FollowArgs),
    /// Fetch the answers, verify every proof, show the numbers
    Results(ResultsArgs),
    /// Fetch a site's bundle as it is
    Bundle(BundleArgs),
    /// Fetch the whole ledger
    Export(ExportArgs),
    /// Write an anchors file from the charter, for audits
    Anchors(AnchorsArgs),
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor key --name \"Example Sponsor\" --out sponsor.key

The file is for its owner alone. Give the public key that is printed to whoever writes the charter.")]
pub(crate) struct KeyArgs {
    /// The key's file, which must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor datasets --url https://ledger.example.org
  cohortium-sponsor datasets rotterdam breast-cancer")]
pub(crate) struct DatasetsArgs {
    /// A site
    #[arg(requires = "table")]
    pub(crate) site: Option<String>,
    /// One of its tables
    pub(crate) table: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor studies
  cohortium-sponsor studies EC-2026-117")]
pub(crate) struct StudiesArgs {
    /// One study: its name, or its approval's digest
    pub(crate) study: Option<String>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor plan query.json --study EC-2026-117 --site rotterdam --site gbsg
  cohortium-sponsor plan query.json --study EC-2026-117 --site rotterdam --epsilon count=0.1,sum=0.2

Nothing is posted or recorded, and no data is touched. The ledger service sees the query.")]
pub(crate) struct PlanArgs {
    /// The query
    pub(crate) query: PathBuf,
    /// The study: its name, or its approval's digest
    #[arg(long, value_name = "STUDY", alias = "approval")]
    pub(crate) study: String,
    /// A site to ask; once for each
    #[arg(long = "site", value_name = "SITE", required = true)]
    pub(crate) sites: Vec<String>,
    /// With noise: an epsilon for each aggregate that the query asks for, and always for count
    #[arg(long, value_name = "count=0.1,sum=0.2")]
    pub(crate) epsilon: Option<Epsilons>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor ask query.json --approval EC-2026-117 --site rotterdam --site gbsg
  cohortium-sponsor ask query.json --approval EC-2026-117 --site rotterdam --epsilon count=0.1,sum=0.2
  cohortium-sponsor ask query.json --approval EC-2026-117 --site rotterdam --no-post --out request.json

With --epsilon the answers have noise in them, and nobody can choose it: once every site has decided you open a nonce, with
open or follow --wait, and then the board opens its own. Without that there is no answer, and the price stays spent.

What a site registered meanwhile makes the request anew, a few times. Where nothing tells whether it was posted, the
signed transaction is kept in a file: posting that file again never asks twice.")]
pub(crate) struct AskArgs {
    /// The query
    pub(crate) query: PathBuf,
    /// The study: its name, or its approval's digest
    #[arg(long, value_name = "STUDY", alias = "study")]
    pub(crate) approval: String,
    /// A site to ask; once for each
    #[arg(long = "site", value_name = "SITE", required = true)]
    pub(crate) sites: Vec<String>,
    /// Write the request to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Ask for noise: the epsilon of each aggregate, as count=0.1,sum=0.2; the price is their sum, at each site
    #[arg(long, value_name = "EPSILONS")]
    pub(crate) epsilon: Option<Epsilons>,
    /// Only make the request; needs no key, but for noise
    #[arg(long, requires = "out")]
    pub(crate) no_post: bool,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor sign request.json --out tx.json
  curl --data-binary @tx.json -H 'Content-Type: application/json' https://ledger.example.org/v1/queries

Needs no network: the request and the charter are enough.")]
pub(crate) struct SignArgs {
    /// The request
    pub(crate) request: PathBuf,
    /// The signed transaction
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor post tx.json

Posting a second time changes nothing: the ledger says where the statement stands.")]
pub(crate) struct PostArgs {
    /// The signed transaction
    pub(crate) transaction: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor open ID

Your nonce follows from your key and the request, and the request commits to it, so there is nothing to choose or to keep. The
ledger takes it once every site has accepted, declined or missed its time, and not for long; the board opens after you.")]
pub(crate) struct OpenArgs {
    /// The query transaction's id, or the request's digest
    pub(crate) id: String,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor follow ID
  cohortium-sponsor follow ID --wait --at-most 86400

With --wait and your key, your nonce of a query with noise is opened when its time comes.
With --wait, exit code 0 means that a site answered, 1 that none will, 2 that the time was over before.")]
pub(crate) struct FollowArgs {
    /// The query transaction's id, or the request's digest
    pub(crate) id: String,
    /// Wait until every site has answered, declined or let its time pass
    #[arg(long)]
    pub(crate) wait: bool,
    /// Look so often
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) every: u64,
    /// Wait so long at most
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    pub(crate) at_most: Option<u64>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor results ID
  cohortium-sponsor results ID --csv results.csv

Every bundle is downloaded and audited against the charter before a number is shown; one that fails is named, and none
of its numbers are shown. Exit code 1 if one fails, 2 if one could not be fetched or no site has answered.")]
pub(crate) struct ResultsArgs {
    /// The query transaction's id, or the request's digest
    pub(crate) id: String,
    /// Write the numbers to this file as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor bundle ID rotterdam --out answer.json
  cohortium-verifier audit answer.json --anchors anchors.json")]
pub(crate) struct BundleArgs {
    /// The query transaction's id, or the request's digest
    pub(crate) id: String,
    /// The site
    pub(crate) site: String,
    /// The bundle's file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-sponsor export --out ledger.ndjson")]
pub(crate) struct ExportArgs {
    /// The export's file
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Stop beyond so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 40)]
    pub(crate) limit: u64,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-sponsor anchors --charter charter.json --out anchors.json
  cohortium-sponsor anchors --charter charter.json --verifying-key key-12.json --out anchors.json

The keys are fetched from the ledger and have to be the ones that the charter names; or they come from files, and then no
network is needed. What the anchors are worth is what your charter is worth: have its digest from elsewhere.")]
pub(crate) struct AnchorsArgs {
    /// The anchors
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A verifying key's file, instead of the ledger; once for each key that the charter names
    #[arg(long = "verifying-key", value_name = "FILE")]
    pub(crate) verifying_keys: Vec<PathBuf>,
}
