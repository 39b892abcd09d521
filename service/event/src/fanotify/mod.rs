//! fanotify(7): groups, which are told what happens to files, and asked whether it may.
//!
//! | module | holds |
//! |---|---|
//! | `group` | a [`Group`]: its file, its flags; what it makes of what happens |
//! | `event`, `queue` | an event; the queue of them, where two that are alike are one |
//! | `question` | an event that somebody waits for an answer to |
//! | `read` | events as read(2) gives them, answers as write(2) takes them |
//! | `request` | fanotify_mark(2) |
//!
//! **Locks**: `fanotify` (spinning; the queue and the questions that were read), under none of vfs' tables. What holds places
//! of files is dropped with it free.
mod event;
mod group;
mod question;
mod queue;
mod read;
mod request;

pub use group::Group;
pub use request::Request;
