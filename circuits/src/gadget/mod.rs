//! The relation `query` as constraints.
