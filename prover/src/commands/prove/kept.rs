//! What this site has released before, as rules about several answers see it. Read from the kept bundles: what left is what
//! counts.

use std::sync::Arc;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{Differencing, effective};
use cohortium_protocol::query::{Near, NearIndex, Signature, compile, put_to};
use serde::Deserialize;

use crate::cli::Failure;
use crate::pipeline::{Documents, Planned};
use crate::store::{Home, ReleaseRecord};

/// A question that is a sliver apart from one that this site has answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "this site answered the request {earlier} before, and this question differs from it in {difference} only: two answers so \
     near each other could tell about few patients; {passes}"
)]
pub(super) struct NearError {
    /// The earlier request.
    earlier: Digest,
    /// In what they differ.
    difference: String,
    /// What would pass.
    passes: String,
}

/// As much of a bundle as says whose question it answers.
#[derive(Deserialize)]
struct OfStudy {
    approval: StudyName,
}

#[derive(Deserialize)]
struct StudyName {
    study: String,
}

fn unreadable(request: &Digest, problem: impl ToString) -> Failure {
    Failure::cannot_tell(format!(
        "the release that this site keeps for the request {request} cannot be read, and new questions are compared with it: {}",
        problem.to_string()
    ))
}

fn bundle_of(home: &Home, request: &Digest) -> Result<Vec<u8>, Failure> {
    home.released(request)?.ok_or_else(|| unreadable(request, "it is not there"))
}

/// The study that a release belongs to.
pub(super) fn study_of(home: &Home, release: &ReleaseRecord) -> Result<String, Failure> {
    let bytes = bundle_of(home, &release.request)?;
    let read: OfStudy = serde_json::from_slice(&bytes).map_err(|error| unreadable(&release.request, error))?;
    Ok(read.approval.study)
}

/// What a kept release's question reads, and what it was put to. Nothing for an answer with noise: what its like tells together
/// is bounded by what was spent.
fn reads(bytes: &[u8], site: &str) -> Result<Option<(Signature, Digest)>, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let bundle = Bundle::parse(bytes).map_err(|error| words(&error))?;
    let Bundle { request, approval, schema, .. } = &bundle;
    if request.noise.laplace().is_some() {
        return Ok(None);
    }
    let shape = request.site(site).and_then(|pin| pin.standard_shape()).map_err(|error| words(&error))?;
    let plan = compile(&request.query, schema, &approval.consent, &shape).map_err(|error| words(&error))?;
    let params = effective(Some(&bundle.policy_floor), Some(&approval.policy))
        .and_then(|policy| policy.release_params(&plan, schema, approval.names(&plan)))
        .map_err(|error| words(&error))?;
    let over = put_to(&bundle.manifest.digest(), &bundle.epoch.digest(), &params.digest());
    Ok(Some((Signature::new(&plan, schema), over)))
}

/// Refuses a question that is a sliver apart from one that this site has answered about the same table, of any version and
/// epoch, for whomever; as the stricter of the floor and the approval's policy says, and as a ledger does.
pub(super) fn check_near(
    home: &Home,
    planned: &Planned<'_>,
    approval: &Approval,
    documents: &Documents<'_>,
) -> Result<(), Failure> {
    let plan = planned.plan();
    let rule = planned.policy().differencing();
    let allowed = match rule {
        Differencing::Off => true,
        Differencing::Board => approval.allows_near(plan),
        Differencing::Refuse => false,
    };
    if allowed {
        return Ok(());
    }
    let releases = home.releases()?.into_iter().filter(|release| release.table == plan.table);
    let requests: Vec<Digest> = releases.map(|release| release.request).collect();
    let mut index = NearIndex::default();
    for (place, request) in (0..).zip(&requests) {
        let bytes = bundle_of(home, request)?;
        if let Some((signature, over)) = reads(&bytes, home.site()).map_err(|problem| unreadable(request, problem))? {
            index.insert(place, Arc::new(signature), over);
        }
    }
    let Documents { schema, manifest, epoch, .. } = documents;
    let over = put_to(&manifest.digest(), &epoch.digest(), &planned.rule().digest());
    let Some(Near::Sliver { place, difference }) = index.lookup(&Signature::new(plan, schema), over) else {
        return Ok(());
    };
    let earlier = usize::try_from(place).ok().and_then(|place| requests.get(place)).copied();
    let earlier = earlier.ok_or_else(|| Failure::cannot_tell("an earlier release is near, and is not found"))?;
    let passes = match rule {
        Differencing::Refuse => "nothing passes here but a question that differs in more".to_owned(),
        _ => format!("it passes if the board names the plan {} in the approval's near_plans", plan.digest()),
    };
    Err(Failure::refused(NearError { earlier, difference: difference.to_string(), passes }))
}
