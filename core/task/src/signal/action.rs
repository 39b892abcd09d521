//! What a process does on each signal (sigaction(2), signal(7)).
//!
//! The table of actions is shared until somebody changes it: fork copies a reference, not 2 KiB.
use abi::Result;
use alloc::sync::Arc;
use pid::sigset::MAX_SIGNAL;
use pid::{SigSet, Signal, signals};
use sync::{LockClass, SpinLock, rank};

static ACTIONS: LockClass = LockClass::new("sig_actions", rank::SIG_ACTIONS);

/// `SA_*` flags.
pub mod sa {
    pub const NOCLDSTOP: u64 = 1;
    pub const NOCLDWAIT: u64 = 2;
    pub const SIGINFO: u64 = 4;
    pub const RESTORER: u64 = 0x0400_0000;
    pub const ONSTACK: u64 = 0x0800_0000;
    pub const RESTART: u64 = 0x1000_0000;
    pub const NODEFER: u64 = 0x4000_0000;
    pub const RESETHAND: u64 = 0x8000_0000;
    /// What a program may set; the rest is dropped, so that it can find out what is known (`SA_UNSUPPORTED`).
    pub const KNOWN: u64 = NOCLDSTOP
        | NOCLDWAIT
        | SIGINFO
        | RESTORER
        | ONSTACK
        | RESTART
        | NODEFER
        | RESETHAND
        | EXPOSE_TAGBITS;
    pub const EXPOSE_TAGBITS: u64 = 0x800;
}

/// `SIG_DFL`.
pub const DEFAULT: usize = 0;
/// `SIG_IGN`.
pub const IGNORE: usize = 1;

/// One action: `struct sigaction` of the kernel interface.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    abi::zerocopy::FromBytes,
    abi::zerocopy::IntoBytes,
    abi::zerocopy::Immutable,
    abi::zerocopy::KnownLayout,
)]
#[repr(C)]
pub struct SigAction {
    /// Address of the handler, [`DEFAULT`] or [`IGNORE`].
    pub handler: usize,
    /// [`sa`] flags.
    pub flags: u64,
    /// Where a handler returns to.
    pub restorer: usize,
    /// Blocked while the handler runs.
    pub mask: u64,
}
const _: () = assert!(size_of::<SigAction>() == 32);

/// What a signal does to a process that has not said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    /// Nothing.
    Ignore,
    /// Stops it.
    Stop,
    /// Ends it.
    Terminate,
    /// Ends it with a core image.
    Core,
}

/// The default action of a signal. SIGCONT's continuing is done when it is sent, whatever its action.
pub const fn default_action(sig: Signal) -> DefaultAction {
    if SigSet::DEFAULT_IGNORE.contains(sig) {
        DefaultAction::Ignore
    } else if SigSet::STOP.contains(sig) {
        DefaultAction::Stop
    } else if SigSet::CORE.contains(sig) {
        DefaultAction::Core
    } else {
        DefaultAction::Terminate
    }
}

impl SigAction {
    /// Whether the signal does nothing at all.
    #[inline]
    pub fn ignores(&self, sig: Signal) -> bool {
        self.handler == IGNORE || (self.handler == DEFAULT && SigSet::DEFAULT_IGNORE.contains(sig))
    }
    /// Whether the signal ends the process.
    pub fn is_fatal(&self, sig: Signal) -> bool {
        self.handler == DEFAULT
            && matches!(
                default_action(sig),
                DefaultAction::Terminate | DefaultAction::Core
            )
    }
    /// Whether a flag of [`sa`] is set.
    #[inline]
    pub const fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }
}

/// The actions of all signals.
#[derive(Clone)]
pub struct Actions([SigAction; MAX_SIGNAL as usize]);

/// The actions of a process; processes made with `CLONE_SIGHAND` share one.
pub struct SigHand {
    table: SpinLock<Arc<Actions>>,
}

impl SigHand {
    /// All default. `ENOMEM`.
    pub fn new() -> Result<Arc<Self>> {
        let actions = Actions([SigAction::default(); MAX_SIGNAL as usize]);
        Self::of(kmem::try_arc(actions)?)
    }

    /// All ignored, SIGKILL and SIGSTOP too: for kernel threads. `ENOMEM`.
    #[cfg_attr(
        not(target_os = "none"),
        expect(dead_code, reason = "its callers need the machine")
    )]
    pub(crate) fn deaf() -> Result<Arc<Self>> {
        let ignored = SigAction {
            handler: IGNORE,
            ..SigAction::default()
        };
        Self::of(kmem::try_arc(Actions([ignored; MAX_SIGNAL as usize]))?)
    }

    fn of(actions: Arc<Actions>) -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            table: SpinLock::new(&ACTIONS, actions),
        })
    }

    /// An independent copy for a child process. `ENOMEM`.
    pub fn fork(&self) -> Result<Arc<Self>> {
        let actions = self.table.lock_irq().clone();
        Self::of(actions)
    }

    /// A copy in which handlers are default again and what was ignored still is (exec, `CLONE_CLEAR_SIGHAND`).
    pub fn without_handlers(&self) -> Result<Arc<Self>> {
        let mut actions = (**self.table.lock_irq()).clone();
        for action in &mut actions.0 {
            let handler = if action.handler == IGNORE {
                IGNORE
            } else {
                DEFAULT
            };
            *action = SigAction {
                handler,
                ..SigAction::default()
            };
        }
        Self::of(kmem::try_arc(actions)?)
    }

    /// Whether no signal has a handler or a flag.
    pub fn has_no_handlers(&self) -> bool {
        let table = self.table.lock_irq();
        table
            .0
            .iter()
            .all(|a| a.handler <= IGNORE && a.flags == 0 && a.mask == 0)
    }

    /// The action of a signal.
    #[inline]
    pub fn get(&self, sig: Signal) -> SigAction {
        self.table.lock_irq().0[sig as usize - 1]
    }

    /// Sets the action of a signal if the table is this process' own; answers the one before.
    #[cfg_attr(
        not(target_os = "none"),
        expect(dead_code, reason = "its callers need the machine")
    )]
    pub(crate) fn set_if_unshared(&self, sig: Signal, action: SigAction) -> Option<SigAction> {
        let mut table = self.table.lock_irq();
        let actions = Arc::get_mut(&mut table)?;
        Some(core::mem::replace(&mut actions.0[sig as usize - 1], action))
    }

    /// Sets the action of a signal; answers the one before. `ENOMEM`: the table was shared and could not be copied.
    pub fn set(&self, sig: Signal, action: SigAction) -> Result<SigAction> {
        let mut spare: Option<Arc<Actions>> = None;
        loop {
            let mut table = self.table.lock_irq();
            if let Some(actions) = Arc::get_mut(&mut table) {
                return Ok(core::mem::replace(&mut actions.0[sig as usize - 1], action));
            }
            if let Some(mut copy) = spare.take() {
                if let Some(actions) = Arc::get_mut(&mut copy) {
                    actions.0 = table.0;
                }
                let old = core::mem::replace(&mut *table, copy);
                drop(table);
                drop(old);
                continue;
            }
            let same = table.0[sig as usize - 1];
            drop(table);
            if same == action {
                return Ok(same);
            }
            let empty = Actions([SigAction::default(); MAX_SIGNAL as usize]);
            spare = Some(kmem::try_arc(empty)?);
        }
    }

    /// Sets a handler back to default after it was called once (`SA_RESETHAND`), or before a forced signal. Flags and mask
    /// stay, as on Linux.
    pub fn reset(&self, sig: Signal) {
        let default = SigAction {
            handler: DEFAULT,
            ..self.get(sig)
        };
        // Without memory for a copy the handler stays: called again rather than lost.
        let _ = self.set(sig, default);
    }

    /// The sets of ignored and of caught signals, for `/proc/PID/status`.
    pub fn ignored_and_caught(&self) -> (SigSet, SigSet) {
        let table = self.table.lock_irq();
        let (mut ignored, mut caught) = (SigSet::EMPTY, SigSet::EMPTY);
        for sig in 1..=MAX_SIGNAL {
            match table.0[sig as usize - 1].handler {
                DEFAULT => {}
                IGNORE => ignored.add(sig),
                _ => caught.add(sig),
            }
        }
        (ignored, caught)
    }

    /// Whether a parent with these actions wants no zombies.
    pub fn autoreaps(&self) -> bool {
        let action = self.get(signals::SIGCHLD);
        action.handler == IGNORE || action.has(sa::NOCLDWAIT)
    }
}
