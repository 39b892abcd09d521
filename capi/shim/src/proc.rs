//! `linux/proc_fs.h`.
use crate::enter;
use crate::export::exports;
use crate::foreign::{self, Name};
use crate::layout::{CFile, CInode, ProcOps};
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use kmem::user::UserBuf;
use kmem::{try_arc, try_box};
use module::Module;
use procfs::{Content, Entry, Opener};
use sync::{Once, WaitQueue};
use vfs::{File, FileOps, FileOpsRef, Inode, Io, OpenArgs};

/// A file that a module added, or a directory (which has no operations).
pub(crate) struct ProcFile {
    module: Arc<Module>,
    ops: ProcOps,
    data: usize,
    entry: Once<Arc<Entry>>,
    /// It was removed: nothing is called any more.
    gone: AtomicBool,
    /// Calls under way.
    inside: AtomicUsize,
    empty: WaitQueue,
}

/// One call; it keeps removal waiting.
struct Visit<'a>(&'a ProcFile);

impl ProcFile {
    fn visit(&self) -> Result<Visit<'_>> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        let visit = Visit(self);
        if self.gone.load(Ordering::SeqCst) {
            return Err(Errno::EIO);
        }
        Ok(visit)
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.0.inside.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.empty.wake_all();
        }
    }
}

struct Opened {
    proc: Arc<ProcFile>,
    file: Box<CFile>,
    _inode: Box<CInode>,
}

struct ProcOpener(Arc<ProcFile>);

impl Opener for ProcOpener {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let proc = &self.0;
        let visit = proc.visit()?;
        let c_inode = try_box(CInode {
            mode: inode.mode() as u16,
            pad: [0; 3],
            number: inode.ino(),
            rdev: 0,
            uid: 0,
            gid: 0,
            pad2: 0,
            size: 0,
            cdev: 0,
            private: proc.data,
        })?;
        let file = try_box(CFile {
            mode: (args.flags.bits() + 1) & 3,
            flags: args.flags.bits(),
            pos: 0,
            private_data: 0,
            ops: 0,
            inode: &raw const *c_inode as usize,
            handle: 0,
        })?;
        if proc.ops.open != 0 {
            let arguments = [file.inode as u64, &raw const *file as u64, 0, 0, 0, 0];
            enter::call_int(&proc.module, proc.ops.open, &arguments)?;
        }
        drop(visit);
        let opened = Opened {
            proc: proc.clone(),
            file,
            _inode: c_inode,
        };
        Ok(FileOpsRef::Own(try_arc(opened)?))
    }
}

impl Opened {
    /// Moves data by one of the module's functions, a segment of user memory at a time.
    fn transfer(&self, function: usize, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if function == 0 {
            return Err(Errno::EIO);
        }
        // A module's function knows user memory only: sendfile(2) is told so, and its callers read then.
        if buf.is_kernel() {
            return Err(Errno::EINVAL);
        }
        let _visit = self.proc.visit()?;
        let mut done = 0;
        let mut pos = io.pos as i64;
        while let Some((at, len)) = buf.segment() {
            let arguments = [
                &raw const *self.file as u64,
                at.0 as u64,
                len as u64,
                &raw mut pos as u64,
                0,
                0,
            ];
            let answer = match enter::call_long(&self.proc.module, function, &arguments) {
                Ok(answer) => (answer.max(0) as usize).min(len),
                Err(_) if done != 0 => break,
                Err(e) => return Err(e),
            };
            buf.advance(answer);
            done += answer;
            if answer < len {
                break;
            }
        }
        io.pos = pos as u64;
        Ok(done)
    }
}

impl FileOps for Opened {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.transfer(self.proc.ops.read, buf, io)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.transfer(self.proc.ops.write, buf, io)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        let function = self.proc.ops.lseek;
        if function == 0 {
            return Err(Errno::ESPIPE);
        }
        let _visit = self.proc.visit()?;
        let _ = file;
        let arguments = [
            &raw const *self.file as u64,
            offset as u64,
            whence.into(),
            0,
            0,
            0,
        ];
        enter::call_long(&self.proc.module, function, &arguments).map(|at| at as u64)
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        let function = self.proc.ops.ioctl;
        if function == 0 {
            return Err(Errno::ENOTTY);
        }
        let _visit = self.proc.visit()?;
        let arguments = [
            &raw const *self.file as u64,
            cmd.into(),
            arg as u64,
            0,
            0,
            0,
        ];
        enter::call_long(&self.proc.module, function, &arguments).map(|answer| answer as usize)
    }

    fn release(&self, _file: &File) {
        let function = self.proc.ops.release;
        if let (true, Ok(_visit)) = (function != 0, self.proc.visit()) {
            let arguments = [
                self.file.inode as u64,
                &raw const *self.file as u64,
                0,
                0,
                0,
                0,
            ];
            let _ = enter::call_int(&self.proc.module, function, &arguments);
        }
    }
}

/// Takes an entry away; waits for calls under way.
fn withdraw(proc: &ProcFile) {
    proc.gone.store(true, Ordering::SeqCst);
    if let Some(entry) = proc.entry.get() {
        procfs::remove(entry);
    }
    proc.empty
        .wait_event(|| proc.inside.load(Ordering::SeqCst) == 0);
}

/// An entry of /proc; the object is a [`ProcFile`].
static ENTRY: Kind = Kind {
    name: "proc entry",
    give_back: |_, resource| {
        if let Some(file) = resource.object::<ProcFile>() {
            withdraw(&file);
        }
    },
};

/// The entry of a handle that a module passes as a parent; none for NULL.
fn parent(handle: usize) -> Result<Option<Arc<Entry>>> {
    if handle == 0 {
        return Ok(None);
    }
    let file = ledger::with(handle, &ENTRY, Resource::object::<ProcFile>).flatten();
    let entry = file.and_then(|file| file.entry.get().cloned());
    entry.map(Some).ok_or(Errno::EINVAL)
}

fn make(
    name: usize,
    mode: u32,
    parent_handle: usize,
    ops: Option<usize>,
    data: usize,
) -> Result<usize> {
    let name = Name::<256>::read(name).map_err(|_| Errno::EFAULT)?;
    let mut table = ProcOps::default();
    if let Some(ops) = ops {
        let mut words = [0; size_of::<ProcOps>() / 8];
        for (at, word) in words.iter_mut().enumerate() {
            *word = foreign::read_u64(ops + at * 8).map_err(|_| Errno::EFAULT)? as usize;
        }
        let [
            flags,
            open,
            read,
            read_iter,
            write,
            lseek,
            release,
            poll,
            ioctl,
            compat_ioctl,
            mmap,
            get_unmapped_area,
        ] = words;
        table = ProcOps {
            flags: flags as u32,
            open,
            read,
            read_iter,
            write,
            lseek,
            release,
            poll,
            ioctl,
            compat_ioctl,
            mmap,
            get_unmapped_area,
        };
    }
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let file = try_arc(ProcFile {
        module,
        ops: table,
        data,
        entry: Once::new(),
        gone: AtomicBool::new(false),
        inside: AtomicUsize::new(0),
        empty: WaitQueue::new(),
    })?;
    let content = match ops {
        Some(_) => Content::File(try_arc(ProcOpener(file.clone()))?),
        None => Content::Directory,
    };
    let mode = match (mode & 0o7777, ops) {
        (0, Some(_)) => 0o444,
        (0, None) => 0o555,
        (mode, _) => mode,
    };
    let above = parent(parent_handle)?;
    let entry = procfs::create(above.as_ref(), name.as_bytes(), mode, content)?;
    let handle = Arc::as_ptr(&entry) as usize;
    let _ = file.entry.set(entry);
    let resource = Resource {
        kind: &ENTRY,
        words: [0; 2],
        object: Some(file),
    };
    ledger::enter_or_undo(handle, resource)?;
    Ok(handle)
}

/// `proc_create_data(name, mode, parent, ops, data)`.
extern "C" fn proc_create_data(
    name: usize,
    mode: u32,
    parent: usize,
    ops: usize,
    data: usize,
) -> usize {
    make(name, mode, parent, Some(ops), data).unwrap_or(0)
}

/// `proc_create(name, mode, parent, ops)`.
extern "C" fn proc_create(name: usize, mode: u32, parent: usize, ops: usize) -> usize {
    make(name, mode, parent, Some(ops), 0).unwrap_or(0)
}

/// `proc_mkdir(name, parent)`.
extern "C" fn proc_mkdir(name: usize, parent: usize) -> usize {
    make(name, 0, parent, None, 0).unwrap_or(0)
}

/// `proc_remove(entry)`: nothing for NULL.
extern "C" fn proc_remove(entry: usize) {
    if entry == 0 {
        return;
    }
    match ledger::take(entry, &ENTRY) {
        Some(resource) => (ENTRY.give_back)(entry, resource),
        None => enter::misuse("proc_remove of what is no entry"),
    }
}

exports![proc_create, proc_create_data, proc_mkdir, proc_remove];
