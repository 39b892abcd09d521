//! The system calls.
pub mod msg;
mod msgctl;
pub mod sem;
mod semctl;
pub mod shm;
mod shmctl;

pub use msgctl::control as msgctl;
pub use semctl::control as semctl;
pub use shmctl::control as shmctl;
