//! What the tests and the benchmark share: a site in memory, made in the same way as a hospital makes its own.

#![allow(clippy::unwrap_used)] // for tests and benchmarks only; a failure should stop them where it happens

pub mod exchange;
pub mod measure;
pub mod noised;

use std::path::PathBuf;

use cohortium_keys::{KeyCache, KeyProgress, ProvingKey};
use cohortium_protocol::commit::{
    BlindingSource, ConsentEpoch, DatasetManifest, EpochDocument, EventRecord, Layout, ManifestDocument, MasterSecret,
    ObjectKind, RegisteredColumn, Salt, SecretColumn, ShapeRef,
};
use cohortium_protocol::documents::{Approval, FILE_EXCHANGE, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, ConsentRules, batch_tree, events_root};
use cohortium_protocol::policy::{Policy, Sums};
use cohortium_protocol::query::{Plan, Query, compile};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::synthetic::{synthetic_consents, synthetic_table};
use cohortium_protocol::table::{ConsentColumn, ConsentTable, Day, Schema, SponsorClass, TAG_LIMBS, Table};
use cohortium_prover::pipeline::{RegisteredSecret, Site};
use cohortium_verifier::{ANCHORS_FORMAT, Anchors, AnchorsDocument, SiteAnchor};
use rand::SeedableRng;
use rand::rngs::StdRng;

/// The purpose and class of every query here.
pub fn consent_column() -> ConsentColumn {
    ConsentColumn::new("DUO:0000042", SponsorClass::Academic).unwrap()
}

/// A site with a committed table and epoch.
pub struct Hospital {
    /// The schema.
    pub schema: Schema,
    /// The table.
    pub table: Table,
    /// Its consent flags.
    pub consents: ConsentTable,
    /// The registered table version.
    pub manifest: DatasetManifest,
    /// The registered epoch.
    pub epoch: ConsentEpoch,
    /// The manifest's columns.
    pub manifest_columns: Vec<RegisteredSecret>,
    /// The epoch's columns.
    pub epoch_columns: Vec<RegisteredSecret>,
    /// The policy floor.
    pub floor: Policy,
}

/// A generator for what need not be secret in a test.
pub fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn register(layout: Layout, name: &str, data: &[u16], source: &BlindingSource) -> (RegisteredColumn, RegisteredSecret) {
    let secret = SecretColumn::registered(layout, name, data.to_vec(), source).unwrap();
    let commitment = secret.commit();
    let column = RegisteredColumn { name: name.to_owned(), commitment: commitment.digest() };
    (column, RegisteredSecret { name: name.to_owned(), secret, commitment })
}

/// A site's first batch of consent events: dummies.
pub fn first_batch(site: &str) -> Batch {
    let leaves = ConsentRules::USUAL.batch_leaves;
    let dummies = (0..leaves).map(|i| Digest::of_bytes(format!("dummy {i} of {site}").as_bytes()));
    Batch { number: 1, leaves, root: batch_tree(dummies).root() }
}

impl Hospital {
    /// Commits a table and its consent flags under the smallest shape that holds them.
    pub fn new(site: &str, schema: Schema, table: Table, consents: ConsentTable, floor: Policy) -> Self {
        let shape = Shape::smallest_for(table.rows()).unwrap();
        let layout = Layout::column(&shape, table.rows()).unwrap();
        let rng = &mut seeded(table.rows() as u64 + site.len() as u64);
        let master = MasterSecret::draw(rng);
        let source = |kind| BlindingSource::new(&master, kind, site, schema.table(), 1, &Salt::draw(&mut seeded(77)));
        let for_manifest = source(ObjectKind::Manifest);
        let named = schema.columns().iter().map(|column| column.name().to_owned()).zip(table.columns());
        let tags = (0..TAG_LIMBS).map(|limb| format!("tag.{limb}")).zip(table.tags());
        let (columns, manifest_columns): (Vec<_>, Vec<_>) =
            named.chain(tags).map(|(name, data)| register(layout, &name, data, &for_manifest)).unzip();
        let manifest = ManifestDocument {
            format: "cohortium-manifest/1".to_owned(),
            site: site.to_owned(),
            table: schema.table().to_owned(),
            version: 1,
            schema: schema.digest(),
            shape: ShapeRef::to(&shape),
            declared_rows: table.rows() as u64,
            created: "2026-01-31".to_owned(),
            vintage: "2026-01-15".to_owned(),
            columns,
        }
        .check(&Shape::STANDARD)
        .unwrap();
        let for_epoch = source(ObjectKind::Epoch);
        let (columns, epoch_columns): (Vec<_>, Vec<_>) = consents
            .columns()
            .iter()
            .map(|(column, flags)| register(layout, &column.to_string(), flags, &for_epoch))
            .unzip();
        let epoch = EpochDocument {
            format: "cohortium-epoch/1".to_owned(),
            site: site.to_owned(),
            table: schema.table().to_owned(),
            number: 1,
            manifest: manifest.digest(),
            shape: ShapeRef::to(&shape),
            declared_rows: table.rows() as u64,
            created: "2026-01-31".to_owned(),
            record: Some(EventRecord {
                cutoff: 1,
                events: events_root([&first_batch(site)]),
                until: "2026-03-04".parse().unwrap(),
            }),
            columns,
        }
        .check(&Shape::STANDARD)
        .unwrap();
        Self { schema, table, consents, manifest, epoch, manifest_columns, epoch_columns, floor }
    }

    /// The same with an epoch that may be queried until another day.
    #[must_use]
    pub fn until(self, until: Day) -> Self {
        let mut document = EpochDocument::from(self.epoch.clone());
        document.record = document.record.map(|record| EventRecord { until, ..record });
        Self { epoch: document.try_into().unwrap(), ..self }
    }

    /// A hospital of made-up patients, one in six of whom refuses.
    pub fn synthetic(site: &str, rows: usize, seed: u64, floor: Policy) -> Self {
        let (schema, table) = synthetic_table(rows, seed).unwrap();
        let consents = synthetic_consents(&table, seed, &[consent_column()]).unwrap();
        Self::new(site, schema, table, consents, floor)
    }

    /// As the pipeline takes it.
    pub fn site(&self) -> Site<'_> {
        Site {
            schema: &self.schema,
            table: &self.table,
            consents: &self.consents,
            manifest: &self.manifest,
            epoch: &self.epoch,
            manifest_columns: &self.manifest_columns,
            epoch_columns: &self.epoch_columns,
            floor: &self.floor,
        }
    }

    /// The site's name.
    pub fn name(&self) -> &str {
        self.manifest.site()
    }

    /// The plan of a query over this site's schema.
    pub fn plan(&self, query: &Query) -> Plan {
        compile(query, &self.schema, &consent_column(), self.manifest.shape()).unwrap()
    }

    /// What a request pins for this site.
    pub fn pin(&self, key: &ProvingKey) -> SitePin {
        SitePin {
            site: self.name().to_owned(),
            manifest: self.manifest.digest(),
            epoch: self.epoch.digest(),
            policy_floor: self.floor.digest(),
            shape: ShapeRef::to(self.manifest.shape()),
            verifying_key: key.verifying().id(),
            seeds: None,
            seed_leaf: None,
        }
    }

    /// What a board knows of this site.
    pub fn anchor(&self) -> SiteAnchor {
        SiteAnchor {
            site: self.name().to_owned(),
            manifest: self.manifest.digest(),
            epoch: self.epoch.digest(),
            policy_floor: self.floor.digest(),
        }
    }
}

/// The policy of most tests: groups from 8 on, counts rounded to 5, zeros shown, sums exact where named.
pub fn usual_policy() -> Policy {
    Policy::new(8, 5, true, Sums::ExactForNamedPlans).unwrap()
}

/// An approval of everything about a table, with this policy; names these plans.
pub fn approval(study: &str, table: &str, policy: Policy, exact_plans: &[&Plan]) -> Approval {
    Approval {
        study: study.to_owned(),
        ethics_reference: "EC 2026/117".to_owned(),
        sponsor: "University of the Coast".to_owned(),
        consent: consent_column(),
        tables: vec![table.to_owned()],
        columns: None,
        sites: None,
        aggregates: None,
        policy,
        exact_plans: exact_plans.iter().map(|plan| plan.digest()).collect(),
        near_plans: Vec::new(),
        expires: "2030-12-31".parse().unwrap(),
        nonces: None,
    }
}

/// A request of one query to one site.
pub fn request(query: &Query, approval: &Approval, hospital: &Hospital, key: &ProvingKey) -> Request {
    Request {
        ledger: FILE_EXCHANGE.to_owned(),
        sequence: 1,
        query: query.clone(),
        approval: approval.digest(),
        schema: hospital.schema.digest(),
        plan: hospital.plan(query).digest(),
        sites: vec![hospital.pin(key)],
        sponsor_nonce: Nonce::from_bytes([9; 32]),
        noise: Noise::None,
    }
}

/// A board's anchors for these sites, keys and approvals.
pub fn anchors(hospitals: &[&Hospital], keys: &[&ProvingKey], approvals: &[&Approval]) -> Anchors {
    Anchors::check(anchors_document(hospitals, keys, approvals)).unwrap()
}

/// The same as a document.
pub fn anchors_document(hospitals: &[&Hospital], keys: &[&ProvingKey], approvals: &[&Approval]) -> AnchorsDocument {
    AnchorsDocument {
        format: ANCHORS_FORMAT.to_owned(),
        ledger: FILE_EXCHANGE.to_owned(),
        accept_development_keys: true,
        verifying_keys: keys.iter().map(|key| key.verifying().to_document()).collect(),
        sites: hospitals.iter().map(|hospital| hospital.anchor()).collect(),
        approvals: approvals.iter().map(|approval| approval.digest()).collect(),
        charter: None,
    }
}

/// The folder of development keys that all tests of a build share: `COHORTIUM_KEYS`, or in the target folder.
pub fn keys_folder() -> PathBuf {
    std::env::var_os("COHORTIUM_KEYS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/cohortium-keys"), PathBuf::from)
}

/// The development key of a shape, made on first use.
pub fn key(shape: Shape) -> ProvingKey {
    let mut say = |what: KeyProgress| {
        if what == KeyProgress::Making {
            eprintln!("making the development key of shape {shape}, about 10 CPU-seconds; it is kept");
        }
    };
    KeyCache::new(keys_folder()).get_or_make(shape, &mut rand::rngs::OsRng, &mut say).unwrap()
}
