//! Documents that commands are given as files.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use cohortium_protocol::policy::{Policy, Preset};
use cohortium_protocol::query::{MAX_QUERY_BYTES, Query};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::Day;

use crate::cli::Failure;

/// Bytes of a document at most; bundles and lists of points are the largest.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a file of text.
pub(crate) fn text(path: &Path) -> Result<String, Failure> {
    let unreadable = |reason: &dyn Display| Failure::cannot_tell(format!("cannot read {}: {reason}", path.display()));
    let length = fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if length > MAX_BYTES {
        return Err(Failure::refused(format!("{} has {length} bytes; at most {MAX_BYTES} are read", path.display())));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(&error))?;
    String::from_utf8(bytes).map_err(|_| Failure::refused(format!("{}: the file is not UTF-8 text", path.display())))
}

/// Reads a document; a refusal begins with the file's name.
pub(crate) fn document<T, E: Display>(path: &Path, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Failure> {
    parse(&text(path)?).map_err(|problem| Failure::refused(format!("{}: {problem}", path.display())))
}

/// Reads a query.
pub(crate) fn query(path: &Path) -> Result<Query, Failure> {
    let text = text(path)?;
    if text.len() > MAX_QUERY_BYTES {
        let sentence = format!("{}: a query has at most {MAX_QUERY_BYTES} bytes, found {}", path.display(), text.len());
        return Err(Failure::refused(sentence));
    }
    Query::parse(&text).map_err(|problem| Failure::refused(format!("{}: {problem}", path.display())))
}

/// The policy of this file or preset; none if neither is named.
pub(crate) fn policy(file: Option<&Path>, preset: Option<&str>) -> Result<Option<Policy>, Failure> {
    match (file, preset) {
        (Some(path), _) => document(path, Policy::parse).map(Some),
        (None, Some(name)) => {
            let preset = Preset::by_name(name);
            preset.and_then(|preset| preset.policy()).map(Some).ok_or_else(|| {
                let names: Vec<&str> = cohortium_protocol::policy::PRESETS.iter().map(|preset| preset.name).collect();
                Failure::cannot_tell(format!("there is no policy preset {name:?}; there are {}", names.join(", ")))
            })
        }
        (None, None) => Ok(None),
    }
}

/// The standard shape of this name.
pub(crate) fn shape(name: &str) -> Result<Shape, Failure> {
    Shape::by_name(name)
        .ok_or_else(|| Failure::cannot_tell(format!("there is no shape {name:?}; there are {}", Shape::names())))
}

/// A date on the command line.
pub(crate) fn day(text: &str) -> Result<Day, Failure> {
    text.parse().map_err(Failure::cannot_tell)
}
