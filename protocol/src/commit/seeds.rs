//! One-time seeds of a site's noise: derived from the master secret under a salt, so that a site need keep the salt alone.
//!
//! A seed belongs to one leaf of a registered tree, and a leaf to the one query to which the ledger assigned it. Nothing
//! uses them yet: the policy that adds noise is not built.

use std::fmt;

use zeroize::Zeroizing;

use super::secrets::{MasterSecret, Prf, Salt};
use crate::domain;

/// The seeds of one tree.
pub struct SeedSource {
    key: Zeroizing<[u8; 32]>,
}

impl SeedSource {
    /// The seeds of a site's tree with this salt.
    pub fn new(master: &MasterSecret, site: &str, salt: &Salt) -> Self {
        let subkey = master.subkey(domain::NOISE_SEED);
        Self { key: Prf::new(&subkey).str("tree").str(site).bytes(salt.as_bytes()).finish() }
    }

    /// The seed of a leaf: 256 bits.
    pub fn seed(&self, leaf: u64) -> Zeroizing<[u8; 32]> {
        Prf::new(&self.key).str("leaf").u64(leaf).finish()
    }
}

impl fmt::Debug for SeedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeedSource(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_label_counts() {
        let master = MasterSecret::from_bytes([1; 32]);
        let source = |master: &MasterSecret, site, salt| SeedSource::new(master, site, &Salt::from_bytes([salt; 32]));
        let base = source(&master, "Site A", 1);
        let seeds = [
            base.seed(0),
            base.seed(1),
            source(&master, "Site B", 1).seed(0),
            source(&master, "Site A", 2).seed(0),
            source(&MasterSecret::from_bytes([2; 32]), "Site A", 1).seed(0),
        ];
        for (place, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..place].contains(seed), "{place}");
        }
        assert_eq!(source(&master, "Site A", 1).seed(0), seeds[0]);
        assert_eq!(format!("{base:?}"), "SeedSource(hidden)");
    }
}
