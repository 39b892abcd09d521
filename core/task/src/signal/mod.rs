//! Signals (signal(7)): sent to a process or a thread, kept pending, taken by the thread on its way to user mode.
//!
//! | module | what it has |
//! |---|---|
//! | [`action`] | what a process does on each signal |
//! | [`pending`] | what was sent and not yet taken |
//! | [`send`] | sending: ignored signals, whom to wake, fatal signals |
//! | [`take`] | taking: the thread's side, masks, sigtimedwait |
//! | [`stop`] | job control |
//! | [`frame`], [`layout`] | the handler's frame on the user stack, and the way back |
//! | [`restart`] | what becomes of an interrupted call |
pub mod action;
pub mod layout;
pub mod pending;
pub mod restart;

pub use action::{SigAction, SigHand, sa};
pub use pending::Pending;

machine! {
    pub mod frame;
    pub mod send;
    pub mod stop;
    pub mod take;

    pub use frame::sigreturn;
    pub use send::{Sender, force, kill_all, send_checked, send_to_group, send_to_process, send_to_task};
    pub use take::{mask_of, set_action, set_altstack, set_blocked, take_pending, wait_for};
}
