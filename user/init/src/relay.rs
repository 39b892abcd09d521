//! Stands between the channel and the running job until the job has ended.

use crate::channel::Channel;
use crate::pump::{Inward, Outward, set_nonblocking};
use crate::spawn::{Running, set_size};
use frames::Kind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, wait};
use std::io::Result;

/// How long the end of a job that left its descriptors to others may go unnoticed.
const REAP_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// Reads that empty the fullest pipe, each of which can give as little as one page.
const LEFT_IN_A_PIPE: usize = 512;

struct Relay<'a> {
    channel: &'a mut Channel,
    pid: Pid,
    input: Inward,
    /// Where input goes; `None` once nobody reads it.
    sink: Option<OwnedFd>,
    /// The sink is the terminal's master: an end of file there is no close.
    sink_is_terminal: bool,
    outputs: Vec<Outward>,
    terminal: Option<OwnedFd>,
}

/// Relays until the job's process has ended; gives its status as `wait4` does.
pub(crate) fn run(channel: &mut Channel, running: Running) -> Result<i32> {
    let mut outputs = Vec::new();
    let (mut sink, mut sink_is_terminal, mut terminal) = (running.stdin, false, None);
    if let Some((master, wanted)) = running.terminal {
        if wanted.descriptors[0] {
            sink = Some(master.try_clone()?);
            sink_is_terminal = true;
        }
        terminal = Some(master.try_clone()?);
        outputs.push(Outward::new(
            Some(master),
            if wanted.descriptors[1] {
                Kind::Stdout
            } else {
                Kind::Stderr
            },
        )?);
    }
    for (fd, kind) in [
        (running.stdout, Kind::Stdout),
        (running.stderr, Kind::Stderr),
    ] {
        if fd.is_some() {
            outputs.push(Outward::new(fd, kind)?);
        }
    }
    if let Some(sink) = &sink {
        set_nonblocking(sink)?;
    }
    let input = Inward::default();
    Relay {
        channel,
        pid: running.pid,
        input,
        sink,
        sink_is_terminal,
        outputs,
        terminal,
    }
    .run()
}

/// What poll said is ready.
struct Ready {
    channel: bool,
    sink: bool,
    outputs: Vec<bool>,
}

impl Relay<'_> {
    fn run(mut self) -> Result<i32> {
        // Input may have come in one piece with the end of the job.
        self.take_frames()?;
        let status = loop {
            if let Some(status) = self.reap() {
                break status;
            }
            let ready = self.wait_for_something()?;
            if ready.channel {
                self.channel.read_some()?;
                self.take_frames()?;
            }
            if ready.sink || self.input.waiting() || self.input.finished() {
                self.feed_job(ready.sink)?;
            }
            for (output, ready) in self.outputs.iter_mut().zip(ready.outputs) {
                if ready {
                    output.forward(self.channel)?;
                }
            }
            self.input.regrant(self.channel)?;
        };
        self.flush()?;
        Ok(status)
    }

    /// Waits for every child that has ended (orphans are ours too); gives the job's status when it was among them.
    fn reap(&self) -> Option<i32> {
        let mut status = None;
        while let Ok(Some((pid, how))) = wait(WaitOptions::NOHANG) {
            if pid == self.pid {
                status = Some(how.as_raw());
            }
        }
        status
    }

    fn wait_for_something(&self) -> Result<Ready> {
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(4);
        fds.push(PollFd::from_borrowed_fd(self.channel.fd(), PollFlags::IN));
        let (sink_at, sink_events) = (
            1,
            if self.input.waiting() {
                PollFlags::OUT
            } else {
                PollFlags::empty()
            },
        );
        let polled_sink = if self.sink_is_terminal && !self.input.waiting() {
            None
        } else {
            self.sink.as_ref()
        };
        if let Some(sink) = polled_sink {
            fds.push(PollFd::from_borrowed_fd(sink.as_fd(), sink_events));
        }
        let outputs_at = fds.len();
        let readable: Vec<Option<BorrowedFd<'_>>> =
            self.outputs.iter().map(Outward::readable).collect();
        fds.extend(
            readable
                .iter()
                .flatten()
                .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)),
        );
        match poll(&mut fds, Some(&REAP_EVERY)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut outputs_polled = fds[outputs_at..].iter().map(|fd| !fd.revents().is_empty());
        Ok(Ready {
            channel: !fds[0].revents().is_empty(),
            sink: polled_sink.is_some() && !fds[sink_at].revents().is_empty(),
            outputs: readable
                .iter()
                .map(|fd| fd.is_some() && outputs_polled.next() == Some(true))
                .collect(),
        })
    }

    fn take_frames(&mut self) -> Result<()> {
        while let Some((kind, payload)) = self.channel.next_frame()? {
            match kind {
                Kind::Stdin => self.input.push(payload),
                Kind::Credit => {
                    let Some((stream, bytes)) = frames::parse_credit(payload) else {
                        continue;
                    };
                    for output in self
                        .outputs
                        .iter_mut()
                        .filter(|output| output.kind() == stream)
                    {
                        output.add_credit(bytes);
                    }
                }
                Kind::OutputClosed => {
                    let stream = payload.first().and_then(|byte| Kind::from_wire(*byte));
                    for output in self
                        .outputs
                        .iter_mut()
                        .filter(|output| Some(output.kind()) == stream)
                    {
                        output.close();
                    }
                }
                Kind::Resize => {
                    if let (Some((rows, columns)), Some(terminal)) =
                        (frames::parse_resize(payload), &self.terminal)
                    {
                        let _ = set_size(terminal.as_fd(), rows, columns);
                    }
                }
                Kind::Signal => {
                    if let Some(signal) = payload
                        .first()
                        .and_then(|n| Signal::from_named_raw(i32::from(*n)))
                    {
                        let _ = kill_process_group(self.pid, signal);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes input on; closes the sink at the end of file or when its reader has gone.
    fn feed_job(&mut self, polled: bool) -> Result<()> {
        let Some(sink) = &self.sink else {
            self.input.discard();
            return Ok(());
        };
        if self.input.finished() {
            if !self.sink_is_terminal {
                self.sink = None;
            }
            return Ok(());
        }
        let reader_gone = if self.input.waiting() {
            self.input.write_to(sink).is_err()
        } else {
            // Nothing to write was asked of poll, so what it reports is the error of a pipe without readers.
            polled
        };
        if reader_gone && !self.sink_is_terminal {
            self.sink = None;
            self.input.discard();
            self.channel.send(Kind::StdinClosed, &[])?;
        }
        Ok(())
    }

    /// The job has ended: sends on what it left in its pipes, without waiting for children it left behind, which may
    /// write for ever (hence the bound: more than a pipe of the largest size holds).
    fn flush(&mut self) -> Result<()> {
        for at in 0..self.outputs.len() {
            for _ in 0..LEFT_IN_A_PIPE {
                if self.outputs[at].forward(self.channel)? {
                    continue;
                }
                // Nothing to read now: done, unless it is the credit that is missing.
                if !self.outputs[at].open() || self.outputs[at].readable().is_some() {
                    break;
                }
                self.channel.read_some()?;
                self.take_frames()?;
            }
        }
        Ok(())
    }
}
