//! A bundle's evidence of the ledger: made from the state, and checked against a charter alone.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Charter, Checkpoint, CheckpointError, Inclusion, LedgerEvidence, MerkleError, NoiseEvidence, RegistrationEvidence,
    Role, Signature, StatementContent, Timestamp, leaf_bytes, leaf_hash, transaction_id, verify_inclusion,
};

use super::admit::check_study;
use super::state::State;

/// What the ledger's evidence in a bundle comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerFacts {
    /// The ledger's id.
    pub ledger: String,
    /// The query transaction's id.
    pub query: Digest,
    /// The board that approved the study.
    pub board: String,
    /// The sponsor that asked.
    pub sponsor: String,
    /// The checkpoint.
    pub checkpoint: Checkpoint,
}

/// Why a bundle's evidence of the ledger does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvidenceError {
    /// There is none.
    #[error("your anchors name a ledger, and the bundle has no evidence that it stands there")]
    Missing,
    /// The checkpoint does not hold.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The charter names no operator. A checked charter does.
    #[error("the charter names no operator")]
    NoOperator,
    /// Somebody who is no member.
    #[error("the {what} is signed by {member:?}, whom the charter does not name")]
    UnknownMember {
        /// Which transaction.
        what: &'static str,
        /// The name.
        member: String,
    },
    /// Somebody whose business it is not.
    #[error("the {what} is signed by {member:?}; it is for {required} to sign")]
    Signer {
        /// Which transaction.
        what: &'static str,
        /// Who signed.
        member: String,
        /// Who should have.
        required: String,
    },
    /// A signature that does not hold.
    #[error("the signature of {member:?} under the {what} is not one of these documents")]
    Signature {
        /// Which transaction.
        what: &'static str,
        /// Who should have signed.
        member: String,
    },
    /// A path that does not lead to the checkpoint.
    #[error("the {what} is not shown to be on the ledger: {source}")]
    Inclusion {
        /// Which transaction.
        what: &'static str,
        /// What is wrong.
        source: MerkleError,
    },
    /// An approval that the ledger does not admit: its sponsor's class, or a site, is not the charter's.
    #[error("the charter does not bear this approval: {reason}")]
    Study {
        /// What is wrong.
        reason: String,
    },
    /// Noise, and no evidence of what it is drawn from; or the other way round.
    #[error("the bundle and its evidence do not agree about noise: both have to say what it is drawn from, or neither")]
    Noise,
    /// Out of order.
    #[error("the {later} stands before the {earlier} on the ledger")]
    Order {
        /// What should be first.
        earlier: &'static str,
        /// What should follow.
        later: &'static str,
    },
}

/// Checks one transaction: its member, signature and place.
struct Check<'a> {
    charter: &'a Charter,
    ledger: &'a str,
    checkpoint: &'a Checkpoint,
}

impl Check<'_> {
    fn transaction(
        &self,
        what: &'static str,
        inclusion: &Inclusion,
        role: Role,
        signer: Option<&str>,
        content: &StatementContent<'_>,
        evidence: Option<Digest>,
    ) -> Result<Digest, EvidenceError> {
        let Inclusion { member, signature, index, path } = inclusion;
        let known =
            self.charter.member(member).ok_or_else(|| EvidenceError::UnknownMember { what, member: member.clone() })?;
        if known.role != role || signer.is_some_and(|signer| signer != member) {
            let required = signer.map_or_else(|| format!("a {}", role.name()), |signer| format!("{signer:?}"));
            return Err(EvidenceError::Signer { what, member: member.clone(), required });
        }
        let id = transaction_id(self.ledger, member, &content.digest());
        known
            .key
            .check(id.as_bytes(), signature)
            .map_err(|_| EvidenceError::Signature { what, member: member.clone() })?;
        let leaf = leaf_hash(leaf_bytes(&id, signature, evidence.as_ref()).as_bytes());
        verify_inclusion(leaf, *index, self.checkpoint.size, path, self.checkpoint.root)
            .map_err(|source| EvidenceError::Inclusion { what, source })?;
        Ok(id)
    }
}

/// Checks a bundle's evidence: every document in it stands on the ledger of this charter, signed by whose business
/// it is, in the right order, under the operator's checkpoint.
pub fn check_evidence(bundle: &Bundle, charter: &Charter) -> Result<LedgerFacts, EvidenceError> {
    let evidence = bundle.ledger.as_ref().ok_or(EvidenceError::Missing)?;
    let operator = charter.operator().ok_or(EvidenceError::NoOperator)?;
    let ledger = charter.ledger();
    let checkpoint = Checkpoint::verify(&evidence.checkpoint, &ledger, &operator.key)?;
    let check = Check { charter, ledger: &ledger, checkpoint: &checkpoint };
    let site = Some(bundle.site.as_str());
    let request = bundle.request.digest();
    let LedgerEvidence { manifest, epoch, floor_number, floor, study, query, accept, release, .. } = evidence;

    let content = StatementContent::Manifest { manifest: bundle.manifest.digest(), schema: bundle.schema.digest() };
    check.transaction("table version", manifest, Role::Hospital, site, &content, None)?;
    let content = StatementContent::Epoch(bundle.epoch.digest());
    check.transaction("consent epoch", epoch, Role::Hospital, site, &content, None)?;
    let content = StatementContent::Floor { number: *floor_number, policy: bundle.policy_floor.digest() };
    check.transaction("policy floor", floor, Role::Hospital, site, &content, None)?;
    let content = StatementContent::Study(bundle.approval.digest());
    check.transaction("approval", study, Role::Board, None, &content, None)?;
    let sponsor = Some(bundle.approval.sponsor.as_str());
    let id = check.transaction("query", query, Role::Sponsor, sponsor, &StatementContent::Query(request), None)?;
    check.transaction("acceptance", accept, Role::Hospital, site, &StatementContent::Accept(request), None)?;
    let content = StatementContent::Release { request, cells: bundle.proof.cells_digest() };
    check.transaction("release", release, Role::Hospital, site, &content, Some(bundle.proof.digest()))?;

    check_noise(&check, bundle, evidence)?;
    // Otherwise an operator could have let a commercial sponsor ask under an academic approval.
    check_study(charter, &bundle.approval).map_err(|refusal| EvidenceError::Study { reason: refusal.to_string() })?;
    let order = [
        ("table version", manifest, "consent epoch", epoch),
        ("consent epoch", epoch, "query", query),
        ("policy floor", floor, "query", query),
        ("approval", study, "query", query),
        ("query", query, "acceptance", accept),
        ("acceptance", accept, "release", release),
    ];
    in_order(&order)?;
    let (board, sponsor) = (study.member.clone(), query.member.clone());
    Ok(LedgerFacts { ledger, query: id, board, sponsor, checkpoint })
}

/// Checks that a table version and a consent epoch are on the ledger of a charter, signed by their site, in this order, under
/// the operator's checkpoint.
pub fn check_registration(
    (manifest, epoch): (&DatasetManifest, &ConsentEpoch),
    evidence: &RegistrationEvidence,
    charter: &Charter,
) -> Result<Checkpoint, EvidenceError> {
    let operator = charter.operator().ok_or(EvidenceError::NoOperator)?;
    let ledger = charter.ledger();
    let checkpoint = Checkpoint::verify(&evidence.checkpoint, &ledger, &operator.key)?;
    let check = Check { charter, ledger: &ledger, checkpoint: &checkpoint };
    let site = Some(manifest.site());
    let content = StatementContent::Manifest { manifest: manifest.digest(), schema: manifest.schema() };
    check.transaction("table version", &evidence.manifest, Role::Hospital, site, &content, None)?;
    let content = StatementContent::Epoch(epoch.digest());
    check.transaction("consent epoch", &evidence.epoch, Role::Hospital, site, &content, None)?;
    in_order(&[("table version", &evidence.manifest, "consent epoch", &evidence.epoch)])?;
    Ok(checkpoint)
}

/// What a release's noise is drawn from stands on the ledger: a tree of seeds from before the query, and both nonces from
/// between this site's acceptance and its release, the sponsor's first.
fn check_noise(check: &Check<'_>, bundle: &Bundle, evidence: &LedgerEvidence) -> Result<(), EvidenceError> {
    let request = bundle.request.digest();
    let (noise, found) = match (&bundle.noise, &evidence.noise) {
        (None, None) => return Ok(()),
        (Some(noise), Some(found)) => (noise, found),
        _ => return Err(EvidenceError::Noise),
    };
    let NoiseEvidence { seeds_number, seeds, sponsor_nonce, board_nonce } = found;
    let root = bundle.request.site(&bundle.site).ok().and_then(|pin| pin.seeds).ok_or(EvidenceError::Noise)?;
    let content = StatementContent::Seeds { number: *seeds_number, leaves: noise.seeds, root };
    check.transaction("tree of seeds", seeds, Role::Hospital, Some(&bundle.site), &content, None)?;
    let nonce = |kind, nonce| StatementContent::Nonce { kind, request, nonce };
    let (sponsor, board) = (Some(evidence.query.member.as_str()), Some(evidence.study.member.as_str()));
    let content = nonce("sponsor_nonce", noise.sponsor_nonce);
    check.transaction("sponsor's nonce", sponsor_nonce, Role::Sponsor, sponsor, &content, None)?;
    let content = nonce("board_nonce", noise.board_nonce);
    check.transaction("board's nonce", board_nonce, Role::Board, board, &content, None)?;
    let order = [
        ("tree of seeds", seeds, "query", &evidence.query),
        ("acceptance", &evidence.accept, "sponsor's nonce", sponsor_nonce),
        ("sponsor's nonce", sponsor_nonce, "board's nonce", board_nonce),
        ("board's nonce", board_nonce, "release", &evidence.release),
    ];
    in_order(&order)
}

fn in_order(order: &[(&'static str, &Inclusion, &'static str, &Inclusion)]) -> Result<(), EvidenceError> {
    match order.iter().find(|(_, first, _, second)| first.index >= second.index) {
        Some((earlier, _, later, _)) => Err(EvidenceError::Order { earlier, later }),
        None => Ok(()),
    }
}

/// A transaction's member and signature, as whoever keeps the blocks looks them up by place.
pub type Signed = (String, Signature);

impl State {
    /// When the query of a request was posted.
    pub fn asked_at(&self, request: &Digest) -> Option<Timestamp> {
        self.query(request).map(|question| question.request.time)
    }
}
