//! Queues: what callers see of the pools.
use crate::pool::Pool;
use crate::work::{Account, Work};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hal::MAX_CPUS;
use sync::percpu::CachePadded;
use sync::{Once, PerCpu};

/// On which threads a queue's work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On the CPU that queues it.
    Bound,
    /// On any CPU (`WQ_UNBOUND`).
    Unbound,
    /// One after the other, in order.
    Ordered,
}

/// Most workers of one pool.
const MAX_WORKERS: usize = 256;

static BOUND: PerCpu<Once<Arc<Pool>>> = PerCpu::new([const { CachePadded(Once::new()) }; MAX_CPUS]);
static UNBOUND: Once<Arc<Pool>> = Once::new();
static SYSTEM: Once<Arc<Workqueue>> = Once::new();
static SYSTEM_UNBOUND: Once<Arc<Workqueue>> = Once::new();

/// A queue of work.
pub struct Workqueue {
    name: &'static str,
    kind: Kind,
    own: Option<Arc<Pool>>,
    account: Arc<Account>,
}

/// Starts the system's queues and the boot CPU's workers. Once, after `sched::init`.
///
/// # Errors
/// `ENOMEM`; `EBUSY` the second time.
pub fn init() -> Result<()> {
    UNBOUND
        .set(Pool::new("kworker/u", None, MAX_WORKERS)?)
        .map_err(|_| Errno::EBUSY)?;
    cpu_online(hal::cpu::id())?;
    let queue = Workqueue::alloc("events", Kind::Bound)?;
    SYSTEM.set(queue).map_err(|_| Errno::EBUSY)?;
    let queue = Workqueue::alloc("events_unbound", Kind::Unbound)?;
    SYSTEM_UNBOUND.set(queue).map_err(|_| Errno::EBUSY)
}

/// Gives a CPU that has come up its workers.
///
/// # Errors
/// `ENOMEM`.
pub fn cpu_online(cpu: usize) -> Result<()> {
    let pool = Pool::new("kworker", Some(cpu), MAX_WORKERS)?;
    // Set before: the pool made now is closed again.
    BOUND.of(cpu).set(pool).map_err(|pool| {
        pool.close();
        Errno::EBUSY
    })
}

/// The queue for anything short.
///
/// # Panics
/// Before [`init`].
pub fn system_wq() -> &'static Arc<Workqueue> {
    SYSTEM.get().expect("workqueue::init comes first")
}
/// The queue for what may run long, on any CPU.
///
/// # Panics
/// Before [`init`].
pub fn system_unbound_wq() -> &'static Arc<Workqueue> {
    SYSTEM_UNBOUND.get().expect("workqueue::init comes first")
}

/// Queues work on [`system_wq`]; false if it was queued already. Any context but NMI.
pub fn queue_work(work: &Arc<Work>) -> bool {
    system_wq().queue(work)
}
/// Queues work on [`system_wq`] for one CPU; false if it was queued already.
pub fn queue_work_on(cpu: usize, work: &Arc<Work>) -> bool {
    system_wq().queue_on(cpu, work)
}

impl Workqueue {
    /// A queue of one's own: for flushing it as a whole, or for order.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc(name: &'static str, kind: Kind) -> Result<Arc<Self>> {
        let own = match kind {
            Kind::Ordered => Some(Pool::new(name, None, 1)?),
            _ => None,
        };
        kmem::try_arc(Self {
            name,
            kind,
            own,
            account: kmem::try_arc(Account::default())?,
        })
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Queues work; false if it was queued already (here or elsewhere). Any context but NMI.
    pub fn queue(self: &Arc<Self>, work: &Arc<Work>) -> bool {
        self.queue_on(hal::cpu::id(), work)
    }

    /// As [`Self::queue`], for one CPU if the queue is bound.
    pub fn queue_on(self: &Arc<Self>, cpu: usize, work: &Arc<Work>) -> bool {
        let Some(pool) = self.pool(cpu) else {
            return false;
        };
        if !work.claim() {
            return false;
        }
        self.account.one_more();
        *work.home.lock_irq() = Some(Arc::clone(&self.account));
        pool.push(Arc::clone(work));
        true
    }

    fn pool(&self, cpu: usize) -> Option<&Arc<Pool>> {
        match (self.kind, &self.own) {
            (Kind::Ordered, own) => own.as_ref(),
            (Kind::Unbound, _) => UNBOUND.get(),
            (Kind::Bound, _) => BOUND.of(cpu).get().or_else(|| BOUND.of(0).get()),
        }
    }

    /// Waits until nothing of it is queued or runs. Not from its own work. Sleeps.
    pub fn flush(&self) {
        self.account.wait();
    }
}

impl Drop for Workqueue {
    fn drop(&mut self) {
        if let Some(pool) = &self.own {
            pool.close();
        }
    }
}
