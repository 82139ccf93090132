//! The tree against the RFC's recursive definition, its verifiers against the RFC's step-by-step algorithms, both
//! written out in [`rfc`]; published vectors and cases; every way to alter a proof.

mod altered;
mod published;
mod rfc;

use proptest::prelude::*;

use super::*;

/// Distinct leaves.
fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn tree_of(leaves: &[Digest]) -> MerkleTree {
    let mut tree = MerkleTree::new();
    for (i, leaf) in leaves.iter().enumerate() {
        assert_eq!(tree.push(*leaf), i as u64);
    }
    tree
}

#[test]
fn roots_of_the_classic_vector() {
    let entries = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = MerkleTree::new();
    assert_eq!(tree.root().to_string(), roots[0]);
    assert_eq!(empty_root().to_string(), roots[0]);
    for (i, entry) in entries.iter().enumerate() {
        tree.push(leaf_hash(&hex::decode(entry).unwrap()));
        assert_eq!(tree.root().to_string(), roots[i + 1]);
    }
    for (size, root) in roots.iter().enumerate() {
        assert_eq!(tree.root_at(size as u64).unwrap().to_string(), *root);
    }
    assert_eq!(tree.root_at(9), None);
}

#[test]
fn an_entry_is_not_an_inner_node() {
    let [left, right] = [leaf_hash(b"l"), leaf_hash(b"r")];
    let both = [left.as_bytes().as_slice(), right.as_bytes()].concat();
    assert_ne!(leaf_hash(&both), node_hash(&left, &right));
    assert_ne!(node_hash(&right, &left), node_hash(&left, &right));
    assert_ne!(leaf_hash(b""), empty_root());
}

#[test]
fn all_small_trees_are_as_the_rfc_defines_them() {
    let leaves = leaves(70);
    let tree = tree_of(&leaves);
    assert_eq!((tree.len(), tree.is_empty()), (70, false));
    for size in 0..=70 {
        let root = tree.root_at(size).unwrap();
        let data = &leaves[..size as usize];
        assert_eq!(root, rfc::mth(data), "root of {size}");
        assert_eq!(root, tree_of(data).root(), "grown to {size}");
        for index in 0..size {
            let path = tree.inclusion(index, size).unwrap();
            assert_eq!(path, rfc::path(index as usize, data), "entry {index} of {size}");
            let leaf = tree.leaf(index).unwrap();
            assert_eq!(leaf, leaves[index as usize]);
            assert_eq!(verify_inclusion(leaf, index, size, &path, root), Ok(()), "entry {index} of {size}");
        }
        for old in 0..=size {
            let path = tree.consistency(old, size).unwrap();
            if 0 < old && old < size {
                assert_eq!(path, rfc::proof(old as usize, data), "{old} to {size}");
            } else {
                assert_eq!(path, []);
            }
            let old_root = tree.root_at(old).unwrap();
            assert_eq!(verify_consistency(old, size, old_root, root, &path), Ok(()), "{old} to {size}");
        }
    }
}

#[test]
fn a_tree_proves_nothing_about_what_it_has_not() {
    let empty = MerkleTree::new();
    assert_eq!((empty.len(), empty.is_empty(), empty.leaf(0)), (0, true, None));
    assert_eq!(empty.inclusion(0, 0), Err(MerkleError::NoSuchEntry { index: 0, size: 0 }));
    assert_eq!(empty.inclusion(0, 1), Err(MerkleError::NotYet { size: 1, len: 0 }));
    assert_eq!(empty.consistency(0, 0), Ok(Vec::new()));
    assert_eq!(empty.consistency(0, 1), Err(MerkleError::NotYet { size: 1, len: 0 }));

    let tree = tree_of(&leaves(5));
    assert_eq!(tree.inclusion(5, 5), Err(MerkleError::NoSuchEntry { index: 5, size: 5 }));
    assert_eq!(tree.inclusion(4, 4), Err(MerkleError::NoSuchEntry { index: 4, size: 4 }));
    assert_eq!(tree.inclusion(u64::MAX, 5), Err(MerkleError::NoSuchEntry { index: u64::MAX, size: 5 }));
    assert_eq!(tree.inclusion(4, 6), Err(MerkleError::NotYet { size: 6, len: 5 }));
    assert_eq!(tree.inclusion(0, u64::MAX), Err(MerkleError::NotYet { size: u64::MAX, len: 5 }));
    assert_eq!(tree.consistency(4, 3), Err(MerkleError::Shrunk { old: 4, new: 3 }));
    assert_eq!(tree.consistency(u64::MAX, 5), Err(MerkleError::Shrunk { old: u64::MAX, new: 5 }));
    assert_eq!(tree.consistency(4, 6), Err(MerkleError::NotYet { size: 6, len: 5 }));
    assert_eq!(tree.consistency(u64::MAX, u64::MAX), Err(MerkleError::NotYet { size: u64::MAX, len: 5 }));
    assert_eq!((tree.leaf(4).is_some(), tree.leaf(5), tree.leaf(u64::MAX)), (true, None, None));
    assert_eq!((tree.root_at(5).is_some(), tree.root_at(6), tree.root_at(u64::MAX)), (true, None, None));
}

#[test]
fn errors_are_sentences() {
    let tree = tree_of(&leaves(5));
    assert_eq!(
        tree.inclusion(7, 5).unwrap_err().to_string(),
        "there is no entry 7 in a tree of 5 entries: entries are counted from 0"
    );
    let long = vec![empty_root(); 65];
    assert_eq!(
        verify_inclusion(empty_root(), 0, u64::MAX, &long, empty_root()).unwrap_err().to_string(),
        "the path has 65 hashes, the longest allowed has 64"
    );
    assert_eq!(
        verify_consistency(3, 5, empty_root(), empty_root(), &[]).unwrap_err().to_string(),
        "the path has 0 hashes, for these sizes it has exactly 4"
    );
}

/// Sizes at which something may overflow, and small ones.
fn size() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..300u64,
        (0..64u32, -2..=2i64).prop_map(|(bit, near)| (1u64 << bit).wrapping_add_signed(near)),
        (0..300u64).prop_map(|below| u64::MAX - below),
        any::<u64>(),
    ]
}

fn digests(count: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Digest>> {
    prop::collection::vec(any::<[u8; 32]>().prop_map(Digest::from_bytes), count)
}

proptest! {
    #[test]
    fn large_trees_are_as_the_rfc_defines_them(len in 71..1500u64, pick in any::<[u64; 3]>()) {
        let leaves = leaves(len);
        let tree = tree_of(&leaves);
        let new = 1 + pick[0] % len;
        let (old, index) = (1 + pick[1] % new, pick[2] % new);
        let data = &leaves[..new as usize];
        let (old_root, new_root) = (tree.root_at(old).unwrap(), tree.root_at(new).unwrap());
        prop_assert_eq!(new_root, rfc::mth(data));
        let path = tree.inclusion(index, new).unwrap();
        prop_assert_eq!(&path, &rfc::path(index as usize, data));
        prop_assert_eq!(verify_inclusion(leaves[index as usize], index, new, &path, new_root), Ok(()));
        let path = tree.consistency(old, new).unwrap();
        if old < new {
            prop_assert_eq!(&path, &rfc::proof(old as usize, data));
        }
        prop_assert_eq!(verify_consistency(old, new, old_root, new_root, &path), Ok(()));
    }

    /// At any size and with any path the verdict is that of the RFC's algorithm, whose loops find the right length
    /// by themselves: a path of one length at most is accepted, with one root only.
    #[test]
    fn inclusion_is_decided_as_in_the_rfc(
        numbers in (size(), size()), sorted in any::<bool>(), all in digests(66), root in any::<[u8; 32]>(),
    ) {
        let (mut index, mut size) = numbers;
        if sorted && index > size {
            (index, size) = (size, index);
        }
        let leaf = leaf_hash(b"leaf");
        let mut accepted = 0;
        for length in 0..=66 {
            let path = &all[..length];
            prop_assert!(verify_inclusion(leaf, index, size, path, Digest::from_bytes(root)).is_err());
            match rfc::inclusion_root(leaf, index, size, path) {
                Some(root) => {
                    prop_assert_eq!(verify_inclusion(leaf, index, size, path, root), Ok(()));
                    accepted += 1;
                }
                None => prop_assert!(verify_inclusion(leaf, index, size, path, leaf).is_err()),
            }
        }
        prop_assert_eq!(accepted, u32::from(index < size));
    }

    #[test]
    fn consistency_is_decided_as_in_the_rfc(
        numbers in (size(), size()), sorted in any::<bool>(), all in digests(66), other in any::<[u8; 32]>(),
    ) {
        let (mut old, mut new) = numbers;
        if sorted && old > new {
            (old, new) = (new, old);
        }
        let other = Digest::from_bytes(other);
        let mut accepted = 0;
        for length in 0..=66 {
            let path = &all[..length];
            // Where the old root is not in the path, any root will do for the older tree, and leads to a newer one.
            match rfc::consistency_roots(old, new, other, path) {
                Some((old_root, new_root)) if length <= MAX_PATH => {
                    prop_assert_eq!(verify_consistency(old, new, old_root, new_root, path), Ok(()));
                    prop_assert!(verify_consistency(old, new, old_root, other, path).is_err());
                    prop_assert!(verify_consistency(old, new, new_root, new_root, path).is_err());
                    accepted += 1;
                }
                Some(_) => {
                    prop_assert!(new > 1 << 63);
                    let refused = verify_consistency(old, new, other, other, path);
                    prop_assert_eq!(refused, Err(MerkleError::PathTooLong { found: length }));
                    accepted += 1;
                }
                None if old > 0 && old != new => {
                    prop_assert!(verify_consistency(old, new, other, other, path).is_err());
                }
                // The RFC is silent on these two.
                None => {
                    let trivial = verify_consistency(old, new, other, other, path);
                    prop_assert_eq!(trivial.is_ok(), old == new && old > 0 && length == 0);
                }
            }
        }
        prop_assert_eq!(accepted, u32::from(0 < old && old < new));
    }
}

#[test]
fn the_longest_paths() {
    // The first and the last entry but one of the largest tree that a size can name.
    let path = leaves(64);
    for index in [0, 1, u64::MAX / 2, u64::MAX - 2] {
        let root = rfc::inclusion_root(empty_root(), index, u64::MAX, &path).unwrap();
        assert_eq!(verify_inclusion(empty_root(), index, u64::MAX, &path, root), Ok(()));
    }
    let outside = MerkleError::NoSuchEntry { index: u64::MAX, size: u64::MAX };
    assert_eq!(verify_inclusion(empty_root(), u64::MAX, u64::MAX, &path, empty_root()), Err(outside));
    // A consistency path between trees of up to 2^63 entries has 64 hashes at most; beyond, one may have 65.
    let (old, new) = ((1 << 62) + 1, 1 << 63);
    let roots = rfc::consistency_roots(old, new, empty_root(), &path).unwrap();
    assert_eq!(verify_consistency(old, new, roots.0, roots.1, &path), Ok(()));
    let path = leaves(65);
    let (old, new) = ((1 << 63) + 1, u64::MAX);
    let roots = rfc::consistency_roots(old, new, empty_root(), &path).unwrap();
    let refused = verify_consistency(old, new, roots.0, roots.1, &path);
    assert_eq!(refused, Err(MerkleError::PathTooLong { found: 65 }));
    assert_eq!(
        verify_consistency(old, new, roots.0, roots.1, &path[1..]),
        Err(MerkleError::PathLength { found: 64, expected: 65 })
    );
}
