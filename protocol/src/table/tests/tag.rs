use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::{PatientKey, PatientSecret, Tag, Tagger};

/// Computed outside with another library's HMAC.
#[test]
fn trap_8_what_a_patient_recomputes_is_pinned() {
    let key = PatientKey::from_bytes(std::array::from_fn(|i| i as u8));
    let vectors = [
        (
            "rotterdam",
            "8285bd7b9c2397a8e7a555a580a9911b143be499c9d4744e8d7b299f3c67fecd",
            [26834, 19724, 38108, 36062, 44085, 26781, 34735, 63350],
        ),
        (
            "gbsg",
            "a85327458c78906aa7a297bfdda183878b1449bddce236d2437f3d72cb514a96",
            [57593, 4112, 19113, 43253, 55411, 21731, 54592, 8293],
        ),
    ];
    for (site, card, limbs) in vectors {
        let tagger = Tagger::new(key.clone(), site, "breast-cancer");
        assert_eq!(*tagger.secret("132").to_card(), card);
        assert_eq!(tagger.tag("132").limbs(), limbs);
        // The patient alone, with the card.
        assert_eq!(PatientSecret::from_card(card).unwrap().tag(site).limbs(), limbs);
    }
    let own = PatientSecret::from_card(&"07".repeat(32)).unwrap();
    assert_eq!(own.tag("rotterdam").to_hex(), "91efc013986dcef5699b94e886aaadc6");
}

#[test]
fn everything_counts() {
    let tag = |key: u8, site: &str, table: &str, identifier: &str| {
        Tagger::new(PatientKey::from_bytes([key; 32]), site, table).tag(identifier)
    };
    let base = tag(1, "north", "ward", "7");
    assert_eq!(base, tag(1, "north", "ward", "7"));
    for other in [
        tag(2, "north", "ward", "7"),
        tag(1, "south", "ward", "7"),
        tag(1, "north", "lab", "7"),
        tag(1, "north", "ward", "8"),
    ] {
        assert_ne!(base, other);
    }
    assert_ne!(tag(1, "northw", "ard", "7"), tag(1, "north", "ward", "7"), "items do not run together");
    // A secret brought to two sites gives unrelated tags as well.
    let secret = PatientSecret::random(&mut StdRng::seed_from_u64(1));
    assert_ne!(secret.tag("north"), secret.tag("south"));
}

#[test]
fn a_brought_secret_wins() {
    let mut tagger = Tagger::new(PatientKey::from_bytes([1; 32]), "north", "ward");
    let secret = PatientSecret::random(&mut StdRng::seed_from_u64(1));
    let made = tagger.tag("7");
    assert!(tagger.bring("7", secret.clone()));
    assert_eq!(tagger.tag("7"), secret.tag("north"));
    assert_ne!(tagger.tag("7"), made);
    assert!(!tagger.bring("7", secret), "it had one already");
    assert_eq!(tagger.site(), "north");
}

#[test]
fn limbs_and_cards() {
    let tag = PatientSecret::random(&mut StdRng::seed_from_u64(2)).tag("north");
    assert_eq!(Tag::from_limbs(tag.limbs()), tag);
    assert_eq!(tag.to_hex(), tag.limbs().map(|limb| format!("{limb:04x}")).concat());
    let secret = PatientSecret::random(&mut StdRng::seed_from_u64(3));
    assert_eq!(PatientSecret::from_card(&secret.to_card()).unwrap(), secret);
    let refused = |text: &str| PatientSecret::from_card(text).unwrap_err().to_string();
    assert_eq!(refused("abc"), "a patient's secret is 64 lower-case hexadecimal digits, found 3 characters");
    assert!(refused(&"AB".repeat(32)).ends_with("found 64 characters, not all of them such digits"));
    assert!(refused(&"xy".repeat(32)).ends_with("not all of them such digits"));
    assert!(!refused("secret-word").contains("secret-word"));
}

#[test]
fn nothing_is_printed() {
    let tagger = Tagger::new(PatientKey::from_bytes([1; 32]), "north", "ward");
    let printed =
        format!("{tagger:?} {:?} {:?} {:?}", PatientKey::from_bytes([1; 32]), tagger.secret("7"), tagger.tag("7"));
    assert_eq!(printed, "Tagger(secret) PatientKey(secret) PatientSecret(secret) Tag(secret)");
}
