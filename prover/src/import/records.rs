//! The records of a CSV file with the lines they begin on, or what is wrong with the file.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::FileProblem;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file's header and records. Blank lines are passed over; lines end in LF or CRLF.
pub(super) struct Records<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    record: StringRecord,
    /// How far lines have been counted, and the line there.
    counted: (usize, u64),
}

impl<'a> Records<'a> {
    /// Checks what concerns the file as a whole: that it is UTF-8 text and not empty.
    pub(super) fn new(bytes: &'a [u8], delimiter: u8) -> Result<Self, FileProblem> {
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(FileProblem::Utf16);
        }
        // Spreadsheet programs begin UTF-8 files with this mark; it is no part of the first column's name.
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let text = std::str::from_utf8(bytes)
            .map_err(|error| FileProblem::NotUtf8 { line: 1 + newlines(&bytes[..error.valid_up_to()]) })?;
        if text.trim().is_empty() {
            return Err(FileProblem::Empty);
        }
        // Lengths are compared with the header's by whoever takes the records.
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        Ok(Self { text, reader, record: StringRecord::new(), counted: (0, 1) })
    }

    /// The next record and the line it begins on.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<&str>)>, FileProblem> {
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|error| FileProblem::Csv { reason: error.to_string() })?;
        if !more {
            return Ok(None);
        }
        let bytes = self.text.as_bytes();
        // The CSV reader takes blank lines, and the LF of a CRLF, as the beginning of the next record.
        let position = |place: u64| usize::try_from(place).unwrap_or(bytes.len()).min(bytes.len());
        let mut start = position(self.record.position().map_or(0, csv::Position::byte));
        while bytes.get(start).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            start += 1;
        }
        let end = position(self.reader.position().byte()).max(start);
        let (counted, line) = self.counted;
        let line = line + newlines(&bytes[counted.min(start)..start]);
        self.counted = (start, line);
        // An open quotation mark swallows what follows, up to the end of the file, without a word.
        if bytes[start..end].iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            return Err(FileProblem::OpenQuote { line });
        }
        Ok(Some((line, self.record.iter().collect())))
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
