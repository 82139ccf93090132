//! One Consent resource: the choices it comes to, or why it comes to none.

use serde_json::Value;

use super::PatientFrom;
use super::moment::{FORM, Moment};
use super::node::{Node, Problem, Problems};
use super::provision::{MAX_CODE, concept, provision};
use super::report::Outcome;
use crate::consent::{Choice, Conditions, Decision};

const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// Characters of a patient's identifier at most.
const MAX_IDENTIFIER: usize = 200;
/// Performers that are looked at.
const MAX_PERFORMERS: usize = 20;

/// What is read or does not restrict. `modifierExtension` and `implicitRules` are missing on purpose, and so is everything
/// that this version of FHIR does not have.
const FIELDS: [&str; 21] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "contained",
    "extension",
    "identifier",
    "status",
    "scope",
    "category",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
    "provision",
];

/// What a resource comes to.
pub(super) enum Mapped {
    /// Choices of a patient.
    Choices { patient: String, choices: Vec<Choice>, dated: Option<Moment>, notes: Vec<Problem> },
    /// No choice, and nothing that could restrict others.
    Nothing { patient: Option<String>, outcome: Outcome, why: Problem },
    /// No choice, since these cannot be mapped.
    Not { patient: Option<String>, problems: Vec<Problem> },
}

#[derive(Clone, Copy, PartialEq)]
enum Base {
    Permit,
    Deny,
}

/// The resource's id, or its place in the file, from 1.
pub(super) fn name(resource: &Value, place: usize) -> String {
    match id(resource) {
        Some(id) => id.to_owned(),
        None => format!("the Consent number {place} of the file"),
    }
}

/// The id, as FHIR allows it.
pub(super) fn id(resource: &Value) -> Option<&str> {
    let fits = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    resource.get("id").and_then(Value::as_str).filter(fits)
}

/// Who it is about, by what the option says.
fn patient(root: &Node<'_>, from: PatientFrom, problems: &mut Problems) -> Option<String> {
    let Some(reference) = root.get("patient") else {
        problems.add(root, "a patient");
        return None;
    };
    let found = match from {
        PatientFrom::Identifier => {
            reference.get("identifier").and_then(|identifier| identifier.text("value", MAX_IDENTIFIER, problems))
        }
        PatientFrom::Reference => reference
            .text("reference", MAX_IDENTIFIER, problems)
            .and_then(|target| target.strip_prefix("Patient/"))
            .filter(|id| !id.is_empty() && !id.contains(['/', '#', '|', '?'])),
    };
    if found.is_none() {
        problems.add(
            &reference,
            match from {
                PatientFrom::Identifier => "the patient's identifier in identifier.value",
                PatientFrom::Reference => "a reference Patient/ID",
            },
        );
    }
    found.map(str::to_owned)
}

/// Maps a resource.
pub(super) fn map(resource: &Value, from: PatientFrom) -> Mapped {
    let root = Node { path: String::new(), value: resource };
    let mut problems = Problems::default();
    let patient = patient(&root, from, &mut problems);
    let nothing = |outcome, node: &Node<'_>, allowed: &str| Mapped::Nothing {
        patient: patient.clone(),
        outcome,
        why: Problem { path: node.path.clone(), found: node.shown(), allowed: allowed.to_owned() },
    };
    if let Some(status) = root.get("status")
        && let Some("draft" | "proposed" | "entered-in-error") = status.value.as_str()
    {
        return nothing(Outcome::NotInForce, &status, "active, rejected and inactive are choices");
    }
    let scope = root.get("scope");
    let scopes = scope.iter().flat_map(|scope| concept(scope, &mut problems)).collect::<Vec<_>>();
    let is_research = |(_, system, code): &(Node<'_>, &str, &str)| *system == SCOPE && *code == "research";
    let is_other = |(_, system, code): &(Node<'_>, &str, &str)| {
        *system == SCOPE && matches!(*code, "adr" | "patient-privacy" | "treatment")
    };
    if let Some(scope) = scope.as_ref().filter(|_| !scopes.is_empty() && scopes.iter().all(is_other)) {
        return nothing(Outcome::OtherScope, scope, "the scope research");
    }
    if scopes.is_empty() || !scopes.iter().all(is_research) {
        problems.add(scope.as_ref().unwrap_or(&root), format!("the scope research of {SCOPE}, and no other beside it"));
    }
    if id(resource).is_none() {
        problems.say(
            "id",
            root.get("id").map_or_else(|| "missing".to_owned(), |id| id.shown()),
            "an id, which stands for the form",
        );
    }
    root.only(&FIELDS, &mut problems);
    let dated = root.get("dateTime").and_then(|node| {
        let read = node.value.as_str().and_then(Moment::read);
        if read.is_none() {
            problems.add(&node, FORM);
        }
        read
    });
    let choices = choices(&root, dated.as_ref(), &mut problems);
    let notes = performers(&root, &mut problems);
    match patient {
        Some(patient) if problems.0.is_empty() => Mapped::Choices { patient, choices, dated, notes },
        patient => Mapped::Not { patient, problems: problems.0 },
    }
}

fn choices(root: &Node<'_>, dated: Option<&Moment>, problems: &mut Problems) -> Vec<Choice> {
    let Some(node) = root.get("provision") else {
        problems.say("provision", "missing".to_owned(), "a provision with purposes");
        return Vec::new();
    };
    let base = base(root, &node, problems);
    let (purposes, conditions) = provision(&node, dated, problems);
    let status = root.get("status");
    let decision = match (status.as_ref().and_then(|status| status.value.as_str()), base) {
        (Some("active"), Some(Base::Permit)) => Decision::Granted,
        (Some("active"), Some(Base::Deny)) if conditions.is_empty() => Decision::Refused,
        (Some("active"), Some(Base::Deny)) => {
            problems
                .add(&node, "a denial without conditions: one with them denies a part, and may leave the rest allowed");
            return Vec::new();
        }
        // What was consented to, or would have been, under whichever conditions, is not any more: the whole purpose.
        (Some("rejected"), Some(Base::Permit)) => Decision::Refused,
        (Some("inactive"), Some(Base::Permit)) => Decision::Revoked,
        (Some("rejected" | "inactive"), Some(Base::Deny)) => {
            problems
                .add(&node, "a permission: a denial that was rejected, or has ended, says nothing of what is allowed");
            return Vec::new();
        }
        (_, None) => return Vec::new(),
        _ => {
            problems.add(status.as_ref().unwrap_or(root), "the status active, rejected or inactive");
            return Vec::new();
        }
    };
    let conditions = if decision == Decision::Granted { conditions } else { Conditions::default() };
    let mut choices = Vec::new();
    for purpose in purposes {
        match Choice::new(purpose, decision, conditions.clone()) {
            Ok(choice) => choices.push(choice),
            Err(error) => problems.add(&node, error.to_string()),
        }
    }
    choices
}

/// Whether the provision permits or denies: its type says so, or else the rule that it is an exception from.
fn base(root: &Node<'_>, provision: &Node<'_>, problems: &mut Problems) -> Option<Base> {
    let rule = root.get("policyRule").map(|rule| {
        let codes = concept(&rule, problems);
        let all = |wanted: &str| {
            !codes.is_empty() && codes.iter().all(|(_, system, code)| *system == ACT_CODE && *code == wanted)
        };
        match (all("OPTIN"), all("OPTOUT")) {
            (true, _) => Some(Base::Permit),
            (_, true) => Some(Base::Deny),
            _ => {
                problems.add(&rule, format!("OPTIN or OPTOUT of {ACT_CODE}: other rules may restrict"));
                None
            }
        }
    });
    let kind = provision.get("type");
    match (kind.as_ref().map(|kind| kind.value.as_str()), rule) {
        (_, Some(None)) => None,
        (Some(Some("permit")), _) => Some(Base::Permit),
        (Some(Some("deny")), _) => Some(Base::Deny),
        (None, Some(rule)) => rule,
        _ => {
            problems
                .add(kind.as_ref().unwrap_or(provision), "the type permit or deny, or a policyRule OPTIN or OPTOUT");
            None
        }
    }
}

/// Who agreed, where that is somebody else than the patient.
fn performers(root: &Node<'_>, problems: &mut Problems) -> Vec<Problem> {
    let patient = root.get("patient");
    let of = |node: &Node<'_>, field| node.get(field).map(|node| node.value.clone());
    let same = |performer: &Node<'_>| {
        patient.as_ref().is_some_and(|patient| {
            let by = |field| of(performer, field).is_some_and(|value| of(patient, field) == Some(value));
            by("reference") || by("identifier")
        })
    };
    let others = root.list("performer", problems).into_iter().take(MAX_PERFORMERS).filter(|performer| !same(performer));
    let note = |performer: Node<'_>| {
        let name = performer.get("display").or_else(|| performer.get("reference"));
        let found = name
            .filter(|name| name.value.as_str().is_some_and(|text| text.len() <= MAX_CODE))
            .map_or_else(|| performer.shown(), |name| name.shown());
        let allowed = "somebody else than the patient agreed; whether they may is for the hospital to say".to_owned();
        Problem { path: performer.path, found, allowed }
    };
    others.map(note).collect()
}
