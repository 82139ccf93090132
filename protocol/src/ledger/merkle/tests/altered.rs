//! Every proof of every small tree, altered in every way: refused.

use super::*;

const SIZES: u64 = 40;

fn flipped(digest: Digest, bit: usize) -> Digest {
    let mut bytes = *digest.as_bytes();
    bytes[bit / 8 % 32] ^= 1 << (bit % 8);
    Digest::from_bytes(bytes)
}

/// Every path that differs from this one by one flipped bit of a hash, one hash more or less, or two that are swapped.
fn altered(path: &[Digest], others: &[Digest]) -> Vec<Vec<Digest>> {
    let mut all = Vec::new();
    for at in 0..path.len() {
        let mut changed = path.to_vec();
        changed[at] = flipped(path[at], 7 + 31 * at);
        all.push(changed);
        let mut shorter = path.to_vec();
        shorter.remove(at);
        all.push(shorter);
        for other in at + 1..path.len() {
            let mut swapped = path.to_vec();
            swapped.swap(at, other);
            all.push(swapped);
        }
    }
    for at in 0..=path.len() {
        for more in others.iter().chain(path) {
            let mut longer = path.to_vec();
            longer.insert(at, *more);
            all.push(longer);
        }
    }
    if !path.is_empty() {
        all.push(Vec::new());
    }
    let end = path.last().copied().unwrap_or_else(empty_root);
    all.push([path, &[end; 65][..65 - path.len()]].concat());
    all
}

#[test]
fn inclusion() {
    let leaves = leaves(SIZES);
    let tree = tree_of(&leaves);
    for size in 1..=SIZES {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let leaf = leaves[index as usize];
            let path = tree.inclusion(index, size).unwrap();
            for path in altered(&path, &[leaf, root]) {
                assert!(verify_inclusion(leaf, index, size, &path, root).is_err(), "{index} of {size}");
            }
            // Another entry, another index, another root.
            assert!(verify_inclusion(flipped(leaf, 255), index, size, &path, root).is_err());
            assert!(verify_inclusion(leaf, index, size, &path, flipped(root, 0)).is_err());
            assert!(verify_inclusion(leaf, index, size, &path, empty_root()).is_err());
            for other in (0..SIZES + 1).chain([u64::MAX - 1, u64::MAX]).filter(|other| *other != index) {
                assert!(verify_inclusion(leaf, other, size, &path, root).is_err(), "{index} as {other} of {size}");
                if let Some(other) = leaves.get(other as usize) {
                    assert!(verify_inclusion(*other, index, size, &path, root).is_err());
                }
            }
            // Another size with its own root.
            for other in (0..=SIZES).filter(|other| *other != size) {
                let root = tree.root_at(other).unwrap();
                assert!(verify_inclusion(leaf, index, other, &path, root).is_err(), "{index} of {size} in {other}");
            }
        }
    }
}

/// What the module's documentation warns of: a false size beside a true root passes exactly if the path has the
/// same form. It is as easy to forget as it is harmless with a signature over both.
#[test]
fn a_false_size_passes_only_where_the_form_is_the_same() {
    let leaves = leaves(SIZES);
    let tree = tree_of(&leaves);
    let mut passed = 0;
    for size in 1..=SIZES {
        let root = tree.root_at(size).unwrap();
        for index in 0..size {
            let (leaf, path) = (leaves[index as usize], tree.inclusion(index, size).unwrap());
            for other in (0..=SIZES).chain([1 << 63, u64::MAX]).filter(|other| *other != size) {
                let verdict = verify_inclusion(leaf, index, other, &path, root);
                let same_form = index < other && sides(index, other) == sides(index, size);
                assert_eq!(verdict.is_ok(), same_form, "{index} of {size} as of {other}");
                passed += u32::from(same_form);
            }
        }
    }
    assert!(passed > 0);
    assert_eq!(sides(0, 3), sides(0, 4));
}

/// From the bottom up, whether an entry is in the left part, by the definition's recursion.
fn sides(index: u64, size: u64) -> Vec<bool> {
    if size == 1 {
        return Vec::new();
    }
    let k = split(size);
    let left = index < k;
    let mut inner = if left { sides(index, k) } else { sides(index - k, size - k) };
    inner.push(left);
    inner
}

#[test]
fn consistency() {
    let tree = tree_of(&leaves(SIZES));
    let roots: Vec<Digest> = (0..=SIZES).map(|size| tree.root_at(size).unwrap()).collect();
    let root = |size: u64| roots[size as usize];
    for new in 0..=SIZES {
        for old in 0..=new {
            let path = tree.consistency(old, new).unwrap();
            for path in altered(&path, &[root(old), root(new)]) {
                assert!(verify_consistency(old, new, root(old), root(new), &path).is_err(), "{old} to {new}");
            }
            assert!(verify_consistency(old, new, flipped(root(old), 3), root(new), &path).is_err());
            // The empty tree is consistent with whatever follows.
            let any_new = old == 0 && new > 0;
            assert_eq!(verify_consistency(old, new, root(old), flipped(root(new), 3), &path).is_ok(), any_new);
            if old < new {
                assert!(verify_consistency(old, new, root(new), root(old), &path).is_err(), "roots swapped");
                assert!(verify_consistency(new, old, root(new), root(old), &path).is_err(), "all swapped");
                assert!(verify_consistency(old, new, root(new), root(new), &path).is_err());
            }
            for other in 0..=SIZES {
                if other != old {
                    // Another older size, with the true root of either.
                    assert!(verify_consistency(other, new, root(old), root(new), &path).is_err());
                    let trivial = other <= new && path.is_empty() && (other == 0 || other == new);
                    let verdict = verify_consistency(other, new, root(other), root(new), &path);
                    assert_eq!(verdict.is_ok(), trivial, "{old} to {new} as from {other}");
                }
                if other != new && old > 0 {
                    let trivial = path.is_empty() && other == old;
                    let verdict = verify_consistency(old, other, root(old), root(other), &path);
                    assert_eq!(verdict.is_ok(), trivial, "{old} to {new} as to {other}");
                }
            }
        }
    }
}

#[test]
fn a_rewritten_history_is_refused() {
    let honest = tree_of(&leaves(SIZES));
    for old in 1..SIZES {
        // One entry of the older tree is another one in the newer.
        for changed in 0..old {
            let mut entries = leaves(SIZES);
            entries[changed as usize] = leaf_hash(b"rewritten");
            let rewritten = tree_of(&entries);
            let path = rewritten.consistency(old, SIZES).unwrap();
            let verdict = verify_consistency(old, SIZES, honest.root_at(old).unwrap(), rewritten.root(), &path);
            assert!(verdict.is_err(), "entry {changed} of {old}");
        }
    }
}

#[test]
fn what_the_rfc_leaves_out() {
    let [empty, a, b] = [empty_root(), leaf_hash(b"a"), leaf_hash(b"b")];
    // A tree and itself: equal roots, nothing else.
    assert_eq!(verify_consistency(0, 0, empty, empty, &[]), Ok(()));
    assert!(verify_consistency(0, 0, a, a, &[]).is_err(), "a root that the empty tree cannot have");
    assert!(verify_consistency(0, 0, empty, a, &[]).is_err());
    assert_eq!(verify_consistency(u64::MAX, u64::MAX, a, a, &[]), Ok(()));
    assert!(verify_consistency(u64::MAX, u64::MAX, a, b, &[]).is_err());
    assert!(verify_consistency(7, 7, a, a, &[a]).is_err());
    // The empty tree and any other: its root is known.
    assert_eq!(verify_consistency(0, u64::MAX, empty, a, &[]), Ok(()));
    assert!(verify_consistency(0, 1, a, a, &[]).is_err());
    assert!(verify_consistency(0, 1, empty, a, &[a]).is_err());
    assert!(verify_consistency(1, 0, a, empty, &[]).is_err());
}
