//! The register of consent events: what patients chose at this site, and the batches in which it was posted.
//!
//! ```text
//! consents/events.jsonl            SECRET: one event a line, with the day of its entry; only ever appended to
//! consents/batches/batch-N/        appears whole: batch.json (which event is which leaf), leaves.bin
//! ```
//!
//! A batch is on the disk before it is posted, and is posted again as it is after a crash.

mod batch;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use cohortium_protocol::consent::{Decision, Event, History, HistoryError, Posted, What};
use cohortium_protocol::ledger::{Batch, PublicKey, batch_tree};
use cohortium_protocol::table::{Day, Tag};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::append::AppendFile;
use super::files;
use super::{Home, StoreError};
use batch::BatchFile;

const CONSENTS: &str = "consents";
const EVENTS_FILE: &str = "events.jsonl";
const BATCHES: &str = "batches";

/// One event as it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The day on which it was entered.
    entered: Day,
    /// The key that follows from the patient's card, where the site knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<PublicKey>,
    event: Event,
}

/// A tag's events with the days of their entries.
struct Record {
    history: History,
    /// The day of each event's entry, in the order of the events.
    entered: Vec<Day>,
    card: Option<PublicKey>,
}

impl Record {
    fn push(&mut self, event: Event, entered: Day) -> Result<(), HistoryError> {
        self.history.push(event, Some(entered))?;
        self.entered.push(entered);
        Ok(())
    }

    fn event(&self, number: u32) -> Option<&Event> {
        self.history.events().get((number as usize).checked_sub(1)?)
    }
}

/// Where an event is among all: its tag and number.
type Key = (Tag, u32);

/// The register, in memory.
pub(crate) struct Register {
    site: String,
    file: AppendFile,
    records: BTreeMap<Tag, Record>,
    batches: Vec<BatchFile>,
    folder: PathBuf,
    /// Events that are in a batch, and in which.
    posted: BTreeMap<Key, u32>,
}

impl Register {
    /// Reads the register of a home. Every event is checked again.
    pub(crate) fn open(home: &Home) -> Result<Self, StoreError> {
        let folder = home.root().join(CONSENTS);
        files::make_folder(&folder)?;
        let path = folder.join(EVENTS_FILE);
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let (file, entries) = AppendFile::open(path.clone(), |line| {
            serde_json::from_str::<Entry>(line).map_err(|error| damaged(error.to_string()))
        })?;
        let site = home.site().to_owned();
        let mut register =
            Self { site, file, records: BTreeMap::new(), batches: Vec::new(), folder, posted: BTreeMap::new() };
        for entry in entries {
            register.enter(entry).map_err(|error| damaged(error.to_string()))?;
        }
        register.read_batches()?;
        Ok(register)
    }

    fn read_batches(&mut self) -> Result<(), StoreError> {
        let folder = self.folder.join(BATCHES);
        files::make_folder(&folder)?;
        let mut number = 1;
        while let Some(batch) = BatchFile::read(&folder, number)? {
            for (tag, event) in batch.events()? {
                if self.records.get(&tag).and_then(|record| record.event(event)).is_none() {
                    return Err(
                        batch.damaged(format!("an event number {event} is in it that {EVENTS_FILE} does not have"))
                    );
                }
                if self.posted.insert((tag, event), number).is_some() {
                    return Err(batch.damaged(format!("an event number {event} is in it that was posted before")));
                }
            }
            self.batches.push(batch);
            number += 1;
        }
        Ok(())
    }

    fn enter(&mut self, entry: Entry) -> Result<(), HistoryError> {
        let Entry { entered, card, event } = entry;
        let tag = *event.tag();
        let mut record = self.begun(&tag, card)?;
        record.push(event, entered)?;
        self.records.insert(tag, record);
        Ok(())
    }

    /// What is known of a tag, with its card's key from now on, if it was not known before.
    fn begun(&self, tag: &Tag, card: Option<PublicKey>) -> Result<Record, HistoryError> {
        match self.records.get(tag) {
            None => Ok(Record { history: History::new(&self.site, *tag, card), entered: Vec::new(), card }),
            Some(known) if known.card.is_some() || card.is_none() => {
                Ok(Record { history: known.history.clone(), entered: known.entered.clone(), card: known.card })
            }
            Some(known) => {
                let events = known.history.events().iter().map(|event| (event.clone(), None));
                let history = History::of(&self.site, *tag, card, events)?;
                Ok(Record { history, entered: known.entered.clone(), card })
            }
        }
    }

    /// Takes events in, all or none, on a day. `card` tells the key of a tag's card, where it is known.
    pub(crate) fn take(
        &mut self,
        events: Vec<Event>,
        entered: Day,
        card: &dyn Fn(&Tag) -> Option<PublicKey>,
    ) -> Result<(), StoreError> {
        let refuse = |source| StoreError::Consent { source };
        let mut lines = Zeroizing::new(Vec::new());
        // On copies, so that nothing has changed where one is refused.
        let mut changed: BTreeMap<Tag, Record> = BTreeMap::new();
        for event in events {
            let tag = *event.tag();
            let mut record = match changed.remove(&tag) {
                Some(record) => record,
                None => self.begun(&tag, card(&tag)).map_err(refuse)?,
            };
            let entry = Entry { entered, card: record.card, event };
            // Our entries are structures with text keys: writing them to memory does not fail.
            lines.extend(serde_json::to_vec(&entry).unwrap_or_default());
            lines.push(b'\n');
            record.push(entry.event, entered).map_err(refuse)?;
            changed.insert(tag, record);
        }
        self.file.append_all(&lines)?;
        self.records.extend(changed);
        Ok(())
    }

    /// A tag's history, with everything that was entered.
    pub(crate) fn history(&self, tag: &Tag) -> Option<&History> {
        self.records.get(tag).map(|record| &record.history)
    }

    /// The day on which an event was entered.
    pub(crate) fn entered(&self, event: &Event) -> Option<Day> {
        let place = (event.number() as usize).checked_sub(1)?;
        self.records.get(event.tag())?.entered.get(place).copied()
    }

    /// The tags that there are events of.
    pub(crate) fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.records.keys()
    }

    /// A tag's history as far as it was posted up to a batch; nothing if no event of it was.
    pub(crate) fn posted_history(&self, tag: &Tag, cutoff: u32) -> Result<Option<History>, StoreError> {
        let Some(record) = self.records.get(tag) else { return Ok(None) };
        let is_in = |event: &&Event| self.posted.get(&(*tag, event.number())).is_some_and(|batch| *batch <= cutoff);
        // Numbers are posted in order, so what is posted is a history too.
        let events = record.history.events().iter().take_while(is_in).map(|event| (event.clone(), None));
        let history =
            History::of(&self.site, *tag, record.card, events).map_err(|source| StoreError::Consent { source })?;
        Ok((!history.events().is_empty()).then_some(history))
    }

    /// The batches that were made.
    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.batches.iter().map(BatchFile::batch).collect()
    }

    /// Events that are in no batch yet.
    pub(crate) fn waiting(&self) -> usize {
        let all: usize = self.records.values().map(|record| record.history.events().len()).sum();
        all - self.posted.len()
    }

    /// Where an event was posted, if it was, with the path to its batch's root.
    pub(crate) fn place(&self, event: &Event) -> Result<Option<Posted>, StoreError> {
        let Some(number) = self.posted.get(&(*event.tag(), event.number())) else { return Ok(None) };
        let batch = &self.batches[*number as usize - 1];
        let leaf = batch.leaf_of(event.tag(), event.number());
        let leaf = leaf.ok_or_else(|| batch.damaged("an event is in it and is not".to_owned()))?;
        let leaves = batch.leaves()?;
        if leaves.get(leaf as usize) != Some(&event.leaf()) {
            let number = event.number();
            return Err(
                batch.damaged(format!("the event number {number} at leaf {leaf} is another one than was posted"))
            );
        }
        let tree = batch_tree(leaves);
        let path = tree.inclusion(leaf.into(), batch.batch().leaves.into());
        let path = path.map_err(|error| batch.damaged(error.to_string()))?;
        Ok(Some(Posted { batch: *number, leaf, path }))
    }

    /// Makes the next batch, of so many leaves, with as many waiting events as there is room for: tags of which an event
    /// takes a consent back come first, and each tag's events in the order of their numbers.
    pub(crate) fn make_batch(
        &mut self,
        leaves: u32,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Batch, StoreError> {
        let number = self.batches.len() as u32 + 1;
        let chosen = self.next_events(leaves as usize);
        let chosen: Vec<(Key, _)> = chosen
            .into_iter()
            .filter_map(|(tag, number)| {
                let event = self.records.get(&tag)?.event(number)?;
                Some(((tag, number), event.leaf()))
            })
            .collect();
        let batch = BatchFile::make(&self.folder.join(BATCHES), number, leaves, &chosen, rng)?;
        self.posted.extend(chosen.into_iter().map(|(key, _)| (key, number)));
        let made = batch.batch();
        self.batches.push(batch);
        Ok(made)
    }

    fn next_events(&self, room: usize) -> Vec<Key> {
        let waiting = self.records.iter().filter_map(|(tag, record)| {
            let events = record.history.events().iter();
            let waiting: Vec<&Event> =
                events.filter(|event| !self.posted.contains_key(&(*tag, event.number()))).collect();
            (!waiting.is_empty()).then_some((*tag, waiting))
        });
        let mut waiting: Vec<(Tag, Vec<&Event>)> = waiting.collect();
        let takes_back = |event: &&Event| match event.what() {
            What::Choice(choice) => choice.decision() != Decision::Granted,
            What::Leaving {} | What::EndOfOffice { .. } => true,
            What::Key { .. } | What::Representative { .. } | What::Agreement(_) => false,
        };
        waiting.sort_by_key(|(_, events)| !events.iter().any(takes_back));
        let keys = waiting
            .into_iter()
            .flat_map(|(tag, events)| events.into_iter().map(move |event| (tag, event.number())).collect::<Vec<_>>());
        keys.take(room).collect()
    }

    /// Tags whose events say that the patient has left, posted or not.
    pub(crate) fn left(&self) -> BTreeSet<Tag> {
        let left = self.records.iter().filter(|(_, record)| record.history.has_left());
        left.map(|(tag, _)| *tag).collect()
    }
}
