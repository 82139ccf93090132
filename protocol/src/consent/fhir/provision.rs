//! What a provision allows: purposes and conditions.

use super::moment::{FORM, Moment};
use super::node::{Node, Problems};
use crate::consent::{Conditions, MAX_INSTITUTIONS, Purpose};
use crate::table::{DiseaseCode, Institution};

/// Characters of a code, a system or a reference at most.
pub(super) const MAX_CODE: usize = 256;
const DUO: [&str; 3] = [
    "http://purl.obolibrary.org/obo/duo.owl",
    "http://purl.obolibrary.org/obo/duo",
    "http://purl.obolibrary.org/obo/DUO",
];
const MONDO: [&str; 3] = [
    "http://purl.obolibrary.org/obo/mondo.owl",
    "http://purl.obolibrary.org/obo/mondo",
    "http://purl.obolibrary.org/obo/MONDO",
];
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const CONSENT_ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";

const PURPOSES: &str = "DUO:0000042, DUO:0000006 or HRESCH, DUO:0000007 with a MONDO code of its own; as conditions DUO:0000046, \
                        DUO:0000028 with actors, DUO:0000025 with an end, DUO:0000021";
const ACTIONS: &str = "use, and with it collect; without any, use is meant";
const ACTORS: &str = "organisations (reference Organization/ID, or type Organization) that receive, role IRCP or PRCP, named by \
                      display or identifier";

/// A coding's system and code.
pub(super) fn coding<'a>(node: &Node<'a>, problems: &mut Problems) -> Option<(&'a str, &'a str)> {
    node.only(&["id", "extension", "system", "version", "code", "display", "userSelected"], problems);
    let (system, code) = (node.text("system", MAX_CODE, problems), node.text("code", MAX_CODE, problems));
    if system.is_none() || code.is_none() {
        problems.add(node, "a system and a code");
    }
    Some((system?, code?))
}

/// The codings of a concept, each with its place. A text beside them is for people.
pub(super) fn concept<'a>(node: &Node<'a>, problems: &mut Problems) -> Vec<(Node<'a>, &'a str, &'a str)> {
    node.only(&["id", "extension", "coding", "text"], problems);
    let codings = node.list("coding", problems);
    if codings.is_empty() {
        problems.add(node, "a coding; a text alone is not understood");
    }
    let read = |entry: Node<'a>| coding(&entry, problems).map(|(system, code)| (entry, system, code));
    codings.into_iter().filter_map(read).collect()
}

/// What a provision's purposes say.
#[derive(Default)]
struct Said {
    purposes: Vec<Purpose>,
    diseases: Vec<DiseaseCode>,
    disease_specific: bool,
    institutions: bool,
    time_limit: bool,
}

/// Reads a root provision: the purposes it is about, and the conditions. The rest is a problem.
pub(super) fn provision(
    node: &Node<'_>,
    dated: Option<&Moment>,
    problems: &mut Problems,
) -> (Vec<Purpose>, Conditions) {
    node.only(&["id", "extension", "type", "period", "actor", "action", "purpose"], problems);
    let mut conditions = Conditions::default();
    let mut said = Said::default();
    for entry in node.list("purpose", problems) {
        purpose(&entry, &mut said, &mut conditions, problems);
    }
    actions(node, problems);
    period(node, dated, &mut conditions, problems);
    actors(node, &mut conditions, problems);
    let path = format!("{}.purpose", node.path);
    let mut missing = |found: &str, allowed: &str| problems.say(&path, found.to_owned(), allowed);
    if said.institutions && conditions.institutions.is_none() {
        missing("DUO:0000028 without provision.actor", ACTORS);
    }
    if said.time_limit && conditions.last_day.is_none() {
        missing("DUO:0000025 without provision.period.end", "the last day as the period's end");
    }
    if said.disease_specific && said.diseases.is_empty() {
        missing("DUO:0000007 without a disease", "a MONDO coding beside it");
    }
    // A disease beside another purpose could be a purpose of its own or narrow the other one.
    if !said.diseases.is_empty() && !said.purposes.is_empty() && !said.disease_specific {
        missing(
            "a disease beside a wider purpose",
            "DUO:0000007 beside the MONDO coding, if research on it is a purpose of its own",
        );
    }
    let mut purposes = said.purposes;
    purposes.extend(said.diseases.into_iter().map(Purpose::Disease));
    purposes.sort();
    purposes.dedup();
    if purposes.is_empty() {
        missing("no purpose", PURPOSES);
    }
    (purposes, conditions)
}

fn purpose(entry: &Node<'_>, said: &mut Said, conditions: &mut Conditions, problems: &mut Problems) {
    let Some((system, code)) = coding(entry, problems) else { return };
    let written = |prefix: &str| {
        let digits = code.strip_prefix(prefix)?.strip_prefix([':', '_'])?;
        (digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    };
    let found = if DUO.contains(&system) { written("DUO") } else { None };
    match (system, found) {
        (_, Some("0000042")) => said.purposes.push(Purpose::General),
        (_, Some("0000006")) => said.purposes.push(Purpose::Health),
        (_, Some("0000007")) => said.disease_specific = true,
        (_, Some("0000046")) => conditions.not_commercial = true,
        (_, Some("0000028")) => said.institutions = true,
        (_, Some("0000025")) => said.time_limit = true,
        (_, Some("0000021")) => conditions.ethics_approval = true,
        (ACT_REASON, _) if code == "HRESCH" => said.purposes.push(Purpose::Health),
        _ => match written("MONDO").filter(|_| MONDO.contains(&system)).map(|digits| format!("MONDO:{digits}").parse())
        {
            Some(Ok(disease)) => said.diseases.push(disease),
            _ => problems.say(&entry.path, format!("{code} of {system}"), PURPOSES),
        },
    }
}

fn actions(node: &Node<'_>, problems: &mut Problems) {
    let actions = node.list("action", problems);
    let mut codes = Vec::new();
    for action in &actions {
        for (place, system, code) in concept(action, problems) {
            if system == CONSENT_ACTION && matches!(code, "use" | "collect") {
                codes.push(code);
            } else {
                problems.add(&place, ACTIONS);
            }
        }
    }
    if let (Some(first), false) = (actions.first(), codes.contains(&"use")) {
        problems.add(first, ACTIONS);
    }
}

fn period(node: &Node<'_>, dated: Option<&Moment>, conditions: &mut Conditions, problems: &mut Problems) {
    let Some(period) = node.get("period") else { return };
    period.only(&["id", "extension", "start", "end"], problems);
    if period.get("start").is_none() && period.get("end").is_none() {
        problems.add(&period, "a start or an end; a period without either may be one that is not known");
    }
    if let Some(start) = period.get("start") {
        let read = start.value.as_str().and_then(Moment::read);
        match (read, dated) {
            (Some(start), Some(dated)) if start.day <= dated.day => {}
            (Some(_), _) => problems.add(
                &start,
                "a day no later than the resource's dateTime: a consent that begins later cannot be expressed",
            ),
            (None, _) => problems.add(&start, FORM),
        }
    }
    if let Some(end) = period.get("end") {
        conditions.last_day = end.value.as_str().and_then(Moment::last_day);
        if conditions.last_day.is_none() {
            problems.add(&end, FORM);
        }
    }
}

fn actors(node: &Node<'_>, conditions: &mut Conditions, problems: &mut Problems) {
    let mut names: Vec<Institution> = Vec::new();
    let actors = node.list("actor", problems);
    for actor in &actors {
        actor.only(&["id", "extension", "role", "reference"], problems);
        let role = actor.get("role");
        let codes = role.iter().flat_map(|role| concept(role, problems)).collect::<Vec<_>>();
        let receives =
            |(_, system, code): &(Node<'_>, &str, &str)| *system == PARTICIPATION && matches!(*code, "IRCP" | "PRCP");
        if codes.is_empty() || !codes.iter().all(receives) {
            problems.add(role.as_ref().unwrap_or(actor), ACTORS);
        }
        let Some(reference) = actor.get("reference") else {
            problems.add(actor, ACTORS);
            continue;
        };
        match organisation(&reference, problems) {
            Some(name) => names.push(name),
            None => problems.add(&reference, ACTORS),
        }
    }
    names.sort();
    names.dedup();
    if names.len() > MAX_INSTITUTIONS {
        let path = format!("{}.actor", node.path);
        problems.say(&path, format!("{} organisations", names.len()), format!("at most {MAX_INSTITUTIONS}"));
    } else if !names.is_empty() {
        conditions.institutions = Some(names);
    }
}

/// The name of an organisation: what is displayed, or else the identifier's value.
fn organisation(reference: &Node<'_>, problems: &mut Problems) -> Option<Institution> {
    reference.only(&["id", "extension", "reference", "type", "identifier", "display"], problems);
    let kind = reference.text("type", MAX_CODE, problems);
    let target = reference.text("reference", MAX_CODE, problems);
    let is_one = |target: &str| {
        let mut parts = target.rsplit('/');
        parts.next().is_some_and(|id| !id.is_empty()) && parts.next() == Some("Organization")
    };
    let fits = match (kind, target) {
        (Some("Organization"), None) => true,
        (Some("Organization") | None, Some(target)) => is_one(target),
        _ => false,
    };
    let display = reference.get("display").map(|_| reference.text("display", MAX_CODE, problems));
    let name = match display {
        Some(display) => display,
        None => reference.get("identifier").and_then(|identifier| identifier.text("value", MAX_CODE, problems)),
    };
    name.filter(|_| fits)?.parse().ok()
}
