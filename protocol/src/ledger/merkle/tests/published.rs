//! The cases of transparency-dev/merkle; see `testdata/README.md`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Inclusion {
    file: String,
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Consistency {
    file: String,
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// What is made of a text that is not 32 bytes long, such as `don't care 1`.
#[derive(Clone, Copy, PartialEq)]
enum Placeholders {
    /// It is no hash, so whatever it stands in is refused. This is how the ledger reads documents.
    Refused,
    /// Its SHA-256 stands for it, so that the case is about what it is meant to be about. Empty ones are refused.
    Hashed,
}

impl Placeholders {
    fn digest(self, base64: &str) -> Option<Digest> {
        let bytes = BASE64_STANDARD.decode(base64).unwrap();
        match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(bytes) => Some(Digest::from_bytes(bytes)),
            Err(_) if self == Self::Hashed && !bytes.is_empty() => Some(Digest::of_bytes(&bytes)),
            Err(_) => None,
        }
    }

    fn path(self, proof: &Option<Vec<String>>) -> Option<Vec<Digest>> {
        proof.iter().flatten().map(|hash| self.digest(hash)).collect()
    }

    fn accepts_inclusion(self, case: &Inclusion) -> Option<()> {
        let (leaf, root) = (self.digest(&case.leaf_hash)?, self.digest(&case.root)?);
        verify_inclusion(leaf, case.leaf_idx, case.tree_size, &self.path(&case.proof)?, root).ok()
    }

    fn accepts_consistency(self, case: &Consistency) -> Option<()> {
        let (old, new) = (self.digest(&case.root1)?, self.digest(&case.root2)?);
        verify_consistency(case.size1, case.size2, old, new, &self.path(&case.proof)?).ok()
    }
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../../testdata/transparency-dev-merkle.json")).unwrap()
}

#[test]
fn inclusion() {
    let cases = cases().inclusion;
    assert_eq!(cases.len(), 98);
    assert_eq!(cases.iter().filter(|case| !case.want_err).count(), 6);
    for case in &cases {
        for placeholders in [Placeholders::Refused, Placeholders::Hashed] {
            assert_eq!(placeholders.accepts_inclusion(case).is_none(), case.want_err, "{}", case.file);
        }
    }
}

#[test]
fn consistency() {
    let cases = cases().consistency;
    assert_eq!(cases.len(), 98);
    assert_eq!(cases.iter().filter(|case| !case.want_err).count(), 6);
    let decided_otherwise = |placeholders: Placeholders| -> Vec<&str> {
        let other = |case: &&Consistency| placeholders.accepts_consistency(case).is_none() != case.want_err;
        cases.iter().filter(other).map(|case| case.file.as_str()).collect()
    };
    // The roots of this one are twelve bytes long and equal. Theirs does not look at their length, ours does.
    assert_eq!(decided_otherwise(Placeholders::Refused), ["additional/sizes-are-equal-one-and-proof-is-empty"]);
    // From the empty tree, given by its own root, to any other with an empty path. Theirs holds the question to be
    // meaningless and always refuses (it did not up to its v0.0.2); ours answers what is true.
    assert_eq!(decided_otherwise(Placeholders::Hashed), ["additional/size1-is-zero-and-size2-is-not-zero"]);
}
