//! Files that are read: never more of them than they may have.

use std::io::BufRead;
use std::path::Path;

use cohortium_protocol::bundle::MAX_BUNDLE_BYTES;
use cohortium_verifier::Anchors;

/// The longest line of an export: a block of many releases.
const MAX_LINE_BYTES: u64 = 256 << 20;

/// A file that is too long is not read to its end.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let show = |error: std::io::Error| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(show)?.len();
    if length > MAX_BUNDLE_BYTES as u64 {
        return Err(format!("{}: the file has {length} bytes; at most {MAX_BUNDLE_BYTES} are read", path.display()));
    }
    std::fs::read(path).map_err(show)
}

/// A text file.
pub(super) fn text(path: &Path) -> Result<String, String> {
    String::from_utf8(bytes(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// A document of some kind.
pub(super) fn document<T, E: std::fmt::Display>(
    path: &Path,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, String> {
    parse(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// An anchors file.
pub(super) fn anchors(path: &Path) -> Result<Anchors, String> {
    document(path, Anchors::parse)
}

/// The lines of a file that may be longer than memory.
pub(super) struct Lines<R> {
    reader: R,
}

impl<R: BufRead> Lines<R> {
    /// Of a reader.
    pub(super) fn new(reader: R) -> Self {
        Self { reader }
    }

    /// The next line without its end; nothing at the file's end.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mut line = Vec::new();
        let mut limited = std::io::Read::take(&mut self.reader, MAX_LINE_BYTES + 1);
        limited.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(format!("a line has more than {MAX_LINE_BYTES} bytes"));
        }
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        Ok(Some(line))
    }
}
