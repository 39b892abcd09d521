//! Non-maskable interrupts.
use crate::stats;
use sync::Once;

/// Looks at a non-maskable interrupt: true if it was meant for it. Must not fault, lock or turn interrupts on.
pub type NmiHook = fn(rip: u64) -> bool;

const HOOKS: usize = 4;
static TABLE: [Once<NmiHook>; HOOKS] = [const { Once::new() }; HOOKS];

/// Adds a hook, for good.
///
/// # Errors
/// `ENOSPC`: there are four.
pub fn register(hook: NmiHook) -> abi::Result<()> {
    match TABLE.iter().any(|slot| slot.set(hook).is_ok()) {
        true => Ok(()),
        false => Err(abi::Errno::ENOSPC),
    }
}

/// One came while `rip` was executed. For `KernelTraps::nmi`. True if somebody claimed it.
pub fn on_nmi(rip: u64) -> bool {
    stats::count(stats::Arch::Nmi);
    TABLE
        .iter()
        .filter_map(Once::get)
        .fold(false, |claimed, hook| hook(rip) | claimed)
}
