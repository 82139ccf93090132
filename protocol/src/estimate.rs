//! What a proof costs a hospital, said before it is begun: from its shape and plan alone.

use crate::shape::Shape;

/// CPU-seconds of the Groth16 proof, which hardly depends on the shape, where costs were measured.
const FIXED_CPU_SECONDS: f64 = 2.6;
/// CPU-seconds of a leaf set's entry: commitments, argument and openings.
const CPU_SECONDS_AN_ENTRY: f64 = 0.72e-6;
/// Memory of key and proof, and of a leaf set's entry.
const FIXED_BYTES: u64 = 380 << 20;
const BYTES_AN_ENTRY: u64 = 120;

/// An estimate for people: good to about a factor of one and a half.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Costs {
    /// CPU-seconds on the machine that the benchmark's figures are of.
    pub cpu_seconds: f64,
    /// Memory at most, in bytes.
    pub memory_bytes: u64,
}

impl Costs {
    /// Of a proof in a shape with so many lookups.
    pub fn of(shape: &Shape, lookups: usize) -> Self {
        // One leaf set a lookup and one for the aggregates; each as long as the longer of rows and values.
        let entries = (lookups + 1) as u64 * shape.rows().max(shape.values()) as u64;
        Self {
            cpu_seconds: FIXED_CPU_SECONDS + CPU_SECONDS_AN_ENTRY * entries as f64,
            memory_bytes: FIXED_BYTES + BYTES_AN_ENTRY * entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As measured by the benchmark: 3.3 seconds and 449 MiB, 10.8 seconds and 1686 MiB.
    #[test]
    fn estimates_are_near_the_benchmarks_figures() {
        for (shape, cpu_seconds, mib) in [(Shape::QUERY_16, 3.3, 449.0), (Shape::QUERY_20, 10.8, 1686.0)] {
            let Costs { cpu_seconds: cpu, memory_bytes: bytes } = Costs::of(&shape, 10);
            assert!((cpu / cpu_seconds - 1.0).abs() < 0.2, "{shape}: {cpu} s");
            assert!((bytes as f64 / f64::from(1 << 20) / mib - 1.0).abs() < 0.2, "{shape}: {bytes} bytes");
        }
    }
}
