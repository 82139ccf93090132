//! A table's folder: its versions and its numbers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::commitment::Committed;
use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::version::{NewVersion, Version};
use super::{Home, StoreError};
use crate::faults::Stage;

const NUMBERS_FORMAT: &str = "cohortium-numbers/1";
const TABLES: &str = "tables";
const NUMBERS_FILE: &str = "numbers.json";

/// The numbers that were given out. Taken before they are used, so that none is used for two things.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    format: String,
    last_version: u32,
    last_epoch: u32,
}

/// A table of the site.
pub(crate) struct TableFolder {
    path: PathBuf,
    name: String,
}

impl TableFolder {
    /// All tables, by name.
    pub(crate) fn all(home: &Home) -> Result<Vec<Self>, StoreError> {
        let tables = home.root().join(TABLES);
        let names = files::names_in(&tables)?.into_iter().filter(|name| !name.starts_with('.'));
        let tables: Vec<Self> = names.map(|name| Self { path: tables.join(&name), name }).collect();
        // A killed first import leaves a table's folder without a version: it is no table yet.
        tables
            .into_iter()
            .filter_map(|table| table.has_versions().map(|has| has.then_some(table)).transpose())
            .collect()
    }

    fn has_versions(&self) -> Result<bool, StoreError> {
        Ok(!self.versions()?.is_empty())
    }

    /// The table of this name; without a name, the site's only one.
    pub(crate) fn find(home: &Home, name: Option<&str>) -> Result<Self, StoreError> {
        let mut tables = Self::all(home)?;
        let names = || tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
        if tables.is_empty() {
            return Err(StoreError::NoTables);
        }
        match name {
            None if tables.len() > 1 => Err(StoreError::WhichTable { names: names() }),
            None => Ok(tables.remove(0)),
            Some(name) => match tables.iter().position(|table| table.name == name) {
                Some(index) => Ok(tables.remove(index)),
                None => Err(StoreError::UnknownTable { name: name.chars().take(80).collect(), names: names() }),
            },
        }
    }

    /// The folder for a table of this name, which must be a schema's table name; made if there is none.
    pub(crate) fn create(home: &Home, name: &str) -> Result<Self, StoreError> {
        let path = home.root().join(TABLES).join(name);
        files::make_folder(&path)?;
        files::sync_folder(&home.root().join(TABLES))?;
        Ok(Self { path, name: name.to_owned() })
    }

    /// The table's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Numbers of all versions, ascending.
    pub(crate) fn versions(&self) -> Result<Vec<u32>, StoreError> {
        numbered(&self.path, "version-")
    }

    /// The version of this number; without one, the newest.
    pub(crate) fn version(&self, number: Option<u32>) -> Result<Version, StoreError> {
        let versions = self.versions()?;
        let number = match (number, versions.last()) {
            (Some(number), _) => number,
            (None, Some(last)) => *last,
            (None, None) => return Err(StoreError::NoTables),
        };
        if !versions.contains(&number) {
            let versions = versions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            return Err(StoreError::UnknownVersion { table: self.name.clone(), version: number, versions });
        }
        Version::open(&self.path, number)
    }

    /// The active version, its manifest, and its newest epoch's number: the newest version that is committed and has an
    /// epoch. Imports that are not committed yet change nothing.
    pub(crate) fn active(&self) -> Result<(Version, Committed, u32), StoreError> {
        let versions = self.versions()?;
        for number in versions.iter().rev() {
            let version = Version::open(&self.path, *number)?;
            if let (Some(epoch), Some(committed)) = (version.epochs()?.last().copied(), version.committed()?) {
                return Ok((version, committed, epoch));
            }
        }
        let version = versions.last().copied().unwrap_or_default();
        Err(StoreError::NotCommitted { table: self.name.clone(), version })
    }

    /// Adds a version, whole, under a number that no version ever had.
    pub(crate) fn add(&self, new: &NewVersion<'_>) -> Result<Version, StoreError> {
        let number =
            self.take_number("versions", |numbers| &mut numbers.last_version, self.versions()?.last().copied())?;
        Stage::ImportNumberTaken.pass();
        // Left behind by killed imports; their numbers stay unused.
        for name in files::names_in(&self.path)? {
            if name.starts_with(".version-") {
                files::remove_folder(&self.path.join(name))?;
            }
        }
        new.write(&self.path, number)?;
        Version::open(&self.path, number)
    }

    /// A number that no epoch of this table ever had.
    pub(super) fn take_epoch(&self) -> Result<u32, StoreError> {
        let mut highest = None;
        for version in self.versions()? {
            let version = Version::open(&self.path, version)?;
            highest = highest.max(version.epochs()?.last().copied());
        }
        self.take_number("epochs", |numbers| &mut numbers.last_epoch, highest)
    }

    /// Takes the next number, durably; `highest` is what there is, should the file have been lost.
    fn take_number(
        &self,
        what: &'static str,
        which: fn(&mut Numbers) -> &mut u32,
        highest: Option<u32>,
    ) -> Result<u32, StoreError> {
        let path = self.path.join(NUMBERS_FILE);
        let mut numbers = if path.exists() {
            let numbers: Numbers = read_json(&path)?;
            check_format(&path, &numbers.format, NUMBERS_FORMAT)?;
            numbers
        } else {
            Numbers { format: NUMBERS_FORMAT.into(), last_version: 0, last_epoch: 0 }
        };
        let slot = which(&mut numbers);
        let last = (*slot).max(highest.unwrap_or(0));
        let next = last.checked_add(1).ok_or(StoreError::Numbers { what, last })?;
        *slot = next;
        files::write(&path, &json(&numbers), Readers::Owner)?;
        Ok(next)
    }
}

impl TableFolder {
    /// Leaves out so many numbers of versions and epochs: they may have been given out by a home that is lost.
    pub(super) fn skip_numbers(&self, many: u32) -> Result<(), StoreError> {
        let path = self.path.join(NUMBERS_FILE);
        let mut numbers: Numbers = read_json(&path)?;
        check_format(&path, &numbers.format, NUMBERS_FORMAT)?;
        numbers.last_version = numbers.last_version.saturating_add(many);
        numbers.last_epoch = numbers.last_epoch.saturating_add(many);
        files::write(&path, &json(&numbers), Readers::Owner)
    }
}

/// Numbers of the entries called `prefix` and a number, ascending.
pub(super) fn numbered(folder: &Path, prefix: &str) -> Result<Vec<u32>, StoreError> {
    let number = |name: String| name.strip_prefix(prefix)?.parse().ok();
    let mut numbers: Vec<u32> = files::names_in(folder)?.into_iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
