//! `gaon-bench`: what each crossing of the user/kernel boundary costs, on any Linux-compatible kernel.
//!
//! `gaon-bench [FILTER]...` runs the benchmarks whose names contain one of the filters (all without), each for about
//! 0.1 s of the machine's own time (`--ms N`: N ms), and prints one JSON line each: name, unit, iterations, nanoseconds
//! per iteration, those that were measured apart and are already subtracted (`overhead`), and the kernel's uname.
//! Every benchmark verifies its result; one that can't run here prints `"absent": "why"`. Under QEMU with
//! `-icount shift=0` a nanosecond is an instruction. The section that is reported stands between two marks
//! ([`sys::Section`]): the instructions between them, divided by the iterations, less the overhead, are what one
//! iteration keeps the machine busy. `--exact` takes filters as whole names, `--list` prints the names. As a guest's
//! first process it serves `./gaon bench` (`init.rs`).
mod calls;
mod contend;
mod data;
mod files;
mod handover;
mod init;
mod ipc;
mod memory;
mod modules;
mod net;
mod process;
mod ready;
mod rest;
mod scaling;
mod signals;
mod switch;
mod sys;

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
use sys::Took;

/// A benchmark: does its operation about `n` times and tells what that took, set-up apart.
type Run = fn(u64) -> io::Result<Took>;

/// A benchmark with its name; `group/operation`, and what one iteration is.
struct Bench {
    name: &'static str,
    unit: &'static str,
    run: Run,
    /// Whether it keeps all processors busy, so that it tells how the kernel scales.
    scaling: bool,
}

const fn bench(name: &'static str, unit: &'static str, run: Run) -> Bench {
    Bench {
        name,
        unit,
        run,
        scaling: false,
    }
}

const fn scaling(name: &'static str, unit: &'static str, run: Run) -> Bench {
    Bench {
        scaling: true,
        ..bench(name, unit, run)
    }
}

/// How long one benchmark should take unless `--ms` says otherwise.
const TARGET_NS: u64 = 100_000_000;
/// How long with `--quick`.
const QUICK_NS: u64 = 20_000_000;
/// After how many seconds a benchmark counts as stuck.
const PATIENCE: u32 = 30;

/// What the command line wants.
struct Wish {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    target_ns: u64,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut wish = Self {
            filters: Vec::new(),
            exact: false,
            list: false,
            target_ns: TARGET_NS,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => wish.exact = true,
                "--list" => wish.list = true,
                "--quick" => wish.target_ns = QUICK_NS,
                "--ms" => {
                    let ms = arguments.next().and_then(|ms| ms.parse::<u64>().ok());
                    wish.target_ns = ms.expect("--ms N") * 1_000_000;
                }
                _ => wish.filters.push(argument),
            }
        }
        wish
    }

    fn takes(&self, name: &str) -> bool {
        self.filters.is_empty()
            || self.filters.iter().any(|filter| {
                if self.exact {
                    name == filter
                } else {
                    name.contains(filter.as_str())
                }
            })
    }
}

fn main() {
    if init::is_init() {
        init::run();
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [word, program] = &words[..]
        && word == "--sh"
    {
        let status = i32::from(process::shell(program).is_err());
        std::process::exit(status);
    }
    fix_addresses(&words);
    let wish = Wish::read(words.into_iter());
    let uname = sys::uname();
    let mut failed = false;
    for group in [
        calls::ALL,
        files::ALL,
        data::ALL,
        ready::ALL,
        signals::ALL,
        process::ALL,
        memory::ALL,
        ipc::ALL,
        handover::ALL,
        switch::ALL,
        rest::ALL,
        modules::ALL,
        scaling::ALL,
        contend::ALL,
        // Connections end a minute after they were closed: what they leave to do then is not the others' cost.
        net::ALL,
    ] {
        for bench in group {
            if !wish.takes(bench.name) {
                continue;
            }
            if wish.list {
                println!("{}", bench.name);
            } else {
                failed |= !apart(bench, &uname, wish.target_ns);
            }
        }
    }
    std::process::exit(i32::from(failed));
}

/// Starts this program anew at addresses that are the same in every run: how many page tables a process has, and so what
/// fork and exit cost, depends on them. Where that can't be had it goes on as it is.
fn fix_addresses(words: &[String]) {
    /// Asks, and changes nothing.
    const WHICH: libc::c_ulong = 0xffff_ffff;
    // SAFETY: numbers.
    let fixed = |wanted| unsafe { libc::personality(wanted) } & libc::ADDR_NO_RANDOMIZE != 0;
    if fixed(WHICH) {
        return;
    }
    fixed(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
    if fixed(WHICH) {
        // Comes back with an error only: without /proc, say.
        let _ = Command::new("/proc/self/exe").args(words).exec();
    }
}

/// Runs a benchmark in a process group of its own, so that neither what it leaves behind nor a hang concerns the next.
fn apart(bench: &Bench, uname: &str, target_ns: u64) -> bool {
    let work = || {
        // SAFETY: numbers. The alarm ends the process.
        unsafe {
            libc::setpgid(0, 0);
            libc::alarm(PATIENCE);
        }
        if report(bench, uname, target_ns) {
            Ok(())
        } else {
            Err(sys::wrong("said already"))
        }
    };
    let (pid, status) = match sys::child(work).and_then(|pid| Ok((pid, sys::wait(pid)?))) {
        Ok(done) => done,
        Err(e) => return fail(bench, uname, &e.to_string()),
    };
    // SAFETY: numbers: a group of our own, mostly gone.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
    match libc::WTERMSIG(status) {
        0 => status == 0,
        libc::SIGALRM => fail(bench, uname, "stuck"),
        signal => fail(bench, uname, &format!("ended by signal {signal}")),
    }
}

fn fail(bench: &Bench, uname: &str, why: &str) -> bool {
    print(bench, uname, &format!(r#""failed":"{why}""#));
    false
}

/// One line for one benchmark.
fn print(bench: &Bench, uname: &str, rest: &str) {
    let (name, unit, scaling) = (bench.name, bench.unit, bench.scaling);
    let group = name.split('/').next().unwrap_or_default();
    println!(
        r#"{{"name":"{name}","group":"{group}","unit":"{unit}","scaling":{scaling},{rest},"uname":"{uname}"}}"#
    );
    let _ = io::stdout().flush();
}

/// The kernel has no such call, or what the benchmark needs is not there.
fn is_absent(e: &io::Error) -> bool {
    match e.raw_os_error() {
        Some(number) => matches!(number, libc::ENOSYS | libc::EAFNOSUPPORT),
        None => e.kind() == io::ErrorKind::Unsupported,
    }
}

/// Measures and prints; false if the benchmark found a wrong result.
fn report(bench: &Bench, uname: &str, target_ns: u64) -> bool {
    let took = match measure(bench.run, target_ns) {
        Ok(took) => took,
        Err(e) if is_absent(&e) => {
            print(bench, uname, &format!(r#""absent":"{e}""#));
            return true;
        }
        Err(e) => return fail(bench, uname, &e.to_string()),
    };
    let each = |ns: u64| ns as f64 / took.iterations as f64;
    let own = took.ns.saturating_sub(took.overhead + took.slept).max(1);
    let mut rest = format!(
        r#""iterations":{},"ns":{:.2},"overhead":{:.2},"slept":{:.2}"#,
        took.iterations,
        each(own),
        each(took.overhead),
        each(took.slept),
    );
    if took.bytes != 0 {
        rest += &format!(r#","bytes":{}"#, took.bytes);
    }
    print(bench, uname, &rest);
    true
}

/// More and more iterations until a run takes a quarter of `target_ns`, then as many as take all of it, with marks.
fn measure(run: Run, target_ns: u64) -> io::Result<Took> {
    let mut n = 1;
    loop {
        let took = run(n)?;
        let in_time = |ns: u64| took.iterations * ns / took.ns.max(1);
        let at_most = took.iterations < n; // as many as the benchmark can do at once
        if took.ns >= target_ns / 4 || at_most || n >= 1 << 20 {
            sys::last_run(target_ns);
            return run(in_time(target_ns).clamp(1, 1 << 22));
        }
        // The first ones take longer than the many later on, so that this is rarely too much.
        n = in_time(target_ns * 3 / 8).clamp(2 * n, 1000 * n);
    }
}
