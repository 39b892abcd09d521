//! A terminal with somebody at it, for tests: keys go in, the screen is read.

use super::Counter;
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
pub(super) enum Do {
    Type(&'static str),
    /// Shown after all that was shown before.
    See(&'static str),
    /// Lets a program come to its work.
    Wait,
}
/// A name, and what is done and seen.
pub(super) type Act = (&'static str, &'static [Do]);

/// A program in a terminal that script(1) holds; it ends with this.
pub(super) struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Bytes of the screen that steps have read.
    read: usize,
}

impl Terminal {
    /// Has a command of the shell run in a terminal.
    pub(super) fn open(command: &str) -> Result<Self> {
        let command = format!("stty rows 24 cols 80; {command}");
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

    /// Performs the acts up to the first that goes wrong, and counts each as `kind-NAME`; whether all went well.
    pub(super) fn play(&mut self, kind: &str, acts: &[Act], counter: &mut Counter<'_>) -> bool {
        acts.iter().all(|(name, steps)| {
            let result = self.perform(steps);
            let well = result.is_ok();
            counter.count(&format!("{kind}-{name}"), result);
            well
        })
    }

    /// Presses keys.
    pub(super) fn press(&mut self, keys: &str) {
        let _ = self.keys.write_all(keys.as_bytes());
    }

    /// Whether the program ends with that status.
    pub(super) fn ends_with(&mut self, wanted: i32) -> Result<(), String> {
        match self.status() {
            Some(status) if status == wanted => Ok(()),
            status => Err(format!("expected status {wanted}, got {status:?}")),
        }
    }

    pub(super) fn perform(&mut self, step: &[Do]) -> Result<(), String> {
        for act in step {
            match act {
                Do::Type(keys) => self
                    .keys
                    .write_all(keys.as_bytes())
                    .map_err(|error| format!("typing: {error}"))?,
                Do::See(text) => self.see(text)?,
                Do::Wait => std::thread::sleep(SETTLE),
            }
        }
        Ok(())
    }

    pub(super) fn see(&mut self, text: &str) -> Result<(), String> {
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
        None
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
