//! The text of RFC 9162, word for word and slowly: what the implementation is measured by.

use crate::hash::Digest;
use crate::ledger::merkle::empty_root;
use crate::ledger::merkle::node_hash;

/// The largest power of two below `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// Section 2.1.1.
pub(super) fn mth(data: &[Digest]) -> Digest {
    match data {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = data.split_at(k(data.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// Section 2.1.3.1.
pub(super) fn path(m: usize, data: &[Digest]) -> Vec<Digest> {
    if data.len() == 1 {
        return Vec::new();
    }
    let k = k(data.len());
    let (left, right) = data.split_at(k);
    let (mut inner, sibling) = if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    inner.push(sibling);
    inner
}

/// Section 2.1.4.1.
pub(super) fn proof(m: usize, data: &[Digest]) -> Vec<Digest> {
    assert!(0 < m && m < data.len());
    subproof(m, data, true)
}

fn subproof(m: usize, data: &[Digest], whole: bool) -> Vec<Digest> {
    if m == data.len() {
        return if whole { Vec::new() } else { vec![mth(data)] };
    }
    let k = k(data.len());
    let (left, right) = data.split_at(k);
    let (mut inner, sibling) =
        if m <= k { (subproof(m, left, whole), mth(right)) } else { (subproof(m - k, right, false), mth(left)) };
    inner.push(sibling);
    inner
}

/// Section 2.1.3.2 but for the last comparison: the root that a path leads to, if it has the right form.
pub(super) fn inclusion_root(leaf: Digest, index: u64, size: u64, path: &[Digest]) -> Option<Digest> {
    if index >= size {
        return None;
    }
    let (mut fnode, mut snode) = (index, size - 1);
    let mut r = leaf;
    for p in path {
        if snode == 0 {
            return None;
        }
        if fnode & 1 == 1 || fnode == snode {
            r = node_hash(p, &r);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            r = node_hash(&r, p);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    (snode == 0).then_some(r)
}

/// Section 2.1.4.2 but for the last comparisons: the two roots that a path leads to, if it has the right form.
pub(super) fn consistency_roots(
    first: u64,
    second: u64,
    first_hash: Digest,
    path: &[Digest],
) -> Option<(Digest, Digest)> {
    if first == 0 || first >= second || path.is_empty() {
        return None;
    }
    let mut path = path.to_vec();
    if first & (first - 1) == 0 {
        path.insert(0, first_hash);
    }
    let (mut fnode, mut snode) = (first - 1, second - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut fr, mut sr) = (path[0], path[0]);
    for c in &path[1..] {
        if snode == 0 {
            return None;
        }
        if fnode & 1 == 1 || fnode == snode {
            fr = node_hash(c, &fr);
            sr = node_hash(c, &sr);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            sr = node_hash(&sr, c);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    (snode == 0).then_some((fr, sr))
}
