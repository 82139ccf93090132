//! `ledger register`: whatever of the site's documents is not active on the ledger yet.

use cohortium_client::{DatasetDetail, FloorInfo};
use cohortium_protocol::commit::ConsentEpoch;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Statement, StatementContent};
use cohortium_protocol::policy::{Policy, PolicyError};
use cohortium_protocol::table::ConsentTable;
use cohortium_protocol::table_proof::TableProof;
use rand::rngs::OsRng;
use serde_json::{Value, json};

use super::consents::Consents;
use super::intake::{CONSENT_FILE, events_of};
use super::link::{About, Link, is_not_found};
use crate::cli::{Failure, Outcome, RegisterArgs, Report, Setting};
use crate::faults::Stage;
use crate::store::{About as Proved, Home, OutgoingFile, Seeds, Standing, TableFolder, Version};

/// Numbers under which the last seed tree is looked for: the service does not tell it.
const SEED_NUMBERS: u32 = 16;

/// What is being registered, and what was.
struct Registration<'a> {
    setting: &'a Setting,
    home: &'a Home,
    link: Link,
    outgoing: OutgoingFile,
    posted: Vec<Value>,
    text: String,
}

pub(super) fn register(setting: &Setting, args: &RegisterArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let mut link = Link::open(&home)?;
    link.refresh(&home)?;
    let tables = match &args.table {
        Some(name) => vec![TableFolder::find(&home, Some(name))?],
        None => TableFolder::all(&home)?,
    };
    if tables.is_empty() {
        return Err(crate::store::StoreError::NoTables.into());
    }
    let floor = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" })?;
    // An accepted query is answered under the floor that it pins, whatever the floor is then.
    home.set_floor(&floor)?;
    let seeds = home.make_seeds(&mut OsRng)?;
    let outgoing = OutgoingFile::open(&home)?;
    let mut job = Registration { setting, home: &home, link, outgoing, posted: Vec::new(), text: String::new() };
    for table in &tables {
        job.table(table, &floor, &seeds)?;
    }
    let Registration { posted, mut text, outgoing, .. } = job;
    if posted.is_empty() {
        text.push_str("Everything is active on the ledger already; nothing was posted.\n");
    }
    text.push_str(&format!("The record of what left ends with {}; note it elsewhere.\n", outgoing.head()));
    Ok(Report::new(text, json!({ "site": home.site(), "posted": posted, "outgoing_head": outgoing.head() })))
}

impl Registration<'_> {
    /// In this order: floor numbers are shown with a table only, and an epoch is of the active table version.
    fn table(&mut self, tables: &TableFolder, floor: &Policy, seeds: &Seeds) -> Result<(), Failure> {
        let (version, committed, number) = tables.active()?;
        let (manifest, schema) = (committed.manifest, Box::new(version.schema().clone()));
        let epoch = version.epoch_document(number, &manifest)?;
        let name = tables.name();

        let active = self.active(name)?;
        if active.as_ref().map(|active| active.summary.manifest) != Some(manifest.digest()) {
            let digest = manifest.digest();
            self.post("table version", digest, Statement::Manifest { manifest, schema })?;
        }
        let active = self.active(name)?;
        let last = active.as_ref().and_then(|active| active.summary.policy_floor.as_ref());
        if last.map(|last| last.digest) != Some(floor.digest()) {
            let number = self.after_floor(last)?;
            let statement = Statement::Floor { number, policy: floor.clone() };
            self.post("policy floor", floor.digest(), statement)?;
        }
        let last = active.as_ref().and_then(|active| active.summary.seeds);
        if last != Some(seeds.root) {
            let number = self.after_seeds(last, seeds.leaves)?;
            let statement = Statement::Seeds { number, leaves: seeds.leaves, root: seeds.root };
            self.post("seed tree", seeds.root, statement)?;
        }
        let last = active.as_ref().and_then(|active| active.summary.epoch.as_ref());
        if last.map(|last| last.digest) != Some(epoch.digest()) {
            self.epoch(tables, &version, epoch)?;
        }
        self.proofs(tables)
    }

    /// What `unique` has proved of the active version and epoch, for this ledger, and does not stand there yet.
    fn proofs(&mut self, tables: &TableFolder) -> Result<(), Failure> {
        let (version, _, number) = tables.active()?;
        let Some(active) = self.active(tables.name())? else { return Ok(()) };
        let ledger = self.link.trusted.ledger().to_owned();
        let kept = [(Proved::Version, active.summary.unique), (Proved::Epoch(number), active.summary.flags)];
        for (about, _) in kept.into_iter().filter(|(_, since)| since.is_none()) {
            let Some(bytes) = version.proof(about)? else { continue };
            let proof = TableProof::parse(&bytes).map_err(Failure::refused)?;
            if proof.ledger != ledger {
                let note = "a proof about the table is for another ledger than the joined one: prove again with unique";
                self.setting.console.note(note);
                continue;
            }
            let digest = proof.digest();
            self.post("proof about the table", digest, Statement::TableProof { proof: Box::new(proof) })?;
        }
        Ok(())
    }

    /// An epoch that says which consent events it includes is posted as it is, if it includes them all. One of a consent file
    /// is first made events of, which are posted, and then an epoch of these.
    fn epoch(&mut self, tables: &TableFolder, version: &Version, epoch: ConsentEpoch) -> Result<(), Failure> {
        let (setting, home) = (self.setting, self.home);
        let mut consents = Consents::open(setting, home, &mut self.link, &mut self.outgoing)?;
        let batches = consents.register.batches().len() as u32;
        let posted = match epoch.record() {
            Some(record) if record.cutoff == batches && record.until >= setting.today()? => {
                consents.post_epoch(epoch)?
            }
            Some(_) => consents.epoch(tables, &[], None)?,
            None => {
                let committed = version.require_committed()?;
                let flags = version.epoch(epoch.number(), &committed.manifest)?.consents;
                take_in(&mut consents, setting, version, &flags)?;
                if consents.register.waiting() > 0 || batches == 0 {
                    consents.post_intake(epoch.declared_rows())?;
                }
                consents.epoch(tables, &[], None)?
            }
        };
        self.text.push_str(&consents.text);
        self.posted.push(json!({ "what": "consent epoch", "digest": posted.digest() }));
        Ok(())
    }

    /// What is active of a table, as the service says. Should it say what is not so, something is posted in vain or
    /// missing, and the batch job finds other pins than its own.
    fn active(&self, table: &str) -> Result<Option<DatasetDetail>, Failure> {
        match self.link.client().dataset(self.home.site(), table) {
            Ok(active) => Ok(Some(active)),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The number after the last floor's. That floor has to be shown with this site's signature: a service that could choose
    /// the number could choose the highest, after which no floor follows.
    fn after_floor(&mut self, last: Option<&FloorInfo>) -> Result<u32, Failure> {
        let Some(FloorInfo { number, digest, .. }) = last else { return Ok(1) };
        let content = StatementContent::Floor { number: *number, policy: *digest };
        if self.link.standing(self.home, &content)?.is_none() {
            return Err(Failure::refused(format!(
                "the ledger says that the site's last policy floor is {digest} as number {number}, and does not show it; \
                 nothing is signed after it"
            )));
        }
        Ok(number.saturating_add(1))
    }

    /// The number after the last seed tree's. The service tells the tree's root only; its number is looked for among the
    /// site's own signed statements on the ledger.
    fn after_seeds(&mut self, last: Option<Digest>, leaves: u32) -> Result<u32, Failure> {
        let Some(root) = last else { return Ok(1) };
        for number in 1..=SEED_NUMBERS {
            if self.link.standing(self.home, &StatementContent::Seeds { number, leaves, root })?.is_some() {
                return Ok(number + 1);
            }
        }
        Err(Failure::refused(format!(
            "the ledger says that the site's seed tree is {root}, under some number from 1 to {SEED_NUMBERS}, and does not \
             show it; nothing is signed after it"
        )))
    }

    /// Posts a document and sees that it stands on the ledger.
    fn post(&mut self, what: &str, digest: Digest, statement: Statement) -> Result<(), Failure> {
        let about = About { request: None, cells: None, recorded: Stage::RegisterRecorded };
        let posted = self.link.post(self.setting, self.home, &mut self.outgoing, statement, about)??;
        Stage::RegisterPosted.pass();
        let Standing { index, time } = posted.standing;
        self.text.push_str(&format!("Registered the {what} {digest} as transaction {index}.\n"));
        self.posted.push(json!({
            "what": what, "digest": digest, "transaction": posted.id, "index": index, "by": time,
        }));
        Ok(())
    }
}

/// Enters what a consent file said as events of the clerk's.
pub(super) fn take_in(
    consents: &mut Consents<'_>,
    setting: &Setting,
    version: &Version,
    flags: &ConsentTable,
) -> Result<(), Failure> {
    let table = version.table()?;
    let today = setting.today()?;
    let record = version.record();
    let form = format!("{CONSENT_FILE} of version {} of table {}, {}", record.version, record.table, record.imported);
    let site = consents.site().to_owned();
    let intake = events_of((&site, &consents.register), (&table, flags), (&form, today), &mut OsRng)?;
    intake.notes().iter().for_each(|note| setting.console.note(note));
    let entered = intake.events.len();
    consents.register.take(intake.events, today, &|_| None)?;
    consents.text.push_str(&format!("Entered {entered} consent events from the consent file.\n"));
    Ok(())
}
