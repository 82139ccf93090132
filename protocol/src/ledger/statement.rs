//! What members say on the ledger: typed statements.

use serde::{Deserialize, Serialize};

use super::charter::{MAX_BATCH_LEAVES, Role};
use super::consents::Batch;
use super::merkle::MAX_PATH;
use crate::bounded;
use crate::bundle::QueryProof;
use crate::commit::{ConsentEpoch, DatasetManifest};
use crate::documents::{Approval, Nonce, Request};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::policy::Policy;
use crate::table::Schema;
use crate::table_proof::TableProof;
use crate::text::is_line;

/// Characters of a reason at most.
pub const MAX_REASON: usize = 500;

/// One statement. Which member makes it stands in the transaction.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Statement {
    /// A hospital registers a table version.
    Manifest {
        /// The manifest; its site is the member.
        manifest: DatasetManifest,
        /// The schema that it names.
        schema: Box<Schema>,
    },
    /// A hospital registers a consent epoch over its active table version.
    Epoch {
        /// The epoch.
        epoch: ConsentEpoch,
    },
    /// A hospital posts a batch of consent events: the root over their salted hashes, and over dummies.
    Consents {
        /// Counts the site's batches, from 1.
        number: u32,
        /// Leaves of the batch's tree.
        leaves: u32,
        /// Its root.
        root: Digest,
    },
    /// A hospital proves something of its whole active table: that no tag stands twice, or that its epoch's flags are flags.
    TableProof {
        /// The proof; it names what it is about.
        proof: Box<TableProof>,
    },
    /// A hospital registers its policy floor.
    Floor {
        /// Counts the site's floors, from 1: a floor may come back.
        number: u32,
        /// The floor.
        policy: Policy,
    },
    /// A hospital registers a tree of one-time noise seeds.
    Seeds {
        /// Counts the site's seed trees, from 1.
        number: u32,
        /// How many leaves the tree has.
        leaves: u32,
        /// Its root.
        root: Digest,
    },
    /// A board approves a study, or amends it.
    Study {
        /// The approval.
        approval: Box<Approval>,
    },
    /// A board ends an approval before its last day. An amended approval may follow.
    Suspend {
        /// The approval.
        approval: Digest,
        /// Why.
        reason: String,
    },
    /// A sponsor asks.
    Query {
        /// The request.
        request: Box<Request>,
    },
    /// A site says that a person has to decide.
    Hold {
        /// The request.
        request: Digest,
        /// Why.
        reason: String,
    },
    /// A site will answer: final.
    Accept {
        /// The request.
        request: Digest,
    },
    /// A site will not answer: final.
    Decline {
        /// The request.
        request: Digest,
        /// Why.
        reason: String,
    },
    /// A site answers.
    Release {
        /// The request.
        request: Digest,
        /// The released cells and their proof.
        proof: Box<QueryProof>,
    },
    /// A sponsor opens the nonce that its request with noise commits to, when every site has decided.
    SponsorNonce {
        /// The request.
        request: Digest,
        /// The nonce.
        nonce: Nonce,
    },
    /// A board opens the nonce that its approval commits to for a request with noise, after the sponsor.
    BoardNonce {
        /// The request.
        request: Digest,
        /// The nonce.
        nonce: Nonce,
        /// The path from its leaf to the root in the approval.
        #[serde(deserialize_with = "bounded::list::<MAX_PATH, _, _>")]
        path: Vec<Digest>,
    },
}

/// Why a statement is refused for its form alone.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StatementError {
    /// A reason that is none.
    #[error(
        "the reason {found:?} is refused: one line of 1 to {MAX_REASON} printable characters, no space at either end"
    )]
    Reason {
        /// What was found, shortened.
        found: String,
    },
    /// A count from 1 that is 0.
    #[error("{kind}: the {field} is 0; it counts from 1")]
    Zero {
        /// Which kind of statement.
        kind: &'static str,
        /// Which field.
        field: &'static str,
    },
    /// A batch whose leaves do not make a whole tree.
    #[error("the batch of consent events has {found} leaves: a power of two from 2 to {MAX_BATCH_LEAVES} is allowed")]
    Leaves {
        /// How many.
        found: u32,
    },
}

impl Statement {
    /// The kind, as in files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "manifest",
            Self::Epoch { .. } => "epoch",
            Self::Consents { .. } => "consents",
            Self::TableProof { .. } => "table_proof",
            Self::Floor { .. } => "floor",
            Self::Seeds { .. } => "seeds",
            Self::Study { .. } => "study",
            Self::Suspend { .. } => "suspend",
            Self::Query { .. } => "query",
            Self::Hold { .. } => "hold",
            Self::Accept { .. } => "accept",
            Self::Decline { .. } => "decline",
            Self::Release { .. } => "release",
            Self::SponsorNonce { .. } => "sponsor_nonce",
            Self::BoardNonce { .. } => "board_nonce",
        }
    }

    /// Whose business it is to say this.
    pub const fn role(&self) -> Role {
        match self {
            Self::Study { .. } | Self::Suspend { .. } | Self::BoardNonce { .. } => Role::Board,
            Self::Query { .. } | Self::SponsorNonce { .. } => Role::Sponsor,
            _ => Role::Hospital,
        }
    }

    /// Checks what the types of its parts do not.
    pub fn check(&self) -> Result<(), StatementError> {
        let kind = self.kind();
        match self {
            Self::Suspend { reason, .. } | Self::Hold { reason, .. } | Self::Decline { reason, .. } => {
                if is_line(reason, MAX_REASON) {
                    Ok(())
                } else {
                    Err(StatementError::Reason { found: reason.chars().take(80).collect() })
                }
            }
            Self::Floor { number: 0, .. } | Self::Seeds { number: 0, .. } | Self::Consents { number: 0, .. } => {
                Err(StatementError::Zero { kind, field: "number" })
            }
            Self::Consents { leaves, .. } if !leaves.is_power_of_two() || !(2..=MAX_BATCH_LEAVES).contains(leaves) => {
                Err(StatementError::Leaves { found: *leaves })
            }
            Self::Seeds { leaves: 0, .. } => Err(StatementError::Zero { kind, field: "number of leaves" }),
            _ => Ok(()),
        }
    }

    /// The digest of what it says. Of a release, that is which cells answer which request: not which of the many
    /// proofs of that is given.
    pub fn content(&self) -> Digest {
        StatementContent::of(self).digest()
    }

    /// The digest of what a statement carries beside its content: a proof.
    pub fn evidence(&self) -> Option<Digest> {
        match self {
            Self::Release { proof, .. } => Some(proof.digest()),
            Self::TableProof { proof } => Some(proof.digest()),
            _ => None,
        }
    }
}

/// What a statement says, by digests: enough to recompute its identity from an auditor's own documents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StatementContent<'a> {
    /// A table version and its schema.
    Manifest {
        /// The manifest.
        manifest: Digest,
        /// The schema.
        schema: Digest,
    },
    /// An epoch.
    Epoch(Digest),
    /// A batch of consent events.
    Consents(Batch),
    /// A proof about a table version, or about an epoch over it.
    TableProof {
        /// The version.
        manifest: Digest,
        /// The epoch, where its flags are proved.
        epoch: Option<Digest>,
    },
    /// A floor.
    Floor {
        /// Its number.
        number: u32,
        /// The policy.
        policy: Digest,
    },
    /// A seed tree.
    Seeds {
        /// Its number.
        number: u32,
        /// Its leaves.
        leaves: u32,
        /// Its root.
        root: Digest,
    },
    /// An approval.
    Study(Digest),
    /// A request.
    Query(Digest),
    /// Something about an approval or a request, with a reason.
    Reasoned {
        /// `suspend`, `hold` or `decline`.
        kind: &'static str,
        /// What it is about.
        about: Digest,
        /// Why.
        reason: &'a str,
    },
    /// An acceptance.
    Accept(Digest),
    /// A release.
    Release {
        /// The request.
        request: Digest,
        /// The cells.
        cells: Digest,
    },
    /// An opened nonce. The path that shows a board's is checked, and no part of what it says.
    Nonce {
        /// `sponsor_nonce` or `board_nonce`.
        kind: &'static str,
        /// The request.
        request: Digest,
        /// The nonce.
        nonce: Nonce,
    },
}

impl<'a> StatementContent<'a> {
    /// Of a statement.
    pub fn of(statement: &'a Statement) -> Self {
        match statement {
            Statement::Manifest { manifest, schema } => {
                Self::Manifest { manifest: manifest.digest(), schema: schema.digest() }
            }
            Statement::Epoch { epoch } => Self::Epoch(epoch.digest()),
            Statement::Consents { number, leaves, root } => {
                Self::Consents(Batch { number: *number, leaves: *leaves, root: *root })
            }
            Statement::TableProof { proof } => Self::TableProof { manifest: proof.manifest, epoch: proof.epoch },
            Statement::Floor { number, policy } => Self::Floor { number: *number, policy: policy.digest() },
            Statement::Seeds { number, leaves, root } => Self::Seeds { number: *number, leaves: *leaves, root: *root },
            Statement::Study { approval } => Self::Study(approval.digest()),
            Statement::Query { request } => Self::Query(request.digest()),
            Statement::Suspend { approval: about, reason }
            | Statement::Hold { request: about, reason }
            | Statement::Decline { request: about, reason } => {
                Self::Reasoned { kind: statement.kind(), about: *about, reason }
            }
            Statement::Accept { request } => Self::Accept(*request),
            Statement::Release { request, proof } => Self::Release { request: *request, cells: proof.cells_digest() },
            Statement::SponsorNonce { request, nonce } | Statement::BoardNonce { request, nonce, .. } => {
                Self::Nonce { kind: statement.kind(), request: *request, nonce: *nonce }
            }
        }
    }

    /// The kind, as in files.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "manifest",
            Self::Epoch(_) => "epoch",
            Self::Consents(_) => "consents",
            Self::TableProof { .. } => "table_proof",
            Self::Floor { .. } => "floor",
            Self::Seeds { .. } => "seeds",
            Self::Study(_) => "study",
            Self::Query(_) => "query",
            Self::Reasoned { kind, .. } | Self::Nonce { kind, .. } => kind,
            Self::Accept(_) => "accept",
            Self::Release { .. } => "release",
        }
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::STATEMENT);
        hasher.str(self.kind());
        match self {
            Self::Manifest { manifest, schema } => hasher.digest(manifest).digest(schema),
            Self::Epoch(digest) | Self::Study(digest) | Self::Query(digest) | Self::Accept(digest) => {
                hasher.digest(digest)
            }
            Self::TableProof { manifest, epoch } => {
                hasher.digest(manifest).u64(u64::from(epoch.is_some()));
                epoch.iter().fold(&mut hasher, |hasher, epoch| hasher.digest(epoch))
            }
            Self::Floor { number, policy } => hasher.u64(u64::from(*number)).digest(policy),
            Self::Seeds { number, leaves, root } | Self::Consents(Batch { number, leaves, root }) => {
                hasher.u64(u64::from(*number)).u64(u64::from(*leaves)).digest(root)
            }
            Self::Reasoned { about, reason, .. } => hasher.digest(about).str(reason),
            Self::Release { request, cells } => hasher.digest(request).digest(cells),
            Self::Nonce { request, nonce, .. } => hasher.digest(request).bytes(nonce.as_bytes()),
        };
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_statements_of_their_owners_and_a_path_is_no_part_of_what_is_said() {
        let (request, nonce) = (Digest::from_bytes([1; 32]), Nonce::from_bytes([2; 32]));
        let sponsor = Statement::SponsorNonce { request, nonce };
        let board = |path| Statement::BoardNonce { request, nonce, path };
        assert_eq!((sponsor.role(), board(Vec::new()).role()), (Role::Sponsor, Role::Board));
        assert_eq!(board(vec![request]).content(), board(Vec::new()).content());
        // Computed a second time in Python, from the formats' page.
        let found = [sponsor.content(), board(Vec::new()).content()].map(|digest| digest.short());
        assert_eq!(found, ["eabce104f9d8a899", "487eea8f0e3b5230"]);
        for statement in [sponsor, board(vec![request; MAX_PATH])] {
            let text = serde_json::to_string(&statement).unwrap();
            assert_eq!(serde_json::from_str::<Statement>(&text).unwrap(), statement);
            assert!(statement.check().is_ok() && statement.evidence().is_none());
        }
        let long = serde_json::to_string(&board(vec![request; MAX_PATH + 1])).unwrap();
        let refused = serde_json::from_str::<Statement>(&long).unwrap_err().to_string();
        assert!(refused.contains("the list has more than 64 entries"), "{refused}");
    }

    #[test]
    fn the_pages_examples_of_nonces_are_read() {
        let page = include_str!("../../../docs/src/formats/ledger.md");
        let examples = page.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
        let kinds: Vec<&str> = examples
            .filter(|example| example.contains("_nonce\": {"))
            .map(|example| serde_json::from_str::<Statement>(example).unwrap().kind())
            .collect();
        assert_eq!(kinds, ["sponsor_nonce", "board_nonce"]);
    }
}
