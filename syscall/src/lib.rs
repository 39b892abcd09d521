//! The system call table: one function a call, one file a family. A function decodes its arguments, calls one service
//! or core function, and encodes the answer; the number decides by one indexed jump.
//!
//! To add a call: write `fn sys_name(cx: &mut Cx, a: &[usize; 6]) -> Result<usize>` in its family's file and add it to
//! that file's `CALLS`. A number without a function answers `ENOSYS`.
//!
//! Specification: the man pages' section 2; numbers from Linux' `syscall_64.tbl` by way of `abi::raw`.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, Ordering};
use task::cx::CALLS_LEN;
use task::{CallTable, Cx, Handler};

mod aio;
mod bounds;
mod cred;
mod dir;
mod exec;
mod fdio;
mod fs;
mod fsinfo;
mod futex;
mod handles;
mod ioprio;
mod limits;
mod machine;
mod membarrier;
mod mm;
mod module;
mod mount;
mod mqueue;
mod namespace;
mod pipe;
mod poll;
mod priority;
mod process;
mod ptrace;
mod rseq;
mod sched;
mod seccomp;
mod signal;
mod socket;
mod stat;
mod system;
mod sysvipc;
mod time;
mod tty;
mod xattr;

/// One line of a family's table: number, name, function.
pub type Call = (u32, &'static str, Handler);

const FAMILIES: &[&[Call]] = &[
    aio::CALLS,
    cred::CALLS,
    dir::CALLS,
    exec::CALLS,
    fdio::CALLS,
    fs::CALLS,
    fsinfo::CALLS,
    futex::CALLS,
    handles::CALLS,
    ioprio::CALLS,
    limits::CALLS,
    machine::CALLS,
    mm::CALLS,
    module::CALLS,
    mount::CALLS,
    mqueue::CALLS,
    namespace::CALLS,
    pipe::CALLS,
    poll::CALLS,
    process::CALLS,
    ptrace::CALLS,
    rseq::CALLS,
    priority::CALLS,
    sched::CALLS,
    seccomp::CALLS,
    signal::CALLS,
    socket::CALLS,
    stat::CALLS,
    system::CALLS,
    sysvipc::CALLS,
    time::CALLS,
    tty::CALLS,
    xattr::CALLS,
];

/// The system calls by number, for `task`, whose loop makes them.
pub static TABLE: CallTable = CallTable {
    calls: build(),
    beyond: no_such_call,
};

const fn build() -> [Handler; CALLS_LEN] {
    let mut table = [no_such_call as Handler; CALLS_LEN];
    let mut taken = [false; CALLS_LEN];
    let mut family = 0;
    while family < FAMILIES.len() {
        let calls = FAMILIES[family];
        let mut i = 0;
        while i < calls.len() {
            let nr = calls[i].0 as usize;
            assert!(!taken[nr], "two functions for one call number");
            taken[nr] = true;
            table[nr] = calls[i].2;
            i += 1;
        }
        family += 1;
    }
    table
}

/// Told once for each number: who asks once asks often.
#[cold]
fn no_such_call(cx: &mut Cx, _args: &[usize; 6]) -> Result<usize> {
    static TOLD: [AtomicU64; CALLS_LEN.div_ceil(64)] =
        [const { AtomicU64::new(0) }; CALLS_LEN.div_ceil(64)];
    let number = cx.regs.orig_rax as usize;
    let bit = 1 << (number % 64);
    let word = TOLD.get(number / 64);
    if word.is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0) {
        let process = cx.task.tid();
        trace::pr_debug!("process {process}: system call {number} is not there");
    }
    Err(Errno::ENOSYS)
}

/// Every call there is: number and name, in the order of the families.
pub fn calls() -> impl Iterator<Item = (u32, &'static str)> {
    FAMILIES
        .iter()
        .flat_map(|calls| calls.iter())
        .map(|call| (call.0, call.1))
}
