//! The site's one-time noise seeds: `seeds.json` with the tree's root, and `seeds.bin` with each seed beside its commitment.
//! Only the root leaves, and with an answer under noise one commitment and its path.
//!
//! Seeds are drawn by the operating system, not derived from anything that is kept: once an answer stands on the ledger its
//! seed is overwritten, and nobody who gets hold of the home later can take the noise off that answer. A backup keeps the
//! seeds that were there when it was made; and overwriting is what a file system makes of it.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;

use cohortium_circuits::seeds;
use cohortium_protocol::field;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{MerkleTree, leaf_hash};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::files::{self, Readers, failed};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};
use crate::faults::Stage;

const SEEDS_FORMAT: &str = "cohortium-seeds/2";
const SEEDS_FILE: &str = "seeds.json";
const SEEDS_BYTES: &str = "seeds.bin";
/// Leaves of a tree: one a query at this site.
const LEAVES: u32 = 4096;
/// Bytes of a seed, and of its commitment.
const HALF: usize = 32;

/// A tree of seeds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seeds {
    format: String,
    /// How many there are.
    pub(crate) leaves: u32,
    /// The root over the commitments to them.
    pub(crate) root: Digest,
}

/// A seed, and the path from its commitment to the root.
pub(crate) struct OpenedSeed {
    pub(crate) seed: Zeroizing<[u8; HALF]>,
    pub(crate) path: Vec<Digest>,
    /// How many leaves the tree has.
    pub(crate) leaves: u32,
}

/// The RFC 6962 tree over the commitments.
fn tree(entries: &[u8]) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for entry in entries.chunks_exact(2 * HALF) {
        tree.push(leaf_hash(&entry[HALF..]));
    }
    tree
}

fn commitment(seed: &[u8; HALF]) -> [u8; HALF] {
    field::to_bytes(&seeds::commitment(seed))
}

impl Home {
    fn seeds_bytes(&self) -> PathBuf {
        self.root().join(SEEDS_BYTES)
    }

    /// The tree, if there is one.
    pub(crate) fn seeds(&self) -> Result<Option<Seeds>, StoreError> {
        let path = self.root().join(SEEDS_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let seeds: Seeds = read_json(&path)?;
        check_format(&path, &seeds.format, SEEDS_FORMAT)?;
        Ok(Some(seeds))
    }

    /// Every seed and commitment, held to the root that is registered.
    fn entries(&self, seeds: &Seeds) -> Result<(Zeroizing<Vec<u8>>, MerkleTree), StoreError> {
        let path = self.seeds_bytes();
        let entries = Zeroizing::new(files::read(&path)?);
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let expected = 2 * HALF * seeds.leaves as usize;
        if entries.len() != expected {
            return Err(damaged(format!("it has {} bytes, {} seeds have {expected}", entries.len(), seeds.leaves)));
        }
        let tree = tree(&entries);
        let found = tree.root();
        if found != seeds.root {
            return Err(damaged(format!("its commitments have the root {found}, {SEEDS_FILE} says {}", seeds.root)));
        }
        Ok((entries, tree))
    }

    /// The tree, made if there is none: on the disk before anybody hears of its root.
    pub(crate) fn make_seeds(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<Seeds, StoreError> {
        if let Some(seeds) = self.seeds()? {
            self.entries(&seeds)?;
            return Ok(seeds);
        }
        let mut entries = Zeroizing::new(Vec::with_capacity(2 * HALF * LEAVES as usize));
        for _ in 0..LEAVES {
            let mut seed = Zeroizing::new([0; HALF]);
            rng.fill_bytes(seed.as_mut());
            entries.extend_from_slice(seed.as_ref());
            entries.extend_from_slice(&commitment(&seed));
        }
        let seeds = Seeds { format: SEEDS_FORMAT.into(), leaves: LEAVES, root: tree(&entries).root() };
        // The list of what is there comes last: without it the seeds are not there either, and are drawn anew.
        files::write(&self.seeds_bytes(), &entries, Readers::Owner)?;
        files::write(&self.root().join(SEEDS_FILE), &json(&seeds), Readers::Owner)?;
        Stage::SeedsWritten.pass();
        Ok(seeds)
    }

    /// The seed of a leaf, with its path.
    ///
    /// # Errors
    /// No tree, or not so many leaves; a seed that was erased, or is not what its commitment says.
    pub(crate) fn seed(&self, leaf: u32) -> Result<OpenedSeed, StoreError> {
        let seeds = self.seeds()?.ok_or(StoreError::NoSeed { leaf, leaves: 0 })?;
        let (entries, tree) = self.entries(&seeds)?;
        let none = StoreError::NoSeed { leaf, leaves: seeds.leaves };
        let Some(entry) = entries.chunks_exact(2 * HALF).nth(leaf as usize) else { return Err(none) };
        let mut seed = Zeroizing::new([0; HALF]);
        seed.copy_from_slice(&entry[..HALF]);
        if *seed == [0; HALF] {
            return Err(StoreError::ErasedSeed { leaf });
        }
        if commitment(&seed) != entry[HALF..] {
            let reason = format!("the seed of leaf {leaf} is not the one that was committed to");
            return Err(StoreError::Damaged { path: self.seeds_bytes(), reason });
        }
        let path = tree.inclusion(leaf.into(), seeds.leaves.into()).map_err(|_| none)?;
        Ok(OpenedSeed { seed, path, leaves: seeds.leaves })
    }

    /// Overwrites the seed of a leaf whose answer stands on the ledger; its commitment stays.
    pub(crate) fn erase_seed(&self, leaf: u32) -> Result<(), StoreError> {
        let seeds = self.seeds()?.ok_or(StoreError::NoSeed { leaf, leaves: 0 })?;
        if leaf >= seeds.leaves {
            return Err(StoreError::NoSeed { leaf, leaves: seeds.leaves });
        }
        let path = self.seeds_bytes();
        let erase = || {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.seek(SeekFrom::Start(u64::from(leaf) * 2 * HALF as u64))?;
            file.write_all(&[0; HALF])?;
            file.sync_data()
        };
        erase().map_err(failed("erase a seed in", &path))
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;

    use super::super::Init;
    use super::*;

    fn home(folder: &std::path::Path) -> Home {
        let init = Init { site: "Site A", approval_share: 100, floor: None };
        Home::init(folder, &init, &mut OsRng).unwrap()
    }

    #[test]
    fn made_once_and_held_to_their_root() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        assert_eq!(home.seeds().unwrap(), None);
        assert!(matches!(home.seed(0), Err(StoreError::NoSeed { .. })));
        let made = home.make_seeds(&mut OsRng).unwrap();
        assert_eq!((home.make_seeds(&mut OsRng).unwrap(), home.seeds().unwrap()), (made.clone(), Some(made.clone())));
        assert_eq!(made.leaves, 4096);
        let path = folder.path().join(SEEDS_BYTES);
        let good = files::read(&path).unwrap();
        let damages: [fn(&mut Vec<u8>); 3] = [|b| b.truncate(b.len() - 64), |b| b[40] ^= 1, |b| b.extend([0; 64])];
        for damage in damages {
            let mut bytes = good.clone();
            damage(&mut bytes);
            files::write(&path, &bytes, Readers::Owner).unwrap();
            assert!(matches!(home.make_seeds(&mut OsRng), Err(StoreError::Damaged { .. })));
            assert!(matches!(home.seed(1), Err(StoreError::Damaged { .. })));
        }
        // Another seed under the same commitment.
        let mut bytes = good;
        bytes[0] ^= 1;
        files::write(&path, &bytes, Readers::Owner).unwrap();
        assert!(matches!(home.seed(0), Err(StoreError::Damaged { .. })));
        assert!(home.seed(1).is_ok());
    }

    #[test]
    fn a_seed_is_opened_until_it_is_erased() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        let root = home.make_seeds(&mut OsRng).unwrap().root;
        let last = LEAVES - 1;
        for leaf in [0, 1, 2047, last] {
            let OpenedSeed { seed, path, .. } = home.seed(leaf).unwrap();
            let hash = leaf_hash(&commitment(&seed));
            cohortium_protocol::ledger::verify_inclusion(hash, leaf.into(), LEAVES.into(), &path, root).unwrap();
        }
        assert!(home.seed(0).unwrap().seed != home.seed(1).unwrap().seed);
        assert!(matches!(home.seed(LEAVES), Err(StoreError::NoSeed { leaf: LEAVES, leaves: LEAVES })));
        home.erase_seed(1).unwrap();
        assert!(matches!(home.seed(1), Err(StoreError::ErasedSeed { leaf: 1 })));
        // The others are there, and the tree is what was registered.
        assert!(home.seed(0).is_ok() && home.seed(2).is_ok() && home.seed(last).is_ok());
        assert_eq!(home.make_seeds(&mut OsRng).unwrap().root, root);
        assert!(home.erase_seed(LEAVES).is_err());
        // Twice is as good as once.
        home.erase_seed(1).unwrap();
    }
}
