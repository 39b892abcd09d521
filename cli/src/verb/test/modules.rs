//! Kernel modules: those of `test/modules`, compiled by make against `target/gaon/build`, loaded in one boot.

use super::machine::{feed, this_tool};
use super::plan::Plan;
use super::{Counter, Tally};
use crate::tree;
use crate::verb::build;
use crate::verb::run::DEFAULT_MACHINE;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One test: what a shell does, and what it has to print, in this order.
struct Case {
    name: &'static str,
    script: &'static str,
    stdout: &'static [&'static str],
}

/// Before each script: `$m` has the modules; `told` shows what the kernel said since the last look. insmod is kmod's;
/// its rmmod asks /sys/module first, which is not there yet.
const BEFORE: &str = "ln -s /bin/kmod /tmp/insmod\n\
    insmod() { /tmp/insmod \"$@\"; }\nrmmod() { busybox rmmod \"$@\"; }\n\
    told() { dmesg -c | sed 's/^\\[[^]]*\\] //' | grep -v 'is not there'; }\ndmesg -c >/dev/null\n";
/// Between scripts.
const MARK: &str = "=== ";

const CASES: [Case; 5] = [
    Case {
        name: "hello",
        script: "insmod $m/hello.ko; echo $?; cat /proc/modules; cat /proc/hello_proc
            echo 'Test message' | tee /proc/hello_proc; grep -c 'hello_read.*\\[hello\\]' /proc/kallsyms
            insmod $m/hello.ko 2>&1; rmmod hello; echo $?; test -e /proc/hello_proc || echo gone; told",
        stdout: &[
            "0\nhello 12288 0 - Live 0xffffffffa",
            "Hello from kernel module!\nTest message\n1\n",
            "File exists",
            "0\ngone\n",
            "Hello module: initializing\nHello module: loaded successfully\nHello module: received 13 bytes\n\
             Hello module: unloaded\n",
        ],
    },
    Case {
        name: "parameters",
        script: "insmod $m/params.ko number=-42 small=9 word='\"a b\"' yes list=1,0x2,3 text=xyz bogus=1; echo $?
            rmmod params; insmod $m/params.ko number=abc 2>/dev/null; echo $?
            insmod $m/params.ko small=70000 2>/dev/null; echo $?
            insmod $m/params.ko list=1,2,3,4,5 2>/dev/null; echo $?
            insmod $m/params.ko text=longlonglong 2>/dev/null; echo $?; cat /proc/modules; told",
        stdout: &[
            "0\n1\n1\n1\n1\n",
            "params: unknown parameter 'bogus' ignored\n",
            "params: number=-42 small=9 word=a b yes=1 list=3:1,2,3,0 text=xyz\n",
            "params: `abc' invalid for parameter `number'\n",
            "params: `70000' invalid for parameter `small'\n",
            "list: can only take 4 arguments\n",
            "params: `longlonglong' too large for parameter `text'\n",
        ],
    },
    Case {
        name: "no-modules",
        script: "head -c 100 $m/hello.ko >/tmp/cut.ko; insmod /tmp/cut.ko 2>&1
            sed 's/6.1.0-gaon SMP/6.1.0-gone SMP/' $m/hello.ko >/tmp/other.ko; insmod /tmp/other.ko 2>&1
            echo no elf >/tmp/text.ko; insmod /tmp/text.ko 2>&1; rmmod nosuch 2>&1; told",
        stdout: &[
            "Invalid module format\n",
            "Invalid module format\n",
            "Invalid module format\n",
            "nosuch",
            "hello: version magic '6.1.0-gone SMP preempt mod_unload ' should be '6.1.0-gaon SMP preempt mod_unload '\n",
        ],
    },
    Case {
        name: "waits",
        script: "insmod $m/waits.ko; echo $?; cat /proc/waits & sleep 0.3; echo now; echo x >/proc/waits; wait
            cat /proc/waits & sleep 0.3; kill -TERM $!; wait $! 2>/dev/null; echo $?; rmmod waits; echo $?; told",
        stdout: &[
            "0\nnow\nwoken\n143\n0\n",
            "waits: lists 1234\nwaits: text 'a long text tha' 15\nwaits: worked 1\nwaits: runs 2 busy 0\n\
             waits: slept 1\nwaits: time is up 0\n",
            "WARNING: CPU: ",
            "/waits.c:",
            "[waits]\n",
            "waits: warned 1\n",
        ],
    },
    Case {
        name: "crashes-are-contained",
        script: "for kind in null wild noncanonical stack bug divide jump doublefree lockheld locknull mutexnull atomic text
            do insmod $m/crash.ko || echo cannot load; (echo $kind >/proc/crash) 2>/dev/null; echo $kind $?
                grep -o 'Quarantined' /proc/modules; rmmod crash || echo cannot unload; done
            insmod $m/crash.ko init=null 2>&1; cat /proc/modules; insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello",
        stdout: &[
            "null 1\nQuarantined\nwild 1\nQuarantined\nnoncanonical 1\nQuarantined\nstack 1\nQuarantined\nbug 1\n\
             Quarantined\ndivide 1\nQuarantined\njump 1\nQuarantined\ndoublefree 1\nQuarantined\nlockheld 1\nQuarantined\n\
             locknull 1\nQuarantined\nmutexnull 1\nQuarantined\natomic 1\nQuarantined\ntext 1\nQuarantined\n",
            "Input/output error\n",
            "Hello from kernel module!\n",
        ],
    },
];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "modules");
    let wanted: Vec<&Case> = CASES
        .iter()
        .filter(|case| counter.wants(case.name))
        .collect();
    if wanted.is_empty() {
        return Ok(counter.tally);
    }
    let folder = compile()?;
    let mut script = format!("m={}\n{BEFORE}", folder.display());
    for case in &wanted {
        script += &format!("echo '{MARK}{}'\n{}\n", case.name, case.script);
    }
    let mut command = this_tool(plan)?;
    command.args([
        "--machine",
        plan.machine.as_deref().unwrap_or(DEFAULT_MACHINE),
    ]);
    command.args(["--timeout", "240", "--with", "/bin/kmod", "--with"]);
    command.arg(&folder);
    command.args(["--", "sh", "-c", &script]);
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for case in wanted {
        counter.count(case.name, judge(case, &text, output.status));
    }
    Ok(counter.tally)
}

/// Looks for what a case has to print, in its part of the output.
fn judge(case: &Case, text: &str, status: std::process::ExitStatus) -> Result<(), String> {
    let head = format!("{MARK}{}\n", case.name);
    let Some((_, part)) = text.split_once(&head) else {
        return Err(format!("never begun; {status}"));
    };
    let part = part.split(MARK).next().unwrap_or_default();
    let mut rest = part;
    for wanted in case.stdout {
        match rest.split_once(wanted) {
            Some((_, after)) => rest = after,
            None => return Err(format!("{wanted:?} is not (there) in\n{part}")),
        }
    }
    Ok(())
}

/// Compiles `test/modules` in a folder of its own; gives it.
fn compile() -> Result<PathBuf> {
    let kdir = build::module_folder()?;
    let folder = tree::output()?.join("test-modules");
    std::fs::create_dir_all(&folder)?;
    for entry in std::fs::read_dir(tree::root()?.join("test/modules"))? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    make(&kdir, &folder)?;
    Ok(folder)
}

fn make(kdir: &Path, folder: &Path) -> Result<()> {
    let output = Command::new("make")
        .arg("-C")
        .arg(kdir)
        .arg(format!("M={}", folder.display()))
        .arg("modules")
        .output()?;
    if !output.status.success() {
        bail!(
            "make: {}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}
