//! `backup` and `restore`.

use serde_json::json;

use crate::cli::{BackupArgs, Outcome, Report, RestoreArgs, Setting};
use crate::store::backup;

pub(crate) fn backup(setting: &Setting, args: &BackupArgs) -> Outcome {
    let home = setting.open_patiently()?;
    let written = backup::write(&home, &args.out, setting.now())?;
    let head = &written.head;
    let text = format!(
        "Backed up {:?}: {} files in {}.\n  digest of the backup       {}\n  budget, {} records         {}\n  what left, {} records      {}\n\
         It holds the master secret, the rows and the member key in plain: keep it as you keep the site itself.\n\
         After every later proof, note the budget's last digest elsewhere: a restored home asks for it.\n",
        head.site,
        written.files(),
        args.out.display(),
        written.digest,
        head.budget.records,
        head.budget.digest,
        head.outgoing.records,
        head.outgoing.digest
    );
    let json = json!({
        "site": head.site, "out": args.out, "digest": written.digest, "files": written.files(),
        "budget": head.budget, "outgoing": head.outgoing, "created": head.created,
    });
    Ok(Report::new(text, json))
}

pub(crate) fn restore(setting: &Setting, args: &RestoreArgs) -> Outcome {
    let root = setting.home_folder()?;
    let restored = backup::restore(&args.file, &root, setting.now())?;
    let head = &restored.head;
    let text = format!(
        "Made {:?} again in {}, as it was at {}.\n  digest of the backup       {}\n  budget, {} records         {}\n\
         It is PAUSED. What was opened after the backup is not in it, and so:\n\
         - the first proof needs the budget's last digest, as you noted it elsewhere: run --once --budget-head DIGEST;\n\
         - without that note, --budget-head-lost gives up every table version and epoch: import and commit anew;\n\
         - make sure that the home this was a backup of is never used again: two homes of one site open columns twice.\n",
        head.site,
        root.display(),
        head.created,
        restored.digest,
        head.budget.records,
        head.budget.digest
    );
    let json = json!({
        "site": head.site, "home": root, "backup": restored.digest, "created": head.created, "budget": head.budget,
        "outgoing": head.outgoing, "files": restored.files(),
    });
    Ok(Report::new(text, json))
}
