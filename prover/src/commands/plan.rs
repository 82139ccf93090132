//! `plan`: what a query asks, in plain words, and whether an approval and a floor allow it. No data is touched.

use cohortium_protocol::documents::Approval;
use cohortium_protocol::policy::{Policy, effective};
use cohortium_protocol::query::compile;
use serde_json::json;

use super::read;
use crate::cli::{Failure, Outcome, PlanArgs, Report, Setting};
use crate::import::read_schema;

pub(crate) fn run(_: &Setting, args: &PlanArgs) -> Outcome {
    let query = read::query(&args.query)?;
    let schema = read_schema(&args.schema)?;
    let shape = read::shape(&args.shape)?;
    let approval = args.approval.as_deref().map(|path| read::document(path, Approval::parse)).transpose()?;
    let consent = approval.as_ref().map_or(&query.consent, |approval| &approval.consent);
    if let Some(approval) = &approval
        && query.consent != approval.consent
    {
        // The approval's own sentence names the clause.
        let plan = compile(&query, &schema, &query.consent, &shape)?;
        approval.permits(&query, &plan).map_err(Failure::refused)?;
    }
    let plan = compile(&query, &schema, consent, &shape)?;
    let mut text = plan.explain();
    let mut json = json!({
        "query": query.digest(),
        "schema": schema.digest(),
        "digest": plan.digest(),
        "explanation": text,
        "plan": plan,
    });
    if let Some(approval) = &approval {
        approval.permits(&query, &plan).map_err(Failure::refused)?;
        text.push_str(&format!(
            "\nApproval {} ({}, {}) permits this query until {}.\n",
            approval.digest().short(),
            approval.study,
            approval.ethics_reference,
            approval.expires
        ));
        json["approval"] = json!({ "digest": approval.digest(), "expires": approval.expires });
    }
    if let (Some(approval), Some(path)) = (&approval, &args.floor) {
        let floor = read::document(path, Policy::parse)?;
        let policy = effective(Some(&floor), Some(&approval.policy))?;
        let params = policy.release_params(&plan, &schema, approval.names(&plan))?;
        let words = policy.words(&params.into());
        text.push_str(&format!("Policy in force: {words}.\n"));
        json["policy"] = json!({ "effective": policy.policy(), "release": params, "words": words });
    }
    Ok(Report::new(text, json))
}
