//! A request made of what is active now, with everything pinned that a site could otherwise choose after seeing it.
//!
//! Everything is worked out here from documents; the service is believed for one thing, the next running number, and
//! a wrong one is refused on the ledger. Were a document not the registered one, the site and the ledger would refuse the
//! pin.

use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::{Approval, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{Plan, Query, compile};
use rand::RngCore;
use rand::rngs::OsRng;

use super::super::Failure;
use crate::answers::PlanQuestion;
use crate::dataset::DatasetDetail;
use crate::retry::RetryPolicy;
use crate::trusted::TrustedLedger;

/// A request and its plan.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) plan: Plan,
}

/// Makes a request with a fresh nonce.
pub(super) fn make(
    trusted: &TrustedLedger,
    query: &Query,
    approval: &Approval,
    sites: &[String],
) -> Result<Made, Failure> {
    let digest = approval.digest();
    let (mut pins, mut planned) = (Vec::new(), None::<(Digest, Plan)>);
    for site in sites {
        approval.permits_site(site).map_err(Failure::refused)?;
        let detail = trusted.client().dataset(site, &query.table)?;
        let (schema, shape) = (&detail.schema_document, *detail.manifest_document.shape());
        if query.consent != approval.consent {
            // The approval's own sentence names the clause.
            let plan = compile(query, schema, &query.consent, &shape).map_err(Failure::refused)?;
            approval.permits(query, &plan).map_err(Failure::refused)?;
        }
        // Every site's shape has a say, and one schema and plan must serve them all.
        let plan = compile(query, schema, &approval.consent, &shape).map_err(Failure::refused)?;
        approval.permits(query, &plan).map_err(Failure::refused)?;
        match &planned {
            Some((first, _)) if *first != schema.digest() => {
                return Err(Failure::refused(format!(
                    "{site:?} has the schema {}, the sites before it have {first}; one request asks in one schema",
                    schema.digest()
                )));
            }
            Some(_) => {}
            None => planned = Some((schema.digest(), plan)),
        }
        pins.push(pin(trusted, site, &detail)?);
    }
    let (schema, plan) = planned.ok_or_else(|| Failure::cannot_tell("a request needs a site; name one with --site"))?;
    // Only the running number is taken from it, which is the same for every site; a dry run is for fewer sites than a request.
    let question = PlanQuestion {
        query: query.clone(),
        approval: digest,
        sites: sites.iter().take(1).cloned().collect(),
        epsilon: None,
    };
    let planned = trusted.client().plan_with_retries(&question, &RetryPolicy::default())?;
    let sequence = planned.sequence.ok_or_else(|| {
        Failure::cannot_tell("the ledger does not say which running number is next under the approval")
    })?;
    let mut nonce = [0; 32];
    OsRng.fill_bytes(&mut nonce);
    let request = Request {
        ledger: trusted.ledger().to_owned(),
        sequence,
        query: query.clone(),
        approval: digest,
        schema,
        plan: plan.digest(),
        sites: pins,
        sponsor_nonce: Nonce::from_bytes(nonce),
        noise: Noise::None,
    };
    // Read again as others will: a site named twice, for example, is refused here and not there.
    let text = serde_json::to_string(&request).unwrap_or_default();
    let request = Request::parse(&text).map_err(Failure::refused)?;
    Ok(Made { request, plan })
}

fn pin(trusted: &TrustedLedger, site: &str, detail: &DatasetDetail) -> Result<SitePin, Failure> {
    let manifest = &detail.manifest_document;
    if manifest.site() != site || manifest.table() != detail.schema_document.table() {
        let found = format!("{:?} of {:?}", manifest.table(), manifest.site());
        return Err(Failure::refused(format!(
            "asked for a table of {site:?}, the ledger gives the manifest of {found}"
        )));
    }
    manifest.check_schema(&detail.schema_document).map_err(Failure::refused)?;
    let lacks = |what: &str| Failure::refused(format!("{site:?} has registered no {what}, so it cannot be asked yet"));
    let epoch = detail.epoch_document.as_ref().ok_or_else(|| lacks("consent epoch over its newest table version"))?;
    let floor = detail.policy_document.as_ref().ok_or_else(|| lacks("policy floor"))?;
    let shape = *manifest.shape();
    let verifying_key = trusted.charter().verifying_key(shape.name).ok_or_else(|| {
        Failure::refused(format!(
            "{site:?}'s table has the shape {shape}, and the charter names no verifying key for it"
        ))
    })?;
    Ok(SitePin {
        site: site.to_owned(),
        manifest: manifest.digest(),
        epoch: epoch.digest(),
        policy_floor: floor.digest(),
        shape: ShapeRef::to(&shape),
        verifying_key,
        seeds: detail.summary.seeds,
        seed_leaf: None,
    })
}
