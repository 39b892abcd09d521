//! The host's end of the channel: gives init its job, carries the three streams, and waits for the end.
//!
//! One thread reads frames, one writes each output stream (and grants the guest more as it does), one reads standard
//! input as far as the guest has granted; the caller waits for the end of it all.

use crate::vm::Machine;
use anyhow::Result;
use frames::job::{Tag, field};
use frames::{Kind, MAX_PAYLOAD, Reader, VERSION};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the console is looked at for a panic.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After a panic: how long the kernel may go on printing.
const PANIC_GRACE: Duration = Duration::from_millis(1500);

/// What the guest is to run.
#[derive(Default, Clone)]
pub(crate) struct Job {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<String>,
    pub(crate) folder: String,
    /// Modules to load first: path and parameters.
    pub(crate) modules: Vec<(String, String)>,
    /// Rows, columns, and which descriptors are the terminal.
    pub(crate) terminal: Option<(u16, u16, [bool; 3])>,
}

impl Job {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut put = |tag, value: &[u8]| {
            bytes.extend_from_slice(&field(tag, value.len()));
            bytes.extend_from_slice(value);
        };
        put(Tag::Program, self.program.as_bytes());
        self.arguments
            .iter()
            .for_each(|argument| put(Tag::Argument, argument.as_bytes()));
        self.environment
            .iter()
            .for_each(|pair| put(Tag::Environment, pair.as_bytes()));
        put(Tag::Folder, self.folder.as_bytes());
        for (path, parameters) in &self.modules {
            put(Tag::Module, format!("{path}\0{parameters}").as_bytes());
        }
        if let Some((rows, columns, descriptors)) = self.terminal {
            let mask = (0..3).filter(|fd| descriptors[*fd]).map(|fd| 1 << fd).sum();
            let mut value = frames::resize(rows, columns).to_vec();
            value.push(mask);
            put(Tag::Terminal, &value);
        }
        bytes
    }
}

/// Where the three streams go here. `stdin: None` is an empty input.
pub(crate) struct Streams {
    pub(crate) stdin: Option<File>,
    pub(crate) stdout: Box<dyn Write + Send>,
    pub(crate) stderr: Box<dyn Write + Send>,
}

/// How a session ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The job's status, as `wait4` gives it.
    Exited(i32),
    /// The job could not be started: errno and words.
    NotStarted(i32, String),
    /// The kernel panicked.
    Panicked,
    /// The machine ended, or the channel did, without a status.
    Silent(String),
    TimedOut,
    /// This tool was told to stop by a signal.
    Stopped(i32),
}

/// News for the waiting thread, from the frame reader and from outside.
pub(crate) enum Event {
    Hello,
    End(End),
    Signal(i32),
}

/// A handle for others (the signal thread) to send frames and events.
#[derive(Clone)]
pub(crate) struct Remote {
    events: Sender<Event>,
    line: Arc<Mutex<UnixStream>>,
}

impl Remote {
    pub(crate) fn stop(&self, signal: i32) {
        let _ = self.events.send(Event::Signal(signal));
    }

    /// Tells the guest of a new window size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        let _ = self.send(Kind::Resize, &frames::resize(rows, columns));
    }

    fn send(&self, kind: Kind, payload: &[u8]) -> std::io::Result<()> {
        let mut frame = frames::header(kind, payload.len()).to_vec();
        frame.extend_from_slice(payload);
        lock(&self.line).write_all(&frame)
    }
}

/// Bytes the guest will take.
#[derive(Default)]
struct Credit {
    bytes: Mutex<CreditState>,
    changed: Condvar,
}

#[derive(Default)]
struct CreditState {
    granted: u32,
    closed: bool,
}

impl Credit {
    fn add(&self, bytes: u32) {
        lock(&self.bytes).granted += bytes;
        self.changed.notify_all();
    }

    fn close(&self) {
        lock(&self.bytes).closed = true;
        self.changed.notify_all();
    }

    /// Waits until something may be sent; takes at most `most`. `None`: nobody listens any more.
    fn take(&self, most: usize) -> Option<usize> {
        let mut state = lock(&self.bytes);
        while state.granted == 0 && !state.closed {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        let taken = most.min(state.granted as usize);
        state.granted -= taken as u32;
        Some(taken)
    }

    fn give_back(&self, bytes: usize) {
        self.add(bytes as u32);
    }
}

/// A session under way.
pub(crate) struct Session {
    events: Receiver<Event>,
    remote: Remote,
    writers: [JoinHandle<()>; 2],
    line: UnixStream,
}

impl Session {
    /// Starts the threads. The job goes out as soon as init says hello; test drivers' reports go to `on_report`.
    pub(crate) fn start(
        machine: &Machine,
        job: &Job,
        streams: Streams,
        mut on_report: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Self> {
        let (events_in, events) = channel();
        let line = machine.channel.try_clone()?;
        let remote = Remote {
            events: events_in,
            line: Arc::new(Mutex::new(machine.channel.try_clone()?)),
        };
        let credit = Arc::new(Credit::default());
        let (to_stdout, stdout) = writer(Kind::Stdout, streams.stdout, remote.clone());
        let (to_stderr, stderr) = writer(Kind::Stderr, streams.stderr, remote.clone());
        feed(
            job.encode(),
            streams.stdin,
            Arc::clone(&credit),
            remote.clone(),
        );
        let (mut wire, events_in) = (machine.channel.try_clone()?, remote.events.clone());
        std::thread::spawn(move || {
            let outcome = read_frames(&mut wire, |kind, payload| {
                match kind {
                    Kind::Hello if payload != [VERSION] => {
                        return Some(End::Silent(format!(
                            "init speaks version {payload:?} of the channel, not {VERSION}"
                        )));
                    }
                    Kind::Hello => drop(events_in.send(Event::Hello)),
                    Kind::Stdout => drop(to_stdout.send(payload.to_vec())),
                    Kind::Stderr => drop(to_stderr.send(payload.to_vec())),
                    Kind::Credit => {
                        credit.add(frames::parse_credit(payload).map_or(0, |(_, bytes)| bytes));
                    }
                    Kind::StdinClosed => credit.close(),
                    Kind::Report => on_report(payload),
                    Kind::Exit => {
                        return frames::parse_number(payload)
                            .map(|(status, _)| End::Exited(status));
                    }
                    Kind::Failed => {
                        let (errno, text) = frames::parse_number(payload)?;
                        return Some(End::NotStarted(
                            errno,
                            String::from_utf8_lossy(text).into_owned(),
                        ));
                    }
                    Kind::Job
                    | Kind::JobEnd
                    | Kind::Stdin
                    | Kind::Resize
                    | Kind::Signal
                    | Kind::OutputClosed => {}
                }
                None
            });
            let _ = events_in.send(Event::End(outcome));
        });
        Ok(Self {
            events,
            remote,
            writers: [stdout, stderr],
            line,
        })
    }

    /// A handle for the signal thread.
    pub(crate) fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Waits for the end, or until `time_is_up`. All output has been written when it returns, unless time or a signal cut
    /// it short.
    pub(crate) fn wait(
        self,
        machine: &mut Machine,
        mut time_is_up: impl FnMut() -> bool,
        on_hello: impl FnOnce(),
    ) -> End {
        let mut on_hello = Some(on_hello);
        let mut panic_seen = None;
        let end = loop {
            match self.events.recv_timeout(LOOK_EVERY) {
                Ok(Event::Hello) => {
                    if let Some(on_hello) = on_hello.take() {
                        on_hello();
                    }
                }
                Ok(Event::End(end)) => break end,
                Ok(Event::Signal(signal)) => break End::Stopped(signal),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if panic_seen.is_none() && machine.console.panicked() {
                panic_seen = Some(Instant::now());
            }
            if panic_seen.is_some_and(|seen| seen.elapsed() > PANIC_GRACE) {
                break End::Panicked;
            }
            if time_is_up() {
                break End::TimedOut;
            }
        };
        match end {
            End::Exited(_) | End::NotStarted(..) => self.writers.map(|writer| drop(writer.join())),
            _ => [(); 2],
        };
        let _ = self.line.shutdown(std::net::Shutdown::Write);
        end
    }
}

/// Reads frames until `on_frame` says how it ended or the line does.
fn read_frames(wire: &mut UnixStream, mut on_frame: impl FnMut(Kind, &[u8]) -> Option<End>) -> End {
    let (mut reader, mut buffer) = (Reader::new(), vec![0; 64 * 1024]);
    loop {
        let mut input = match wire.read(&mut buffer) {
            Ok(0) => {
                return End::Silent("the machine ended without the program's status".to_owned());
            }
            Ok(n) => &buffer[..n],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return End::Silent(format!("channel: {error}")),
        };
        while !input.is_empty() {
            let frame = reader.feed(&mut input).and_then(|()| reader.take());
            match frame {
                Ok(Some((kind, payload))) => {
                    if let Some(end) = on_frame(kind, payload) {
                        return end;
                    }
                }
                Ok(None) => {}
                Err(stray) => {
                    let seen = String::from_utf8_lossy(&stray.0).into_owned();
                    return End::Silent(format!(
                        "the channel lost bytes: {:02x?} ({seen:?}) is no frame",
                        stray.0
                    ));
                }
            }
        }
    }
}

/// A thread that writes one stream out and grants the guest what it has written.
fn writer(
    kind: Kind,
    mut out: Box<dyn Write + Send>,
    remote: Remote,
) -> (Sender<Vec<u8>>, JoinHandle<()>) {
    let (sender, receiver) = channel::<Vec<u8>>();
    let thread = std::thread::spawn(move || {
        let mut owed = 0;
        for piece in receiver {
            if piece.is_empty() {
                continue;
            }
            if out.write_all(&piece).and_then(|()| out.flush()).is_err() {
                // Our reader has gone (`| head`): the program shall find out as it would here.
                let _ = remote.send(Kind::OutputClosed, &[kind as u8]);
                return;
            }
            owed += piece.len() as u32;
            if owed >= frames::GUEST_WINDOW / 4 {
                let _ = remote.send(Kind::Credit, &frames::credit(kind, owed));
                owed = 0;
            }
        }
    });
    (sender, thread)
}

/// A thread that sends the job and then standard input, as far as the guest grants.
fn feed(job: Vec<u8>, stdin: Option<File>, credit: Arc<Credit>, remote: Remote) {
    std::thread::spawn(move || -> Option<()> {
        let mut rest = &job[..];
        while !rest.is_empty() {
            let n = credit.take(rest.len().min(MAX_PAYLOAD))?;
            remote.send(Kind::Job, &rest[..n]).ok()?;
            rest = &rest[n..];
        }
        remote.send(Kind::JobEnd, &[]).ok()?;
        let mut escape = stdin
            .as_ref()
            .filter(|file| rustix::termios::isatty(file))
            .map(|_| Escape::AtLineStart);
        let mut buffer = [0; MAX_PAYLOAD];
        while let Some(mut file) = stdin.as_ref() {
            let granted = credit.take(MAX_PAYLOAD)?;
            let n = match file.read(&mut buffer[..granted]) {
                Ok(n) => n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
                    credit.give_back(granted);
                    continue;
                }
                Err(_) => break,
            };
            credit.give_back(granted - n);
            if n == 0 {
                break;
            }
            if let Some(escape) = &mut escape
                && buffer[..n].iter().any(|byte| escape.ends(*byte))
            {
                remote.stop(libc::SIGINT);
                return None;
            }
            remote.send(Kind::Stdin, &buffer[..n]).ok()?;
        }
        remote.send(Kind::Stdin, &[]).ok()
    });
}

/// Enter, `~`, `.` ends the machine, as it ends an ssh: a raw terminal has no other way out of a guest that hangs.
enum Escape {
    AtLineStart,
    AfterTilde,
    Inside,
}

impl Escape {
    fn ends(&mut self, byte: u8) -> bool {
        let ended = matches!(self, Self::AfterTilde) && byte == b'.';
        *self = match (&self, byte) {
            (_, b'\r' | b'\n') => Self::AtLineStart,
            (Self::AtLineStart, b'~') => Self::AfterTilde,
            _ => Self::Inside,
        };
        ended
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
