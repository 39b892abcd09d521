//! A kernel that meets its own bugs, provoked by `/dev/provoke-crash` (`service/lkdtm`): what it says, who dies of it, what
//! is lost. Linux has that device under another name, and not in Debian's kernel, so these run on Gaon alone.

use super::machine::{feed, script_initramfs, this_tool};
use super::plan::Plan;
use super::{Counter, Tally};
use anyhow::Result;
use std::time::{Duration, Instant};

/// The device exists.
const OPTION: &str = "gaon.provoke-crash";

/// One boot.
struct Case {
    name: &'static str,
    /// Run by a shell, or by the first process itself.
    script: &'static str,
    append: &'static str,
    status: i32,
    /// Standard output holds these, in this order.
    stdout: &'static [&'static str],
    /// So does standard error: the kernel's report if it gave up.
    stderr: &'static [&'static str],
    /// It takes at least this long.
    at_least: Duration,
    /// The script is that of the first process, and the console is standard output.
    first_process: bool,
}

const PLAIN: Case = Case {
    name: "",
    script: "",
    append: "",
    status: 0,
    stdout: &[],
    stderr: &[],
    at_least: Duration::ZERO,
    first_process: false,
};

/// What comes before each script.
const BEFORE: &str =
    "dev=/dev/provoke-crash\ncrash() { sh -c \"echo $1 >$dev\" 2>/dev/null; echo $1 $?; }\n";

const CASES: [Case; 12] = [
    Case {
        name: "oops-report",
        script: "crash EXCEPTION; crash ACCESS_NULL; dmesg",
        stdout: &[
            "EXCEPTION 137\nACCESS_NULL 137\n",
            "BUG: kernel NULL pointer dereference, address: 0000000000000010",
            "#PF: supervisor write access in kernel mode",
            "#PF: error_code(0x0002) - not-present page",
            "Oops: 0002 [#1] PREEMPT",
            "CPU: ",
            " PID: ",
            " Comm: sh Not tainted 6.1.0-gaon",
            "RIP: 0010:hal::x86_64::provoke::write_null+0x",
            " (base/hal/src/x86_64/provoke.rs:",
            "Code: ",
            " <48> ",
            "RSP: 0018:ffff",
            " EFLAGS: ",
            "RAX: ",
            "R15: ",
            "CR2: 0000000000000010 CR3: ",
            "Call Trace:",
            " hal::x86_64::provoke::write_null+0x",
            "FileOps>::write+0x",
            " (service/lkdtm/src/node.rs:",
            " hal::x86_64::user::make_call+0x",
            "Locks held:\n",
            " none\n",
            "---[ end trace ",
            "address: 0000000000000018",
            "#PF: supervisor read access in kernel mode",
            "Oops: 0000 [#2] PREEMPT",
            " Comm: sh Tainted: G      D ",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-held-locks",
        script: "crash BUG_IN_MUTEX; dmesg",
        stdout: &[
            "BUG_IN_MUTEX 139\n",
            "kernel BUG at service/lkdtm/src/crashes.rs:",
            "deliberate\n",
            "Oops: BUG [#1] PREEMPT",
            "CPU: ",
            " Comm: sh Not tainted 6.1.0-gaon",
            "RIP: 0010:lkdtm::crashes::",
            " (service/lkdtm/src/crashes.rs:",
            "Code: ",
            " <e8> ",
            "RSP: 00",
            "RAX: ",
            "R15: ",
            "CR3: ",
            "Call Trace:\n",
            " lkdtm::crashes::",
            "FileOps>::write+0x",
            "Locks held:\n",
            " #provoke-crash (0xffffffff8",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-kills-the-task-alone",
        script: "for c in BUG EXCEPTION ACCESS_NULL EXEC_NULL WRITE_RO WILD_POINTER BUG_IN_WAIT BUG_IN_KTHREAD
            do crash $c; done; cat /proc/sys/kernel/tainted; ls /proc/self/fd >/dev/null && echo the rest goes on",
        stdout: &[
            "BUG 139\nEXCEPTION 137\nACCESS_NULL 137\nEXEC_NULL 137\nWRITE_RO 137\nWILD_POINTER 139\nBUG_IN_WAIT 139\n\
             BUG_IN_KTHREAD 0\n128\nthe rest goes on\n",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-in-a-pipeline",
        script: "(sleep 0.2; exec 3>$dev; echo BUG >&3) 2>/dev/null | cat; echo over $?",
        stdout: &["over 0\n"],
        ..PLAIN
    },
    Case {
        name: "oops-fails-those-who-wait-for-its-locks",
        script: "for pair in BUG_IN_MUTEX:TAKE_MUTEX BUG_IN_RWLOCK:READ_RWLOCK; do
                crash ${pair%:*} & sleep 0.4; crash ${pair#*:}; wait; done; crash TAKE_MUTEX; crash WRITE_RWLOCK
            dmesg | grep -c 'WARNING: provoke-crash: its owner died holding it'",
        stdout: &[
            " 139\n",
            " 139\n",
            " 139\n",
            " 139\n",
            "TAKE_MUTEX 139\nWRITE_RWLOCK 139\n4\n",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-under-a-spinlock",
        script: "crash BUG_IN_SPINLOCK",
        status: 101,
        stderr: &[
            "kernel BUG at ",
            " #provoke-crash (0x",
            "Kernel panic - not syncing: Fatal exception with a spinlock held",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-in-an-interrupt",
        script: "crash BUG_IN_INTERRUPT",
        status: 101,
        stderr: &[
            "kernel BUG at ",
            "interrupt_entry+0x",
            "Kernel panic - not syncing: Fatal exception in interrupt",
        ],
        ..PLAIN
    },
    Case {
        name: "stack-overflow",
        script: "crash EXHAUST_STACK",
        status: 101,
        stderr: &[
            "BUG: kernel stack overflow, address: ffffc9",
            "RIP: 0010:",
            "lkdtm::crashes::deeper+0x",
            "Kernel panic - not syncing: kernel stack overflow",
        ],
        ..PLAIN
    },
    Case {
        name: "oops-is-panic",
        script: "crash BUG",
        append: "oops=panic",
        status: 101,
        stderr: &["Kernel panic - not syncing: Fatal exception"],
        ..PLAIN
    },
    Case {
        name: "panic-on-oops",
        script: "echo 1 >/proc/sys/kernel/panic_on_oops; crash WILD_POINTER",
        status: 101,
        stderr: &[
            "general protection fault",
            "Kernel panic - not syncing: Fatal exception",
        ],
        ..PLAIN
    },
    Case {
        name: "panic-waits",
        script: "echo PANIC >/dev/provoke-crash",
        append: "panic=3",
        status: 101,
        stdout: &[
            "Kernel panic - not syncing: provoke-crash",
            "Rebooting in 3 seconds..",
        ],
        at_least: Duration::from_secs(3),
        first_process: true,
        ..PLAIN
    },
    Case {
        name: "oops-of-init",
        script: "echo BUG >/dev/provoke-crash",
        status: 101,
        stdout: &[
            "PID: 1 Comm: ",
            "Kernel panic - not syncing: Attempted to kill init!",
        ],
        first_process: true,
        ..PLAIN
    },
];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "crash");
    for case in CASES {
        if counter.wants(case.name) {
            counter.count(case.name, judge(&case, plan)?);
        }
    }
    Ok(counter.tally)
}

fn judge(case: &Case, plan: &Plan) -> Result<Result<(), String>> {
    let mut command = this_tool(plan)?;
    let append = format!("{OPTION} {}", case.append);
    command.args(["--append", &append, "--smp", "2", "--timeout", "100"]);
    let folder = tempfile::tempdir()?;
    if case.first_process {
        let initrd = folder.path().join("initrd.cpio");
        script_initramfs(&initrd, case.script)?;
        command.arg("--initrd").arg(initrd);
    } else {
        let script = format!("{BEFORE}{}", case.script);
        command.args(["--", "sh", "-c", &script]);
    }
    let start = Instant::now();
    let output = feed(command, b"")?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(if output.status.code() != Some(case.status) {
        Err(format!(
            "expected status {}, got {}; {}",
            case.status,
            output.status,
            err.trim_end()
        ))
    } else if let Some(missing) = first_missing(&out, case.stdout) {
        Err(format!("{missing:?} is not in its place in {out:?}"))
    } else if let Some(missing) = first_missing(&err, case.stderr) {
        Err(format!("{missing:?} is not in its place in {err:?}"))
    } else if start.elapsed() < case.at_least {
        Err(format!("ended after {:?}", start.elapsed()))
    } else {
        Ok(())
    })
}

/// The first of `wanted` that does not follow those before it.
fn first_missing(text: &str, wanted: &[&'static str]) -> Option<&'static str> {
    let mut rest = text;
    for want in wanted {
        match rest.find(want) {
            Some(at) => rest = &rest[at + want.len()..],
            None => return Some(want),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::first_missing;

    #[test]
    fn order_matters() {
        assert_eq!(first_missing("one two three", &["one", "three"]), None);
        assert_eq!(first_missing("one two", &["two", "one"]), Some("one"));
        assert_eq!(first_missing("one", &["one", "one"]), Some("one"));
    }
}
