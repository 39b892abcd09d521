//! Signals: setting a handler, running one, a fault that ends in one.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) const ALL: &[Bench] = &[
    bench("signal/install", "sigaction", install),
    bench("signal/catch", "kill of oneself to handler and back", catch),
    bench(
        "signal/fault",
        "store to a read-only page to handler and back",
        fault,
    ),
];

static CAUGHT: AtomicU64 = AtomicU64::new(0);
static PAGE: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn unprotect(_: i32) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the page is this benchmark's own.
    unsafe {
        libc::mprotect(
            PAGE.load(Ordering::Relaxed) as *mut _,
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
        )
    };
}

fn set(signal: i32, handler: extern "C" fn(i32)) -> io::Result<()> {
    // SAFETY: all zeroes is a valid `sigaction`; the handler does only what handlers may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        check(i64::from(libc::sigaction(
            signal,
            &raw const action,
            std::ptr::null_mut(),
        )))
        .map(drop)
    }
}

fn install(n: u64) -> io::Result<Took> {
    sys::time(n, || set(libc::SIGUSR1, count))
}

fn catch(n: u64) -> io::Result<Took> {
    set(libc::SIGUSR1, count)?;
    let before = CAUGHT.load(Ordering::Relaxed);
    // SAFETY: a call without arguments.
    let me = unsafe { libc::getpid() };
    // SAFETY: a signal to oneself, whose handler only counts.
    let send = || check(i64::from(unsafe { libc::kill(me, libc::SIGUSR1) })).map(drop);
    let ns = sys::time(n, send)?;
    if CAUGHT.load(Ordering::Relaxed) - before == n {
        Ok(ns)
    } else {
        Err(wrong("handler runs"))
    }
}

fn fault(n: u64) -> io::Result<Took> {
    set(libc::SIGSEGV, unprotect)?;
    // SAFETY: one page of our own; the store that faults is tried again once the handler has unprotected it.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            3,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        page.cast::<u8>().write_volatile(1);
        PAGE.store(page as usize, Ordering::Relaxed);
        let before = CAUGHT.load(Ordering::Relaxed);
        let ns = sys::time(n, || {
            check(i64::from(libc::mprotect(page, 4096, libc::PROT_READ)))?;
            page.cast::<u8>().write_volatile(2);
            Ok(())
        });
        libc::munmap(page, 4096);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        if CAUGHT.load(Ordering::Relaxed) - before == n {
            ns
        } else {
            Err(wrong("faults"))
        }
    }
}
