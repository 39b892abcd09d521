//! Programs that the kernel itself starts: modprobe(8), when something is missing that a module may have; one that reads a core
//! image.
//!
//! Such a process is nobody's child; who started it takes its status, or a work item if nobody waits. It has root and
//! namespaces of process 1, full credentials, and no open file but what it is given to read.
//!
//! Specification: Documentation/admin-guide/sysctl/kernel.rst on `modprobe` and `modules_disabled`; `call_usermodehelper`
//! and `request_module` of Linux' driver API.
use crate::clone::{self, First};
use crate::cx::Cx;
use crate::family;
use crate::objects::Process;
use crate::process::find_process;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};
use cred::{Cred, Limit, Resource, Rlimits};
use kmem::{TryString, TryVec};
use sync::{LockClass, Once, SpinLock, WaitMode, WaitQueue, rank};
use vfs::{File, Files, OnExec};

static PATH: LockClass = LockClass::new("modprobe_path", rank::NONE);

/// Longest path of the program that loads modules (`KMOD_PATH_LEN`), its end included.
const PATH_LEN: usize = 256;
/// Longest alias that may be asked for (`MODULE_NAME_LEN`), its end included.
const ALIAS_LEN: usize = 56;
/// Most of them at a time (`MAX_KMOD_CONCURRENT`).
const AT_MOST: u32 = 50;
/// Most words of a command; as many as a pattern of 128 bytes may have.
const WORDS: usize = 64;
/// What every such program finds in its environment.
const ENVIRONMENT: [&[u8]; 3] = [
    b"HOME=/",
    b"TERM=linux",
    b"PATH=/sbin:/usr/sbin:/bin:/usr/bin",
];

/// Makes the task run the program of that path, with these arguments and this environment.
pub type Start = fn(&mut Cx, path: &[u8], argv: &[&[u8]], envp: &[&[u8]]) -> Result<()>;

static START: Once<Start> = Once::new();
/// What loads modules; `None` is the usual one.
static MODPROBE: SpinLock<Option<String>> = SpinLock::new(&PATH, None);
const USUAL: &str = "/sbin/modprobe";
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);
static MODULES_DISABLED: AtomicBool = AtomicBool::new(false);

/// Names who execs programs, once, and has missing devices and file systems ask for modules.
pub fn set_start(start: Start) {
    let _ = START.set(start);
    vfs::set_module_loader(request_module);
}

/// Whether the caller waits for the program's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until it has ended; its status word is the answer.
    Finish,
    /// Until its program runs, or it is known that none will.
    Start,
    /// Not at all.
    Not,
}

/// The program's fate, between it and who started it.
struct Fate {
    /// An errno when exec failed.
    error: AtomicI32,
    /// Whether exec has answered.
    known: AtomicBool,
    queue: WaitQueue,
}

/// Runs a program: path and arguments in `words`, of which the first is the path. Its status word, or 0 if nobody waits.
///
/// # Errors
/// `ENOSYS`: before process 1 has begun; `E2BIG`: too many words; what exec answers; `ENOMEM`; `ERESTARTSYS`: the waiter
/// was killed.
pub fn run(words: Vec<Vec<u8>>, wait: Wait) -> Result<i32> {
    spawn(first()?, words, &ENVIRONMENT, wait)
}

/// Runs a program that reads `input` and finds nothing else: no environment. That it dies itself with a core image would begin
/// anew, so it has none: its `RLIMIT_CORE` is 1. Comes back when it runs.
///
/// # Errors
/// Those of [`run`].
pub fn run_reader(words: Vec<Vec<u8>>, input: Arc<File>) -> Result<()> {
    let first = first()?;
    first.files.alloc(0, 1, input, OnExec::Keep)?;
    let least = Limit { cur: 1, max: 1 };
    first.limits.set(Resource::Core, least, true)?;
    spawn(first, words, &[], Wait::Start).map(drop)
}

fn spawn(
    first: First,
    words: Vec<Vec<u8>>,
    environment: &'static [&'static [u8]],
    wait: Wait,
) -> Result<i32> {
    let start = *START.get().ok_or(Errno::ENOSYS)?;
    if words.is_empty() || words.len() > WORDS {
        return Err(Errno::E2BIG);
    }
    let fate = kmem::try_arc(Fate {
        error: AtomicI32::new(0),
        known: AtomicBool::new(false),
        queue: WaitQueue::new(),
    })?;
    let told = fate.clone();
    let task = clone::spawn_helper(first, move |cx| {
        let argv = Vec::try_collect_from(words.iter().map(Vec::as_slice));
        let started = argv.and_then(|argv| start(cx, argv[0], &argv, environment));
        if let Err(error) = &started {
            told.error.store(error.code(), Relaxed);
        }
        told.known.store(true, Release);
        told.queue.wake_all();
        started
    })?;
    let process = task.process().clone();
    drop(task);
    match wait {
        Wait::Not => leave(process).map(|()| 0),
        Wait::Start => {
            leave(process)?;
            fate.queue.wait_event(|| fate.known.load(Acquire));
            fate.failed()
        }
        Wait::Finish => finish(&process, &fate),
    }
}

impl Fate {
    fn failed(&self) -> Result<i32> {
        Errno::from_code(self.error.load(Relaxed)).map_or(Ok(0), Err)
    }
}

/// What it starts with: the state of process 1, where that is not its own.
fn first() -> Result<First> {
    let init = find_process(1).map_err(|_| Errno::ENOSYS)?;
    let leader = init.leader().ok_or(Errno::ENOSYS)?;
    let fs = leader.fs().ok_or(Errno::ENOSYS)?.try_clone()?;
    Ok(First {
        files: Files::new()?,
        fs,
        mm: mm::Mm::new()?,
        cred: Cred::init()?,
        limits: Rlimits::init(crate::limits::max_threads().into()),
    })
}

fn finish(process: &Arc<Process>, fate: &Fate) -> Result<i32> {
    let ended = || process.has_ended().then_some(());
    if let Err(e) = process.end_queue().wait(WaitMode::Killable, None, ended) {
        // The waiter goes; the program is taken away by somebody else when it has ended.
        leave(process.clone())?;
        return Err(e.into());
    }
    let status = process.exit_status.load(Relaxed);
    take_away(process);
    fate.failed().map(|_| status)
}

fn take_away(process: &Arc<Process>) {
    if process.claim_zombie() {
        family::release(process);
    }
}

/// Nobody waits for it: a kernel thread does. ENOMEM: it stays a zombie.
fn leave(process: Arc<Process>) -> Result<()> {
    let wait = kmem::try_box(move || {
        process.end_queue().wait_event(|| process.has_ended());
        take_away(&process);
    })?;
    sched::Thread::spawn_kthread("umh", wait as alloc::boxed::Box<dyn FnOnce() + Send>).map(drop)
}

/// The path of the program that loads modules, as /proc/sys/kernel/modprobe shows it. ENOMEM.
pub fn modprobe_path() -> Result<String> {
    let mut copy = String::new();
    copy.try_reserve(PATH_LEN).map_err(|_| Errno::ENOMEM)?;
    let path = MODPROBE.lock();
    copy.try_push_str(path.as_deref().unwrap_or(USUAL))?;
    Ok(copy)
}

/// Sets it; an empty one asks for no module any more. What is too long is cut. EINVAL: it is no text; ENOMEM.
pub fn set_modprobe_path(path: &[u8]) -> Result<()> {
    let path = &path[..path.len().min(PATH_LEN - 1)];
    let path = core::str::from_utf8(path).map_err(|_| Errno::EINVAL)?;
    let new = String::try_from_str(path)?;
    let old = MODPROBE.lock().replace(new);
    drop(old);
    Ok(())
}

/// Whether modules may be loaded and unloaded no more.
pub fn modules_disabled() -> bool {
    MODULES_DISABLED.load(Relaxed)
}

/// No module is loaded or unloaded from now on.
pub fn disable_modules() {
    MODULES_DISABLED.store(true, Relaxed);
}

/// A request that is under way.
struct Slot;

impl Slot {
    fn take() -> Option<Self> {
        let more = |n: u32| (n < AT_MOST).then_some(n + 1);
        let taken = UNDER_WAY.fetch_update(Relaxed, Relaxed, more);
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Relaxed);
    }
}

/// Has modprobe(8) load what `alias` names and waits for it: its status word, 0 when all went well.
///
/// # Errors
/// `ENAMETOOLONG`; `ENOENT`: there is no such program; `EAGAIN`: too many are under way; those of [`run`].
pub fn request_module(alias: &str) -> Result<i32> {
    request(alias, Wait::Finish)
}

/// [`request_module`], waiting or not.
pub fn request(alias: &str, wait: Wait) -> Result<i32> {
    let path = modprobe_path()?;
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    if alias.len() >= ALIAS_LEN {
        return Err(Errno::ENAMETOOLONG);
    }
    let Some(_slot) = Slot::take() else {
        trace::pr_warn!("request_module: {AT_MOST} requests are under way, none for {alias}");
        return Err(Errno::EAGAIN);
    };
    let mut words = Vec::new();
    for word in [path.as_str(), "-q", "--", alias] {
        words.try_push(Vec::try_from_slice(word.as_bytes())?)?;
    }
    run(words, wait)
}
