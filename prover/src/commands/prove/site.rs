//! The table version and the epoch that a request pins, if they are the active ones.

use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::documents::{Approval, Request, RequestError, SitePin};
use cohortium_protocol::policy::Policy;
use cohortium_protocol::query::{ColumnId, Source, compile};
use cohortium_protocol::table::{Table, Tagger};

use crate::cli::Failure;
use crate::pipeline::{Documents, PipelineError, RegisteredSecret, Site};
use crate::store::{Committed, CommittedEpoch, Home, StoreError, TableFolder, Version};

/// What the site answers from, without data: documents that are public, or will be.
pub(crate) struct SiteDocuments {
    version: Version,
    committed: Committed,
    epoch_number: u32,
    epoch: ConsentEpoch,
}

/// The same with the patients' data.
pub(crate) struct SiteData {
    documents: SiteDocuments,
    epoch: CommittedEpoch,
    table: Table,
}

/// The columns that the plan uses, with what opens them.
pub(crate) struct Openable {
    manifest: Vec<RegisteredSecret>,
    epoch: Vec<RegisteredSecret>,
}

/// Which version and epoch a request may have pinned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    /// The active ones.
    Active,
    /// Any that the site holds: they were active when the query was posted.
    Pinned,
}

impl SiteDocuments {
    /// The version and epoch that a request pins, of the table it asks about.
    pub(super) fn find(home: &Home, request: &Request, which: Which) -> Result<Self, Failure> {
        let pin = request.site(home.site()).map_err(PipelineError::from)?;
        let tables = TableFolder::find(home, Some(&request.query.table)).map_err(|error| match error {
            StoreError::UnknownTable { .. } => Failure::refused(error),
            error => error.into(),
        })?;
        match which {
            Which::Active => Self::active(&tables, pin),
            Which::Pinned => Self::pinned(&tables, pin),
        }
    }

    /// The active version and epoch of a table.
    pub(crate) fn latest(home: &Home, table: &str) -> Result<Self, Failure> {
        let tables = TableFolder::find(home, Some(table)).map_err(|error| match error {
            StoreError::UnknownTable { .. } => Failure::refused(error),
            error => error.into(),
        })?;
        let (version, committed, newest) = tables.active()?;
        let epoch = version.epoch_document(newest, &committed.manifest)?;
        Ok(Self { version, committed, epoch_number: newest, epoch })
    }

    /// The active version and epoch; refused unless they are the pinned ones.
    fn active(tables: &TableFolder, pin: &SitePin) -> Result<Self, Failure> {
        let (version, committed, newest) = tables.active()?;
        let manifest = &committed.manifest;
        if pin.manifest != manifest.digest() {
            let what = format!("version {} of table {}", manifest.version(), manifest.table());
            return Err(not_active("manifest", pin.manifest, manifest.digest(), &what, manifest.created()));
        }
        let epoch = version.epoch_document(newest, manifest)?;
        if pin.epoch != epoch.digest() {
            let what = format!("consent epoch {newest} of table {}", manifest.table());
            return Err(not_active("consent epoch", pin.epoch, epoch.digest(), &what, epoch.created()));
        }
        Ok(Self { version, committed, epoch_number: newest, epoch })
    }

    /// Whichever version and epoch are pinned.
    fn pinned(tables: &TableFolder, pin: &SitePin) -> Result<Self, Failure> {
        for number in tables.versions()?.into_iter().rev() {
            let version = tables.version(Some(number))?;
            let Some(committed) = version.committed()?.filter(|one| one.manifest.digest() == pin.manifest) else {
                continue;
            };
            for number in version.epochs()?.into_iter().rev() {
                let epoch = version.epoch_document(number, &committed.manifest)?;
                if epoch.digest() == pin.epoch {
                    return Ok(Self { version, committed, epoch_number: number, epoch });
                }
            }
            let table = tables.name().to_owned();
            return Err(StoreError::NotHeld { what: "consent epoch", digest: pin.epoch, table }.into());
        }
        let table = tables.name().to_owned();
        Err(StoreError::NotHeld { what: "manifest", digest: pin.manifest, table }.into())
    }

    pub(crate) fn manifest(&self) -> &DatasetManifest {
        &self.committed.manifest
    }

    pub(crate) fn epoch(&self) -> &ConsentEpoch {
        &self.epoch
    }

    pub(crate) fn table_name(&self) -> &str {
        self.manifest().table()
    }

    /// The secrets and tags of the version's patients.
    pub(crate) fn tagger(&self, home: &Home) -> Result<Tagger, Failure> {
        Ok(self.version.tagger(home)?)
    }

    /// As the pipeline takes them.
    pub(crate) fn documents<'a>(&'a self, floor: &'a Policy) -> Documents<'a> {
        Documents { schema: self.version.schema(), manifest: self.manifest(), epoch: &self.epoch, floor }
    }

    /// Reads the data.
    pub(crate) fn load(self) -> Result<SiteData, Failure> {
        let epoch = self.version.epoch(self.epoch_number, self.manifest())?;
        let table = self.version.table()?;
        Ok(SiteData { documents: self, epoch, table })
    }
}

impl SiteData {
    pub(crate) fn documents(&self) -> &SiteDocuments {
        &self.documents
    }

    /// The plan's registered columns with what opens them; no others are derived.
    pub(super) fn openable(&self, home: &Home, request: &Request, approval: &Approval) -> Result<Openable, Failure> {
        let SiteDocuments { version, committed, .. } = &self.documents;
        let plan = compile(&request.query, version.schema(), &approval.consent, committed.manifest.shape())?;
        self.openable_columns(home, &plan.columns())
    }

    /// These registered columns with what opens them.
    pub(crate) fn openable_columns(&self, home: &Home, used: &[ColumnId]) -> Result<Openable, Failure> {
        let SiteDocuments { version, committed, .. } = &self.documents;
        let wanted =
            |source: Source| move |name: &str| used.iter().any(|column| column.source == source && column.name == name);
        let manifest = committed.openable(home, version, &self.table, &wanted(Source::Manifest))?;
        let epoch = self.epoch.openable(home, &wanted(Source::Epoch))?;
        Ok(Openable { manifest, epoch })
    }

    /// As the pipeline takes it.
    pub(crate) fn site<'a>(&'a self, columns: &'a Openable, floor: &'a Policy) -> Site<'a> {
        Site {
            schema: self.documents.version.schema(),
            table: &self.table,
            consents: &self.epoch.consents,
            manifest: self.documents.manifest(),
            epoch: self.documents.epoch(),
            manifest_columns: &columns.manifest,
            epoch_columns: &columns.epoch,
            floor,
        }
    }
}

/// A request for what is not active: older data, or consents that were withdrawn since.
fn not_active(
    what: &'static str,
    pinned: cohortium_protocol::hash::Digest,
    found: cohortium_protocol::hash::Digest,
    active: &str,
    since: &str,
) -> Failure {
    let pin = RequestError::Pin { what, pinned, found };
    Failure::refused(format!("{pin}: active is {active}, since {since}. The sponsor should ask for that one."))
}
