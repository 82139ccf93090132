//! Numbers, times and tables as people read them: for the programs of sponsors and hospitals.

use cohortium_protocol::ledger::Timestamp;

/// A number of bytes.
pub fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / unit as f64),
        None => format!("{count} bytes"),
    }
}

/// The time from one moment to a later one, roughly: "3 days", "5 hours", "20 minutes", "40 seconds".
pub fn left(now: Timestamp, until: Timestamp) -> String {
    let seconds = until.unix().saturating_sub(now.unix());
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    // From two of a unit on it is fine enough.
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= 2 * unit).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

/// A table with its columns aligned: so many to the left, the others, which hold numbers, to the right.
pub fn table(left: usize, head: &[impl AsRef<str>], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| cell.as_ref().to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).chain(head.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column < left {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        format!("  {}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    std::iter::once(line(&head)).chain(rows.iter().map(|row| line(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_as_people_read_them() {
        let time = |seconds: u64| left(Timestamp::from_unix(1000), Timestamp::from_unix(1000 + seconds));
        for (seconds, text) in
            [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (7_199, "119 minutes")]
        {
            assert_eq!(time(seconds), text);
        }
        assert_eq!((time(7_200), time(3 * 86_400 + 5)), ("2 hours".to_owned(), "3 days".to_owned()));
        assert_eq!(left(Timestamp::from_unix(5), Timestamp::from_unix(1)), "0 seconds");
        assert_eq!(
            (bytes(1023), bytes(1536), bytes(3 << 30)),
            ("1023 bytes".to_owned(), "1.5 KiB".to_owned(), "3.0 GiB".to_owned())
        );
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["<=20".to_owned(), "5".to_owned()], vec!["20-50".to_owned(), "1240".to_owned()]];
        assert_eq!(table(1, &["size", "n"], &rows), "  size      n\n  <=20      5\n  20-50  1240\n");
    }
}
