//! What a proof will take on this machine, said before it is begun.

use std::time::Duration;

use cohortium_protocol::estimate::Costs;

use super::super::speed;
use crate::pipeline::Planned;

/// An estimate for people: good to about a factor of one and a half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    /// Memory at most.
    pub(super) memory_bytes: u64,
    /// Time by the clock.
    pub(super) time: Duration,
}

impl Estimate {
    pub(super) fn of(planned: &Planned<'_>) -> Self {
        let Costs { cpu_seconds, memory_bytes } = Costs::of(planned.shape(), planned.plan().lookups.len());
        Self { memory_bytes, time: speed::expected(cpu_seconds) }
    }
}
