//! Consistent forgeries: whole documents exchanged, every digest computed anew, at last the openings too, with
//! the hospital's own secrets. Each is refused for a reason of its own; what only the context digest binds, by
//! the proof. Trap numbers are those of the threat model.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[path = "../common/mod.rs"]
mod common;
mod contradictions;
mod dishonest;
mod extreme_values;
mod extremes;
mod replays;
mod secrets;
mod traps;
mod vectors;

use ark_bn254::{Bn254, Fr};
use ark_ec::CurveGroup;
use ark_serialize::CanonicalDeserialize;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{KeyKind, VerifyingKey};
use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::commit::{EpochDocument, ManifestDocument};
use cohortium_protocol::query::compile;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::QueryPublic;
use cohortium_verifier::{Anchors, AnchorsDocument, AuditError, Step, verify_release};
use common::key_12;

fn verdict(bundle: &Bundle, anchors: &AnchorsDocument) -> Result<(), AuditError> {
    verify_release(bundle, &Anchors::check(anchors.clone()).unwrap()).map(|_| ())
}

fn refused(bundle: &Bundle, anchors: &AnchorsDocument) -> (Step, String) {
    let error = verdict(bundle, anchors).unwrap_err();
    (error.step, error.to_string())
}

/// A bundle and the anchors of a board that has been told the same.
struct Forged {
    bundle: Bundle,
    anchors: AnchorsDocument,
}

impl Forged {
    /// Points request and anchors at the bundle's documents, whatever they are.
    fn agree(&mut self) {
        let Bundle { site, request, approval, policy_floor, schema, manifest, epoch, .. } = &mut self.bundle;
        let shape = *manifest.shape();
        if let Ok(plan) = compile(&request.query, schema, &approval.consent, &shape) {
            request.plan = plan.digest();
        }
        (request.approval, request.schema) = (approval.digest(), schema.digest());
        let pin = &mut request.sites[0];
        pin.site.clone_from(site);
        (pin.manifest, pin.epoch, pin.policy_floor) = (manifest.digest(), epoch.digest(), policy_floor.digest());
        let anchor = &mut self.anchors.sites[0];
        anchor.site.clone_from(site);
        (anchor.manifest, anchor.epoch, anchor.policy_floor) = (pin.manifest, pin.epoch, pin.policy_floor);
        self.anchors.approvals.push(request.approval);
        self.anchors.ledger.clone_from(&request.ledger);
    }

    /// Has the board name the plan for exact sums; says whether it did not before.
    fn name_the_plan(&mut self) -> bool {
        let (plan, named) = (self.bundle.request.plan, &mut self.bundle.approval.exact_plans);
        let anew = !named.contains(&plan);
        if anew {
            named.push(plan);
            self.agree();
        }
        anew
    }
}

fn edit_manifest(bundle: &mut Bundle, change: impl Fn(&mut ManifestDocument)) {
    let mut document = ManifestDocument::from(bundle.manifest.clone());
    change(&mut document);
    bundle.manifest = document.try_into().unwrap();
    let manifest = bundle.manifest.digest();
    edit_epoch(bundle, |epoch| epoch.manifest = manifest);
}

fn edit_epoch(bundle: &mut Bundle, change: impl Fn(&mut EpochDocument)) {
    let mut document = EpochDocument::from(bundle.epoch.clone());
    change(&mut document);
    bundle.epoch = document.try_into().unwrap();
}

/// The points of the smallest shape's key.
fn points_12() -> ark_groth16::VerifyingKey<Bn254> {
    let bytes = STANDARD.decode(key_12().verifying().to_document().key).unwrap();
    CanonicalDeserialize::deserialize_uncompressed(&bytes[..]).unwrap()
}

/// Another key of the same shape, whose maker knows as little as that of the first.
fn other_key() -> VerifyingKey {
    let mut key = points_12();
    key.delta_g2 = (key.delta_g2 * Fr::from(2u64)).into_affine();
    VerifyingKey::new(Shape::QUERY_12, KeyKind::Development, key_12().verifying().matrices(), &key).unwrap()
}

/// A key of the next shape, of the right size.
fn key_of_shape_16() -> VerifyingKey {
    let mut key = points_12();
    let more = QueryPublic::count(&Shape::QUERY_16) + 1 - key.gamma_abc_g1.len();
    key.gamma_abc_g1.extend_from_within(..more);
    let matrices = Shape::QUERY_16.pinned().unwrap().matrices.parse().unwrap();
    VerifyingKey::new(Shape::QUERY_16, KeyKind::Development, matrices, &key).unwrap()
}
