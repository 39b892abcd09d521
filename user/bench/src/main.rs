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
mod files;
mod init;
mod ipc;
mod memory;
mod process;
mod signals;
mod sys;

use std::io::{self, Write};
use sys::Took;

/// A benchmark: does its operation about `n` times and tells what that took, set-up apart.
type Run = fn(u64) -> io::Result<Took>;

/// A benchmark with its name; `group_name/operation`, and what one iteration is.
struct Bench {
    name: &'static str,
    unit: &'static str,
    run: Run,
}

const fn bench(name: &'static str, unit: &'static str, run: Run) -> Bench {
    Bench { name, unit, run }
}

/// How long one benchmark should take unless `--ms` says otherwise.
const TARGET_NS: u64 = 100_000_000;

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
    let wish = Wish::read(std::env::args().skip(1));
    let uname = sys::uname();
    let mut failed = false;
    for group in [
        calls::ALL,
        files::ALL,
        signals::ALL,
        process::ALL,
        memory::ALL,
        ipc::ALL,
    ] {
        for bench in group {
            if !wish.takes(bench.name) {
                continue;
            }
            if wish.list {
                println!("{}", bench.name);
            } else {
                failed |= !report(bench, &uname, wish.target_ns);
            }
        }
    }
    std::process::exit(i32::from(failed));
}

/// Measures and prints; false if the benchmark found a wrong result.
fn report(bench: &Bench, uname: &str, target_ns: u64) -> bool {
    let line = match measure(bench.run, target_ns) {
        Ok(took) => {
            let each = |ns: u64| ns as f64 / took.iterations as f64;
            format!(
                r#"{{"name":"{}","unit":"{}","iterations":{},"ns":{:.2},"overhead":{:.2},"uname":"{uname}"}}"#,
                bench.name,
                bench.unit,
                took.iterations,
                each(took.ns.saturating_sub(took.overhead).max(1)),
                each(took.overhead),
            )
        }
        Err(e)
            if matches!(
                e.raw_os_error(),
                Some(libc::ENOSYS | libc::EAFNOSUPPORT | libc::ENODEV)
            ) =>
        {
            format!(
                r#"{{"name":"{}","absent":"{e}","uname":"{uname}"}}"#,
                bench.name
            )
        }
        Err(e) => {
            println!(
                r#"{{"name":"{}","failed":"{e}","uname":"{uname}"}}"#,
                bench.name
            );
            return false;
        }
    };
    println!("{line}");
    let _ = io::stdout().flush();
    true
}

/// Multiplies the iterations until a run is long enough to tell, then runs for `target_ns`, with marks.
fn measure(run: Run, target_ns: u64) -> io::Result<Took> {
    let mut n = 1;
    loop {
        let ns = run(n)?.ns.max(1);
        if ns >= target_ns / 20 || n >= 1 << 20 {
            sys::set_marked(true);
            let took = run((n * target_ns / ns).clamp(1, 1 << 22));
            sys::set_marked(false);
            return took;
        }
        n *= 4;
    }
}
