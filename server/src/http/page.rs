//! Pages of lists.

/// Entries of one page unless asked for otherwise, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;

/// How many entries a page has.
pub(super) fn size(limit: Option<usize>) -> usize {
    limit.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}

/// The first entries, as many as a page has, and whether there are more.
pub(super) fn cut<T>(all: impl Iterator<Item = T>, size: usize) -> (Vec<T>, bool) {
    let mut page: Vec<T> = all.take(size + 1).collect();
    let more = page.len() > size;
    page.truncate(size);
    (page, more)
}
