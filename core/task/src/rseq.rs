//! Restartable sequences (rseq(2)): a thread that registered learns in its own memory on which CPU it runs, and what it does
//! there in a critical section starts over when it lost the CPU or got a signal in between.
//!
//! A switch away from a registered thread sets [`work::RSEQ`]; the rest is done on the way back to user mode. Nobody else
//! pays.
//!
//! Specification: Linux' `include/uapi/linux/rseq.h`.
use crate::cx::Cx;
use crate::objects::Process;
pub use crate::registration::Registration;
use crate::signal::send;
use crate::task::work;
use abi::{Errno, Result, USER_END};
use core::sync::atomic::Ordering::Relaxed;
use kmem::user::{self, UserAddr};
use pid::Signal;

/// Size of `struct rseq`, and what it is aligned to.
pub const SIZE: usize = 32;
/// Offsets in `struct rseq`: two words with the CPU, the pointer to the section that the thread is in, flags.
const CPUS: usize = 0;
const SECTION: usize = 8;
const FLAGS: usize = 16;
/// `cpu_id` of a thread that is not registered.
const UNINITIALIZED: u32 = u32::MAX;

/// `struct rseq_cs`.
struct Section {
    flags: u32,
    start: u64,
    length: u64,
    abort: u64,
}

impl Section {
    /// EFAULT; EINVAL: it is none that a thread may be in.
    fn read(at: u64, signature: u32) -> Result<Self> {
        if at >= USER_END as u64 {
            return Err(Errno::EINVAL);
        }
        let [head, start, length, abort]: [u64; 4] = user::read(UserAddr(at as usize))?;
        let (version, flags) = (head as u32, (head >> 32) as u32);
        let user = |address: u64| address < USER_END as u64;
        let end = start.checked_add(length).ok_or(Errno::EINVAL)?;
        let inside = abort.wrapping_sub(start) < length;
        if version != 0 || !user(start) || !user(end) || !user(abort) || inside {
            return Err(Errno::EINVAL);
        }
        let mark: u32 = user::read(UserAddr((abort as usize).wrapping_sub(size_of::<u32>())))?;
        if mark != signature {
            return Err(Errno::EINVAL);
        }
        Ok(Self {
            flags,
            start,
            length,
            abort,
        })
    }
}

/// The thread registers.
pub fn register(cx: &mut Cx, registration: Registration) {
    cx.rseq = registration;
    cx.task.rseq.store(registration.at, Relaxed);
    cx.task.add_work(work::RSEQ);
}

/// The thread takes its registration back. EFAULT.
pub fn unregister(cx: &mut Cx) -> Result<()> {
    user::write(UserAddr(cx.rseq.at + CPUS), &[0, UNINITIALIZED])?;
    forget(cx);
    Ok(())
}

/// The memory of the registration is gone, or will be.
pub(crate) fn forget(cx: &mut Cx) {
    if cx.rseq.at == 0 {
        return;
    }
    cx.rseq = Registration::default();
    cx.task.rseq.store(0, Relaxed);
    cx.task.clear_work(work::RSEQ);
}

/// Before user mode, when the thread may have lost the CPU; and before a handler runs for `signal`. A thread whose area or
/// section makes no sense gets SIGSEGV.
#[cold]
pub(crate) fn resume(cx: &mut Cx, signal: Signal) {
    // First: who loses the CPU from here on comes back here.
    cx.task.clear_work(work::RSEQ);
    // The program did not ask for this now, so it is not its error exits that a test is after.
    if cx.rseq.at != 0 && sync::inject::spared(|| update(cx)).is_err() {
        send::force_segv(&cx.task, signal);
    }
}

fn update(cx: &mut Cx) -> Result<()> {
    let Registration { at, signature } = cx.rseq;
    let section_at: u64 = user::read(UserAddr(at + SECTION))?;
    if section_at != 0 {
        let section = Section::read(section_at, signature)?;
        let inside = cx.regs.rip.wrapping_sub(section.start) < section.length;
        if inside && (section.flags != 0 || user::read::<u32>(UserAddr(at + FLAGS))? != 0) {
            return Err(Errno::EINVAL);
        }
        user::write(UserAddr(at + SECTION), &0_u64)?;
        if inside {
            cx.regs.rip = section.abort;
        }
    }
    let cpu = hal::cpu::id() as u32;
    user::write(UserAddr(at + CPUS), &[cpu, cpu])
}

/// All threads of a process that are in a critical section begin it anew: those that run now as soon as they are
/// interrupted, the others when they come back.
pub fn restart_all(process: &Process) {
    process.for_each_thread(|task| {
        if task.rseq.load(Relaxed) != 0 {
            task.add_work(work::RSEQ);
        }
        true
    });
}
