//! Filters of system calls, as a thread has them: a chain that threads and children share, the newest first.
use abi::{Errno, Result};
use alloc::sync::Arc;
use cbpf::{Call, Program};

/// What a filter says: the action, and 16 bits with it.
pub mod action {
    /// The whole process ends, by SIGSYS.
    pub const KILL_PROCESS: u32 = 0x8000_0000;
    /// The thread ends.
    pub const KILL_THREAD: u32 = 0;
    /// The thread gets SIGSYS.
    pub const TRAP: u32 = 0x0003_0000;
    /// The call fails with the number that goes with it.
    pub const ERRNO: u32 = 0x0005_0000;
    /// A tracer decides; without one the call is not there.
    pub const TRACE: u32 = 0x7ff0_0000;
    /// The call is made and logged.
    pub const LOG: u32 = 0x7ffc_0000;
    /// The call is made.
    pub const ALLOW: u32 = 0x7fff_0000;
    pub(crate) const PART: u32 = 0xffff_0000;
    /// All that there are.
    pub const ALL: [u32; 7] = [KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW];
}

/// Most instructions of a chain, where each filter counts for some more. Linux counts what it makes of them, about twice as
/// many.
const MOST: usize = (1 << 18) / 8;
const EXTRA: usize = 4;

/// A filter and those that were there before it.
pub struct Filter {
    program: Program,
    /// Its verdicts are logged.
    log: bool,
    before: Option<Arc<Self>>,
    /// Filters of the chain.
    count: u32,
    /// What the chain counts as, in instructions.
    size: usize,
}

impl Filter {
    /// One more in front of a chain. ENOMEM, also: the chain would be too long.
    pub(crate) fn add(before: Option<Arc<Self>>, program: Program, log: bool) -> Result<Arc<Self>> {
        let (count, size) = before.as_ref().map_or((0, 0), |f| (f.count, f.size + EXTRA));
        let size = size + program.code().len();
        if size > MOST {
            return Err(Errno::ENOMEM);
        }
        kmem::try_arc(Self {
            program,
            log,
            before,
            count: count + 1,
            size,
        })
    }

    /// The strictest verdict, of two alike the newer filter's, and whether it is logged.
    pub(crate) fn judge(self: &Arc<Self>, call: &Call) -> (u32, bool) {
        let rank = |verdict: u32| (verdict & action::PART) as i32;
        let mut strictest = (action::ALLOW, false);
        for filter in self.chain() {
            let verdict = filter.program.run_on(call);
            if rank(verdict) < rank(strictest.0) {
                strictest = (verdict, filter.log);
            }
        }
        strictest
    }

    fn chain(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        core::iter::successors(Some(self), |filter| filter.before.as_ref())
    }
}

impl Drop for Filter {
    /// One after the other: a long chain must not take the stack.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut filter) = next.and_then(Arc::into_inner) {
            next = filter.before.take();
        }
    }
}

/// What a thread may call.
#[derive(Clone, Default)]
pub enum Restriction {
    /// Everything.
    #[default]
    None,
    /// read(2), write(2), exit(2) and the return from a handler.
    Strict,
    /// What filters allow.
    Filters(Arc<Filter>),
}

impl Restriction {
    /// As `PR_GET_SECCOMP` and `/proc/PID/status` have it.
    pub const fn mode(&self) -> u32 {
        match self {
            Self::None => 0,
            Self::Strict => 1,
            Self::Filters(_) => 2,
        }
    }

    /// How many filters there are.
    pub fn filters(&self) -> u32 {
        match self {
            Self::Filters(filter) => filter.count,
            _ => 0,
        }
    }

    /// Whether one with `newest` as its newest filter may take its place: it is the same, or there is more in front.
    pub(crate) fn may_become(&self, newest: &Arc<Filter>) -> bool {
        match self {
            Self::None => true,
            Self::Strict => false,
            Self::Filters(own) => newest.chain().any(|filter| Arc::ptr_eq(filter, own)),
        }
    }
}
