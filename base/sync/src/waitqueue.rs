//! Wait queues: threads that wait for a condition, and callbacks (poll, epoll) that want to hear of it.
//!
//! A thread's node lies on its own stack, so waiting allocates nothing. The queue's lock protects the list; a waker
//! unlinks a thread's node, unparks the thread, and only then says that the node is free. Callbacks are entries of
//! their own that stay linked until they are unregistered or the queue is dropped.
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::marker::PhantomPinned;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering, fence};

use abi::Errno;

use crate::class::LockClass;
use crate::lock_order::rank;
use crate::spin::{SpinIrqGuard, SpinLock};
use crate::thread::{self, ExecState, ThreadOps, WaitMode};

static QUEUE: LockClass = LockClass::new("waitqueue", rank::WAIT_QUEUE);
static ENTRY: LockClass = LockClass::new("waitentry", rank::WAIT_ENTRY);

/// Why a wait ended without its condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitError {
    /// A signal came.
    Interrupted,
    /// The deadline passed.
    TimedOut,
}

impl From<WaitError> for Errno {
    fn from(e: WaitError) -> Self {
        match e {
            WaitError::Interrupted => Self::ERESTARTSYS,
            WaitError::TimedOut => Self::ETIMEDOUT,
        }
    }
}

struct Node {
    prev: *mut Node,
    next: *mut Node,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Thread(*const Waiter),
    Callback(*const WaitEntry),
}

struct List {
    head: *mut Node,
    tail: *mut Node,
}

// SAFETY: nodes are reached under the queue's lock only; what they point to is alive while it is linked.
unsafe impl Send for List {}

impl List {
    /// # Safety
    /// `node` is valid, not linked, and stays in place until it is unlinked.
    unsafe fn push_back(&mut self, node: *mut Node) {
        // SAFETY: the caller's promise; `tail` is a linked node or null.
        unsafe {
            (*node).prev = self.tail;
            (*node).next = ptr::null_mut();
            match NonNull::new(self.tail) {
                Some(tail) => (*tail.as_ptr()).next = node,
                None => self.head = node,
            }
        }
        self.tail = node;
    }

    /// # Safety
    /// `node` is linked in this list.
    unsafe fn unlink(&mut self, node: *mut Node) {
        // SAFETY: the caller's promise; neighbours are linked nodes or null.
        unsafe {
            let (prev, next) = ((*node).prev, (*node).next);
            match NonNull::new(prev) {
                Some(prev) => (*prev.as_ptr()).next = next,
                None => self.head = next,
            }
            match NonNull::new(next) {
                Some(next) => (*next.as_ptr()).prev = prev,
                None => self.tail = prev,
            }
        }
    }
}

/// Threads and callbacks that wait for something.
pub struct WaitQueue {
    list: SpinLock<List>,
    /// How many nodes are linked: lets a waker see an empty queue without the lock.
    linked: AtomicU32,
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}

struct Waiter {
    node: UnsafeCell<Node>,
    thread: &'static dyn ThreadOps,
    queue: *const WaitQueue,
    linked: AtomicBool,
    woken: AtomicBool,
    _pin: PhantomPinned,
}

impl WaitQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self::with_class(&QUEUE)
    }

    /// An empty queue with a lock class of its own: one that callbacks of other queues wake (epoll).
    pub const fn with_class(class: &'static LockClass) -> Self {
        Self {
            list: SpinLock::new(
                class,
                List {
                    head: ptr::null_mut(),
                    tail: ptr::null_mut(),
                },
            ),
            linked: AtomicU32::new(0),
        }
    }

    /// Waits until `cond` gives a value. `cond` is called by the waiter, possibly often; it may take spinlocks but must
    /// not sleep. A wake-up that comes after the change that `cond` looks at is never missed.
    ///
    /// # Errors
    /// [`WaitError::Interrupted`] on a signal that `mode` lets through, [`WaitError::TimedOut`] when the monotonic clock
    /// passed `deadline_ns`. The condition is looked at last: if it holds, the wait succeeds.
    pub fn wait<R>(
        &self,
        mode: WaitMode,
        deadline_ns: Option<u64>,
        mut cond: impl FnMut() -> Option<R>,
    ) -> Result<R, WaitError> {
        if let Some(value) = cond() {
            return Ok(value);
        }
        crate::context::might_sleep();
        match thread::current() {
            Some(current) => self.wait_on(current, mode, deadline_ns, cond),
            None => spin_until(deadline_ns, cond),
        }
    }

    fn wait_on<R>(
        &self,
        current: &'static dyn ThreadOps,
        mode: WaitMode,
        deadline_ns: Option<u64>,
        mut cond: impl FnMut() -> Option<R>,
    ) -> Result<R, WaitError> {
        let waiter = Waiter {
            node: UnsafeCell::new(Node {
                prev: ptr::null_mut(),
                next: ptr::null_mut(),
                kind: Kind::Thread(ptr::null()),
            }),
            thread: current,
            queue: self,
            linked: AtomicBool::new(false),
            woken: AtomicBool::new(false),
            _pin: PhantomPinned,
        };
        let mut timed_out = false;
        let waits = &current.exec().waiter;
        waits.store(ptr::from_ref(&waiter).cast_mut().cast(), Ordering::Relaxed);
        let result = loop {
            current.set_sleeping(mode);
            // A waker that was seen to wake may not yet have said that the node is free; `link` waits for it.
            if !waiter.linked.load(Ordering::Acquire) || waiter.woken.load(Ordering::Acquire) {
                self.link(&waiter);
            }
            fence(Ordering::SeqCst);
            if let Some(value) = cond() {
                break Ok(value);
            }
            if current.signal_pending(mode) {
                break Err(WaitError::Interrupted);
            }
            if timed_out {
                break Err(WaitError::TimedOut);
            }
            timed_out = thread::park(deadline_ns);
            if let Some(value) = cond() {
                break Ok(value);
            }
        };
        current.set_running();
        if waiter.linked.load(Ordering::Acquire) {
            self.unlink(&waiter);
        }
        waits.store(ptr::null_mut(), Ordering::Relaxed);
        if result.is_err() && waiter.woken.load(Ordering::Relaxed) {
            self.wake_one(); // the wake-up was meant for somebody who uses it
        }
        result
    }

    /// Waits, not to be interrupted, until `cond` holds.
    pub fn wait_event(&self, mut cond: impl FnMut() -> bool) {
        let _ = self.wait(WaitMode::Uninterruptible, None, || cond().then_some(()));
    }

    fn link(&self, waiter: &Waiter) {
        let mut list = self.list.lock_irq();
        waiter.woken.store(false, Ordering::Relaxed);
        if waiter.linked.load(Ordering::Relaxed) {
            return;
        }
        waiter.linked.store(true, Ordering::Relaxed);
        let node = waiter.node.get();
        // SAFETY: the waiter stays on its stack, in place, until it is unlinked; `linked` was false, so it is in no list.
        unsafe {
            (*node).kind = Kind::Thread(waiter);
            list.push_back(node);
        }
        self.linked.fetch_add(1, Ordering::SeqCst);
    }

    #[cold]
    fn unlink(&self, waiter: &Waiter) {
        let mut list = self.list.lock_irq();
        if waiter.linked.load(Ordering::Relaxed) {
            // SAFETY: `linked` under the lock says that it is in this list.
            unsafe { list.unlink(waiter.node.get()) };
            waiter.linked.store(false, Ordering::Relaxed);
            self.linked.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Wakes the thread that has waited longest, and all callbacks. Says how many threads were woken.
    #[inline]
    pub fn wake_one(&self) -> usize {
        self.wake_some(1, 0, false)
    }
    /// As [`Self::wake_one`], when the caller is about to sleep: the woken thread may take over its CPU.
    #[inline]
    pub fn wake_sync_one(&self) -> usize {
        self.wake_some(1, 0, true)
    }
    /// Wakes up to `n` threads, and all callbacks.
    #[inline]
    pub fn wake(&self, n: usize) -> usize {
        self.wake_some(n, 0, false)
    }
    /// Wakes all.
    #[inline]
    pub fn wake_all(&self) -> usize {
        self.wake_some(usize::MAX, 0, false)
    }
    /// Wakes all; callbacks hear `key` (poll events; 0 means "look yourself").
    #[inline]
    pub fn wake_all_key(&self, key: u32) -> usize {
        self.wake_some(usize::MAX, key, false)
    }
    /// Wakes up to `n` threads and all callbacks with `key`; `sync` as in [`Self::wake_sync_one`].
    #[inline]
    pub fn wake_some(&self, n: usize, key: u32, sync: bool) -> usize {
        fence(Ordering::SeqCst);
        if self.linked.load(Ordering::Relaxed) == 0 {
            0
        } else {
            self.wake_linked(n, key, sync)
        }
    }

    fn wake_linked(&self, n: usize, key: u32, sync: bool) -> usize {
        let mut list = self.list.lock_irq();
        let mut node = list.head;
        let (mut woken, mut taken) = (0, 0);
        while !node.is_null() {
            // SAFETY: linked nodes are valid while the lock is held.
            let (next, kind) = unsafe { ((*node).next, (*node).kind) };
            match kind {
                Kind::Thread(waiter) if woken + taken < n => {
                    self.wake_thread(&mut list, node, waiter, sync);
                    woken += 1;
                }
                Kind::Thread(_) => {}
                Kind::Callback(entry) => {
                    // SAFETY: a linked entry is kept alive by the count its registration took.
                    let callback = unsafe { &(*entry).callback };
                    taken += usize::from(callback.wake(key, woken + taken < n));
                }
            }
            node = next;
        }
        woken
    }

    fn wake_thread(
        &self,
        list: &mut SpinIrqGuard<'_, List>,
        node: *mut Node,
        waiter: *const Waiter,
        sync: bool,
    ) {
        // SAFETY: the node is linked, so its waiter is still in `wait_on`; it stays there until `linked` is false or
        // this queue's lock is free, and nothing of it is touched after the last store.
        unsafe {
            list.unlink(node);
            self.linked.fetch_sub(1, Ordering::Relaxed);
            (*waiter).woken.store(true, Ordering::Release);
            (*waiter).thread.unpark(sync);
            (*waiter).linked.store(false, Ordering::Release);
        }
    }

    /// Whether nobody waits, at this moment.
    pub fn is_empty(&self) -> bool {
        fence(Ordering::SeqCst);
        self.linked.load(Ordering::Relaxed) == 0
    }

    /// Links a callback entry; it is in one queue at a time and an entry already linked stays where it is.
    pub fn register(&self, entry: &Arc<WaitEntry>) {
        let home = entry.queue.lock_irq();
        if !home.load(Ordering::Relaxed).is_null() {
            return;
        }
        home.store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
        let raw = Arc::into_raw(Arc::clone(entry)); // the count that keeps a linked entry alive
        let mut list = self.list.lock_irq();
        let node = entry.node.get();
        // SAFETY: the entry is in no list (its queue was null under its lock) and lives in an `Arc`, in place.
        unsafe {
            (*node).kind = Kind::Callback(raw);
            list.push_back(node);
        }
        self.linked.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes the entry's node out of the list; gives its count back.
    ///
    /// # Safety
    /// The entry is linked in this queue, and the caller holds its lock.
    unsafe fn remove(
        &self,
        list: &mut SpinIrqGuard<'_, List>,
        entry: *const WaitEntry,
    ) -> Arc<WaitEntry> {
        // SAFETY: the caller's promise; `register` left a count behind by `into_raw`.
        unsafe {
            list.unlink((*entry).node.get());
            self.linked.fetch_sub(1, Ordering::Relaxed);
            Arc::from_raw(entry)
        }
    }
}

impl Drop for WaitQueue {
    /// Unlinks the callbacks that are left; threads cannot be, since they borrow the queue.
    fn drop(&mut self) {
        loop {
            let mut list = self.list.lock_irq();
            let Some(node) = NonNull::new(list.head) else {
                return;
            };
            // SAFETY: linked nodes are valid while the lock is held.
            let Kind::Callback(entry) = (unsafe { node.as_ref().kind }) else {
                return;
            };
            // SAFETY: a linked entry is alive.
            let home = unsafe { (*entry).queue.try_lock_irq() };
            let Some(home) = home else {
                drop(list); // the entry is being unregistered on another CPU: let it have this queue's lock
                hal::cpu::relax();
                continue;
            };
            home.store(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: it is linked here and its lock is held.
            let count = unsafe { self.remove(&mut list, entry) };
            drop(home);
            drop(list);
            drop(count);
        }
    }
}

/// The running thread, whose state this is, gives up its stack as it is (an oops). If that was while it waited, its node,
/// which stands on that stack, leaves the queue.
pub fn abandon(thread: &ExecState) {
    let waiter = thread.waiter.swap(ptr::null_mut(), Ordering::Relaxed);
    // SAFETY: only `wait_on` stores here, and it clears it before it returns: waiter and queue are alive.
    if let Some(waiter) = unsafe { waiter.cast::<Waiter>().as_ref() } {
        waiter.thread.set_running();
        // SAFETY: as above.
        unsafe { &*waiter.queue }.unlink(waiter);
    }
}

fn spin_until<R>(
    deadline_ns: Option<u64>,
    mut cond: impl FnMut() -> Option<R>,
) -> Result<R, WaitError> {
    loop {
        if let Some(value) = cond() {
            return Ok(value);
        }
        if thread::park(deadline_ns) {
            return Err(WaitError::TimedOut);
        }
    }
}

/// Who hears of wake-ups without being a thread that waits.
pub trait WakeCallback: Send + Sync {
    /// The queue was woken with `key`. Called with the queue's lock held and interrupts off: must not sleep, must not
    /// touch this queue. `may_take`: not all have been woken yet whom this wake-up is for. True: it takes the place of one of
    /// them (`EPOLLEXCLUSIVE`).
    fn wake(&self, key: u32, may_take: bool) -> bool;
}

/// A callback that can be linked into a queue.
pub struct WaitEntry {
    node: UnsafeCell<Node>,
    queue: SpinLock<AtomicPtr<WaitQueue>>,
    callback: Arc<dyn WakeCallback>,
}

// SAFETY: the node is touched under the queue's lock only.
unsafe impl Send for WaitEntry {}
// SAFETY: as above.
unsafe impl Sync for WaitEntry {}

impl WaitEntry {
    /// An entry that is in no queue; put it into an `Arc` to register it.
    pub fn new(callback: Arc<dyn WakeCallback>) -> Self {
        Self {
            node: UnsafeCell::new(Node {
                prev: ptr::null_mut(),
                next: ptr::null_mut(),
                kind: Kind::Callback(ptr::null()),
            }),
            queue: SpinLock::new(&ENTRY, AtomicPtr::new(ptr::null_mut())),
            callback,
        }
    }

    /// Takes the entry out of the queue it is in. When this returns its callback is not running and will not be called.
    pub fn unregister(&self) {
        let home = self.queue.lock_irq();
        let queue = home.swap(ptr::null_mut(), Ordering::Relaxed);
        if queue.is_null() {
            return;
        }
        // SAFETY: a queue being dropped waits for this entry's lock before it goes, so the queue is alive.
        let queue = unsafe { &*queue };
        let mut list = queue.list.lock_irq();
        // SAFETY: linked in that queue, lock held.
        let count = unsafe { queue.remove(&mut list, self) };
        drop(list);
        drop(home);
        drop(count);
    }

    /// Whether it is in a queue.
    pub fn is_registered(&self) -> bool {
        !self.queue.lock_irq().load(Ordering::Relaxed).is_null()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicUsize;

    struct Count(AtomicUsize);
    impl WakeCallback for Count {
        fn wake(&self, key: u32, _may_take: bool) -> bool {
            self.0.fetch_add(key as usize, Ordering::Relaxed);
            false
        }
    }

    #[test]
    fn wakes_and_times_out() {
        let shared = Arc::new((WaitQueue::new(), AtomicBool::new(false)));
        let other = Arc::clone(&shared);
        let t = std::thread::spawn(move || {
            other.0.wait(WaitMode::Uninterruptible, None, || {
                other.1.load(Ordering::Relaxed).then_some(7)
            })
        });
        std::thread::sleep(std::time::Duration::from_millis(20));
        shared.1.store(true, Ordering::Relaxed);
        shared.0.wake_one();
        assert_eq!(t.join().unwrap(), Ok(7));
        let soon = hal::clock::now_ns() + 1_000_000;
        let never: Result<(), _> = shared.0.wait(WaitMode::Interruptible, Some(soon), || None);
        assert_eq!(never, Err(WaitError::TimedOut));
        assert!(shared.0.is_empty());
    }

    #[test]
    fn no_wake_up_is_lost() {
        let shared = Arc::new((WaitQueue::new(), AtomicUsize::new(0)));
        let other = Arc::clone(&shared);
        let t = std::thread::spawn(move || {
            for n in 0..5000 {
                other
                    .0
                    .wait_event(|| other.1.load(Ordering::SeqCst) == 2 * n + 1);
                other.1.fetch_add(1, Ordering::SeqCst);
                other.0.wake_all();
            }
        });
        for n in 0..5000 {
            shared.1.fetch_add(1, Ordering::SeqCst);
            shared.0.wake_all();
            shared
                .0
                .wait_event(|| shared.1.load(Ordering::SeqCst) == 2 * n + 2);
        }
        t.join().unwrap();
    }

    #[test]
    fn callbacks_hear_until_unregistered_or_dropped() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let entry = Arc::new(WaitEntry::new(Arc::clone(&count) as Arc<dyn WakeCallback>));
        let queue = WaitQueue::new();
        queue.register(&entry);
        queue.register(&entry);
        queue.wake_all_key(4);
        entry.unregister();
        queue.wake_all_key(4);
        assert_eq!(count.0.load(Ordering::Relaxed), 4);
        queue.register(&entry);
        drop(queue);
        assert!(!entry.is_registered());
        assert_eq!(Arc::strong_count(&entry), 1);
        entry.unregister();
    }
}
