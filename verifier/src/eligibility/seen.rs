//! The nullifiers that a sponsor has met, one a line.

use std::collections::HashMap;

use cohortium_protocol::field::{F, from_hex, to_hex};

/// Why a list of nullifiers is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SeenError {
    /// A line that is no nullifier.
    #[error(
        "line {line} is {found:?}, which is no nullifier: 64 lower-case hexadecimal digits, below the field's order"
    )]
    Line {
        /// The line, from 1.
        line: usize,
        /// What was found, shortened.
        found: String,
    },
    /// One nullifier on two lines: whoever wrote the list took one patient twice.
    #[error("line {line} has the nullifier of line {first} again")]
    Twice {
        /// The line, from 1.
        line: usize,
        /// The earlier line.
        first: usize,
    },
}

/// The nullifiers met so far, in the order in which they were met.
#[derive(Clone, Default, Debug)]
pub struct Seen {
    lines: Vec<String>,
    places: HashMap<String, usize>,
}

impl Seen {
    /// Reads a list: one nullifier a line.
    ///
    /// # Errors
    /// The first line that is no nullifier, or that is there already.
    pub fn parse(text: &str) -> Result<Self, SeenError> {
        let mut seen = Self::default();
        for (place, line) in text.lines().enumerate() {
            let line_number = place + 1;
            let found = || line.chars().take(80).collect();
            let nullifier = from_hex(line).map_err(|_| SeenError::Line { line: line_number, found: found() })?;
            if let Some(first) = seen.line_of(&nullifier) {
                return Err(SeenError::Twice { line: line_number, first });
            }
            seen.add(&nullifier);
        }
        Ok(seen)
    }

    /// The line, from 1, on which a nullifier stands, if it was met before.
    pub fn line_of(&self, nullifier: &F) -> Option<usize> {
        self.places.get(&to_hex(nullifier)).copied()
    }

    /// Adds a nullifier at the end; nothing happens if it is there already.
    pub fn add(&mut self, nullifier: &F) {
        let text = to_hex(nullifier);
        if !self.places.contains_key(&text) {
            self.places.insert(text.clone(), self.lines.len() + 1);
            self.lines.push(text);
        }
    }

    /// The list as it is written.
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_it_was_written_and_knows_whom_it_has() {
        let mut seen = Seen::default();
        for number in [7u64, 3, 7] {
            seen.add(&F::from(number));
        }
        assert_eq!(seen.to_text().lines().count(), 2);
        let read = Seen::parse(&seen.to_text()).unwrap();
        assert_eq!([7u64, 3, 4].map(|number| read.line_of(&F::from(number))), [Some(1), Some(2), None]);
        assert_eq!(read.to_text(), seen.to_text());
    }

    #[test]
    fn lines_that_are_no_nullifiers_are_named() {
        let line = format!("{:0>64}", "7");
        assert_eq!(
            Seen::parse(&format!("{line}\n\n")).unwrap_err().to_string(),
            "line 2 is \"\", which is no nullifier: 64 lower-case hexadecimal digits, below the field's order"
        );
        let twice = Seen::parse(&format!("{line}\n{line}\n")).unwrap_err().to_string();
        assert_eq!(twice, "line 2 has the nullifier of line 1 again");
        // The field's order and more is another way of writing a number.
        assert!(Seen::parse(&"f".repeat(64)).is_err());
        assert!(Seen::parse(&line.replace('7', "F")).is_err());
    }
}
