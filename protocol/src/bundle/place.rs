//! Where in a JSON document a byte is: a bundle is one long line, and "column 203656" names no part of it.

use crate::text::is_plain;

/// An open list or object, and how far it has been read.
enum Open {
    /// The place of the entry that is being read.
    List(usize),
    /// The name of the field that is being read, or was read last.
    Object(String),
}

/// The part that is being read at a place that `serde_json` names, as in `proof.columns[3].value`; empty if
/// that is the document itself.
pub(crate) fn place(json: &[u8], line: usize, column: usize) -> String {
    let before: usize = json.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let end = before.saturating_add(column).min(json.len());
    let mut open: Vec<Open> = Vec::new();
    let mut bytes = json[..end].iter().copied().peekable();
    // In an object, a text is a field's name until its colon has been seen, and again after a comma.
    let mut name_next = false;
    // A comma begins the next entry only when something follows: some errors are found one byte late.
    let mut after_comma = false;
    while let Some(byte) = bytes.next() {
        if after_comma && !byte.is_ascii_whitespace() {
            after_comma = false;
            match open.last_mut() {
                Some(Open::List(place)) => *place += 1,
                Some(Open::Object(_)) => name_next = true,
                None => {}
            }
        }
        match byte {
            b'{' => {
                open.push(Open::Object(String::new()));
                name_next = true;
            }
            b'[' => {
                open.push(Open::List(0));
                name_next = false;
            }
            b'}' | b']' => {
                open.pop();
                name_next = false;
            }
            b',' => after_comma = true,
            b':' => name_next = false,
            b'"' => {
                let mut text = Vec::new();
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        // An escaped quotation mark ends nothing; names of fields have no escapes.
                        b'\\' => text.extend(bytes.next()),
                        byte => text.push(byte),
                    }
                }
                if let (true, Some(Open::Object(name))) = (name_next, open.last_mut()) {
                    // A name is short and printable, or it is none of ours.
                    *name = String::from_utf8_lossy(&text).chars().filter(|c| is_plain(*c)).take(40).collect();
                }
            }
            _ => {}
        }
    }
    let mut out = String::new();
    for part in &open {
        match part {
            Open::List(place) => out.push_str(&format!("[{place}]")),
            Open::Object(name) if out.is_empty() || name.is_empty() => out.push_str(name),
            Open::Object(name) => out.push_str(&format!(".{name}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The place of the mark.
    fn at(text: &str) -> String {
        let end = text.find('^').unwrap();
        let text = text.replace('^', "");
        let line = text[..end].matches('\n').count() + 1;
        let column = end - text[..end].rfind('\n').map_or(0, |newline| newline + 1);
        place(text.as_bytes(), line, column)
    }

    #[test]
    fn places_have_names() {
        for (text, expected) in [
            ("^", ""),
            ("{^}", ""),
            (r#"{"a": 1^, "b": 2}"#, "a"),
            (r#"{"a": 1, "bc^d": 2}"#, "bc"),
            (r#"{"a": 1, "b"^: 2}"#, "b"),
            (r#"{"a": {"b": [1, {"c": [[], [2^]]}]}}"#, "a.b[1].c[1][0]"),
            (r#"{"a": {"b": [1, {"c": 2}]^}}"#, "a.b"),
            (r#"{"a": [1,^ 2], "b": [3, {"c": 4,^ "d": 5}]}"#, "a[0]"),
            (r#"{"a": {"b": [1]}^}"#, "a"),
            (r#"{"a": "},:\"{[", "b": [3, 4^]}"#, "b[1]"),
            ("{\n \"a\": [0,\n 1, 2^]}", "a[2]"),
            (r#"[[], [{"x": "y"^}]]"#, "[1][0].x"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
        assert_eq!(place(b"[1", 7, 99), "[0]");
        assert_eq!(place(b"]]}}\"", 1, 5), "");
        assert_eq!(place("{\"a\u{7}\u{1b}b\": ".as_bytes(), 1, 9), "ab");
    }
}
