//! Results: what a sponsor is shown of a query's released cells, per site and pooled.
//!
//! A [`QueryResults`] is worked out from released cells and nothing else. It keeps "0", "<k" and *missing* apart, says
//! what rounding leaves open, and derives statistics only where every number they need was released. Read from a
//! file, it is worked out anew and refused if anything in it does not follow.

mod cells;
mod csv;
mod derived;
mod error;
mod group;
mod noised;
mod number;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod properties;
mod question;
mod site;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use cells::{Because, PooledCell, SiteCell};
pub use derived::{Derived, Estimate, NotDerived, Proportion, Statistic, Z_95, wilson};
pub use error::ResultsError;
pub use group::Group;
pub use number::Number;
pub use question::{AxisLabel, Grouping, Measured, Question};
pub use site::{PooledResults, ReleasePolicy, SiteAnswer, SiteResults};

use crate::hash::Digest;
use noised::Spread;

use crate::policy::{GroupCells, NoisedParams, Rule};
use crate::query::Plan;
use crate::table::Schema;
use crate::text::{is_line, shown};

/// The format this code reads and writes.
pub const RESULTS_FORMAT: &str = "cohortium-results/1";

/// Sites at most in one document: as many as a request names.
pub use crate::documents::MAX_SITES;

/// What holds of every number in the document.
const NOTES: [&str; 5] = [
    "Sums are in coded units: a coded value c stands for offset + step c.",
    "\"low\" and \"high\" are what the rounding of released numbers leaves open; Wilson intervals (95 %) are of the \
     released, rounded counts as if they were exact.",
    "Pooled numbers are of the sites that answered and show the number; \"left_out\" names those that suppress it, and \
     nothing is put in for them.",
    "Statistics are derived from released numbers only. What needs a suppressed number is not derived.",
    "Shares with \"of_released\" leave out the groups that are suppressed: they are no shares of all patients.",
];

/// What holds beside where a site's numbers have noise in them.
const NOISE_NOTE: &str = "Numbers after \"~\" have noise in them, of the law that the policy states, proved to be that of a seed \
     which the hospital could not choose. Of them \"low\" and \"high\" hold the exact numbers with a chance of at least 95 % for \
     all numbers of one site's answer together, and of at least 100 % less 5 % a site for pooled ones; statistics derived from \
     them have the noise in their \"low\" and \"high\", and Wilson intervals are of the outermost shares that these allow.";

fn sites_under_noise(sites: &[SiteResults]) -> usize {
    let is_noised = |site: &&SiteResults| matches!(&site.answer, SiteAnswer::Answered { policy, .. } if policy.params.noised().is_some());
    sites.iter().filter(is_noised).count()
}

/// The results of a query, as far as they are there: `cohortium-results/1`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Document", into = "Document")]
pub struct QueryResults(Document);

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    query: Digest,
    question: Question,
    sites: Vec<SiteResults>,
    pooled: Option<PooledResults>,
    notes: Vec<String>,
}

impl From<QueryResults> for Document {
    fn from(results: QueryResults) -> Self {
        results.0
    }
}

impl TryFrom<Document> for QueryResults {
    type Error = ResultsError;

    fn try_from(found: Document) -> Result<Self, ResultsError> {
        if found.format != RESULTS_FORMAT {
            return Err(ResultsError::Format { found: found.format.chars().take(80).collect() });
        }
        let mut anew = Self::of(found.query, found.question.clone())?;
        for SiteResults { site, answer } in &found.sites {
            match answer {
                SiteAnswer::Answered { release, policy, groups } => {
                    let cells: Vec<GroupCells> = groups.iter().map(Group::released).collect();
                    let policy = ReleasePolicy::new(policy.effective.clone(), policy.params.clone());
                    anew.push_answer(site, *release, policy, &cells)?;
                }
                answer => anew.push_state(site, answer.clone())?,
            }
        }
        anew.pool()?;
        // The released cells are taken from the document, so everything else is comparison.
        let part = |part: &str| Err(ResultsError::DoesNotFollow { part: part.to_owned() });
        for (there, here) in found.sites.iter().zip(&anew.0.sites) {
            if there != here {
                return part(&format!("something of the site {}", shown(&there.site)));
            }
        }
        if found.pooled != anew.0.pooled {
            return part("\"pooled\"");
        }
        if found != anew.0 {
            return part("\"notes\"");
        }
        Ok(anew)
    }
}

impl QueryResults {
    /// Results without any site yet. `query` is the id of the query transaction; `study` is its study.
    pub fn new(plan: &Plan, schema: &Schema, query: Digest, study: &str) -> Result<Self, ResultsError> {
        Self::of(query, Question::new(plan, schema, &shown(study))?)
    }

    fn of(query: Digest, question: Question) -> Result<Self, ResultsError> {
        question.check()?;
        let notes = NOTES.map(str::to_owned).into();
        Ok(Self(Document { format: RESULTS_FORMAT.into(), query, question, sites: Vec::new(), pooled: None, notes }))
    }

    /// Adds a site that answered: the cells of its verified release, by group number, and the policy that they were
    /// released under. Refused if the policy never gives its numbers, or these never give such cells.
    pub fn add_answered(
        &mut self,
        site: &str,
        release: Digest,
        policy: ReleasePolicy,
        cells: &[GroupCells],
    ) -> Result<(), ResultsError> {
        self.push_answer(site, release, policy, cells)?;
        self.pool()
    }

    /// Adds a site that has not answered, or never will. Reasons are shown as they are, but for characters that act on
    /// a terminal. [`SiteAnswer::Answered`] is checked as in [`Self::add_answered`].
    pub fn add_state(&mut self, site: &str, answer: SiteAnswer) -> Result<(), ResultsError> {
        if let SiteAnswer::Answered { release, policy, groups } = &answer {
            let cells: Vec<GroupCells> = groups.iter().map(Group::released).collect();
            return self.add_answered(site, *release, policy.as_ref().clone(), &cells);
        }
        self.push_state(site, answer)?;
        self.pool()
    }

    fn push_state(&mut self, site: &str, answer: SiteAnswer) -> Result<(), ResultsError> {
        self.check_site(site)?;
        let answer = match answer {
            SiteAnswer::Declined { because } => SiteAnswer::Declined { because: shown(&because) },
            answer => answer,
        };
        self.0.sites.push(SiteResults { site: site.to_owned(), answer });
        Ok(())
    }

    fn push_answer(
        &mut self,
        site: &str,
        release: Digest,
        policy: ReleasePolicy,
        cells: &[GroupCells],
    ) -> Result<(), ResultsError> {
        self.check_site(site)?;
        let name = || site.to_owned();
        let rule = policy.params.clone();
        if let Rule::Exact(params) = &rule {
            params.check().map_err(|problem| ResultsError::Params { site: name(), problem })?;
        }
        if !policy.agrees() {
            return Err(ResultsError::Policy { site: name() });
        }
        let question = &self.0.question;
        if rule.asked() != question.asked.as_array() {
            return Err(ResultsError::Asked { site: name() });
        }
        let expected = question.groups();
        let noised = rule.noised().map_or(expected, NoisedParams::groups);
        if let Some(found) = [cells.len(), noised].into_iter().find(|found| *found != expected) {
            return Err(ResultsError::Groups { site: name(), found, expected });
        }
        let spread = rule.noised().map(Spread::of);
        let shown = |(group, cells): (usize, &GroupCells)| {
            SiteCell::group(cells, &rule, spread.as_ref()).map_err(|reason| ResultsError::Cell {
                site: name(),
                group,
                reason,
            })
        };
        let cells = cells.iter().enumerate().map(shown).collect::<Result<Vec<_>, _>>()?;
        let groups = group::all(cells, question)?;
        let answer = SiteAnswer::Answered { release, policy: Box::new(policy), groups };
        self.0.sites.push(SiteResults { site: name(), answer });
        Ok(())
    }

    fn check_site(&self, site: &str) -> Result<(), ResultsError> {
        if !is_line(site, 120) {
            return Err(ResultsError::SiteName { found: site.chars().take(80).collect() });
        }
        if self.0.sites.iter().any(|known| known.site == site) {
            return Err(ResultsError::SiteTwice { site: site.to_owned() });
        }
        if self.0.sites.len() >= MAX_SITES {
            return Err(ResultsError::TooManySites);
        }
        Ok(())
    }

    /// Adds up what has been answered, if enough sites have.
    fn pool(&mut self) -> Result<(), ResultsError> {
        let Document { question, sites, .. } = &self.0;
        let (mut answered, mut not_answered) = (Vec::new(), Vec::new());
        for SiteResults { site, answer } in sites {
            match answer {
                SiteAnswer::Answered { groups, .. } => answered.push((site.as_str(), groups.as_slice())),
                _ => not_answered.push(site.clone()),
            }
        }
        let too_few = self.too_few();
        let pooled = match answered.is_empty() || too_few.is_some() {
            true => None,
            false => Some(PooledResults {
                sites: answered.iter().map(|(site, _)| (*site).to_owned()).collect(),
                not_answered,
                groups: group::pooled(&answered, question)?,
            }),
        };
        self.0.pooled = pooled;
        let noised = (sites_under_noise(&self.0.sites) > 0).then(|| NOISE_NOTE.to_owned());
        self.0.notes = NOTES.into_iter().map(str::to_owned).chain(noised).chain(too_few).collect();
        Ok(())
    }

    /// Why nothing is pooled although sites have answered: whose policy wants more of them for that.
    fn too_few(&self) -> Option<String> {
        let wanted = self.0.sites.iter().filter_map(|SiteResults { site, answer }| match answer {
            SiteAnswer::Answered { policy, .. } => Some((policy.effective.limits().min_sites?.sites, site)),
            _ => None,
        });
        // Of several that want most, the first.
        let (least, site) = wanted.rev().max_by_key(|(least, _)| *least)?;
        let answered = self.answered();
        (answered < least as usize).then(|| {
            let (site, are) = (shown(site), if answered == 1 { "site has" } else { "sites have" });
            format!("Nothing is pooled: the policy of {site} wants {least} sites or more for that, and {answered} {are} answered.")
        })
    }

    /// Reads a results file. Everything in it but the released cells is worked out anew; a file that says otherwise is
    /// refused.
    pub fn parse(json: &str) -> Result<Self, ResultsError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| ResultsError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != RESULTS_FORMAT {
            return Err(ResultsError::Format { found: head.format.chars().take(80).collect() });
        }
        serde_json::from_str::<Document>(json).map_err(unreadable)?.try_into()
    }

    /// The document as JSON, indented, its fields always in the same order.
    pub fn to_json(&self) -> Result<String, ResultsError> {
        serde_json::to_string_pretty(&self.0).map_err(|error| ResultsError::Json { reason: error.to_string() })
    }

    /// The id of the query transaction.
    pub const fn query(&self) -> Digest {
        self.0.query
    }

    /// What was asked.
    pub const fn question(&self) -> &Question {
        &self.0.question
    }

    /// The sites, in the order they were added.
    pub fn sites(&self) -> &[SiteResults] {
        &self.0.sites
    }

    /// The answers added up; nothing as long as there are none, or fewer than a policy wants for that (see
    /// [`Self::notes`]).
    pub const fn pooled(&self) -> Option<&PooledResults> {
        self.0.pooled.as_ref()
    }

    /// What holds of every number in the document; and why nothing is pooled, if that is so.
    pub fn notes(&self) -> &[String] {
        &self.0.notes
    }

    /// How many sites have answered.
    pub fn answered(&self) -> usize {
        self.0.sites.iter().filter(|site| matches!(site.answer, SiteAnswer::Answered { .. })).count()
    }

    /// One line to cite these results by: the ledger, and how many transactions it had when they were fetched. The
    /// short id is for the eye; the whole one is there because two queries with one short id can be made.
    pub fn citation(&self, ledger: &str, checkpoint_size: u64) -> String {
        let Question { title, study, .. } = &self.0.question;
        format!(
            "Cohortium query {} \"{}\" under study {}, ledger {}, answered by {} of {} sites, checkpoint size \
             {checkpoint_size}, id {}",
            self.0.query.short(),
            shown(title),
            shown(study),
            shown(ledger),
            self.answered(),
            self.0.sites.len(),
            self.0.query,
        )
    }
}
