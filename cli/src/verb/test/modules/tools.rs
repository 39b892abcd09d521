//! What the host tool does for modules: `gaon run --module`, `gaon module check`, `gaon module new`.

use super::super::machine::{feed, this_tool};
use super::super::plan::Plan;
use super::compile;
use crate::pack::program;
use crate::verb::run::DEFAULT_MACHINE;
use crate::{host, tree};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

type Judge = fn(&Plan) -> Result<Result<(), String>>;

pub(super) const CASES: [(&str, Judge); 3] = [
    ("run-with-module", run_with),
    ("new-and-check", new),
    ("compiled-in-the-guest", compiled_in_the_guest),
];

/// Runs a verb of this tool; its status and what it prints.
fn gaon(words: &[&str], folder: &Path) -> Result<(i32, String)> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args(words).current_dir(folder).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((output.status.code().unwrap_or(-1), text))
}

fn expect(what: &str, got: &(i32, String), status: i32, text: &str) -> Result<(), String> {
    if got.0 == status && got.1.contains(text) {
        Ok(())
    } else {
        Err(format!("{what}: status {}, {:?}", got.0, got.1))
    }
}

/// A module is there before the program starts, with its parameters; one that can't be loaded is told.
fn run_with(plan: &Plan) -> Result<Result<(), String>> {
    let folder = compile(&crate::verb::build::module_folder()?)?;
    let run = |module: &str, words: &[&str]| -> Result<(i32, String)> {
        let mut command = this_tool(plan)?;
        command.args(["--timeout", "100", "--module", module, "--"]);
        let output = feed(
            {
                command.args(words);
                command
            },
            b"",
        )?;
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ok((output.status.code().unwrap_or(-1), text.into_owned()))
    };
    let hello = folder.join("hello.ko").display().to_string();
    let got = run(&hello, &["cat", "/proc/hello_proc"])?;
    let first = expect("hello", &got, 0, "Hello from kernel module!\n");
    let params = format!("{} number=17", folder.join("params.ko").display());
    let got = run(&params, &["cat", "/sys/module/params/parameters/number"])?;
    let second = expect("parameters", &got, 0, "17\n");
    let source = folder.join("hello.c").display().to_string();
    let got = run(&source, &["true"])?;
    let third = expect("no module", &got, 126, "hello.c: Exec format error");
    let panics = format!("{} init=panic", folder.join("crash.ko").display());
    let got = run(&panics, &["true"])?;
    let fourth = expect(
        "panic",
        &got,
        101,
        "Kernel panic - not syncing: on purpose, 7",
    );
    Ok(first.and(second).and(third).and(fourth))
}

/// gdb stops in a module's init and in its functions, by their names and lines. `None`: there is no gdb.
pub(super) fn debug(plan: &Plan) -> Result<Option<Result<(), String>>> {
    if !["/usr/bin/gdb", "/usr/local/bin/gdb"]
        .iter()
        .any(|gdb| Path::new(gdb).exists())
    {
        return Ok(None);
    }
    let folder = compile(&crate::verb::build::module_folder()?)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("debug").arg(folder.join("crash.ko"));
    command.arg("--kernel").arg(&plan.kernel);
    command.args(["--machine", DEFAULT_MACHINE, "--timeout", "200", "--batch"]);
    for words in [
        "break crash_init",
        "continue",
        "break crash_write",
        "continue",
        "backtrace 2",
        "info symbol crash_write",
    ] {
        command.args(["--ex", words]);
    }
    command.args(["--", "sh", "-c", "echo bug >/proc/crash"]);
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rest = &*text;
    for wanted in [
        "Breakpoint 2, crash_init () at ",
        "crash.c:",
        "Breakpoint 3, crash_write (file=",
        "#0  crash_write (file=",
        "crash.c:",
        "#1 ",
        "landing_call",
        "crash_write in section .text of ",
    ] {
        match rest.split_once(wanted) {
            Some((_, after)) => rest = after,
            None => {
                let errors = String::from_utf8_lossy(&output.stderr);
                return Ok(Some(Err(format!(
                    "{wanted:?} is not (there) in\n{text}{errors}"
                ))));
            }
        }
    }
    Ok(Some(Ok(())))
}

/// A new module builds and would load; what would not is told.
fn new(_: &Plan) -> Result<Result<(), String>> {
    let scratch = tempfile::tempdir()?;
    let made = gaon(&["module", "new", "fresh"], scratch.path())?;
    let again = gaon(&["module", "new", "fresh"], scratch.path())?;
    let folder = scratch.path().join("fresh");
    host::make_modules(&tree::output()?.join("build"), &folder)?;
    let good = gaon(&["module", "check", "fresh/fresh.ko"], scratch.path())?;
    let mut bytes = std::fs::read(folder.join("fresh.ko"))?;
    let mut at = 0;
    while let Some(next) = bytes[at..].windows(8).position(|part| part == b"_printk\0") {
        at += next;
        bytes[at..at + 7].copy_from_slice(b"_nobody");
    }
    std::fs::write(folder.join("bad.ko"), &bytes)?;
    let bad = gaon(
        &["module", "check", "fresh/bad.ko", "fresh/fresh.c"],
        scratch.path(),
    )?;
    let crab = gaon(&["module", "new", "crab", "--rust"], scratch.path())?;
    host::make_modules(&tree::output()?.join("build"), &scratch.path().join("crab"))?;
    let rust = gaon(&["module", "check", "crab/crab.ko"], scratch.path())?;
    Ok(expect("new", &made, 0, "fresh/fresh.ko")
        .and(expect("new in Rust", &crab, 0, "crab/crab.ko"))
        .and(expect("good in Rust", &rust, 0, "crab/crab.ko: would load"))
        .and(expect("again", &again, 1, ""))
        .and(expect("good", &good, 0, "fresh/fresh.ko: would load"))
        .and(expect(
            "bad",
            &bad,
            1,
            "fresh/bad.ko: Unknown symbol _nobody\n",
        ))
        .and(expect("no module", &bad, 1, "fresh/fresh.c: it is no ")))
}

/// The Makefile of the seed documents, its tabs restored.
const MAKEFILE: &str = "# Makefile
obj-m += hello.o

KERNEL_DIR := /lib/modules/$(shell uname -r)/build
PWD := $(shell pwd)

all:
\t$(MAKE) -C $(KERNEL_DIR) M=$(PWD) modules

clean:
\t$(MAKE) -C $(KERNEL_DIR) M=$(PWD) clean
";

/// A guest that was given a compiler makes a module and loads it, as the documents have it.
fn compiled_in_the_guest(plan: &Plan) -> Result<Result<(), String>> {
    let folder = tempfile::tempdir()?;
    host::copy(&tree::root()?.join("test/modules/hello.c"), folder.path())?;
    host::write(&folder.path().join("Makefile"), MAKEFILE.as_bytes())?;
    let compiler = Command::new("gcc").arg("-print-prog-name=cc1").output()?;
    let compiler = String::from_utf8_lossy(&compiler.stdout).trim().to_owned();
    let mut command = this_tool(plan)?;
    command
        .args(["--timeout", "300", "--mem", "1G", "--with"])
        .arg(folder.path());
    for program in [
        "gcc", "as", "ld", "nm", "objcopy", "make", "insmod", "rmmod",
    ] {
        command.arg("--with").arg(program::find(program)?);
    }
    let script = format!(
        "cp -r {} /root/hello && cd /root/hello && make; echo $?; insmod hello.ko; cat /proc/hello_proc
        make >/tmp/again; grep -c CC /tmp/again; rmmod hello; make clean >/dev/null; ls",
        folder.path().display()
    );
    command.args(["--with", &compiler, "--", "sh", "-c", &script]);
    let output = feed(command, b"")?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let wanted = "  CC [M]  /root/hello/hello.o\n  MODPOST /root/hello/Module.symvers\n\
        \x20 CC [M]  /root/hello/hello.mod.o\n  LD [M]  /root/hello/hello.ko\n";
    let after = "\n0\nHello from kernel module!\n0\nMakefile\nhello.c\n";
    let got = (output.status.code().unwrap_or(-1), text.into_owned());
    Ok(expect("make", &got, 0, wanted).and(expect("what it made", &got, 0, after)))
}
