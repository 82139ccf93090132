//! What an import found. It names patients, and stays inside the hospital.

use std::fmt::{self, Write as _};

use serde::Serialize;

use crate::consent::Purpose;
use crate::text::shown;

/// What became of a resource, or of a part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It says something that cannot be mapped: no choice comes of any of it.
    Unmapped,
    /// A consent that is not taken, since another resource of the patient is not mapped and may restrict it.
    HeldBack,
    /// Two resources for one purpose, neither of them certainly the later: no choice comes of either.
    Undecided,
    /// A later resource of the patient is for the same purpose.
    Superseded,
    /// A draft, a proposal, or an error: no choice.
    NotInForce,
    /// Not about research: no choice.
    OtherScope,
    /// Taken, with something to know beside it.
    Note,
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The resource's id, or its place in the file if it has none.
    pub resource: String,
    /// The patient, where the resource says who it is.
    pub patient: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Where in the resource, as in `provision.purpose[1].code`.
    pub path: String,
    /// What stands there, shortened.
    pub found: String,
    /// What could be mapped, or why it is as it is.
    pub allowed: String,
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Finding({:?} at {})", self.outcome, self.path)
    }
}

/// What an import found.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct FhirReport {
    /// Consent resources in the file.
    pub resources: usize,
    /// Resources of other types, which are not looked at.
    pub other_resources: usize,
    /// Patients with at least one choice.
    pub patients: usize,
    /// Choices in all.
    pub choices: usize,
    /// Resources that could not be mapped and do not say whose they are. One of them may be a refusal.
    pub unmapped_of_nobody: usize,
    /// What is to be known of single resources, in the file's order.
    pub findings: Vec<Finding>,
}

impl FhirReport {
    /// How many findings there are of a kind.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|finding| finding.outcome == outcome).count()
    }

    /// The report as text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Self { resources, other_resources, patients, choices, unmapped_of_nobody, findings } = self;
        writeln!(out, "SECRET: this report names patients. It stays at the site.\n")?;
        writeln!(
            out,
            "{resources} Consent resources read ({other_resources} others left alone): {choices} choices of {patients} patients."
        )?;
        if *unmapped_of_nobody > 0 {
            writeln!(
                out,
                "{unmapped_of_nobody} resources could not be mapped and name no patient: LOOK AT THEM FIRST, each may be a refusal \
                 of somebody whose consents were taken."
            )?;
        }
        for Finding { resource, patient, outcome, path, found, allowed } in findings {
            let what = match outcome {
                Outcome::Unmapped => "NOT MAPPED, no choice",
                Outcome::HeldBack => "HELD BACK, no choice",
                Outcome::Undecided => "UNDECIDED, no choice",
                Outcome::Superseded => "superseded",
                Outcome::NotInForce => "not in force",
                Outcome::OtherScope => "not about research",
                Outcome::Note => "taken; note",
            };
            let patient =
                patient.as_deref().map_or_else(|| "nobody named".to_owned(), |name| format!("patient {}", shown(name)));
            writeln!(
                out,
                "- {} ({patient}): {what}: {} is {}: {}",
                shown(resource),
                shown(path),
                shown(found),
                shown(allowed)
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for FhirReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FhirReport(secret)")
    }
}

/// What a held-back consent is told.
pub(super) fn held_back(purpose: &Purpose) -> String {
    format!(
        "a consent to {purpose} is not taken while another resource of this patient is not mapped: it may restrict it. Enter the \
         patient's choices by hand"
    )
}
