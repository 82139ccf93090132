//! The arguments of every command, with examples.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::builder::RangedU64ValueParser;
use cohortium_protocol::ledger::ConsentRules;
use cohortium_protocol::ledger::KeyError;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use cohortium_protocol::ledger::Member;
use cohortium_protocol::ledger::Role;
use cohortium_protocol::table::Day;
use cohortium_protocol::table::SponsorClass;

/// Keeps a ledger of studies, queries and verified answers, and serves it over HTTP.
#[derive(Parser)]
#[command(
    name = "cohortium-server",
    version,
    after_help = "Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files).",
    after_long_help = "\
The way of an operator, each step with its own --help:
  cohortium-server key --name 'The operator' --out operator.key
  cohortium-server charter --name trial --member 'operator:The operator:KEY' --member 'sponsor:The university:KEY:academic' \\
      --member 'hospital:north:KEY' --member 'board:The board:KEY' --verifying-key query-16.key --out charter.json
  cohortium-server serve --home ledger --charter charter.json --key operator.key --verifying-key query-16.key
  curl http://127.0.0.1:8080/v1/health

Exit codes: 0 done; 1 refused, or a check failed; 2 could not tell (usage, files)."
)]
pub(super) struct Cli {
    /// Print results as JSON, one document a line
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a member's key; the public half is printed
    Key(KeyArgs),
    /// Make a charter: who the members are
    Charter(CharterArgs),
    /// Found a ledger: make its home
    Found(FoundArgs),
    /// Serve a ledger; found it first if there is none yet and a charter is given
    Serve(ServeArgs),
    /// Check a ledger's whole log: every signature, every rule, every proof
    Check(HomeArgs),
    /// Write a ledger into one file, for auditors
    Export(ExportArgs),
}

#[derive(Args)]
#[command(after_help = "Example:
  cohortium-server key --name 'St. Mary' --out st-mary.key")]
pub(super) struct KeyArgs {
    /// The member's name, as in the charter
    #[arg(long)]
    pub(super) name: String,
    /// Where to write the key; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "Example:
  cohortium-server charter --name trial --member 'operator:The operator:3d40...' \\
      --member 'sponsor:The university:90ab...:academic' --member 'hospital:north:77fe...' --member 'board:The board:0c11...' \\
      --verifying-key query-16.key --out charter.json

A member is ROLE:NAME:PUBLIC KEY, and of a sponsor :academic or :commercial. Roles: operator (exactly one), hospital,
board, sponsor.")]
pub(super) struct CharterArgs {
    /// The ledger's name: lower-case letters, digits and hyphens
    #[arg(long)]
    pub(super) name: String,
    /// A member: role:name:publickey[:class]
    #[arg(long = "member", value_name = "MEMBER", required = true, value_parser = member)]
    pub(super) members: Vec<Member>,
    /// A verifying key's file; one a shape
    #[arg(long = "verifying-key", value_name = "FILE", required = true)]
    pub(super) verifying_keys: Vec<PathBuf>,
    /// How long a site has to accept or decline a query
    #[arg(long, value_name = "SECONDS", default_value_t = 14 * 86_400)]
    pub(super) acceptance_seconds: u64,
    /// How long a site that accepted has to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 7 * 86_400)]
    pub(super) answer_seconds: u64,
    /// How often one approval may have one column opened
    #[arg(long, value_name = "TIMES", default_value_t = 64)]
    pub(super) opening_share: u32,
    /// The interval in which a hospital posts one batch of consent events
    #[arg(long, value_name = "SECONDS", default_value_t = ConsentRules::USUAL.batch_seconds)]
    pub(super) batch_seconds: u64,
    /// Leaves of such a batch, a power of two
    #[arg(long, value_name = "LEAVES", default_value_t = ConsentRules::USUAL.batch_leaves)]
    pub(super) batch_leaves: u32,
    /// How many days after its posting a consent epoch may be queried, at most
    #[arg(long, value_name = "DAYS", default_value_t = ConsentRules::USUAL.epoch_days)]
    pub(super) epoch_days: u32,
    /// Admit proofs under development keys. Whoever made such a key can forge: for trials only
    #[arg(long)]
    pub(super) accept_development_keys: bool,
    /// The day of the founding [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) founded: Option<Day>,
    /// Where to write the charter; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Args)]
#[command(after_help = "Example:
  cohortium-server found --home ledger --charter charter.json --key operator.key --verifying-key query-16.key")]
pub(super) struct FoundArgs {
    /// The ledger's home: a folder that is not there yet, or empty
    #[arg(long, value_name = "DIR")]
    pub(super) home: PathBuf,
    #[command(flatten)]
    pub(super) founding: FoundingArgs,
}

/// What a ledger is founded with.
#[derive(Args)]
pub(super) struct FoundingArgs {
    /// The charter
    #[arg(long, value_name = "FILE")]
    pub(super) charter: PathBuf,
    /// The operator's member key; it is copied into the home
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// The verifying keys that the charter names
    #[arg(long = "verifying-key", value_name = "FILE", required = true)]
    pub(super) verifying_keys: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct HomeArgs {
    /// The ledger's home
    #[arg(long, value_name = "DIR")]
    pub(super) home: PathBuf,
    /// Accept a log whose tip file is missing or damaged. You vouch that the log is whole
    #[arg(long)]
    pub(super) accept_log_as_it_is: bool,
}

#[derive(Args)]
#[command(after_help = "Examples:
  cohortium-server serve --home ledger
  cohortium-server serve --home ledger --listen 0.0.0.0:8080
  cohortium-server serve --home ledger --charter charter.json --key operator.key --verifying-key query-16.key

Ends on SIGTERM or ctrl-c: requests that came before are finished. TLS is for a proxy in front; see the operator's page.")]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) home: HomeArgs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub(super) listen: SocketAddr,
    /// The charter, to found the ledger if there is none; of one that is there it has to be the charter
    #[arg(long, value_name = "FILE", requires = "key", requires = "verifying_keys")]
    pub(super) charter: Option<PathBuf>,
    /// The operator's member key, to found the ledger
    #[arg(long, value_name = "FILE", requires = "charter")]
    pub(super) key: Option<PathBuf>,
    /// The verifying keys, to found the ledger
    #[arg(long = "verifying-key", value_name = "FILE", requires = "charter")]
    pub(super) verifying_keys: Vec<PathBuf>,
    /// Requests a second that one address may make
    #[arg(long, value_name = "NUMBER", default_value = "200")]
    pub(super) reads_per_second: NonZeroU32,
    /// Transactions a second that one address may post
    #[arg(long, value_name = "NUMBER", default_value = "50")]
    pub(super) writes_per_second: NonZeroU32,
    /// Dry runs a second that one address may ask for
    #[arg(long, value_name = "NUMBER", default_value = "10")]
    pub(super) plans_per_second: NonZeroU32,
    /// Connections at one time
    #[arg(long, value_name = "NUMBER", default_value = "512")]
    pub(super) connections: NonZeroU32,
    /// Connections of one address at one time [default: an eighth of all]
    #[arg(long, value_name = "NUMBER")]
    pub(super) address_connections: Option<NonZeroU32>,
    /// Bytes of posted bodies at one time, until their requests are answered; room for one transaction at least
    #[arg(long, value_name = "BYTES", default_value = "268435456", value_parser = bodies())]
    pub(super) upload_bytes: u64,
    /// Of these, from one address [default: an eighth, and room for one transaction]
    #[arg(long, value_name = "BYTES", value_parser = bodies())]
    pub(super) address_upload_bytes: Option<u64>,
    /// A proxy's address: of its requests, the client is the last address in X-Forwarded-For that is no such proxy's. May
    /// be given several times
    #[arg(long = "trust-proxy", value_name = "ADDRESS")]
    pub(super) trusted_proxies: Vec<IpAddr>,
    /// How long the body of a request may take to come
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    pub(super) body_seconds: NonZeroU32,
    /// Threads that verify proofs [default: one a core]
    #[arg(long, value_name = "NUMBER")]
    pub(super) verifiers: Option<NonZeroU32>,
}

#[derive(Args)]
#[command(after_help = "Example:
  cohortium-server export --home ledger --out ledger.ndjson

While the ledger is served, ask the service instead: curl -O http://127.0.0.1:8080/v1/export")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) home: HomeArgs,
    /// Where to write the export; nothing may be there
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

/// Reads how many bytes of bodies there may be: less than a transaction's would never do.
fn bodies() -> RangedU64ValueParser {
    clap::value_parser!(u64).range(MAX_TRANSACTION_BYTES as u64..=u64::from(u32::MAX))
}

/// Reads `role:name:publickey[:class]`. A name may have colons.
fn member(text: &str) -> Result<Member, String> {
    let form = || "write role:name:publickey, and of a sponsor :academic or :commercial".to_owned();
    let (role, rest) = text.split_once(':').ok_or_else(form)?;
    let role = match role {
        "sponsor" => Role::Sponsor,
        "hospital" => Role::Hospital,
        "board" => Role::Board,
        "operator" => Role::Operator,
        other => return Err(format!("{other:?} is no role; there are sponsor, hospital, board, operator")),
    };
    let (rest, class) = match rest.rsplit_once(':') {
        Some((rest, "academic")) => (rest, Some(SponsorClass::Academic)),
        Some((rest, "commercial")) => (rest, Some(SponsorClass::Commercial)),
        _ => (rest, None),
    };
    let (name, key) = rest.rsplit_once(':').ok_or_else(form)?;
    let key = key.parse().map_err(|error: KeyError| error.to_string())?;
    Ok(Member { name: name.to_owned(), role, class, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_in_order() {
        Cli::command().debug_assert();
    }

    #[test]
    fn members() {
        let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let read = |text: &str| member(&text.replace("KEY", key)).unwrap();
        let sponsor = read("sponsor:The university: coast:KEY:academic");
        assert_eq!((sponsor.name.as_str(), sponsor.class), ("The university: coast", Some(SponsorClass::Academic)));
        assert_eq!(read("hospital:north:KEY").role, Role::Hospital);
        for bad in ["north", "hospital:north", "king:north:KEY", "hospital:north:00", "hospital:KEY"] {
            assert!(member(&bad.replace("KEY", key)).is_err(), "{bad}");
        }
    }
}
