//! Signals: setting a handler, running one, a fault that ends in one.
use crate::sys::{self, Map, READ_WRITE, Section, Took, check, wrong};
use crate::{Bench, bench};
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(crate) const ALL: &[Bench] = &[
    bench("signal/install", "sigaction", install),
    bench("signal/send", "kill of oneself with no signal", send),
    bench(
        "signal/catch",
        "signal to oneself to handler and back, less the kill",
        catch,
    ),
    bench(
        "signal/protection",
        "store that faults to handler and back",
        protection,
    ),
    bench(
        "signal/fault",
        "store to a read-only page to handler and back",
        fault,
    ),
];

static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// How many faults are still to come.
static LEFT: AtomicU64 = AtomicU64::new(0);
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
    // SAFETY: all zeroes is a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    set(libc::SIGUSR1, count)?;
    // SAFETY: as above; the handler only counts.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as extern "C" fn(i32) as usize;
        action
    };
    sys::time(n, || {
        // SAFETY: a valid action and a place for the old one.
        check(i64::from(unsafe {
            libc::sigaction(libc::SIGUSR1, &raw const action, &raw mut old)
        }))?;
        if old.sa_sigaction == action.sa_sigaction {
            Ok(())
        } else {
            Err(wrong("old handler"))
        }
    })
}

fn kill_self(signal: i32) -> impl Fn() -> io::Result<()> {
    // SAFETY: a call without arguments.
    let me = unsafe { libc::getpid() };
    // SAFETY: none, or a signal whose handler only counts.
    move || check(i64::from(unsafe { libc::kill(me, signal) })).map(drop)
}

fn send(n: u64) -> io::Result<Took> {
    sys::time(n, kill_self(0))
}

/// As lmbench's `lat_sig catch` does, without what the kill alone costs.
fn catch(n: u64) -> io::Result<Took> {
    set(libc::SIGUSR1, count)?;
    let before = CAUGHT.load(Ordering::Relaxed);
    let overhead = sys::time_aside(n, kill_self(0))?;
    let took = sys::time_exactly(n, kill_self(libc::SIGUSR1))?;
    if CAUGHT.load(Ordering::Relaxed) - before == n {
        Ok(Took { overhead, ..took })
    } else {
        Err(wrong("handler runs"))
    }
}

extern "C" fn let_pass_at_last(signal: i32) {
    if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
        unprotect(signal);
    }
}

/// The handler just returns, so that the store faults again, until the last time.
fn protection(n: u64) -> io::Result<Took> {
    set(libc::SIGSEGV, let_pass_at_last)?;
    let map = Map::new(
        4096,
        libc::PROT_READ,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        -1,
    )?;
    PAGE.store(map.0 as usize, Ordering::Relaxed);
    LEFT.store(n, Ordering::Relaxed);
    let section = Section::begin();
    map.store(0, 1);
    let ns = section.end();
    // SAFETY: the default again.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    if LEFT.load(Ordering::Relaxed) == 0 && map.load(0) == 1 {
        Ok(Took::new(n, ns))
    } else {
        Err(wrong("faults"))
    }
}

fn fault(n: u64) -> io::Result<Took> {
    set(libc::SIGSEGV, unprotect)?;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let map = Map::new(4096, READ_WRITE, flags, -1)?;
    map.store(0, 1);
    PAGE.store(map.0 as usize, Ordering::Relaxed);
    let before = CAUGHT.load(Ordering::Relaxed);
    let took = sys::time_exactly(n, || {
        // SAFETY: our own page; the store that faults is tried again once the handler has unprotected it.
        check(i64::from(unsafe {
            libc::mprotect(map.0.cast(), 4096, libc::PROT_READ)
        }))?;
        map.store(0, 2);
        Ok(())
    });
    // SAFETY: the default again.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    if CAUGHT.load(Ordering::Relaxed) - before == n {
        took
    } else {
        Err(wrong("faults"))
    }
}
