//! Signals (signal(7)): sent to a process or a thread, kept pending, taken by the thread on its way to user mode.
//!
//! | module | what it has |
//! |---|---|
//! | [`action`] | what a process does on each signal |
//! | [`pending`] | what was sent and not yet taken |
//! | [`send`] | sending: ignored signals, whom to wake, fatal signals |
//! | [`mask`], [`altstack`] | blocked signals, the stack for handlers |
//! | [`take`] | taking: the thread's side, sigtimedwait |
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
    pub mod altstack;
    pub mod frame;
    pub mod mask;
    pub mod send;
    pub mod stop;
    pub mod take;

    pub use frame::sigreturn;
    pub use send::{Sender, force, kill_all, send_checked, send_checked_to_task, send_to_group, send_to_process, send_to_task};
    pub use altstack::set_altstack;
    pub use mask::{mask_of, set_blocked};
    pub use take::{set_action, take_pending, wait_for};
}
