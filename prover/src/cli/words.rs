//! Numbers and tables as people read them.

use std::time::Duration;

pub(crate) use cohortium_client::words::{bytes, table};

/// A time that one waits, roughly: "about 12 seconds".
pub(crate) fn about(time: Duration) -> String {
    match time.as_secs_f64().ceil() as u64 {
        0 | 1 => "less than a second".into(),
        seconds @ 2..=119 => format!("about {seconds} seconds"),
        seconds => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_read_them() {
        assert_eq!(about(Duration::from_millis(200)), "less than a second");
        assert_eq!(about(Duration::from_millis(4200)), "about 5 seconds");
        assert_eq!(about(Duration::from_secs(121)), "about 3 minutes");
    }
}
