//! What is not there but may be in a module: whoever can load one is asked.
//!
//! Specification: modprobe.d(5) on aliases; `char-major-*`, `fs-*` as Linux names them.
use abi::{Errno, Result};
use sync::Once;

/// Loads the module that an alias names, and waits for it: the status word of the program that did, 0 when it went well.
pub type LoadModule = fn(alias: &str) -> Result<i32>;

static LOADER: Once<LoadModule> = Once::new();

/// Names who loads modules, once.
pub fn set_module_loader(load: LoadModule) {
    let _ = LOADER.set(load);
}

/// Asks for a module. ENOSYS: nobody loads any; else what the loader says.
pub(crate) fn load_module(alias: &str) -> Result<i32> {
    let load = LOADER.get().ok_or(Errno::ENOSYS)?;
    load(alias)
}
