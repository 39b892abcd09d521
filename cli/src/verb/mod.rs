//! The verbs. Each has its arguments and a `run` that gives the exit status.

pub(crate) mod bench;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod debug;
pub(crate) mod lab;
pub(crate) mod module;
pub(crate) mod run;
pub(crate) mod test;
