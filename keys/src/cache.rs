//! Development keys on disk: made on first use, kept by shape id, shared by file.
//!
//! A proving key's file starts with a SHA-256 digest of the rest. The digest is checked first, then that the
//! matrices are those whose digest the file names (and, of a standard shape, this version pins). The points
//! are decoded without checking each for its curve and subgroup, which would cost tens of seconds in G2. That
//! is done with files of this cache only, which this program wrote itself.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use cohortium_circuits::gadget::{Label, Matrices, Row};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::Shape;
use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};

use crate::matrices_file;
use crate::proving::{ProveError, ProvingKey};
use crate::verifying::{KeyKind, VerifyingKey, VerifyingKeyError};

const MAGIC: &[u8; 32] = b"cohortium-development-key/1\n\0\0\0\0";

/// What the cache is doing, for a message to the person who waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyProgress {
    /// No key yet: one is being made.
    Making,
    /// The proving key is on the disk; the verifying key is about to be.
    Publishing,
    /// A key is being read.
    Loading,
}

/// Why a key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A file that could not be read or written.
    #[error("{path}: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A file that is not a key of this cache, or was damaged.
    #[error("{path} is not an undamaged key file ({reason}); delete it, and it is made anew")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A key of another shape or circuit under this shape's name.
    #[error("{path} holds the key {found}, expected one of {expected}")]
    Id {
        /// Which file.
        path: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A key for the circuit of another version of this program.
    #[error(
        "{path} is a key for another version's circuit, with matrices {found}; this version's are {required}: delete it, \
         and one is made anew"
    )]
    Stale {
        /// Which file.
        path: String,
        /// The digest of its circuit's matrices.
        found: Digest,
        /// The digest that this version pins.
        required: &'static str,
    },
    /// The key could not be made.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The key is refused.
    #[error(transparent)]
    Key(#[from] VerifyingKeyError),
}

/// A folder of development keys.
pub struct KeyCache {
    folder: PathBuf,
}

impl KeyCache {
    /// A cache in this folder, made when it is first written to.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn stem(shape: &Shape) -> String {
        format!("{}-{}", shape.name, shape.id().short())
    }

    /// The proving key's file.
    pub fn proving_path(&self, shape: &Shape) -> PathBuf {
        self.folder.join(format!("{}.proving", Self::stem(shape)))
    }

    /// The verifying key's file: what auditors are given.
    pub fn verifying_path(&self, shape: &Shape) -> PathBuf {
        self.folder.join(format!("{}.verifying.json", Self::stem(shape)))
    }

    /// The shape's key, made if there is none yet.
    pub fn get_or_make(
        &self,
        shape: Shape,
        rng: &mut (impl RngCore + CryptoRng),
        progress: &mut dyn FnMut(KeyProgress),
    ) -> Result<ProvingKey, CacheError> {
        let path = self.proving_path(&shape);
        if !path.exists() {
            fs::create_dir_all(&self.folder).map_err(|error| file_error(&self.folder, &error))?;
            let _making = Lock::take(&path)?;
            // Another process may have made it while this one waited.
            if !path.exists() {
                progress(KeyProgress::Making);
                let key = ProvingKey::development(shape, rng)?;
                // The proving key first: a verifying key can be pinned as soon as it is there, and then there has to be
                // a proving key of it. So an older one, left by a deleted proving key, goes before.
                remove(&self.verifying_path(&shape))?;
                write_whole(&path, &encode(&key)?)?;
                progress(KeyProgress::Publishing);
                self.write_verifying(&key)?;
                return Ok(key);
            }
        }
        progress(KeyProgress::Loading);
        let key = load(&path, &shape)?;
        if !self.verifying_path(&shape).exists() {
            // A process that made the key ended between its two files, or is still between them.
            let _making = Lock::take(&path)?;
            self.write_verifying(&key)?;
        }
        Ok(key)
    }

    fn write_verifying(&self, key: &ProvingKey) -> Result<(), CacheError> {
        let json = serde_json::to_string_pretty(&key.verifying().to_document()).unwrap_or_default();
        write_whole(&self.verifying_path(key.shape()), json.as_bytes())
    }
}

fn file_error(path: &Path, error: &std::io::Error) -> CacheError {
    CacheError::File { path: path.display().to_string(), reason: error.to_string() }
}

/// Keeps two processes from making the same key at once. A lock of a dead process goes with it.
struct Lock(#[allow(dead_code)] fs::File);

impl Lock {
    fn take(path: &Path) -> Result<Self, CacheError> {
        let path = path.with_extension("lock");
        let file = fs::File::create(&path).map_err(|error| file_error(&path, &error))?;
        file.lock().map_err(|error| file_error(&path, &error))?;
        Ok(Self(file))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), CacheError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(file_error(path, &error)),
        _ => Ok(()),
    }
}

/// Writes beside, syncs, renames: a reader sees the old file, the whole new one, or none.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
    let beside = path.with_extension("partial");
    let write = || -> std::io::Result<()> {
        let mut file = fs::File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| file_error(path, &error))
}

fn encode(key: &ProvingKey) -> Result<Vec<u8>, CacheError> {
    let mut body = Vec::new();
    body.extend(key.shape().id().as_bytes());
    body.extend(key.verifying().matrices().as_bytes());
    body.extend(key.verifying().id().as_bytes());
    matrices_file::write(&mut body, &key.matrices, key.inputs, key.variables);
    key.key.serialize_uncompressed(&mut body).map_err(|error| ProveError::Synthesis { reason: error.to_string() })?;
    let mut out = MAGIC.to_vec();
    out.extend(Sha256::digest(&body));
    out.extend(body);
    Ok(out)
}

/// A file's three matrices, if the digest is theirs.
fn of_digest(digest: Digest, rows: [Vec<Row>; 3], inputs: usize, variables: usize) -> Option<Matrices> {
    let [a, b, c] = rows.each_ref().map(Vec::len);
    // The digest runs through the rows of all three: it does not see where one matrix ends and the next begins.
    if a != b || b != c {
        return None;
    }
    let mut matrices = Matrices::new();
    // What each constraint is there for is not in the file; of the labels, the digest takes only their number.
    matrices.labels = vec![Label::Product; a];
    (matrices.rows, matrices.inputs, matrices.variables) = (rows, inputs, variables);
    (matrices.digest() == digest).then_some(matrices)
}

fn load(path: &Path, shape: &Shape) -> Result<ProvingKey, CacheError> {
    let bytes = fs::read(path).map_err(|error| file_error(path, &error))?;
    let damaged = |reason| CacheError::Damaged { path: path.display().to_string(), reason };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("no such format"))?;
    let (digest, body) = rest.split_first_chunk::<32>().ok_or_else(|| damaged("too short"))?;
    if Sha256::digest(body).as_slice() != digest {
        return Err(damaged("its digest does not match"));
    }
    let mut body = body;
    let mut digest = || -> Result<Digest, CacheError> {
        let (bytes, rest) = body.split_first_chunk::<32>().ok_or_else(|| damaged("too short"))?;
        body = rest;
        Ok(Digest::from_bytes(*bytes))
    };
    let (shape_id, matrices_digest, id) = (digest()?, digest()?, digest()?);
    let other = |found: String, expected: String| CacheError::Id { path: path.display().to_string(), found, expected };
    if shape_id != shape.id() {
        return Err(other(format!("of shape {shape_id}"), format!("shape {} with id {}", shape.name, shape.id())));
    }
    // Nothing it proves would be believed.
    if let Some(pin) = shape.pinned().filter(|pin| pin.matrices != matrices_digest.to_string()) {
        let (found, required) = (matrices_digest, pin.matrices);
        return Err(CacheError::Stale { path: path.display().to_string(), found, required });
    }
    let (rows, inputs, variables) = matrices_file::read(&mut body).ok_or_else(|| damaged("bad matrices"))?;
    // Both take a fifth of a second or so.
    let (matrices, key) = rayon::join(
        || of_digest(matrices_digest, rows, inputs, variables),
        || ark_groth16::ProvingKey::deserialize_uncompressed_unchecked(&mut body),
    );
    let Matrices { rows, inputs, variables, .. } =
        matrices.ok_or_else(|| damaged("its matrices are not those of the digest in it"))?;
    let key = key.map_err(|_| damaged("bad points"))?;
    if !body.is_empty() {
        return Err(damaged("trailing bytes"));
    }
    let key = ProvingKey::assemble(*shape, KeyKind::Development, matrices_digest, rows, inputs, variables, key)?;
    if key.verifying().id() != id {
        return Err(other(key.verifying().id().to_string(), format!("id {id}")));
    }
    Ok(key)
}

/// Reads a verifying key's file from anywhere.
pub fn read_verifying(path: &Path) -> Result<VerifyingKey, CacheError> {
    let json = fs::read_to_string(path).map_err(|error| file_error(path, &error))?;
    Ok(VerifyingKey::parse(&json)?)
}
