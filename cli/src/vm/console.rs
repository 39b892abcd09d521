//! The kernel's messages: collected as they come, so that a panic can be seen and shown.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What a kernel prints when it gives up (Linux and Gaon alike).
const PANIC: &str = "Kernel panic";
/// Where a report worth showing begins.
const REPORT_STARTS: [&str; 7] = [
    "BUG:",
    "Oops",
    "Kernel panic",
    "general protection fault",
    "------------[ cut here",
    "PANIC",
    "panicked at",
];
/// What a kernel prints when it warns of itself.
const WARNING: &str = "WARNING: ";
/// Lines shown before a report, for what led to it.
const LINES_BEFORE: usize = 3;
/// Lines shown when there is no report.
const TAIL: usize = 40;

/// The console's text so far and the thread that collects it.
pub(crate) struct Console {
    text: Arc<Mutex<Vec<u8>>>,
    follower: Option<JoinHandle<()>>,
}

impl Console {
    /// Collects what comes from `stream`; `echo` prints it on standard error as well.
    pub(crate) fn follow(mut stream: UnixStream, echo: bool) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&text);
        let follower = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut piece) {
                if echo {
                    let _ = std::io::stderr().write_all(&piece[..n]);
                }
                lock(&shared).extend_from_slice(&piece[..n]);
            }
        });
        Self {
            text,
            follower: Some(follower),
        }
    }

    /// Everything so far, readable: no carriage returns, no escape sequences of a firmware.
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&lock(&self.text)).into_owned();
        text.chars()
            .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
            .collect()
    }

    /// The kernel has given up.
    pub(crate) fn panicked(&self) -> bool {
        let text = lock(&self.text);
        text.windows(PANIC.len())
            .any(|window| window == PANIC.as_bytes())
    }

    /// The part to show when the guest ended badly: from the first report on, or the last lines.
    pub(crate) fn report(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let first = lines
            .iter()
            .position(|line| REPORT_STARTS.iter().any(|start| line.contains(start)));
        let from = first.map_or(lines.len().saturating_sub(TAIL), |at| {
            at.saturating_sub(LINES_BEFORE)
        });
        lines[from..].join("\n")
    }

    /// The first warning (a `WARN_ON`, a broken rule of locking) with what follows it, if there is one.
    pub(crate) fn warnings(&self) -> Option<String> {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        let first = lines.iter().position(|line| line.contains(WARNING))?;
        let count = lines.iter().filter(|line| line.contains(WARNING)).count();
        let shown = lines[first..].iter().take(25).copied();
        let head = format!("{count} in all, the first:");
        Some(
            std::iter::once(head.as_str())
                .chain(shown)
                .collect::<Vec<_>>()
                .join("\n    "),
        )
    }

    /// Waits for the last message after QEMU has ended.
    pub(crate) fn finish(&mut self) {
        if let Some(follower) = self.follower.take() {
            let _ = follower.join();
        }
    }
}

/// A kernel that wrote this on its console has given up.
pub(crate) fn is_panic(text: &[u8]) -> bool {
    text.windows(PANIC.len())
        .any(|window| window == PANIC.as_bytes())
}

fn lock(text: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}
