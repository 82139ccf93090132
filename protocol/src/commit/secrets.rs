//! Where blinding comes from: one master secret a site, a salt an object, and labels that never serve twice.
//!
//! A *registered* object (a table version or a consent epoch) needs its blinding again whenever a query is
//! answered, so it is derived: a PRF of the master secret under a label with the object's kind, site, table,
//! number and salt, the column's name and layout, *a digest of the column's content*, the part and the row.
//! The salt is drawn when the object is committed. The content's digest is in the label because two
//! contents under one label would give commitments that differ by a single generator, and anyone could
//! see which row changed: with it, not even a restored backup or a salt used twice by mistake can do that.
//!
//! *Query-time* columns take fresh blinding from the operating system, never derived: a job that is run
//! again commits anew. It is [hedged](super::hedge) by the content, for the same reason that labels carry it.

use std::fmt;

use hmac::{Hmac, Mac};
use rand::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::column::ColumnData;
use super::layout::Layout;
use crate::domain;
use crate::field::{F, from_wide_bytes};

/// A site's master secret. Whoever has it, the salts and the published commitments can test guesses about
/// the data; whoever has lost it can answer no further query over the tables committed with it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterSecret([u8; 32]);

impl MasterSecret {
    /// Draws a secret. Pass the operating system's generator.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The secret with these bytes, as kept in the site's secret file.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be written to the site's secret file and nowhere else.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for another use of the secret, named by one of the project's domain tags.
    pub fn subkey(&self, use_domain: &'static str) -> Zeroizing<[u8; 32]> {
        Prf::new(&self.0).str(domain::SECRETS).str("subkey").str(use_domain).finish()
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterSecret(hidden)")
    }
}

/// 256 random bits drawn when an object is committed, and kept with the site's backup.
///
/// Not secret on its own; but it belongs to exactly one object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Salt(crate::hash::Digest);

impl Salt {
    /// Draws a salt.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(crate::hash::Digest::from_bytes(bytes))
    }

    /// The salt with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(crate::hash::Digest::from_bytes(bytes))
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

/// What kind of registered object a label is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectKind {
    /// A table version: data columns and tags.
    Manifest,
    /// A consent epoch: flags.
    Epoch,
}

impl ObjectKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Epoch => "epoch",
        }
    }
}

/// Blinding for the columns of one registered object.
///
/// Made from everything that tells the object from any other, so that there is no way to ask for blinding
/// without saying what for.
pub struct BlindingSource {
    key: Zeroizing<[u8; 32]>,
}

impl BlindingSource {
    /// The source for an object: its kind, site, table, version or epoch number, and salt.
    pub fn new(master: &MasterSecret, kind: ObjectKind, site: &str, table: &str, number: u32, salt: &Salt) -> Self {
        let key = Prf::new(&master.0)
            .str(domain::SECRETS)
            .str("object")
            .str(kind.label())
            .str(site)
            .str(table)
            .u64(u64::from(number))
            .bytes(salt.0.as_bytes())
            .finish();
        Self { key }
    }

    /// The blinding of the column with this name, layout and content.
    pub(super) fn column(&self, name: &str, layout: &Layout, data: &ColumnData) -> ColumnBlinds {
        let content = data.digest();
        let key = Prf::new(&self.key)
            .str("column")
            .str(name)
            .u64(layout.grid().variables() as u64)
            .u64(layout.grid().split() as u64)
            .u64(layout.data_rows() as u64)
            .u64(layout.blinding_rows() as u64)
            .bytes(content.as_slice())
            .finish();
        let element = |part: &str, row: usize| {
            let mut wide = Zeroizing::new([0; 64]);
            for (half, out) in wide.chunks_exact_mut(32).enumerate() {
                out.copy_from_slice(&Prf::new(&key).str(part).u64(row as u64).u64(half as u64).finish()[..]);
            }
            from_wide_bytes(&wide)
        };
        ColumnBlinds {
            rows: (0..layout.blinding_rows()).map(|row| element("blinding row", row)).collect(),
            scalars: (0..layout.grid().matrix_rows()).map(|row| element("blinding scalar", row)).collect(),
        }
    }
}

impl fmt::Debug for BlindingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindingSource(hidden)")
    }
}

/// What hides one column: its blinding rows, and a blinding scalar for each matrix row.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct ColumnBlinds {
    pub(super) rows: Vec<F>,
    pub(super) scalars: Vec<F>,
}

impl ColumnBlinds {
    /// Fresh blinding, for a query-time column.
    pub(super) fn fresh(layout: &Layout, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self {
            rows: (0..layout.blinding_rows()).map(|_| random_element(rng)).collect(),
            scalars: (0..layout.grid().matrix_rows()).map(|_| random_element(rng)).collect(),
        }
    }
}

impl fmt::Debug for ColumnBlinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ColumnBlinds(hidden)")
    }
}

/// A uniform field element from the generator.
pub(super) fn random_element(rng: &mut (impl RngCore + CryptoRng)) -> F {
    let mut wide = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut wide[..]);
    from_wide_bytes(&wide)
}

/// HMAC-SHA256 over items, each after its length as eight big-endian bytes.
pub(crate) struct Prf(Hmac<Sha256>);

impl Prf {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        // The key fits a SHA-256 block, which is what `new` asks for; shorter than a block, it is the HMAC key as is.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(key);
        Self(Hmac::new((&*block).into()))
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn str(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_be_bytes())
    }

    pub(crate) fn finish(self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::CurveGroup;
    use rand::{SeedableRng, rngs::StdRng};

    use super::super::column::SecretColumn;
    use super::super::forgers::TINY;
    use super::super::generators::generators;
    use super::*;
    use crate::field::to_bytes;

    fn master() -> MasterSecret {
        MasterSecret::from_bytes(std::array::from_fn(|k| k as u8))
    }

    fn source(number: u32, salt: u8) -> BlindingSource {
        BlindingSource::new(&master(), ObjectKind::Epoch, "Site A", "breast", number, &Salt::from_bytes([salt; 32]))
    }

    /// Computed by an independent implementation (a dozen lines of Python).
    #[test]
    fn the_prf_is_pinned() {
        let subkey = master().subkey(domain::PATIENT_SECRET);
        assert_eq!(hex::encode(*subkey), "4a63671f4d7054682b124b5074584e2892ebde5551eb3f99bb8ebfdcee31639f");

        let salt = Salt::from_bytes([7; 32]);
        let source = BlindingSource::new(&master(), ObjectKind::Manifest, "Site A", "breast", 3, &salt);
        let layout = Layout::column(&TINY, 3).unwrap();
        let blinds = source.column("age", &layout, &vec![1u16, 0, 65535].into());
        let text = |x: &F| hex::encode(to_bytes(x));
        assert_eq!((blinds.rows.len(), blinds.scalars.len()), (6, 4));
        assert_eq!(text(&blinds.rows[0]), "19e54e5417ea69bf06710fc4a6525b5b251a29c57db48c034f53a9037c92da7f");
        assert_eq!(text(&blinds.rows[5]), "16dc22f301da338b99cc3dfd5dae8b6bce1b6057ccaf90ab032b213e0c9708ff");
        assert_eq!(text(&blinds.scalars[0]), "0869f60c8232f768d075d22be7c9fea5ac28ad0cfce64d0498f7520612f9865b");
        assert_eq!(text(&blinds.scalars[3]), "0076ca8d32c35db268ebbf60900717ff27e866e8220b1e3102c715b75f830769");
    }

    /// Every part of a label counts: no two of these blindings have an element in common.
    #[test]
    fn every_part_of_a_label_counts() {
        let salt = Salt::from_bytes([1; 32]);
        let flags: ColumnData = vec![0u16, 1, 1].into();
        let layout = Layout::column(&TINY, 3).unwrap();
        let (other_layout, other_flags): (_, ColumnData) = (Layout::column(&TINY, 4).unwrap(), vec![0u16, 1, 0].into());
        let from =
            |kind, site, table, number, salt: &Salt| BlindingSource::new(&master(), kind, site, table, number, salt);
        let base = from(ObjectKind::Epoch, "a", "b", 1, &salt);
        let other_master = MasterSecret::from_bytes([9; 32]);
        let all = [
            base.column("c", &layout, &flags),
            base.column("d", &layout, &flags),
            base.column("c", &other_layout, &vec![0u16, 1, 1, 0].into()),
            base.column("c", &layout, &other_flags),
            base.column("c", &layout, &vec![0u32, 1, 1].into()),
            from(ObjectKind::Manifest, "a", "b", 1, &salt).column("c", &layout, &flags),
            from(ObjectKind::Epoch, "ab", "", 1, &salt).column("c", &layout, &flags),
            from(ObjectKind::Epoch, "a", "B", 1, &salt).column("c", &layout, &flags),
            from(ObjectKind::Epoch, "a", "b", 2, &salt).column("c", &layout, &flags),
            from(ObjectKind::Epoch, "a", "b", 1, &Salt::from_bytes([2; 32])).column("c", &layout, &flags),
            BlindingSource::new(&other_master, ObjectKind::Epoch, "a", "b", 1, &salt).column("c", &layout, &flags),
        ];
        let mut seen = std::collections::BTreeSet::new();
        for blinds in &all {
            for element in blinds.rows.iter().chain(&blinds.scalars) {
                assert!(seen.insert(to_bytes(element)));
            }
        }
        // The same label and content: the same blinding, or nobody could open what was registered.
        let again = base.column("c", &layout, &flags);
        assert_eq!((&again.rows, &again.scalars), (&all[0].rows, &all[0].scalars));
    }

    /// A matrix row in which two commitments differ by just a generator: where a flag changed, for all to see.
    fn row_given_away(a: &SecretColumn, b: &SecretColumn) -> Option<usize> {
        let (a_points, b_points) = (a.commit(), b.commit());
        (0..a.layout().grid().matrix_rows()).find(|row| {
            let difference = (b_points.points()[*row] - a_points.points()[*row]).into_affine();
            generators(&a.layout().grid()).iter().any(|g| *g == difference || *g == -difference)
        })
    }

    #[test]
    fn trap_19_a_revocation_does_not_show() {
        let layout = Layout::column(&TINY, 20).unwrap();
        let mut flags = vec![1u16; 20];
        let column = |flags: &[u16], source: &BlindingSource| {
            SecretColumn::registered(layout, "DUO:0000042/academic", flags.to_vec(), source).unwrap()
        };
        let before = column(&flags, &source(1, 1));
        flags[13] = 0;
        // The next epoch; the same epoch committed again; the same with the salt of a restored backup.
        for (what, source) in [("next", source(2, 2)), ("again", source(1, 2)), ("restored", source(1, 1))] {
            let after = column(&flags, &source);
            assert_eq!(row_given_away(&before, &after), None, "{what}");
            // Rows without a change differ as well.
            let (a, b) = (before.commit(), after.commit());
            assert!(a.points().iter().zip(b.points()).all(|(a, b)| a != b), "{what}");
        }
        // What it would look like if one label served both contents.
        let mut same_label = column(&flags, &source(2, 2));
        same_label.blinds = source(1, 1).column("DUO:0000042/academic", &layout, &before.data);
        assert_eq!(row_given_away(&before, &same_label), Some(13 / 8));
    }

    #[test]
    fn trap_25_every_column_has_blinding_rows_of_its_own() {
        let mut rng = StdRng::seed_from_u64(31);
        let (layout, counts) = (Layout::column(&TINY, 20).unwrap(), Layout::multiplicity(&TINY).unwrap());
        let data = vec![1u16; 20];
        let columns = [
            SecretColumn::registered(layout, "a", data.clone(), &source(1, 1)).unwrap(),
            SecretColumn::registered(layout, "b", data.clone(), &source(1, 1)).unwrap(),
            SecretColumn::query_time(layout, data.clone(), &mut rng).unwrap(),
            SecretColumn::query_time(layout, data, &mut rng).unwrap(),
            SecretColumn::query_time(counts, vec![1u32; 8], &mut rng).unwrap(),
            SecretColumn::query_time(counts, vec![1u32; 8], &mut rng).unwrap(),
        ];
        let rows: Vec<_> = columns.iter().flat_map(|column| column.blinding_rows().iter().map(to_bytes)).collect();
        let distinct: std::collections::BTreeSet<_> = rows.iter().collect();
        assert_eq!((rows.len(), distinct.len()), (4 * 6 + 2 * 8, 4 * 6 + 2 * 8));
    }

    #[test]
    fn query_time_columns_are_blinded_anew_each_time() {
        let mut rng = StdRng::seed_from_u64(30);
        let layout = Layout::column(&TINY, 20).unwrap();
        let [a, b] = [(); 2].map(|()| SecretColumn::query_time(layout, vec![1u16; 20], &mut rng).unwrap().commit());
        assert!(a.points().iter().zip(b.points()).all(|(a, b)| a != b));
    }
}
