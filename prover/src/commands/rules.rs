//! `rules`: which queries are accepted without asking a person.

use serde_json::json;

use super::read;
use crate::cli::{Outcome, Report, RulesArgs, Setting};
use crate::store::{Access, Rules};

pub(crate) fn run(setting: &Setting, args: &RulesArgs) -> Outcome {
    let new = args.set.as_deref().map(|path| read::document(path, Rules::parse)).transpose()?;
    let home = match &new {
        Some(rules) => {
            let home = setting.open_patiently()?;
            home.set_rules(rules)?;
            home
        }
        None => setting.open(Access::Read)?,
    };
    let (rules, accepted) = (home.rules()?, home.accepted_by_rule()?);
    Ok(Report::new(rules.describe(&accepted), json!({ "rules": rules, "accepted": accepted })))
}
