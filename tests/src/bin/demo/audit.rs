//! What the auditor's report says, as the demo reads it.

use serde::Deserialize;

use crate::cells::{Cell, Group};
use crate::exchange::anchors;
use crate::failure::Failure;
use crate::programs::{Programs, Run};

/// The parts of `cohortium-report/1` that the demo uses.
#[derive(Deserialize)]
pub(crate) struct Audit {
    pub(crate) verdict: String,
    pub(crate) bundle: String,
    pub(crate) development_key: bool,
    pub(crate) policy: Option<String>,
    pub(crate) guarantees: Vec<Guarantee>,
    groups: Vec<AuditedGroup>,
}

#[derive(Deserialize)]
pub(crate) struct Guarantee {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct AuditedGroup {
    labels: Vec<String>,
    cells: AuditedCells,
}

#[derive(Deserialize)]
struct AuditedCells {
    count: Cell,
    sums: [Option<Cell>; 3],
}

impl Audit {
    /// Audits a bundle as the board does, against its anchors. The report in words goes to a file.
    pub(crate) fn run(
        programs: &mut Programs,
        bundle: &str,
        report: &str,
        expected: i32,
    ) -> Result<(Self, Run), Failure> {
        let anchors = anchors();
        let words = ["cohortium-verifier", "audit", bundle, "--anchors", &anchors];
        let run = programs.run(&[&words[..], &["--json", "--report", report]].concat())?.expect(expected)?;
        Ok((run.json()?, run))
    }

    /// The released numbers. An auditor gives them only where every check passed.
    pub(crate) fn released(&self) -> Vec<Group> {
        let group = |group: &AuditedGroup| Group {
            labels: group.labels.clone(),
            count: group.cells.count,
            sums: group.cells.sums,
        };
        self.groups.iter().map(group).collect()
    }

    /// The guarantees with this verdict.
    pub(crate) fn with_verdict<'a>(&'a self, verdict: &'a str) -> impl Iterator<Item = &'a Guarantee> {
        self.guarantees.iter().filter(move |guarantee| guarantee.verdict == verdict)
    }
}
