//! The ledger's home: a folder with the charter, the operator's key, the block log and its index.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use cohortium_keys::VerifyingKey;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::MAX_CHARTER_BYTES;
use cohortium_protocol::ledger::MemberKey;
use cohortium_verifier::ledger::Founding;
use zeroize::Zeroizing;

use super::error::HomeError;
use crate::store::BlockLog;

/// The charter's file.
const CHARTER_FILE: &str = "charter.json";
/// The operator's key's file.
const KEY_FILE: &str = "operator.key";
/// The block log's folder.
const LOG_FOLDER: &str = "log";
/// The index's folder.
const INDEX_FOLDER: &str = "index";
/// No key file is longer.
const MAX_KEY_BYTES: u64 = 4096;

/// A home with its charter and the operator's key.
#[derive(Debug)]
pub struct Home {
    folder: PathBuf,
    charter: Charter,
    key: MemberKey,
}

pub(super) fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |error| HomeError::File { path, doing, reason: error.to_string() }
}

/// Reads a member's key file, which nobody else may read: the member's name and the key.
pub fn read_key(path: &Path) -> Result<(String, MemberKey), HomeError> {
    let found = fs::metadata(path).map_err(failed("read", path))?;
    check_mode(path, &found)?;
    if found.len() > MAX_KEY_BYTES {
        let source = cohortium_protocol::ledger::KeyFileError::Form;
        return Err(HomeError::Key { path: path.to_owned(), source });
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read", path))?);
    MemberKey::parse_file(&text).map_err(|source| HomeError::Key { path: path.to_owned(), source })
}

#[cfg(unix)]
fn check_mode(path: &Path, found: &fs::Metadata) -> Result<(), HomeError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        return Err(HomeError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Writes a file that only its owner may read, where none is, and brings it to the disk.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> Result<(), HomeError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(failed("write", path))
}

/// Writes a file where none is, and brings it to the disk.
pub(crate) fn write_new(path: &Path, content: &[u8]) -> Result<(), HomeError> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(failed("write", path))
}

/// Reads a charter file.
pub(crate) fn read_charter(path: &Path) -> Result<Charter, HomeError> {
    let source = |source| HomeError::Charter { path: path.to_owned(), source };
    let length = fs::metadata(path).map_err(failed("read", path))?.len();
    if length > MAX_CHARTER_BYTES as u64 {
        let found = usize::try_from(length).unwrap_or(usize::MAX);
        return Err(source(cohortium_protocol::ledger::CharterError::Size { found }));
    }
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    Charter::parse(&text).map_err(source)
}

fn check_operator(charter: &Charter, member: &str, key: &MemberKey) -> Result<(), HomeError> {
    let found = key.public();
    match charter.operator() {
        Some(operator) if operator.name == member && operator.key == found => Ok(()),
        operator => Err(HomeError::NotOperator {
            member: member.to_owned(),
            found: found.to_string(),
            operator: operator.map_or_else(String::new, |operator| operator.name.clone()),
            required: operator.map_or_else(String::new, |operator| operator.key.to_string()),
        }),
    }
}

/// Founds a ledger: makes its home, whole or not at all. A folder of the home's name with `.new` after it is what an
/// earlier attempt left, and is cleared away.
pub fn found(
    folder: &Path,
    charter: &Charter,
    member: &str,
    key: &MemberKey,
    verifying_keys: &[VerifyingKey],
) -> Result<Home, HomeError> {
    check_operator(charter, member, key)?;
    let founding = Founding::new(charter.clone(), verifying_keys);
    founding.found().map_err(Box::new)?;
    let there = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(failed("read the folder", folder)(error)),
    };
    if there {
        return Err(HomeError::Exists { path: folder.to_owned() });
    }
    let name = folder.file_name().ok_or_else(|| HomeError::Path { path: folder.to_owned() })?;
    let mut name = name.to_owned();
    name.push(".new");
    let new = folder.with_file_name(name);
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &new)(error)),
        _ => {}
    }
    fs::create_dir_all(&new).map_err(failed("make the folder", &new))?;
    // A structure with text keys: writing it to memory does not fail.
    let text = serde_json::to_string_pretty(charter).unwrap_or_default() + "\n";
    write_new(&new.join(CHARTER_FILE), text.as_bytes())?;
    write_secret(&new.join(KEY_FILE), key.to_file(member).as_bytes())?;
    let record = serde_json::to_vec(&founding).unwrap_or_default();
    let mut log = BlockLog::create(&new.join(LOG_FOLDER), charter.digest())?;
    log.append(&[&record])?;
    drop(log);
    sync_folder(&new)?;
    // Takes the place of an empty folder, and of nothing else.
    fs::rename(&new, folder).map_err(failed("put the new ledger at", folder))?;
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(above)?;
    Home::open(folder)
}

fn sync_folder(path: &Path) -> Result<(), HomeError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("bring to the disk the folder", path))
}

impl Home {
    /// Opens a home. A part that is missing beside others is a loss, never a reason to begin anew.
    pub fn open(folder: &Path) -> Result<Self, HomeError> {
        let missing = |name: &str| !folder.join(name).exists();
        let parts = [CHARTER_FILE, KEY_FILE, LOG_FOLDER];
        if parts.iter().all(|part| missing(part)) && missing(INDEX_FOLDER) {
            return Err(HomeError::Missing { path: folder.to_owned() });
        }
        if let Some(part) = parts.iter().find(|part| missing(part)) {
            return Err(HomeError::Incomplete { path: folder.join(part) });
        }
        let charter = read_charter(&folder.join(CHARTER_FILE))?;
        let (member, key) = read_key(&folder.join(KEY_FILE))?;
        check_operator(&charter, &member, &key)?;
        Ok(Self { folder: folder.to_owned(), charter, key })
    }

    /// The charter.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The operator's key.
    pub(super) fn key(&self) -> &MemberKey {
        &self.key
    }

    /// The operator's key, and nothing else.
    pub(super) fn into_key(self) -> MemberKey {
        self.key
    }

    /// The block log's folder.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(LOG_FOLDER)
    }

    /// The index's folder.
    pub(super) fn index(&self) -> PathBuf {
        self.folder.join(INDEX_FOLDER)
    }
}
