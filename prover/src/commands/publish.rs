//! `publish`: the site's public documents, in a folder to hand round.

use cohortium_protocol::policy::PolicyError;
use serde_json::json;

use super::public::PublicFolder;
use crate::cli::{Outcome, PublishArgs, Report, Setting};
use crate::store::{Access, TableFolder};

pub(crate) fn run(setting: &Setting, args: &PublishArgs) -> Outcome {
    let home = setting.open(Access::Read)?;
    let tables = TableFolder::find(&home, args.table.as_deref())?;
    let (version, committed, number) = tables.active()?;
    let epoch = version.epoch(number, &committed.manifest)?;
    let floor = home.floor()?.ok_or(PolicyError::Absent { whose: "the site" })?;
    let folder =
        PublicFolder { schema_text: version.schema_text()?, manifest: committed.manifest, epoch: epoch.epoch, floor };
    folder.write(&args.out, &committed.points, &epoch.points)?;
    let text = format!(
        "Wrote the public documents of {:?} to {}:\n  manifest     {}\n  epoch        {}\n  policy floor {}\n  schema       {}\n\
         A board should have these digests from you by another way than this folder.\n",
        home.site(),
        args.out.display(),
        folder.manifest.digest(),
        folder.epoch.digest(),
        folder.floor.digest(),
        folder.manifest.schema()
    );
    let json = json!({
        "site": home.site(),
        "out": args.out,
        "table": folder.manifest.table(),
        "version": folder.manifest.version(),
        "manifest": folder.manifest.digest(),
        "epoch": folder.epoch.digest(),
        "policy_floor": folder.floor.digest(),
        "schema": folder.manifest.schema(),
        "shape": folder.manifest.shape().name,
    });
    Ok(Report::new(text, json))
}
