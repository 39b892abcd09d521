//! `gaon-bench`: what each crossing of the user/kernel boundary costs, on any Linux-compatible kernel.
//!
//! `gaon-bench [FILTER]...` runs the benchmarks whose names contain one of the filters (all without), each for about
//! 0.1 s of the machine's own time, and prints one JSON line each: name, unit, iterations, nanoseconds per iteration,
//! and the kernel's uname. Every benchmark verifies its result; one that can't run here prints `"absent": "why"`.
//! Under QEMU with `-icount shift=0` a nanosecond is an instruction.
mod calls;
mod files;
mod ipc;
mod memory;
mod process;
mod signals;
mod sys;

use std::io::{self, Write};

/// A benchmark: does its operation `n` times and gives the nanoseconds that took, set-up apart.
type Run = fn(u64) -> io::Result<u64>;

/// A benchmark with its name; `group_name/operation`, and what one iteration is.
struct Bench {
    name: &'static str,
    unit: &'static str,
    run: Run,
}

const fn bench(name: &'static str, unit: &'static str, run: Run) -> Bench {
    Bench { name, unit, run }
}

/// How long one benchmark should take.
const TARGET_NS: u64 = 100_000_000;

fn main() {
    let filters: Vec<String> = std::env::args().skip(1).collect();
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
            if filters.is_empty() || filters.iter().any(|f| bench.name.contains(f.as_str())) {
                failed |= !report(bench, &uname);
            }
        }
    }
    std::process::exit(i32::from(failed));
}

/// Measures and prints; false if the benchmark found a wrong result.
fn report(bench: &Bench, uname: &str) -> bool {
    let line = match measure(bench.run) {
        Ok((iterations, ns)) => format!(
            r#"{{"name":"{}","unit":"{}","iterations":{iterations},"ns":{:.2},"uname":"{uname}"}}"#,
            bench.name,
            bench.unit,
            ns as f64 / iterations as f64
        ),
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

/// Doubles the iterations until a run is long enough to tell, then runs for [`TARGET_NS`].
fn measure(run: Run) -> io::Result<(u64, u64)> {
    let mut n = 1;
    loop {
        let ns = run(n)?.max(1);
        if ns >= TARGET_NS / 20 || n >= 1 << 20 {
            let n = (n * TARGET_NS / ns).clamp(1, 1 << 22);
            return run(n).map(|ns| (n, ns));
        }
        n *= 4;
    }
}
