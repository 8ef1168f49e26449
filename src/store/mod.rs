//! Specs on refs, and the views of them.
//!
//! The spec ref is the only thing that decisions read; files, notes and the branch's copy of a spec are views.

pub mod archive;
pub mod check;
pub mod history;
pub mod import;
pub mod join;
pub mod notes;
pub mod runs;
pub mod specs;
pub mod standing;
mod state_branch;
pub mod sync;
pub mod together;
pub mod transport;
pub mod trust;
pub mod view;

pub use history::{Conflict, Recorded, Relation, SETTLES, newest};
pub use specs::{Change, Listed, Spec, Store};

/// Where the file view of specs lies in a checkout.
pub const SPEC_DIR: &str = ".chant/specs";
/// Where the files of archived specs lie.
pub const ARCHIVE_DIR: &str = ".chant/archive";
/// The one ref of every archived spec.
pub const ARCHIVE_REF: &str = "refs/chant/archive";
/// One ref a spec.
pub const SPEC_REFS: &str = "refs/chant/specs/";

/// The path of a spec's file, from the top of a checkout.
pub fn spec_path(id: &crate::spec::SpecId) -> String {
    format!("{SPEC_DIR}/{}", id.file_name())
}
