//! Work for later: closures that a kernel thread calls.
use crate::alloc::{Flags, KBox};
use crate::bindings::{self, Work};
use crate::error::AllocError;
use crate::sync::SpinLock;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

/// One of the kernel's queues.
pub struct Queue(fn() -> *mut c_void);

macro_rules! queues {
    ($($name:ident $queue:ident $doc:literal,)*) => {
        $(
            #[doc = $doc]
            #[must_use]
            pub fn $name() -> &'static Queue {
                // SAFETY: the kernel's own variable, which never changes.
                static QUEUE: Queue = Queue(|| unsafe { bindings::$queue });
                &QUEUE
            }
        )*
    };
}

queues! {
    system system_wq "For short work.",
    system_highpri system_highpri_wq "For work that goes first.",
    system_long system_long_wq "For work that takes long.",
    system_unbound system_unbound_wq "For work that may run anywhere.",
}

/// What a closure is called by, and the closure.
struct Job {
    call: unsafe fn(*mut c_void),
    closure: *mut c_void,
}

/// What stands in a queue. The kernel remembers each work by its address, so that those are used again and again.
struct Node {
    work: Work,
    job: Option<Job>,
    next: *mut Node,
}

/// Nodes that nobody uses.
struct Idle(*mut Node);
// SAFETY: the list is reached under its lock only.
unsafe impl Send for Idle {}
static IDLE: SpinLock<Idle> = SpinLock::new(Idle(core::ptr::null_mut()));
/// Closures that have not ended.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// For any processor.
const ANY: i32 = -1;

impl Queue {
    /// Has a kernel thread call `closure`, some time later. The module does not go before it has.
    pub fn try_spawn<F: FnOnce() + Send + 'static>(
        &self,
        flags: Flags,
        closure: F,
    ) -> Result<(), AllocError> {
        let closure = KBox::new(closure, flags)?;
        let node = idle_node(flags)?;
        UNDER_WAY.fetch_add(1, Ordering::AcqRel);
        // SAFETY: the node is ours until it is queued; then it is the queue's.
        unsafe {
            (*node).job = Some(Job {
                call: call::<F>,
                closure: closure.into_raw().cast(),
            });
            bindings::queue_work_on(ANY, (self.0)(), &raw mut (*node).work);
        }
        Ok(())
    }

    /// Waits for all that is in it now.
    pub fn flush(&self) {
        // SAFETY: a queue of the kernel's.
        unsafe { bindings::__flush_workqueue((self.0)()) };
    }
}

fn idle_node(flags: Flags) -> Result<*mut Node, AllocError> {
    {
        let mut idle = IDLE.lock();
        let first = idle.0;
        if !first.is_null() {
            // SAFETY: a node of the list, which is locked.
            idle.0 = unsafe { (*first).next };
            return Ok(first);
        }
    }
    let node = Node {
        work: Work {
            data: 0,
            entry: [0; 2],
            func: Some(run),
        },
        job: None,
        next: core::ptr::null_mut(),
    };
    Ok(KBox::new(node, flags)?.into_raw())
}

unsafe extern "C" fn run(work: *mut Work) {
    // SAFETY: the work is the first thing of a node that was queued; it is ours until it is put back.
    unsafe {
        let node: *mut Node = work.cast();
        if let Some(job) = (*node).job.take() {
            (job.call)(job.closure);
        }
        let mut idle = IDLE.lock();
        (*node).next = idle.0;
        idle.0 = node;
    }
    UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
}

/// # Safety
/// `closure` comes from a `KBox<F>` and is called once.
unsafe fn call<F: FnOnce()>(closure: *mut c_void) {
    // SAFETY: as the caller says.
    let closure = unsafe { KBox::<F>::from_raw(closure.cast()) };
    closure.into_inner()();
}

/// At the module's end: waits for all closures, and gives the nodes back.
pub(crate) fn finish() {
    while UNDER_WAY.load(Ordering::Acquire) != 0 {
        for queue in [system(), system_unbound()] {
            queue.flush();
        }
    }
    let mut idle = IDLE.lock();
    while !idle.0.is_null() {
        // SAFETY: a node of the list; nothing is queued any more.
        let node = unsafe { KBox::from_raw(idle.0) };
        idle.0 = node.next;
    }
}
