//! The real program, run as people run it: messages, exit codes, and what is on the disk afterwards.

#![allow(clippy::unwrap_used)] // a failure should stop a test where it happens

mod backup;
mod commands;
mod consents;
mod exchange;
#[cfg(any(debug_assertions, feature = "faults"))] // elsewhere the program cannot be made to die
mod kill;
#[cfg(any(debug_assertions, feature = "faults"))]
mod kill_run;
mod lies;
mod place;
mod refusals;
mod release;
mod service;
