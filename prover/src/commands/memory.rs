//! Memory, said before it is used.

use crate::cli::bytes;

/// "12.0 MiB of memory; 3.1 GiB are free", with a warning where that is not enough.
pub(super) fn needed(memory_bytes: u64) -> String {
    words(memory_bytes, free())
}

fn words(needed: u64, free: Option<u64>) -> String {
    let needed_words = format!("{} of memory", bytes(needed));
    match free {
        Some(free) if free < needed => format!("{needed_words}. WARNING: only {} are free.", bytes(free)),
        Some(free) => format!("{needed_words}; {} are free.", bytes(free)),
        None => format!("{needed_words}."),
    }
}

/// Memory that is free for a program, if the system says.
fn free() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_said() {
        assert_eq!(words(3 << 20, Some(1 << 30)), "3.0 MiB of memory; 1.0 GiB are free.");
        assert_eq!(words(3 << 30, Some(1 << 30)), "3.0 GiB of memory. WARNING: only 1.0 GiB are free.");
        assert_eq!(words(1 << 10, None), "1.0 KiB of memory.");
    }
}
