//! Open files whose operations a module has: character devices, `/proc` and debugfs files.
//!
//! A module sees a `struct file` and a `struct inode` of each open file's own; position and flags are brought up to date
//! before each call, and what the module changed is taken over after it.
use crate::calls::Calls;
use crate::enter;
use crate::fasync;
use crate::layout::{CFile, CInode, POLL_QUEUES, PollCollector};
use crate::ledger::{self, Kind, Resource};
use crate::mapping;
use crate::park;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};
use kernfs::{Gate, Pass};
use kmem::user::UserBuf;
use kmem::{try_arc, try_box};
use module::Module;
use vfs::{
    File, FileOps, FileOpsRef, Inode, Io, MapObject, OpenArgs, OpenFlags, PollEvents, PollTable,
};

mod moving;

use moving::{READ, WRITE};

/// `FMODE_LSEEK`, `FMODE_PREAD`, `FMODE_PWRITE`: what `nonseekable_open` takes away.
const POSITIONS: u32 = 4 | 8 | 16;
/// `ENOIOCTLCMD`.
const NO_COMMAND: i32 = 515;

/// What an open file of a module's is made of.
pub(crate) struct Source<'a> {
    pub(crate) module: &'a Arc<Module>,
    /// What closes before the module goes; a character device's files go on until it does.
    pub(crate) gate: Option<Arc<Gate>>,
    /// Whether a file that is still open when its gate closes is released then ([`release_behind`]), and not when it is closed.
    pub(crate) ends_with_gate: bool,
    pub(crate) calls: Calls,
    /// Address of the operations.
    pub(crate) ops: usize,
    /// `i_cdev` and `i_private`.
    pub(crate) cdev: usize,
    pub(crate) private: usize,
    /// What `private_data` is before open.
    pub(crate) data: usize,
    /// What is given back with the file.
    pub(crate) users: [Option<Arc<Module>>; 2],
}

/// One use more of each owner. ENXIO: one is on its way out.
pub(crate) fn keep(owners: &[Option<Arc<Module>>; 2]) -> Result<[Option<Arc<Module>>; 2]> {
    let [first, second] = owners;
    if first.as_ref().is_some_and(|owner| !owner.get()) {
        return Err(Errno::ENXIO);
    }
    if second.as_ref().is_some_and(|owner| !owner.get()) {
        if let Some(owner) = first {
            owner.put();
        }
        return Err(Errno::ENXIO);
    }
    Ok(owners.clone())
}

/// Uses of modules that end with the open file.
struct Users([Option<Arc<Module>>; 2]);

impl Drop for Users {
    fn drop(&mut self) {
        self.0.iter().flatten().for_each(|module| module.put());
    }
}

/// An open file that ends with its gate; the object is an [`Opened`], the word its gate's address. Taking the line is the
/// right to release the file.
static OPEN: Kind = Kind {
    name: "open file",
    give_back: |_, resource| {
        if let Some(opened) = resource.object::<Opened>() {
            opened.call_release();
        }
    },
};

/// Releases the files that are still open behind a closed gate, after what they show in memory went.
pub(crate) fn release_behind(gate: &Arc<Gate>) {
    mapping::revoke_behind(gate);
    let behind = |resource: &Resource| resource.words[0] == Arc::as_ptr(gate) as usize;
    while let Some((handle, resource)) = ledger::take_where(&OPEN, behind) {
        (OPEN.give_back)(handle, resource);
    }
}

/// An open file.
pub(crate) struct Opened {
    module: Arc<Module>,
    gate: Option<Arc<Gate>>,
    ends_with_gate: bool,
    calls: Calls,
    file: Box<CFile>,
    inode: Box<CInode>,
    stream: bool,
    _users: Users,
}

impl Opened {
    /// Opens: makes what the module sees and calls its `open`.
    ///
    /// # Errors
    /// What the module answers; `EIO`: it is in quarantine, or crashed; `ENOENT`: the gate is closed; `ENOMEM`.
    pub(crate) fn open(
        source: Source<'_>,
        inode: &Inode,
        args: &OpenArgs<'_>,
    ) -> Result<FileOpsRef> {
        let users = Users(source.users);
        let c_inode = try_box(CInode {
            mode: inode.mode() as u16,
            pad: [0; 3],
            number: inode.ino(),
            rdev: crate::layout::number(inode.rdev()),
            uid: inode.uid().0,
            gid: inode.gid().0,
            pad2: 0,
            size: inode.size() as i64,
            cdev: source.cdev,
            private: AtomicUsize::new(source.private),
        })?;
        let mode = (args.flags.bits() + 1) & 3 | POSITIONS;
        let file = try_box(CFile {
            mode: AtomicU32::new(mode),
            flags: AtomicU32::new(args.flags.bits()),
            pos: AtomicI64::new(0),
            private_data: AtomicUsize::new(source.data),
            ops: AtomicUsize::new(source.ops),
            inode: &raw const *c_inode as usize,
            handle: 0,
        })?;
        let mut opened = try_arc(Self {
            module: source.module.clone(),
            gate: source.gate.clone(),
            ends_with_gate: source.ends_with_gate,
            calls: source.calls,
            file,
            inode: c_inode,
            stream: false,
            _users: users,
        })?;
        // Until the file is among those that are open: who closes the gate finds it there.
        let gate = source.gate.as_deref();
        let _pass = gate
            .map(|gate| gate.pass().ok_or(Errno::ENOENT))
            .transpose()?;
        if let Some(alone) = Arc::get_mut(&mut opened) {
            alone.call_open()?;
        }
        if let Some(gate) = source.gate.as_ref().filter(|_| source.ends_with_gate) {
            let resource = Resource {
                kind: &OPEN,
                words: [Arc::as_ptr(gate) as usize, 0],
                object: Some(opened.clone()),
            };
            ledger::enter_or_undo(opened.handle(), resource)?;
        }
        Ok(FileOpsRef::own(opened))
    }

    fn handle(&self) -> usize {
        core::ptr::from_ref(self) as usize
    }

    fn call_open(&mut self) -> Result<()> {
        let before = self.file.ops.load(Ordering::Relaxed);
        if self.calls.open != 0 {
            let arguments = self.inode_and_file();
            enter::call_int(&self.module, self.calls.open, &arguments)?;
        }
        // `open` may have put other operations in place of its own.
        let ops = self.file.ops.load(Ordering::Relaxed);
        if ops != before {
            self.calls = Calls::of_file(ops)?;
        }
        self.stream = self.file.mode.load(Ordering::Relaxed) & POSITIONS == 0;
        Ok(())
    }

    fn pass(&self) -> Result<Option<Pass<'_>>> {
        match &self.gate {
            None => Ok(None),
            Some(gate) => gate.pass().map(Some).ok_or(Errno::EIO),
        }
    }

    fn inode_and_file(&self) -> [u64; 6] {
        let (inode, file) = (&raw const *self.inode as u64, &raw const *self.file as u64);
        [inode, file, 0, 0, 0, 0]
    }

    /// The address of the module's `struct file`, with the flags of now and `pos`.
    fn refreshed(&self, file: &File, pos: u64) -> u64 {
        self.file
            .flags
            .store(file.flags().bits(), Ordering::Relaxed);
        if !self.stream {
            self.file.pos.store(pos as i64, Ordering::Relaxed);
        }
        &raw const *self.file as u64
    }

    /// Takes over a position that the module set by itself.
    fn take_position(&self, file: &File, before: u64) {
        let now = self.file.pos.load(Ordering::Relaxed) as u64;
        if now != before && !self.stream {
            file.set_pos(now);
        }
    }

    fn call_release(&self) {
        if self.calls.release != 0 {
            let arguments = self.inode_and_file();
            let _ = enter::call_int(&self.module, self.calls.release, &arguments);
        }
    }

    /// Has the module tell the file's owner by signals from now on, or no more; a file that is closed has no descriptor.
    fn tell_async(&self, file: &File, fd: i32) -> Result<()> {
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, file.pos());
        let on = file.flags().contains(OpenFlags::ASYNC) && fd >= 0;
        if on {
            fasync::know(at_file as usize, file.owner_or_new()?.clone())?;
        }
        let arguments = [fd as u64, at_file, on.into(), 0, 0, 0];
        enter::call_int(&self.module, self.calls.fasync, &arguments).map(drop)
    }

    /// Asks the module what the file is ready for; the queues it names come into `queues`.
    fn ask(&self, file: &File, queues: &mut PollCollector) -> PollEvents {
        let Ok(_pass) = self.pass() else {
            return PollEvents::ERR | PollEvents::HUP;
        };
        let at_file = self.refreshed(file, file.pos());
        let arguments = [at_file, &raw mut *queues as u64, 0, 0, 0, 0];
        match enter::call(&self.module, self.calls.poll, &arguments) {
            Ok(events) => PollEvents::from_bits_truncate(events as u32),
            Err(_) => PollEvents::ERR | PollEvents::HUP,
        }
    }
}

impl FileOps for Opened {
    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.transfer::<READ>(self.calls.read, file, buf, io)
    }

    fn write(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.transfer::<WRITE>(self.calls.write, file, buf, io)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        let function = self.calls.llseek;
        if function == 0 {
            return Err(Errno::ESPIPE);
        }
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, file.pos());
        let arguments = [at_file, offset as u64, whence.into(), 0, 0, 0];
        enter::call_long(&self.module, function, &arguments).map(|at| at as u64)
    }

    fn is_stream(&self) -> bool {
        self.stream
    }

    fn ioctl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        let function = self.calls.ioctl;
        if function == 0 {
            return Err(Errno::ENOTTY);
        }
        let _pass = self.pass()?;
        let before = file.pos();
        let at_file = self.refreshed(file, before);
        let arguments = [at_file, cmd.into(), arg as u64, 0, 0, 0];
        let answer = enter::call_long(&self.module, function, &arguments);
        let answer = answer.map_err(|error| match error.code() {
            NO_COMMAND => Errno::ENOTTY,
            _ => error,
        })?;
        self.take_position(file, before);
        Ok(answer as usize)
    }

    fn poll(&self, file: &File, table: &mut PollTable<'_>) -> PollEvents {
        if self.calls.poll == 0 {
            return PollEvents::ALWAYS;
        }
        let mut queues = PollCollector {
            wanted: table.wanted.bits().into(),
            count: 0,
            queues: [0; POLL_QUEUES],
        };
        let ready = self.ask(file, &mut queues);
        if !table.collects() || !ready.is_empty() {
            return ready;
        }
        let count = (queues.count as usize).min(POLL_QUEUES);
        for queue in &queues.queues[..count] {
            park::poll(*queue, table);
        }
        // What came before we waited there is seen now.
        queues.count = 0;
        self.ask(file, &mut queues)
    }

    fn can_poll(&self) -> bool {
        self.calls.poll != 0
    }

    fn mmap(&self, file: &Arc<File>) -> Result<Arc<dyn MapObject>> {
        if self.calls.mmap == 0 {
            return Err(self.calls.cannot_map);
        }
        let owner = mapping::Owner {
            module: self.module.clone(),
            gate: self.gate.clone(),
            at_file: self.refreshed(file, file.pos()) as usize,
            function: self.calls.mmap,
        };
        mapping::new(file, owner)
    }

    fn fsync(&self, file: &File, data_only: bool) -> Result<()> {
        if self.calls.fsync == 0 {
            return Err(Errno::EINVAL);
        }
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, file.pos());
        let arguments = [at_file, 0, i64::MAX as u64, data_only.into(), 0, 0];
        enter::call_int(&self.module, self.calls.fsync, &arguments).map(drop)
    }

    fn flush(&self, file: &File) -> Result<()> {
        if self.calls.flush == 0 {
            return Ok(());
        }
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, file.pos());
        enter::call_int(&self.module, self.calls.flush, &[at_file, 0, 0, 0, 0, 0]).map(drop)
    }

    fn flags_changed(&self, file: &File, old: OpenFlags, fd: i32) -> Result<()> {
        self.refreshed(file, file.pos());
        let changed = file.flags() ^ old;
        match changed.contains(OpenFlags::ASYNC) && self.calls.fasync != 0 {
            true => self.tell_async(file, fd),
            false => Ok(()),
        }
    }

    fn release(&self, file: &File) {
        if self.calls.fasync != 0 {
            if file.flags().contains(OpenFlags::ASYNC) {
                let _ = self.tell_async(file, -1);
            }
            // Whether the module took it off its lists or not.
            fasync::forget(&raw const *self.file as usize);
        }
        self.refreshed(file, file.pos());
        if !self.ends_with_gate {
            self.call_release();
        } else if let Ok(_pass) = self.pass()
            && let Some(resource) = ledger::take(self.handle(), &OPEN)
        {
            (OPEN.give_back)(self.handle(), resource);
        }
    }
}
