//! The kernel threads that bury the dead.
use crate::{kthread, reap};
use alloc::boxed::Box;

/// Starts this CPU's burier.
pub(crate) fn start_on(cpu: usize) -> abi::Result<()> {
    kthread::on_cpu(
        "reaper",
        cpu,
        kmem::try_box(burier)? as Box<dyn FnOnce() + Send>,
    )?;
    Ok(())
}

fn burier() {
    loop {
        reap::bury_here();
        reap::wait_for_dead();
    }
}
