//! `plan`: whether the ledger would admit a query now, and what it would ask. Nothing is posted.

use cohortium_verifier::ledger::Budget;
use serde_json::json;

use super::super::args::PlanArgs;
use super::super::{Failure, Outcome, Report, Setting, setting};
use crate::answers::{PlanEstimate, PlanQuestion};
use crate::retry::RetryPolicy;

pub(crate) fn run(setting: &Setting, args: &PlanArgs) -> Outcome {
    let query = setting::query(&args.query)?;
    let client = setting.client()?;
    let approval = setting::approval(&client, &args.study)?;
    let question = PlanQuestion { query, approval, sites: args.sites.clone(), epsilon: args.epsilon };
    let answer = client.plan_with_retries(&question, &RetryPolicy::default())?;
    let because = |rule: &Option<String>, reason: &Option<String>| {
        let reason = reason.as_deref().unwrap_or("no reason given");
        rule.as_ref().map_or_else(|| reason.to_owned(), |rule| format!("{reason} [rule {rule}]"))
    };
    let mut text = answer.explain.clone().unwrap_or_default();
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    for site in &answer.sites {
        match site.allowed {
            true => {
                let policy = site.policy.as_deref().unwrap_or("not told");
                text.push_str(&format!("{}: would be admitted. Policy in force: {policy}\n", site.site));
            }
            false => text.push_str(&format!("{}: {}\n", site.site, because(&site.rule, &site.reason))),
        }
        site.budgets.iter().for_each(|budget| text.push_str(&budget_line(budget)));
        if let Some(PlanEstimate { seconds, memory_bytes }) = site.estimate {
            let mib = memory_bytes >> 20;
            text.push_str(&format!("  the answer costs the hospital about {seconds} CPU-seconds and {mib} MiB\n"));
        }
    }
    let json = json!({ "approval": approval, "answer": answer });
    if answer.allowed {
        let number =
            answer.sequence.map_or_else(String::new, |number| format!(", as number {number} under the approval"));
        text.push_str(&format!("The query would be admitted{number}. Each site then decides for itself.\n"));
        return Ok(Report::new(text, json));
    }
    setting.console.show(&text);
    let reason = match (&answer.reason, answer.sites.iter().find(|site| !site.allowed)) {
        (None, Some(site)) => format!("{}: {}", site.site, because(&site.rule, &site.reason)),
        _ => because(&answer.rule, &answer.reason),
    };
    Err(Failure::refused(format!("the query would not be admitted: {reason}")).with(json))
}

/// A budget in words: before, and after.
fn budget_line(Budget { what, spent, asked, left_after, limit, .. }: &Budget) -> String {
    let after = match left_after {
        Some(left) => format!("{left} left afterwards"),
        None => "NOT ENOUGH".to_owned(),
    };
    format!("  {what}: {spent} spent of {limit}, {asked} asked, {after}\n")
}
