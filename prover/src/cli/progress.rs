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
        let spent = self.began.elapsed();
        let left = match done {
            // Too little is done to tell, or everything.
            done if done * 20 < units || done >= units => String::new(),
            done => {
                let left = spent.mul_f64(units.saturating_sub(done) as f64 / done as f64);
                format!(", {} left", about(left))
            }
        };
        self.bar.set_message(format!("{doing}{left}"));
        if !self.terminal && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            eprintln!("{:>3} %  {doing}{left}", 100 * done / units);
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(self) -> Duration {
        self.bar.finish_and_clear();
        self.began.elapsed()
    }
}
