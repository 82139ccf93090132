//! What a proof about a table is about, and the digest that its transcript starts from.

use super::file::TableKind;
use crate::bundle::PROTOCOL_VERSION;
use crate::commit::budget::Charge;
use crate::commit::{ColumnCommitment, CommittedColumn, ConsentEpoch, DatasetManifest, Layout, RegistryError};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::{ColumnId, Source};
use crate::shape::Shape;
use crate::table::TAG_LIMBS;

/// What is proved, of which registered document.
#[derive(Clone, Copy, Debug)]
pub enum TableSubject<'a> {
    /// That no two data rows of a table version bear one tag.
    Unique(&'a DatasetManifest),
    /// That every flag of a consent epoch is 0 or 1 on data rows. The epoch's manifest stands beside it.
    Flags(&'a DatasetManifest, &'a ConsentEpoch),
}

impl<'a> TableSubject<'a> {
    /// An epoch's flags; refused unless the epoch is the manifest's.
    pub fn flags(manifest: &'a DatasetManifest, epoch: &'a ConsentEpoch) -> Result<Self, RegistryError> {
        epoch.check_manifest(manifest)?;
        Ok(Self::Flags(manifest, epoch))
    }

    /// Which of the two.
    pub fn kind(&self) -> TableKind {
        match self {
            Self::Unique(_) => TableKind::Unique,
            Self::Flags(..) => TableKind::Flags,
        }
    }

    /// The table version.
    pub fn manifest(&self) -> &'a DatasetManifest {
        match self {
            Self::Unique(manifest) | Self::Flags(manifest, _) => manifest,
        }
    }

    /// The epoch, where its flags are proved.
    pub fn epoch(&self) -> Option<&'a ConsentEpoch> {
        match self {
            Self::Unique(_) => None,
            Self::Flags(_, epoch) => Some(epoch),
        }
    }

    /// How the columns lie in their commitments.
    pub fn layout(&self) -> &'a Layout {
        match self {
            Self::Unique(manifest) => manifest.layout(),
            Self::Flags(_, epoch) => epoch.layout(),
        }
    }

    /// The columns that are opened, in their order: tag limbs and steps, or all the epoch's flags.
    pub fn columns(&self) -> Vec<ColumnId> {
        match self {
            Self::Unique(_) => (0..TAG_LIMBS).map(ColumnId::tag).chain(self.steps()).collect(),
            Self::Flags(_, epoch) => epoch.columns().iter().map(|column| ColumnId::epoch(&column.name)).collect(),
        }
    }

    /// The columns that are committed for the proof alone, in their order.
    pub fn steps(&self) -> Vec<ColumnId> {
        match self {
            Self::Unique(_) => (0..TAG_LIMBS).map(ColumnId::step).collect(),
            Self::Flags(..) => Vec::new(),
        }
    }

    /// What a proof costs of the opening budget: a point of every registered column.
    pub fn charges(&self) -> Result<Vec<Charge>, RegistryError> {
        let columns = self.columns().into_iter();
        let charge = |column: ColumnId| match (self, column.source) {
            (Self::Flags(_, epoch), _) => epoch.charge(&column.name, 1),
            (Self::Unique(manifest), _) => manifest.charge(&column.name, 1),
        };
        columns.filter(|column| column.source != Source::Query).map(charge).collect()
    }

    /// Checks that a registered column's points are the registered ones.
    pub fn check_points(&self, name: &str, points: &ColumnCommitment) -> Result<(), RegistryError> {
        let given = CommittedColumn { name: name.to_owned(), points: points.clone() };
        match self {
            Self::Unique(manifest) => manifest.check_points(&given),
            Self::Flags(_, epoch) => epoch.check_points(&given),
        }
    }
}

/// All that a proof about a table is bound to before any of its messages.
#[derive(Clone, Copy, Debug)]
pub struct TableContext<'a> {
    /// What is proved, of what.
    pub subject: TableSubject<'a>,
    /// The ledger's id, or that of the exchange of files.
    pub ledger: &'a str,
    /// The shape of the proof.
    pub shape: &'a Shape,
    /// The verifying key's id.
    pub verifying_key: Digest,
}

impl TableContext<'_> {
    /// The digest that the transcript starts from.
    pub fn digest(&self) -> Digest {
        let (subject, manifest) = (&self.subject, self.subject.manifest());
        let mut hasher = Hasher::new(domain::TABLE_CONTEXT);
        hasher.u64(PROTOCOL_VERSION).str(self.ledger).digest(&self.verifying_key);
        hasher.str(subject.kind().name()).str(manifest.site()).str(manifest.table()).digest(&manifest.digest());
        if let Some(epoch) = subject.epoch() {
            hasher.digest(&epoch.digest());
        }
        hasher.digest(&self.shape.id()).u64(manifest.declared_rows() as u64).finish()
    }
}
