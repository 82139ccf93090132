//! What is mapped, what is not, and that nothing else happens.

mod properties;

use serde_json::{Value, json};

use super::*;
use crate::consent::{Conditions, Purpose};
use crate::table::Institution;

const DUO: &str = "http://purl.obolibrary.org/obo/duo.owl";
const MONDO: &str = "http://purl.obolibrary.org/obo/mondo.owl";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";

fn code(system: &str, code: &str) -> Value {
    json!({"system": system, "code": code})
}

fn concept(system: &str, text: &str) -> Value {
    json!({"coding": [code(system, text)]})
}

/// Health research, active, of the patient 132; with what does not restrict.
fn consent() -> Value {
    json!({
        "resourceType": "Consent", "id": "c-1", "status": "active",
        "meta": {"versionId": "3"}, "language": "en", "text": {"status": "generated", "div": "<div/>"},
        "contained": [], "extension": [{"url": "http://example.org/x", "valueString": "y"}],
        "identifier": [{"value": "form 7"}],
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "research"),
        "category": [concept("http://loinc.org", "59284-0")],
        "patient": {"reference": "Patient/132", "identifier": {"value": "P-132"}},
        "dateTime": "2026-01-31", "performer": [{"reference": "Patient/132"}],
        "organization": [{"display": "Hospital North"}],
        "sourceAttachment": {"title": "the form"}, "policy": [{"uri": "http://example.org/law"}],
        "verification": [{"verified": true}],
        "provision": {"type": "permit", "purpose": [code(DUO, "DUO:0000006")]}
    })
}

/// Sets or, with null, removes.
fn set(value: &mut Value, path: &str, to: Value) {
    let (parent, field) = path.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if to.is_null() { drop(parent.remove(field)) } else { drop(parent.insert(field.to_owned(), to)) }
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut value = consent();
    changes.iter().for_each(|(path, to)| set(&mut value, path, to.clone()));
    value
}

fn read(value: &Value) -> FhirImport {
    import(&value.to_string(), PatientFrom::Identifier).unwrap()
}

fn all(values: &[Value]) -> FhirImport {
    let lines: Vec<String> = values.iter().map(Value::to_string).collect();
    import(&lines.join("\n"), PatientFrom::Identifier).unwrap()
}

fn choices(import: &FhirImport) -> Vec<Choice> {
    import.choices.values().flatten().map(|one| one.choice.clone()).collect()
}

fn purpose(text: &str) -> Purpose {
    text.parse().unwrap()
}

fn granted(text: &str) -> Choice {
    Choice::granted(purpose(text), Conditions::default()).unwrap()
}

#[test]
fn what_is_mapped() {
    let import = read(&consent());
    assert_eq!(choices(&import), [granted("DUO:0000006")]);
    let one = &import.choices["P-132"][0];
    assert_eq!((one.form.as_str(), one.dated), ("c-1", Some("2026-01-31".parse().unwrap())));
    assert!(import.report.findings.is_empty(), "{}", import.report.to_text());
    let (refused, revoked) = (Choice::refused(purpose("DUO:0000006")), Choice::revoked(purpose("DUO:0000006")));
    let purposes = |codes: Vec<Value>| ("/provision/purpose", Value::Array(codes));
    let rule = |text| ("/policyRule", concept("http://terminology.hl7.org/CodeSystem/v3-ActCode", text));
    let until = |last: &str| Conditions { last_day: Some(last.parse().unwrap()), ..Conditions::default() };
    let health = |conditions| Choice::granted(purpose("DUO:0000006"), conditions).unwrap();
    let ends = |text: &str| vec![("/provision/period", json!({"start": "2026-01-31", "end": text}))];
    for (changes, expected) in [
        (vec![("/provision/type", json!("deny"))], vec![refused.clone()]),
        (vec![("/status", json!("rejected"))], vec![refused.clone()]),
        (vec![("/status", json!("inactive"))], vec![revoked]),
        (vec![("/provision/type", Value::Null), rule("OPTIN")], vec![granted("DUO:0000006")]),
        (vec![("/provision/type", Value::Null), rule("OPTOUT")], vec![refused.clone()]),
        (vec![rule("OPTOUT")], vec![granted("DUO:0000006")]),
        // A rejection is one of the whole, whatever the conditions would have been.
        (vec![("/status", json!("rejected")), ("/provision/period", json!({"end": "2030-12-31"}))], vec![refused]),
        (vec![purposes(vec![code(DUO, "DUO_0000042")])], vec![granted("DUO:0000042")]),
        (vec![purposes(vec![code(ACT_REASON, "HRESCH"), code(DUO, "DUO:0000006")])], vec![granted("DUO:0000006")]),
        (vec![purposes(vec![code(MONDO, "MONDO_0007254")])], vec![granted("DUO:0000007[MONDO:0007254]")]),
        (
            vec![purposes(vec![code(DUO, "DUO:0000006"), code(DUO, "DUO:0000007"), code(MONDO, "MONDO:0007254")])],
            vec![granted("DUO:0000006"), granted("DUO:0000007[MONDO:0007254]")],
        ),
        (
            vec![purposes(vec![code(DUO, "DUO:0000006"), code(DUO, "DUO:0000046"), code(DUO, "DUO:0000021")])],
            vec![health(Conditions { not_commercial: true, ethics_approval: true, ..Conditions::default() })],
        ),
        (
            vec![("/provision/action", json!([concept(ACTION, "use"), concept(ACTION, "collect")]))],
            vec![granted("DUO:0000006")],
        ),
        (ends("2030-12-31"), vec![health(until("2030-12-31"))]),
        (ends("2030-12-31T23:59:59+01:00"), vec![health(until("2030-12-31"))]),
        (ends("2030-12-31T10:00:00Z"), vec![health(until("2030-12-30"))]),
        (ends("9999-12-31"), vec![health(until("2079-06-05"))]),
    ] {
        let import = read(&with(&changes));
        assert_eq!(choices(&import), expected, "{changes:?}\n{}", import.report.to_text());
    }
    let by_reference = import_by_reference(&consent());
    assert_eq!(by_reference.choices.keys().collect::<Vec<_>>(), ["132"]);
    assert_eq!(
        format!("{import:?} {:?} {one:?}", import.report),
        "FhirImport(secret) FhirReport(secret) ImportedChoice(secret)"
    );
}

fn import_by_reference(value: &Value) -> FhirImport {
    import(&value.to_string(), PatientFrom::Reference).unwrap()
}

fn actor(reference: Value) -> Value {
    json!({"role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"), "reference": reference})
}

#[test]
fn organisations_are_institutions() {
    let actors = json!([
        actor(json!({"reference": "Organization/7", "display": "University of the Coast"})),
        actor(json!({"type": "Organization", "identifier": {"value": "Coast Pharma"}})),
    ]);
    let names: Vec<Institution> = ["Coast Pharma", "University of the Coast"].map(|name| name.parse().unwrap()).into();
    let conditions = Conditions { institutions: Some(names), ..Conditions::default() };
    let purposes = json!([code(DUO, "DUO:0000006"), code(DUO, "DUO:0000028")]);
    let import = read(&with(&[("/provision/actor", actors), ("/provision/purpose", purposes)]));
    assert_eq!(choices(&import), [Choice::granted(purpose("DUO:0000006"), conditions).unwrap()]);
}

/// Everything here restricts, or could: no choice, and the report says where, what, and what would do.
#[test]
fn what_cannot_be_mapped_is_no_choice() {
    let purposes = |codes: Vec<Value>| ("/provision/purpose", Value::Array(codes));
    let end = |text: &str| ("/provision/period", json!({"end": text}));
    let health = || code(DUO, "DUO:0000006");
    let organisation = || json!({"reference": "Organization/7", "display": "U"});
    let with_role = |role: Value| json!([{"role": role, "reference": organisation()}]);
    for (change, path) in [
        (("/modifierExtension", json!([{"url": "x"}])), "modifierExtension"),
        (("/implicitRules", json!("http://example.org/rules")), "implicitRules"),
        (("/controller", json!([])), "controller"),
        (("/_status", json!({"id": "x"})), "_status"),
        (("/status", json!("retired")), "status"),
        (("/status", Value::Null), ""),
        (("/scope", Value::Null), ""),
        (("/scope", json!({"text": "research"})), "scope"),
        (("/scope", concept("http://example.org/scopes", "research")), "scope"),
        (("/id", json!("a/b")), "id"),
        (("/id", Value::Null), "id"),
        (("/dateTime", json!("2026-01")), "dateTime"),
        (("/policyRule", json!({"text": "the law"})), "policyRule"),
        (("/policyRule", concept("http://example.org/rules", "OPTIN")), "policyRule"),
        (("/provision", Value::Null), "provision"),
        (("/provision", json!("all")), "provision"),
        (("/provision/type", Value::Null), "provision"),
        (("/provision/type", json!("allow")), "provision.type"),
        (("/provision/modifierExtension", json!([{"url": "x"}])), "provision.modifierExtension"),
        (("/provision/provision", json!([{"type": "deny"}])), "provision.provision"),
        (("/provision/code", json!([{"text": "x"}])), "provision.code"),
        (("/provision/class", json!([code("x", "y")])), "provision.class"),
        (("/provision/data", json!([{"meaning": "instance"}])), "provision.data"),
        (("/provision/dataPeriod", json!({"start": "2020"})), "provision.dataPeriod"),
        (("/provision/securityLabel", json!([code("x", "R")])), "provision.securityLabel"),
        (("/provision/unheardOf", json!(1)), "provision.unheardOf"),
        (("/provision/action", json!([concept(ACTION, "disclose")])), "provision.action[0].coding[0]"),
        (("/provision/action", json!([concept(ACTION, "collect")])), "provision.action[0]"),
        (("/provision/action", json!([])), "provision.action"),
        (("/provision/period", json!({"start": "2026-02-01"})), "provision.period.start"),
        (("/provision/period", json!({"start": "soon"})), "provision.period.start"),
        (("/provision/period", json!({})), "provision.period"),
        (("/provision/period", json!({"extension": [{"url": "absent"}]})), "provision.period"),
        (end("2030"), "provision.period.end"),
        (end("2030-12"), "provision.period.end"),
        (end("1899-12-31"), "provision.period.end"),
        (("/provision/period", json!({"until": "2030-12-31"})), "provision.period.until"),
        (purposes(vec![]), "provision.purpose"),
        (purposes(vec![json!({"code": "DUO:0000006"})]), "provision.purpose[0]"),
        (purposes(vec![health(), code(DUO, "DUO:0000018")]), "provision.purpose[1]"),
        (purposes(vec![health(), code(ACT_REASON, "HMARKT")]), "provision.purpose[1]"),
        (purposes(vec![code("http://example.org", "DUO:0000006")]), "provision.purpose[0]"),
        (purposes(vec![code(DUO, "DUO:0000046")]), "provision.purpose"),
        (purposes(vec![code(DUO, "DUO:0000007")]), "provision.purpose"),
        (purposes(vec![health(), code(MONDO, "MONDO:0007254")]), "provision.purpose"),
        (purposes(vec![code(MONDO, "7254")]), "provision.purpose[0]"),
        (purposes(vec![health(), code(DUO, "DUO:0000028")]), "provision.purpose"),
        (purposes(vec![health(), code(DUO, "DUO:0000025")]), "provision.purpose"),
        (purposes(vec![json!({"system": DUO, "code": "DUO:0000006", "not": true})]), "provision.purpose[0].not"),
        (("/provision/actor", json!([{"reference": organisation()}])), "provision.actor[0]"),
        (("/provision/actor", with_role(concept("http://example.org", "IRCP"))), "provision.actor[0].role"),
        (
            ("/provision/actor", json!([actor(json!({"reference": "Practitioner/7", "display": "U"}))])),
            "provision.actor[0].reference",
        ),
        (("/provision/actor", json!([actor(json!({"reference": "Organization/7"}))])), "provision.actor[0].reference"),
        (("/provision/actor", json!([actor(json!({"display": "U"}))])), "provision.actor[0].reference"),
        (("/patient/identifier", Value::Null), "patient"),
        (("/patient/identifier/value", json!("a\nb")), "patient.identifier.value"),
    ] {
        let import = read(&with(std::slice::from_ref(&change)));
        let text = import.report.to_text();
        assert!(import.choices.is_empty(), "{change:?}\n{text}");
        let unmapped = import.report.findings.iter().filter(|finding| finding.outcome == Outcome::Unmapped);
        let found = unmapped.filter(|finding| finding.path == path).collect::<Vec<_>>();
        assert!(!found.is_empty(), "{path}: {change:?}\n{text}");
        assert!(found.iter().all(|finding| !finding.found.is_empty() && !finding.allowed.is_empty()), "{text}");
    }
    // A denial of a part, and what is twice negative.
    for changes in [
        vec![("/provision/type", json!("deny")), end("2030-12-31")],
        vec![("/provision/type", json!("deny")), ("/status", json!("rejected"))],
        vec![("/provision/type", json!("deny")), ("/status", json!("inactive"))],
        vec![("/provision/period", json!({"start": "2026-01-31"})), ("/dateTime", Value::Null)],
    ] {
        let import = read(&with(&changes));
        assert!(import.choices.is_empty() && import.report.count(Outcome::Unmapped) > 0, "{changes:?}");
    }
    let import = import_by_reference(&with(&[("/patient/reference", json!("http://example.org/fhir/Patient/132"))]));
    assert!(import.choices.is_empty());
    assert_eq!(import.report.unmapped_of_nobody, 1);
    assert!(import.report.to_text().contains("LOOK AT THEM FIRST"));
}

#[test]
fn what_is_no_choice_and_restricts_nothing() {
    let other = concept("http://terminology.hl7.org/CodeSystem/consentscope", "treatment");
    for (change, outcome) in [
        (("/status", json!("draft")), Outcome::NotInForce),
        (("/status", json!("proposed")), Outcome::NotInForce),
        (("/status", json!("entered-in-error")), Outcome::NotInForce),
        (("/scope", other), Outcome::OtherScope),
    ] {
        // The patient's other resource counts all the same.
        let mut second = with(&[change]);
        set(&mut second, "/id", json!("c-2"));
        let import = all(&[consent(), second]);
        assert_eq!((import.report.count(outcome), choices(&import)), (1, vec![granted("DUO:0000006")]));
    }
    let import = read(&with(&[("/performer", json!([{"reference": "RelatedPerson/1", "display": "the mother"}]))]));
    assert_eq!((import.report.count(Outcome::Note), import.report.choices), (1, 1));
    assert!(import.report.to_text().contains("performer[0] is \"the mother\": somebody else"));
}

fn second(changes: &[(&str, Value)]) -> Value {
    let mut value = with(changes);
    set(&mut value, "/id", json!("c-2"));
    value
}

#[test]
fn the_latest_wins_where_it_is_certain() {
    let deny = ("/provision/type", json!("deny"));
    for (dates, expected) in [
        (["2026-01-31", "2026-02-01"], Some(false)),
        (["2026-01-31", "2026-01-30"], Some(true)),
        (["2026-01-31", "2026-01-31"], None),
        (["2026-01-31T10:00:00+01:00", "2026-01-31T09:30:00Z"], Some(false)),
        (["2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z"], None),
        // One of them without a time of day: only if two days lie between.
        (["2026-01-31T10:00:00Z", "2026-02-01"], None),
        (["2026-01-31T10:00:00Z", "2026-02-02"], Some(false)),
    ] {
        let first = with(&[("/dateTime", json!(dates[0]))]);
        let import = all(&[first, second(&[deny.clone(), ("/dateTime", json!(dates[1]))])]);
        let found = choices(&import);
        let text = import.report.to_text();
        match expected {
            Some(true) => assert_eq!(found, [granted("DUO:0000006")], "{text}"),
            Some(false) => assert_eq!(found, [Choice::refused(purpose("DUO:0000006"))], "{text}"),
            None => assert!(found.is_empty() && import.report.count(Outcome::Undecided) == 2, "{dates:?}\n{text}"),
        }
        assert_eq!(import.report.count(Outcome::Superseded), usize::from(expected.is_some()));
    }
    let undated = all(&[with(&[("/dateTime", Value::Null)]), second(&[])]);
    assert_eq!((undated.choices.len(), undated.report.count(Outcome::Undecided)), (0, 2));
    let twice = all(&[consent(), with(&[("/dateTime", json!("2026-05-01"))])]);
    assert!(twice.choices.is_empty() && twice.report.count(Outcome::Unmapped) == 2, "one id twice");
}

/// What is not mapped may restrict what is: the patient's consents wait, refusals do not, nor do other patients.
#[test]
fn consents_beside_what_is_not_mapped_are_held_back() {
    let nested = second(&[("/provision/provision", json!([{"type": "deny"}]))]);
    let mut third =
        with(&[("/provision/purpose", json!([code(DUO, "DUO:0000042")])), ("/provision/type", json!("deny"))]);
    set(&mut third, "/id", json!("c-3"));
    let mut other = with(&[("/patient/identifier/value", json!("P-7"))]);
    set(&mut other, "/id", json!("c-4"));
    let import = all(&[consent(), nested, third, other]);
    assert_eq!(import.report.count(Outcome::HeldBack), 1);
    let of = |patient: &str| import.choices[patient].iter().map(|one| one.choice.clone()).collect::<Vec<_>>();
    assert_eq!(of("P-132"), [Choice::refused(purpose("DUO:0000042"))]);
    assert_eq!(of("P-7"), [granted("DUO:0000006")]);
}

#[test]
fn files_of_each_kind_and_those_that_are_refused() {
    let bundle = |kind: &str| {
        json!({"resourceType": "Bundle", "type": kind, "entry": [
        {"fullUrl": "urn:x", "resource": consent()}, {"resource": {"resourceType": "Patient"}}]})
    };
    for text in [
        consent().to_string(),
        serde_json::to_string_pretty(&consent()).unwrap(),
        format!("\u{feff}\n{}\n\n", consent()),
        bundle("collection").to_string(),
        serde_json::to_string_pretty(&bundle("searchset")).unwrap(),
        format!("{{\"resourceType\": \"Patient\"}}\r\n{}\r\n", bundle("searchset")),
    ] {
        let import = import(&text, PatientFrom::Identifier).unwrap();
        assert_eq!(choices(&import), [granted("DUO:0000006")], "{text}");
    }
    let mut paged = bundle("searchset");
    paged["link"] = json!([{"relation": "next", "url": "x"}]);
    for (text, sentence) in [
        (String::new(), "line 1 cannot be read as JSON"),
        ("[]".to_owned(), "no FHIR resource"),
        ("{\"resourceType\": \"Patient\"}".to_owned(), "no Consent resource, among 1 others"),
        (format!("{}\n{{", consent()), "line 2 cannot be read"),
        (bundle("history").to_string(), "which say what is now"),
        (paged.to_string(), "there is a next page"),
        (
            json!({"resourceType": "Bundle", "type": "collection", "entry": [{}]}).to_string(),
            "entry[0] is no FHIR resource",
        ),
        (json!({"resourceType": "Bundle", "type": "collection"}).to_string(), "no list of entries"),
        (consent().to_string().replacen("\"status\"", "\"status\":\"active\",\"status\"", 1), "stands twice"),
        ("[".repeat(100_000), "cannot be read"),
    ] {
        let refused = import(&text, PatientFrom::Identifier).unwrap_err().to_string();
        assert!(refused.contains(sentence), "{refused}");
    }
}
