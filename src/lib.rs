//! t
pub mod context;
pub mod failure;
pub mod git;
pub mod output;
pub mod spec;
pub mod store;
