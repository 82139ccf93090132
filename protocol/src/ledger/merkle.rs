//! The Merkle tree over the ledger's transactions: SHA-256, as RFC 6962 (section 2.1) defines it and RFC 9162
//! (sections 2.1.1 to 2.1.4) keeps it.
//!
//! ```text
//! MTH({})     = SHA-256()
//! MTH({d})    = SHA-256(0x00 || d)
//! MTH(D[0:n]) = SHA-256(0x01 || MTH(D[0:k]) || MTH(D[k:n])),  k the largest power of two below n
//! ```
//!
//! These digests alone are not taken with [`crate::hash::Hasher`] under a domain tag: existing followers and
//! witnesses of transparency logs have to compute the same. The leading byte separates entries from inner
//! nodes, so that no inner node passes for an entry.
//!
//! **What a proof is worth.** The verifiers check a path against a size and a root that the caller has from
//! elsewhere, from a signed checkpoint. Size and root belong together: for an entry of the left half, say, trees of
//! 3 and of 4 entries have paths of the same form, so a true root with a false size can pass. A root without the
//! signature over its size proves nothing.

use sha2::Digest as _;
use sha2::Sha256;

use crate::hash::Digest;

/// The longest path that is looked at. Every inclusion path fits, and every consistency path between trees of up to
/// 2^63 entries. Readers may refuse longer ones before decoding them.
pub const MAX_PATH: usize = 64;

/// Why there is no proof, or why one is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// The index is not below the size.
    #[error("there is no entry {index} in a tree of {size} entries: entries are counted from 0")]
    NoSuchEntry {
        /// The index asked for.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The tree has not grown to this size yet.
    #[error("the tree has {len} entries, so nothing can be proved about a tree of {size}")]
    NotYet {
        /// The size asked for.
        size: u64,
        /// What there is.
        len: u64,
    },
    /// The older tree is larger than the newer.
    #[error("the older tree has {old} entries and the newer only {new}: a tree never shrinks")]
    Shrunk {
        /// The older size.
        old: u64,
        /// The newer size.
        new: u64,
    },
    /// A path that is longer than any that is looked at.
    #[error("the path has {found} hashes, the longest allowed has {MAX_PATH}")]
    PathTooLong {
        /// The path's length.
        found: usize,
    },
    /// The path's length is not the one that follows from the sizes.
    #[error("the path has {found} hashes, for these sizes it has exactly {expected}")]
    PathLength {
        /// The path's length.
        found: usize,
        /// What follows from the sizes.
        expected: usize,
    },
    /// An entry's path leads to another root.
    #[error("the path of entry {index} leads to the root {computed}, the tree of {size} entries has the root {root}")]
    Inclusion {
        /// The entry's index.
        index: u64,
        /// The tree's size.
        size: u64,
        /// The root that the caller has.
        root: Digest,
        /// The root that the path leads to.
        computed: Digest,
    },
    /// A consistency path leads to another root of the older tree.
    #[error("the path leads to the root {computed} of the older tree of {size} entries, its root is {root}")]
    OldRoot {
        /// The older size.
        size: u64,
        /// The root that the caller has.
        root: Digest,
        /// The root that the path leads to.
        computed: Digest,
    },
    /// A consistency path leads to another root of the newer tree.
    #[error("the path leads to the root {computed} of the newer tree of {size} entries, its root is {root}")]
    NewRoot {
        /// The newer size.
        size: u64,
        /// The root that the caller has.
        root: Digest,
        /// The root that the path leads to.
        computed: Digest,
    },
}

/// The hash of an entry: `SHA-256(0x00 || data)`.
pub fn leaf_hash(data: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(data);
    Digest::from_bytes(hasher.finalize().into())
}

/// The hash of an inner node: `SHA-256(0x01 || left || right)`.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Digest::from_bytes(hasher.finalize().into())
}

/// The root of the tree without entries: SHA-256 of nothing.
pub fn empty_root() -> Digest {
    Digest::of_bytes(&[])
}

/// An append-only tree. It keeps the hash of every complete subtree, about two for each entry, so that the root and
/// the proofs of *any* size up to the present one take a logarithmic number of hashes.
#[derive(Debug, Clone, Default)]
pub struct MerkleTree {
    /// `levels[l][i]` covers the `2^l` entries from `i * 2^l`. An incomplete subtree is never in here, so nothing
    /// in here ever changes.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// A tree without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry, given by its [`leaf_hash`]; returns its index.
    pub fn push(&mut self, leaf: Digest) -> u64 {
        let index = self.len();
        let mut hash = leaf;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let nodes = &mut self.levels[level];
            nodes.push(hash);
            // An even number: the last two are siblings, and their parent is complete now.
            match nodes.as_slice() {
                [.., left, right] if nodes.len().is_multiple_of(2) => hash = node_hash(left, right),
                _ => break,
            }
        }
        index
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The hash of an entry.
    pub fn leaf(&self, index: u64) -> Option<Digest> {
        self.levels.first()?.get(usize::try_from(index).ok()?).copied()
    }

    /// The root over all entries.
    pub fn root(&self) -> Digest {
        self.subtree(0, self.len())
    }

    /// The root over the first `size` entries, if there are so many.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        (size <= self.len()).then(|| self.subtree(0, size))
    }

    /// The path from an entry to the root of the first `size` entries, from the bottom up: `PATH(index, D[0:size])`
    /// of RFC 9162, section 2.1.3.1.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, MerkleError> {
        self.grown_to(size)?;
        if index >= size {
            return Err(MerkleError::NoSuchEntry { index, size });
        }
        let (mut start, mut end) = (0, size);
        let mut path = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            if index < middle {
                path.push(self.subtree(middle, end));
                end = middle;
            } else {
                path.push(self.subtree(start, middle));
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// That the first `new` entries begin with the first `old`: `PROOF(old, D[0:new])` of RFC 9162, section 2.1.4.1.
    /// The RFC defines it for `0 < old < new`; for `old == 0` and `old == new` there is nothing to show and the
    /// path is empty.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, MerkleError> {
        if old > new {
            return Err(MerkleError::Shrunk { old, new });
        }
        self.grown_to(new)?;
        let mut path = Vec::new();
        if old == 0 {
            return Ok(path);
        }
        let (mut start, mut end) = (0, new);
        while end != old {
            let middle = start + split(end - start);
            if old <= middle {
                path.push(self.subtree(middle, end));
                end = middle;
            } else {
                path.push(self.subtree(start, middle));
                start = middle;
            }
        }
        // Starting from 0, what is left is the whole older tree, whose root the verifier has.
        if start > 0 {
            path.push(self.subtree(start, end));
        }
        path.reverse();
        Ok(path)
    }

    fn grown_to(&self, size: u64) -> Result<(), MerkleError> {
        let len = self.len();
        if size > len {
            return Err(MerkleError::NotYet { size, len });
        }
        Ok(())
    }

    /// `MTH(D[start:end])` of a node of the tree: `start` is a multiple of a power of two not below `end - start`, so
    /// the complete subtrees it is made of are the ones that are kept, the smallest at its right end.
    fn subtree(&self, start: u64, end: u64) -> Digest {
        let mut rest = end - start;
        let mut root = None;
        while rest > 0 {
            let level = rest.trailing_zeros();
            rest &= rest - 1;
            let complete = &self.levels[level as usize][((start + rest) >> level) as usize];
            root = Some(root.map_or(*complete, |right| node_hash(complete, &right)));
        }
        root.unwrap_or_else(empty_root)
    }
}

/// The largest power of two below a number of at least 2.
fn split(entries: u64) -> u64 {
    1 << (entries - 1).ilog2()
}

/// The way from a node to the root: the node's number within its level, and the number of the level's last node.
struct Climb {
    node: u64,
    /// Up to the level where the node's ancestor and the last node's are one, siblings are on either side.
    shared: u32,
    /// Above it the ancestor is the last of its level. There a sibling is on the left, or there is none.
    above: u32,
}

impl Climb {
    fn new(node: u64, last: u64) -> Self {
        let shared = u64::BITS - (node ^ last).leading_zeros();
        Self { node, shared, above: node.checked_shr(shared).unwrap_or(0).count_ones() }
    }

    fn len(&self) -> usize {
        (self.shared + self.above) as usize
    }

    /// Whether the sibling at this step is on the left.
    fn sibling_is_left(&self, step: usize) -> bool {
        step >= self.shared as usize || self.node >> step & 1 == 1
    }
}

fn exactly(path: &[Digest], expected: usize) -> Result<(), MerkleError> {
    let found = path.len();
    if found > MAX_PATH {
        return Err(MerkleError::PathTooLong { found });
    }
    if found != expected {
        return Err(MerkleError::PathLength { found, expected });
    }
    Ok(())
}

/// Checks that `leaf` is entry `index` of the tree of `size` entries with this root: RFC 9162, section 2.1.3.2. What
/// the RFC finds out while climbing, that the path is too short or too long, is settled first from the sizes.
pub fn verify_inclusion(leaf: Digest, index: u64, size: u64, path: &[Digest], root: Digest) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::NoSuchEntry { index, size });
    }
    let climb = Climb::new(index, size - 1);
    exactly(path, climb.len())?;
    let computed = path.iter().enumerate().fold(leaf, |hash, (step, sibling)| {
        if climb.sibling_is_left(step) { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) }
    });
    if computed != root {
        return Err(MerkleError::Inclusion { index, size, root, computed });
    }
    Ok(())
}

/// Checks that the tree of `new` entries begins with the tree of `old` entries: RFC 9162, section 2.1.4.2.
///
/// The RFC defines this for `0 < old < new`. Beyond it, with an empty path only: a tree is consistent with itself, and
/// the empty tree with every tree. A caller to whom `old` comes from outside must know that 0 proves nothing.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: Digest,
    new_root: Digest,
    path: &[Digest],
) -> Result<(), MerkleError> {
    let is_old = |computed| match computed == old_root {
        true => Ok(()),
        false => Err(MerkleError::OldRoot { size: old, root: old_root, computed }),
    };
    let is_new = |computed| match computed == new_root {
        true => Ok(()),
        false => Err(MerkleError::NewRoot { size: new, root: new_root, computed }),
    };
    if old > new {
        return Err(MerkleError::Shrunk { old, new });
    }
    if old == 0 {
        exactly(path, 0)?;
        is_old(empty_root())?;
        return if new == 0 { is_new(empty_root()) } else { Ok(()) };
    }
    if old == new {
        exactly(path, 0)?;
        return is_new(old_root);
    }
    // The climb starts at the last complete subtree of the older tree, the largest that ends where it ends. If that is
    // the whole older tree, its root is not in the path.
    let level = old.trailing_zeros();
    let climb = Climb::new((old - 1) >> level, (new - 1) >> level);
    let (first, siblings) = if old.is_power_of_two() {
        exactly(path, climb.len())?;
        (old_root, path)
    } else {
        exactly(path, climb.len() + 1)?;
        (path[0], &path[1..])
    };
    let (mut old_hash, mut new_hash) = (first, first);
    for (step, sibling) in siblings.iter().enumerate() {
        if climb.sibling_is_left(step) {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
        } else {
            // What is on the right came later: the older tree has nothing of it.
            new_hash = node_hash(&new_hash, sibling);
        }
    }
    is_old(old_hash)?;
    is_new(new_hash)
}

#[cfg(test)]
mod tests;
