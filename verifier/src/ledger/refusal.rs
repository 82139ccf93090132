//! Why the ledger does not admit a transaction: which rule, what was found, what would pass.

use cohortium_protocol::commit::RegistryError;
use cohortium_protocol::documents::{ApprovalError, RequestError};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Timestamp, TransactionError};
use cohortium_protocol::noise::{Epsilon, decimal};
use cohortium_protocol::policy::{PolicyError, time};
use cohortium_protocol::query::{CompileError, PlanError};
use cohortium_protocol::table::Day;

use crate::reason::AuditError;
use crate::table::TableError;

/// Why a transaction is not admitted. Nothing was changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Not a transaction.
    #[error(transparent)]
    Form(#[from] TransactionError),
    /// A transaction of another ledger.
    #[error("the transaction is for the ledger {found:?}; this is {required:?}")]
    Ledger {
        /// The transaction's.
        found: String,
        /// This one.
        required: String,
    },
    /// Somebody whom the charter does not name.
    #[error("{member:?} is not a member of this ledger")]
    UnknownMember {
        /// The name.
        member: String,
    },
    /// Not this member's business.
    #[error("{member:?} has the role {role}; a transaction of kind {kind} is for a {required} to sign")]
    Role {
        /// The member.
        member: String,
        /// Its role.
        role: &'static str,
        /// The kind of statement.
        kind: &'static str,
        /// The role it takes.
        required: &'static str,
    },
    /// The same statement again. Whoever posts again after a lost answer has what they want.
    #[error("this statement is on the ledger already, as transaction {id} at place {index}")]
    Duplicate {
        /// The transaction's id.
        id: Digest,
        /// Its place.
        index: u64,
    },
    /// A document of another site than the member.
    #[error("the {what} is of the site {found:?}, but {member:?} signed it")]
    OtherSite {
        /// Which document.
        what: &'static str,
        /// Its site.
        found: String,
        /// The member.
        member: String,
    },
    /// A manifest or epoch that does not fit.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Two parts that should agree.
    #[error("the {what} is {found}, but {where_else} says {required}")]
    Disagree {
        /// Which part.
        what: &'static str,
        /// What was found.
        found: String,
        /// Who says otherwise.
        where_else: &'static str,
        /// What it says.
        required: String,
    },
    /// A number that does not follow the last one.
    #[error("the {what} has the number {found}; {rule}")]
    Number {
        /// Of what.
        what: &'static str,
        /// What was found.
        found: u64,
        /// What is allowed.
        rule: String,
    },
    /// The charter has no key for the shape.
    #[error("the charter names no verifying key for the shape {shape}, so nothing of it could be verified")]
    NoKey {
        /// The shape.
        shape: String,
    },
    /// Something that is not on the ledger.
    #[error("there is no {what} {name} on this ledger")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        name: String,
    },
    /// A study with something that the charter does not have.
    #[error("the study's {clause}: {reason}")]
    Study {
        /// Which clause.
        clause: &'static str,
        /// What is wrong, and what would pass.
        reason: String,
    },
    /// Beyond the approval.
    #[error("the approval does not permit this: {0}")]
    Approval(#[from] ApprovalError),
    /// An approval that is in force no longer.
    #[error("the approval {approval} is no longer in force: {reason}")]
    NotInForce {
        /// The approval.
        approval: Digest,
        /// Since when and why.
        reason: String,
    },
    /// Somebody else's study or query.
    #[error("the {what} belongs to {owner:?}, not to {member:?}")]
    NotYours {
        /// What.
        what: &'static str,
        /// Whose it is.
        owner: String,
        /// Who tried.
        member: String,
    },
    /// A request that does not fit.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A pin that is not what is active now.
    #[error("the request pins {site}'s {what} {found}; active is {active}. Make the request again")]
    NotActive {
        /// The site.
        site: String,
        /// Which pin.
        what: &'static str,
        /// What is pinned.
        found: String,
        /// What is active.
        active: String,
    },
    /// The query does not compile.
    #[error("the query does not compile over the schema: {0}")]
    Compile(Box<CompileError>),
    /// The plan does not pass its checks.
    #[error("the plan does not pass its checks: {0}")]
    Plan(#[from] PlanError),
    /// No policy that fits.
    #[error("{site}'s policy with the approval's refuses this query: {source}")]
    Policy {
        /// The site.
        site: String,
        /// Why.
        source: PolicyError,
    },
    /// A proof about a table that is false, or about something else than what is active.
    #[error("the proof about the table does not pass: {0}")]
    TableProof(#[from] Box<TableError>),
    /// A batch of consent events that is smaller than the charter's.
    #[error(
        "the batch of consent events has {found} leaves; in this ledger every batch has {least}, and an import more"
    )]
    BatchSize {
        /// How many.
        found: u32,
        /// How many a batch of the interval has.
        least: u32,
    },
    /// A second batch of consent events in one interval.
    #[error("{site} posted its batch of consent events of this interval at {last}; the next interval begins at {next}")]
    BatchInterval {
        /// The site.
        site: String,
        /// When.
        last: Timestamp,
        /// When the next may come.
        next: Timestamp,
    },
    /// An epoch that does not say which consent events it includes.
    #[error(
        "the consent epoch does not say which consent events it includes, and until when it may be queried: on a ledger it \
         has to"
    )]
    NoRecord,
    /// An epoch that leaves out consent events.
    #[error("the consent epoch includes the site's batches of consent events up to {found}; the ledger has {batches}")]
    Cutoff {
        /// The epoch's cut-off.
        found: u32,
        /// The site's batches.
        batches: u64,
    },
    /// An epoch over other consent events.
    #[error(
        "the consent epoch's root over the consent events up to batch {cutoff} is {found}; the ledger's is {required}"
    )]
    Events {
        /// The cut-off.
        cutoff: u32,
        /// The epoch's root.
        found: Digest,
        /// The ledger's.
        required: Digest,
    },
    /// An epoch of a site that posts no consent events any more.
    #[error(
        "the site's last batch of consent events {}; before an epoch there has to be one of the last {}",
        last.map_or_else(|| "has not been posted".to_owned(), |last| format!("is of {last}")), time(*seconds)
    )]
    StaleEvents {
        /// When the last was posted.
        last: Option<Timestamp>,
        /// How old it may be.
        seconds: u64,
    },
    /// An epoch that could be queried for too long, or not at all.
    #[error("the consent epoch may be queried until {found}; today is {today}, and {last} is the last day allowed")]
    Until {
        /// The epoch's.
        found: Day,
        /// The day of the block.
        today: Day,
        /// The charter's.
        last: Day,
    },
    /// A query over an epoch past its age.
    #[error(
        "{site}'s consent epoch could be queried until {until}, and today is {today}; the site has to post a new one"
    )]
    EpochEnded {
        /// The site.
        site: String,
        /// The epoch's last day.
        until: Day,
        /// The day of the block.
        today: Day,
    },
    /// The site's epoch has no flags for the purpose.
    #[error("{site}'s consent epoch has no flags for {column}; it has {has}")]
    NoConsents {
        /// The site.
        site: String,
        /// The consent column.
        column: String,
        /// Those that it has.
        has: String,
    },
    /// A query cap is reached.
    #[error("{site}'s policy with the approval's allows {cap} queries per {per}, and there are {cap} already")]
    Cap {
        /// The site.
        site: String,
        /// The cap.
        cap: u32,
        /// `approval`, or the column.
        per: String,
    },
    /// Fewer sites than a policy wants in every query.
    #[error(
        "the query asks {found} sites, and {site}'s policy with the approval's allows queries to {least} sites or more only: name \
         more of them"
    )]
    Sites {
        /// The site.
        site: String,
        /// The sites that are asked.
        found: usize,
        /// Those that it takes.
        least: u32,
    },
    /// More queries in a time than a policy allows.
    #[error(
        "{site}'s policy with the approval's allows {queries} queries of one study in {}, and study {study:?} has asked as many; \
         one more may be asked from {until} on", time(*seconds)
    )]
    Quota {
        /// The site.
        site: String,
        /// The study.
        study: String,
        /// Queries allowed.
        queries: u32,
        /// In how many seconds.
        seconds: u64,
        /// When one more may be asked.
        until: Timestamp,
    },
    /// A study that asked one thing again and again.
    #[error(
        "study {study:?} is locked out at {site} until {until}: in {} it has asked {queries} times what reads the same as the \
         query {query}, and {site}'s policy with the approval's allows no more", time(*seconds)
    )]
    LockedOut {
        /// The site.
        site: String,
        /// The study.
        study: String,
        /// The first of these queries.
        query: Digest,
        /// How many lock a study out.
        queries: u32,
        /// In how many seconds.
        seconds: u64,
        /// Until when.
        until: Timestamp,
    },
    /// A question that is a sliver apart from an earlier one.
    #[error(
        "{site} was asked the query {earlier} before, and this question differs from it in {difference} only: two answers so near \
         each other could tell about few patients; {passes}"
    )]
    Near {
        /// The site.
        site: String,
        /// The earlier query.
        earlier: Digest,
        /// In what they differ.
        difference: String,
        /// What would pass.
        passes: String,
    },
    /// As many undecided queries as a site may have before it.
    #[error(
        "{site} has {share} queries under this approval to decide about, and the charter's opening share allows {share} at one \
         time; one more may be asked when it has decided about one, or one has expired"
    )]
    Waiting {
        /// The site.
        site: String,
        /// How many there may be.
        share: u32,
    },
    /// The opening budget is spent.
    #[error(
        "the opening budget of {site}'s column {column:?} does not suffice: 1 asked, {spent} spent of {limit} {under}, {left} \
         left. A new version of the table, or a new consent epoch, has a budget of its own"
    )]
    Budget {
        /// The site.
        site: String,
        /// The column.
        column: String,
        /// Spent so far.
        spent: u32,
        /// The limit.
        limit: u32,
        /// `in all`, or `under this approval`.
        under: &'static str,
        /// What is left.
        left: u32,
    },
    /// Noise that cannot be had.
    #[error("{site} cannot answer this with noise: {reason}")]
    Noise {
        /// The site.
        site: String,
        /// Why, and what would pass.
        reason: String,
    },
    /// The epsilon budget is spent. Numbers are millionths.
    #[error(
        "the epsilon budget of {site}'s table {table} {whose} does not suffice: {} asked, {} spent of {limit}, {} left",
        decimal(*asked), decimal(*spent), decimal(limit.millionths().saturating_sub(*spent))
    )]
    Epsilon {
        /// The site.
        site: String,
        /// The table.
        table: String,
        /// `in all`, or `for study` and its name.
        whose: String,
        /// What the query asks for, over all its aggregates.
        asked: u64,
        /// Spent so far.
        spent: u64,
        /// The limit.
        limit: Epsilon,
    },
    /// A nonce that is not opened now, or not this one; or an answer before both are open.
    #[error("the beacon of the request {request}: {reason}")]
    Beacon {
        /// The request.
        request: Digest,
        /// What is wrong, and what would pass.
        reason: String,
    },
    /// A decision that was made.
    #[error("{site} has {decision} the request {request} already, and that is final")]
    Decided {
        /// The site.
        site: String,
        /// `accepted` or `declined`.
        decision: &'static str,
        /// The request.
        request: Digest,
    },
    /// A release without an acceptance.
    #[error("{site} has not accepted the request {request}; a site accepts first, and that is final")]
    NotAccepted {
        /// The site.
        site: String,
        /// The request.
        request: Digest,
    },
    /// A second release.
    #[error("{site} has answered the request {request} already; a site answers a request once")]
    Answered {
        /// The site.
        site: String,
        /// The request.
        request: Digest,
    },
    /// Too late.
    #[error("{site}'s time to {what} the request {request} ended at {deadline}; it is {now}")]
    Late {
        /// The site.
        site: String,
        /// `accept or decline`, or `answer`.
        what: &'static str,
        /// The request.
        request: Digest,
        /// When it ended.
        deadline: Timestamp,
        /// The block's time.
        now: Timestamp,
    },
    /// An auditor would refuse it.
    #[error("the release does not pass the audit: {0}")]
    Audit(#[from] Box<AuditError>),
    /// A proof that whoever made its key could forge, and a charter that is not for trials.
    #[error("the release's proof rests on a development key, and the charter does not accept these")]
    DevelopmentKey,
    /// A release that nobody verified, or another one than was verified.
    #[error("the release was not verified, or is not the one that was")]
    Unverified,
}

impl Refusal {
    /// The names of all rules: what [`rule`](Self::rule) may give.
    pub const RULES: [&'static str; 47] = [
        "form",
        "ledger",
        "member",
        "role",
        "duplicate",
        "site",
        "registration",
        "agreement",
        "number",
        "key",
        "unknown",
        "study",
        "approval",
        "in-force",
        "owner",
        "request",
        "active",
        "query",
        "plan",
        "policy",
        "consent",
        "table-proof",
        "batch-size",
        "batch-interval",
        "consent-record",
        "consent-cutoff",
        "consent-events",
        "consent-stale",
        "epoch-end",
        "epoch-age",
        "query-cap",
        "min-sites",
        "quota",
        "lock-out",
        "differencing",
        "waiting",
        "opening-budget",
        "noise",
        "epsilon-budget",
        "beacon",
        "decided",
        "acceptance",
        "answered",
        "deadline",
        "audit",
        "development-key",
        "verification",
    ];

    /// A short name of the rule, for machines: stable, lower-case, with hyphens.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Form(_) => "form",
            Self::Ledger { .. } => "ledger",
            Self::UnknownMember { .. } => "member",
            Self::Role { .. } => "role",
            Self::Duplicate { .. } => "duplicate",
            Self::OtherSite { .. } => "site",
            Self::Registry(_) => "registration",
            Self::Disagree { .. } => "agreement",
            Self::Number { .. } => "number",
            Self::NoKey { .. } => "key",
            Self::Unknown { .. } => "unknown",
            Self::Study { .. } => "study",
            Self::Approval(_) => "approval",
            Self::NotInForce { .. } => "in-force",
            Self::NotYours { .. } => "owner",
            Self::Request(_) => "request",
            Self::NotActive { .. } => "active",
            Self::Compile(_) => "query",
            Self::Plan(_) => "plan",
            Self::Policy { .. } => "policy",
            Self::NoConsents { .. } => "consent",
            Self::TableProof(_) => "table-proof",
            Self::BatchSize { .. } => "batch-size",
            Self::BatchInterval { .. } => "batch-interval",
            Self::NoRecord => "consent-record",
            Self::Cutoff { .. } => "consent-cutoff",
            Self::Events { .. } => "consent-events",
            Self::StaleEvents { .. } => "consent-stale",
            Self::Until { .. } => "epoch-end",
            Self::EpochEnded { .. } => "epoch-age",
            Self::Cap { .. } => "query-cap",
            Self::Sites { .. } => "min-sites",
            Self::Quota { .. } => "quota",
            Self::LockedOut { .. } => "lock-out",
            Self::Near { .. } => "differencing",
            Self::Waiting { .. } => "waiting",
            Self::Budget { .. } => "opening-budget",
            Self::Noise { .. } => "noise",
            Self::Epsilon { .. } => "epsilon-budget",
            Self::Beacon { .. } => "beacon",
            Self::Decided { .. } => "decided",
            Self::NotAccepted { .. } => "acceptance",
            Self::Answered { .. } => "answered",
            Self::Late { .. } => "deadline",
            Self::Audit(_) => "audit",
            Self::DevelopmentKey => "development-key",
            Self::Unverified => "verification",
        }
    }
}

impl Refusal {
    /// The HTTP status that a ledger service refuses with: here, because services in tests answer with it as well.
    pub fn http_status(&self) -> u16 {
        match self.rule() {
            "form" => 400,
            "member" | "role" | "owner" | "site" | "approval" | "in-force" => 403,
            "unknown" => 404,
            "duplicate" | "decided" | "answered" | "number" | "active" => 409,
            _ => 422,
        }
    }
}

impl From<CompileError> for Refusal {
    fn from(error: CompileError) -> Self {
        Self::Compile(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn all_rules_are_listed() {
        let source = include_str!("refusal.rs");
        let names: Vec<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.strip_suffix("\","))
            .collect();
        assert_eq!(names, Refusal::RULES);
    }
}
