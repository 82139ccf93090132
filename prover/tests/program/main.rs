//! The real program, run as people run it: messages, exit codes, and what is on the disk afterwards.

#![allow(clippy::unwrap_used)] // a failure should stop a test where it happens

mod commands;
#[allow(dead_code)] // proving follows
mod place;
