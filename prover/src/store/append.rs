//! Files of records, one a line, that are only ever appended to.
//!
//! A record counts once its line is on the disk. A process that dies while it writes a line leaves half of one: it never
//! counted, and the next writer cuts it off. A line that is whole but for its end counts.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::StoreError;
use super::files::{self, failed};
use crate::faults::Stage;

/// A file of records, and how much of it is whole.
pub(super) struct AppendFile {
    path: PathBuf,
    /// Bytes of the file that are whole records.
    length: u64,
}

impl AppendFile {
    /// Reads all records, if the file is there. A line that `parse` refuses is an error, unless it is half a line at the
    /// end.
    pub(super) fn open<T>(
        path: PathBuf,
        parse: impl Fn(&str) -> Result<T, StoreError>,
    ) -> Result<(Self, Vec<T>), StoreError> {
        let text = if path.exists() { files::read_text(&path)? } else { String::new() };
        let (mut records, mut length) = (Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            match (line.strip_suffix('\n'), parse(line.trim_end())) {
                (_, Ok(record)) => records.push(record),
                (None, Err(_)) => break,
                (Some(_), Err(problem)) => return Err(problem),
            }
            length += line.len() as u64;
        }
        Ok((Self { path, length }, records))
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line. When this returns, it is on the disk. A test may end the process half-way.
    pub(super) fn append(&mut self, line: &str, half_way: Stage) -> Result<(), StoreError> {
        self.length = self.write(format!("{line}\n").as_bytes(), half_way).map_err(failed("append to", &self.path))?;
        files::sync_folder(files::folder_of(&self.path))
    }

    /// Appends lines, each with its end. When this returns, they are on the disk; a process that dies meanwhile leaves the
    /// first of them.
    pub(super) fn append_all(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        let write = || {
            let mut file = self.open_mended()?;
            file.write_all(lines)?;
            file.sync_all()?;
            file.stream_position()
        };
        self.length = write().map_err(failed("append to", &self.path))?;
        files::sync_folder(files::folder_of(&self.path))
    }

    fn open_mended(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.path)?;
        self.mend(&mut file)?;
        Ok(file)
    }

    fn write(&self, line: &[u8], half_way: Stage) -> io::Result<u64> {
        let mut file = self.open_mended()?;
        let (first, second) = line.split_at(line.len() / 2);
        file.write_all(first)?;
        if cfg!(any(debug_assertions, feature = "faults")) {
            file.sync_all()?;
            half_way.pass();
        }
        file.write_all(second)?;
        file.sync_all()?;
        file.stream_position()
    }

    /// Cuts off half a record, or ends a whole one that has no line's end.
    fn mend(&self, file: &mut File) -> io::Result<()> {
        file.set_len(self.length)?;
        file.seek(SeekFrom::Start(self.length))?;
        if self.length > 0 && std::fs::read(&self.path)?.last() != Some(&b'\n') {
            file.write_all(b"\n")?;
        }
        Ok(())
    }
}
