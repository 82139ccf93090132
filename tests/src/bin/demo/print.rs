//! What the demo prints: headings, sentences, commands, tables.

use std::io::Write;

/// Columns of a line of prose.
const LINE: usize = 100;

/// Prints, and does not stop if the reader has gone.
fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// A heading over a part of the demo.
pub(crate) fn heading(text: &str) {
    out(&format!("\n{text}\n{}\n", "=".repeat(text.chars().count())));
}

/// A heading over a paragraph.
pub(crate) fn caption(text: &str) {
    out(&format!("\n{text}\n"));
}

/// A paragraph, wrapped.
pub(crate) fn say(text: &str) {
    out("\n");
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LINE {
            out(&format!("{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out(&format!("{line}\n"));
}

/// A remark on one line, as it is.
pub(crate) fn line(text: &str) {
    out(&format!("{text}\n"));
}

/// A command about to run, as one could type it. An option and its value stay on one line.
pub(crate) fn command(words: &[String]) {
    let mut parts: Vec<String> = Vec::new();
    for word in words {
        match parts.last_mut() {
            Some(last) if last.starts_with("--") && !last.contains(' ') && !word.starts_with("--") => {
                last.push_str(&format!(" {word}"));
            }
            _ => parts.push(word.clone()),
        }
    }
    let mut text = "\n$".to_owned();
    let mut width = 1;
    for part in parts {
        let length = part.chars().count() + 1;
        if width + length + 2 > LINE {
            text.push_str(" \\\n   ");
            width = 3;
        }
        text.push(' ');
        text.push_str(&part);
        width += length;
    }
    out(&format!("{text}\n"));
}

/// What a program said, marked as such.
pub(crate) fn quote(text: &str) {
    for line in text.trim_end().lines() {
        out(format!("  | {line}").trim_end());
        out("\n");
    }
}

/// The part of a program's output from one heading to another; all of it, if it has no such headings.
pub(crate) fn excerpt(text: &str, from: &str, until: &str) {
    let begin = text.find(from).unwrap_or(0);
    let end = text[begin..].find(until).map_or(text.len(), |length| begin + length);
    quote(&text[begin..end]);
}

/// The lines of a program's output that say one of these.
pub(crate) fn lines_with(text: &str, words: &[&str]) {
    let said = |line: &&str| words.iter().any(|word| line.contains(word));
    quote(&text.lines().filter(said).collect::<Vec<_>>().join("\n"));
}

/// A table: so many columns of labels to the left, numbers to the right; `|` in the head draws a line.
pub(crate) fn table(labels: usize, head: &[&str], rows: &[Vec<String>]) {
    let all = || std::iter::once(head.iter().map(|text| (*text).to_owned()).collect()).chain(rows.iter().cloned());
    let all: Vec<Vec<String>> = all().collect();
    let width = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    out("\n");
    for (place, row) in all.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            column if column < labels => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        out(&format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end()));
        if place == 0 {
            let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
            out(&format!("  {}\n", rules.join("  ")));
        }
    }
}
