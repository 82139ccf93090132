//! The transaction, `cohortium-transaction/1`: a statement that a member signed.

use serde::{Deserialize, Serialize};

use super::key::{KeyError, MemberKey, PublicKey, Signature};
use super::statement::{Statement, StatementContent, StatementError};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::text::is_line;

/// The format this code reads and writes.
pub const TRANSACTION_FORMAT: &str = "cohortium-transaction/1";
/// The largest transaction that is read: several times the largest release.
pub const MAX_TRANSACTION_BYTES: usize = 8 << 20;
/// Characters of a ledger's id and of a member's name at most.
const MAX_NAME: usize = 200;

/// A signed statement.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// Always [`TRANSACTION_FORMAT`].
    pub format: String,
    /// The ledger it is for.
    pub ledger: String,
    /// The member who says it.
    pub member: String,
    /// What is said.
    pub statement: Statement,
    /// The member's signature of the transaction's id.
    pub signature: Signature,
}

/// Why bytes are not a transaction.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TransactionError {
    /// Beyond the limit.
    #[error("the transaction has {found} bytes; at most {MAX_TRANSACTION_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the transaction cannot be read: {reason}")]
    Json {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// Another format or version.
    #[error("the transaction's format is {found:?}; this version reads {TRANSACTION_FORMAT:?}")]
    Format {
        /// What was found, shortened.
        found: String,
    },
    /// A ledger's or member's name that is none.
    #[error("the transaction's {field} {found:?} is no name: one line of 1 to {MAX_NAME} printable characters")]
    Name {
        /// Which field.
        field: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// A statement of a bad form.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A signature that is not the member's.
    #[error("the transaction of {member:?}: {source}")]
    Signature {
        /// The member.
        member: String,
        /// What is wrong.
        source: KeyError,
    },
}

/// The id of a statement by a member on a ledger: what is signed, and what makes it the same statement again.
pub fn transaction_id(ledger: &str, member: &str, content: &Digest) -> Digest {
    Hasher::new(domain::SIGNATURE).str(ledger).str(member).digest(content).finish()
}

/// The bytes of a transaction's leaf in the ledger's tree: its id, its signature, and its evidence.
///
/// Everything in the ledger's copy is bound by it; whoever has the documents that a statement is about recomputes it.
pub fn leaf_bytes(id: &Digest, signature: &Signature, evidence: Option<&Digest>) -> Digest {
    let mut hasher = Hasher::new(domain::LEAF);
    hasher.digest(id).bytes(signature.as_bytes()).u64(u64::from(evidence.is_some()));
    if let Some(evidence) = evidence {
        hasher.digest(evidence);
    }
    hasher.finish()
}

impl Transaction {
    /// Signs a statement.
    pub fn sign(ledger: &str, member: &str, statement: Statement, key: &MemberKey) -> Self {
        let id = transaction_id(ledger, member, &statement.content());
        Self {
            format: TRANSACTION_FORMAT.to_owned(),
            ledger: ledger.to_owned(),
            member: member.to_owned(),
            signature: key.sign(id.as_bytes()),
            statement,
        }
    }

    /// Reads a transaction; every part is checked for itself.
    pub fn parse(json: &[u8]) -> Result<Self, TransactionError> {
        if json.len() > MAX_TRANSACTION_BYTES {
            return Err(TransactionError::Size { found: json.len() });
        }
        let transaction: Self =
            serde_json::from_slice(json).map_err(|error| TransactionError::Json { reason: error.to_string() })?;
        transaction.check()?;
        Ok(transaction)
    }

    /// Checks the form of a transaction that was read as a part of something else.
    pub fn check(&self) -> Result<(), TransactionError> {
        let shorten = |text: &str| text.chars().take(80).collect::<String>();
        if self.format != TRANSACTION_FORMAT {
            return Err(TransactionError::Format { found: shorten(&self.format) });
        }
        for (field, text) in [("ledger", &self.ledger), ("member", &self.member)] {
            if !is_line(text, MAX_NAME) {
                return Err(TransactionError::Name { field, found: shorten(text) });
            }
        }
        Ok(self.statement.check()?)
    }

    /// The transaction in its one spelling, as the ledger keeps it.
    pub fn canonical(&self) -> Vec<u8> {
        // A structure with text keys: writing it to memory does not fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The id.
    pub fn id(&self) -> Digest {
        transaction_id(&self.ledger, &self.member, &StatementContent::of(&self.statement).digest())
    }

    /// The data of its leaf in the ledger's tree.
    pub fn leaf(&self) -> Digest {
        leaf_bytes(&self.id(), &self.signature, self.statement.evidence().as_ref())
    }

    /// Checks the signature.
    pub fn check_signature(&self, key: &PublicKey) -> Result<(), TransactionError> {
        key.check(self.id().as_bytes(), &self.signature)
            .map_err(|source| TransactionError::Signature { member: self.member.clone(), source })
    }
}
