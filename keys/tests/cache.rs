//! Development keys on disk: made once, checked whenever they are read.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use std::fs;

use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use cohortium_circuits::gadget;
use cohortium_circuits::messages::Messages;
use cohortium_keys::{CacheError, KeyCache, KeyKind, KeyProgress, ProvingKey, read_verifying};
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::QueryPublic;
use rand::SeedableRng;
use rand::rngs::{OsRng, StdRng};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// As small as a circuit gets.
const TINY: Shape = Shape {
    name: "tiny",
    proves: Proves::Query,
    row_bits: 4,
    value_bits: 3,
    slot_bits: 2,
    groups: 4,
    blinding_rows: 3,
    row_split: 2,
    value_split: 2,
    noise: None,
};
const OTHER: Shape = Shape { name: "other", groups: 5, ..TINY };

/// Bytes before the body: the format's name, and the body's digest.
const HEAD: usize = 32 + 32;

fn make(cache: &KeyCache, shape: Shape) -> (Result<ProvingKey, CacheError>, Vec<KeyProgress>) {
    let mut said = Vec::new();
    let key = cache.get_or_make(shape, &mut OsRng, &mut |what| said.push(what));
    (key, said)
}

fn refused(cache: &KeyCache, shape: Shape) -> String {
    make(cache, shape).0.map(|_| ()).unwrap_err().to_string()
}

/// A file with another body, and the digest that belongs to it.
fn sealed(good: &[u8], change: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = good[HEAD..].to_vec();
    change(&mut body);
    [&good[..32], &Sha256::digest(&body), &body].concat()
}

/// An assignment of the right length that satisfies nothing: messages of zeros.
fn blank(shape: &Shape) -> Vec<Fr> {
    let inputs = vec![Fr::ZERO; QueryPublic::count(shape)];
    gadget::assignment(shape, &inputs, &Messages::blank(shape)).0
}

#[test]
fn made_once_and_read_again() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path().join("a/b"));
    let (made, said) = make(&cache, TINY);
    let made = made.unwrap();
    assert_eq!(said, [KeyProgress::Making, KeyProgress::Publishing]);
    let (read, said) = make(&cache, TINY);
    let read = read.unwrap();
    assert_eq!(said, [KeyProgress::Loading]);
    assert_eq!(read.verifying().id(), made.verifying().id());
    assert_eq!(read.verifying().kind(), KeyKind::Development);
    assert_eq!(read.verifying().to_document(), made.verifying().to_document());
    // The same key in every respect: the same coins give the same proof.
    let assignment = blank(&TINY);
    let proof = |key: &ProvingKey| key.prove(&assignment, &mut StdRng::seed_from_u64(1)).unwrap();
    assert_eq!(proof(&made), proof(&read));
    // One that proves nothing, since the assignment does not satisfy the circuit.
    assert!(!read.is_satisfied(&assignment));
    assert!(!read.verifying().accepts(&proof(&read), &assignment[1..=QueryPublic::count(&TINY)]));
    let short = read.prove(&assignment[1..], &mut OsRng).unwrap_err().to_string();
    assert!(short.starts_with("shape tiny has "), "{short}");
    assert!(!read.is_satisfied(&assignment[1..]));
    // Each shape has a file of its own, and every key made is another.
    let other = make(&cache, OTHER).0.unwrap();
    assert_ne!(other.verifying().id(), made.verifying().id());
    let elsewhere = KeyCache::new(folder.path().join("c"));
    assert_ne!(make(&elsewhere, TINY).0.unwrap().verifying().id(), made.verifying().id());
    let files = fs::read_dir(folder.path().join("a/b")).unwrap().map(|file| file.unwrap().path());
    assert!(
        !files.into_iter().any(|file| file.extension().is_some_and(|end| end == "partial")),
        "nothing half-written"
    );
}

#[test]
fn two_at_once_make_one_key() {
    let folder = TempDir::new().unwrap();
    let id = || make(&KeyCache::new(folder.path()), TINY).0.unwrap().verifying().id();
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(id);
        (id(), other.join().unwrap())
    });
    assert_eq!(a, b);
}

#[test]
fn damaged_files_are_refused() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path());
    make(&cache, TINY).0.unwrap();
    let path = cache.proving_path(&TINY);
    let good = fs::read(&path).unwrap();
    let with = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        refused(&cache, TINY)
    };
    for (at, says) in [
        (0, "no such format"),
        (31, "no such format"),
        (32, "its digest does not match"),
        (63, "its digest does not match"),
        (64, "its digest does not match"),
        (good.len() / 2, "its digest does not match"),
        (good.len() - 1, "its digest does not match"),
    ] {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        let refused = with(&bytes);
        let expected = format!("is not an undamaged key file ({says}); delete it, and it is made anew");
        assert!(refused.ends_with(&expected), "{at}: {refused}");
    }
    for (length, says) in [
        (0, "no such format"),
        (31, "no such format"),
        (40, "too short"),
        (100, "its digest"),
        (good.len() - 1, "its digest"),
    ] {
        let refused = with(&good[..length]);
        assert!(refused.contains(says), "{length}: {refused}");
    }
    assert!(with(&[&good[..], &[0]].concat()).contains("its digest does not match"));
    // Deleted, it is made anew, as the message says.
    fs::remove_file(&path).unwrap();
    assert_eq!(make(&cache, TINY).1, [KeyProgress::Making, KeyProgress::Publishing]);
}

/// A verifying key that is there can be pinned; so its proving key must be there before it, at every moment.
#[test]
fn a_verifying_key_is_never_there_without_its_proving_key() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path());
    let (proving, verifying) = (cache.proving_path(&TINY), cache.verifying_path(&TINY));
    // Reading it as a key would refuse it: its shape is no standard one.
    let published = || fs::read_to_string(&verifying).unwrap();
    let mut steps = Vec::new();
    let first =
        cache.get_or_make(TINY, &mut OsRng, &mut |step| steps.push((step, proving.exists(), verifying.exists())));
    let first = first.unwrap().verifying().id();
    assert_eq!(steps, [(KeyProgress::Making, false, false), (KeyProgress::Publishing, true, false)]);
    // Ended between the two files: the next that needs the key writes the other.
    fs::remove_file(&verifying).unwrap();
    assert_eq!(make(&cache, TINY).1, [KeyProgress::Loading]);
    assert!(published().contains(&first.to_string()));
    // A proving key that was deleted leaves its verifying key. Ended half-way, the new one is not taken for its.
    fs::remove_file(&proving).unwrap();
    let mut between = None;
    let second = cache.get_or_make(TINY, &mut OsRng, &mut |step| {
        if step == KeyProgress::Publishing {
            between = Some((proving.exists(), verifying.exists()));
        }
    });
    let second = second.unwrap().verifying().id();
    assert_eq!(between, Some((true, false)));
    assert_ne!(first, second);
    assert!(published().contains(&second.to_string()));
}

/// Files whose digest is right, as one who can write to the folder can make them: parts that do not belong together.
#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path());
    make(&cache, TINY).0.unwrap();
    make(&cache, OTHER).0.unwrap();
    let path = cache.proving_path(&TINY);
    let good = fs::read(&path).unwrap();
    type Change = &'static dyn Fn(&mut Vec<u8>);
    let cases: [(&str, &str, Change); 9] = [
        ("trailing bytes", "trailing bytes", &|body| body.push(0)),
        ("the shape's id", "of shape ", &|body| body[0] ^= 1),
        ("the matrices' digest", "its matrices are not those of the digest in it", &|body| body[32] ^= 1),
        ("the key's id", "expected one of id ", &|body| body[64] ^= 1),
        ("too short for ids", "too short", &|body| body.truncate(90)),
        ("no matrices", "bad matrices", &|body| body.truncate(96)),
        ("half of the matrices", "bad matrices", &|body| body.truncate(2000)),
        ("a huge number of coefficients", "bad matrices", &|body| body[104..108].fill(0xff)),
        ("half of the points", "bad points", &|body| body.truncate(body.len() - 1000)),
    ];
    for (what, says, change) in cases {
        fs::write(&path, sealed(&good, change)).unwrap();
        let refused = refused(&cache, TINY);
        assert!(refused.contains(says), "{what}: {refused}");
        assert!(refused.contains("tiny-"), "{what}: the file is named: {refused}");
    }
    // Another shape's key under this shape's name.
    fs::copy(cache.proving_path(&OTHER), &path).unwrap();
    let refused = refused(&cache, TINY);
    let expected = format!("holds the key of shape {}, expected one of shape tiny with id {}", OTHER.id(), TINY.id());
    assert!(refused.ends_with(&expected), "{refused}");
}

/// Where the parts of a body are: shape, matrices' digest, key's id; inputs, variables, coefficients; rows.
const INPUTS: usize = 96;
const VARIABLES: usize = 100;
const COEFFICIENTS: usize = 108;

fn word(body: &[u8], at: usize) -> usize {
    u32::from_le_bytes(body[at..at + 4].try_into().unwrap()) as usize
}

fn set_word(body: &mut [u8], at: usize, value: usize) {
    body[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
}

/// Where the first matrix begins.
fn first(body: &[u8]) -> usize {
    COEFFICIENTS + 32 * word(body, COEFFICIENTS - 4)
}

/// The end of the row that begins here.
fn row_end(body: &[u8], at: usize) -> usize {
    at + 4 + 8 * word(body, at)
}

/// The end of the matrix that begins here.
fn matrix_end(body: &[u8], at: usize) -> usize {
    (0..word(body, at)).fold(at + 4, |at, _| row_end(body, at))
}

/// Constraints of another circuit in a file that is whole: what they would prove, the key does not.
#[test]
fn other_matrices_than_the_digests_are_refused() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path());
    make(&cache, TINY).0.unwrap();
    let path = cache.proving_path(&TINY);
    let good = fs::read(&path).unwrap();
    let of = |change: &dyn Fn(&mut Vec<u8>)| {
        fs::write(&path, sealed(&good, change)).unwrap();
        refused(&cache, TINY)
    };
    fn add(body: &mut [u8], at: usize, to_add: isize) {
        set_word(body, at, word(body, at).checked_add_signed(to_add).unwrap());
    }
    let built = gadget::matrices(&TINY);
    let body = &good[HEAD..];
    assert_eq!((word(body, INPUTS), word(body, VARIABLES)), (built.inputs, built.variables));
    assert_eq!(word(body, first(body)), built.constraints());
    assert!(word(body, first(body) + 4) > 0, "the first row has an entry");
    type Change = &'static dyn Fn(&mut Vec<u8>);
    let cases: [(&str, Change); 11] = [
        ("an input more", &|body| add(body, INPUTS, 1)),
        ("an input fewer", &|body| add(body, INPUTS, -1)),
        ("no inputs", &|body| set_word(body, INPUTS, 0)),
        ("more inputs than variables", &|body| set_word(body, INPUTS, u32::MAX as usize)),
        ("a variable more", &|body| add(body, VARIABLES, 1)),
        ("two variables for one another", &|body| {
            let at = first(body) + 12;
            let other = usize::from(word(body, at) == 0);
            set_word(body, at, other);
        }),
        ("another coefficient", &|body| body[COEFFICIENTS + 16] ^= 1),
        ("the coefficient of another entry", &|body| {
            let at = first(body) + 8;
            let other = usize::from(word(body, at) == 0);
            set_word(body, at, other);
        }),
        ("an entry fewer", &|body| {
            let at = first(body) + 4;
            add(body, at, -1);
            drop(body.drain(at + 4..at + 12));
        }),
        ("A and B exchanged", &|body| {
            let a = first(body);
            let b = matrix_end(body, a);
            let end = matrix_end(body, b);
            body[a..end].rotate_left(b - a);
        }),
        // The same rows in the same order, so the same digest: only their numbers tell.
        ("the first row of C as the last of B", &|body| {
            let b = matrix_end(body, first(body));
            let c = matrix_end(body, b);
            add(body, b, 1);
            add(body, c, -1);
            let end = row_end(body, c + 4);
            body[c..end].rotate_left(4);
        }),
    ];
    for (what, change) in cases {
        let refused = of(change);
        let says = "its matrices are not those of the digest in it";
        let expected = format!("is not an undamaged key file ({says}); delete it, and it is made anew");
        assert!(refused.ends_with(&expected), "{what}: {refused}");
        assert!(refused.contains("tiny-"), "{what}: the file is named: {refused}");
    }
    // With the digest that belongs to them, it is another key.
    let mut other = gadget::matrices(&TINY);
    other.inputs += 1;
    let refused = of(&|body| {
        add(body, INPUTS, 1);
        body[32..64].copy_from_slice(other.digest().as_bytes());
    });
    assert!(refused.contains("expected one of id "), "{refused}");
    fs::write(&path, &good).unwrap();
    make(&cache, TINY).0.unwrap();
}

#[test]
fn a_key_for_another_versions_circuit_is_refused() {
    let folder = TempDir::new().unwrap();
    let cache = KeyCache::new(folder.path());
    make(&cache, TINY).0.unwrap();
    let tiny = fs::read(cache.proving_path(&TINY)).unwrap();
    let mut body = Shape::QUERY_12.id().as_bytes().to_vec();
    body.extend(&tiny[HEAD + 32..]);
    let mut bytes = tiny[..32].to_vec();
    bytes.extend(Sha256::digest(&body));
    bytes.extend(body);
    fs::write(cache.proving_path(&Shape::QUERY_12), bytes).unwrap();
    let refused = refused(&cache, Shape::QUERY_12);
    assert!(refused.contains("is a key for another version's circuit, with matrices"), "{refused}");
    assert!(refused.ends_with("delete it, and one is made anew"), "{refused}");
}

#[test]
fn folders_and_files_that_cannot_be_used_are_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let cache = KeyCache::new(folder.path().join("file"));
    let refused = refused(&cache, TINY);
    assert!(refused.starts_with(&folder.path().join("file").display().to_string()), "{refused}");
    assert!(read_verifying(&folder.path().join("absent")).is_err());
    let refused = read_verifying(&folder.path().join("file")).map(|_| ()).unwrap_err().to_string();
    assert!(refused.starts_with("not a verifying key file: EOF"), "{refused}");
}
