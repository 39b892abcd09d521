//! Tracepoints: places that tell whoever listens, and cost one instruction that does nothing while nobody does.
//!
//! ```ignore
//! trace::define_tracepoint!(pub mod sched_switch(SchedSwitch));
//! trace::tracepoint!(sched_switch, SchedSwitch { prev: 1, next: 2 });
//! let probe = sched_switch::HOOK.register(my_probe)?;
//! ```
use abi::{Errno, Result};
use core::sync::atomic::{AtomicUsize, Ordering};
use sync::StaticKey;
use sync::rcu::{self, Rcu};

/// Called with what the place has to say, in the place's context.
pub trait Probe<A>: Send + Sync {
    /// It happened.
    fn hit(&self, args: &A);
}

impl<A, F: Fn(&A) + Send + Sync> Probe<A> for F {
    fn hit(&self, args: &A) {
        self(args);
    }
}

const MAX_PROBES: usize = 8;

type Boxed<A> = alloc::boxed::Box<dyn Probe<A>>;

/// Who listens at one place.
pub struct HookSlot<A: 'static> {
    key: &'static StaticKey,
    probes: [Rcu<Boxed<A>>; MAX_PROBES],
    /// Slots taken, as bits.
    taken: AtomicUsize,
}

/// A registered probe; ends when [`HookSlot::unregister`] gets it.
#[derive(Debug)]
#[must_use]
pub struct ProbeId(usize);

impl<A: 'static> HookSlot<A> {
    /// Nobody listens. `key` is the one that the place tests.
    pub const fn new(key: &'static StaticKey) -> Self {
        Self {
            key,
            probes: [const { Rcu::empty() }; MAX_PROBES],
            taken: AtomicUsize::new(0),
        }
    }

    /// Adds a probe. May sleep.
    ///
    /// # Errors
    /// `EBUSY`: eight listen. `ENOMEM`.
    pub fn register(&self, probe: Boxed<A>) -> Result<ProbeId> {
        let probe = kmem::try_arc(probe)?;
        for (at, slot) in self.probes.iter().enumerate() {
            if self.taken.fetch_or(1 << at, Ordering::AcqRel) >> at & 1 == 0 {
                drop(slot.swap(Some(probe)));
                self.key.enable();
                return Ok(ProbeId(at));
            }
        }
        Err(Errno::EBUSY)
    }

    /// Removes a probe; it does not run any more when this returns. May sleep.
    #[expect(clippy::needless_pass_by_value, reason = "the id is used up")]
    pub fn unregister(&self, id: ProbeId) {
        self.key.disable();
        drop(self.probes[id.0].swap(None));
        self.taken.fetch_and(!(1 << id.0), Ordering::Release);
    }

    /// Tells all probes.
    #[cold]
    pub fn call(&self, args: &A) {
        let section = rcu::read_lock();
        for probe in self.probes.iter().filter_map(|slot| slot.load(&section)) {
            probe.hit(args);
        }
    }
}

/// Defines a tracepoint as a module with its key and its hook: `define_tracepoint!(pub mod name(ArgsType));`. The
/// visibility must be given (`pub` or `pub(crate)`): it is that of the two statics as well.
#[macro_export]
macro_rules! define_tracepoint {
    ($(#[$doc:meta])* $vis:vis mod $name:ident($args:ty)) => {
        $(#[$doc])*
        $vis mod $name {
            use super::*;
            /// Whether anybody listens.
            $vis static KEY: $crate::__private::StaticKey = $crate::__private::StaticKey::new();
            /// Who listens.
            $vis static HOOK: $crate::tracepoint::HookSlot<$args> =
                $crate::tracepoint::HookSlot::new(&KEY);
        }
    };
}

/// Says that a defined tracepoint is passed; the arguments are made only if somebody listens.
#[macro_export]
macro_rules! tracepoint {
    ($name:ident, $args:expr) => {
        if $crate::__private::static_branch!($name::KEY) {
            $name::HOOK.call(&$args);
        }
    };
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::sync::atomic::{AtomicU32, Ordering};

    pub(crate) struct Passed(u32);
    crate::define_tracepoint!(pub(crate) mod passed(Passed));
    static SUM: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn probes_hear_while_registered() {
        crate::tracepoint!(passed, Passed(1));
        let probe = |n: &Passed| {
            SUM.fetch_add(n.0, Ordering::Relaxed);
        };
        let id = passed::HOOK.register(Box::new(probe)).expect("room");
        crate::tracepoint!(passed, Passed(2));
        crate::tracepoint!(passed, Passed(3));
        passed::HOOK.unregister(id);
        crate::tracepoint!(passed, Passed(4));
        assert_eq!(SUM.load(Ordering::Relaxed), 5);
    }
}
