//! What every command is given: addresses, files, keys, and how they are found.

use std::path::Path;
use std::path::PathBuf;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{Charter, MAX_CHARTER_BYTES, MemberKey, Role, Timestamp};
use cohortium_protocol::query::{MAX_QUERY_BYTES, Query};

use super::{Console, Failure};
use crate::client::{LedgerClient, Settings};
use crate::files::Readers;
use crate::trusted::{Seen, TrustedLedger};
use crate::{files, key_file};

/// A checkpoint and its frame are far smaller; so are a few certificates.
const MAX_SMALL_BYTES: u64 = 1 << 20;

/// What every command is given.
pub(crate) struct Setting {
    url: Option<String>,
    charter: Option<PathBuf>,
    key: Option<PathBuf>,
    pub(crate) name: Option<String>,
    ca: Option<PathBuf>,
    seen: Option<PathBuf>,
    pub(crate) console: Console,
}

fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Setting {
    /// Options before the environment.
    pub(crate) fn new(
        url: Option<String>,
        charter: Option<PathBuf>,
        key: Option<PathBuf>,
        name: Option<String>,
        ca: Option<PathBuf>,
        seen: Option<PathBuf>,
        console: Console,
    ) -> Self {
        let file = |given: Option<PathBuf>, name: &str| given.or_else(|| from_environment(name).map(PathBuf::from));
        Self {
            url: url.or_else(|| from_environment("COHORTIUM_LEDGER")),
            charter: file(charter, "COHORTIUM_CHARTER"),
            key: file(key, "COHORTIUM_MEMBER_KEY"),
            name,
            ca: file(ca, "COHORTIUM_CA"),
            seen,
            console,
        }
    }

    /// The client.
    pub(crate) fn client(&self) -> Result<LedgerClient, Failure> {
        let url = self.url.as_deref().ok_or_else(|| {
            Failure::cannot_tell("where is the ledger? Give its address with --url, or in COHORTIUM_LEDGER")
        })?;
        let certificates = self.ca.as_deref().map(|path| files::read(path, MAX_SMALL_BYTES)).transpose()?;
        Ok(LedgerClient::with_settings(url, &Settings { certificates, ..Settings::default() })?)
    }

    fn charter_path(&self) -> Result<&Path, Failure> {
        self.charter.as_deref().ok_or_else(|| {
            Failure::cannot_tell(
                "which charter do you trust? Name its file with --charter, or in COHORTIUM_CHARTER. Have it from the \
                 members, not from the ledger, or compare its digest with theirs",
            )
        })
    }

    /// The pinned charter.
    pub(crate) fn charter(&self) -> Result<Charter, Failure> {
        let path = self.charter_path()?;
        let text = files::read_text(path, MAX_CHARTER_BYTES as u64)?;
        Charter::parse(&text).map_err(|error| Failure::cannot_tell(format!("{}: {error}", path.display())))
    }

    fn seen_path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.seen {
            return Ok(path.clone());
        }
        let mut path = self.charter_path()?.as_os_str().to_owned();
        path.push(".seen");
        Ok(path.into())
    }

    /// The ledger, checked against the charter and the last checkpoint seen, and brought up to date.
    pub(crate) fn trusted(&self) -> Result<TrustedLedger, Failure> {
        let (client, charter, path) = (self.client()?, self.charter()?, self.seen_path()?);
        let at_path = |error| Failure::cannot_tell(format!("{}: {error}", path.display()));
        let mut trusted = match path.exists() {
            true => {
                let seen = Seen::parse(&files::read(&path, MAX_SMALL_BYTES)?).map_err(at_path)?;
                TrustedLedger::resume(client, charter, &seen).map_err(at_path)?
            }
            false => TrustedLedger::new(client, charter)?,
        };
        trusted.refresh()?;
        self.keep(&trusted)?;
        Ok(trusted)
    }

    /// Keeps the last checkpoint seen for the next time.
    pub(crate) fn keep(&self, trusted: &TrustedLedger) -> Result<(), Failure> {
        if let Some(seen) = trusted.seen() {
            files::write(&self.seen_path()?, seen.to_json().as_bytes(), Readers::Anyone)?;
        }
        Ok(())
    }

    /// The member's name and key, which have to be the charter's.
    pub(crate) fn member(&self, charter: &Charter) -> Result<(String, MemberKey), Failure> {
        let path = self.key.as_deref().ok_or_else(|| {
            Failure::cannot_tell("which key is yours? Name its file with --key, or in COHORTIUM_MEMBER_KEY")
        })?;
        let (name, key) = key_file::read(path)?;
        if let Some(given) = &self.name
            && *given != name
        {
            let path = path.display();
            return Err(Failure::refused(format!("--name is {given:?}, but {path} is the key of {name:?}")));
        }
        let member = charter.member(&name).ok_or_else(|| {
            Failure::refused(format!("the charter names no {name:?}; nothing that they sign would be admitted"))
        })?;
        if member.key != key.public() {
            return Err(Failure::refused(format!(
                "the charter has the key {} for {name:?}, and {} is that of {}",
                member.key,
                path.display(),
                key.public()
            )));
        }
        if member.role != Role::Sponsor {
            let role = member.role.name();
            return Err(Failure::refused(format!("{name:?} is a {role}, and a query is for a sponsor to sign")));
        }
        Ok((name, key))
    }

    /// The present moment, by this machine's clock.
    pub(crate) fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(since.as_secs())
    }
}

/// An id as people give it.
pub(crate) fn digest(what: &str, text: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|_| {
        let found: String = text.chars().take(80).collect();
        Failure::cannot_tell(format!("{what} is 64 lower-case hexadecimal digits, found {found:?}"))
    })
}

/// Reads a query.
pub(crate) fn query(path: &Path) -> Result<Query, Failure> {
    let text = files::read_text(path, MAX_QUERY_BYTES as u64)?;
    Query::parse(&text).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
}

/// The approval's digest for a study's name, or for the digest itself.
pub(crate) fn approval(client: &LedgerClient, study: &str) -> Result<Digest, Failure> {
    if let Ok(digest) = study.parse() {
        return Ok(digest);
    }
    let all = client.studies()?;
    let named: Vec<_> = all.iter().filter(|entry| entry.study == study).collect();
    let in_force: Vec<_> = named.iter().filter(|entry| entry.is_in_force()).collect();
    match (in_force.as_slice(), named.as_slice()) {
        ([one], _) => Ok(one.approval),
        ([], [one]) => Ok(one.approval),
        ([], []) => {
            let known: Vec<&str> = all.iter().map(|entry| entry.study.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Failure::cannot_tell(format!("the ledger has no study {study:?}; it has {known}")))
        }
        ([], several) => Err(several_of(study, several.iter().map(|entry| entry.approval))),
        (several, _) => Err(several_of(study, several.iter().map(|entry| entry.approval))),
    }
}

fn several_of(study: &str, approvals: impl Iterator<Item = Digest>) -> Failure {
    let list: Vec<String> = approvals.map(|digest| digest.to_string()).collect();
    Failure::cannot_tell(format!(
        "there are several approvals of the study {study:?}; give the digest of the one you mean: {}",
        list.join(", ")
    ))
}
