//! State that other crates keep per task, with hooks for fork, exec and exit: SEM_UNDO lists, io_uring contexts.
//!
//! A crate registers once at boot and gets a [`TaskSlot`], its typed place in every task.
use crate::clone_flags::CloneArgs;
use crate::cx::{Cx, SLOTS, Slots};
use abi::{Errno, Result};
use alloc::boxed::Box;
use core::any::Any;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicUsize, Ordering};
use sync::Once;

/// What a crate with a slot wants to hear. All run in the task itself and may sleep.
pub trait TaskHooks: Sync {
    /// A child is about to be made: what it starts with in this slot.
    ///
    /// # Errors
    /// Whatever stops the fork.
    fn fork(&self, parent: &mut Cx, args: &CloneArgs) -> Result<Option<Box<dyn Any + Send>>> {
        let _ = (parent, args);
        Ok(None)
    }
    /// The program is about to be replaced.
    fn exec(&self, cx: &mut Cx) {
        let _ = cx;
    }
    /// The task ends.
    fn exit(&self, cx: &mut Cx) {
        let _ = cx;
    }
}

static HOOKS: [Once<&'static dyn TaskHooks>; SLOTS] = [const { Once::new() }; SLOTS];
static USED: AtomicUsize = AtomicUsize::new(0);

/// A typed place in every task.
pub struct TaskSlot<T> {
    index: usize,
    _type: PhantomData<fn() -> T>,
}

impl<T: Any + Send> TaskSlot<T> {
    /// A new slot; at boot. `ENFILE`: all are taken.
    pub fn register(hooks: &'static dyn TaskHooks) -> Result<Self> {
        let index = USED.fetch_add(1, Ordering::Relaxed);
        let place = HOOKS.get(index).ok_or(Errno::ENFILE)?;
        let _ = place.set(hooks); // the index is ours alone
        Ok(Self {
            index,
            _type: PhantomData,
        })
    }

    /// What the task holds.
    pub fn get<'a>(&self, cx: &'a mut Cx) -> Option<&'a mut T> {
        cx.slots[self.index].as_mut()?.downcast_mut()
    }

    /// Puts a value in. `ENOMEM`.
    pub fn set(&self, cx: &mut Cx, value: T) -> Result<()> {
        cx.slots[self.index] = Some(kmem::try_box(value)?);
        Ok(())
    }

    /// Puts a value back that was taken out.
    pub fn put(&self, cx: &mut Cx, value: Box<T>) {
        cx.slots[self.index] = Some(value);
    }

    /// Takes the value out.
    pub fn take(&self, cx: &mut Cx) -> Option<Box<T>> {
        cx.slots[self.index].take()?.downcast().ok()
    }
}

fn hooks() -> impl Iterator<Item = (usize, &'static dyn TaskHooks)> {
    HOOKS
        .iter()
        .enumerate()
        .filter_map(|(i, slot)| slot.get().map(|hooks| (i, *hooks)))
}

pub(crate) fn fork(parent: &mut Cx, args: &CloneArgs) -> Result<Slots> {
    let mut slots = Slots::default();
    if USED.load(Ordering::Relaxed) != 0 {
        for (index, hooks) in hooks() {
            slots[index] = hooks.fork(parent, args)?;
        }
    }
    Ok(slots)
}

pub(crate) fn exec(cx: &mut Cx) {
    for (_, hooks) in hooks() {
        hooks.exec(cx);
    }
}

pub(crate) fn exit(cx: &mut Cx) {
    for (index, hooks) in hooks() {
        hooks.exit(cx);
        cx.slots[index] = None;
    }
}
