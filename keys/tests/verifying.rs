//! Verifying keys and proofs from outside: what is unsafe, off the curve, or written a second way is refused.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{KeyKind, Proof, ProofError, VerifyingKey, VerifyingKeyDocument, VerifyingKeyError};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::QueryPublic;

const ANCHORS: &str = include_str!("../../tests/vectors/good-query-12.anchors.json");
const BUNDLE: &str = include_str!("../../tests/vectors/good-query-12.json");

type Points = ark_groth16::VerifyingKey<Bn254>;

/// A good key's file.
fn document() -> VerifyingKeyDocument {
    let anchors: serde_json::Value = serde_json::from_str(ANCHORS).unwrap();
    serde_json::from_value(anchors["verifying_keys"][0].clone()).unwrap()
}

fn bytes() -> Vec<u8> {
    STANDARD.decode(document().key).unwrap()
}

fn points() -> Points {
    Points::deserialize_uncompressed(&bytes()[..]).unwrap()
}

/// What becomes of the file with other bytes for its points.
fn with_bytes(bytes: &[u8]) -> VerifyingKeyError {
    VerifyingKey::from_document(&VerifyingKeyDocument { key: STANDARD.encode(bytes), ..document() }).unwrap_err()
}

/// What becomes of the file with other points.
fn with_points(change: impl Fn(&mut Points)) -> String {
    let mut points = points();
    change(&mut points);
    let mut bytes = Vec::new();
    points.serialize_uncompressed(&mut bytes).unwrap();
    with_bytes(&bytes).to_string()
}

fn with_document(change: impl Fn(&mut VerifyingKeyDocument)) -> String {
    let mut document = document();
    change(&mut document);
    VerifyingKey::from_document(&document).unwrap_err().to_string()
}

/// A point of the twist outside the subgroup: most of its points are.
fn outside_the_subgroup() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), false))
        .find(|point| point.is_on_curve() && !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap()
}

#[test]
fn a_good_key_reads_and_writes() {
    let key = VerifyingKey::from_document(&document()).unwrap();
    assert_eq!(key.to_document(), document());
    assert_eq!(VerifyingKey::parse(&serde_json::to_string(&document()).unwrap()).unwrap().id(), key.id());
    assert_eq!((key.shape(), key.kind()), (&Shape::QUERY_12, KeyKind::Development));
    assert_eq!(points().gamma_abc_g1.len(), QueryPublic::count(&Shape::QUERY_12) + 1);
}

#[test]
fn unsafe_keys_are_refused_by_their_sentence() {
    let generator = G2Affine::generator();
    type Case<'a> = (&'a str, &'a dyn Fn(&mut Points));
    let cases: [Case<'_>; 13] = [
        ("delta is the generator: nobody contributed to the key", &|k| k.delta_g2 = generator),
        ("gamma is the generator", &|k| k.gamma_g2 = generator),
        ("delta and gamma are equal: anyone can forge", &|k| k.delta_g2 = k.gamma_g2),
        ("delta and gamma are equal: anyone can forge", &|k| k.gamma_g2 = k.delta_g2),
        ("delta and gamma are opposite: anyone can forge", &|k| k.delta_g2 = -k.gamma_g2),
        ("delta and gamma are opposite: anyone can forge", &|k| k.gamma_g2 = -k.delta_g2),
        // Of the two, the generator is what is said: it says more.
        ("delta is the generator", &|k| (k.delta_g2, k.gamma_g2) = (generator, generator)),
        ("alpha is the point at infinity", &|k| k.alpha_g1 = G1Affine::zero()),
        ("beta is the point at infinity", &|k| k.beta_g2 = G2Affine::zero()),
        ("gamma is the point at infinity", &|k| k.gamma_g2 = G2Affine::zero()),
        ("delta is the point at infinity", &|k| k.delta_g2 = G2Affine::zero()),
        ("a public input has no effect on the proof", &|k| k.gamma_abc_g1[1] = G1Affine::zero()),
        ("a public input has no effect on the proof", &|k| *k.gamma_abc_g1.last_mut().unwrap() = G1Affine::zero()),
    ];
    for (reason, change) in cases {
        let refused = with_points(change);
        assert!(refused.starts_with(&format!("the key is unsafe: {reason}")), "{refused}");
    }
    let mut one = points();
    one.delta_g2 = G2Affine::generator();
    let matrices = document().matrices;
    let refused = VerifyingKey::new(Shape::QUERY_12, KeyKind::Development, matrices, &one).unwrap_err();
    assert!(matches!(refused, VerifyingKeyError::Unsafe { .. }), "made in memory, too");
}

/// Where the points are in the file: 64 bytes each in G1, 128 in G2, and eight for the length of the list.
const ALPHA: usize = 0;
const BETA: usize = 64;
const GAMMA: usize = BETA + 128;
const DELTA: usize = GAMMA + 128;
const COUNT: usize = DELTA + 128;
const LIST: usize = COUNT + 8;

#[test]
fn points_are_points_of_their_groups() {
    let put = |at: usize, new: &[u8]| {
        let mut bytes = bytes();
        bytes[at..at + new.len()].copy_from_slice(new);
        with_bytes(&bytes)
    };
    let refused = |what: &str, error: VerifyingKeyError| {
        assert!(matches!(error, VerifyingKeyError::Points { .. }), "{what}: {error}");
        assert!(error.to_string().starts_with("the key's points do not decode: "), "{what}: {error}");
    };
    // Off the curve: another last byte of a coordinate.
    for (what, at) in [
        ("alpha", ALPHA),
        ("beta", BETA),
        ("gamma", GAMMA),
        ("delta", DELTA),
        ("input 0", LIST),
        ("input 1", LIST + 64),
    ] {
        let byte = bytes()[at] ^ 1;
        refused(what, put(at, &[byte]));
    }
    // On the curve, outside the subgroup.
    let mut outside = Vec::new();
    outside_the_subgroup().serialize_uncompressed(&mut outside).unwrap();
    for (what, at) in [("beta", BETA), ("gamma", GAMMA), ("delta", DELTA)] {
        refused(what, put(at, &outside));
    }
    // A coordinate plus the modulus: the same element, written a second way.
    for (what, at) in [("alpha x", ALPHA), ("beta x", BETA), ("input 0 x", LIST)] {
        let mut value = <Fq as PrimeField>::BigInt::default();
        let plain = bytes()[at..at + 32].to_vec();
        for (limb, chunk) in value.0.iter_mut().zip(plain.chunks_exact(8)) {
            *limb = u64::from_le_bytes(chunk.try_into().unwrap());
        }
        assert!(!value.add_with_carry(&Fq::MODULUS));
        refused(what, put(at, &value.to_bytes_le()));
    }
    // A sign that says otherwise than the coordinates.
    for at in [ALPHA, LIST] {
        let byte = bytes()[at + 63] ^ 0x80;
        refused("sign", put(at + 63, &[byte]));
    }
    // The flag of the point at infinity: beside the sign it is no flag, alone it is a point that no key may have.
    for at in [ALPHA, LIST] {
        let byte = bytes()[at + 63];
        refused("both flags", put(at + 63, &[byte | 0xc0]));
        let alone = put(at + 63, &[byte & 0x3f | 0x40]);
        assert!(matches!(alone, VerifyingKeyError::Unsafe { .. } | VerifyingKeyError::Points { .. }), "{alone}");
    }
}

#[test]
fn lists_and_files_have_one_length() {
    let whole = bytes();
    for length in [0, 1, 63, 64, COUNT, COUNT + 7, LIST, LIST + 63, whole.len() - 1] {
        let refused = with_bytes(&whole[..length]);
        assert!(matches!(refused, VerifyingKeyError::Points { .. }), "{length}: {refused}");
    }
    let more = [&whole[..], &[0]].concat();
    assert!(with_bytes(&more).to_string().contains("trailing bytes, or a second encoding"));
    // A count that is not the list's; huge ones ask for no memory.
    let count = points().gamma_abc_g1.len() as u64;
    for count in [0, 1, count - 1, count + 1, 1 << 32, 1 << 40, u64::MAX / 64, u64::MAX / 2, u64::MAX] {
        let mut bytes = whole.clone();
        bytes[COUNT..LIST].copy_from_slice(&count.to_le_bytes());
        let refused = with_bytes(&bytes);
        let fits = matches!(refused, VerifyingKeyError::Points { .. } | VerifyingKeyError::Inputs { .. });
        assert!(fits, "{count}: {refused}");
    }
    let count = points().gamma_abc_g1.len();
    let fewer = with_points(|key| key.gamma_abc_g1.truncate(count - 1));
    assert_eq!(fewer, format!("shape query-12 needs {count} points for public inputs, found {}", count - 1));
    let more = with_points(|key| key.gamma_abc_g1.push(G1Affine::generator()));
    assert_eq!(more, format!("shape query-12 needs {count} points for public inputs, found {}", count + 1));
    assert!(with_points(|key| key.gamma_abc_g1.clear()).ends_with("found 0"));
}

#[test]
fn the_file_says_what_the_key_is() {
    let other = Digest::from_bytes([7; 32]);
    for (refused, says) in [
        (with_document(|d| d.format = "cohortium-verifying-key/2".to_owned()), "this program reads"),
        (with_document(|d| d.shape = "query-13".to_owned()), "this program knows query-12, query-16, query-20"),
        (with_document(|d| d.shape = "query-16".to_owned()), "the key is for shape query-16 with id"),
        (with_document(|d| d.shape_id = other), "the key is for shape query-12 with id 0707"),
        (
            with_document(|d| (d.shape, d.shape_id) = ("query-16".to_owned(), Shape::QUERY_16.id())),
            "the key is for a circuit with matrices",
        ),
        (with_document(|d| d.matrices = other), "the key is for a circuit with matrices 0707"),
        (with_document(|d| d.kind = KeyKind::Ceremony), "this version cannot check a ceremony's record"),
        (with_document(|d| d.id = other), "the file says id 0707"),
        (with_document(|d| d.key.push('=')), "the key's points do not decode"),
        (with_document(|d| d.key.clear()), "the key's points do not decode"),
        (with_document(|d| d.key.insert(5, '\n')), "the key's points do not decode"),
    ] {
        assert!(refused.contains(says), "{refused}");
    }
    // Other points are another key: the id is over them.
    let two = Fr::from(2u64);
    assert!(with_points(|key| key.alpha_g1 = (key.alpha_g1 * two).into_affine()).contains("the file says id"));
    assert!(with_points(|key| key.gamma_abc_g1.swap(3, 4)).contains("the file says id"));
    let text = serde_json::to_string(&document()).unwrap();
    for (changed, says) in [
        (text.replacen('{', "{\"note\": 1,", 1), "unknown field `note`"),
        (text.replacen("development", "homemade", 1), "unknown variant `homemade`"),
        (format!("{text} x"), "trailing characters"),
        (String::new(), "EOF"),
    ] {
        let refused = VerifyingKey::parse(&changed).unwrap_err();
        assert!(matches!(refused, VerifyingKeyError::Form { .. }) && refused.to_string().contains(says), "{refused}");
    }
}

fn proof_bytes() -> Vec<u8> {
    let bundle: serde_json::Value = serde_json::from_str(BUNDLE).unwrap();
    STANDARD.decode(bundle["proof"]["groth16"].as_str().unwrap()).unwrap()
}

#[test]
fn proofs_are_128_bytes_of_valid_points() {
    let good = proof_bytes();
    let proof = Proof::decode(&good).unwrap();
    assert_eq!(proof.encode(), good);
    for length in [0, 1, 127, 129, 256] {
        let mut bytes = good.clone();
        bytes.resize(length, 0);
        assert_eq!(Proof::decode(&bytes), Err(ProofError::Length { found: length }));
    }
    let refused = |what: &str, at: usize, new: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        let error = Proof::decode(&bytes).unwrap_err();
        assert!(matches!(error, ProofError::Points { .. }), "{what}: {error}");
    };
    refused("x is no point's", 0, &off_curve_x());
    refused("x is beyond the modulus", 0, &[0xff; 32]);
    let mut outside = Vec::new();
    outside_the_subgroup().serialize_compressed(&mut outside).unwrap();
    refused("B outside the subgroup", 32, &outside);
    // Infinity has one encoding, and flags are not both set.
    let mut infinity = [0; 32];
    infinity[31] = 0xc0;
    refused("both flags", 0, &infinity);
    infinity[31] = 0x40;
    infinity[0] = 1;
    refused("infinity with a coordinate", 0, &infinity);
    // Points at infinity are points; they prove nothing.
    infinity[0] = 0;
    let mut bytes = good.clone();
    bytes[..32].copy_from_slice(&infinity);
    bytes[96..].copy_from_slice(&infinity);
    let nothing = Proof::decode(&bytes).unwrap();
    let key = VerifyingKey::from_document(&document()).unwrap();
    let inputs = vec![Fr::ZERO; QueryPublic::count(&Shape::QUERY_12)];
    assert!(!key.accepts(&nothing, &inputs));
    assert!(!key.accepts(&proof, &inputs));
    for length in [0, 1, inputs.len() - 1] {
        assert!(!key.accepts(&proof, &inputs[..length]), "{length} inputs");
    }
    assert!(!key.accepts(&proof, &[&inputs[..], &[Fr::ZERO]].concat()));
    // As text.
    let text = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof);
    for changed in [text.replace('=', ""), text.replacen('"', "\" ", 1), "\"\"".to_owned(), "5".to_owned()] {
        assert!(serde_json::from_str::<Proof>(&changed).is_err(), "{changed}");
    }
}

/// A coordinate under which no point lies.
fn off_curve_x() -> Vec<u8> {
    let x = (1u64..).map(Fq::from).find(|x| G1Affine::get_point_from_x_unchecked(*x, false).is_none()).unwrap();
    let mut bytes = Vec::new();
    x.serialize_compressed(&mut bytes).unwrap();
    bytes
}
