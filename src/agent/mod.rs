//! The agent: which one, what it is told, how its process is run and ended, and what a run leaves on disk while it lasts.
//!
//! Nothing here knows a spec's status or moves a ref. A run is alive as long as somebody holds the lock of its files ([`run_dir`]): that
//! survives kill -9 of git-chant and of the agent, and no process id has to be believed.

pub mod group;
mod locks;
pub mod process;
pub mod prompt;
pub mod registry;
pub mod run_dir;
mod signals;

pub use process::{Ended, Task};
pub use registry::{Agent, script_of};
pub use run_dir::{Liveness, RunDir};
