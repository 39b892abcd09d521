//! The roll of kernel threads. The floors above number them and show them (`/proc`, `ps`); that begins late in the boot,
//! so what was made before waits in a list.
pub use crate::thread::Entered;
use crate::thread::{Thread, current};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use sync::{LockClass, Once, SpinLock, rank};

/// Who keeps the roll.
pub trait Roll: Sync {
    /// A kernel thread was made; it may not have run yet. Its id is set here.
    ///
    /// # Errors
    /// `ENOMEM`, `EAGAIN`: it can't be made, then.
    fn enter(&self, thread: &Arc<Thread>) -> Result<Entered>;
}

static ROLL: Once<&'static dyn Roll> = Once::new();
static CLASS: LockClass = LockClass::new("early_kthreads", rank::NONE);
/// Made before there was a roll, the last one first.
static EARLY: SpinLock<Option<Box<Early>>> = SpinLock::new(&CLASS, None);

struct Early {
    thread: Weak<Thread>,
    before: Option<Box<Early>>,
}

/// From here on `roll` hears of kernel threads: of the calling one first, then of all others that there are.
///
/// # Errors
/// What [`Roll::enter`] says.
pub fn open(roll: &'static dyn Roll) -> Result<()> {
    if let Some(me) = current().arc() {
        put(roll, &me)?;
    }
    let newest = {
        let mut early = EARLY.lock_irq();
        let _ = ROLL.set(roll); // under the lock: nobody joins the list from here on
        early.take()
    };
    let mut list = None;
    let mut rest = newest;
    while let Some(mut one) = rest {
        rest = core::mem::replace(&mut one.before, list);
        list = Some(one);
    }
    while let Some(one) = list {
        if let Some(thread) = one.thread.upgrade()
            && !thread.has_exited()
            && !core::ptr::eq(&*thread, current())
        {
            put(roll, &thread)?;
        }
        list = one.before;
    }
    Ok(())
}

fn put(roll: &'static dyn Roll, thread: &Arc<Thread>) -> Result<()> {
    let entered = roll.enter(thread)?;
    *thread.entered.lock() = Some(entered);
    Ok(())
}

/// A kernel thread was made.
pub(crate) fn enter(thread: &Arc<Thread>) -> Result<()> {
    if let Some(roll) = ROLL.get() {
        return put(*roll, thread);
    }
    let mut early = kmem::try_box(Early {
        thread: Arc::downgrade(thread),
        before: None,
    })?;
    let mut newest = EARLY.lock_irq();
    if let Some(roll) = ROLL.get() {
        drop(newest);
        return put(*roll, thread);
    }
    early.before = newest.take();
    *newest = Some(early);
    Ok(())
}

impl Thread {
    /// It ends, or will never run: it stands on the roll no longer.
    pub(crate) fn leave_roll(&self) {
        let entered = self.entered.lock().take();
        drop(entered);
    }
}
