//! `run`: the batch job.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use cohortium_client::{QueryFilter, QuerySummary};
use cohortium_protocol::hash::Digest;
use cohortium_verifier::ledger::SiteStatus;
use serde_json::json;

use super::pass::{Pass, Tally};
use crate::cli::{Failure, Outcome, Report, RunArgs, Setting};
use crate::store::{Access, Claim, RunLock};

/// Queries that are open for this site, of which so many are read at most: the ledger admits fewer by far under each
/// approval.
pub(super) const MOST_QUERIES: usize = 100_000;
/// The longest wait while the ledger is out of reach.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

pub(crate) fn run(setting: &Setting, args: &RunArgs) -> Outcome {
    let _lock = RunLock::take(&setting.home_folder()?)?;
    setting.console.lines();
    let mut claim = args.claim.claim();
    let every = Duration::from_secs(args.every);
    let mut failures = 0;
    loop {
        let wait = match pass(setting, claim) {
            Ok((tally, heads)) if args.once => return finished(tally, heads),
            Ok(_) => {
                failures = 0;
                every
            }
            // What was refused does not mend itself; what is out of reach may.
            Err(failure) if args.once || failure.exit == 1 => return Err(failure),
            Err(failure) => {
                failures += 1;
                let wait = every.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_WAIT.max(every));
                let sentence = format!("{}; trying again in {} seconds", failure.sentence, wait.as_secs());
                let json = json!({ "event": "waiting", "time": setting.now(), "text": sentence });
                setting.console.event(&sentence, json);
                wait
            }
        };
        // Once a restored budget is settled, the claim has served: even if that very pass then lost the ledger.
        if setting.open(Access::Read)?.restored()?.is_none() {
            claim = Claim::None;
        }
        thread::sleep(wait);
    }
}

/// The ends of budget and record after a pass.
type Heads = (Digest, Digest);

fn pass(setting: &Setting, claim: Claim) -> Result<(Tally, Heads), Failure> {
    let mut pass = Pass::begin(setting, Some(claim))?;
    let queries = queries(&pass)?;
    let paused = pass.home.paused()?;
    if let Some(paused) = &paused {
        let sentence = format!("paused since {}: {}; nothing new is accepted", paused.since, paused.because);
        pass.event("paused", None, &sentence, json!({}));
    }
    for summary in queries.values() {
        let is_undecided = match summary.sites.get(pass.home.site()).map(|status| &status.state) {
            Some(SiteStatus::Submitted { .. } | SiteStatus::AwaitingApproval { .. }) => true,
            Some(SiteStatus::Accepted { .. } | SiteStatus::AwaitingBeacon { .. }) => {
                let note = pass.home.note(&summary.request)?;
                note.is_none_or(|note| note.decision.is_none() && note.closed.is_none()) && !pass.adopt(summary)?
            }
            _ => false,
        };
        if is_undecided {
            pass.consider(summary)?;
        }
    }
    pass.answer_owed()?;
    pass.consents_of_interval()?;
    Ok((pass.tally, (pass.budget.head(), pass.outgoing.head())))
}

/// The queries that this site has still to decide about or to answer, as the service lists them, by request: believed for
/// where to look only.
fn queries(pass: &Pass<'_>) -> Result<BTreeMap<Digest, QuerySummary>, Failure> {
    let filter = QueryFilter { open_for: Some(pass.home.site().to_owned()), ..QueryFilter::default() };
    let queries = pass.link.client().all_queries(&filter, MOST_QUERIES)?;
    Ok(queries.into_iter().map(|query| (query.request, query)).collect())
}

fn finished(tally: Tally, (budget_head, outgoing_head): Heads) -> Outcome {
    let Tally { accepted, held, released, failed } = tally;
    let json = json!({
        "event": "done", "accepted": accepted, "held": held, "released": released, "failed": failed,
        "budget_head": budget_head, "outgoing_head": outgoing_head,
    });
    let text = format!(
        "Accepted {accepted}, answered {released}, {held} wait for a person since now.\n\
         Note elsewhere: the budget ends with {budget_head},\n  the record of what left with {outgoing_head}.\n"
    );
    if failed == 0 {
        return Ok(Report::new(text, json));
    }
    Err(Failure::refused(format!("{failed} did not go as they should; see above, and cohortium-prover status"))
        .with(json))
}
