//! Names that might have been meant.

/// How many names a message suggests.
const SUGGESTIONS: usize = 3;

/// Bytes of a name up to which it is compared with others: the comparison takes time by the product of lengths.
const COMPARED: usize = 256;

/// How many names are looked at.
const MANY: usize = 1024;

/// How many names a message lists when none is near.
const LISTED: usize = 12;

/// A sentence part that names what is near, or else what there is.
pub(super) fn near<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    if found.len() > COMPARED {
        return format!("there are {} names to choose from", known.len());
    }
    known.truncate(MANY);
    let lower = found.to_lowercase();
    let is_near = |name: &&&str| {
        let name = name.to_lowercase();
        let slips = distance(&lower, &name);
        slips <= 1 + name.chars().count() / 4 || (!lower.is_empty() && (name.contains(&lower) || lower.contains(&name)))
    };
    let mut close: Vec<&str> = known.iter().filter(is_near).copied().collect();
    close.sort_by_key(|name| distance(&lower, &name.to_lowercase()));
    close.truncate(SUGGESTIONS);
    let quoted = |names: &[&str]| names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if !close.is_empty() {
        format!("near it: {}", quoted(&close))
    } else if known.len() > LISTED {
        format!(
            "there are {}, {} and {} more",
            quoted(&known[..LISTED - 1]),
            quoted(&known[LISTED - 1..LISTED]),
            known.len() - LISTED
        )
    } else {
        format!("there are {}", quoted(&known))
    }
}

/// Insertions, deletions and replacements from one text to the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        assert_eq!(distance("nodes", "nods"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        let known = ["age", "nodes", "hormon", "grade"];
        assert_eq!(near("nods", known.into_iter()), "near it: \"nodes\"");
        assert_eq!(near("Hormone", known.into_iter()), "near it: \"hormon\"");
        assert_eq!(near("xyzzy", known.into_iter()), "there are \"age\", \"nodes\", \"hormon\", \"grade\"");
        let many: Vec<String> = (0..20).map(|i| format!("column{i}")).collect();
        assert!(near("xyzzy", many.iter().map(String::as_str)).ends_with("\"column11\" and 8 more"));
    }
}
