//! `pause` and `resume`.

use cohortium_protocol::text::is_line;
use serde_json::json;

use crate::cli::{Failure, Outcome, PauseArgs, Report, Setting};
use crate::store::{Access, Paused};

/// Characters of a reason at most.
const MAX_REASON: usize = 500;

pub(crate) fn pause(setting: &Setting, args: &PauseArgs) -> Outcome {
    // Without the lock: a pause must not have to wait for a proof.
    let home = setting.open(Access::Read)?;
    if !is_line(&args.because, MAX_REASON) {
        return Err(Failure::refused(format!(
            "the reason has to be one line of 1 to {MAX_REASON} printable characters, no space at either end"
        )));
    }
    let paused = Paused::new(setting.now(), args.because.clone());
    home.pause(&paused)?;
    let text = "Paused: nothing new is accepted; what is accepted is finished. End it with: cohortium-prover resume\n";
    Ok(Report::new(text, json!({ "paused": paused })))
}

pub(crate) fn resume(setting: &Setting) -> Outcome {
    let home = setting.open(Access::Read)?;
    let was = home.paused()?;
    home.resume()?;
    let text = if was.is_some() { "The pause has ended.\n" } else { "There was no pause.\n" };
    Ok(Report::new(text, json!({ "paused": null, "was_paused": was })))
}
