//! The research sponsor's program.

fn main() {}
