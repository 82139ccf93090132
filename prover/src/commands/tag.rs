//! `tag`: a patient's card.

use std::io::BufRead;

use serde_json::json;
use zeroize::Zeroizing;

use crate::cli::{Failure, Outcome, Report, Setting, TagArgs};
use crate::store::{Access, TableFolder};

pub(crate) fn run(setting: &Setting, args: &TagArgs) -> Outcome {
    let home = setting.open(Access::Read)?;
    let tables = TableFolder::find(&home, args.table.as_deref())?;
    let version = tables.version(None)?;
    let patient = identifier(&args.patient)?;
    let tagger = version.tagger(&home)?;
    let (secret, tag) = (tagger.secret(&patient), tagger.tag(&patient));
    let table = version.table()?;
    let limbs = tag.limbs();
    let in_table =
        (0..table.rows()).any(|row| table.tags().iter().zip(limbs).all(|(column, limb)| column[row] == limb));
    let (name, number) = (&version.record().table, version.record().version);
    let found = if in_table { "The patient is in" } else { "No patient of this identifier is in" };
    let card = secret.to_card();
    let text = format!(
        "For the patient alone. Whoever has the secret can find the patient's row in a receipt.\n\n  \
         site    {}\n  table   {name}\n  secret  {}\n  tag     {}\n\n{found} version {number} of the table.\n",
        home.site(),
        *card,
        tag.to_hex()
    );
    let json = json!({
        "site": home.site(),
        "table": name,
        "version": number,
        "secret": *card,
        "tag": tag.to_hex(),
        "in_table": in_table,
    });
    Ok(Report::new(text, json))
}

/// The identifier, from the argument or the standard input; trimmed, as the import does.
pub(super) fn identifier(argument: &str) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(argument.to_owned());
    if argument == "-" {
        text.clear();
        let read = std::io::stdin().lock().read_line(&mut text);
        read.map_err(|error| Failure::cannot_tell(format!("cannot read the patient's identifier: {error}")))?;
    }
    let trimmed = Zeroizing::new(text.trim().to_owned());
    if trimmed.is_empty() { Err(Failure::cannot_tell("the patient's identifier is empty")) } else { Ok(trimmed) }
}
