//! poll(2): one look at all files, then a sleep until one of their queues wakes.
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::TryVec;
use sync::{LockClass, WaitEntry, WaitError, WaitMode, WaitQueue, WakeCallback, rank};
use vfs::{File, Files, PollEvents, PollTable};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

static QUEUE: LockClass = LockClass::new("poll.wait", rank::POLL_WAIT);

/// `struct pollfd`.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PollFd {
    pub fd: i32,
    pub events: u16,
    pub revents: u16,
}
const _: () = assert!(size_of::<PollFd>() == 8);

/// Until when to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Not at all.
    Now,
    /// A time of the monotonic clock.
    Time(u64),
    /// For ever.
    Forever,
}

impl Until {
    /// `ns` from now.
    pub fn after(ns: u64) -> Self {
        if ns == 0 {
            Self::Now
        } else {
            Self::Time(hal::clock::now_ns().saturating_add(ns))
        }
    }

    fn deadline(self) -> Option<u64> {
        match self {
            Self::Now => Some(0),
            Self::Time(ns) => Some(ns),
            Self::Forever => None,
        }
    }
}

/// Is woken by any of the queues that were collected.
struct Waker {
    queue: WaitQueue,
    woken: AtomicBool,
}

impl WakeCallback for Waker {
    fn wake(&self, _key: u32, _may_take: bool) -> bool {
        self.woken.store(true, Ordering::Release);
        self.queue.wake_one();
        false
    }
}

/// Collects queues and waits for them. Dropping it takes it out of all of them.
///
/// A thread keeps its own from call to call ([`Kept`]): who polls in a loop then asks for memory once, and stays where it
/// is in it.
pub struct Waiter {
    waker: Arc<Waker>,
    /// Those of this wait come first.
    entries: Vec<Arc<WaitEntry>>,
    used: usize,
    failed: bool,
}

/// Where a thread's waiter is kept; none before its first wait.
pub type Kept = Option<Box<Waiter>>;

/// Most entries that are kept.
const KEEP: usize = 8;

impl Waiter {
    /// One that waits for nothing yet. ENOMEM.
    pub fn new() -> Result<Self> {
        Ok(Self {
            waker: kmem::try_arc(Waker {
                queue: WaitQueue::with_class(&QUEUE),
                woken: AtomicBool::new(false),
            })?,
            entries: Vec::new(),
            used: 0,
            failed: false,
        })
    }

    /// The one that is kept, or a first one. ENOMEM.
    fn begin(kept: &mut Kept) -> Result<&mut Self> {
        if kept.is_none() {
            *kept = Some(kmem::try_box(Self::new()?)?);
        }
        let waiter = kept.as_mut().ok_or(Errno::ENOMEM)?;
        waiter.failed = false;
        waiter.waker.woken.store(false, Ordering::Relaxed);
        Ok(waiter)
    }

    /// Leaves all queues.
    fn end(&mut self) {
        for entry in &self.entries[..self.used] {
            entry.unregister();
        }
        self.used = 0;
        self.entries.truncate(KEEP);
        if self.entries.capacity() > KEEP {
            self.entries = Vec::new();
        }
    }

    /// Sleeps until a queue has woken since the last sleep. False: the time is over.
    ///
    /// # Errors
    /// `ERESTARTNOHAND`: a signal. `ENOMEM`: a queue could not be collected.
    pub fn sleep(&mut self, until: Until) -> Result<bool> {
        if self.failed {
            return Err(Errno::ENOMEM);
        }
        let woken = || {
            self.waker
                .woken
                .swap(false, Ordering::Acquire)
                .then_some(())
        };
        let result = self
            .waker
            .queue
            .wait(WaitMode::Interruptible, until.deadline(), woken);
        match result {
            Ok(()) => Ok(true),
            Err(WaitError::TimedOut) => Ok(false),
            Err(WaitError::Interrupted) => Err(Errno::ERESTARTNOHAND),
        }
    }

    fn try_add(&mut self, queue: &WaitQueue) -> Result<()> {
        if self.used == self.entries.len() {
            let waker: Arc<dyn WakeCallback> = self.waker.clone();
            self.entries
                .try_push(kmem::try_arc(WaitEntry::new(waker))?)?;
        }
        queue.register(&self.entries[self.used]);
        self.used += 1;
        Ok(())
    }
}

impl vfs::PollSink for Waiter {
    fn add(&mut self, queue: &WaitQueue) {
        self.failed |= self.try_add(queue).is_err();
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.end();
    }
}

/// Something that can look at all its files.
pub(crate) trait Watch {
    /// Looks at every file, with `waiter` collecting queues if there is one (none any more once a file is ready).
    /// Answers how many are ready.
    fn look(&mut self, waiter: Option<&mut Waiter>) -> Result<usize>;
}

/// Looks, and waits until something is ready or the time is over. ERESTARTNOHAND, ENOMEM, what a look says.
pub(crate) fn watch(watch: &mut impl Watch, until: Until, kept: &mut Kept) -> Result<usize> {
    let ready = watch.look(None)?;
    if ready > 0 || until == Until::Now {
        return Ok(ready);
    }
    let waiter = Waiter::begin(kept)?;
    let result = wait(watch, until, waiter);
    waiter.end();
    result
}

fn wait(watch: &mut impl Watch, until: Until, waiter: &mut Waiter) -> Result<usize> {
    let mut ready = watch.look(Some(waiter))?;
    while ready == 0 {
        let woken = waiter.sleep(until)?;
        ready = watch.look(None)?;
        if !woken {
            break;
        }
    }
    Ok(ready)
}

/// What `file` is ready for among `wanted`; errors and hang-ups always count.
#[inline]
fn ready(file: &File, wanted: PollEvents, waiter: &mut Option<&mut Waiter>) -> PollEvents {
    let wanted = wanted | PollEvents::ERR | PollEvents::HUP;
    let events = match waiter {
        Some(waiter) => file.poll(&mut PollTable::new(&mut **waiter, wanted)),
        None => file.poll(&mut PollTable::peek(wanted)),
    } & wanted;
    if !events.is_empty() {
        *waiter = None;
    }
    events
}

struct Polled<'a> {
    files: &'a mut Files,
    fds: &'a mut [PollFd],
}

impl Watch for Polled<'_> {
    fn look(&mut self, mut waiter: Option<&mut Waiter>) -> Result<usize> {
        let mut files = self.files.reach();
        let mut count = 0;
        for fd in &mut *self.fds {
            let events = if fd.fd < 0 {
                PollEvents::empty()
            } else {
                match files.file_io(fd.fd) {
                    Ok(file) => {
                        let wanted = PollEvents::from_bits_retain(u32::from(fd.events));
                        ready(&file, wanted, &mut waiter)
                    }
                    Err(_) => PollEvents::NVAL,
                }
            };
            fd.revents = events.bits() as u16;
            if fd.revents != 0 {
                count += 1;
                waiter = None;
            }
        }
        Ok(count)
    }
}

/// Waits until a file of `fds` is ready, and fills in `revents`. Answers how many are. ERESTARTNOHAND: a signal;
/// ENOMEM.
pub fn poll(files: &mut Files, fds: &mut [PollFd], until: Until, kept: &mut Kept) -> Result<usize> {
    watch(&mut Polled { files, fds }, until, kept)
}

#[cfg(target_os = "none")]
mod of_task {
    use super::{Kept, Waiter};
    use abi::Result;
    use sync::Once;
    use task::{Cx, TaskHooks, TaskSlot};
    use vfs::Files;

    static SLOT: Once<TaskSlot<Waiter>> = Once::new();

    struct Hooks;
    impl TaskHooks for Hooks {}

    /// Makes a place for the waiter in each task; at boot. ENFILE.
    pub fn init() -> Result<()> {
        let _ = SLOT.set(TaskSlot::register(&Hooks)?);
        Ok(())
    }

    /// Calls `f` with the caller's files and the waiter that it keeps.
    pub fn with_kept<R>(cx: &mut Cx, f: impl FnOnce(&mut Files, &mut Kept) -> R) -> R {
        let slot = SLOT.get();
        let mut kept = slot.and_then(|slot| slot.take(cx));
        let result = f(&mut cx.files, &mut kept);
        if let (Some(slot), Some(waiter)) = (slot, kept) {
            slot.put(cx, waiter);
        }
        result
    }
}
#[cfg(target_os = "none")]
pub use of_task::{init, with_kept};
