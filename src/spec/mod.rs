//! Pure: what a spec is. No I/O, no gix, no clap, no clock; object names are hexadecimal strings.

pub mod criteria;
pub mod document;
pub mod event;
pub mod facts;
pub mod front_matter;
pub mod graph;
pub mod id;
pub mod intent;
pub mod join;
pub mod markdown;
pub mod runs;
pub mod settings;
pub mod shell;
pub mod split;
pub mod status;
pub mod told;
pub mod words;
pub mod yaml_lines;

pub use criteria::Criterion;
pub use document::Document;
pub use event::{Event, EventKind};
pub use facts::{Facts, Ran};
pub use front_matter::FrontMatter;
pub use id::SpecId;
pub use status::{Approval, Shown, Status};
