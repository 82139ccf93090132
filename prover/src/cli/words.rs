//! Numbers and tables as people read them.

use std::time::Duration;

/// A number of bytes.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| count >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", count as f64 / unit as f64),
        None => format!("{count} bytes"),
    }
}

/// A time that one waits, roughly: "about 12 seconds".
pub(crate) fn about(time: Duration) -> String {
    match time.as_secs_f64().ceil() as u64 {
        0 | 1 => "less than a second".into(),
        seconds @ 2..=119 => format!("about {seconds} seconds"),
        seconds => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

/// A table with its columns aligned: so many to the left, the others, which hold numbers, to the right.
pub(crate) fn table(left: usize, head: &[String], rows: &[Vec<String>]) -> String {
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
    std::iter::once(line(head)).chain(rows.iter().map(|row| line(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
        assert_eq!(about(Duration::from_millis(200)), "less than a second");
        assert_eq!(about(Duration::from_millis(4200)), "about 5 seconds");
        assert_eq!(about(Duration::from_secs(121)), "about 3 minutes");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["<=20".to_owned(), "5".to_owned()], vec!["20-50".to_owned(), "1240".to_owned()]];
        let text = table(1, &["size".to_owned(), "n".to_owned()], &rows);
        assert_eq!(text, "  size      n\n  <=20      5\n  20-50  1240\n");
    }
}
