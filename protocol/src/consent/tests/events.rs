//! Events as documents: read, written, signed, hashed.

use serde_json::{Value, json};

use super::*;

fn salt() -> Salt {
    "000102030405060708090a0b0c0d0e0f".parse().unwrap()
}

fn about(number: u32, what: What) -> Content {
    Content::new(SITE, tag(), number, day("2026-02-03"), what, salt()).unwrap()
}

/// The page's example.
fn example() -> Event {
    let conditions = Conditions {
        not_commercial: true,
        institutions: Some(vec![institution("University of the Coast"), institution(SITE)]),
        last_day: Some(day("2030-12-31")),
        ethics_approval: false,
    };
    about(2, What::Choice(Choice::granted(purpose(HEALTH), conditions).unwrap())).by_patient(&patient())
}

/// Computed by an independent implementation, of Ed25519 and HMAC too.
#[test]
fn digests_keys_and_signatures_are_pinned() {
    assert_eq!(patient().public().to_string(), "56eb46d208a3d25c2f81daeed2cae50b6dc99f403397885f1678bc0ed0accfb7");
    let event = example();
    assert_eq!(event.signed_digest().to_string(), "f4a3690a79de5b81098000718b1263300c0fc27b906adc7184c627372b05989e");
    assert_eq!(
        event.signature().unwrap().to_string(),
        "8bb8226f0dc4990179c7ac0dfa70829a3aeea302504860e61b1cafc058ebe62a\
         18e371a9e813fb0c57a62818031fb6ae3a93c713813e5249eea00a7caf03170b"
    );
    assert_eq!(event.leaf().to_string(), "58db3ce9a95a9f2859ea2203604a4dedc7db228e64bd53d9da5e03ccfb2038eb");
    let key = patient().public();
    let agreement = Agreement::new("S-1", institution("U"), day("2030-12-31")).unwrap();
    for (what, leaf) in [
        (What::Key { key }, "1c45565895615cd1efecd6d55584f8ca2a0b0d1b884e4b946e234580760781f7"),
        (
            What::Representative { key, kind: OfficeKind::Guardian, last_day: None },
            "dbc1a2c769d3f84b2032a34eb6d915df23f78a03e79d0500f157adedce4b947b",
        ),
        (What::EndOfOffice { key }, "f4eb92440b74bff9b08be2946ad3b243a9a345a52e1c53e5fb9b811617fcfea1"),
        (What::Agreement(agreement), "ec037ee6e715883970fe6663050360074b1f795b95bef46cd73cb14f7e7af414"),
        (What::Leaving {}, "81609fa6c31285f183a7140d5891d05b16615cdb9e0a59cb22b0c09219273436"),
    ] {
        let event = about(1, what).by_clerk("form 1").unwrap();
        assert_eq!(event.leaf().to_string(), leaf, "{}", event.what().kind());
        assert_eq!(Event::parse(&event.canonical()).unwrap(), event);
    }
    let other = secret().signing_key("Hospital South");
    assert_ne!(other.public(), key, "each site has a key of its own");
}

fn changed(path: &str, value: Value) -> Result<Event, EventError> {
    let mut json = serde_json::to_value(example()).unwrap();
    let (parent, field) = path.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[field] = value;
    Event::parse(json.to_string().as_bytes())
}

/// A signature covers everything but itself, and the leaf covers the signature too.
#[test]
fn every_part_is_signed() {
    let history = Told::keyed().0;
    history.clone().push(example(), None).unwrap();
    for (path, value) in [
        ("/number", json!(3)),
        ("/date", json!("2026-02-04")),
        ("/salt", json!("100102030405060708090a0b0c0d0e0f")),
        ("/site", json!("Hospital South")),
        ("/tag", json!("0".repeat(32))),
        ("/what/choice/purpose", json!(GENERAL)),
        ("/what/choice/not_commercial", json!(false)),
        ("/what/choice/institutions", json!([SITE])),
        ("/what/choice/last_day", json!("2031-12-31")),
        ("/what/choice/ethics_approval", json!(true)),
        ("/what", json!({"leaving": {}})),
    ] {
        let event = changed(path, value).unwrap();
        assert_ne!(event.leaf(), example().leaf(), "{path}");
        assert!(event.check_signature(&patient().public()).is_err(), "{path}");
    }
    let signature = *example().signature().unwrap();
    let flipped =
        crate::ledger::Signature::from_bytes(std::array::from_fn(|i| signature.as_bytes()[i] ^ u8::from(i == 9)));
    let event = Event::new(example().into_parts().0, By::Patient { signature: flipped }).unwrap();
    assert_ne!(event.leaf(), example().leaf());
    // A patient's signature is no card's, and no representative's.
    for by in [By::Card { signature }, By::Representative { key: patient().public(), signature }] {
        let event = Event::new(example().into_parts().0, by).unwrap();
        assert!(event.check_signature(&patient().public()).is_err());
    }
}

#[test]
fn documents_that_are_refused() {
    for (path, value, sentence) in [
        ("/format", json!("cohortium-consent-event/2"), "this version reads \"cohortium-consent-event/1\""),
        ("/number", json!(0), "numbered from 1"),
        ("/number", json!(-1), "cannot be read"),
        ("/site", json!(" x"), "site \" x\" is refused"),
        ("/tag", json!("AB"), "a tag is 32 lower-case"),
        ("/salt", json!("00"), "a salt is 32 lower-case hexadecimal digits, found 2"),
        ("/date", json!("03.02.2026"), "write yyyy-mm-dd"),
        ("/what/choice/purpose", json!("DUO:0000007"), "with the disease's code in brackets"),
        ("/what/choice/decision", json!("denied"), "unknown variant"),
        ("/what/choice/decision", json!("refused"), "has the condition not_commercial"),
        ("/what/choice/institutions", json!([]), "names 0 institutions"),
        ("/what/choice/institutions", json!(vec!["x"; 65]), "more than 64 entries"),
        ("/what/choice/institutions", json!(["x", "x"]), "names the institution x twice"),
        ("/what/choice/until", json!("x"), "unknown field `until`"),
        ("/what/leaving", json!({}), "cannot be read"),
        ("/by", json!({"clerk": {"form": ""}}), "form \"\" is refused"),
        ("/by", json!({"clerk": {"form": "a\nb"}}), "form \"a\\nb\" is refused"),
        ("/by", json!({"doctor": {}}), "unknown variant"),
        ("/by/patient/signature", json!("00"), "a signature is 128"),
        ("/extra", json!(1), "unknown field `extra`"),
    ] {
        let refused = changed(path, value).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{path}: {refused}");
    }
    assert!(matches!(Event::parse(&[b' '; MAX_EVENT_BYTES + 1]), Err(EventError::Size { .. })));
    for bad in ["", "{", "[]", "null", "{\"format\": 1}"] {
        assert!(Event::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    // No salt in a message.
    let refused = changed("/salt", json!("zz0102030405060708090a0b0c0d0e0f")).unwrap_err().to_string();
    assert!(!refused.contains("0102"), "{refused}");
}

#[test]
fn purposes() {
    for good in [GENERAL, HEALTH, DISEASE, "DUO:0000007[ICD10:C50.9]"] {
        assert_eq!(purpose(good).to_string(), good);
    }
    for bad in ["", "DUO:0000007", "DUO:0000018", "DUO:0000042[MONDO:1]", "DUO:0000007[mondo:1]", "DUO:0000007[MONDO]"]
    {
        let refused = bad.parse::<Purpose>().unwrap_err().to_string();
        assert!(refused.contains("is not a purpose of consent"), "{refused}");
    }
    assert!(purpose(GENERAL).is_wider_than(&purpose(HEALTH)) && purpose(HEALTH).is_wider_than(&purpose(DISEASE)));
    assert!(!purpose(DISEASE).includes(&purpose(OTHER_DISEASE)) && purpose(DISEASE).includes(&purpose(DISEASE)));
    assert!(Days::new(day("2026-01-02"), day("2026-01-01")).is_err());
}
