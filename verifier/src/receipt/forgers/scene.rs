//! A hospital with a few dozen patients, what it committed and posted, and the receipts that it gives.

use cohortium_protocol::bundle::{Bundle, ColumnAtPoint};
use cohortium_protocol::commit::{
    BlindingSource, ColumnCommitment, ConsentEpoch, DatasetManifest, EpochDocument, EventRecord, FoldedColumns, Layout,
    ManifestDocument, MasterSecret, ObjectKind, OpeningProof, RegisteredColumn, Salt as CommitmentSalt, SecretColumn,
    ShapeRef,
};
use cohortium_protocol::consent::{Acknowledgement, Counted, Event, Posted, PostedEvent, RECEIPT_FORMAT, Receipt};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Batch, CHARTER_FORMAT, Charter, Checkpoint, ConsentRules, Inclusion, MemberKey, MerkleTree, RegistrationEvidence,
    StatementContent, batch_tree, events_root, leaf_bytes, leaf_hash, transaction_id,
};
use cohortium_protocol::query::ColumnId;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::TAG_LIMBS;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::json;

use super::said::{ROW, SITE, card, day, story, tag};
use crate::anchors::{Anchors, AnchorsDocument, FORMAT, SiteAnchor};

/// Its data rows.
pub(super) const ROWS: usize = 24;
/// The epoch's columns, and the flags that are right for the patient: yes to research, and not by companies.
pub(super) const COLUMNS: [&str; 2] = ["DUO:0000042/academic", "DUO:0000042/commercial"];
pub(super) const RIGHT: [u16; 2] = [1, 0];
/// When the epoch was made, and its last day.
pub(super) const CREATED: &str = "2026-03-01";
pub(super) const UNTIL: &str = "2026-04-01";

/// A member's key; for tests, it follows from a byte.
pub(super) fn member(byte: u8) -> MemberKey {
    MemberKey::from_bytes(&[byte; 32])
}

/// The hospital's key as a member.
pub(super) fn site_key() -> MemberKey {
    member(2)
}

pub(super) fn charter() -> Charter {
    let charter = json!({
        "format": CHARTER_FORMAT, "name": "coast", "founded": "2026-01-15", "members": [
            { "name": "Operator", "role": "operator", "key": member(1).public() },
            { "name": SITE, "role": "hospital", "key": site_key().public() },
        ],
        "verifying_keys": [], "acceptance_seconds": 86_400, "answer_seconds": 86_400, "opening_share": 9,
    });
    Charter::parse(&charter.to_string()).unwrap()
}

/// The anchors of whoever trusts a charter, or knows a site's documents.
pub(super) fn anchors(charter: Option<Charter>, sites: Vec<SiteAnchor>) -> Anchors {
    Anchors::check(AnchorsDocument {
        format: FORMAT.to_owned(),
        ledger: charter.as_ref().map_or_else(|| "file-exchange".to_owned(), Charter::ledger),
        accept_development_keys: false,
        verifying_keys: Vec::new(),
        sites,
        approvals: Vec::new(),
        charter,
    })
    .unwrap()
}

/// What the hospital makes of it; what is not said is as it should be.
pub(super) struct Plan {
    /// What is posted, each event in its batch.
    pub(super) posted: Vec<(Event, u32)>,
    /// The patient's flags.
    pub(super) flags: [u16; 2],
    /// The patient's tag stands in the first blinding row, and in no other.
    pub(super) behind: bool,
    /// The epoch is over another table version.
    pub(super) foreign: bool,
    /// The epoch's date and last day; no last day: it has no record of events.
    pub(super) created: &'static str,
    pub(super) until: Option<&'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        let (created, until) = (CREATED, Some(UNTIL));
        Self { posted: story(), flags: RIGHT, behind: false, foreign: false, created, until }
    }
}

/// A column that can be opened.
pub(super) struct Held {
    pub(super) column: ColumnId,
    pub(super) secret: SecretColumn,
    pub(super) commitment: ColumnCommitment,
}

impl Held {
    fn new(column: ColumnId, secret: SecretColumn) -> Self {
        Self { commitment: secret.commit(), column, secret }
    }

    fn registered(&self) -> RegisteredColumn {
        RegisteredColumn { name: self.column.name.clone(), commitment: self.commitment.digest() }
    }
}

/// What the hospital has and has posted.
pub(super) struct Scene {
    pub(super) charter: Charter,
    pub(super) manifest: DatasetManifest,
    pub(super) epoch: ConsentEpoch,
    /// Tags, then flags.
    pub(super) columns: Vec<Held>,
    pub(super) batches: Vec<Batch>,
    trees: Vec<MerkleTree>,
    posted: Vec<(Event, u32)>,
    pub(super) registered: RegistrationEvidence,
}

fn layout() -> Layout {
    Layout::column(&Shape::QUERY_12, ROWS).unwrap()
}

/// A column whose blinding rows are chosen: the first is `first`. Its data rows are 0.
fn behind(first: u16) -> SecretColumn {
    let layout = layout();
    let mut bytes = (layout.data_rows() as u64).to_be_bytes().to_vec();
    bytes.resize(8 + layout.data_rows().div_ceil(8), 0);
    for place in 0..layout.blinding_rows() + layout.grid().matrix_rows() {
        let chosen = if place == 0 { F::from(first) } else { F::from(place as u64 + 1) };
        bytes.extend(cohortium_protocol::field::to_bytes(&chosen));
    }
    SecretColumn::flags_from_bytes(layout, &bytes).unwrap()
}

/// An event's place among a batch's leaves.
fn leaf_of(event: &Event) -> u64 {
    5 + 7 * u64::from(event.number())
}

fn batch(number: u32, posted: &[(Event, u32)]) -> (Batch, MerkleTree) {
    let leaves = ConsentRules::USUAL.batch_leaves;
    let mut all: Vec<Digest> = (0..leaves).map(|i| Digest::of_bytes(format!("{number} {i}").as_bytes())).collect();
    for (event, _) in posted.iter().filter(|(_, batch)| *batch == number) {
        all[leaf_of(event) as usize] = event.leaf();
    }
    let tree = batch_tree(all);
    (Batch { number, leaves, root: tree.root() }, tree)
}

impl Scene {
    /// As it should be.
    pub(super) fn honest() -> Self {
        Self::of(Plan::default())
    }

    pub(super) fn of(plan: Plan) -> Self {
        let master = MasterSecret::from_bytes([9; 32]);
        let salt = CommitmentSalt::draw(&mut StdRng::seed_from_u64(8));
        let source = |kind| BlindingSource::new(&master, kind, SITE, "synthetic", 1, &salt);
        let (for_manifest, for_epoch) = (source(ObjectKind::Manifest), source(ObjectKind::Epoch));
        let registered = |column: ColumnId, data: Vec<u16>, source: &BlindingSource| {
            let secret = SecretColumn::registered(layout(), &column.name, data, source).unwrap();
            Held::new(column, secret)
        };
        let age = registered(ColumnId::manifest("age"), (0..ROWS as u16).collect(), &for_manifest);
        let tags: Vec<Held> = (0..TAG_LIMBS)
            .map(|limb| match plan.behind {
                true => Held::new(ColumnId::tag(limb), behind(tag(ROW).limbs()[limb])),
                false => {
                    let limbs = (0..ROWS as u64).map(|row| tag(row).limbs()[limb]).collect();
                    registered(ColumnId::tag(limb), limbs, &for_manifest)
                }
            })
            .collect();
        let columns = [&age].into_iter().chain(&tags).map(Held::registered).collect();
        let manifest = ManifestDocument {
            format: "cohortium-manifest/1".to_owned(),
            site: SITE.to_owned(),
            table: "synthetic".to_owned(),
            version: 1,
            schema: Digest::of_bytes(b"schema"),
            shape: ShapeRef::to(&Shape::QUERY_12),
            declared_rows: ROWS as u64,
            created: "2026-01-31".to_owned(),
            vintage: "2026-01-15".to_owned(),
            columns,
        }
        .check(&Shape::STANDARD)
        .unwrap();
        let (batches, trees): (Vec<Batch>, Vec<MerkleTree>) = (1..=3).map(|number| batch(number, &plan.posted)).unzip();
        let flags: Vec<Held> = COLUMNS
            .iter()
            .zip(plan.flags)
            .map(|(name, flag)| match plan.behind {
                true => Held::new(ColumnId::epoch(*name), behind(flag)),
                false => {
                    let row_flag = |row| if row == ROW { flag } else { u16::from(row % 2 == 0) };
                    let all = (0..ROWS as u64).map(row_flag).collect();
                    registered(ColumnId::epoch(*name), all, &for_epoch)
                }
            })
            .collect();
        let record =
            plan.until.map(|until| EventRecord { cutoff: 3, events: events_root(&batches), until: day(until) });
        let other = Digest::of_bytes(b"another table version");
        let epoch = EpochDocument {
            format: "cohortium-epoch/1".to_owned(),
            site: SITE.to_owned(),
            table: "synthetic".to_owned(),
            number: 1,
            manifest: if plan.foreign { other } else { manifest.digest() },
            shape: ShapeRef::to(&Shape::QUERY_12),
            declared_rows: ROWS as u64,
            created: plan.created.to_owned(),
            record,
            columns: flags.iter().map(Held::registered).collect(),
        }
        .check(&Shape::STANDARD)
        .unwrap();
        let charter = charter();
        let registered =
            registered_on(&charter, &[manifest_content(&manifest), StatementContent::Epoch(epoch.digest())]);
        let columns = tags.into_iter().chain(flags).collect();
        Self { charter, manifest, epoch, columns, batches, trees, posted: plan.posted, registered }
    }

    /// Where an event stands.
    pub(super) fn place(&self, event: &Event, batch: u32) -> Posted {
        let tree = &self.trees[batch as usize - 1];
        let leaf = leaf_of(event);
        Posted { batch, leaf: leaf as u32, path: tree.inclusion(leaf, tree.len()).unwrap() }
    }

    /// The receipt of the patient at a row, about all columns.
    pub(super) fn receipt_at(&self, row: u64) -> Receipt {
        let columns: Vec<&Held> = self.columns.iter().collect();
        self.receipt_of(row, &columns)
    }

    /// The patient's receipt.
    pub(super) fn receipt(&self) -> Receipt {
        self.receipt_at(ROW)
    }

    /// A receipt that opens these columns.
    pub(super) fn receipt_of(&self, row: u64, held: &[&Held]) -> Receipt {
        let (values, opening) = self.open(row, held, &Receipt::context(&self.manifest, &self.epoch, row));
        let columns = held.iter().zip(values);
        let opened = columns.map(|(Held { column, commitment, .. }, value)| {
            let (column, commitment) = (column.clone(), commitment.clone());
            ColumnAtPoint { column, commitment, value }
        });
        let events = self.posted.iter().filter(|(event, _)| *event.tag() == tag(row));
        let events =
            events.map(|(event, batch)| PostedEvent { event: event.clone(), posted: self.place(event, *batch) });
        let has_record = self.epoch.record().is_some();
        let receipt = Receipt {
            format: RECEIPT_FORMAT.to_owned(),
            manifest: self.manifest.clone(),
            epoch: self.epoch.clone(),
            row,
            columns: opened.collect(),
            opening,
            card: Some(card(row).signing_key(SITE).public()),
            batches: if has_record { self.batches.clone() } else { Vec::new() },
            events: if has_record { events.collect() } else { Vec::new() },
            registered: Some(self.registered.clone()),
            counted: None,
            signed: None,
        };
        self.signed(receipt)
    }

    /// A receipt with the hospital's signature under it as it is now.
    pub(super) fn signed(&self, receipt: Receipt) -> Receipt {
        receipt.sign(&self.charter.ledger(), day("2026-03-05"), &site_key())
    }

    pub(super) fn open(&self, row: u64, held: &[&Held], context: &Digest) -> (Vec<F>, OpeningProof) {
        let point = Receipt::point(row, layout().grid().variables());
        let secrets: Vec<&SecretColumn> = held.iter().map(|held| &held.secret).collect();
        let commitments: Vec<&ColumnCommitment> = held.iter().map(|held| &held.commitment).collect();
        let folded = FoldedColumns::new(&secrets, &point).unwrap();
        let proof = folded.prove(context, &commitments, &mut StdRng::seed_from_u64(row)).unwrap();
        (folded.values().to_vec(), proof)
    }

    /// What the hospital signed of an event when it took it in, and where it was posted, if it was.
    pub(super) fn acknowledge(&self, event: &Event, taken: &str, batch: Option<u32>) -> Acknowledgement {
        let posted = batch.map(|batch| self.place(event, batch));
        Acknowledgement::sign(&self.charter.ledger(), event.clone(), day(taken), posted, &site_key())
    }

    pub(super) fn anchors(&self) -> Anchors {
        anchors(Some(self.charter.clone()), Vec::new())
    }

    /// An answer over this table version and epoch with this selection, `selected` at the patient's row, and what opens it. Of
    /// a bundle the check of a receipt looks at nothing else: that it passes the audit is for the audit.
    pub(super) fn answer(&self, selected: u16) -> (Bundle, Held) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/good-query-12.json");
        let mut bundle = Bundle::parse(&std::fs::read(path).unwrap()).unwrap();
        let data: Vec<u16> = (0..ROWS as u64).map(|row| if row == ROW { selected } else { 0 }).collect();
        let secret = SecretColumn::query_time(layout(), data, &mut StdRng::seed_from_u64(50)).unwrap();
        let held = Held::new(ColumnId::selection(), secret);
        bundle.manifest = self.manifest.clone();
        bundle.epoch = self.epoch.clone();
        let columns = &mut bundle.proof.columns;
        let selection = columns.iter_mut().find(|column| column.column == held.column).unwrap();
        selection.commitment = held.commitment.clone();
        (bundle, held)
    }

    /// The selection opened at a row, as being about a request and a proof.
    pub(super) fn counted(&self, row: u64, held: &Held, (request, proof): (Digest, Digest)) -> Counted {
        let documents = (&self.manifest.digest(), &self.epoch.digest());
        let context = Receipt::counted_context(documents, row, &request, &proof);
        let (values, opening) = self.open(row, &[held], &context);
        Counted { request, proof, value: values[0], opening }
    }
}

pub(super) fn manifest_content(manifest: &DatasetManifest) -> StatementContent<'static> {
    StatementContent::Manifest { manifest: manifest.digest(), schema: manifest.schema() }
}

/// A ledger with the site's two statements on it, in this order.
pub(super) fn registered_on(charter: &Charter, statements: &[StatementContent<'_>; 2]) -> RegistrationEvidence {
    let (ledger, mut tree) = (charter.ledger(), MerkleTree::new());
    let filler = |i: u8| leaf_hash(&[i; 32]);
    tree.push(filler(0));
    let mut signatures = Vec::new();
    for content in statements {
        let id = transaction_id(&ledger, SITE, &content.digest());
        let signature = site_key().sign(id.as_bytes());
        let index = tree.push(leaf_hash(leaf_bytes(&id, &signature, None).as_bytes()));
        signatures.push((signature, index));
        tree.push(filler(1));
    }
    let checkpoint = Checkpoint {
        origin: ledger,
        size: tree.len(),
        root: tree.root(),
        height: 3,
        block: Digest::of_bytes(b"block"),
        time: "2026-03-01T12:00:00Z".parse().unwrap(),
    };
    let shown = |which: usize| {
        let (signature, index) = signatures[which];
        let path = tree.inclusion(index, tree.len()).unwrap();
        Inclusion { member: SITE.to_owned(), signature, index, path }
    };
    let is_manifest = |content: &StatementContent<'_>| matches!(content, StatementContent::Manifest { .. });
    let (manifest, epoch) = if is_manifest(&statements[0]) { (shown(0), shown(1)) } else { (shown(1), shown(0)) };
    RegistrationEvidence { checkpoint: checkpoint.sign(&member(1)).unwrap(), manifest, epoch }
}
