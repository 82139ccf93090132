//! One batch of consent events on the disk.

use std::path::{Path, PathBuf};

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Batch, MAX_BATCH_LEAVES, batch_tree};
use cohortium_protocol::table::Tag;
use rand::seq::SliceRandom;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::store::StoreError;
use crate::store::files::{self, NewFolder};
use crate::store::site::{check_format, json, read_json};

const BATCH_FORMAT: &str = "cohortium-batch/1";
const BATCH_FILE: &str = "batch.json";
const LEAVES_FILE: &str = "leaves.bin";
const LEAF: usize = 32;

/// Which event is which leaf. Secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    tag: String,
    number: u32,
    leaf: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    batch: Batch,
    events: Vec<Place>,
}

/// A batch with what is in it.
pub(super) struct BatchFile {
    path: PathBuf,
    batch: Batch,
    events: Vec<Place>,
}

impl BatchFile {
    /// The batch of a number, if it was made.
    pub(super) fn read(folder: &Path, number: u32) -> Result<Option<Self>, StoreError> {
        let path = folder.join(format!("batch-{number}"));
        if !path.exists() {
            return Ok(None);
        }
        let file = path.join(BATCH_FILE);
        let document: Document = read_json(&file)?;
        check_format(&file, &document.format, BATCH_FORMAT)?;
        let Document { batch, events, .. } = document;
        let read = Self { path, batch, events };
        if batch.number != number {
            return Err(read.damaged(format!("it says number {}", batch.number)));
        }
        Ok(Some(read))
    }

    /// Makes a batch: events at places drawn afresh, dummies at all others.
    pub(super) fn make(
        folder: &Path,
        number: u32,
        leaves: u32,
        events: &[((Tag, u32), Digest)],
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, StoreError> {
        let leaves = leaves.min(MAX_BATCH_LEAVES);
        let mut bytes = vec![0; LEAF * leaves as usize];
        rng.fill_bytes(&mut bytes);
        let mut places: Vec<u32> = (0..leaves).collect();
        places.shuffle(rng);
        let mut placed = Vec::with_capacity(events.len());
        for (((tag, number), digest), leaf) in events.iter().zip(places) {
            bytes[LEAF * leaf as usize..][..LEAF].copy_from_slice(digest.as_bytes());
            placed.push(Place { tag: tag.to_hex(), number: *number, leaf });
        }
        // The order of the list would tell the order of the events.
        placed.sort_by_key(|place| place.leaf);
        let batch = Batch { number, leaves, root: batch_tree(digests(&bytes)).root() };
        let made = NewFolder::begin(&folder.join(format!("batch-{number}")))?;
        let document = Document { format: BATCH_FORMAT.into(), batch, events: placed };
        made.write(LEAVES_FILE, &bytes)?;
        made.write(BATCH_FILE, &Zeroizing::new(json(&document)))?;
        made.finish()?;
        Ok(Self { path: folder.join(format!("batch-{number}")), batch, events: document.events })
    }

    pub(super) fn batch(&self) -> Batch {
        self.batch
    }

    /// The events in it, by tag and number.
    pub(super) fn events(&self) -> Result<Vec<(Tag, u32)>, StoreError> {
        let event = |place: &Place| match Tag::from_hex(&place.tag) {
            Ok(tag) => Ok((tag, place.number)),
            Err(error) => Err(self.damaged(error.to_string())),
        };
        self.events.iter().map(event).collect()
    }

    pub(super) fn leaf_of(&self, tag: &Tag, number: u32) -> Option<u32> {
        let tag = tag.to_hex();
        self.events.iter().find(|place| place.number == number && place.tag == tag).map(|place| place.leaf)
    }

    /// The leaves, held to the root.
    pub(super) fn leaves(&self) -> Result<Vec<Digest>, StoreError> {
        let bytes = files::read(&self.path.join(LEAVES_FILE))?;
        let leaves: Vec<Digest> = digests(&bytes).collect();
        if leaves.len() != self.batch.leaves as usize || batch_tree(leaves.iter().copied()).root() != self.batch.root {
            return Err(self.damaged("its leaves do not have the root that was posted".to_owned()));
        }
        Ok(leaves)
    }

    pub(super) fn damaged(&self, reason: String) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), reason }
    }
}

fn digests(bytes: &[u8]) -> impl Iterator<Item = Digest> {
    bytes.chunks_exact(LEAF).map(|chunk| {
        let mut leaf = [0; LEAF];
        leaf.copy_from_slice(chunk);
        Digest::from_bytes(leaf)
    })
}
