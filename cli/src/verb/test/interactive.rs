//! The shell that `gaon run` gives, as somebody at a terminal has it: keys go in, the screen is read. script(1) holds the
//! terminal.

use super::Counter;
use super::plan::Plan;
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the screen may take to show what a step waits for, on a busy host.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between looks at the screen.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// So that a program that was just started is in the foreground when the next key comes.
const SETTLE: Duration = Duration::from_millis(700);

/// Keys that are pressed, and what the screen has to show then.
enum Do {
    Type(&'static str),
    /// Shown after all that was shown before.
    See(&'static str),
    /// Lets a program come to its work.
    Wait,
}
use Do::{See, Type, Wait};

/// What the shell prints is computed, so that the echo of what was typed is not taken for it.
const STEPS: &[(&str, &[Do])] = &[
    (
        "prompt",
        &[
            See("# "),
            Type("PS1='rea''dy> '; stty rows 24 cols 80\r"),
            See("ready> "),
        ],
    ),
    (
        "rub-out",
        &[
            Type("echo $((6*7))hellp\x7fo\r"),
            See("42hello"),
            See("ready> "),
        ],
    ),
    (
        "move-and-insert",
        &[
            Type("cho $((6*7))-ac\x1b[Db\x01e\r"),
            See("42-abc"),
            See("ready> "),
        ],
    ),
    (
        "history",
        &[Type("\x1b[A\r"), See("42-abc"), See("ready> ")],
    ),
    (
        "kill-line",
        &[
            Type("rubbish\x15echo $((40+3))good\r"),
            See("43good"),
            See("ready> "),
        ],
    ),
    (
        "ctrl-c",
        &[
            Type("sleep 1000\r"),
            Wait,
            Type("\x03"),
            See("ready> "),
            Type("echo status-$?\r"),
            See("status-130"),
            See("ready> "),
        ],
    ),
    (
        "ctrl-z-and-fg",
        &[
            Type("sleep 5; echo $((50+2))-over\r"),
            Wait,
            Type("\x1a"),
            See("Stopped"),
            See("ready> "),
            Type("jobs | grep -c sleep; echo $((50+1))-jobs\r"),
            See("51-jobs"),
            See("ready> "),
            Type("fg; echo $((50+3))-back\r"),
            See("53-back"),
            See("ready> "),
        ],
    ),
    (
        "pipes",
        &[
            Type("seq 1 100 | grep 7 | wc -l | sed s/^/count-/\r"),
            See("count-19"),
            See("ready> "),
        ],
    ),
    (
        "end-of-file",
        &[
            Type("cat >/tmp/typed\r"),
            Wait,
            Type("one line\r\x04"),
            See("ready> "),
            Type("wc -c </tmp/typed | sed s/^/bytes-/\r"),
            See("bytes-9"),
            See("ready> "),
        ],
    ),
    (
        "vi",
        &[
            Type("busybox vi /tmp/note\r"),
            See("/tmp/note"),
            Wait,
            Type("ihello from vx\x7fi\x1b"),
            Wait,
            Type(":wq\r"),
            See("ready> "),
            Type("sed s/hello/read/ /tmp/note\r"),
            See("read from vi"),
            See("ready> "),
        ],
    ),
    (
        "top",
        &[
            Type("busybox top\r"),
            See("Mem:"),
            See("COMMAND"),
            Wait,
            Type("q"),
            See("ready> "),
            Type("echo $((60+1))-after\r"),
            See("61-after"),
            See("ready> "),
        ],
    ),
];

/// What the shell leaves with.
const STATUS: i32 = 7;

pub(super) fn run(plan: &Plan, counter: &mut Counter<'_>) -> Result<()> {
    if !counter.wants("interactive") {
        return Ok(());
    }
    let mut terminal = Terminal::open(plan)?;
    for (name, step) in STEPS {
        let result = terminal.perform(step);
        let over = result.is_err();
        counter.count(&format!("interactive-{name}"), result);
        if over {
            terminal.end();
            return Ok(());
        }
    }
    let _ = terminal.keys.write_all(b"exit 7\r");
    let status = terminal.status();
    let verdict = if status == Some(STATUS) {
        Ok(())
    } else {
        Err(format!("expected status {STATUS}, got {status:?}"))
    };
    counter.count("interactive-exit", verdict);
    Ok(())
}

struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Bytes of the screen that steps have read.
    read: usize,
}

impl Terminal {
    fn open(plan: &Plan) -> Result<Self> {
        let tool = std::env::current_exe()?;
        let usual = if plan.linux {
            PEER_MACHINE
        } else {
            DEFAULT_MACHINE
        };
        let command = format!(
            "stty rows 24 cols 80; exec {} run --kernel {} --machine {} --timeout 300",
            tool.display(),
            plan.kernel.display(),
            plan.machine.as_deref().unwrap_or(usual),
        );
        let mut child = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env("TERM", "linux")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("script(1) of bsdutils")?;
        let keys = child.stdin.take().context("a pipe was asked for")?;
        let mut output = child.stdout.take().context("a pipe was asked for")?;
        let screen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let writer = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = output.read(&mut chunk) {
                let mut screen = writer.lock().unwrap_or_else(PoisonError::into_inner);
                screen.extend_from_slice(&chunk[..n]);
            }
        });
        Ok(Self {
            child,
            keys,
            screen,
            read: 0,
        })
    }

    fn perform(&mut self, step: &[Do]) -> Result<(), String> {
        for act in step {
            match act {
                Type(keys) => self
                    .keys
                    .write_all(keys.as_bytes())
                    .map_err(|error| format!("typing: {error}"))?,
                See(text) => self.see(text)?,
                Wait => std::thread::sleep(SETTLE),
            }
        }
        Ok(())
    }

    fn see(&mut self, text: &str) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let screen = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = String::from_utf8_lossy(&screen[self.read..]).into_owned();
            drop(screen);
            if let Some(at) = fresh.find(text) {
                // Other bytes than UTF-8 do not come before what is looked for.
                self.read += at + text.len();
                return Ok(());
            }
            let gone = matches!(self.child.try_wait(), Ok(Some(_)) | Err(_));
            if gone || start.elapsed() > PATIENCE {
                let tail: String = fresh.chars().rev().take(200).collect();
                let tail: String = tail.chars().rev().collect();
                return Err(format!("{text:?} was not shown, but {tail:?}"));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn status(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.end();
        None
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
