//! `results`: fetches every site's bundle, verifies it against the pinned charter, and shows what verified.
//!
//! No number is taken from the service's own results: cells come out of the verifier, and statistics are worked out here.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{StatementContent, transaction_id};
use cohortium_protocol::results::{QueryResults, SiteAnswer};
use cohortium_verifier::ledger::SiteStatus;
use cohortium_verifier::{Anchors, Known, Verdict, VerifiedRelease, audit, verify_release};
use serde_json::{Value, json};

use super::super::args::ResultsArgs;
use super::super::{Failure, Outcome, Report, Setting, setting};
use super::{anchors, show};
use crate::files;
use crate::files::Readers;
use crate::retry::RetryPolicy;
use crate::trusted::TrustedLedger;

/// What became of one site's answer.
struct Checked {
    site: String,
    /// The verdict in a word.
    verdict: &'static str,
    /// Why, in a sentence.
    reason: String,
    /// The bundle's digest.
    bundle: Option<Digest>,
    /// The exit code that it comes to.
    exit: u8,
}

/// A bundle that verified, and what it showed.
struct Verified {
    bundle: Bundle,
    release: VerifiedRelease,
    id: Digest,
}

pub(crate) fn run(setting: &Setting, args: &ResultsArgs) -> Outcome {
    let id = setting::digest("a query's id", &args.id)?;
    let mut trusted = setting.trusted()?;
    let (request, query) = trusted.verified_query(&id)?;
    let id = query.transaction.id();
    // Which sites have answered is the ledger's word; what they answered is not.
    let detail = trusted.client().query(&id)?;
    let charter = trusted.charter().clone();
    let keys = anchors::fetch(trusted.client(), &charter)?;
    let (_, anchors) = anchors::make(&charter, keys)?;

    let (mut checked, mut verified, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for pin in &request.sites {
        let site = &pin.site;
        let status = detail.summary.sites.get(site).map(|worded| &worded.state);
        if let Some(SiteStatus::Answered { .. }) = status {
            let (report, release) = check(&mut trusted, &anchors, &request, &id, site);
            if let Some(release) = release {
                verified.push(release);
            }
            checked.push(report);
        } else {
            states.push((site.clone(), state(status)));
        }
    }
    setting.keep(&trusted)?;
    let exit = checked.iter().map(|site| site.exit).fold(0, worse);
    let Some(first) = verified.first() else {
        return Ok(nothing(&detail.summary.status.state.to_string(), &checked, &states, exit));
    };

    let refuse = |error| Failure::refused(format!("the verified cells make no results: {error}"));
    let (plan, schema) = (first.release.plan(), &first.bundle.schema);
    let mut results = QueryResults::new(plan, schema, id, &first.bundle.approval.study).map_err(refuse)?;
    // By name, as the service orders them: both documents can be compared.
    let mut sites: Vec<&str> = request.sites.iter().map(|pin| pin.site.as_str()).collect();
    sites.sort_unstable();
    for site in sites {
        if let Some(Verified { bundle, release, id }) = verified.iter().find(|site_of| site_of.bundle.site == site) {
            results
                .add_answered(&bundle.site, *id, release.release_policy().clone(), release.cells())
                .map_err(refuse)?;
        } else if let Some((site, answer)) = states.iter().find(|(name, _)| name == site) {
            results.add_state(site, answer.clone()).map_err(refuse)?;
        }
    }
    if let Some(path) = &args.csv {
        files::write(path, results.to_csv().as_bytes(), Readers::Anyone)?;
    }
    let size = trusted.checkpoint().map_or(0, |checkpoint| checkpoint.size);
    let citation = results.citation(trusted.ledger(), size);
    let development = verified.iter().any(|site| site.release.key_kind() == cohortium_keys::KeyKind::Development);
    let mut text = verdicts(&checked, &states);
    if development {
        text.push_str("TRIAL: a development key was used, whose maker could forge; the charter accepts it.\n");
    }
    if exit != 0 {
        text.push_str("Sites whose answer did not verify are left out of everything below.\n");
    }
    text.push('\n');
    text.push_str(&show::results(&results));
    if let Some(path) = &args.csv {
        text.push_str(&format!("\nWritten to {}.\n", path.display()));
    }
    text.push_str(&format!("\nCite as: {citation}\n"));
    let json = json!({
        "id": id,
        "verdicts": verdicts_json(&checked),
        "development_key": development,
        "results": super::value(&results),
        "citation": citation,
        "csv": args.csv,
    });
    Ok(Report::new(text, json).exiting(exit))
}

/// A failed check weighs more than something that could not be told.
fn worse(one: u8, other: u8) -> u8 {
    match (one, other) {
        (1, _) | (_, 1) => 1,
        (one, other) => one.max(other),
    }
}

/// Fetches and verifies one site's bundle. What goes wrong with one never hides the others.
fn check(
    trusted: &mut TrustedLedger,
    anchors: &Anchors,
    request: &Request,
    query: &Digest,
    site: &str,
) -> (Checked, Option<Verified>) {
    let report = |verdict: Verdict, reason: String, bundle| Checked {
        site: site.to_owned(),
        verdict: verdict.words(),
        reason,
        bundle,
        exit: verdict.exit_status(),
    };
    let body = match RetryPolicy::default().run(|| trusted.client().bundle(query, site)) {
        Ok(body) => body,
        Err(error) => return (report(Verdict::NotCovered, format!("not fetched: {error}"), None), None),
    };
    let digest = Some(Digest::of_bytes(&body));
    let bundle = match Bundle::parse(&body) {
        Ok(bundle) => bundle,
        Err(error) => return (report(Verdict::Fails, error.to_string(), digest), None),
    };
    if bundle.site != site {
        let reason = format!("the ledger gives the bundle of {:?} in its place", bundle.site);
        return (report(Verdict::Fails, reason, digest), None);
    }
    let found = audit(&bundle, &body, anchors, &Known { request: Some(request.digest()), asked_on: None });
    if found.verdict != Verdict::Holds {
        let bad = found.guarantees.iter().find(|guarantee| guarantee.verdict == found.verdict);
        let reason = bad.map_or_else(|| "no reason given".to_owned(), |guarantee| guarantee.reason.clone());
        return (report(found.verdict, reason, digest), None);
    }
    // The evidence is under a checkpoint of the operator's; that has to be of the history that everything else is of.
    let note = bundle.ledger.as_ref().map(|evidence| evidence.checkpoint.clone()).unwrap_or_default();
    if let Err(error) = trusted.check_note(&note) {
        let verdict = if error.is_false() { Verdict::Fails } else { Verdict::NotCovered };
        return (report(verdict, error.to_string(), digest), None);
    }
    let release = match verify_release(&bundle, anchors) {
        Ok(release) => release,
        Err(error) => return (report(Verdict::Fails, error.to_string(), digest), None),
    };
    let content = StatementContent::Release { request: request.digest(), cells: bundle.proof.cells_digest() };
    let id = transaction_id(trusted.ledger(), site, &content.digest());
    let reason = "verified: proof, approval, consent epoch, place on the ledger".to_owned();
    (report(Verdict::Holds, reason, digest), Some(Verified { bundle, release, id }))
}

/// What the ledger says of a site that has not answered.
fn state(status: Option<&SiteStatus>) -> SiteAnswer {
    match status {
        Some(SiteStatus::Declined { reason, .. }) => SiteAnswer::Declined { because: reason.clone() },
        Some(SiteStatus::Accepted { .. }) => SiteAnswer::Accepted {},
        Some(SiteStatus::WithheldAfterAcceptance { .. }) => SiteAnswer::WithheldAfterAcceptance {},
        Some(SiteStatus::AwaitingBeacon { .. }) => SiteAnswer::AwaitingBeacon {},
        Some(SiteStatus::Void { reason, .. }) => SiteAnswer::Void { because: reason.clone() },
        Some(SiteStatus::Expired { .. }) => SiteAnswer::Expired {},
        Some(SiteStatus::AwaitingApproval { .. }) => SiteAnswer::AwaitingApproval {},
        // One that has answered does not come here; of one that the ledger says nothing about, nothing is known but that
        // it was asked.
        Some(SiteStatus::Submitted { .. } | SiteStatus::Answered { .. }) | None => SiteAnswer::Submitted {},
    }
}

fn verdicts(checked: &[Checked], states: &[(String, SiteAnswer)]) -> String {
    let mut text = "Checked here, against your charter:\n".to_owned();
    for Checked { site, verdict, reason, .. } in checked {
        text.push_str(&format!("  {site}: {} - {reason}\n", verdict.to_uppercase()));
    }
    for (site, answer) in states {
        text.push_str(&format!("  {site}: no answer (by the ledger's word: {})\n", answer.words()));
    }
    text
}

fn verdicts_json(checked: &[Checked]) -> Vec<Value> {
    let entry = |Checked { site, verdict, reason, bundle, .. }: &Checked| json!({ "site": site, "verdict": verdict, "reason": reason, "bundle": bundle });
    checked.iter().map(entry).collect()
}

/// There is nothing to show.
fn nothing(status: &str, checked: &[Checked], states: &[(String, SiteAnswer)], exit: u8) -> Report {
    let text = format!("{}\nNothing can be shown. The query is {status}.\n", verdicts(checked, states));
    let json = json!({ "verdicts": verdicts_json(checked), "status": status, "results": null });
    Report::new(text, json).exiting(exit.max(if checked.is_empty() { 2 } else { exit }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_without_an_answer_is_in_the_state_that_the_ledger_says() {
        let time = cohortium_protocol::ledger::Timestamp::from_unix(1_795_600_000);
        let reason = || "the data officer is away".to_owned();
        for status in [
            SiteStatus::Submitted { until: time },
            SiteStatus::AwaitingApproval { reason: reason(), until: time },
            SiteStatus::Accepted { until: time },
            SiteStatus::Declined { reason: reason(), at: time },
            SiteStatus::WithheldAfterAcceptance { since: time },
            SiteStatus::AwaitingBeacon { until: time },
            SiteStatus::Void { since: time, reason: reason() },
            SiteStatus::Expired { since: time },
        ] {
            let said = serde_json::to_value(&status).unwrap();
            assert_eq!(said["state"], state(Some(&status)).state());
        }
        assert_eq!(state(None).state(), "submitted", "asked, and nothing more is known");
    }
}
