//! Consent events on the ledger: batches, and the epochs that include them.

use cohortium_client::BatchInfo;
use cohortium_protocol::commit::{ConsentEpoch, EventRecord};
use cohortium_protocol::consent::Days;
use cohortium_protocol::ledger::{
    Batch, ConsentRules, Statement, StatementContent, Timestamp, events_root, intake_leaves,
};
use cohortium_protocol::table::{ConsentColumn, ConsentQuality, ConsentReport, ConsentTable, Day, Tag};
use cohortium_verifier::ledger::latest;
use rand::rngs::OsRng;
use zeroize::Zeroizing;

use super::link::{About, Link, is_not_found};
use crate::cli::{Failure, Progress, Setting};
use crate::faults::Stage;
use crate::store::{CommitOptions, Home, OutgoingFile, Register, TableFolder, Version};

/// A home, its ledger, and its register of consent events.
pub(crate) struct Consents<'a> {
    setting: &'a Setting,
    home: &'a Home,
    link: &'a mut Link,
    outgoing: &'a mut OutgoingFile,
    pub(crate) register: Register,
    /// What was done, a sentence a line.
    pub(crate) text: String,
    /// When the last batch was posted, as the ledger says.
    last: Option<Timestamp>,
    /// When the last batch of the interval's size was.
    last_of_interval: Option<Timestamp>,
}

impl<'a> Consents<'a> {
    /// Compares what the ledger has with what the site made, and posts what a killed run left.
    pub(crate) fn open(
        setting: &'a Setting,
        home: &'a Home,
        link: &'a mut Link,
        outgoing: &'a mut OutgoingFile,
    ) -> Result<Self, Failure> {
        let register = Register::open(home)?;
        let (text, last) = (String::new(), None);
        let mut consents = Self { setting, home, link, outgoing, register, text, last, last_of_interval: None };
        consents.settle()?;
        Ok(consents)
    }

    /// The site's name.
    pub(crate) fn site(&self) -> &str {
        self.home.site()
    }

    /// The charter's rules.
    pub(crate) fn rules(&self) -> ConsentRules {
        self.link.trusted.charter().consent_rules()
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let posted = match self.link.client().consents(self.home.site()) {
            Ok(posted) => posted,
            Err(error) if is_not_found(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let made = self.register.batches();
        if posted.len() > made.len() {
            return Err(Failure::refused(format!(
                "the ledger has {} batches of this site's consent events, and this home knows of {}: it is an older copy. \
                 Restore the newest backup; consents that are only in the missing batches would be forgotten",
                posted.len(),
                made.len()
            )));
        }
        for (batch, BatchInfo { number, leaves, root, .. }) in made.iter().zip(&posted) {
            if *batch != (Batch { number: *number, leaves: *leaves, root: *root }) {
                return Err(Failure::refused(format!(
                    "the ledger's batch {number} of this site's consent events is another than the one that was posted"
                )));
            }
        }
        let of_interval = self.rules().batch_leaves;
        self.last = posted.last().map(|batch| batch.time);
        self.last_of_interval = posted.iter().rev().find(|batch| batch.leaves == of_interval).map(|batch| batch.time);
        for batch in &made[posted.len()..] {
            self.post_batch(*batch)?;
        }
        Ok(())
    }

    fn post_batch(&mut self, batch: Batch) -> Result<(), Failure> {
        let Batch { number, leaves, root } = batch;
        let statement = Statement::Consents { number, leaves, root };
        let about = About { request: None, cells: None, recorded: Stage::RegisterRecorded };
        let posted = self.link.post(self.setting, self.home, self.outgoing, statement, about)??;
        Stage::RegisterPosted.pass();
        let now = self.setting.now();
        self.last = Some(now);
        if leaves == self.rules().batch_leaves {
            self.last_of_interval = Some(now);
        }
        self.text.push_str(&format!(
            "Posted batch {number} of consent events, {leaves} leaves, as transaction {}.\n",
            posted.standing.index
        ));
        Ok(())
    }

    fn interval(&self, time: Timestamp) -> u64 {
        time.unix() / self.rules().batch_seconds
    }

    /// Whether batches were posted, and none yet in this interval.
    pub(crate) fn is_due(&self) -> bool {
        self.last.is_some_and(|last| self.interval(last) < self.interval(self.setting.now()))
    }

    /// The record of a table's active epoch. One without was made from a consent file that was never registered: an epoch of
    /// the posted events would take the place of what that file says, revocations too.
    pub(crate) fn record_of(&self, epoch: &ConsentEpoch) -> Result<EventRecord, Failure> {
        let (number, table) = (epoch.number(), epoch.table());
        epoch.record().copied().ok_or_else(|| {
            Failure::refused(format!(
                "epoch {number} of table {table} was made from a consent file, and what that file says is not on the ledger; \
                 cohortium-prover ledger register makes events of it, and an epoch of these"
            ))
        })
    }

    /// Posts the epoch that a table lacks: one that includes every batch, or the one that a killed run left. Nothing for a
    /// table whose consents are not registered.
    pub(crate) fn keep_up(&mut self, tables: &TableFolder) -> Result<(), Failure> {
        let (version, committed, number) = tables.active()?;
        let epoch = version.epoch_document(number, &committed.manifest)?;
        let record = self.record_of(&epoch)?;
        if (record.cutoff as usize) < self.register.batches().len() {
            self.epoch(tables, &[], None)?;
        } else if self.link.standing(self.home, &StatementContent::Epoch(epoch.digest()))?.is_none() {
            self.post_epoch(epoch)?;
        }
        Ok(())
    }

    /// Posts the interval's batch, whether there is something in it or not; nothing if it was posted.
    pub(crate) fn post_of_interval(&mut self) -> Result<bool, Failure> {
        if self.last_of_interval.is_some_and(|last| self.interval(last) >= self.interval(self.setting.now())) {
            return Ok(false);
        }
        let batch = self.register.make_batch(self.rules().batch_leaves, &mut OsRng)?;
        self.post_batch(batch)?;
        Ok(true)
    }

    /// Posts a batch with room for an event of every row and more, at any time.
    pub(crate) fn post_intake(&mut self, rows: usize) -> Result<(), Failure> {
        let leaves = intake_leaves(rows.max(self.register.waiting()), &self.rules());
        let batch = self.register.make_batch(leaves, &mut OsRng)?;
        self.post_batch(batch)
    }

    /// Computes and posts an epoch over a table's active version: the flags that follow from every posted event, for these
    /// columns or those of the epoch before.
    pub(crate) fn epoch(
        &mut self,
        tables: &TableFolder,
        more: &[ConsentColumn],
        until: Option<Day>,
    ) -> Result<ConsentEpoch, Failure> {
        let (version, committed, before) = tables.active()?;
        let before = version.epoch_document(before, &committed.manifest)?;
        let mut columns: Vec<ConsentColumn> = Vec::new();
        for column in before.columns() {
            columns.push(column.name.parse().map_err(|error| Failure::cannot_tell(format!("{error}")))?);
        }
        columns.extend(
            more.iter().filter(|column| !before.columns().iter().any(|old| old.name == column.to_string())).cloned(),
        );
        let batches = self.register.batches();
        let cutoff = batches.len() as u32;
        let today = self.setting.today()?;
        let last = latest(today, self.rules().epoch_days);
        let until = until.unwrap_or(last);
        if until < today || until > last {
            return Err(Failure::refused(format!(
                "an epoch of today can be queried from {today} to {last} at most, not until {until}"
            )));
        }
        let record = EventRecord { cutoff, events: events_root(&batches), until };
        let days = Days::new(today, until).map_err(|error| Failure::refused(error.to_string()))?;
        let (consents, report) = self.flags(&version, &columns, cutoff, days)?;
        let options = CommitOptions { date: None, today, shape: None };
        let mut progress = Progress::new(columns.len() as u64);
        let mut done = 0;
        let epoch = version.commit_epoch(
            self.home,
            tables,
            &committed,
            (consents, &report),
            Some(record),
            &options,
            &mut OsRng,
            &mut |name, _| {
                progress.at(done, &format!("consent {name}"));
                done += 1;
            },
        )?;
        progress.end();
        self.post_epoch(epoch.epoch)
    }

    /// Posts an epoch that is committed.
    pub(crate) fn post_epoch(&mut self, epoch: ConsentEpoch) -> Result<ConsentEpoch, Failure> {
        let about = About { request: None, cells: None, recorded: Stage::RegisterRecorded };
        let statement = Statement::Epoch { epoch: epoch.clone() };
        let posted = self.link.post(self.setting, self.home, self.outgoing, statement, about)??;
        Stage::RegisterPosted.pass();
        self.text.push_str(&format!(
            "Registered the consent epoch {} as transaction {}: epoch {} of table {}, up to batch {}.\n",
            epoch.digest(),
            posted.standing.index,
            epoch.number(),
            epoch.table(),
            epoch.record().map_or(0, |record| record.cutoff)
        ));
        Ok(epoch)
    }

    /// The flags of every row, as the posted events have it.
    fn flags(
        &self,
        version: &Version,
        columns: &[ConsentColumn],
        cutoff: u32,
        days: Days,
    ) -> Result<(ConsentTable, ConsentReport), Failure> {
        let table = version.table()?;
        let mut flags = vec![Zeroizing::new(vec![0u16; table.rows()]); columns.len()];
        let mut known = 0;
        for row in 0..table.rows() {
            let tag = Tag::from_limbs(std::array::from_fn(|limb| table.tags()[limb][row]));
            let Some(history) = self.register.posted_history(&tag, cutoff)? else { continue };
            known += 1;
            // Whatever is asked on a ledger has a board's approval.
            for (column, flag) in flags.iter_mut().zip(history.flags(columns, days, true)) {
                column[row] = u16::from(flag);
            }
        }
        let quality = columns.iter().zip(&flags).map(|(column, flags)| {
            let yes = flags.iter().filter(|flag| **flag == 1).count();
            ConsentQuality { column: column.clone(), yes, no: known - yes.min(known), blank: 0 }
        });
        let report = ConsentReport {
            patients_read: known,
            table_rows: table.rows(),
            rows_without_entry: table.rows() - known,
            unknown_patients: Vec::new(),
            columns: quality.collect(),
        };
        let columns = columns.iter().cloned().zip(flags.into_iter().map(|mut flags| std::mem::take(&mut *flags)));
        Ok((ConsentTable::new(columns.collect()).map_err(Failure::cannot_tell)?, report))
    }
}
