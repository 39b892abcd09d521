//! Processes, threads, signals: the life of user programs.
//!
//! | module | what it has |
//! |---|---|
//! | [`task`], [`process`], `identity` | [`Task`] and [`Process`] (thread group): what others see of them |
//! | [`cx`] | [`Cx`]: what a task's own loop owns, handed as `&mut` to every system call |
//! | [`userloop`] | the loop between user mode and the kernel, faults, the hooks of upper floors |
//! | [`clone`], [`exit`], [`wait`], [`family`] | birth, death, what the parent learns, orphans |
//! | [`jobs`] | process groups, sessions, the controlling terminal |
//! | [`signal`] | sending, taking, handlers' frames, stop and continue, restart of calls |
//! | [`ptrace`] | ptrace(2): stops, reports, the tracer's hold on a task |
//! | [`exec`] | what execve(2) needs of a process: one thread, fresh handlers |
//! | [`limits`], [`times`], [`itimer`], [`posix_timer`] | users and their counts, CPU time, interval and POSIX timers |
//! | [`io`], `io_counters` | what tasks read and write |
//! | [`seccomp`], `restriction`, `calls` | which system calls a thread may make |
//! | [`cost`], `cost_rules` | what communication costs, counted call by call |
//! | [`rseq`] | restartable sequences |
//! | [`helper`] | programs that the kernel starts: modprobe(8) |
//! | [`ns`], [`nsfs`], [`setns`] | namespaces, their files, and how a task enters one |
//! | [`slots`], [`oom`], [`pidfd`] | state of other crates per task, the victim under memory pressure, pidfds |
//! | [`vsyscall`] | the calls at a fixed address of programs from before the vDSO |
//! | [`uts`], [`ipcns`] | namespaces of host names, and of System V objects and message queues |
//!
//! Called by: syscall, exec, tty, procfs, image. Calls: sched, mm, vfs, futex, pid, cred and below.
//!
//! Lock order: a process' `family`, then a child's `link`, then a process group's members, then `sig`, then leaves
//! (actions, a task's pending signals, views, membership); the lock on a task's address space is below the run queue's.
//! Never two processes' locks of one kind together.
//!
//! Specification: clone(2), wait(2), exit(2), credentials(7), signal(7), sigaction(2), sigreturn(2), setpgid(2),
//! prctl(2), ptrace(2), getrusage(2), setitimer(2); the x86-64 signal frame as in Linux' asm/sigcontext.h and asm/ucontext.h.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// All that needs the machine; the rest is tested on the host.
macro_rules! machine {
    ($($item:item)*) => { $(#[cfg(target_os = "none")] $item)* };
}

pub mod clone_flags;
#[cfg(any(target_os = "none", test))]
mod cost_rules;
pub mod signal;
pub mod user;
pub mod wait_match;

pub use clone_flags::CloneArgs;
pub use pid::{ControllingTty, ProcessGroup, Session};

machine! {
    mod calls;
    pub mod clone;
    mod core_image;
    pub mod coredump;
    pub mod cost;
    pub mod cx;
    pub mod exec;
    pub mod exit;
    pub mod family;
    pub mod helper;
    mod identity;
    pub mod ipcns;
    pub mod io;
    mod io_counters;
    pub mod itimer;
    mod itimers;
    pub mod jobs;
    mod kernel;
    pub mod limits;
    mod link;
    pub mod ns;
    pub mod numbers;
    pub mod nsfs;
    pub mod setns;
    pub mod objects;
    pub mod oom;
    pub mod pidfd;
    pub mod posix_timer;
    mod posix_timers;
    pub mod process;
    pub mod registers;
    mod reaper;
    mod registration;
    mod restriction;
    pub mod rseq;
    pub mod seccomp;
    pub mod slots;
    pub mod task;
    pub mod times;
    pub mod ptrace;
    mod usage;
    pub(crate) mod users;
    pub mod userloop;
    pub mod uts;
    pub mod vsyscall;
    mod vfork;
    pub mod wait;

    pub use calls::set_syscalls;
    pub use cx::{AltStack, CallTable, Cx, Handler, Restart};
    pub use ns::{Namespace, Namespaces, NsKind, NsRef, NsSlot};
    pub use objects::{Life, Process, Process as ThreadGroup, Task};
    pub use process::{find_process, find_task, next_process};
    pub use slots::{TaskHooks, TaskSlot};
    pub use task::current;
    pub use userloop::handle_kernel_page_fault;
}
