//! Texts from outside that end up before people: what is fit for a terminal, a report, a letter.

/// Whether a character shows as itself and leaves the others where they are: no control characters, and none of
/// Unicode's invisible ones that hide text or turn its direction.
pub fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'))
}

/// Whether a text is one line of 1 to `limit` plain characters, without space at either end.
pub fn is_line(text: &str, limit: usize) -> bool {
    !text.is_empty() && text.chars().count() <= limit && text.chars().all(is_plain) && text.trim() == text
}

/// The text with every character that is not plain written out as its number, so that it cannot act on a terminal.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_written_out() {
        assert_eq!(shown("Site A\n\u{1b}[2JVerdict: holds"), "Site A\\u{a}\\u{1b}[2JVerdict: holds");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown("Ärzte – ≤ 20 mm"), "Ärzte – ≤ 20 mm");
    }

    #[test]
    fn lines() {
        assert!(is_line("≤20 mm", 120));
        for bad in ["", " a", "a\t", "a\nb", "\u{200b}a", &"x".repeat(121)] {
            assert!(!is_line(bad, 120), "{bad:?}");
        }
    }
}
