//! Sleeping: how much later than asked for a sleeper runs again.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench(
        "sleep/1ms",
        "what nanosleep of 1 ms takes beyond it, with the default timer slack",
        |n| sleep(n, 1_000_000, None),
    ),
    bench(
        "sleep/1ms_exact",
        "what nanosleep of 1 ms takes beyond it, with a timer slack of 1 ns",
        |n| sleep(n, 1_000_000, Some(1)),
    ),
    bench(
        "sleep/100us_exact",
        "what nanosleep of 100 us takes beyond it, with a timer slack of 1 ns",
        |n| sleep(n, 100_000, Some(1)),
    ),
];

fn sleep(n: u64, ns: i64, slack: Option<u64>) -> io::Result<Took> {
    if let Some(slack) = slack {
        // SAFETY: numbers.
        check(i64::from(unsafe {
            libc::prctl(libc::PR_SET_TIMERSLACK, slack)
        }))?;
    }
    let request = libc::timespec {
        tv_sec: 0,
        tv_nsec: ns,
    };
    let took = sys::time(n, || {
        // SAFETY: a valid time; nobody wants to know what is left.
        check(i64::from(unsafe {
            libc::nanosleep(&raw const request, std::ptr::null_mut())
        }))
        .map(drop)
    })?;
    let slept = n * ns as u64;
    if took.ns >= slept {
        Ok(Took { slept, ..took })
    } else {
        Err(wrong("woken too early"))
    }
}
