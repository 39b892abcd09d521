//! ptrace(2): one task stands still where another wants it, is looked into, changed, and let go.
//!
//! | module | what it has |
//! |---|---|
//! | [`bond`] | what ties tracee and tracer, and what a tracee has to look at |
//! | [`stop`] | the tracee's side: standing still at calls, signals, events |
//! | [`link`] | the bond made and cut: attach, fork, exec, the end of either |
//! | [`hold`] | the tracer's side: requests to a tracee that stands still |
//!
//! A task that nobody traces pays nothing: system calls are traced by giving the tracee another table of calls
//! (`stop::TRACED`), everything else hangs on the flags in `Task::traced`, which only signals, fork, exec and exit look at.
//!
//! A tracee's registers are its own (`Cx`), on its stack. When it stops it shows a copy in `TraceState`, and takes that
//! back when it goes on. Its FPU and segment bases are in the thread's context, which the tracer may claim meanwhile.
//!
//! Lock order: the `family` lock of the tracer's process, the tracee's signal lock, `Task::trace` or the bond's state.
pub mod bond;
pub mod hold;
pub mod link;
pub mod stop;

pub use bond::{event, option};
pub use hold::{Held, tracee};
pub use link::{Grip, attach, trace_me};
pub(crate) use link::{forget, give_up_all, hold_process, hold_thread, inherit, tell_end};
pub use stop::{CALL_ENTRY, is_call};
pub(crate) use stop::{exec_done, is_strange, tell, tell_exit};
