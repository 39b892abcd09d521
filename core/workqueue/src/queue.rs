//! Queues: what callers see of the pools.
use crate::name::Name;
use crate::pool::{self, Pool};
use crate::rescue::Rescuer;
use crate::work::{Account, Work};
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Once;

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

static SYSTEM: Once<Arc<Workqueue>> = Once::new();
static SYSTEM_UNBOUND: Once<Arc<Workqueue>> = Once::new();

/// A queue of work.
pub struct Workqueue {
    kind: Kind,
    own: Option<Arc<Pool>>,
    rescuer: Option<Rescuer>,
    account: Arc<Account>,
}

/// Starts the system's queues and the boot CPU's workers. Once, after `sched::init`.
///
/// # Errors
/// `ENOMEM`; `EBUSY` the second time.
pub fn init() -> Result<()> {
    pool::start_unbound()?;
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
    pool::start_on(cpu)
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
    /// A queue of one's own: for flushing it as a whole, or for order. Of the name 23 bytes are kept.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc(name: &str, kind: Kind) -> Result<Arc<Self>> {
        Self::make(name, kind, false)
    }

    /// As [`Self::alloc`], with a thread that runs its work even when there is no memory for a worker
    /// (`WQ_MEM_RECLAIM`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc_with_rescuer(name: &str, kind: Kind) -> Result<Arc<Self>> {
        Self::make(name, kind, true)
    }

    fn make(name: &str, kind: Kind, rescued: bool) -> Result<Arc<Self>> {
        let name = Name::new(name);
        let account = kmem::try_arc(Account::new(name))?;
        // An ordered queue has its own worker all the time.
        let (own, rescuer) = match kind {
            Kind::Ordered => (Some(Pool::new(name, None, 1)?), None),
            _ if rescued => (None, Some(Rescuer::start(&account)?)),
            _ => (None, None),
        };
        kmem::try_arc(Self {
            kind,
            own,
            rescuer,
            account,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.account.name.as_str()
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
            (Kind::Unbound, _) => pool::unbound(),
            (Kind::Bound, _) => pool::bound(cpu),
        }
    }

    /// Waits until nothing of it is queued or runs. Not from its own work. Sleeps.
    pub fn flush(&self) {
        self.account.wait();
    }

    /// Waits until nothing of it is queued or runs, and ends its own threads. Nothing is queued on it any more. Sleeps.
    pub fn retire(&self) {
        self.flush();
        self.close();
        if let Some(pool) = &self.own {
            pool.wait_end();
        }
        if let Some(rescuer) = &self.rescuer {
            rescuer.wait_end();
        }
    }

    fn close(&self) {
        if let Some(pool) = &self.own {
            pool.close();
        }
        if let Some(rescuer) = &self.rescuer {
            rescuer.close();
        }
    }
}

impl Drop for Workqueue {
    fn drop(&mut self) {
        self.close();
    }
}
