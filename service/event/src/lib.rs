//! Waiting for several files: poll(2), select(2), epoll(7); descriptors for events and timers.
//!
//! **Job.** [`poll::Waiter`] collects the wait queues that files name and sleeps until one of them wakes it.
//! [`epoll::Epoll`] keeps such registrations between calls and learns of readiness by callbacks, so that a wait costs
//! what is ready, not what is watched. [`eventfd`], [`timerfd`] and `signalfd` are files that such waits are used with,
//! [`inotify`] and `fanotify` two more, which say what happened to other files. `aio` is asynchronous I/O, whose polls are such
//! callbacks.
//!
//! **Called by** the syscall crate. **Calls** vfs (files), mm (the ring of `aio`), workqueue, time (timers), sync, kmem.
//!
//! **Locks**: `epoll.tree` (sleeping; adding one epoll set to another) → `epoll.items` (sleeping; what is watched).
//! `aio.list` (contexts of an address space) and `aio.reading` (over copies to user memory) are held over page faults.
//! In a wake-up: the queue of the source → `epoll.ready` or the queue of the waiter, one at a time. An epoll set that
//! watches another is woken under that one's `epoll.poll` queue, which ranks between.
//!
//! **Specification**: poll(2), select(2), epoll(7), eventfd(2), timerfd_create(2), signalfd(2), inotify(7), fanotify(7),
//! io_submit(2).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(target_os = "none")]
pub mod aio;
pub mod epoll;
pub mod eventfd;
#[cfg(target_os = "none")]
pub mod fanotify;
pub mod inotify;
mod numbers;
pub mod poll;
pub mod select;
#[cfg(target_os = "none")]
pub mod signalfd;
pub mod timerfd;

#[cfg(test)]
mod tests;
