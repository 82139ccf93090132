//! The arguments of `consent`: what patients choose, and what they are given.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use cohortium_protocol::consent::Purpose;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::table::{ConsentColumn, Day, Institution};

#[derive(Args)]
pub(crate) struct ConsentArgs {
    #[command(subcommand)]
    pub(crate) command: ConsentCommand,
}

#[derive(Subcommand)]
pub(crate) enum ConsentCommand {
    /// Enter the choices of many patients: a consent file, or FHIR Consent resources
    Import(ConsentImportArgs),
    /// Enter one patient's choice from a paper form
    Record(RecordArgs),
    /// Take in a consent event that a patient signed, and acknowledge it
    Add(AddArgs),
    /// Post the batch of consent events of this interval, or a larger one at once
    Post(PostArgs),
    /// Compute the flags that follow from every posted event, commit to them as a new epoch, post it
    Epoch(EpochArgs),
    /// Give a patient a receipt: their tag and flags in the active epoch, and nobody else's
    Receipt(ReceiptArgs),
    /// Acknowledge an event of a patient again: once it is posted, with its place
    Acknowledge(AcknowledgeArgs),
    /// How many events there are, how many wait, when the next batch is due
    Status,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent import --home hospital --csv consent-of-february.csv
  cohortium-prover consent import --home hospital --fhir consents.ndjson --patient-from identifier --report report.txt

What cannot be mapped is reported and is no consent. Only what changes becomes an event; post it with consent post.",
    group = ArgGroup::new("source").required(true))]
pub(crate) struct ConsentImportArgs {
    /// A consent file, as at the table's import
    #[arg(long, value_name = "FILE", group = "source")]
    pub(crate) csv: Option<PathBuf>,
    /// FHIR R4 Consent resources: one, a Bundle, or one a line
    #[arg(long, value_name = "FILE", group = "source", requires = "patient_from")]
    pub(crate) fhir: Option<PathBuf>,
    /// Where the resources say which patient they are about: in patient.identifier.value, or in patient.reference after Patient/
    #[arg(long, value_name = "WHERE", value_parser = ["identifier", "reference"], requires = "fhir")]
    pub(crate) patient_from: Option<String>,
    /// Where the report goes, which names patients; by default only counts are shown
    #[arg(long, value_name = "FILE", requires = "fhir")]
    pub(crate) report: Option<PathBuf>,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
}

/// A choice on the command line.
#[derive(Args)]
#[command(group = ArgGroup::new("decision").required(true))]
pub(crate) struct ChoiceArgs {
    /// Consent to a purpose: DUO:0000042, DUO:0000006, or DUO:0000007[MONDO:0007254]
    #[arg(long, value_name = "PURPOSE", group = "decision")]
    pub(crate) grant: Option<Purpose>,
    /// Refuse a purpose
    #[arg(long, value_name = "PURPOSE", group = "decision")]
    pub(crate) refuse: Option<Purpose>,
    /// End a consent to a purpose
    #[arg(long, value_name = "PURPOSE", group = "decision")]
    pub(crate) revoke: Option<Purpose>,
    /// The patient leaves: every consent and agreement ends
    #[arg(long, group = "decision")]
    pub(crate) leave: bool,
    /// The patient agrees to be offered to this study, until a day
    #[arg(long, value_name = "STUDY", group = "decision", requires = "sponsor", requires = "until")]
    pub(crate) agree: Option<String>,
    /// The study's sponsor
    #[arg(long, value_name = "NAME", requires = "agree")]
    pub(crate) sponsor: Option<Institution>,
    /// Not for companies
    #[arg(long, requires = "grant")]
    pub(crate) not_commercial: bool,
    /// For this institution alone; may be given several times
    #[arg(long, value_name = "NAME", requires = "grant")]
    pub(crate) institution: Vec<Institution>,
    /// The last day
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<Day>,
    /// Only where an ethics board has approved
    #[arg(long, requires = "grant")]
    pub(crate) ethics_approval: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent record --home hospital --patient 4711 --grant DUO:0000006 --not-commercial --form 2026/118
  cohortium-prover consent record --home hospital --patient 4711 --revoke DUO:0000006 --form 2026/140

The identifier may be read from the standard input: --patient -")]
pub(crate) struct RecordArgs {
    /// The patient's identifier, as in the table's source
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    #[command(flatten)]
    pub(crate) choice: ChoiceArgs,
    /// The form's reference
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) form: String,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Where the acknowledgement for the patient goes
    #[arg(long, value_name = "FILE")]
    pub(crate) acknowledge: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Example:
  cohortium-prover consent add event.json --home hospital --patient 4711 --acknowledge for-the-patient.json")]
pub(crate) struct AddArgs {
    /// The event's file
    pub(crate) event: PathBuf,
    /// The patient who hands it in, by the identifier in the table's source; - reads it from the standard input
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Where the acknowledgement for the patient goes
    #[arg(long, value_name = "FILE")]
    pub(crate) acknowledge: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent post --home hospital
  cohortium-prover consent post --home hospital --all

The batch job posts one batch in each interval by itself. --all makes room for an event of every row, after an import: that it is
posted says that there was an import.")]
pub(crate) struct PostArgs {
    /// Everything that waits, at once
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent epoch --home hospital
  cohortium-prover consent epoch --home hospital --until 2026-03-31 --column DUO:0000006/academic")]
pub(crate) struct EpochArgs {
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// The last day on which queries may pin it; by default the last that the charter allows
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) until: Option<Day>,
    /// A purpose and kind of sponsor beside those of the epoch before; may be given several times
    #[arg(long, value_name = "PURPOSE/CLASS")]
    pub(crate) column: Vec<ConsentColumn>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cohortium-prover consent receipt --home hospital --patient 4711 --out receipt.json
  cohortium-prover consent receipt --home hospital --patient 4711 --answer 5f0c... --out receipt.json

The receipt proves to anybody who has it that the patient is in the table. Give it to the patient alone.")]
pub(crate) struct ReceiptArgs {
    /// The patient's identifier, as in the table's source; - reads it from the standard input
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// An earlier epoch of the active table version; the active one, if none is given
    #[arg(long, value_name = "N", conflicts_with = "answer")]
    pub(crate) epoch: Option<u32>,
    /// Shows too whether the patient was counted in the answer to this request; the receipt is then over the answer's epoch
    #[arg(long, value_name = "DIGEST")]
    pub(crate) answer: Option<Digest>,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct AcknowledgeArgs {
    /// The patient's identifier, as in the table's source; - reads it from the standard input
    #[arg(long, value_name = "ID")]
    pub(crate) patient: String,
    /// The event's number
    #[arg(long, value_name = "N")]
    pub(crate) number: u32,
    /// The table, if the site has several
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Where it goes
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
