//! The end of a module.
use crate::list::{self, Module, State};
use crate::runtime::runtime;
use crate::sysfs;
use abi::{Errno, Result};
use alloc::sync::Arc;
use device::Action;
use trace::pr_alert;

/// Unloads the module of that name: delete_module(2).
///
/// # Errors
/// `ENOENT`; `EWOULDBLOCK`: other modules or open files use it; `EBUSY`: it is coming or going, or has no exit.
pub fn unload(name: &[u8], force: bool) -> Result<()> {
    let module = list::find(name).ok_or(Errno::ENOENT)?;
    if list::is_used(&module) {
        return Err(Errno::EAGAIN);
    }
    match module.state() {
        State::Live => {}
        State::Quarantined => {
            // What still has a file of it open gets errors from it; the memory waits for them.
            if !module.close() {
                return Err(Errno::EAGAIN);
            }
            discard(&module);
            return Ok(());
        }
        State::Coming | State::Going | State::Gone => return Err(Errno::EBUSY),
    }
    let facts = module.facts();
    if facts.init != 0 && facts.exit == 0 {
        if !force {
            return Err(Errno::EBUSY);
        }
        trace::taint::add(trace::taint::Taint::ForcedRmmod);
    }
    if !module.close() {
        return Err(Errno::EAGAIN);
    }
    module.set_state(State::Going);
    // A crash in exit leaves a module in quarantine, which can be discarded as well.
    let _ = runtime()?.exit(&module);
    discard(&module);
    Ok(())
}

/// Takes back everything and forgets the module. Nothing of it runs any more.
pub(crate) fn discard(module: &Arc<Module>) {
    let crashed = module.state() == State::Quarantined;
    module.set_state(State::Gone);
    let runtime = runtime();
    if let Ok(runtime) = &runtime {
        runtime.evict(module);
    }
    let empty = module.wait_empty();
    if let Ok(runtime) = runtime {
        runtime.disown(module);
    }
    if module.set_told(false) {
        sysfs::announce(module, Action::Remove);
    }
    sysfs::hide(module);
    list::remove(module);
    for provider in module.providers() {
        provider.put();
    }
    let area = module.area().take();
    match area {
        // Somebody is inside who does not come out: what he stands on must stay.
        Some(area) if !empty => {
            pr_alert!(
                "{}: a call does not return; its memory is lost",
                module.name()
            );
            core::mem::forget(area);
        }
        Some(area) if crashed => area.retire(),
        other => drop(other),
    }
}
