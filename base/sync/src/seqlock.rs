//! Small data that is read without a lock and written rarely: a reader retries when a writer came between.
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering, fence};

use crate::class::LockClass;
use crate::spin::SpinLock;

/// A value of a `Copy` type behind a sequence count.
pub struct SeqLock<T: Copy> {
    seq: AtomicU32,
    writer: SpinLock<()>,
    data: UnsafeCell<T>,
}

// SAFETY: writers exclude each other; a torn read is discarded by the sequence check.
unsafe impl<T: Copy + Send> Sync for SeqLock<T> {}

impl<T: Copy> SeqLock<T> {
    /// A value of `class`.
    pub const fn new(class: &'static LockClass, data: T) -> Self {
        Self {
            seq: AtomicU32::new(0),
            writer: SpinLock::new(class, ()),
            data: UnsafeCell::new(data),
        }
    }

    /// A consistent copy of the value.
    #[inline]
    pub fn read(&self) -> T {
        loop {
            let before = self.seq.load(Ordering::Acquire);
            if before & 1 == 0 {
                // SAFETY: the pointer is valid; a value torn by a writer is thrown away below, and `MaybeUninit`
                // asserts nothing about it until then.
                let copy = unsafe {
                    self.data
                        .get()
                        .cast::<core::mem::MaybeUninit<T>>()
                        .read_volatile()
                };
                fence(Ordering::Acquire);
                if self.seq.load(Ordering::Relaxed) == before {
                    // SAFETY: no writer ran between the two loads: the copy is whole.
                    return unsafe { copy.assume_init() };
                }
            }
            hal::cpu::relax();
        }
    }

    /// Changes the value; interrupts are off meanwhile, so that a reader in an interrupt cannot spin for ever.
    pub fn write<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _guard = self.writer.lock_irq();
        // SAFETY: the writer lock is held.
        let mut copy = unsafe { *self.data.get() };
        let result = f(&mut copy);
        self.seq.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        // SAFETY: as above; readers see the odd count and retry.
        unsafe { self.data.get().write_volatile(copy) };
        self.seq.fetch_add(1, Ordering::Release);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    static CLASS: LockClass = LockClass::new("test-seq", 0);

    #[test]
    fn never_torn() {
        let lock = std::sync::Arc::new(SeqLock::new(&CLASS, [0u64; 4]));
        let writer = std::sync::Arc::clone(&lock);
        let t = std::thread::spawn(move || (1..20_000).for_each(|n| writer.write(|v| *v = [n; 4])));
        for _ in 0..20_000 {
            let v = lock.read();
            assert!(v.iter().all(|x| *x == v[0]));
        }
        t.join().unwrap();
    }
}
