//! The site's tree of one-time noise seeds, `seeds.json`: its salt and root. Only the root leaves.
//!
//! The ledger gives each query a leaf. The policy that adds noise is not built; until then no seed is used, and the
//! registered root only makes sure that a site cannot choose its seeds after seeing a query.

use cohortium_circuits::seeds;
use cohortium_protocol::commit::{Salt, SeedSource};
use cohortium_protocol::field;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{MerkleTree, leaf_hash};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};
use crate::faults::Stage;

const SEEDS_FORMAT: &str = "cohortium-seeds/1";
const SEEDS_FILE: &str = "seeds.json";
/// Leaves of a tree: one a query at this site.
const LEAVES: u32 = 4096;

/// A tree of seeds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seeds {
    format: String,
    /// What the seeds are derived with, beside the master secret.
    salt: Salt,
    /// How many there are.
    pub(crate) leaves: u32,
    /// The root over the commitments to them.
    pub(crate) root: Digest,
}

/// The RFC 6962 root over the commitments to seeds.
fn root(source: &SeedSource, leaves: u32) -> Digest {
    let mut tree = MerkleTree::new();
    for leaf in 0..u64::from(leaves) {
        tree.push(leaf_hash(&field::to_bytes(&seeds::commitment(&source.seed(leaf)))));
    }
    tree.root()
}

impl Home {
    /// The tree, if there is one, checked against the master secret.
    pub(crate) fn seeds(&self) -> Result<Option<Seeds>, StoreError> {
        let path = self.root().join(SEEDS_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let seeds: Seeds = read_json(&path)?;
        check_format(&path, &seeds.format, SEEDS_FORMAT)?;
        Ok(Some(seeds))
    }

    /// The tree, made if there is none: on the disk before anybody hears of its root.
    pub(crate) fn make_seeds(&self, rng: &mut (impl RngCore + CryptoRng)) -> Result<Seeds, StoreError> {
        let master = self.secret()?;
        if let Some(seeds) = self.seeds()? {
            let expected = root(&SeedSource::new(&master, self.site(), &seeds.salt), seeds.leaves);
            if expected != seeds.root {
                let path = self.root().join(SEEDS_FILE);
                let reason = format!("its salt gives the root {expected}, it says {}", seeds.root);
                return Err(StoreError::Damaged { path, reason });
            }
            return Ok(seeds);
        }
        let salt = Salt::draw(rng);
        let root = root(&SeedSource::new(&master, self.site(), &salt), LEAVES);
        let seeds = Seeds { format: SEEDS_FORMAT.into(), salt, leaves: LEAVES, root };
        files::write(&self.root().join(SEEDS_FILE), &json(&seeds), Readers::Owner)?;
        Stage::SeedsWritten.pass();
        Ok(seeds)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;

    use super::super::Init;
    use super::*;

    #[test]
    fn made_once_and_held_to_its_salt() {
        let folder = tempfile::tempdir().unwrap();
        let init = Init { site: "Site A", approval_share: 100, floor: None };
        let home = Home::init(folder.path(), &init, &mut OsRng).unwrap();
        assert_eq!(home.seeds().unwrap(), None);
        let made = home.make_seeds(&mut OsRng).unwrap();
        assert_eq!((home.make_seeds(&mut OsRng).unwrap(), home.seeds().unwrap()), (made.clone(), Some(made.clone())));
        assert_eq!(made.leaves, 4096);
        // The root is over as many leaves as it says, each under its own number.
        let source = SeedSource::new(&home.secret().unwrap(), "Site A", &made.salt);
        assert_ne!(root(&source, 4095), made.root);
        assert_eq!(root(&source, 1), leaf_hash(&field::to_bytes(&seeds::commitment(&source.seed(0)))));
        let path = folder.path().join(SEEDS_FILE);
        let text = files::read_text(&path).unwrap();
        files::write(&path, text.replace("4096", "4095").as_bytes(), Readers::Owner).unwrap();
        assert!(matches!(home.make_seeds(&mut OsRng), Err(StoreError::Damaged { .. })));
    }
}
