//! `policy`: the site's floor. Without one nothing is released.

use cohortium_protocol::policy::{PRESETS, PolicyError, Preset};
use serde_json::json;

use super::read;
use crate::cli::{Outcome, PolicyArgs, Report, Setting};
use crate::store::Access;

pub(crate) fn run(setting: &Setting, args: &PolicyArgs) -> Outcome {
    if args.list {
        let line = |preset: &Preset| format!("{}. {}\n", preset.describe(), preset.differs);
        let text: String = PRESETS.iter().map(line).collect();
        let list = PRESETS
            .iter()
            .map(|preset| json!({ "name": preset.name, "policy": preset.policy(), "differs": preset.differs }));
        return Ok(Report::new(text, json!({ "presets": list.collect::<Vec<_>>() })));
    }
    let new = read::policy(args.set.as_deref(), args.preset.as_deref())?;
    let home = setting.open(if new.is_some() { Access::Write } else { Access::Read })?;
    if let Some(new) = &new {
        home.set_floor(new)?;
    }
    let floor = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" })?;
    let word = if new.is_some() { "The policy floor is now" } else { "The policy floor is" };
    let mut text = format!("{word}: {}.\nIts digest is {}.\n", floor.describe(), floor.digest());
    if new.is_some() {
        text.push_str("Requests that pin an older floor will be refused. Publish the new one.\n");
    }
    Ok(Report::new(text, json!({ "policy": floor, "digest": floor.digest() })))
}
