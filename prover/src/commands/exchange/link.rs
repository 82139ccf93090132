//! The site's way to its ledger: what it believes, what it signs, and that nothing leaves unrecorded.

use std::collections::BTreeMap;

use cohortium_client::{
    ClientError, LedgerClient, Problem, RetryPolicy, Seen, TrustError, TrustedLedger, VerifiedTransaction,
};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{MemberKey, Statement, StatementContent, Transaction, transaction_id};
use cohortium_verifier::ledger::Refusal;
use serde_json::json;

use crate::cli::{Failure, Setting};
use crate::faults::Stage;
use crate::store::files::{self, Readers};
use crate::store::{Access, Home, Joined, Leaving, OutgoingFile, Standing, StoreError};

/// Where two contradicting checkpoints are kept.
const SPLIT_VIEW_FILE: &str = "split-view.json";

/// Marks a failure of the network, for machines too.
const UNREACHABLE: &str = "unreachable";

/// What a post is about, for the record of what left.
pub(super) struct About {
    /// The request, if it is about one.
    pub(super) request: Option<Digest>,
    /// Groups of cells of a release.
    pub(super) cells: Option<u64>,
    /// Where a test may end the process: recorded, not posted.
    pub(super) recorded: Stage,
}

/// A statement that was posted, and that the ledger shows to have.
pub(super) struct Posted {
    /// The transaction's id, by the site's own reckoning.
    pub(super) id: Digest,
    /// Where it stands.
    pub(super) standing: Standing,
    /// Whether the ledger says that it stood there before.
    pub(super) already: bool,
}

/// Where a verified transaction stands. Its block's time is not shown to anybody but an auditor; the checkpoint's is signed,
/// and is never before it.
pub(super) fn standing(verified: &VerifiedTransaction) -> Standing {
    Standing { index: verified.index, time: verified.checkpoint.time }
}

/// A joined ledger.
pub(super) struct Link {
    joined: Joined,
    key: MemberKey,
    /// The ledger, checked against the charter.
    pub(super) trusted: TrustedLedger,
}

impl Link {
    /// The ledger that a home belongs to. Connects to nothing yet.
    pub(super) fn open(home: &Home) -> Result<Self, Failure> {
        let joined = home.joined()?.ok_or(StoreError::NotJoined)?;
        let key = home.member_key()?.ok_or(StoreError::NoKey)?;
        super::join::check_member(home, &joined.charter, &key)?;
        let client = LedgerClient::new(&joined.url)?;
        let charter = joined.charter.clone();
        let trusted = match &joined.checkpoint {
            None => TrustedLedger::new(client, charter)?,
            Some(note) => {
                let seen = Seen { format: cohortium_client::SEEN_FORMAT.to_owned(), checkpoint: note.clone() };
                TrustedLedger::resume(client, charter, &seen)?
            }
        };
        Ok(Self { joined, key, trusted })
    }

    /// The service, for what is only shown.
    pub(super) fn client(&self) -> &LedgerClient {
        self.trusted.client()
    }

    /// The service's address.
    pub(super) fn url(&self) -> &str {
        &self.joined.url
    }

    /// Takes what a check of the ledger gave. What was seen is kept, and evidence of two histories too.
    pub(super) fn checked<T>(&mut self, home: &Home, result: Result<T, TrustError>) -> Result<T, Failure> {
        if let Err(TrustError::SplitView { notes, .. }) = &result
            && home.access() == Access::Write
        {
            let path = home.root().join(SPLIT_VIEW_FILE);
            // The first contradiction is the one to show.
            if !path.exists() {
                let notes = json!({ "charter": self.joined.charter.digest(), "checkpoints": notes });
                files::write(&path, format!("{notes:#}\n").as_bytes(), Readers::Owner)?;
            }
        }
        if home.access() == Access::Write
            && let Some(seen) = self.trusted.seen()
            && self.joined.checkpoint.as_ref() != Some(&seen.checkpoint)
        {
            self.joined.checkpoint = Some(seen.checkpoint);
            home.set_joined(&self.joined)?;
        }
        Ok(result?)
    }

    /// Fetches the newest checkpoint: of a history that begins with every one seen before.
    pub(super) fn refresh(&mut self, home: &Home) -> Result<(), Failure> {
        let refreshed = self.trusted.refresh().map(|_| ());
        self.checked(home, refreshed)
    }

    /// Why approvals are not in force any more, by approval, as the service says: suspended, amended or expired.
    pub(super) fn ended(&self) -> Result<BTreeMap<Digest, String>, ClientError> {
        let studies = self.client().studies()?.into_iter().filter(|study| !study.is_in_force());
        Ok(studies.map(|study| (study.approval, study.reason.unwrap_or(study.state))).collect())
    }

    /// A statement of this site on the ledger: signed by it, and included. Nothing if the ledger says it has none.
    pub(super) fn standing(
        &mut self,
        home: &Home,
        content: &StatementContent<'_>,
    ) -> Result<Option<VerifiedTransaction>, Failure> {
        let id = transaction_id(self.trusted.ledger(), home.site(), &content.digest());
        match self.trusted.verified_transaction(&id) {
            Err(TrustError::Client(error)) if is_not_found(&error) => Ok(None),
            verified => self.checked(home, verified).map(Some),
        }
    }

    /// Signs a statement.
    pub(super) fn sign(&self, home: &Home, statement: Statement) -> Transaction {
        Transaction::sign(self.trusted.ledger(), home.site(), statement, &self.key)
    }

    /// Posts a statement: first into the record of what left, then to the ledger, again and again if it does not answer. An
    /// acknowledgement is believed when the statement is shown to be included.
    pub(super) fn post(
        &mut self,
        setting: &Setting,
        home: &Home,
        outgoing: &mut OutgoingFile,
        statement: Statement,
        about: About,
    ) -> Result<Result<Posted, ClientError>, Failure> {
        let transaction = self.sign(home, statement);
        let (id, content) = (transaction.id(), StatementContent::of(&transaction.statement));
        let bytes = transaction.canonical();
        let what = Leaving {
            kind: transaction.statement.kind().to_owned(),
            statement: Some(id),
            request: about.request,
            bytes: Digest::of_bytes(&bytes),
            length: bytes.len() as u64,
            cells: about.cells,
            ledger: Some(transaction.ledger.clone()),
        };
        outgoing.record(what, setting.now())?;
        about.recorded.pass();
        let already = match self.client().post_with_retries(&transaction, &RetryPolicy::default()) {
            Ok(posted) => posted.already,
            Err(error) => return Ok(Err(error)),
        };
        match self.standing(home, &content)? {
            Some(verified) => Ok(Ok(Posted { id, standing: standing(&verified), already })),
            None => Err(Failure::cannot_tell(format!(
                "the ledger acknowledged the {} {id} and does not have it; it is posted again",
                content.kind()
            ))
            .with(json!({ UNREACHABLE: true }))),
        }
    }
}

/// Whether the ledger said no by one of its rules, and would say it again: neither a service in trouble, nor one that asks
/// for patience, nor a proxy before it.
pub(super) fn is_final(error: &ClientError) -> bool {
    let by_rule =
        |problem: &Problem| (400..500).contains(&problem.status) && Refusal::RULES.contains(&problem.rule.as_str());
    error.problem().is_some_and(by_rule) && !error.is_retryable()
}

/// Whether the ledger itself says that it has no such thing; not somebody on the way to it.
pub(super) fn is_not_found(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| problem.status == 404 && problem.rule == "not-found")
}

/// Whether a failure is that the ledger is out of reach: then nothing else is worth trying.
pub(super) fn is_unreachable(failure: &Failure) -> bool {
    failure.details[UNREACHABLE] == true
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Refused(problem) if is_final(&error) || is_not_found(&error) => {
                let details = json!({ "rule": problem.rule, "status": problem.status });
                Self::refused(&error).with(details)
            }
            ClientError::Address { .. } | ClientError::Certificates { .. } | ClientError::Redirected { .. } => {
                Self::refused(error)
            }
            _ => Self::cannot_tell(error).with(json!({ UNREACHABLE: true })),
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Client(error) => error.into(),
            error => Self::refused(error),
        }
    }
}
