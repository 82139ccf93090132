//! Choices from FHIR R4 `Consent` resources. What restricts and cannot be mapped makes its whole resource no choice at
//! all, with the reason in the report; nothing is guessed. The page `docs/src/formats/consent.md` says what is read.

mod moment;
mod node;
mod provision;
mod read;
mod report;
mod resource;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

pub use report::{FhirReport, Finding, Outcome};

use self::moment::Moment;
use self::node::Problem;
use self::resource::Mapped;
use super::choice::{Choice, Decision};
use crate::table::Day;

/// Bytes of a file at most.
pub const MAX_FHIR_BYTES: usize = 64 << 20;
/// Resources of a file at most.
pub const MAX_RESOURCES: usize = 1_000_000;

/// Where a resource says which patient it is about. Nobody guesses: the data officer says it for the whole file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatientFrom {
    /// In `patient.identifier.value`.
    Identifier,
    /// In `patient.reference`, after `Patient/`.
    Reference,
}

/// Why a file is not read at all.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FhirError {
    /// Beyond the limit.
    #[error("the file has {found} bytes; at most {MAX_FHIR_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Too many resources.
    #[error("the file has more than {MAX_RESOURCES} resources, the most that are read")]
    Many,
    /// Not JSON, or a field twice.
    #[error("line {line} cannot be read as JSON: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What the JSON reader says.
        reason: String,
    },
    /// Something that is no resource.
    #[error(
        "{place} is no FHIR resource: it has no resourceType. A Consent, a Bundle of them, or one of these a line is read"
    )]
    NoResource {
        /// Where.
        place: String,
    },
    /// A bundle that may not be whole.
    #[error("{place} is a Bundle that is not read: {rule}")]
    Bundle {
        /// Where.
        place: String,
        /// Why.
        rule: &'static str,
    },
    /// Nothing to read.
    #[error("the file has no Consent resource, among {others} others")]
    None {
        /// Resources of other types.
        others: usize,
    },
}

/// A choice that a clerk enters.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportedChoice {
    /// The choice.
    pub choice: Choice,
    /// The resource's id: the form that the clerk's event refers to.
    pub form: String,
    /// The day of the resource's `dateTime`, for people: the event is dated when it is entered.
    pub dated: Option<Day>,
}

/// Choices by patient, and what was found beside them. Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct FhirImport {
    /// By the patient's identifier; of each patient at most one choice a purpose, in the order of purposes.
    pub choices: BTreeMap<String, Vec<ImportedChoice>>,
    /// What was found.
    pub report: FhirReport,
}

impl fmt::Debug for ImportedChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImportedChoice(secret)")
    }
}

impl fmt::Debug for FhirImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FhirImport(secret)")
    }
}

/// A choice, and where it is from.
struct Candidate {
    place: usize,
    choice: Choice,
    dated: Option<Moment>,
}

/// Reads one Consent resource, a Bundle (a collection or a whole search result), or one of these a line.
pub fn import(text: &str, from: PatientFrom) -> Result<FhirImport, FhirError> {
    let (resources, other_resources) = read::resources(text)?;
    let mut import = Import { names: Vec::new(), findings: Vec::new(), unsure: BTreeSet::new(), unmapped_of_nobody: 0 };
    let mut candidates: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    let twice = ids_twice(&resources);
    for (place, value) in resources.iter().enumerate() {
        import.names.push(resource::name(value, place + 1));
        let mapped = match resource::map(value, from) {
            Mapped::Choices { patient, .. } if resource::id(value).is_some_and(|id| twice.contains(id)) => {
                let allowed = "one resource of an id: which of two is the latest, nobody can tell".to_owned();
                let problems = vec![Problem { path: "id".to_owned(), found: import.names[place].clone(), allowed }];
                Mapped::Not { patient: Some(patient), problems }
            }
            mapped => mapped,
        };
        match mapped {
            Mapped::Choices { patient, choices, dated, notes } => {
                notes.into_iter().for_each(|note| import.find(place, Some(&patient), Outcome::Note, note));
                let choices = choices.into_iter().map(|choice| Candidate { place, choice, dated });
                candidates.entry(patient).or_default().extend(choices);
            }
            Mapped::Nothing { patient, outcome, why } => import.find(place, patient.as_deref(), outcome, why),
            Mapped::Not { patient, problems } => {
                for problem in problems {
                    import.find(place, patient.as_deref(), Outcome::Unmapped, problem);
                }
                match patient {
                    Some(patient) => drop(import.unsure.insert(patient)),
                    None => import.unmapped_of_nobody += 1,
                }
            }
        }
    }
    let mut choices = BTreeMap::new();
    for (patient, candidates) in candidates {
        let taken = import.decide(&patient, candidates);
        if !taken.is_empty() {
            choices.insert(patient, taken);
        }
    }
    let report = FhirReport {
        resources: resources.len(),
        other_resources,
        patients: choices.len(),
        choices: choices.values().map(Vec::len).sum(),
        unmapped_of_nobody: import.unmapped_of_nobody,
        findings: import.sorted(),
    };
    Ok(FhirImport { choices, report })
}

/// Ids that several resources bear.
fn ids_twice(resources: &[Value]) -> BTreeSet<&str> {
    let mut seen = BTreeSet::new();
    resources.iter().filter_map(resource::id).filter(|id| !seen.insert(*id)).collect()
}

struct Import {
    names: Vec<String>,
    findings: Vec<(usize, Finding)>,
    /// Patients of whom something is not mapped.
    unsure: BTreeSet<String>,
    unmapped_of_nobody: usize,
}

impl Import {
    fn find(&mut self, place: usize, patient: Option<&str>, outcome: Outcome, problem: Problem) {
        let Problem { path, found, allowed } = problem;
        let (resource, patient) = (self.names[place].clone(), patient.map(str::to_owned));
        self.findings.push((place, Finding { resource, patient, outcome, path, found, allowed }));
    }

    /// Of each purpose the choice that is certainly the latest. Consents only where everything of the patient is mapped.
    fn decide(&mut self, patient: &str, candidates: Vec<Candidate>) -> Vec<ImportedChoice> {
        let mut by_purpose: BTreeMap<_, Vec<Candidate>> = BTreeMap::new();
        for candidate in candidates {
            by_purpose.entry(candidate.choice.purpose().clone()).or_default().push(candidate);
        }
        let mut latest = Vec::new();
        for candidates in by_purpose.into_values() {
            let dated = |one: usize| candidates[one].dated;
            let after = |one, other| matches!((dated(one), dated(other)), (Some(a), Some(b)) if a.is_after(&b));
            let count = candidates.len();
            let winner = (0..count).find(|one| (0..count).all(|other| other == *one || after(*one, other)));
            for (number, candidate) in candidates.into_iter().enumerate() {
                let purpose = candidate.choice.purpose();
                let problem =
                    |allowed: String| Problem { path: "dateTime".to_owned(), found: moment(candidate.dated), allowed };
                match winner {
                    Some(winner) if winner == number => latest.push(candidate),
                    Some(_) => {
                        let problem = problem(format!("a later resource is for {purpose} too, and counts"));
                        self.find(candidate.place, Some(patient), Outcome::Superseded, problem);
                    }
                    None => {
                        let problem = problem(format!(
                            "another resource is for {purpose} too; the later one has to have the later dateTime, beyond doubt"
                        ));
                        self.find(candidate.place, Some(patient), Outcome::Undecided, problem);
                        self.unsure.insert(patient.to_owned());
                    }
                }
            }
        }
        let mut taken = Vec::new();
        for Candidate { place, choice, dated } in latest {
            if choice.decision() == Decision::Granted && self.unsure.contains(patient) {
                let allowed = report::held_back(choice.purpose());
                let problem = Problem { path: "provision".to_owned(), found: choice.purpose().to_string(), allowed };
                self.find(place, Some(patient), Outcome::HeldBack, problem);
                continue;
            }
            taken.push(ImportedChoice { choice, form: self.names[place].clone(), dated: dated.map(|dated| dated.day) });
        }
        taken
    }

    fn sorted(self) -> Vec<Finding> {
        let mut findings = self.findings;
        findings.sort_by_key(|(place, _)| *place);
        findings.into_iter().map(|(_, finding)| finding).collect()
    }
}

fn moment(dated: Option<Moment>) -> String {
    dated.map_or_else(|| "missing".to_owned(), |dated| dated.day.to_string())
}
