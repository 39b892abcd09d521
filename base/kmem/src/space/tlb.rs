//! Which CPU has which tables loaded, and how all of them forget translations.
//!
//! A root's metadata has the set of CPUs that have it loaded; it is a superset at any moment: a CPU enters it before it
//! loads the root and leaves it after it has loaded another. Who changes entries then reads the set (both with full
//! barriers) and tells those CPUs. A CPU has one request out at a time (and one from a softirq); a CPU that waits serves the others' requests,
//! so that two that ask each other with interrupts off get on.
use crate::frame::FrameMeta;
use crate::machine;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use hal::MAX_CPUS;
use hal::addr::{PAGE_SIZE, Pfn};
use sync::Once;
use sync::percpu::{CachePadded, PerCpu};

/// More pages than this are forgotten by forgetting everything.
const RANGE_PAGES: usize = 32;

/// What a CPU asks of others.
struct Request {
    busy: AtomicBool,
    /// The root concerned; 0: kernel addresses.
    root: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    /// The root's count with this flush.
    count: AtomicU64,
    /// Stop using the root.
    leave: AtomicBool,
    /// CPUs that have not served it yet.
    waiting: AtomicU32,
}

/// A task's request, and one of a softirq that runs on top of it.
const REQUESTS: usize = 2;

struct Cpu {
    /// Root in use; 0: the kernel's own.
    loaded: AtomicUsize,
    /// The root is only borrowed: a kernel thread or the idle loop runs, which does not touch user memory. Such a CPU is
    /// not told what to forget; it looks at the root's count when it comes back.
    lazy: AtomicBool,
    /// The root's count of flushes up to which this CPU has forgotten all it had to.
    seen: AtomicU64,
    /// Requests that this CPU has to serve: bit `asking CPU * REQUESTS + number`.
    inbox: AtomicU64,
    requests: [Request; REQUESTS],
}

static CPUS: PerCpu<Cpu> = PerCpu::new(
    [const {
        CachePadded(Cpu {
            loaded: AtomicUsize::new(0),
            lazy: AtomicBool::new(false),
            seen: AtomicU64::new(0),
            inbox: AtomicU64::new(0),
            requests: [const {
                Request {
                    busy: AtomicBool::new(false),
                    root: AtomicUsize::new(0),
                    start: AtomicUsize::new(0),
                    end: AtomicUsize::new(0),
                    count: AtomicU64::new(0),
                    leave: AtomicBool::new(false),
                    waiting: AtomicU32::new(0),
                }
            }; REQUESTS],
        })
    }; MAX_CPUS],
);
const _: () = assert!(MAX_CPUS * REQUESTS <= 64);

/// Addresses whose entries changed: what has to be forgotten.
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(super) const fn new() -> Self {
        Self {
            start: usize::MAX,
            end: 0,
        }
    }
    /// Adds a page.
    #[inline]
    pub(super) fn add(&mut self, va: usize) {
        self.start = self.start.min(va);
        self.end = self.end.max(va + PAGE_SIZE);
    }
    /// What was added, if anything was; starts anew.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Range<usize>> {
        let span = core::mem::replace(self, Self::new());
        (span.start < span.end).then_some(span.start..span.end)
    }
}

fn meta(root: Pfn) -> &'static FrameMeta {
    // SAFETY: metadata lives forever.
    unsafe { machine::meta_of(root).as_ref() }
}

/// The CPUs that have a root loaded.
fn mask(root: Pfn) -> &'static AtomicU64 {
    &meta(root).private[1]
}

/// How often CPUs had to forget translations of a root.
fn flushes(root: Pfn) -> &'static AtomicU64 {
    &meta(root).index
}

/// Loads `root` on this CPU, if it is not there already.
#[inline]
pub(super) fn load(root: Pfn) {
    let pin = machine::pin();
    let cpu = CPUS.get(&pin);
    let old = cpu.loaded.load(Ordering::Relaxed);
    if cpu.lazy.load(Ordering::Relaxed) {
        // From here on we are told; what happened before shows in the count. Both sides store, then load.
        cpu.lazy.swap(false, Ordering::SeqCst);
    } else if old == root {
        return;
    }
    if old == root {
        let count = flushes(root).load(Ordering::SeqCst);
        if cpu.seen.load(Ordering::Relaxed) != count {
            cpu.seen.store(count, Ordering::Relaxed);
            machine::flush_all();
        }
        return;
    }
    let bit = 1 << hal::cpu::id();
    mask(root).fetch_or(bit, Ordering::SeqCst);
    cpu.seen
        .store(flushes(root).load(Ordering::SeqCst), Ordering::Relaxed);
    cpu.loaded.store(root, Ordering::Relaxed);
    // SAFETY: the root's kernel half is the kernel's, and it stays allocated until it was taken off all CPUs.
    unsafe { machine::load_root(root) };
    leave_mask(old, bit);
}

/// This CPU goes on with a kernel thread, which borrows what is loaded: until the next [`load`] nobody has to tell it of
/// changes. Preemption is off.
#[inline]
pub fn borrow() {
    CPUS.here().lazy.store(true, Ordering::Release);
}

/// Goes over to the kernel's own tables.
pub(super) fn unload() {
    let pin = machine::pin();
    unload_pinned(CPUS.get(&pin));
}

fn unload_pinned(cpu: &Cpu) {
    let old = cpu.loaded.swap(0, Ordering::Relaxed);
    if old != 0 {
        // SAFETY: the kernel's root lives forever.
        unsafe { machine::load_root(0) };
        leave_mask(old, 1 << hal::cpu::id());
    }
}

#[inline]
fn leave_mask(old: Pfn, bit: u64) {
    if old != 0 {
        mask(old).fetch_and(!bit, Ordering::SeqCst);
    }
}

/// Whether other CPUs than this one use `root`: a guess, as they come and go.
#[inline]
pub(super) fn is_shared(root: Pfn) -> bool {
    mask(root).load(Ordering::Relaxed) & !(1 << hal::cpu::id()) != 0
}

/// Whether tables are freed with a flush. CPUs that only borrow a root may walk it on speculation, so they have to be
/// told then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tables {
    Stay,
    Go,
}

/// All CPUs that use `root` forget the range. Call after the entries were changed, with interrupts on and without a
/// lock that is taken with interrupts off.
pub(super) fn flush(root: Pfn, range: Range<usize>, tables: Tables) {
    let pin = sync::preempt_disable();
    let count = flushes(root).fetch_add(1, Ordering::SeqCst) + 1;
    let users = mask(root).load(Ordering::SeqCst) as u32;
    if users == 0 {
        return;
    }
    let me = 1u32 << hal::cpu::id();
    if users & me != 0 {
        forget(CPUS.get(&pin), range.clone(), count);
    }
    let mut others = users & !me;
    if others == 0 || !machine::HAS_IPI {
        return;
    }
    if tables == Tables::Stay {
        for other in bits(others.into()) {
            if CPUS.of(other).lazy.load(Ordering::SeqCst) {
                others &= !(1 << other);
            }
        }
    }
    if others != 0 {
        ask(others, root, range, count, false, &pin);
    }
}

/// This CPU forgets a range of what it has loaded; that was flush number `count`.
fn forget(cpu: &Cpu, range: Range<usize>, count: u64) {
    local(range);
    // Where others flushed meanwhile the number does not follow: the next look at the count then forgets everything.
    if cpu.seen.load(Ordering::Relaxed) + 1 == count {
        cpu.seen.store(count, Ordering::Relaxed);
    }
}

/// Takes `root` off all CPUs.
pub(super) fn evict(root: Pfn) {
    let pin = sync::preempt_disable();
    let me = 1u64 << hal::cpu::id();
    if mask(root).load(Ordering::SeqCst) & me != 0 {
        unload();
    }
    let others = (mask(root).load(Ordering::SeqCst) & !me) as u32;
    if others != 0 && machine::HAS_IPI {
        ask(others, root, 0..0, 0, true, &pin);
    }
}

/// What a CPU forgets that only has to pass a barrier: one page, whichever. INVLPG is a serialising instruction.
const BARRIER: Range<usize> = 0..PAGE_SIZE;

/// Each CPU that runs a thread with `root` passes a full barrier; this one too. With `serialise` each also executes a
/// serialising instruction before it goes on with such a thread.
pub(super) fn barrier(root: Pfn, serialise: bool) {
    fence(Ordering::SeqCst);
    let pin = sync::preempt_disable();
    let me = 1u32 << hal::cpu::id();
    let mut others = mask(root).load(Ordering::SeqCst) as u32 & !me;
    for other in bits(others.into()) {
        // It passes a barrier on its way back from the thread that borrows the root. Asked, it gives the root up, and
        // then loads it, which serialises.
        if !serialise && CPUS.of(other).lazy.load(Ordering::SeqCst) {
            others &= !(1 << other);
        }
    }
    if others != 0 && machine::HAS_IPI {
        ask(others, root, BARRIER, 0, false, &pin);
    }
    kernel_local(BARRIER);
}

/// All CPUs pass a full barrier and a serialising instruction.
pub fn barrier_everywhere() {
    flush_kernel(BARRIER);
}

/// All CPUs forget kernel translations of a range.
pub(crate) fn flush_kernel(range: Range<usize>) {
    fence(Ordering::SeqCst);
    let pin = sync::preempt_disable();
    kernel_local(range.clone());
    let online = u32::MAX >> (32 - hal::cpu::online().min(32));
    let others = online & !(1 << hal::cpu::id());
    if others != 0 && machine::HAS_IPI {
        ask(others, 0, range, 0, false, &pin);
    }
}

fn local(range: Range<usize>) {
    if range.end - range.start > RANGE_PAGES * PAGE_SIZE {
        machine::flush_all();
    } else {
        range.step_by(PAGE_SIZE).for_each(machine::flush_page);
    }
}

fn kernel_local(range: Range<usize>) {
    if range.end - range.start > RANGE_PAGES * PAGE_SIZE {
        machine::flush_all_global();
    } else {
        range.step_by(PAGE_SIZE).for_each(machine::flush_page);
    }
}

/// Has `others` serve one request, and waits for them.
#[cold]
fn ask(
    others: u32,
    root: Pfn,
    range: Range<usize>,
    count: u64,
    leave: bool,
    pin: &sync::PreemptGuard,
) {
    let cpu = CPUS.get(pin);
    let number = usize::from(cpu.requests[0].busy.swap(true, Ordering::Relaxed));
    let request = &cpu.requests[number];
    request.root.store(root, Ordering::Relaxed);
    request.start.store(range.start, Ordering::Relaxed);
    request.end.store(range.end, Ordering::Relaxed);
    request.count.store(count, Ordering::Relaxed);
    request.leave.store(leave, Ordering::Relaxed);
    request.waiting.store(others, Ordering::Release);
    let bit = 1 << (hal::cpu::id() * REQUESTS + number);
    for other in bits(others.into()) {
        if CPUS.of(other).inbox.fetch_or(bit, Ordering::SeqCst) == 0 {
            machine::send_flush_ipi(other);
        }
    }
    while request.waiting.load(Ordering::Acquire) != 0 {
        service();
        hal::cpu::relax();
    }
    if number == 0 {
        request.busy.store(false, Ordering::Relaxed);
    }
}

/// In place of a root: give back what you keep at hand.
const DRAIN: Pfn = Pfn::MAX;

static DRAINER: Once<fn()> = Once::new();

/// Sets how a CPU gives back what it keeps at hand: all that stands above.
#[cfg(target_os = "none")]
pub(crate) fn set_drainer(drain: fn()) {
    let _ = DRAINER.set(drain);
}

/// Has all other CPUs give back what they keep at hand.
pub(crate) fn drain_others() {
    let pin = sync::preempt_disable();
    let online = u32::MAX >> (32 - hal::cpu::online().min(32));
    let others = online & !(1 << hal::cpu::id());
    if others != 0 && machine::HAS_IPI {
        ask(others, DRAIN, 0..0, 0, false, &pin);
    }
}

/// Serves other CPUs' requests: the TLB interrupt's handler, and every loop that waits for another CPU with interrupts
/// off.
#[inline]
pub fn service() {
    if CPUS.here().inbox.load(Ordering::Relaxed) != 0 {
        serve();
    }
}

#[cold]
fn serve() {
    let pin = machine::pin();
    let cpu = CPUS.get(&pin);
    let me = 1 << hal::cpu::id();
    let inbox = cpu.inbox.swap(0, Ordering::SeqCst);
    for bit in bits(inbox) {
        let request = &CPUS.of(bit / REQUESTS).requests[bit % REQUESTS];
        if request.waiting.load(Ordering::Acquire) & me == 0 {
            continue;
        }
        serve_one(cpu, request);
        request.waiting.fetch_and(!me, Ordering::Release);
    }
}

fn serve_one(cpu: &Cpu, request: &Request) {
    let range = request.start.load(Ordering::Relaxed)..request.end.load(Ordering::Relaxed);
    let root = request.root.load(Ordering::Relaxed);
    if root == 0 {
        kernel_local(range);
    } else if root == DRAIN {
        if let Some(drain) = DRAINER.get() {
            drain();
        }
    } else if cpu.loaded.load(Ordering::Relaxed) == root {
        if request.leave.load(Ordering::Relaxed) || cpu.lazy.load(Ordering::Relaxed) {
            unload_pinned(cpu);
        } else {
            forget(cpu, range, request.count.load(Ordering::Relaxed));
        }
    }
}

fn bits(mut mask: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}
