//! `key`: a member's key.

use cohortium_protocol::ledger::MemberKey;
use rand::rngs::OsRng;
use serde_json::json;

use super::super::args::KeyArgs;
use super::super::{Failure, Outcome, Report, Setting};
use crate::key_file;

pub(crate) fn run(setting: &Setting, args: &KeyArgs) -> Outcome {
    let name = setting.name.as_deref().ok_or_else(|| {
        Failure::cannot_tell("whose key is it? Give the member's name with --name, as it shall stand in the charter")
    })?;
    let key = MemberKey::draw(&mut OsRng);
    key_file::write(&args.out, name, &key)?;
    let public = key.public();
    let text = format!(
        "The key of {name:?} is in {}. Keep it to yourself, and keep a copy in a safe place: it cannot be had again.\nPublic \
         key, for the charter: {public}\n",
        args.out.display()
    );
    Ok(Report::new(text, json!({ "member": name, "key": public, "out": args.out })))
}
