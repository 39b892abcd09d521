//! Core images (core(5)): when there is one, what of each thread goes into it, and where it goes. The image itself is made by
//! `service/coredump`, which says so once with [`set_dumper`].
//!
//! The thread that took the signal dumps; all others end. On its way each leaves its registers here ([`take_part`]); the one
//! that dumps waits for that, so that nobody changes the memory meanwhile. Somebody else who shares the memory without being a
//! thread (`CLONE_VM`) runs on. Of the signals that come meanwhile only SIGKILL does something: the image is cut short, and the
//! process has ended by it.
use crate::core_image::Core;
pub use crate::core_image::ThreadImage;
use crate::cx::Cx;
use crate::objects::{Process, SigShared, Task};
use crate::process::flag;
use crate::registers::{Registers, complete_fpu};
use crate::usage::Usage;
use crate::wait_match::DUMPED;
use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicU32};
use cred::Resource;
use hal::fpu;
use kmem::{TryString, TryVec};
use pid::SigInfo;
use sync::{LockClass, Once, SpinLock, WaitMode, rank};

static PATTERN_LOCK: LockClass = LockClass::new("core_pattern", rank::NONE);

/// Longest pattern (`CORENAME_MAX_SIZE`), its end included.
const PATTERN_LEN: usize = 128;

/// Makes an image of the calling process; the first thread is the caller, the others have ended. Whether there is one now.
pub type Dumper = fn(&mut Cx, threads: &ThreadImage, info: &SigInfo) -> bool;

static DUMPER: Once<Dumper> = Once::new();
/// `/proc/sys/kernel/core_pattern`; `None` is the usual one.
static PATTERN: SpinLock<Option<String>> = SpinLock::new(&PATTERN_LOCK, None);
const USUAL: &str = "core";
static USES_PID: AtomicBool = AtomicBool::new(false);
/// The pattern names a program that reads images.
static PIPED: AtomicBool = AtomicBool::new(false);
static PIPE_LIMIT: AtomicU32 = AtomicU32::new(0);

/// Names who makes images.
pub fn set_dumper(dumper: Dumper) {
    let _ = DUMPER.set(dumper);
}

/// How an image is called. `ENOMEM`.
pub fn pattern() -> Result<String> {
    let mut copy = String::new();
    copy.try_reserve(PATTERN_LEN).map_err(|_| Errno::ENOMEM)?;
    let pattern = PATTERN.lock();
    copy.try_push_str(pattern.as_deref().unwrap_or(USUAL))?;
    Ok(copy)
}

/// Sets it; what is too long is cut. `EINVAL`: it is no text. `ENOMEM`.
pub fn set_pattern(pattern: &[u8]) -> Result<()> {
    let pattern = &pattern[..pattern.len().min(PATTERN_LEN - 1)];
    let pattern = core::str::from_utf8(pattern).map_err(|_| Errno::EINVAL)?;
    let new = String::try_from_str(pattern)?;
    let mut now = PATTERN.lock();
    PIPED.store(pattern.starts_with('|'), Relaxed);
    let old = now.replace(new);
    drop(now);
    drop(old);
    Ok(())
}

/// `/proc/sys/kernel/core_pipe_limit`: how many programs may read images at a time, and are waited for; 0: any, and they are not.
pub fn pipe_limit() -> u32 {
    PIPE_LIMIT.load(Relaxed)
}

/// Sets it.
pub fn set_pipe_limit(limit: u32) {
    PIPE_LIMIT.store(limit, Relaxed);
}

/// `/proc/sys/kernel/core_uses_pid`: a name without the process' number gets it at its end.
pub fn uses_pid() -> bool {
    USES_PID.load(Relaxed)
}

/// Sets it.
pub fn set_uses_pid(on: bool) {
    USES_PID.store(on, Relaxed);
}

/// A signal ends the process that is to leave an image. With the signal lock held.
pub(crate) fn begin(process: &Process, by: &Task, shared: &mut SigShared, info: SigInfo) {
    let limit = process.limits().cur(Resource::Core);
    // What reads an image is not asked how much; it has a limit of 1 itself.
    let room = limit >= PAGE_SIZE as u64 || PIPED.load(Relaxed) && limit != 1;
    if room && process.is_dumpable() && DUMPER.get().is_some() {
        shared.core = Some(Core {
            by: by.tid(),
            info,
            images: None,
        });
        process.set(flag::DUMPS_CORE, true);
    }
}

/// A thread of such a process ends: it leaves what it is, or dumps. Answers the status word with which it ends.
pub(crate) fn take_part(cx: &mut Cx, status: i32) -> i32 {
    let process = cx.process().clone();
    let image = image(cx).ok();
    let info = {
        let mut shared = process.sig.lock_irq();
        let Some(core) = shared.core.as_mut() else {
            return status;
        };
        if core.by != cx.task.tid() {
            if let Some(mut image) = image {
                image.next = core.images.take();
                core.images = Some(image);
            }
            return status;
        }
        core.info
    };
    let alone = || (process.live.load(Acquire) == 1).then_some(());
    let waited = process
        .end_wait
        .wait(WaitMode::Uninterruptible, None, alone);
    let (Some(mut image), Ok(()), Some(dumper)) = (image, waited, DUMPER.get()) else {
        return status;
    };
    let others = process.sig.lock_irq().core.as_mut().map(|core| core.images.take());
    image.next = others.flatten();
    let dumped = dumper(cx, &image, &info);
    let mut shared = process.sig.lock_irq();
    // From here on a signal comes too late. No thread's image is left in it to be freed under the lock.
    shared.core = None;
    if cx.task.is_killed() {
        return shared.group_exit.unwrap_or(status);
    }
    let status = if dumped { status | DUMPED } else { status };
    shared.group_exit = Some(status);
    status
}

fn image(cx: &Cx) -> Result<Box<ThreadImage>> {
    let context = cx.context();
    let (fs_base, gs_base) = context.user_bases().ok_or(Errno::ESRCH)?;
    let mut fpu = Vec::try_filled(0, fpu::xstate_size())?;
    context.with_fpu(|bytes| fpu.copy_from_slice(bytes));
    complete_fpu(&mut fpu);
    kmem::try_box(ThreadImage {
        tid: cx.task.tid(),
        registers: Registers {
            regs: cx.regs,
            fs_base,
            gs_base,
        },
        fpu,
        blocked: cx.task.blocked(),
        pending: cx.task.pending_set(),
        usage: Usage::of_task(&cx.task),
        next: None,
    })
}
