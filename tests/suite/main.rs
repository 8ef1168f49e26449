//! One binary for every test that is not in-file: each module is a subject.

mod agent;
mod gate;
mod join;
mod shim;
