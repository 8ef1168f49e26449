//! What several verbs share. Each file is a plan, then its execution.

pub mod ask;
pub mod closed;
pub mod doctor;
pub mod files;
pub mod finalize;
pub mod find;
pub mod finish;
pub mod fold;
pub mod hooks;
pub mod incoming;
pub mod judge;
pub mod live;
pub mod merge;
pub mod outside;
pub mod overrule;
pub mod pickup;
pub mod plan;
pub mod receive;
pub mod recover;
pub mod settings;
pub mod start;
pub mod sync;
pub mod verify;
pub mod work;
