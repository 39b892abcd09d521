//! Tasklets: functions that run once per scheduling, in softirq context, never on two CPUs at once.
use crate::softirq::{self, Kind};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use hal::MAX_CPUS;
use sync::percpu::CachePadded;
use sync::{LockClass, Once, PerCpu, SpinLock, irq_disable, rank};

/// A tasklet.
pub struct Tasklet {
    kind: Kind,
    scheduled: AtomicBool,
    running: AtomicBool,
    call: Box<dyn Fn() + Send + Sync>,
    /// The one scheduled before it on the same CPU.
    next: SpinLock<Option<Arc<Tasklet>>>,
}

static CLASS: LockClass = LockClass::new("tasklet", rank::NONE);
static LINK: LockClass = LockClass::new("tasklet-link", rank::NONE);
type List = SpinLock<Option<Arc<Tasklet>>>;
static NORMAL: PerCpu<List> =
    PerCpu::new([const { CachePadded(SpinLock::new(&CLASS, None)) }; MAX_CPUS]);
static HIGH: PerCpu<List> =
    PerCpu::new([const { CachePadded(SpinLock::new(&CLASS, None)) }; MAX_CPUS]);
static TIMERS: PerCpu<List> =
    PerCpu::new([const { CachePadded(SpinLock::new(&CLASS, None)) }; MAX_CPUS]);
static REGISTERED: Once<()> = Once::new();

impl Tasklet {
    /// A tasklet that runs `call`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new(call: Box<dyn Fn() + Send + Sync>) -> Result<Arc<Self>> {
        Self::with_kind(Kind::Tasklet, call)
    }
    /// A tasklet that runs before all other softirqs.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new_high(call: Box<dyn Fn() + Send + Sync>) -> Result<Arc<Self>> {
        Self::with_kind(Kind::Hi, call)
    }

    /// A tasklet that runs where timers do.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new_timer(call: Box<dyn Fn() + Send + Sync>) -> Result<Arc<Self>> {
        Self::with_kind(Kind::Timer, call)
    }

    fn with_kind(kind: Kind, call: Box<dyn Fn() + Send + Sync>) -> Result<Arc<Self>> {
        REGISTERED.get_or_init(|| {
            softirq::register(Kind::Tasklet, &|| run(&NORMAL, Kind::Tasklet));
            softirq::register(Kind::Hi, &|| run(&HIGH, Kind::Hi));
            softirq::register(Kind::Timer, &|| run(&TIMERS, Kind::Timer));
        });
        kmem::try_arc(Self {
            kind,
            scheduled: AtomicBool::new(false),
            running: AtomicBool::new(false),
            call,
            next: SpinLock::new(&LINK, None),
        })
    }

    /// Lets it run soon on this CPU; does nothing if it is to run already.
    pub fn schedule(self: &Arc<Self>) {
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            self.enqueue();
        }
    }

    fn enqueue(self: &Arc<Self>) {
        let irqs_off = irq_disable();
        let lists = match self.kind {
            Kind::Hi => &HIGH,
            Kind::Timer => &TIMERS,
            _ => &NORMAL,
        };
        let mut head = lists.get(&irqs_off).lock();
        *self.next.lock_irq() = head.take();
        *head = Some(Arc::clone(self));
        drop(head);
        softirq::raise(self.kind);
    }

    /// Waits until it neither runs nor is to run (`tasklet_kill`), if nobody schedules it again. May sleep.
    pub fn wait(&self) {
        while self.scheduled.load(Ordering::Acquire) || self.running.load(Ordering::Acquire) {
            sync::thread::yield_now();
        }
    }
}

fn run(lists: &PerCpu<List>, kind: Kind) {
    let mut list = {
        let irqs_off = irq_disable();
        let taken = lists.get(&irqs_off).lock().take();
        reversed(taken)
    };
    while let Some(tasklet) = list {
        list = tasklet.next.lock_irq().take();
        if tasklet.running.swap(true, Ordering::Acquire) {
            // It runs on another CPU: later.
            tasklet.enqueue();
            softirq::raise(kind);
            continue;
        }
        tasklet.scheduled.store(false, Ordering::Release);
        (tasklet.call)();
        tasklet.running.store(false, Ordering::Release);
    }
}

/// First scheduled, first run.
fn reversed(mut list: Option<Arc<Tasklet>>) -> Option<Arc<Tasklet>> {
    let mut out = None;
    while let Some(tasklet) = list {
        list = tasklet.next.lock_irq().take();
        *tasklet.next.lock_irq() = out;
        out = Some(tasklet);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU32;

    #[test]
    fn runs_once_per_scheduling() {
        let ran = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&ran);
        let tasklet = Tasklet::new(Box::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }))
        .expect("memory");
        let guard = softirq::local_bh_disable();
        tasklet.schedule();
        tasklet.schedule();
        drop(guard);
        tasklet.wait();
        assert_eq!(ran.load(Ordering::Relaxed), 1);
        let guard = softirq::local_bh_disable();
        tasklet.schedule();
        drop(guard);
        assert_eq!(ran.load(Ordering::Relaxed), 2);
        assert_eq!(Arc::strong_count(&tasklet), 1);
    }
}
