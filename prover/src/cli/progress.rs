//! How far a long piece of work is, and how long it still takes.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words::about;

/// Between two lines where there is no terminal to draw on.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A bar on a terminal; elsewhere a line now and then.
pub(crate) struct Progress {
    bar: ProgressBar,
    terminal: bool,
    began: Instant,
    last_line: Instant,
}

impl Progress {
    /// Work of so many units.
    pub(crate) fn new(units: u64) -> Self {
        let terminal = io::stderr().is_terminal();
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(units), target);
        if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {percent:>3} %  {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        let now = Instant::now();
        Self { bar, terminal, began: now, last_line: now }
    }

    /// Says what comes next, with so many units done.
    pub(crate) fn at(&mut self, done: u64, doing: &str) {
        let units = self.bar.length().unwrap_or(0).max(1);
        self.bar.set_position(done.min(units));
        let message = message(done, units, self.began.elapsed(), doing);
        if !self.terminal && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{:>3} %  {message}", 100 * done.min(units) / units);
        }
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub(crate) fn end(self) -> Duration {
        self.bar.finish_and_clear();
        self.began.elapsed()
    }
}

/// What is being done and, once enough is done to tell, how long the rest takes if it goes on as it went.
fn message(done: u64, units: u64, spent: Duration, doing: &str) -> String {
    // Below a twentieth too little is done to tell; at the end nothing is left.
    if done.saturating_mul(20) < units || done >= units || done == 0 {
        return doing.to_owned();
    }
    let left = spent.mul_f64((units - done) as f64 / done as f64);
    format!("{doing}, {} left", about(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_pace() {
        let at = |done, seconds| message(done, 100, Duration::from_secs(seconds), "column age");
        // A quarter in 10 seconds: three quarters in 30.
        assert_eq!(at(25, 10), "column age, about 30 seconds left");
        assert_eq!(at(50, 10), "column age, about 10 seconds left");
        assert_eq!(at(99, 99), "column age, less than a second left");
        assert_eq!(at(10, 60), "column age, about 9 minutes left");
        // Too early to tell; nothing left.
        for done in [0, 4, 100, 101] {
            assert_eq!(at(done, 60), "column age");
        }
        assert_eq!(message(5, 100, Duration::from_secs(1), "x"), "x, about 19 seconds left");
        assert_eq!(message(0, 0, Duration::from_secs(1), "x"), "x");
    }

    #[test]
    fn a_bar_stays_within_its_length_and_gives_the_time_it_took() {
        let mut progress = Progress::new(10);
        for done in [0, 3, 10, 12] {
            progress.at(done, "x");
            assert_eq!(progress.bar.position(), done.min(10));
            assert!(progress.bar.message().starts_with('x'));
        }
        std::thread::sleep(Duration::from_millis(2));
        assert!(progress.end() >= Duration::from_millis(2));
        // Work of no units has no rate.
        Progress::new(0).at(0, "x");
    }
}
