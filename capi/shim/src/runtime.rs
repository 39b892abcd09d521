//! What `service/module` needs of C.
use crate::{enter, kprobes, ledger, table, watch};
use abi::Result;
use alloc::sync::Arc;
use module::{Export, Module, Record, Runtime};

/// The runtime.
pub(crate) struct Capi;

/// Where the functions stand in `struct module`.
const INIT: usize = 56;
const EXIT: usize = 64;
/// Its size.
const RECORD: usize = 120;

impl Runtime for Capi {
    fn export(&self, name: &[u8]) -> Option<Export> {
        table::find(name)
    }

    fn record<'a>(&self, bytes: &'a [u8]) -> Option<Record<'a>> {
        if bytes.len() != RECORD {
            return None;
        }
        let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let name = bytes.get(..INIT)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        Some(Record {
            name: &name[..end],
            init: word(INIT)?,
            exit: word(EXIT)?,
        })
    }

    fn adopt(&self, module: &Arc<Module>) -> Result<()> {
        watch::module_comes();
        crate::param_files::show(module)
    }

    fn set_parameters(&self, module: &Arc<Module>, line: &[u8]) -> Result<()> {
        crate::param::set_all(module, line)
    }

    fn init(&self, module: &Arc<Module>) -> Result<i32> {
        match module.facts().init {
            0 => Ok(0),
            init => enter::call(module, init, &[0; 6]).map(|answer| answer as i32),
        }
    }

    fn exit(&self, module: &Arc<Module>) -> Result<()> {
        match module.facts().exit {
            0 => Ok(()),
            exit => enter::call(module, exit, &[0; 6]).map(drop),
        }
    }

    fn evict(&self, module: &Arc<Module>) {
        crate::park::wake_all();
        crate::kthread::stop_all(module);
    }

    fn disown(&self, module: &Arc<Module>) {
        crate::mapping::revoke_of(module);
        ledger::disown(module);
        kprobes::module_goes(module);
        crate::redzone::flush(module);
        crate::task::sweep();
        crate::lock_class::forget(module);
        watch::module_goes(module);
    }
}
