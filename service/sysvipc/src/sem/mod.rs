//! Sets of semaphores: what operations do to them, and what is undone.
mod adjust;
mod ops;
mod set;

machine! {
    mod object;
    mod undo;

    pub(crate) use object::{SemSet, State};
    pub(crate) use ops::Ops;
    pub(crate) use set::{Attempt, Sleeper, VALUE_MAX};
    pub(crate) use undo::UndoList;
}
