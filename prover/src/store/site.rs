//! The home of a site: its name, its secret, its policy floor, its lock.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use cohortium_protocol::commit::MasterSecret;
use cohortium_protocol::commit::registry::MAX_NAME_CHARS;
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::policy::{Policy, PolicyError};
use cohortium_protocol::table::PatientKey;
use cohortium_protocol::text::is_line;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::StoreError;
use super::files::{self, Readers, failed};
use crate::faults::Stage;

const SITE_FORMAT: &str = "cohortium-site/1";
const SECRET_FORMAT: &str = "cohortium-master-secret/1";
const SITE_FILE: &str = "site.json";
const SECRET_FILE: &str = "master.secret";
const POLICY_FILE: &str = "policy.json";
const FLOORS: &str = "floors";
const LOCK_FILE: &str = "lock";
const RUN_LOCK_FILE: &str = "run.lock";

/// What a site is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SiteFile {
    format: String,
    /// The site's name, as in manifests.
    pub(crate) site: String,
    /// Points of one column that one approval may have opened, in all.
    pub(crate) approval_share: u32,
    /// Tells whether the secret beside this file is this site's; says nothing about the secret.
    secret_check: Digest,
}

/// What a new site begins with.
pub(crate) struct Init<'a> {
    /// The site's name.
    pub(crate) site: &'a str,
    /// Points of one column that one approval may have opened.
    pub(crate) approval_share: u32,
    /// The policy floor, if it is decided already.
    pub(crate) floor: Option<&'a Policy>,
}

/// Whether a command changes anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// It reads; files appear whole, so no lock is needed.
    Read,
    /// It writes: one process at a time.
    Write,
}

/// A site's home. Whoever has one opened for writing is alone.
pub(crate) struct Home {
    root: PathBuf,
    site: SiteFile,
    access: Access,
    _lock: Option<Lock>,
}

/// Held while the process lives; the system releases it with the process, however that ends.
struct Lock(#[allow(dead_code)] File);

impl Lock {
    fn take(root: &Path, name: &str) -> Result<Self, StoreError> {
        let path = root.join(name);
        let file = File::options().create(true).append(true).open(&path).map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path: root.to_owned() }),
            Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
        }
    }
}

/// Held by the one batch job of a home while it lives, between its passes too.
pub(crate) struct RunLock {
    _lock: Lock,
}

impl RunLock {
    /// Refused while another batch job has it.
    pub(crate) fn take(root: &Path) -> Result<Self, StoreError> {
        if !root.join(SITE_FILE).exists() {
            return Err(StoreError::NoSite { path: root.to_owned() });
        }
        match Lock::take(root, RUN_LOCK_FILE) {
            Ok(lock) => Ok(Self { _lock: lock }),
            Err(StoreError::Busy { path }) => Err(StoreError::RunBusy { path }),
            Err(error) => Err(error),
        }
    }
}

impl Home {
    /// Makes a site. Nothing that is there is overwritten.
    pub(crate) fn init(root: &Path, init: &Init<'_>, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, StoreError> {
        let name = init.site;
        if !is_line(name, MAX_NAME_CHARS) {
            return Err(StoreError::SiteName { found: name.chars().take(MAX_NAME_CHARS).collect() });
        }
        if init.approval_share == 0 {
            return Err(StoreError::NoShare);
        }
        if root.join(SITE_FILE).exists() {
            let site = read_site(root)?.site;
            return Err(StoreError::SiteExists { path: root.to_owned(), site });
        }
        // A home that a killed `init` left has its secret and no site: the secret is kept, never drawn again.
        let ours = |name: &String| {
            [SECRET_FILE, POLICY_FILE, FLOORS, LOCK_FILE].contains(&&**name) || name.ends_with(".partial")
        };
        if let Some(found) = files::names_in(root)?.into_iter().find(|name| !ours(name)) {
            return Err(StoreError::NotEmpty { path: root.to_owned(), found });
        }
        files::make_folder(root)?;
        let lock = Lock::take(root, LOCK_FILE)?;
        let path = root.join(SECRET_FILE);
        let secret = if path.exists() {
            read_secret(&path)?
        } else {
            let secret = MasterSecret::draw(rng);
            let text = Zeroizing::new(format!("{SECRET_FORMAT}\n{}\n", *Zeroizing::new(hex::encode(secret.expose()))));
            files::write(&path, text.as_bytes(), Readers::Owner)?;
            secret
        };
        Stage::InitSecretWritten.pass();
        let site = SiteFile {
            format: SITE_FORMAT.into(),
            site: name.to_owned(),
            approval_share: init.approval_share,
            secret_check: check_of(&secret),
        };
        let home = Self { root: root.to_owned(), site, access: Access::Write, _lock: Some(lock) };
        if let Some(floor) = init.floor {
            home.set_floor(floor)?;
        }
        files::write(&root.join(SITE_FILE), &json(&home.site), Readers::Owner)?;
        Ok(home)
    }

    /// Opens a site.
    pub(crate) fn open(root: &Path, access: Access) -> Result<Self, StoreError> {
        if !root.join(SITE_FILE).exists() {
            return Err(StoreError::NoSite { path: root.to_owned() });
        }
        let lock = (access == Access::Write).then(|| Lock::take(root, LOCK_FILE)).transpose()?;
        Ok(Self { root: root.to_owned(), site: read_site(root)?, access, _lock: lock })
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The site's name.
    pub(crate) fn site(&self) -> &str {
        &self.site.site
    }

    /// Points of one column that one approval may have opened.
    pub(crate) fn approval_share(&self) -> u32 {
        self.site.approval_share
    }

    /// Whether this process may write.
    pub(crate) fn access(&self) -> Access {
        self.access
    }

    /// The master secret, checked to be this site's and nobody else's to read.
    pub(crate) fn secret(&self) -> Result<MasterSecret, StoreError> {
        let path = self.root.join(SECRET_FILE);
        let secret = read_secret(&path)?;
        if check_of(&secret) != self.site.secret_check {
            return Err(StoreError::OtherSecret { path });
        }
        Ok(secret)
    }

    /// The key that patients' secrets are made with.
    pub(crate) fn patient_key(&self) -> Result<PatientKey, StoreError> {
        Ok(PatientKey::from_bytes(*self.secret()?.subkey(domain::PATIENT_SECRET)))
    }

    /// The policy floor, if one is set.
    pub(crate) fn floor(&self) -> Result<Option<Policy>, StoreError> {
        let path = self.root.join(POLICY_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let damaged = |error: PolicyError| StoreError::Damaged { path: path.clone(), reason: error.to_string() };
        Policy::parse(&files::read_text(&path)?).map(Some).map_err(damaged)
    }

    /// The floor of this digest: the present one, or one that was in force before.
    pub(crate) fn floor_of(&self, digest: &Digest) -> Result<Option<Policy>, StoreError> {
        if let Some(floor) = self.floor()?.filter(|floor| floor.digest() == *digest) {
            return Ok(Some(floor));
        }
        let path = self.root.join(FLOORS).join(format!("{digest}.json"));
        if !path.exists() {
            return Ok(None);
        }
        let damaged = |reason: String| StoreError::Damaged { path: path.clone(), reason };
        let floor = Policy::parse(&files::read_text(&path)?).map_err(|error| damaged(error.to_string()))?;
        match floor.digest() {
            found if found == *digest => Ok(Some(floor)),
            found => Err(damaged(format!("its digest is {found}"))),
        }
    }

    /// Sets the policy floor.
    pub(crate) fn set_floor(&self, floor: &Policy) -> Result<(), StoreError> {
        let floors = self.root.join(FLOORS);
        files::make_folder(&floors)?;
        files::write(&floors.join(format!("{}.json", floor.digest())), &json(floor), Readers::Owner)?;
        files::write(&self.root.join(POLICY_FILE), &json(floor), Readers::Owner)
    }
}

/// A document as it is kept: JSON with a line's end.
pub(crate) fn json(document: &impl Serialize) -> Vec<u8> {
    // Our documents are structures with text keys: writing them to memory does not fail.
    let mut bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Reads a document of this program's own.
pub(crate) fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, StoreError> {
    let text = files::read_text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| StoreError::Damaged { path: path.to_owned(), reason: error.to_string() })
}

/// Refuses a document of another format.
pub(crate) fn check_format(path: &Path, found: &str, expected: &'static str) -> Result<(), StoreError> {
    if found == expected {
        return Ok(());
    }
    let reason =
        format!("its format is {:?}, this version reads {expected:?}", found.chars().take(80).collect::<String>());
    Err(StoreError::Damaged { path: path.to_owned(), reason })
}

fn read_site(root: &Path) -> Result<SiteFile, StoreError> {
    let path = root.join(SITE_FILE);
    let site: SiteFile = read_json(&path)?;
    check_format(&path, &site.format, SITE_FORMAT)?;
    Ok(site)
}

fn check_of(secret: &MasterSecret) -> Digest {
    Hasher::new(domain::SECRET_CHECK).bytes(&secret.subkey(domain::SECRET_CHECK)[..]).finish()
}

fn read_secret(path: &Path) -> Result<MasterSecret, StoreError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let found = std::fs::metadata(path).map_err(failed("read", path))?.permissions().mode() & 0o777;
        if found & 0o077 != 0 {
            return Err(StoreError::Permissions { path: path.to_owned(), found });
        }
    }
    let bytes = Zeroizing::new(files::read(path)?);
    let damaged = || StoreError::Damaged {
        path: path.to_owned(),
        reason: format!("it should be the line {SECRET_FORMAT} and a line of 64 hexadecimal digits"),
    };
    let digits = bytes
        .strip_prefix(SECRET_FORMAT.as_bytes())
        .and_then(|rest| rest.strip_prefix(b"\n"))
        .and_then(|rest| rest.strip_suffix(b"\n"))
        .ok_or_else(damaged)?;
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut secret[..]).map_err(|_| damaged())?;
    Ok(MasterSecret::from_bytes(*secret))
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;

    use super::*;

    fn init(root: &Path) -> Result<Home, StoreError> {
        Home::init(root, &Init { site: "Site A", approval_share: 100, floor: None }, &mut OsRng)
    }

    #[test]
    fn a_site_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("home");
        let before = init(&root).unwrap().secret().unwrap();
        let refused = init(&root).err().unwrap().to_string();
        assert!(refused.ends_with("holds the site \"Site A\" already; a site is never overwritten"), "{refused}");
        assert_eq!(Home::open(&root, Access::Read).unwrap().secret().unwrap().expose(), before.expose());
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        files::write(&folder.path().join("thesis.doc"), b"", Readers::Anyone).unwrap();
        assert!(matches!(init(folder.path()), Err(StoreError::NotEmpty { .. })));
        assert_eq!(files::names_in(folder.path()).unwrap(), ["thesis.doc"]);
    }

    #[test]
    fn two_writers_do_not_share_a_home() {
        let folder = tempfile::tempdir().unwrap();
        let first = init(folder.path()).unwrap();
        assert!(matches!(Home::open(folder.path(), Access::Write), Err(StoreError::Busy { .. })));
        Home::open(folder.path(), Access::Read).unwrap();
        drop(first);
        Home::open(folder.path(), Access::Write).unwrap();
    }

    #[test]
    fn the_secret_must_be_this_sites_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = init(folder.path()).unwrap();
        let path = folder.path().join(SECRET_FILE);
        let text = files::read_text(&path).unwrap();
        // Another last digit, whatever it is.
        let (start, last) = text.trim_end().split_at(text.trim_end().len() - 1);
        let other = format!("{start}{}{}", if last == "0" { "1" } else { "0" }, &text[text.trim_end().len()..]);
        files::write(&path, other.as_bytes(), Readers::Owner).unwrap();
        assert!(matches!(home.secret(), Err(StoreError::OtherSecret { .. })));
        files::write(&path, &text.as_bytes()[1..], Readers::Owner).unwrap();
        let damaged = home.secret().unwrap_err().to_string();
        assert!(damaged.contains("is damaged") && !damaged.contains(&text[30..50]), "{damaged}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(home.secret(), Err(StoreError::Permissions { found: 0o640, .. })));
        }
    }
}
