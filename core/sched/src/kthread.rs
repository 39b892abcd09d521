//! Kernel threads beyond [`Thread::spawn_kthread`]: bound to a CPU, asked to stop.
use crate::mask::CpuSet;
use crate::thread::{Thread, current};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Write;
use core::sync::atomic::Ordering;

/// A kernel thread `name/cpu` that runs on `cpu` alone, running.
///
/// # Errors
/// `ENOMEM`.
pub fn on_cpu(name: &str, cpu: usize, entry: Box<dyn FnOnce() + Send>) -> Result<Arc<Thread>> {
    let thread = new_on_cpu(name, cpu, entry)?;
    thread.start();
    Ok(thread)
}

/// As [`on_cpu`], not started yet: its policy can be set before.
///
/// # Errors
/// `ENOMEM`.
pub fn new_on_cpu(name: &str, cpu: usize, entry: Box<dyn FnOnce() + Send>) -> Result<Arc<Thread>> {
    let mut full = arrayvec_name(name);
    let _ = write!(full, "/{cpu}");
    let thread = Thread::new_kthread(full.as_str(), entry)?;
    thread.bind(cpu);
    Ok(thread)
}

impl Thread {
    /// A kernel thread that has not run yet is to run on `cpu` alone, and users can't move it.
    pub fn bind(&self, cpu: usize) {
        self.allowed.store(CpuSet::only(cpu));
        self.bound.store(true, Ordering::Relaxed);
    }

    /// Whether it was bound to its CPU.
    pub fn is_bound(&self) -> bool {
        self.bound.load(Ordering::Relaxed)
    }
}

/// Whether [`stop`] was called for the running kernel thread: its loop should return.
#[inline]
pub fn should_stop() -> bool {
    current().should_stop.load(Ordering::Acquire)
}

/// Asks a kernel thread to stop, wakes it and waits until it has ended. It must look at [`should_stop`] in its wait
/// condition.
pub fn stop(thread: &Thread) {
    thread.should_stop.store(true, Ordering::SeqCst);
    thread.wake(false);
    thread.wait_exit();
}

struct Name {
    bytes: [u8; crate::COMM_LEN],
    len: usize,
}

fn arrayvec_name(name: &str) -> Name {
    let mut out = Name {
        bytes: [0; crate::COMM_LEN],
        len: 0,
    };
    let _ = out.write_str(name);
    out
}

impl Name {
    fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or("kthread")
    }
}

impl Write for Name {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let n = s.len().min(self.bytes.len() - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&s.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}
