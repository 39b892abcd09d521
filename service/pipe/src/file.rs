//! The ends of a pipe as files, pipe2(2), and the open of a FIFO.
use crate::caller;
use crate::pipe::{Before, LARGEST, Mode, Pipe};
use crate::share::Share;
use abi::ioctl::FIONREAD;
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use cred::Cred;
use kmem::TryVec;
use kmem::user::{self, UserAddr, UserBuf};
use sync::{LockClass, Mutex, rank};
use vfs::{
    FifoOpener, File, FileOps, FileOpsRef, FileType, Inode, Io, OpenArgs, OpenFlags, PollEvents,
    PollTable,
};

/// `/proc/sys/fs/pipe-max-size`: the most an unprivileged `F_SETPIPE_SZ` gets.
static MAX_SIZE: AtomicUsize = AtomicUsize::new(1 << 20);

/// `/proc/sys/fs/pipe-max-size`.
pub fn max_size() -> usize {
    MAX_SIZE.load(Ordering::Relaxed)
}

/// Sets it, rounded up to a power of two of at least a page. EINVAL.
pub fn set_max_size(bytes: usize) -> Result<()> {
    if bytes > LARGEST {
        return Err(Errno::EINVAL);
    }
    let rounded = bytes.max(abi::PAGE_SIZE).next_power_of_two();
    MAX_SIZE.store(rounded, Ordering::Relaxed);
    Ok(())
}

/// Bytes of a new pipe whose user has too many pages already.
const SMALL: usize = 2 * abi::PAGE_SIZE;

/// A pipe of the usual size, or of the most that the caller may have. ENFILE: its user has too many pages; ENOMEM.
fn new_pipe() -> Result<Arc<Pipe>> {
    let pipe = Pipe::new()?;
    if max_size() < pipe.capacity() && !caller::may_exceed_limits() {
        pipe.set_capacity(max_size())?;
    }
    if pipe.exceeds_share(&[Share::Soft]) {
        pipe.set_capacity(SMALL)?;
    }
    if pipe.exceeds_share(&[Share::Hard]) {
        return Err(Errno::ENFILE);
    }
    kmem::try_arc(pipe)
}

/// One end of a pipe, or an open FIFO.
pub struct PipeEnd {
    pipe: Arc<Pipe>,
    reads: bool,
    writes: bool,
    /// A FIFO's reader that did not wait: the writers that had come before it.
    seen_writers: Option<u32>,
}

impl PipeEnd {
    fn open(pipe: &Arc<Pipe>, reads: bool, writes: bool) -> Result<(Arc<Self>, Before)> {
        let end = kmem::try_arc(Self {
            pipe: pipe.clone(),
            reads,
            writes,
            seen_writers: None,
        })?;
        // From here on dropping the end closes it.
        let before = pipe.open(reads, writes);
        Ok((end, before))
    }

    /// The pipe.
    pub fn pipe(&self) -> &Arc<Pipe> {
        &self.pipe
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        self.pipe.close(self.reads, self.writes);
    }
}

impl FileOps for PipeEnd {
    #[inline]
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mode = Mode {
            nonblock: io.nonblock,
            packets: false,
        };
        self.pipe.read(buf, mode)
    }

    #[inline]
    fn write(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mode = Mode {
            nonblock: io.nonblock,
            packets: file.flags().contains(OpenFlags::DIRECT),
        };
        // EPIPE: the system call sends SIGPIPE.
        self.pipe.write(buf, mode)
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            FIONREAD => user::write(UserAddr(arg), &(self.pipe.len() as i32))?,
            _ => return Err(Errno::ENOTTY),
        }
        Ok(0)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        if table.collects() {
            self.pipe.note_polled();
            if self.reads {
                table.wait(self.pipe.read_queue());
            }
            if self.writes {
                table.wait(self.pipe.write_queue());
            }
        }
        let events = self
            .pipe
            .poll_events(self.reads, self.writes, self.seen_writers);
        PollEvents::from_bits_retain(events)
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn fcntl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            raw::F_GETPIPE_SZ => Ok(self.pipe.capacity()),
            raw::F_SETPIPE_SZ => {
                let bytes = arg.max(abi::PAGE_SIZE);
                if bytes > LARGEST {
                    return Err(Errno::EINVAL);
                }
                let grows = bytes > self.pipe.capacity();
                if grows && bytes > max_size() && !caller::may_exceed_limits() {
                    return Err(Errno::EPERM);
                }
                self.pipe.set_capacity(bytes)
            }
            _ => Err(Errno::EINVAL),
        }
    }
}

/// Flags that pipe2(2) takes.
const PIPE2_FLAGS: u32 = raw::O_CLOEXEC | raw::O_NONBLOCK | raw::O_DIRECT;

/// A pipe as two files, the end that reads first. EINVAL: flags; ENFILE; ENOMEM.
pub fn pipe2(flags: u32, cred: &Arc<Cred>) -> Result<(Arc<File>, Arc<File>)> {
    ends(flags, cred).map(|(_, reader, writer)| (reader, writer))
}

/// A pipe with its ends, the one to read from first: for who writes without being a process that calls. As [`pipe2`].
pub fn ends(flags: u32, cred: &Arc<Cred>) -> Result<(Arc<Pipe>, Arc<File>, Arc<File>)> {
    if flags & !PIPE2_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let kept = OpenFlags::from_bits_truncate(flags & !raw::O_CLOEXEC);
    let pipe = new_pipe()?;
    let inode = vfs::new_anon_inode(FileType::Fifo, 0o600, cred)?;
    // For whoever opens it once more, through /proc/PID/fd.
    inode.extra_or_set(pipe.clone());
    let mut name = Name::new();
    let name = name.of(inode.ino());
    let (reader, _) = PipeEnd::open(&pipe, true, false)?;
    let (writer, _) = PipeEnd::open(&pipe, false, true)?;
    let reader = vfs::new_anon_file(
        name,
        &inode,
        FileOpsRef::own(reader),
        kept.difference(OpenFlags::DIRECT),
        cred,
    )?;
    let writer = vfs::new_anon_file(
        name,
        &inode,
        FileOpsRef::own(writer),
        kept | OpenFlags::WRONLY,
        cred,
    )?;
    Ok((pipe, reader, writer))
}

/// "pipe:[7]", without an allocation.
struct Name([u8; 32]);

impl Name {
    fn new() -> Self {
        Self([0; 32])
    }

    fn of(&mut self, ino: u64) -> &str {
        let mut at = self.0.len() - 1;
        self.0[at] = b']';
        let mut n = ino;
        loop {
            at -= 1;
            self.0[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        at -= 6;
        self.0[at..at + 6].copy_from_slice(b"pipe:[");
        // Only ASCII was written.
        core::str::from_utf8(&self.0[at..]).unwrap_or("pipe:[]")
    }
}

static FIFOS_CLASS: LockClass = LockClass::new("pipe.fifos", rank::FIFO_TABLE);

/// The pipe of a FIFO that is open.
struct Fifo {
    dev: u64,
    ino: u64,
    pipe: Weak<Pipe>,
}

static FIFOS: Mutex<Vec<Fifo>> = Mutex::new(&FIFOS_CLASS, Vec::new());

/// The pipe of a FIFO, made if nobody has it open. ENOMEM.
fn pipe_of(inode: &Inode) -> Result<Arc<Pipe>> {
    let (dev, ino) = (inode.sb().dev(), inode.ino());
    let mut fifos = FIFOS.lock();
    fifos.retain(|fifo| fifo.pipe.strong_count() > 0);
    let known = fifos.iter().find(|fifo| (fifo.dev, fifo.ino) == (dev, ino));
    if let Some(pipe) = known.and_then(|fifo| fifo.pipe.upgrade()) {
        return Ok(pipe);
    }
    let pipe = new_pipe()?;
    fifos.try_push(Fifo {
        dev,
        ino,
        pipe: Arc::downgrade(&pipe),
    })?;
    Ok(pipe)
}

/// The pipe of an inode that pipe(2) made.
fn anonymous(inode: &Inode) -> Option<Arc<Pipe>> {
    inode.extra()?.clone().downcast().ok()
}

/// Opens FIFOs (fifo(7)).
struct Opener;

impl FifoOpener for Opener {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let flags = args.flags;
        let (reads, writes) = (flags.reads(), flags.writes());
        let nonblock = flags.contains(OpenFlags::NONBLOCK);
        if let Some(pipe) = anonymous(inode) {
            // A pipe without a name has had both its ends: nobody is waited for.
            return Ok(FileOpsRef::own(PipeEnd::open(&pipe, reads, writes)?.0));
        }
        let pipe = pipe_of(inode)?;
        if writes && !reads && nonblock && pipe.readers() == 0 {
            return Err(Errno::ENXIO);
        }
        let (mut end, before) = PipeEnd::open(&pipe, reads, writes)?;
        if reads && !writes && before.writers == 0 {
            if nonblock {
                if let Some(end) = Arc::get_mut(&mut end) {
                    end.seen_writers = Some(before.writer_opens);
                }
            } else {
                pipe.wait_for_partner(true, before.writer_opens)?;
            }
        }
        if writes && !reads && before.readers == 0 {
            // The last reader has gone since the look above.
            if nonblock {
                return Err(Errno::ENXIO);
            }
            pipe.wait_for_partner(false, before.reader_opens)?;
        }
        Ok(FileOpsRef::own(end))
    }
}

/// Makes FIFOs work. To be called once, when vfs stands.
pub fn init() {
    vfs::register_fifo(&Opener);
}
