//! The query caps of the policy in force. No proof can show them: each site counts what it has released itself.

use cohortium_protocol::documents::Approval;
use cohortium_protocol::policy::QueryCap;
use cohortium_protocol::query::Source;

use super::kept::study_of;
use crate::cli::Failure;
use crate::pipeline::Planned;
use crate::store::{BudgetFile, Home};

/// Why one more query is too many.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum CapError {
    /// Too many under the study's approvals.
    #[error(
        "the policy in force allows {cap} queries under one approval with those that it amends, and this site has answered \
         {answered} of study {study:?}; a higher cap in both policies would be needed"
    )]
    Approval {
        /// The cap.
        cap: u32,
        /// Queries answered.
        answered: u32,
        /// The study.
        study: String,
    },
    /// Too many about a column.
    #[error(
        "the policy in force allows {cap} queries about one column under one approval with those that it amends, and this site \
         has answered {answered} about {column:?} of study {study:?}; leave the column out"
    )]
    Column {
        /// The column.
        column: String,
        /// The cap.
        cap: u32,
        /// Queries answered.
        answered: u32,
        /// The study.
        study: String,
    },
}

impl From<CapError> for Failure {
    fn from(error: CapError) -> Self {
        Self::refused(error)
    }
}

/// The caps, and how much of them is used.
pub(super) struct Caps {
    cap: QueryCap,
    study: String,
    /// Queries answered under the study's approvals: an amendment begins nothing anew.
    answered: u32,
    /// The same of each column of the table that this query uses. Consent is not among them: every query uses it.
    columns: Vec<(String, u32)>,
}

impl Caps {
    /// Counts the releases that this home keeps; none where there is no cap.
    pub(super) fn count(
        home: &Home,
        budget: &BudgetFile,
        planned: &Planned<'_>,
        approval: &Approval,
    ) -> Result<Self, Failure> {
        let cap = planned.policy().query_cap();
        let mut releases = Vec::new();
        if cap != QueryCap::default() {
            let digest = approval.digest();
            for release in home.releases()? {
                if release.approval == digest || study_of(home, &release)? == approval.study {
                    releases.push(release);
                }
            }
        }
        let count = |used: &dyn Fn(&str, &[String]) -> bool| {
            let uses = releases.iter().filter(|release| used(&release.table, budget.columns(release.budget_record)));
            u32::try_from(uses.count()).unwrap_or(u32::MAX)
        };
        let own = planned.opened_columns().into_iter().filter(|column| column.source == Source::Manifest);
        let columns = own.map(|column| {
            let answered = count(&|table, columns| table == planned.plan().table && columns.contains(&column.name));
            (column.name, answered)
        });
        let columns = columns.collect();
        Ok(Self { cap, study: approval.study.clone(), answered: count(&|_, _| true), columns })
    }

    /// Counts answers that the site owes as if they were given, each about every column.
    pub(super) fn add_owed(&mut self, owed: u32) {
        self.answered = self.answered.saturating_add(owed);
        for (_, answered) in &mut self.columns {
            *answered = answered.saturating_add(owed);
        }
    }

    /// Refuses one query more than either cap.
    pub(super) fn check(&self) -> Result<(), CapError> {
        let Self { cap, study, answered, columns } = self;
        let (study, answered) = (study.clone(), *answered);
        if let Some(cap) = cap.per_approval.filter(|cap| answered >= *cap) {
            return Err(CapError::Approval { cap, answered, study });
        }
        let Some(cap) = cap.per_column else { return Ok(()) };
        match columns.iter().find(|(_, answered)| *answered >= cap) {
            Some((column, answered)) => {
                Err(CapError::Column { column: column.clone(), cap, answered: *answered, study })
            }
            None => Ok(()),
        }
    }

    /// In words, one line; nothing where there is no cap.
    pub(super) fn describe(&self) -> Option<String> {
        let mut parts = Vec::new();
        if let Some(cap) = self.cap.per_approval {
            parts.push(format!("query {} of {cap} of this study", self.answered + 1));
        }
        if let Some(cap) = self.cap.per_column {
            let uses = self.columns.iter().map(|(column, answered)| format!("{column} {}", answered + 1));
            parts.push(format!("of {cap} about each column: {}", uses.collect::<Vec<_>>().join(", ")));
        }
        (!parts.is_empty()).then(|| format!("Counted by this site: {}", parts.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(per_approval: Option<u32>, per_column: Option<u32>) -> Caps {
        Caps {
            cap: QueryCap { per_approval, per_column },
            study: "S-1".into(),
            answered: 3,
            columns: vec![("age".into(), 2), ("nodes".into(), 1)],
        }
    }

    #[test]
    fn one_more_than_a_cap_is_refused() {
        for (per_approval, per_column, words) in [
            (None, None, None),
            (Some(4), Some(3), None),
            (
                Some(3),
                None,
                Some(
                    "allows 3 queries under one approval with those that it amends, and this site has answered 3 of study",
                ),
            ),
            (Some(0), Some(9), Some("allows 0 queries under one approval")),
            (None, Some(2), Some("has answered 2 about \"age\" of study \"S-1\"; leave the column out")),
            (Some(4), Some(1), Some("about \"age\"")),
        ] {
            match (caps(per_approval, per_column).check(), words) {
                (Ok(()), None) => {}
                (Err(error), Some(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, _) => panic!("{per_approval:?}, {per_column:?}: {found:?}"),
            }
        }
        let mut owing = caps(Some(4), None);
        owing.add_owed(1);
        assert!(owing.check().is_err());
        let words = caps(Some(4), Some(3)).describe().unwrap();
        assert_eq!(words, "Counted by this site: query 4 of 4 of this study; of 3 about each column: age 3, nodes 2");
        assert_eq!(caps(None, None).describe(), None);
    }
}
