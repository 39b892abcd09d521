//! Calls from the kernel into modules, and what happens when a module fails.
//!
//! A fault whose instruction lies in a module's text, under a call that has a landing, is reported and ends the call;
//! the module is in quarantine from then on. So does misuse of an exported function ([`misuse`]), which lands when the
//! function returns to the module: the module's text is entered no more.
use abi::Errno;
use alloc::sync::Arc;
use hal::landing::{self, Landing};
use hal::traps::{FaultInfo, TrapFrame};
use module::Module;
use sync::Once;
use trace::{pr_alert, pr_emerg};

/// What the locks held looked like before a call.
struct Depths {
    spinning: usize,
    sleeping: usize,
}

impl Depths {
    fn now() -> Self {
        Self {
            spinning: sync::held::spin_held().depth(),
            sleeping: sync::thread::held().map_or(0, sync::held::HeldStack::depth),
        }
    }

    /// Marks what was taken since dead.
    fn restore(&self) {
        sync::held::spin_held().kill_above(self.spinning);
        if let Some(held) = sync::thread::held() {
            held.kill_above(self.sleeping);
        }
    }
}

/// Calls a function of a module; its result.
///
/// # Errors
/// `EIO`: the module is in quarantine, before the call or because of it.
pub(crate) fn call(
    module: &Arc<Module>,
    function: usize,
    arguments: &[u64; 6],
) -> Result<u64, Errno> {
    // First counted, then asked: who lets nobody in any more waits for those that are counted.
    let _visit = module.visit();
    if !module.may_enter() {
        return Err(Errno::EIO);
    }
    let before = Depths::now();
    let mut landing = Landing::new(Arc::as_ptr(module) as usize);
    // SAFETY: the address came from the module's relocated records, whose types its headers checked; between it and a
    // fault that lands there are C frames only, since exported functions answer errors instead of faulting.
    let result = unsafe { landing.call(function, arguments) };
    if result.is_err() {
        before.restore();
        return Err(Errno::EIO);
    }
    if !landing.is_balanced() {
        unbalanced(module, function, &landing);
        before.restore();
        landing.restore();
        return Err(Errno::EIO);
    }
    result.map_err(|_| Errno::EIO)
}

/// A function returned in another state than it was called in.
#[cold]
fn unbalanced(module: &Module, function: usize, landing: &Landing) {
    let held = hal::preempt::count() != landing.preemption();
    let what = match (held, hal::irq::enabled()) {
        (true, _) => "a spinlock held",
        (false, true) => "interrupts on",
        (false, false) => "interrupts off",
    };
    let at = trace::symbols::Named::instruction(function as u64);
    pr_alert!("BUG: {at} returned with {what}");
    condemn(module);
}

/// What a negative number says.
#[inline]
fn checked(answer: i64) -> Result<i64, Errno> {
    if answer >= 0 {
        Ok(answer)
    } else {
        error_of(answer)
    }
}

#[cold]
fn error_of(answer: i64) -> Result<i64, Errno> {
    let error = i32::try_from(answer.wrapping_neg()).ok();
    match error.and_then(Errno::from_code) {
        Some(error) => Err(error),
        None => Ok(answer),
    }
}

/// As [`call`], for a function that answers an `int`: an error is a negative number.
pub(crate) fn call_int(
    module: &Arc<Module>,
    function: usize,
    arguments: &[u64; 6],
) -> Result<i32, Errno> {
    // The upper half of the register means nothing.
    let answer = call(module, function, arguments)? as i32;
    checked(answer.into()).map(|_| answer)
}

/// As [`call`], for a function that answers a `long`: an error is a negative number.
pub(crate) fn call_long(
    module: &Arc<Module>,
    function: usize,
    arguments: &[u64; 6],
) -> Result<i64, Errno> {
    checked(call(module, function, arguments)? as i64)
}

/// Calls back, out of an exported function, into the module that called it. If that fails, so does the call that led
/// into the module: the caller holds nothing that has to be dropped.
pub(crate) fn back(function: usize, arguments: &[u64; 6]) -> u64 {
    let answer = running().map(|module| call(&module, function, arguments));
    match answer {
        Some(Ok(answer)) => answer,
        Some(Err(_)) => {
            // SAFETY: the module's reference was dropped above, and the caller holds nothing.
            unsafe { landing::leave() };
            0
        }
        None => 0,
    }
}

/// A fault in kernel mode. True: it was a module's, and the kernel goes on at the call that led into it.
pub(crate) fn on_fault(frame: &mut TrapFrame, fault: &FaultInfo) -> bool {
    if landing::owner().is_none() {
        return false;
    }
    // A jump to nowhere has its caller on the stack.
    let module = module::owner_of(frame.rip as usize).or_else(running);
    let Some(module) = module else {
        return false;
    };
    let text = module::owner_of(frame.rip as usize).is_some();
    let wild_jump = frame.rip as usize == fault.addr;
    if !text && !wild_jump {
        return false;
    }
    if crate::bug::on_fault(&module, frame, fault) {
        return true;
    }
    trace::oops::describe(frame, fault);
    condemn(&module);
    landing::land(frame)
}

/// The module that was entered last.
pub(crate) fn running() -> Option<Arc<Module>> {
    module::by_object(landing::owner()?)
}

/// What else happens when a module comes into quarantine: it stands above this file.
static THEN: Once<fn()> = Once::new();

/// Names it. It is called wherever a module fails: it must not sleep.
pub(crate) fn on_quarantine(then: fn()) {
    let _ = THEN.set(then);
}

pub(crate) fn condemn(module: &Module) {
    module::quarantine(module);
    crate::park::wake_all();
    if let Some(then) = THEN.get() {
        then();
    }
    let name = module.name();
    pr_emerg!("module {name} crashed: it is in quarantine; rmmod takes it away");
}

/// An exported function was called as it must not be: reports it and ends the call that led into the module. The caller
/// holds nothing that has to be dropped.
#[cold]
pub(crate) fn misuse(what: &str) -> ! {
    misused(format_args!("{what}"))
}

/// A module called a function when its stack was nearly used up: for `export`.
pub(crate) fn stack_is_full() {
    misuse("no stack is left for a function of the kernel's");
}

fn misused(what: core::fmt::Arguments<'_>) -> ! {
    if let Some(module) = running() {
        pr_alert!("BUG: {what} [{}]", module.name());
        trace::oops::dump_stack(trace::Level::Alert);
        condemn(&module);
    }
    // SAFETY: the module's reference was dropped above; exported functions call this with nothing else alive.
    unsafe { landing::leave() };
    trace::panic::panic(format_args!("{what}, and by no module"));
}

/// Ends the call that led into the module, from inside and in order: the thread's own end (`kthread_exit`). The caller
/// holds nothing that has to be dropped.
pub(crate) fn finish() -> ! {
    // SAFETY: as in `misuse`.
    unsafe { landing::leave() };
    trace::panic::panic(format_args!("the end of a call, outside of any"));
}

/// A function that sleeps: ends the call where nothing may. The caller holds nothing that has to be dropped.
#[inline]
pub(crate) fn must_sleep(what: &str) {
    if !sync::context::may_sleep() {
        misused(format_args!(
            "sleeping function called from invalid context: {what}"
        ));
    }
}

/// Reports that a function that may sleep was called where nothing may; the caller goes on without sleeping.
pub(crate) fn check_may_sleep(what: &str) {
    if sync::context::may_sleep() {
        return;
    }
    let name = running();
    let name = name.as_ref().map_or("", |module| module.name());
    pr_alert!("BUG: sleeping function called from invalid context: {what} [{name}]");
    trace::oops::dump_stack(trace::Level::Alert);
}

/// Whether the module that runs may go on waiting.
pub(crate) fn landing_is_alive() -> bool {
    running().is_none_or(|module| module.may_enter())
}
