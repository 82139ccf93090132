//! Members' key files on the disk: for their owner alone, written whole and once, never printed.

use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use cohortium_protocol::ledger::{KeyFileError, MemberKey};
use zeroize::Zeroizing;

use crate::files;
use crate::files::{FileError, Readers};

/// A key's file is far smaller.
const MAX_KEY_FILE_BYTES: u64 = 4096;

/// Why a key's file cannot be used. Never repeats the secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyStoreError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Others may read or change it.
    #[error(
        "{path} holds a secret key, and its permissions are {mode:04o}: others than its owner may use it. Make it its \
         owner's alone (chmod 600 {path}); if others could have read it, have the key replaced in the charter"
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Not a plain file.
    #[error("{path} is not a plain file; a key is kept in one")]
    Kind {
        /// The path.
        path: PathBuf,
    },
    /// Not a key's file.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyFileError,
    },
}

/// Reads a member's key: the member's name and the key. Refused if others than the owner may read or write the file.
pub fn read(path: &Path) -> Result<(String, MemberKey), KeyStoreError> {
    let wrong = |doing, error: &std::io::Error| files::failed(doing, path, error);
    // The open file is asked, not the path: it cannot be exchanged in between.
    let mut file = File::open(path).map_err(|error| wrong("read", &error))?;
    let metadata = file.metadata().map_err(|error| wrong("read", &error))?;
    if !metadata.is_file() {
        return Err(KeyStoreError::Kind { path: path.to_owned() });
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyStoreError::Permissions { path: path.to_owned(), mode });
        }
    }
    let bytes = Zeroizing::new(files::read_open(&mut file, path, MAX_KEY_FILE_BYTES)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| FileError::Text { path: path.to_owned() })?;
    MemberKey::parse_file(text).map_err(|source| KeyStoreError::Content { path: path.to_owned(), source })
}

/// Writes a member's key to a new file, for its owner alone. A file that is there is never replaced: a key that is lost
/// cannot be had again.
pub fn write(path: &Path, member: &str, key: &MemberKey) -> Result<(), KeyStoreError> {
    let text = key.to_file(member);
    // Read again first: a name that the reader would refuse is refused now.
    MemberKey::parse_file(&text).map_err(|source| KeyStoreError::Content { path: path.to_owned(), source })?;
    Ok(files::write_new(path, text.as_bytes(), Readers::Owner)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_once_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sponsor.key");
        let key = MemberKey::from_bytes(&[9; 32]);
        write(&path, "Example Sponsor", &key).unwrap();
        let (member, again) = read(&path).unwrap();
        assert_eq!((member.as_str(), again.public()), ("Example Sponsor", key.public()));
        assert!(matches!(write(&path, "Other", &key), Err(KeyStoreError::File(FileError::Exists { .. }))));
        let bad = write(&folder.path().join("b.key"), " bad", &key).unwrap_err();
        assert!(bad.to_string().contains("one line of 1 to 120"), "{bad}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_must_not_be_able_to_use_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sponsor.key");
        write(&path, "Example Sponsor", &MemberKey::from_bytes(&[9; 32])).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o620, 0o602, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let refused = read(&path).unwrap_err().to_string();
            assert!(refused.contains(&format!("are {mode:04o}: others")) && !refused.contains("0909"), "{refused}");
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        read(&path).unwrap();
        assert!(matches!(read(folder.path()), Err(KeyStoreError::Kind { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "{\"secret\": \"0909\"}").unwrap();
        let refused = read(&path).unwrap_err().to_string();
        assert!(refused.contains("not a member's key file") && !refused.contains("0909"), "{refused}");
    }
}
