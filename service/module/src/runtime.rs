//! What the crate that knows C does for us.
use crate::list::{Export, Module};
use abi::Result;
use alloc::sync::Arc;
use sync::Once;

/// What stands in a module's record (`struct module`), as the compiler and the relocations made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// The module's name.
    pub name: &'a [u8],
    /// Address of the init function, 0 for none.
    pub init: u64,
    /// Address of the exit function, 0 for none.
    pub exit: u64,
}

/// The C side of modules.
pub trait Runtime: Sync {
    /// What the kernel itself exports under a name.
    fn export(&self, name: &[u8]) -> Option<Export>;

    /// Reads the record out of the bytes of its section. `None`: they are not as many as they have to be.
    fn record<'a>(&self, bytes: &'a [u8]) -> Option<Record<'a>>;

    /// Everything is in place and sealed: notes where the module's own tables are (parameters, exports, bug table).
    ///
    /// # Errors
    /// `ENOEXEC`: a table makes no sense; `ENOMEM`.
    fn adopt(&self, module: &Arc<Module>) -> Result<()>;

    /// Sets the parameters of `line`. Unknown ones are told and ignored.
    ///
    /// # Errors
    /// What a parameter's own function answers.
    fn set_parameters(&self, module: &Arc<Module>, line: &[u8]) -> Result<()>;

    /// Runs init; its answer.
    ///
    /// # Errors
    /// `EIO`: it crashed, and the module is in quarantine.
    fn init(&self, module: &Arc<Module>) -> Result<i32>;

    /// Runs exit.
    ///
    /// # Errors
    /// `EIO`: it crashed, and the module is in quarantine.
    fn exit(&self, module: &Arc<Module>) -> Result<()>;

    /// The module may not be entered any more: has who waits inside of it come out.
    fn evict(&self, module: &Arc<Module>);

    /// Nothing of the module runs any more and nothing will: takes back what it took from the kernel and still has.
    fn disown(&self, module: &Arc<Module>);
}

static RUNTIME: Once<&'static dyn Runtime> = Once::new();

/// Names the runtime, once.
pub fn set_runtime(runtime: &'static dyn Runtime) {
    let _ = RUNTIME.set(runtime);
}

/// The runtime. `ENOSYS` before there is one.
pub(crate) fn runtime() -> Result<&'static dyn Runtime> {
    RUNTIME.get().copied().ok_or(abi::Errno::ENOSYS)
}
