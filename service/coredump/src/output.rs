//! Where an image is written: a file, or a pipe that a program reads.
use crate::name::Place;
use abi::{Errno, PAGE_SIZE, Result, raw};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use cred::{Cred, Resource};
use kmem::user::UserBuf;
use pipe::{Mode, Pipe};
use sync::WaitMode;
use task::{Cx, coredump};
use vfs::{File, OpenHow, WalkCtx};

/// An image as it grows.
pub(crate) enum Output {
    File(Grown),
    Program(Reader),
}

impl Output {
    /// The errors of open(2); those of starting a program; `EAGAIN`: too many are read.
    pub(crate) fn open(cx: &Cx, place: Place) -> Result<Self> {
        match place {
            Place::File(name) => Grown::create(cx, &name).map(Self::File),
            Place::Program(words) => Reader::start(words).map(Self::Program),
        }
    }

    /// `EFBIG`: the limit of a core's size; what a file says; `EPIPE`: nobody reads; `ERESTARTSYS`: killed while nobody read.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Program(reader) => reader.write(bytes),
        }
    }

    /// So many bytes of nothing, at most a page: a hole of a file.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<()> {
        match self {
            Self::File(file) => {
                file.at += bytes as u64;
                Ok(())
            }
            Self::Program(reader) => reader.write(&[0; PAGE_SIZE][..bytes]),
        }
    }

    /// Goes on at a page.
    pub(crate) fn align(&mut self) -> Result<()> {
        let at = match self {
            Self::File(file) => file.at,
            Self::Program(reader) => reader.written,
        };
        let page = PAGE_SIZE as u64;
        self.skip((at.next_multiple_of(page) - at) as usize)
    }

    /// Nothing more is written, as all is there (`whole`) or something failed.
    pub(crate) fn finish(self, whole: bool) -> Result<()> {
        match self {
            Self::File(file) if whole => file.finish(),
            Self::File(_) => Ok(()),
            Self::Program(reader) => {
                reader.finish();
                Ok(())
            }
        }
    }
}

/// A file.
pub(crate) struct Grown {
    file: Arc<File>,
    /// Bytes that may still be written; holes do not count.
    left: u64,
    at: u64,
    /// Up to where something was written.
    end: u64,
}

impl Grown {
    /// A new file; what was there by that name goes first. The errors of open(2).
    fn create(cx: &Cx, name: &[u8]) -> Result<Self> {
        let ctx = WalkCtx {
            fs: &cx.fs,
            cred: &cx.cred,
            base: None,
        };
        // If it cannot go, the file cannot be made.
        let _ = vfs::unlink(ctx, name);
        let flags = raw::O_CREAT | raw::O_EXCL | raw::O_WRONLY | raw::O_NOFOLLOW | raw::O_LARGEFILE;
        Ok(Self {
            file: vfs::open(ctx, name, &OpenHow::new(flags, 0o600))?,
            left: cx.process().limits().cur(Resource::Core),
            at: 0,
            end: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(Errno::EFBIG)?;
        let mut buf = UserBuf::kernel_src(bytes);
        while buf.remaining() != 0 {
            let written = self.file.write_at(&mut buf, self.at, u64::MAX);
            let written = written.map_err(|error| error.errno)?;
            if written == 0 {
                return Err(Errno::EIO);
            }
            self.at += written as u64;
        }
        self.end = self.at;
        Ok(())
    }

    /// The hole at the end belongs to the file.
    fn finish(self) -> Result<()> {
        if self.end < self.at {
            vfs::ftruncate(&self.file, self.at)?;
        }
        Ok(())
    }
}

/// How many images are read by programs at this time.
static READERS: AtomicU32 = AtomicU32::new(0);

struct Counted;

impl Counted {
    fn new() -> Result<Self> {
        let counted = Self;
        let now = READERS.fetch_add(1, Ordering::Relaxed) + 1;
        match coredump::pipe_limit() {
            limit if limit != 0 && now > limit => Err(Errno::EAGAIN),
            _ => Ok(counted),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A program that reads the image.
pub(crate) struct Reader {
    pipe: Arc<Pipe>,
    end: Arc<File>,
    written: u64,
    _counted: Counted,
}

impl Reader {
    fn start(words: Vec<Vec<u8>>) -> Result<Self> {
        let counted = Counted::new().inspect_err(|_| {
            trace::pr_warn!("core image left out: core_pipe_limit");
        })?;
        let (pipe, reading, writing) = pipe::ends(0, &Cred::init()?)?;
        let started = task::helper::run_reader(words, reading);
        started.inspect_err(|error| {
            trace::pr_warn!("core image left out: its program does not start: {error:?}");
        })?;
        Ok(Self {
            pipe,
            end: writing,
            written: 0,
            _counted: counted,
        })
    }

    /// Waits for room, also as a process that a signal has ended already; SIGKILL ends it a second time.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mode = Mode {
            nonblock: true,
            packets: false,
        };
        let mut buf = UserBuf::kernel_src(bytes);
        while buf.remaining() != 0 {
            match self.pipe.write(&mut buf, mode) {
                Ok(written) => self.written += written as u64,
                Err(Errno::EAGAIN) => {
                    let changed = || self.pipe.poll_events(false, true, None) != 0;
                    wait(&self.pipe, changed)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// With a limit the process stays until its reader has looked at it.
    fn finish(self) {
        drop(self.end);
        if coredump::pipe_limit() != 0 {
            let pipe = &self.pipe;
            let _ = wait(pipe, || pipe.readers() == 0); // killed: it stays no longer
        }
    }
}

/// `ERESTARTSYS`: killed.
fn wait(pipe: &Pipe, done: impl Fn() -> bool) -> Result<()> {
    let done = || done().then_some(());
    let queue = pipe.write_queue();
    Ok(queue.wait(WaitMode::Killable, None, done)?)
}
