//! Device lines and their handlers.
use crate::numbers::LINES;
use crate::{machine, stats};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kmem::{TryString, TryVec};
use sync::rcu::{self, Rcu};
use sync::{LockClass, Mutex, rank};

/// The vector of line 0; line n has this plus n.
pub const VECTOR_FIRST: u8 = 48;

/// What a handler says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqReturn {
    /// It was not its device.
    None,
    /// Its device was served.
    Handled,
}

/// Serves a device's interrupts.
pub trait IrqHandler: Send + Sync {
    /// The line `irq` rose. Hard interrupt context, interrupts off, under RCU: must not sleep.
    fn handle(&self, irq: u32) -> IrqReturn;
}

/// Whether others may have handlers on the same line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody else.
    Alone,
    /// Those who share as well (`IRQF_SHARED`).
    Shared,
}

/// Names a handler, for [`free_irq`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandlerId {
    irq: u32,
    serial: u64,
}

#[derive(Clone)]
struct Action {
    serial: u64,
    name: Arc<String>,
    sharing: Sharing,
    handler: Arc<dyn IrqHandler>,
}

struct Line {
    actions: Rcu<Vec<Action>>,
    /// Interrupts in a row that nobody claimed.
    unclaimed: AtomicU32,
}

static TABLE: [Line; LINES] = [const {
    Line {
        actions: Rcu::empty(),
        unclaimed: AtomicU32::new(0),
    }
}; LINES];
static CLASS: LockClass = LockClass::new("irq-table", rank::NONE);
static CHANGE: Mutex<()> = Mutex::new(&CLASS, ());
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// So many in a row and the line is held back: a device screams and nobody listens.
const MAX_UNCLAIMED: u32 = 100_000;

/// Lets `handler` serve line `irq`, and lets the line through. May sleep.
///
/// # Errors
/// `EINVAL`: no such number. `EBUSY`: somebody has the line and one of the two does not share. `ENXIO`: the machine has
/// no such line. `ENOMEM`.
pub fn request_irq(
    irq: u32,
    name: &str,
    sharing: Sharing,
    handler: Arc<dyn IrqHandler>,
) -> Result<HandlerId> {
    let line = TABLE.get(irq as usize).ok_or(Errno::EINVAL)?;
    let _alone = CHANGE.lock();
    let old = line.actions.load_arc();
    let mut actions = match &old {
        Some(old) => Vec::try_from_slice(old)?,
        None => Vec::new(),
    };
    if !actions.is_empty()
        && (sharing == Sharing::Alone || actions.iter().any(|a| a.sharing == Sharing::Alone))
    {
        return Err(Errno::EBUSY);
    }
    let first = actions.is_empty();
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    actions.try_push(Action {
        serial,
        name: kmem::try_arc(String::try_from_str(name)?)?,
        sharing,
        handler,
    })?;
    let new = kmem::try_arc(actions)?;
    if first {
        machine::route(irq, VECTOR_FIRST + irq as u8)?;
    }
    drop(line.actions.swap(Some(new)));
    if first {
        machine::unmask(irq)?;
    }
    Ok(HandlerId { irq, serial })
}

/// Takes a handler off its line; when this returns it does not run and will not. The last one holds the line back. May
/// sleep.
///
/// # Errors
/// `EINVAL`: it was taken off before. `ENOMEM`: it stays.
pub fn free_irq(id: HandlerId) -> Result<()> {
    let line = TABLE.get(id.irq as usize).ok_or(Errno::EINVAL)?;
    let _alone = CHANGE.lock();
    let old = line.actions.load_arc().ok_or(Errno::EINVAL)?;
    if old.iter().all(|a| a.serial != id.serial) {
        return Err(Errno::EINVAL);
    }
    let rest = old.iter().filter(|a| a.serial != id.serial).cloned();
    let rest = Vec::try_collect_from(rest)?;
    let new = if rest.is_empty() {
        machine::mask(id.irq);
        None
    } else {
        Some(kmem::try_arc(rest)?)
    };
    // Waits until no interrupt uses the old list.
    drop(line.actions.swap(new));
    Ok(())
}

/// A device's interrupt came. For `KernelTraps::irq`.
pub fn handle_vector(vector: u8) {
    let irq = u32::from(vector.wrapping_sub(VECTOR_FIRST));
    let Some(line) = TABLE.get(irq as usize) else {
        return stats::count(stats::Arch::Spurious);
    };
    stats::count_line(irq as usize);
    let section = rcu::read_lock();
    let mut claimed = false;
    if let Some(actions) = line.actions.load(&section) {
        for action in actions {
            claimed |= action.handler.handle(irq) == IrqReturn::Handled;
        }
    }
    if claimed {
        line.unclaimed.store(0, Ordering::Relaxed);
    } else if line.unclaimed.fetch_add(1, Ordering::Relaxed) == MAX_UNCLAIMED {
        trace::pr_emerg!("irq {irq}: nobody cared, the line is held back");
        machine::mask(irq);
    }
}

/// Visits the lines that have handlers: number and each handler's name. For /proc/interrupts.
pub fn for_each_line(mut visit: impl FnMut(usize, &mut dyn Iterator<Item = &str>)) {
    for (irq, line) in TABLE.iter().enumerate() {
        if let Some(actions) = line.actions.load_arc() {
            visit(irq, &mut actions.iter().map(|a| a.name.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(AtomicU32, IrqReturn);
    impl IrqHandler for Counter {
        fn handle(&self, _irq: u32) -> IrqReturn {
            self.0.fetch_add(1, Ordering::Relaxed);
            self.1
        }
    }

    #[test]
    fn handlers_share_a_line_or_do_not() {
        let a = Arc::new(Counter(AtomicU32::new(0), IrqReturn::None));
        let b = Arc::new(Counter(AtomicU32::new(0), IrqReturn::Handled));
        let first = request_irq(5, "a", Sharing::Shared, a.clone()).expect("free");
        assert_eq!(
            request_irq(5, "c", Sharing::Alone, b.clone()),
            Err(Errno::EBUSY)
        );
        let second = request_irq(5, "b", Sharing::Shared, b.clone()).expect("shared");
        assert_eq!(
            request_irq(500, "x", Sharing::Alone, a.clone()),
            Err(Errno::EINVAL)
        );
        assert_eq!(
            request_irq(100, "x", Sharing::Alone, a.clone()),
            Err(Errno::ENXIO)
        );
        handle_vector(VECTOR_FIRST + 5);
        free_irq(first).expect("there");
        assert_eq!(free_irq(first), Err(Errno::EINVAL));
        handle_vector(VECTOR_FIRST + 5);
        assert_eq!(
            (a.0.load(Ordering::Relaxed), b.0.load(Ordering::Relaxed)),
            (1, 2)
        );
        free_irq(second).expect("there");
        let mut lines = 0;
        for_each_line(|_, _| lines += 1);
        assert_eq!(lines, 0);
        assert_eq!(stats::line_total(5), 2);
    }
}
