//! Release policies: which numbers may leave a hospital, and in what form.

mod release;

pub use release::{
    Cell, GroupAggregates, GroupCells, MAX_COUNT_RULE, ParamsError, ReleaseParams, SUM_BASE_BITS, SUM_NAMES, SumParams,
    next_edge, release,
};
