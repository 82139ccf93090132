//! What `approve` and `suspend` share: who signs, and where the signed transaction goes.

use std::path::PathBuf;

use cohortium_protocol::ledger::{Charter, MemberKey, Role, Statement, Transaction};
use cohortium_protocol::text::shown;

use super::args::SignArgs;
use super::read;
use crate::file;

/// A board of a charter with its key.
pub(super) struct Signer<'a> {
    /// The charter.
    pub(super) charter: Charter,
    pub(super) name: String,
    pub(super) key: MemberKey,
    args: &'a SignArgs,
}

impl<'a> Signer<'a> {
    /// Reads key and charter, and finds the board there. `more` are other files that are read.
    pub(super) fn new(args: &'a SignArgs, more: &[&PathBuf]) -> Result<Self, String> {
        let inputs = [&args.key, &args.charter].into_iter().chain(more.iter().copied());
        file::check_place("--out", &args.out, inputs).map_err(|error| error.to_string())?;
        let charter = read::document(&args.charter, Charter::parse)?;
        check_private(&args.key)?;
        let (name, key) = read::document(&args.key, MemberKey::parse_file)?;
        let member = charter
            .member(&name)
            .ok_or_else(|| format!("{}: the charter names no member {name:?}", args.charter.display()))?;
        if member.role != Role::Board {
            let role = member.role.name();
            return Err(format!(
                "{name:?} has the role {role} in the charter; studies are for a board to approve and to suspend"
            ));
        }
        if member.key != key.public() {
            let (found, required) = (key.public(), member.key);
            return Err(format!("the key's public half is {found}; the charter has {required} for {name:?}"));
        }
        Ok(Self { charter, name, key, args })
    }

    /// Signs, checks the form, writes the transaction, and says what to do with it.
    pub(super) fn sign(&self, statement: Statement) -> Result<(), String> {
        let transaction = Transaction::sign(&self.charter.ledger(), &self.name, statement, &self.key);
        transaction.check().map_err(|error| error.to_string())?;
        let text = serde_json::to_string_pretty(&transaction).map_err(|error| error.to_string())? + "\n";
        let out = &self.args.out;
        file::write_whole("--out", out, text.as_bytes()).map_err(|error| error.to_string())?;
        println!("Signed as {}: transaction {} in {}.", shown(&self.name), transaction.id(), out.display());
        println!("It counts once it is on the ledger. Post it from any machine, as often as needed:");
        println!("  curl --fail-with-body --header 'content-type: application/json' \\");
        println!("       --data-binary @{} LEDGER/v1/transactions", out.display());
        println!("with the ledger's address in the place of LEDGER.");
        Ok(())
    }
}

/// Refuses a key's file that others may read: it is nobody's secret any more.
#[cfg(unix)]
fn check_private(path: &PathBuf) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("{}: others may read or change this key (mode {mode:03o}); a key's file has mode 600", path.display()))
}

/// Elsewhere the file's permissions are for its owner to see to.
#[cfg(not(unix))]
fn check_private(_: &PathBuf) -> Result<(), String> {
    Ok(())
}
