//! The report's file: never in the place of what is audited, and there whole or not at all.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The report's path is a file that the audit reads.
    #[error(
        "--report {}: this is the file {} that the audit reads, and evidence is not overwritten; name another file for the \
         report",
        report.display(),
        input.display()
    )]
    Input {
        /// The report's path.
        report: PathBuf,
        /// The input, as it was named.
        input: PathBuf,
    },
    /// The report's path is a folder, a device or the like.
    #[error("--report {}: this is not a file; name a file for the report", path.display())]
    NoFile {
        /// The report's path.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: {reason}", path.display())]
    System {
        /// The report's path.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// Refuses a report in the place of one of these files, by whatever name, or of something that is no file.
pub(crate) fn check_place<'a>(report: &Path, inputs: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), FileError> {
    // A report that is not there yet is none of the inputs.
    let Ok(place) = fs::canonicalize(report) else { return Ok(()) };
    for input in inputs {
        if fs::canonicalize(input).is_ok_and(|input| input == place) {
            return Err(FileError::Input { report: report.to_owned(), input: input.clone() });
        }
    }
    if place.is_file() { Ok(()) } else { Err(FileError::NoFile { path: report.to_owned() }) }
}

/// Writes beside, brings to the disk, renames: a reader sees what was there before, or the whole report.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let name = path.file_name().ok_or_else(|| FileError::NoFile { path: path.to_owned() })?;
    let beside = path.with_file_name(format!(".{}.partial", name.to_string_lossy()));
    let write = || {
        // What a killed run left goes first, so that what is written here is a new file and no link to another.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create_new(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|reason| FileError::System { path: path.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_there_whole_and_replaces_an_older_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        // Left by a killed run.
        fs::write(folder.path().join(".report.txt.partial"), "half").unwrap();
        for text in ["first", "second, longer"] {
            write_whole(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let refused = write_whole(&folder.path().join("no/report.txt"), b"").unwrap_err().to_string();
        assert!(refused.contains("no/report.txt: "), "{refused}");
    }
}
