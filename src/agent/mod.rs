//! The agent: which one, what it is told, how its process is run and ended, what its output says, and what a run leaves on disk while it
//! lasts.
//!
//! Nothing here knows a spec's status or moves a ref. A run is alive as long as somebody holds the lock of its files ([`run_dir`]): that
//! survives kill -9 of git-chant and of the agent, and no process id has to be believed.

pub mod around;
mod family;
pub mod group;
mod locks;
pub mod placeholder;
pub mod preset;
pub mod process;
pub mod prompt;
pub mod registry;
pub mod run_dir;
mod script;
pub mod settings;
mod signals;
mod stop;
pub mod transcript;

pub use placeholder::Place;
pub use process::{Ended, Task};
pub use registry::{Agent, Client, Invocation, Surroundings};
pub use run_dir::{Liveness, RunDir};
pub use script::script_of;
pub use settings::Limits;
pub use stop::{Heard, Stop, stop_asked};
