//! A request made of what is active now, with everything pinned that a site could otherwise choose after seeing it.
//!
//! Everything is worked out here from documents; the service is believed for one thing, the next running number, and
//! a wrong one is refused on the ledger. Were a document not the registered one, the site and the ledger would refuse the
//! pin.

use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::{Approval, Epsilons, Laplace, Noise, Nonce, Request, SitePin};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::noise::{sponsor_commitment, sponsor_nonce};
use cohortium_protocol::query::{Plan, Query, compile};
use cohortium_protocol::shape::Shape;
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
    noise: Option<(Epsilons, &MemberKey)>,
) -> Result<Made, Failure> {
    let digest = approval.digest();
    let (mut pins, mut planned) = (Vec::new(), None::<(Digest, Plan)>);
    for site in sites {
        approval.permits_site(site).map_err(Failure::refused)?;
        let detail = trusted.client().dataset(site, &query.table)?;
        let (schema, shape) = (&detail.schema_document, shape_of(&detail, noise.is_some())?);
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
        pins.push(pin(trusted, site, &detail, &shape)?);
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
    let mut request = Request {
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
    match noise {
        None => request.sites.iter_mut().for_each(|pin| pin.seed_leaf = None),
        Some((epsilon, key)) => {
            let nonce = sponsor_nonce(key, &request);
            let sponsor_commitment = sponsor_commitment(&request.ledger, &request.approval, request.sequence, &nonce);
            request.noise = Noise::Laplace(Laplace { epsilon, sponsor_commitment });
        }
    }
    // Read again as others will: a site named twice, for example, is refused here and not there.
    let text = serde_json::to_string(&request).unwrap_or_default();
    let request = Request::parse(&text).map_err(Failure::refused)?;
    Ok(Made { request, plan })
}

/// The shape of an answer over a table: the table's, or the one that proves noise over such tables.
fn shape_of(detail: &DatasetDetail, noised: bool) -> Result<Shape, Failure> {
    let table = *detail.manifest_document.shape();
    if !noised {
        return Ok(table);
    }
    table.noised().ok_or_else(|| Failure::refused(format!("no circuit proves noise over tables of shape {table}")))
}

fn pin(trusted: &TrustedLedger, site: &str, detail: &DatasetDetail, shape: &Shape) -> Result<SitePin, Failure> {
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
    let verifying_key = trusted.charter().verifying_key(shape.name).ok_or_else(|| {
        Failure::refused(format!(
            "an answer of {site:?} has the shape {shape}, and the charter names no verifying key for it"
        ))
    })?;
    Ok(SitePin {
        site: site.to_owned(),
        manifest: manifest.digest(),
        epoch: epoch.digest(),
        policy_floor: floor.digest(),
        shape: ShapeRef::to(shape),
        verifying_key,
        seeds: detail.summary.seeds,
        seed_leaf: detail.summary.seed_leaf.and_then(|leaf| u32::try_from(leaf).ok()),
    })
}
