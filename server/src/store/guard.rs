//! Calls into sled, which panics where its files are damaged.
//!
//! A panic becomes an error, and its text is not printed: for the operator it is no more than an index that has to be
//! made again.

use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::thread;

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What sled calls its own threads; what becomes of them is seen by the threads that wait for them.
const SLED_THREADS: [&str; 2] = ["sled-io-", "log flusher"];

/// Calls sled: what it returns, or in words why it failed.
pub(super) fn guarded<T>(call: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, String> {
    keep_quiet();
    let outer = GUARDED.replace(true);
    // Whatever the call leaves half-done is in sled, which is thrown away after an error.
    let outcome = panic::catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(one_line(&error.to_string())),
        Err(payload) => Err(format!("sled gave up: {}", one_line(text_of(payload.as_ref())))),
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}

/// The beginning of a text that may be long and of many lines.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// From the first call on, panics inside guarded calls and on sled's own threads are not printed; others are, by
/// whatever printed them before.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let guarded = GUARDED.try_with(Cell::get).unwrap_or(false);
            let thread = thread::current();
            let sleds = thread.name().is_some_and(|name| SLED_THREADS.iter().any(|prefix| name.starts_with(prefix)));
            if !guarded && !sleds {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_errors_become_words() {
        assert_eq!(guarded(|| Ok(7)), Ok(7));
        let error = guarded::<()>(|| Err(sled::Error::Unsupported("no\n  such".into()))).unwrap_err();
        assert!(error.contains("no such"), "{error}");
        assert_eq!(guarded::<()>(|| panic!("at byte {}", 7)), Err("sled gave up: at byte 7".to_owned()));
        assert_eq!(guarded::<()>(|| panic!("plain")), Err("sled gave up: plain".to_owned()));
        assert!(guarded::<()>(|| panic::panic_any(7)).unwrap_err().ends_with("no reason given"));
        assert!(!GUARDED.get());
    }
}
