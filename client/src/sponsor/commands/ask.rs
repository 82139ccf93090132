//! `ask`: makes a request, signs it, posts it; makes it anew where something was registered meanwhile.

use std::path::PathBuf;

use cohortium_protocol::ledger::{MemberKey, Statement, Transaction};
use serde_json::json;

use super::super::args::AskArgs;
use super::super::{Failure, Outcome, Report, Setting, setting};
use super::pretty;
use super::request::{Made, make};
use crate::answers::Posted;
use crate::client::LedgerClient;
use crate::error::ClientError;
use crate::files;
use crate::files::Readers;
use crate::retry::RetryPolicy;

/// How often a request is made anew before somebody has to look.
const ATTEMPTS: u32 = 5;

pub(crate) fn run(setting: &Setting, args: &AskArgs) -> Outcome {
    let query = setting::query(&args.query)?;
    let charter = setting.charter()?;
    // A nonce of noise follows from the key.
    let member = if args.no_post && args.epsilon.is_none() { None } else { Some(setting.member(&charter)?) };
    let mut trusted = setting.trusted()?;
    let digest = setting::approval(trusted.client(), &args.approval)?;
    let (approval, _) = trusted.verified_study(&digest)?;
    setting.keep(&trusted)?;
    if let Some((name, _)) = &member
        && approval.sponsor != *name
    {
        let owner = &approval.sponsor;
        return Err(Failure::refused(format!(
            "the approval of {} is for {owner:?} to ask under, not {name:?}",
            approval.study
        )));
    }
    approval.covers(setting.now().day()).map_err(Failure::refused)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let noise = args.epsilon.zip(member.as_ref().map(|(_, key)| key));
        let made = make(&trusted, &query, &approval, &args.sites, noise)?;
        let request = &made.request;
        if let Some(out) = &args.out {
            files::write(out, &pretty(request), Readers::Anyone)?;
        }
        let Some((name, key)) = member.as_ref().filter(|_| !args.no_post) else {
            return Ok(report(&made, None, args));
        };
        let transaction = sign(trusted.ledger(), name, &made, key);
        match post(setting, trusted.client(), &transaction) {
            Ok(posted) => return Ok(report(&made, Some(&posted), args)),
            Err(Unposted::Refused(error)) if attempt < ATTEMPTS && is_conflict(&error) => {
                setting.console.note(&format!("made anew: {error}"));
            }
            Err(Unposted::Refused(error)) => return Err(error.into()),
            Err(Unposted::Unclear(failure)) => return Err(failure),
        }
    }
}

fn sign(ledger: &str, name: &str, made: &Made, key: &MemberKey) -> Transaction {
    Transaction::sign(ledger, name, Statement::Query { request: Box::new(made.request.clone()) }, key)
}

/// Whether the request is refused for something that changed while it was made.
fn is_conflict(error: &ClientError) -> bool {
    matches!(error.rule(), Some("number" | "active"))
}

/// A transaction that was not acknowledged.
pub(super) enum Unposted {
    /// The ledger says no: it is not there.
    Refused(ClientError),
    /// Nothing tells whether it is there.
    Unclear(Failure),
}

/// Posts a transaction. Where it is not clear whether that succeeded, it is kept in a file: made anew, it would be
/// another question.
pub(super) fn post(setting: &Setting, client: &LedgerClient, transaction: &Transaction) -> Result<Posted, Unposted> {
    let policy = RetryPolicy::default();
    let outcome = policy.run_with(|| client.post(transaction), &mut |wait, error| {
        setting.console.note(&format!("{error}; again in {} seconds", wait.as_secs().max(1)));
        std::thread::sleep(wait);
        true
    });
    let error = match outcome {
        Ok(posted) => return Ok(posted),
        Err(error @ ClientError::Refused(_)) if !error.is_retryable() => return Err(Unposted::Refused(error)),
        Err(error) => error,
    };
    let id = transaction.id();
    let path = PathBuf::from(format!("unposted-{}.json", id.short()));
    let kept = match files::write(&path, &pretty(transaction), Readers::Anyone) {
        Ok(()) => format!("cohortium-sponsor post {} posts it, and never twice", path.display()),
        Err(problem) => format!("it could not be kept either: {problem}"),
    };
    let sentence = format!("{error}. Nothing tells whether the transaction {id} is on the ledger: {kept}");
    Err(Unposted::Unclear(Failure::cannot_tell(sentence).with(json!({ "id": id, "kept": path }))))
}

fn report(made: &Made, posted: Option<&Posted>, args: &AskArgs) -> Report {
    let request = &made.request;
    let sites: Vec<&str> = request.sites.iter().map(|pin| pin.site.as_str()).collect();
    let mut text = format!(
        "{}\n\nRequest {} to {}, number {} under approval {}.\n",
        made.plan.explain().trim_end(),
        request.digest(),
        sites.join(", "),
        request.sequence,
        request.approval
    );
    if let Some(out) = &args.out {
        text.push_str(&format!("Written to {}.\n", out.display()));
    }
    if let Some(posted) = posted {
        text.push_str(&format!(
            "Posted as query {}\nin block {} at {}. What becomes of it: cohortium-sponsor follow {}\n",
            posted.id, posted.height, posted.time, posted.id
        ));
    }
    let json = json!({
        "id": posted.map(|posted| posted.id),
        "posted": posted,
        "request": request.digest(),
        "sequence": request.sequence,
        "plan": request.plan,
        "approval": request.approval,
        "sites": sites,
        "out": args.out,
    });
    Report::new(text, json)
}
