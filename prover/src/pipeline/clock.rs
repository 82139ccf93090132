//! Time by phase.

use std::time::Instant;

/// A stage of the work with its measured wall time, for benchmarks.
#[derive(Clone, Debug)]
pub struct Phase {
    /// What was done.
    pub name: &'static str,
    /// Wall seconds.
    pub seconds: f64,
    /// CPU-seconds of the process, if the caller gave a way to read them.
    pub cpu_seconds: f64,
}

/// Measures phases.
pub(super) struct Clock<'a> {
    cpu: &'a dyn Fn() -> f64,
    last: (Instant, f64),
    pub(super) phases: Vec<Phase>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(cpu: &'a dyn Fn() -> f64) -> Self {
        Self { cpu, last: (Instant::now(), cpu()), phases: Vec::new() }
    }

    pub(super) fn lap(&mut self, name: &'static str) {
        let now = (Instant::now(), (self.cpu)());
        self.phases.push(Phase {
            name,
            seconds: (now.0 - self.last.0).as_secs_f64(),
            cpu_seconds: now.1 - self.last.1,
        });
        self.last = now;
    }
}
