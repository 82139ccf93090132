//! The check of a proof about a whole table, step by step: against the registered document, a ledger's id, and keys that are
//! accepted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{KeyKind, Proof, ProofError, VerifyingKey};
use cohortium_protocol::bundle::{
    COLUMN_OPENING, ColumnAtPoint, MULTIPLICITY_OPENING, opening_context, query_commitments,
};
use cohortium_protocol::commit::{
    Grid, Layout, LayoutError, OpenedColumn, OpeningError, OpeningProof, OpeningStatement, RegistryError,
};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::Source;
use cohortium_protocol::statement::{LengthError, TableChallenges};
use cohortium_protocol::table_proof::{
    TableContext, TableDerivation, TableDeriveError, TableKind, TableProof, TableSubject,
};

/// A proof about a table that passed every check. Only [`verify_table`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedTable {
    kind: TableKind,
    site: String,
    manifest: Digest,
    epoch: Option<Digest>,
    key: Digest,
    key_kind: KeyKind,
    proof: Digest,
}

impl VerifiedTable {
    /// What is proved: that the version's tags are unique, or that the epoch's flags are 0 or 1.
    pub fn kind(&self) -> TableKind {
        self.kind
    }

    /// The site.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The table version.
    pub fn manifest(&self) -> Digest {
        self.manifest
    }

    /// The epoch, where its flags are proved.
    pub fn epoch(&self) -> Option<Digest> {
        self.epoch
    }

    /// The verifying key's id.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// Where the verifying key comes from.
    pub fn key_kind(&self) -> KeyKind {
        self.key_kind
    }

    /// The digest of the proof that was verified.
    pub fn proof(&self) -> Digest {
        self.proof
    }
}

/// Why a proof about a table is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableError {
    /// The proof says that it is about something else.
    #[error("the proof's {what} is {found:?}, it is checked against {required:?}")]
    About {
        /// Which part.
        what: &'static str,
        /// What the proof says.
        found: String,
        /// What is required.
        required: String,
    },
    /// A key for another shape than that of proofs about such tables.
    #[error("the verifying key is for shape {found}, proofs about tables of shape {table} need {required}")]
    KeyShape {
        /// The key's.
        found: &'static str,
        /// The table's.
        table: &'static str,
        /// The shape that is needed.
        required: String,
    },
    /// A development key where none is accepted.
    #[error("the verifying key {key} is a development key, whose maker can forge proofs, and these are not accepted")]
    DevelopmentKey {
        /// The key.
        key: Digest,
    },
    /// An epoch of another manifest, or points that are not the registered ones.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Other columns than the statement's, or points of another length.
    #[error(transparent)]
    Derive(#[from] TableDeriveError),
    /// A commitment that does not fit.
    #[error("the commitment to {column}: {reason}")]
    Commitment {
        /// Which column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Lists of another length than the shape's.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The shape has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Multiplicities without an opening, or an opening of none.
    #[error("the proof has {found} multiplicities, and its multiplicity_opening is {opening}")]
    MultiplicityOpening {
        /// How many multiplicities.
        found: usize,
        /// Whether there is an opening.
        opening: &'static str,
    },
    /// An opening that does not hold.
    #[error("the opening of {which} was not made for this document and these values, or was changed: {source}")]
    Opening {
        /// Which one.
        which: &'static str,
        /// Why.
        source: OpeningError,
    },
    /// Bytes that are not a proof.
    #[error("groth16: {0}")]
    ProofBytes(#[from] ProofError),
    /// The proof is false.
    #[error("the proof is not valid for this document and these values")]
    FalseProof,
}

fn about(what: &'static str, found: impl ToString, required: impl ToString) -> Result<(), TableError> {
    let (found, required) = (found.to_string(), required.to_string());
    if found == required { Ok(()) } else { Err(TableError::About { what, found, required }) }
}

/// Checks a proof about a table version or an epoch: against the registered documents, the id of the ledger that it is for (or
/// that of the exchange of files), and a key. Pure: no clock, randomness or I/O.
///
/// # Errors
/// The first check that fails. Development keys are refused unless they are accepted.
pub fn verify_table(
    proof: &TableProof,
    subject: TableSubject<'_>,
    ledger: &str,
    key: &VerifyingKey,
    accept_development_keys: bool,
) -> Result<VerifiedTable, TableError> {
    let manifest = subject.manifest();
    if let Some(epoch) = subject.epoch() {
        epoch.check_manifest(manifest)?;
    }
    let shape = key.shape();
    let required = manifest.shape().about_table();
    if required != Some(*shape) {
        let required = required.map_or("none that this version knows", |shape| shape.name).to_owned();
        return Err(TableError::KeyShape { found: shape.name, table: manifest.shape().name, required });
    }
    if key.kind() == KeyKind::Development && !accept_development_keys {
        return Err(TableError::DevelopmentKey { key: key.id() });
    }
    check_about(proof, &subject, ledger, key)?;
    check_commitments(proof, &subject, shape.name, &Layout::multiplicity(shape)?.grid())?;

    let context = TableContext { subject, ledger, shape, verifying_key: key.id() }.digest();
    let commitments = commitments(&proof.columns, &proof.multiplicities);
    let challenges: TableChallenges = proof.challenges.clone().into();
    let inputs = TableDerivation {
        subject,
        shape,
        context,
        commitments,
        challenges: challenges.clone(),
        columns: &proof.columns,
        multiplicities: &proof.multiplicities,
    }
    .public()?
    .encode(shape)?;

    let at = |which| opening_context(&context, &commitments, which);
    let grid = subject.layout().grid();
    let opening = (&proof.column_opening, "columns");
    open(at(COLUMN_OPENING), grid, &challenges.row_point, &proof.columns, opening)?;
    match (&proof.multiplicity_opening, proof.multiplicities.len()) {
        (None, 0) => {}
        (Some(opening), 1..) => {
            let grid = Layout::multiplicity(shape)?.grid();
            let opening = (opening, "multiplicities");
            open(at(MULTIPLICITY_OPENING), grid, &challenges.value_point, &proof.multiplicities, opening)?;
        }
        (opening, found) => {
            let opening = if opening.is_some() { "there" } else { "missing" };
            return Err(TableError::MultiplicityOpening { found, opening });
        }
    }
    let bytes = STANDARD.decode(&proof.groth16).map_err(|error| ProofError::Text { reason: error.to_string() })?;
    if !key.accepts(&Proof::decode(&bytes)?, &inputs) {
        return Err(TableError::FalseProof);
    }
    Ok(VerifiedTable {
        kind: subject.kind(),
        site: manifest.site().to_owned(),
        manifest: manifest.digest(),
        epoch: subject.epoch().map(|epoch| epoch.digest()),
        key: key.id(),
        key_kind: key.kind(),
        proof: proof.digest(),
    })
}

/// What the proof says that it is about.
fn check_about(
    proof: &TableProof,
    subject: &TableSubject<'_>,
    ledger: &str,
    key: &VerifyingKey,
) -> Result<(), TableError> {
    let manifest = subject.manifest();
    let epoch = |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
    about("kind", proof.kind, subject.kind())?;
    about("ledger", &proof.ledger, ledger)?;
    about("site", &proof.site, manifest.site())?;
    about("table", &proof.table, manifest.table())?;
    about("manifest", proof.manifest, manifest.digest())?;
    about("epoch", epoch(proof.epoch), epoch(subject.epoch().map(|epoch| epoch.digest())))?;
    about("shape", &proof.shape.name, key.shape().name)?;
    about("shape id", proof.shape.id, key.shape().id())?;
    about("verifying key", proof.verifying_key, key.id())
}

/// Registered columns are the registered ones, the others lie as they should.
fn check_commitments(
    proof: &TableProof,
    subject: &TableSubject<'_>,
    shape: &'static str,
    values: &Grid,
) -> Result<(), TableError> {
    let grid = subject.layout().grid();
    let lies = |opened: &ColumnAtPoint, grid: &Grid| {
        let refuse = |reason: String| TableError::Commitment {
            column: opened.column.to_string(),
            reason: format!("{reason} (shape {shape})"),
        };
        opened.commitment.check_grid(grid).map_err(|error| refuse(error.to_string()))
    };
    for opened in &proof.columns {
        match opened.column.source {
            Source::Query => lies(opened, &grid)?,
            Source::Manifest | Source::Epoch => subject.check_points(&opened.column.name, &opened.commitment)?,
        }
    }
    proof.multiplicities.iter().try_for_each(|opened| lies(opened, values))
}

/// The digest of the columns and multiplicities that were committed for the proof alone.
fn commitments(columns: &[ColumnAtPoint], multiplicities: &[ColumnAtPoint]) -> Digest {
    let made = columns.iter().filter(|opened| opened.column.source == Source::Query);
    query_commitments(
        made.map(|opened| (&opened.column, opened.commitment.digest())),
        multiplicities.iter().map(|opened| (&opened.column, opened.commitment.digest())),
    )
}

fn open(
    context: Digest,
    grid: Grid,
    point: &[F],
    opened: &[ColumnAtPoint],
    (proof, which): (&OpeningProof, &'static str),
) -> Result<(), TableError> {
    let columns =
        opened.iter().map(|opened| OpenedColumn { commitment: &opened.commitment, value: opened.value }).collect();
    OpeningStatement { context, grid, point, columns }
        .verify(proof)
        .map_err(|source| TableError::Opening { which, source })
}
