//! `accept` and `decline`: a person's decision.

use cohortium_protocol::documents::{Approval, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::MAX_REASON;
use cohortium_protocol::text::is_line;
use serde_json::json;

use super::consider::Looked;
use super::pass::Pass;
use crate::cli::{AcceptArgs, DeclineArgs, Failure, Outcome, Report, Setting};
use crate::store::{By, Claim, Decided, Note};

/// A query that nobody decided, as sponsor and board signed it, and the note about it. It is the one that was named, by its
/// transaction or by its request: whoever decides, decides about what they looked at.
fn undecided(pass: &mut Pass<'_>, query: &Digest) -> Result<(Note, Request, Approval), Failure> {
    let summary = pass.link.client().query(query)?.summary;
    if summary.id != *query && summary.request != *query {
        return Err(Failure::refused(format!(
            "asked for the query {query}, the ledger gives the query {} with the request {}; nothing was posted",
            summary.id, summary.request
        )));
    }
    let known = pass.known(&summary)?;
    if known.0.decision.is_some() || known.0.closed.is_some() {
        return Err(Failure::refused(format!("this query is decided, which is final: {}", known.0.words())));
    }
    Ok(known)
}

pub(crate) fn accept(setting: &Setting, args: &AcceptArgs) -> Outcome {
    let mut pass = Pass::begin(setting, Some(Claim::None))?;
    let (mut note, request, approval) = undecided(&mut pass, &args.query)?;
    if let Some(why) = pass.not_in_force(&request.approval)? {
        return Err(Failure::refused(format!("the study's approval is not in force, and nobody can accept: {why}")));
    }
    let mut shown = String::new();
    let looked = pass.look(&request, &approval, &mut |text| {
        text.clone_into(&mut shown);
        Ok(())
    })?;
    if let Looked::Hold { private, acceptable: false, .. } = looked {
        return Err(Failure::refused(format!("the site's own check does not pass, and nobody can accept: {private}")));
    }
    setting.console.preview(&shown);
    if let Looked::Hold { private, .. } = looked {
        setting.console.note(&format!("It waited for a person because: {private}"));
    }
    if !args.yes {
        if !setting.console.has_person() {
            return Err(Failure::cannot_tell("nobody is at the terminal to confirm; look at it, then use --yes"));
        }
        if !setting.console.confirm("\nAccept? It is final, and the next run answers.") {
            return Err(Failure::refused("you did not confirm; nothing was posted"));
        }
    }
    pass.accept(&mut note, By::Person)?;
    ended(&note, "Accepted; the next run answers it.")
}

pub(crate) fn decline(setting: &Setting, args: &DeclineArgs) -> Outcome {
    if !is_line(&args.because, MAX_REASON) {
        return Err(Failure::refused(format!(
            "the reason has to be one line of 1 to {MAX_REASON} printable characters, no space at either end"
        )));
    }
    let mut pass = Pass::begin(setting, None)?;
    let (mut note, ..) = undecided(&mut pass, &args.query)?;
    note.decision = Some(Decided::Declined { reason: args.because.clone() });
    pass.home.keep_note(&note)?;
    pass.post_decision(&mut note)?;
    ended(&note, "Declined, for everybody to see.")
}

fn ended(note: &Note, sentence: &str) -> Outcome {
    if let Some(why) = &note.closed {
        return Err(Failure::refused(why));
    }
    let json = json!({ "query": note.query, "request": note.request, "acknowledged": note.acknowledged });
    Ok(Report::new(format!("{sentence}\n"), json))
}
