//! How fast this machine is, so that what is said about time beforehand holds on others than the developers'.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cohortium_protocol::field::F;

/// Field multiplications that are timed: some milliseconds.
const MULTIPLICATIONS: u32 = 1 << 16;
/// Time of one on the machine that the costs were measured on.
const REFERENCE_NANOSECONDS: f64 = 12.5;
/// Part of the work that runs on one core whatever there is.
const SERIAL: f64 = 0.3;

/// The time by this machine's clock of work that took so many CPU-seconds where costs were measured.
pub(super) fn expected(reference_cpu_seconds: f64) -> Duration {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    on_cores(reference_cpu_seconds * slowness(), cores)
}

fn on_cores(cpu_seconds: f64, cores: usize) -> Duration {
    Duration::from_secs_f64(cpu_seconds * (SERIAL + (1.0 - SERIAL) / cores as f64))
}

/// How many times slower this machine is. Within bounds, whatever the clock says.
fn slowness() -> f64 {
    // The best of several: another process may interrupt.
    let best = (0..3).map(|_| time_multiplications()).fold(f64::INFINITY, f64::min);
    (best / REFERENCE_NANOSECONDS).clamp(0.25, 20.0)
}

fn time_multiplications() -> f64 {
    let factor = black_box(F::from(0x9e37_79b9_7f4a_7c15u64));
    let mut product = factor;
    let start = Instant::now();
    for _ in 0..MULTIPLICATIONS {
        product *= factor;
    }
    black_box(product);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(MULTIPLICATIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_cores_take_less_time_but_not_none() {
        let [one, two, many] = [1, 2, 1000].map(|cores| on_cores(10.0, cores).as_secs_f64());
        assert!(one == 10.0 && two < one && many > 2.9 && many < two);
    }
}
