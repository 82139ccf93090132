//! The approval, `cohortium-approval/1`: what an ethics board allows.

use serde::{Deserialize, Serialize};

use super::MAX_TEXT;
use crate::bounded;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::noise::{MAX_NONCES, NonceTree};
use crate::policy::Policy;
use crate::query::{ColumnId, Plan, Query, Source, is_line};
use crate::table::{ConsentColumn, Day, Institution, InstitutionError, SponsorClass};

/// The format this code reads and writes.
pub const APPROVAL_FORMAT: &str = "cohortium-approval/1";

/// What may be asked for in every group. The count is always released, since the policy goes by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// How many.
    Count,
    /// The sum of a quantity.
    Sum,
    /// The sum of squares of a quantity.
    SumOfSquares,
    /// The sum of products of two quantities.
    SumOfProducts,
}

impl Aggregate {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::SumOfSquares => "sum_of_squares",
            Self::SumOfProducts => "sum_of_products",
        }
    }
}
/// Tables, columns or plans that an approval names, each at most.
const MAX_NAMES: usize = 4096;

/// An ethics board's approval of a study.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawApproval", into = "RawApproval")]
pub struct Approval {
    /// The study.
    pub study: String,
    /// The board's own reference.
    pub ethics_reference: String,
    /// Who may ask.
    pub sponsor: String,
    /// The purpose and the sponsor's class, and its name where consents to it alone count: whose consent counts.
    pub consent: ConsentColumn,
    /// The tables that may be asked.
    pub tables: Vec<String>,
    /// The schema columns that may be used; nothing means all.
    pub columns: Option<Vec<String>>,
    /// The sites that may be asked; nothing means all.
    pub sites: Option<Vec<String>>,
    /// What may be asked for; nothing means everything.
    pub aggregates: Option<Vec<Aggregate>>,
    /// The release policy the board requires.
    pub policy: Policy,
    /// Plans for which the board allows exact sums, by digest.
    pub exact_plans: Vec<Digest>,
    /// Plans, by digest, that the board allows although they are a sliver apart from questions that were put before.
    pub near_plans: Vec<Digest>,
    /// The last day on which a query may be asked.
    pub expires: Day,
    /// The board's commitment to its nonces; without it nothing can be noised under the approval.
    pub nonces: Option<NonceTree>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApproval {
    format: String,
    study: String,
    ethics_reference: String,
    sponsor: String,
    purpose: String,
    sponsor_class: SponsorClass,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    institution: Option<String>,
    #[serde(deserialize_with = "bounded::list::<MAX_NAMES, _, _>")]
    tables: Vec<String>,
    /// Written out even as `null` (which `deserialize_with` demands): whoever signs it should see that all
    /// columns are allowed.
    #[serde(deserialize_with = "bounded::optional::<MAX_NAMES, _, _>")]
    columns: Option<Vec<String>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "bounded::optional::<MAX_NAMES, _, _>"
    )]
    sites: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregates: Option<Vec<Aggregate>>,
    #[serde(default)]
    policy: Option<Policy>,
    #[serde(default, deserialize_with = "bounded::list::<MAX_NAMES, _, _>")]
    exact_plans: Vec<Digest>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "bounded::list::<MAX_NAMES, _, _>")]
    near_plans: Vec<Digest>,
    expires: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonces: Option<NonceTree>,
}

/// Why a file is not an approval, or what an approval does not allow. Refusals name the clause.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApprovalError {
    /// Not JSON, or not this structure.
    #[error("the approval cannot be read: {reason}")]
    Json {
        /// What the JSON reader says, with line and column.
        reason: String,
    },
    /// A file of another format, or of a later version of it.
    #[error("the approval's format is {found:?}; this version reads {APPROVAL_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A text with control characters or of an unfit length.
    #[error("the approval's {clause} must be 1 to {MAX_TEXT} characters on one line")]
    Text {
        /// The clause.
        clause: &'static str,
    },
    /// A purpose that is not a Data Use Ontology id.
    #[error(
        "the approval's purpose {found:?} is not a Data Use Ontology id: write \"DUO:\" and seven digits, after DUO:0000007 \
         the disease's code in brackets"
    )]
    BadPurpose {
        /// What was found.
        found: String,
    },
    /// A sponsor whose name is no institution's.
    #[error("the approval's institution: {0}")]
    InstitutionForm(InstitutionError),
    /// Consents to somebody else.
    #[error(
        "the approval's institution is {found:?}, and its sponsor {sponsor:?}: consents given to an institution count for this \
         institution alone; write the sponsor's name, or leave the clause out"
    )]
    BadInstitution {
        /// What was found, shortened.
        found: String,
        /// The approval's sponsor.
        sponsor: String,
    },
    /// A list that allows nothing.
    #[error("the approval's clause \"{clause}\" is an empty list, which allows nothing; {fits}")]
    Nothing {
        /// The clause.
        clause: &'static str,
        /// What would fit.
        fits: &'static str,
    },
    /// A tree of nonces of no size, or too large.
    #[error("the approval commits to {found} nonces; from 1 to {MAX_NONCES} are allowed")]
    Nonces {
        /// How many.
        found: u32,
    },
    /// No policy, no release.
    #[error("the approval has no clause \"policy\", and without a policy nothing is released")]
    NoPolicy,
    /// A query of another study.
    #[error("clause \"study\": the approval is for study {allowed:?}, the query belongs to {found:?}")]
    Study {
        /// The query's study.
        found: String,
        /// The approval's.
        allowed: String,
    },
    /// A query for another purpose.
    #[error("clause \"purpose\": the approval is for {allowed}, the query asks for {found}")]
    Purpose {
        /// The query's purpose.
        found: String,
        /// The approval's.
        allowed: String,
    },
    /// A query by another kind of sponsor.
    #[error("clause \"sponsor_class\": the approval is for sponsors of class {allowed}, the query's is {found}")]
    SponsorClass {
        /// The query's.
        found: SponsorClass,
        /// The approval's.
        allowed: SponsorClass,
    },
    /// A query that counts other consents to institutions.
    #[error(
        "clause \"institution\": the approval is for consents to {}, the query's are to {}",
        whom(allowed.as_ref()), whom(found.as_ref())
    )]
    Institution {
        /// The query's.
        found: Option<Institution>,
        /// The approval's.
        allowed: Option<Institution>,
    },
    /// A query to another table.
    #[error("clause \"tables\": table {found:?} is not among those allowed: {allowed}")]
    Table {
        /// The query's table.
        found: String,
        /// The approval's tables.
        allowed: String,
    },
    /// A plan that uses another column.
    #[error("clause \"columns\": the query uses {found:?}, which is not among those allowed: {allowed}")]
    Column {
        /// The column.
        found: String,
        /// The approval's columns.
        allowed: String,
    },
    /// A site beyond the approval.
    #[error("clause \"sites\": the site {found:?} is not among those allowed: {allowed}")]
    Site {
        /// The site.
        found: String,
        /// Those allowed.
        allowed: String,
    },
    /// An aggregate beyond the approval.
    #[error("clause \"aggregates\": the query asks for {found}, which is not among those allowed: {allowed}")]
    Aggregate {
        /// What is asked for.
        found: &'static str,
        /// Those allowed.
        allowed: String,
    },
    /// A plan of another query.
    #[error("the plan belongs to the query {found}, not to this one ({expected})")]
    Plan {
        /// The query that the plan names.
        found: Digest,
        /// The query given.
        expected: Digest,
    },
    /// Too late.
    #[error("clause \"expires\": the approval expired on {expires}, and it is {today}")]
    Expired {
        /// The last day.
        expires: Day,
        /// The day asked about.
        today: Day,
    },
}

fn whom(institution: Option<&Institution>) -> String {
    institution.map_or_else(|| "everybody".to_owned(), |name| format!("everybody and to {name:?}"))
}

impl TryFrom<RawApproval> for Approval {
    type Error = ApprovalError;

    fn try_from(raw: RawApproval) -> Result<Self, ApprovalError> {
        if raw.format != APPROVAL_FORMAT {
            return Err(ApprovalError::Format { found: raw.format });
        }
        let texts = [("study", &raw.study), ("ethics_reference", &raw.ethics_reference), ("sponsor", &raw.sponsor)];
        for (clause, text) in texts {
            if !is_line(text, MAX_TEXT) {
                return Err(ApprovalError::Text { clause });
            }
        }
        let names = [
            ("tables", Some(&raw.tables), "name the tables"),
            ("columns", raw.columns.as_ref(), "null allows all"),
            ("sites", raw.sites.as_ref(), "leave it out to allow all"),
        ];
        for (clause, list, fits) in names {
            if list.is_some_and(Vec::is_empty) {
                return Err(ApprovalError::Nothing { clause, fits });
            }
            if list.is_some_and(|list| list.iter().any(|name| !is_line(name, MAX_TEXT))) {
                return Err(ApprovalError::Text { clause });
            }
        }
        if raw.aggregates.as_ref().is_some_and(Vec::is_empty) {
            let fits = "leave it out to allow all, or write [\"count\"]";
            return Err(ApprovalError::Nothing { clause: "aggregates", fits });
        }
        let consent = ConsentColumn::new(&raw.purpose, raw.sponsor_class)
            .map_err(|_| ApprovalError::BadPurpose { found: raw.purpose.chars().take(80).collect() })?;
        // By files there is no ledger whose rules would say so.
        let institution = match raw.institution {
            Some(found) if found != raw.sponsor => {
                let found = found.chars().take(80).collect();
                return Err(ApprovalError::BadInstitution { found, sponsor: raw.sponsor });
            }
            Some(name) => Some(name.parse().map_err(ApprovalError::InstitutionForm)?),
            None => None,
        };
        let consent = consent.with_institution(institution);
        let RawApproval { study, ethics_reference, sponsor, tables, columns, sites, aggregates, .. } = raw;
        let RawApproval { policy, exact_plans, near_plans, expires, nonces, .. } = raw;
        if let Some(NonceTree { leaves: found, .. }) = nonces
            && !(1..=MAX_NONCES).contains(&found)
        {
            return Err(ApprovalError::Nonces { found });
        }
        let policy = policy.ok_or(ApprovalError::NoPolicy)?;
        Ok(Self {
            study,
            ethics_reference,
            sponsor,
            consent,
            tables,
            columns,
            sites,
            aggregates,
            policy,
            exact_plans,
            near_plans,
            expires,
            nonces,
        })
    }
}

impl From<Approval> for RawApproval {
    fn from(approval: Approval) -> Self {
        let Approval { study, ethics_reference, sponsor, consent, tables, columns, sites, aggregates, .. } = approval;
        let Approval { policy, exact_plans, near_plans, expires, nonces, .. } = approval;
        Self {
            format: APPROVAL_FORMAT.into(),
            study,
            ethics_reference,
            sponsor,
            purpose: consent.purpose(),
            sponsor_class: consent.sponsor(),
            institution: consent.institution().map(Institution::to_string),
            tables,
            columns,
            sites,
            aggregates,
            policy: Some(policy),
            exact_plans,
            near_plans,
            expires,
            nonces,
        }
    }
}

impl Approval {
    /// Reads an approval file.
    pub fn parse(json: &str) -> Result<Self, ApprovalError> {
        // The format first: a later format's file should be called that, not "unknown field".
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let unreadable = |error: serde_json::Error| ApprovalError::Json { reason: error.to_string() };
        let head: Head = serde_json::from_str(json).map_err(unreadable)?;
        if head.format != APPROVAL_FORMAT {
            return Err(ApprovalError::Format { found: head.format });
        }
        serde_json::from_str::<RawApproval>(json).map_err(unreadable)?.try_into()
    }

    /// The digest over every field.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::APPROVAL);
        hasher.str(&self.study).str(&self.ethics_reference).str(&self.sponsor).str(&self.consent.to_string());
        list(&mut hasher, &self.tables);
        hasher.u64(u64::from(self.columns.is_some()));
        if let Some(columns) = &self.columns {
            list(&mut hasher, columns);
        }
        hasher.u64(u64::from(self.sites.is_some()));
        if let Some(sites) = &self.sites {
            list(&mut hasher, sites);
        }
        hasher.u64(u64::from(self.aggregates.is_some()));
        if let Some(aggregates) = &self.aggregates {
            let names: Vec<String> = aggregates.iter().map(|aggregate| aggregate.name().to_owned()).collect();
            list(&mut hasher, &names);
        }
        hasher.digest(&self.policy.digest()).u64(self.exact_plans.len() as u64);
        for plan in &self.exact_plans {
            hasher.digest(plan);
        }
        hasher.u64(u64::from(self.expires.days()));
        // Only if set: approvals that were made before have the digests that they had.
        if !self.near_plans.is_empty() {
            hasher.str("near_plans").u64(self.near_plans.len() as u64);
            for plan in &self.near_plans {
                hasher.digest(plan);
            }
        }
        if let Some(NonceTree { leaves, root }) = &self.nonces {
            hasher.str("nonces").u64(u64::from(*leaves)).digest(root);
        }
        hasher.finish()
    }

    /// Whether the board allows exact sums for this plan.
    pub fn names(&self, plan: &Plan) -> bool {
        self.exact_plans.contains(&plan.digest())
    }

    /// Whether the board allows this plan although it is a sliver apart from an earlier question.
    pub fn allows_near(&self, plan: &Plan) -> bool {
        !self.near_plans.is_empty() && self.near_plans.contains(&plan.digest())
    }

    /// Refuses a query, or the plan it compiles to, that goes beyond the approval; names the clause.
    pub fn permits(&self, query: &Query, plan: &Plan) -> Result<(), ApprovalError> {
        let (found, expected) = (plan.query, query.digest());
        if found != expected {
            return Err(ApprovalError::Plan { found, expected });
        }
        self.permits_query(query)?;
        let Some(allowed) = &self.columns else {
            return Ok(());
        };
        // Tags are no columns of a schema, and only an offer has them.
        let used = plan.columns().into_iter().filter(|column| column.source == Source::Manifest && !column.is_tag());
        match used.map(|ColumnId { name, .. }| name).find(|name| !allowed.contains(name)) {
            Some(found) => Err(ApprovalError::Column { found, allowed: allowed.join(", ") }),
            None => Ok(()),
        }
    }

    /// The clauses that a query can be held to before it is compiled: all but its columns. A query that is out of scope
    /// should be told the clause, not that it does not compile under this approval.
    pub fn permits_query(&self, query: &Query) -> Result<(), ApprovalError> {
        if query.study != self.study {
            return Err(ApprovalError::Study { found: query.study.clone(), allowed: self.study.clone() });
        }
        let (found, allowed) = (query.consent.purpose(), self.consent.purpose());
        if found != allowed {
            return Err(ApprovalError::Purpose { found, allowed });
        }
        if query.consent.sponsor() != self.consent.sponsor() {
            let (found, allowed) = (query.consent.sponsor(), self.consent.sponsor());
            return Err(ApprovalError::SponsorClass { found, allowed });
        }
        if query.consent.institution() != self.consent.institution() {
            let (found, allowed) = (query.consent.institution().cloned(), self.consent.institution().cloned());
            return Err(ApprovalError::Institution { found, allowed });
        }
        if !self.tables.contains(&query.table) {
            return Err(ApprovalError::Table { found: query.table.clone(), allowed: self.tables.join(", ") });
        }
        if let Some(allowed) = &self.aggregates {
            let measures = &query.measures;
            let asked = [
                (Aggregate::Sum, measures.sum.is_some()),
                (Aggregate::SumOfSquares, measures.sum_of_squares.is_some()),
                (Aggregate::SumOfProducts, measures.sum_of_products.is_some()),
            ];
            let beyond = |(aggregate, asked): &(Aggregate, bool)| *asked && !allowed.contains(aggregate);
            if let Some((found, _)) = asked.into_iter().find(beyond) {
                let allowed = allowed.iter().map(|aggregate| aggregate.name()).collect::<Vec<_>>().join(", ");
                return Err(ApprovalError::Aggregate { found: found.name(), allowed });
            }
        }
        Ok(())
    }

    /// Refuses a site that may not be asked.
    pub fn permits_site(&self, site: &str) -> Result<(), ApprovalError> {
        match &self.sites {
            Some(allowed) if !allowed.iter().any(|name| name == site) => {
                Err(ApprovalError::Site { found: site.to_owned(), allowed: allowed.join(", ") })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a day after the last one.
    pub fn covers(&self, today: Day) -> Result<(), ApprovalError> {
        if today > self.expires { Err(ApprovalError::Expired { expires: self.expires, today }) } else { Ok(()) }
    }

    /// The approval in plain words, a line a clause.
    pub fn describe(&self) -> String {
        let columns = self.columns.as_ref().map_or_else(|| "all columns".to_owned(), |columns| columns.join(", "));
        let sites = self.sites.as_ref().map_or_else(|| "all sites".to_owned(), |sites| sites.join(", "));
        let aggregates = self.aggregates.as_ref().map_or_else(
            || "counts, sums, sums of squares and of products".to_owned(),
            |list| list.iter().map(|aggregate| aggregate.name().replace('_', " ")).collect::<Vec<_>>().join(", "),
        );
        let plans = match self.exact_plans.as_slice() {
            [] => "none".to_owned(),
            plans => plans.iter().map(Digest::to_string).collect::<Vec<_>>().join(", "),
        };
        let nonces = match &self.nonces {
            None => String::new(),
            Some(NonceTree { leaves, .. }) => format!("Nonces for noise: for the first {leaves} queries\n"),
        };
        let institution = match self.consent.institution() {
            None => "",
            Some(_) => "; consents that patients gave to this sponsor alone count too",
        };
        let near = match self.near_plans.as_slice() {
            [] => String::new(),
            plans => format!(
                "Plans allowed although near earlier ones: {}\n",
                plans.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
            ),
        };
        format!(
            "Study {}, {}\nSponsor: {} ({})\nPurpose: {}{institution}\nTables: {}; columns: {columns}; sites: \
             {sites}\nMay be asked for: {aggregates}\nPolicy: {}\nPlans with exact sums: \
             {plans}\n{near}{nonces}Until {}, that day included\nApproval {}\n",
            self.study,
            self.ethics_reference,
            self.sponsor,
            self.consent.sponsor(),
            self.consent.purpose(),
            self.tables.join(", "),
            self.policy.describe(),
            self.expires,
            self.digest()
        )
    }
}

fn list(hasher: &mut Hasher, names: &[String]) {
    hasher.u64(names.len() as u64);
    for name in names {
        hasher.str(name);
    }
}
