//! Runs the guest tests of one boot, one after another, each in a process group and a folder of its own, under a time
//! limit. Runs on Gaon and on Linux; talks to the host tool's `test` verb through its standard output, which the framed
//! channel carries unchanged.
//!
//! # Formats
//! The list of tests (first argument): one test a line, fields separated by tabs: name, limit in seconds, program, its
//! arguments; `\n`, `\t`, `\\` stand for those characters. Output: `S name` before each test; after it `R name status
//! output-bytes error-bytes`, then those bytes and a newline. The status is as `wait4` gives it, or -1 when time was up, -2
//! when the program could not be started.

use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::{self, File};
use std::io::{Read, Result, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const TIME_UP: i32 = -1;
const NOT_STARTED: i32 = -2;
/// Output kept of each stream.
const MOST: u64 = 256 * 1024;
const OUT: &str = "/tmp/.out";
const ERR: &str = "/tmp/.err";

fn main() -> ExitCode {
    let Some(list) = std::env::args_os().nth(1) else {
        eprintln!("usage: gaon-drive LIST");
        return ExitCode::from(2);
    };
    match fs::read_to_string(&list).and_then(|list| list.lines().try_for_each(run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gaon-drive: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: &str) -> Result<()> {
    let fields: Vec<String> = line.split('\t').map(unescape).collect();
    let [name, limit, program, arguments @ ..] = &fields[..] else {
        return Ok(());
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "S {name}")?;
    out.flush()?;
    let folder = format!("/tmp/t/{name}");
    fs::create_dir_all(&folder)?;
    let limit = Duration::from_secs(limit.parse().unwrap_or(30));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&folder)
        .process_group(0)
        .stdin(Stdio::null());
    command
        .stdout(File::create(OUT)?)
        .stderr(File::create(ERR)?);
    let status = match command.spawn() {
        Ok(child) => wait(child, limit),
        Err(error) => {
            fs::write(ERR, error.to_string())?;
            NOT_STARTED
        }
    };
    let (output, errors) = (head(OUT)?, head(ERR)?);
    writeln!(out, "R {name} {status} {} {}", output.len(), errors.len())?;
    out.write_all(&output)?;
    out.write_all(&errors)?;
    out.write_all(b"\n")?;
    out.flush()?;
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}

/// Waits for the test under its limit, then ends what is left of its process group.
fn wait(mut child: Child, limit: Duration) -> i32 {
    let (start, mut pause) = (Instant::now(), Duration::from_micros(500));
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.into_raw(),
            Ok(None) if start.elapsed() >= limit => break TIME_UP,
            Ok(None) => std::thread::sleep(pause),
            Err(_) => break NOT_STARTED,
        }
        pause = (pause * 2).min(Duration::from_millis(20));
    };
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    if status == TIME_UP {
        let _ = child.wait();
    }
    status
}

/// The file's beginning; a test can have made it any size.
fn head(path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unescape(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain
}
