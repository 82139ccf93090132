//! The one HTTP client of the ledger, and the research sponsor's program.
