//! Tracepoints that the command line switches on: `trace_event=sched:sched_switch,...` with `tp_printk`, which sends what
//! they say to the log (Documentation/admin-guide/kernel-parameters.txt). There is no other reader yet.
use crate::tracepoint::HookSlot;
use crate::{Level, pr_warn, printk};
use abi::Result;
use core::fmt::Display;
use core::sync::atomic::{AtomicBool, Ordering};
use sync::Once;

/// A tracepoint by its name.
pub trait Event: Sync {
    /// `system:name`.
    fn name(&self) -> &'static str;
    /// Lets it write a line to the log each time it is passed. May sleep. `EBUSY`, `ENOMEM`.
    fn to_log(&self) -> Result<()>;
}

/// The name of a tracepoint whose arguments can be shown.
pub struct Named<A: 'static> {
    name: &'static str,
    hook: &'static HookSlot<A>,
}

impl<A> Named<A> {
    /// `name` is `system:name`.
    pub const fn new(name: &'static str, hook: &'static HookSlot<A>) -> Self {
        Self { name, hook }
    }
}

impl<A: Display> Event for Named<A> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn to_log(&self) -> Result<()> {
        let name = self.name.rsplit(':').next().unwrap_or_default();
        let probe = move |args: &A| printk!(Level::Info, "{name}: {args}");
        let _for_good = self.hook.register(kmem::try_box(probe)?)?;
        Ok(())
    }
}

const MOST: usize = 32;
static EVENTS: [Once<&'static dyn Event>; MOST] = [const { Once::new() }; MOST];
static WANTED: Once<&'static str> = Once::new();
static TO_LOG: AtomicBool = AtomicBool::new(false);

/// Makes a tracepoint known by name; at boot. What finds no room stays unknown.
pub fn register(event: &'static dyn Event) {
    let _ = EVENTS.iter().any(|place| place.set(event).is_ok());
}

/// Takes `trace_event=` and `tp_printk` of the command line.
pub fn boot_option(key: &str, value: Option<&'static str>) -> bool {
    match (key, value) {
        ("trace_event", Some(events)) => drop(WANTED.set(events)),
        ("tp_printk", None) => TO_LOG.store(true, Ordering::Relaxed),
        _ => return false,
    }
    true
}

/// Switches on what the command line asked for. May sleep.
pub fn start() {
    let Some(wanted) = WANTED.get() else { return };
    if !TO_LOG.load(Ordering::Relaxed) {
        pr_warn!("trace_event={wanted}: only the log can be written to: say tp_printk as well");
        return;
    }
    for name in wanted.split(',') {
        let mut known = EVENTS.iter().filter_map(Once::get);
        match known.find(|event| event.name() == name).map(|e| e.to_log()) {
            Some(Ok(())) => {}
            Some(Err(error)) => pr_warn!("trace_event={name}: {error}"),
            None => pr_warn!("trace_event={name}: there is no such event"),
        }
    }
}
