//! What a patient can ask of the program.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use cohortium_protocol::consent::Purpose;
use cohortium_protocol::table::{Day, Institution};

#[derive(Args)]
pub(crate) struct ReceiptArgs {
    /// The receipt that your hospital gave you; or evidence of a violation, which somebody wrote with --evidence.
    pub(crate) file: PathBuf,
    /// What you know from elsewhere: the ledger's charter, or which table version and epoch the hospital registered.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchors: PathBuf,
    /// Your card: a file with the secret's 64 digits.
    #[arg(long, value_name = "FILE", conflicts_with = "tag")]
    pub(crate) card: Option<PathBuf>,
    /// Your tag at this hospital, if the card is not at hand.
    #[arg(long, value_name = "DIGITS")]
    pub(crate) tag: Option<String>,
    /// An acknowledgement of an event that you hold yourself; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) acknowledged: Vec<PathBuf>,
    /// An answer's bundle: says whether you were counted in it, if the receipt was made for that answer.
    #[arg(long, value_name = "FILE")]
    pub(crate) answer: Option<PathBuf>,
    /// The export of the whole ledger, from anybody: lists the answers that could have counted you. It is verified.
    #[arg(long, value_name = "FILE")]
    pub(crate) from_export: Option<PathBuf>,
    /// Where the evidence of a violation goes, should there be one: for an ethics board. It shows your tag and your choices.
    #[arg(long, value_name = "FILE")]
    pub(crate) evidence: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct CardArgs {
    /// Where a new card goes. An existing file is never overwritten.
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    pub(crate) out: Option<PathBuf>,
    /// Shows the tag and the public key that follow from a card.
    #[arg(long, value_name = "FILE", requires = "site", conflicts_with = "out")]
    pub(crate) show: Option<PathBuf>,
    /// The hospital's name, as in its documents.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
}

#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct ChooseArgs {
    /// Your card.
    #[arg(long, value_name = "FILE")]
    pub(crate) card: PathBuf,
    /// The hospital's name, as in its documents.
    #[arg(long, value_name = "NAME")]
    pub(crate) site: String,
    /// The number of this event among yours at this hospital: 1, then 2, without gaps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) number: u32,
    /// The day; by default today.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<Day>,
    /// Binds the card's key to you, as the first thing you sign.
    #[arg(long, group = "what")]
    pub(crate) key: bool,
    /// Yes to a purpose: DUO:0000042 (any research), DUO:0000006 (health), DUO:0000007[MONDO:0007254] (one disease).
    #[arg(long, value_name = "PURPOSE", group = "what")]
    pub(crate) grant: Option<Purpose>,
    /// No to a purpose.
    #[arg(long, value_name = "PURPOSE", group = "what")]
    pub(crate) refuse: Option<Purpose>,
    /// No longer yes to a purpose.
    #[arg(long, value_name = "PURPOSE", group = "what")]
    pub(crate) revoke: Option<Purpose>,
    /// Leaves: every consent and every agreement ends.
    #[arg(long, group = "what")]
    pub(crate) leave: bool,
    /// Agrees to be offered to this study.
    #[arg(long, value_name = "STUDY", group = "what", requires = "sponsor", requires = "until")]
    pub(crate) agree: Option<String>,
    /// The study's sponsor.
    #[arg(long, value_name = "NAME", requires = "agree")]
    pub(crate) sponsor: Option<Institution>,
    /// Not for companies.
    #[arg(long, requires = "grant")]
    pub(crate) not_commercial: bool,
    /// For this institution alone; may be given several times.
    #[arg(long, value_name = "NAME", requires = "grant")]
    pub(crate) institution: Vec<Institution>,
    /// The last day on which it counts.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<Day>,
    /// Only where an ethics board has approved.
    #[arg(long, requires = "grant")]
    pub(crate) ethics_approval: bool,
    /// Where the signed event goes: hand the file to the hospital.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
