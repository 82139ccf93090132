//! `init`: a site's folder and its master secret.

use rand::rngs::OsRng;
use serde_json::json;

use super::read;
use crate::cli::{InitArgs, Outcome, Report, Setting};
use crate::store::{Home, Init};

pub(crate) fn run(setting: &Setting, args: &InitArgs) -> Outcome {
    let root = setting.home_folder()?;
    let floor = read::policy(args.policy.as_deref(), args.preset.as_deref())?;
    let init = Init { site: &args.site, approval_share: args.share, floor: floor.as_ref() };
    let home = Home::init(&root, &init, &mut OsRng)?;
    let policy = match &floor {
        Some(floor) => format!("Policy floor: {}.", floor.describe()),
        None => {
            "There is no policy floor yet, and without one nothing is released; set one with: cohortium-prover policy"
                .to_owned()
        }
    };
    let text = format!(
        "Made the site {:?} in {}.\n{policy}\n\
         One approval may have each column opened {} times.\n\
         Back up this folder, above all master.secret, and let nobody read it: without it no committed table can be\n\
         queried again, with it guesses about patients can be tested.\n",
        home.site(),
        root.display(),
        home.approval_share()
    );
    Ok(Report::new(text, json!({ "site": home.site(), "home": root, "policy": floor, "approval_share": args.share })))
}
