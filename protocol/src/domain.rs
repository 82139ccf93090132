//! Every domain tag of the project, in one place, so that no two uses share one.
//!
//! A tag is never reused for another content; a changed encoding gets a new number.

/// A schema's digest.
pub const SCHEMA: &str = "cohortium/schema/1";
/// The checksum of a stored table.
pub const TABLE: &str = "cohortium/table/1";
/// The checksum of a stored consent table.
pub const CONSENT_TABLE: &str = "cohortium/consent-table/1";
/// Made-up tables and consents, for tests and demonstrations.
pub const SYNTHETIC: &str = "cohortium/synthetic/1";
/// A query's digest.
pub const QUERY: &str = "cohortium/query/1";
/// A plan's digest.
pub const PLAN: &str = "cohortium/plan/1";
/// What a plan reads, for the comparison of plans.
pub const PLAN_SIGNATURE: &str = "cohortium/plan-signature/1";
/// A policy's digest.
pub const POLICY: &str = "cohortium/policy/1";
/// The digest of the numbers that a release rule comes to for one plan.
pub const RELEASE_PARAMS: &str = "cohortium/release-params/1";
/// An approval's digest.
pub const APPROVAL: &str = "cohortium/approval/1";
/// A request's digest (in a ledger: the query transaction).
pub const REQUEST: &str = "cohortium/request/1";
/// The digest that a proof's transcript starts from.
pub const CONTEXT: &str = "cohortium/context/1";
/// A dataset manifest's digest.
pub const MANIFEST: &str = "cohortium/manifest/1";
/// A consent epoch's digest.
pub const EPOCH: &str = "cohortium/epoch/1";
/// The digest of one column's row commitments.
pub const COLUMN_COMMITMENT: &str = "cohortium/column-commitment/1";
/// The digest of all query-time commitments of one proof.
pub const QUERY_COMMITMENTS: &str = "cohortium/query-commitments/1";
/// Pedersen generators, by try-and-increment.
pub const GENERATORS: &str = "cohortium/generators/1";
/// The transcript of a batched opening.
pub const OPENING: &str = "cohortium/opening/1";
/// Generators of hedged randomness.
pub const HEDGE: &str = "cohortium/hedge/1";
/// Secrets derived from the master secret.
pub const SECRETS: &str = "cohortium/secrets/1";
/// Tells whether a master secret is the one that a site was made with.
pub const SECRET_CHECK: &str = "cohortium/secret-check/1";
/// A patient's secret, derived by the site for a patient who brings none.
pub const PATIENT_SECRET: &str = "cohortium/patient-secret/1";
/// A patient's tag at a site.
pub const PATIENT_TAG: &str = "cohortium/patient-tag/1";
/// A patient's own signing key at a site, derived from the patient's secret.
pub const PATIENT_SIGNING_KEY: &str = "cohortium/patient-signing-key/1";
/// The content of a consent event.
pub const CONSENT_EVENT: &str = "cohortium/consent-event/1";
/// What is signed of a consent event.
pub const CONSENT_SIGNATURE: &str = "cohortium/consent-signature/1";
/// A consent event with its signature.
pub const CONSENT_SAID: &str = "cohortium/consent-said/1";
/// The salted hash of a consent event, which the ledger is given.
pub const CONSENT_LEAF: &str = "cohortium/consent-leaf/1";
/// A verifying key's id.
pub const VERIFYING_KEY: &str = "cohortium/verifying-key/1";
/// A shape's id.
pub const SHAPE: &str = "cohortium/shape/1";
/// The digest of a circuit's matrices.
pub const MATRICES: &str = "cohortium/matrices/1";
/// The in-circuit transcript's initial state: protocol, shape and absorb/squeeze pattern.
pub const TRANSCRIPT: &str = "cohortium/transcript/1";
/// What an opening of a bundle is part of.
pub const OPENING_CONTEXT: &str = "cohortium/opening-context/1";
/// A record of the opening budget.
pub const BUDGET_RECORD: &str = "cohortium/budget-record/1";
/// A record of what left a site.
pub const OUTGOING_RECORD: &str = "cohortium/outgoing-record/1";
/// A charge that stands for charges that a restored budget does not know.
pub const UNKNOWN_CHARGES: &str = "cohortium/unknown-charges/1";
/// A board's trust anchors.
pub const ANCHORS: &str = "cohortium/anchors/1";
/// A ledger's charter.
pub const CHARTER: &str = "cohortium/charter/1";
/// A transaction's statement: its identity.
pub const STATEMENT: &str = "cohortium/statement/1";
/// What a member signs of a transaction.
pub const SIGNATURE: &str = "cohortium/signature/1";
/// A transaction as a leaf of the ledger's tree.
pub const LEAF: &str = "cohortium/leaf/1";
/// A block.
pub const BLOCK: &str = "cohortium/block/1";
/// The ledger's state after a block.
pub const STATE: &str = "cohortium/state/1";
/// The proof part of a release, which is no part of the release's identity.
pub const QUERY_PROOF: &str = "cohortium/query-proof/1";
/// The content of a release: request and cells.
pub const RELEASE: &str = "cohortium/release/1";
/// The digest that a proof about a table starts from.
pub const TABLE_CONTEXT: &str = "cohortium/table-context/1";
/// A proof about a table.
pub const TABLE_PROOF: &str = "cohortium/table-proof/1";
/// Stands for an approval where the opening budget is charged for a proof about a table.
pub const TABLE_PROOF_CHARGE: &str = "cohortium/table-proof-charge/1";
/// The weights under which many proofs are checked at once.
pub const BATCH: &str = "cohortium/batch/1";
/// Separates noise keys from every other use of their permutation.
pub const NOISE_KEY: &str = "cohortium/noise-key/1";
/// Separates blocks of noise from every other use of their permutation.
pub const NOISE_BLOCK: &str = "cohortium/noise-block/1";
/// A sponsor's nonces, derived from its key.
pub const SPONSOR_NONCE: &str = "cohortium/sponsor-nonce/1";
/// A board's nonces, derived from its key.
pub const BOARD_NONCE: &str = "cohortium/board-nonce/1";
/// What a sponsor or a board commits to before a query is settled.
pub const NONCE_COMMITMENT: &str = "cohortium/nonce-commitment/1";
/// The beacon of a query, from both nonces.
pub const BEACON: &str = "cohortium/beacon/1";
/// What a hospital opens to one patient.
pub const RECEIPT: &str = "cohortium/receipt/1";
/// A hospital's word that it took a consent event in.
pub const ACKNOWLEDGEMENT: &str = "cohortium/acknowledgement/1";
/// What a nullifier is for: one study of one sponsor at one site of one ledger.
pub const NULLIFIER_SCOPE: &str = "cohortium/nullifier-scope/1";
/// Separates nullifiers from every other use of their permutation.
pub const NULLIFIER: &str = "cohortium/nullifier/1";
/// The digest that the transcript of a proof of eligibility starts from.
pub const ELIGIBILITY_CONTEXT: &str = "cohortium/eligibility-context/1";
/// The digest of a file of eligibility.
pub const ELIGIBILITY: &str = "cohortium/eligibility/1";
