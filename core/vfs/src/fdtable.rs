//! Tables of file descriptors.
//!
//! [`Files`] is a thread's right to change its table; threads that share one have one each. While nobody shares it, a
//! look-up takes no lock and no count ([`Files::file`]); else it holds the table's spinlock for an index and a count. An
//! [`FdTable`] is what others look through. Files are dropped with no lock held. A number can be reserved before its
//! file is open, so that a full table is found first.
use crate::fdslots::{OnExec, Slot, Table, index};
use crate::objects::File;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;
use core::sync::atomic::{AtomicU64, Ordering};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Look, Owned, Owner, Reach, rank};

static TABLE: LockClass = LockClass::new("files", rank::FILE_TABLE);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// No process has more descriptors: `/proc/sys/fs/nr_open`.
pub const NR_OPEN: u64 = 1 << 20;

/// The descriptors of a process, to be changed: one owner of a table that threads may share (`CLONE_FILES`).
pub struct Files {
    owner: Owner<Table, u64>,
    /// The file that a call works on if another thread could close it meanwhile: here, and not in the call's own frames, so
    /// that it is given back even when those are given up (an oops).
    lent: Option<Arc<File>>,
}

/// The same, to be looked at by anybody.
#[derive(Clone)]
pub struct FdTable(Arc<Owned<Table, u64>>);

/// The same for the time of a call: whether threads share it is asked once for all files that are looked up.
pub struct Reached<'a> {
    table: Reach<'a, Table, u64>,
    lent: &'a mut Option<Arc<File>>,
}

/// An open file for the time of a call: counted only if another thread could close it meanwhile.
pub struct FileRef<'a>(Ref<'a>);

enum Ref<'a> {
    /// The table's own reference.
    Borrowed(&'a Arc<File>),
    /// One more.
    Counted(Lent<'a>),
}

/// Given back when dropped.
struct Lent<'a>(&'a mut Option<Arc<File>>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        *self.0 = None;
    }
}

impl Deref for FileRef<'_> {
    type Target = Arc<File>;

    #[inline]
    fn deref(&self) -> &Arc<File> {
        match &self.0 {
            Ref::Borrowed(file) => file,
            Ref::Counted(lent) => lent.0.as_ref().expect("lent until it is dropped"),
        }
    }
}

/// A number that is taken until its file is open; dropped, it is free again.
#[must_use]
pub struct Reservation<'a> {
    files: &'a Files,
    fd: usize,
}

impl Reservation<'_> {
    /// The number.
    pub fn fd(&self) -> i32 {
        self.fd as i32
    }

    /// Gives the number its file.
    pub fn install(self, file: Arc<File>) -> i32 {
        let mut table = self.files.owner.lock();
        if let Some(slot) = table.slots.get_mut(self.fd) {
            let cloexec = matches!(slot, Slot::Reserved { cloexec: true });
            *slot = Slot::Open { file, cloexec };
        }
        drop(table);
        let fd = self.fd();
        core::mem::forget(self);
        fd
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.files.owner.lock().free(self.fd);
    }
}

/// EBADF for `O_PATH` files.
#[inline]
fn check_io(file: &File) -> Result<()> {
    if file.mode().contains(crate::FileMode::PATH) {
        Err(Errno::EBADF)
    } else {
        Ok(())
    }
}

/// The file of a descriptor in a table that threads share. EBADF.
#[inline(never)]
fn counted<'a>(
    owner: &Owner<Table, u64>,
    fd: i32,
    lent: &'a mut Option<Arc<File>>,
) -> Result<FileRef<'a>> {
    let file = owner.lock().file(fd)?.clone();
    *lent = Some(file);
    Ok(FileRef(Ref::Counted(Lent(lent))))
}

impl Reached<'_> {
    /// The file of a descriptor. EBADF.
    #[inline]
    pub fn file(&mut self, fd: i32) -> Result<FileRef<'_>> {
        match self.table {
            Reach::Alone(table) => Ok(FileRef(Ref::Borrowed(table.file(fd)?))),
            Reach::Shared(owner) => counted(owner, fd, self.lent),
        }
    }

    /// [`file`](Self::file), but EBADF for `O_PATH` files.
    #[inline]
    pub fn file_io(&mut self, fd: i32) -> Result<FileRef<'_>> {
        let file = self.file(fd)?;
        check_io(&file)?;
        Ok(file)
    }
}

impl FdTable {
    fn table(&self) -> Look<'_, Table> {
        self.0.look()
    }

    /// The file of a descriptor. EBADF.
    pub fn get(&self, fd: i32) -> Result<Arc<File>> {
        self.table().file(fd).cloned()
    }

    /// Its own number, which no other table has.
    pub fn id(&self) -> u64 {
        self.table().id
    }

    /// Whether a descriptor closes on exec. EBADF.
    pub fn on_exec(&self, fd: i32) -> Result<OnExec> {
        self.table().on_exec(fd)
    }

    /// The first open descriptor from `fd` on, with its file (for `/proc/PID/fd`).
    pub fn next(&self, fd: i32) -> Option<(i32, Arc<File>)> {
        let table = self.table();
        let from = usize::try_from(fd).ok()?;
        table
            .slots
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(at, slot)| match slot {
                Slot::Open { file, .. } => Some((at as i32, file.clone())),
                _ => None,
            })
    }

    /// Length of the table: `FDSize` in `/proc/PID/status`.
    pub fn capacity(&self) -> usize {
        self.table().slots.len()
    }
}

impl Files {
    /// Without any descriptor. ENOMEM.
    pub fn new() -> Result<Self> {
        Self::with(Vec::new())
    }

    fn with(slots: Vec<Slot>) -> Result<Self> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let data = try_arc(Owned::new(&TABLE, id, Table::new(id, slots)))?;
        let owner = Owner::first(data).ok_or(Errno::ENOMEM)?; // it is the first
        Ok(Self { owner, lent: None })
    }

    /// A copy for a child (fork without `CLONE_FILES`). ENOMEM.
    pub fn try_clone(&self) -> Result<Self> {
        let mut slots = Vec::new();
        loop {
            let want = self.owner.lock().slots.len();
            // Room first: no large allocation under the lock.
            slots.try_resize(want, Slot::Free)?;
            let table = self.owner.lock();
            if table.slots.len() > slots.len() {
                continue;
            }
            for (to, from) in slots.iter_mut().zip(&table.slots) {
                if let Slot::Open { .. } = from {
                    to.clone_from(from);
                }
            }
            break;
        }
        Self::with(slots)
    }

    /// The same table for a thread that shares it (`CLONE_FILES`).
    #[must_use]
    pub fn share(&mut self) -> Self {
        Self {
            owner: self.owner.share(),
            lent: None,
        }
    }

    /// Whether threads share it.
    pub fn is_shared(&self) -> bool {
        self.owner.is_shared()
    }

    /// For those who look at it.
    pub fn view(&self) -> FdTable {
        FdTable(self.owner.data().clone())
    }

    /// Names the table as owner of record locks.
    pub fn id(&self) -> u64 {
        *self.owner.data().plain()
    }

    /// The table for a call that looks up many files.
    #[inline]
    pub fn reach(&mut self) -> Reached<'_> {
        Reached {
            table: self.owner.reach(),
            lent: &mut self.lent,
        }
    }

    /// The file of a descriptor, for the time of a call. EBADF.
    #[inline]
    pub fn file(&mut self, fd: i32) -> Result<FileRef<'_>> {
        match self.owner.reach() {
            Reach::Alone(table) => Ok(FileRef(Ref::Borrowed(table.file(fd)?))),
            Reach::Shared(owner) => counted(owner, fd, &mut self.lent),
        }
    }

    /// [`file`](Self::file), but EBADF for `O_PATH` files: for calls that do something with a file.
    #[inline]
    pub fn file_io(&mut self, fd: i32) -> Result<FileRef<'_>> {
        let file = self.file(fd)?;
        check_io(&file)?;
        Ok(file)
    }

    /// The file of a descriptor. EBADF.
    pub fn get(&self, fd: i32) -> Result<Arc<File>> {
        self.owner.lock().file(fd).cloned()
    }

    /// [`get`](Self::get), but EBADF for `O_PATH` files.
    pub fn get_io(&self, fd: i32) -> Result<Arc<File>> {
        let file = self.get(fd)?;
        check_io(&file)?;
        Ok(file)
    }

    /// Length of the table.
    pub fn capacity(&self) -> usize {
        self.owner.lock().slots.len()
    }

    /// Whether a descriptor closes on exec. EBADF.
    pub fn on_exec(&self, fd: i32) -> Result<OnExec> {
        self.owner.lock().on_exec(fd)
    }

    /// Takes the lowest free number from `min` on; `limit` is `RLIMIT_NOFILE`. EMFILE, ENOMEM.
    pub fn reserve(&self, min: usize, limit: u64, on_exec: OnExec) -> Result<Reservation<'_>> {
        let mut table = self.owner.lock();
        let fd = table.find_free(min, limit.min(NR_OPEN) as usize)?;
        table.slots[fd] = Slot::Reserved {
            cloexec: on_exec == OnExec::Close,
        };
        Ok(Reservation { files: self, fd })
    }

    /// Gives `file` the lowest free number from `min` on. EMFILE, ENOMEM.
    pub fn alloc(&self, min: usize, limit: u64, file: Arc<File>, on_exec: OnExec) -> Result<i32> {
        let mut table = self.owner.lock();
        let fd = table.find_free(min, limit.min(NR_OPEN) as usize)?;
        table.slots[fd] = Slot::Open {
            file,
            cloexec: on_exec == OnExec::Close,
        };
        Ok(fd as i32)
    }

    /// dup2(2), dup3(2): `new` becomes a duplicate of `old`; what it was is closed. EBADF; EBUSY: `new` is being opened;
    /// ENOMEM. The caller handles `old == new`.
    pub fn dup_to(&self, old: i32, new: i32, limit: u64, on_exec: OnExec) -> Result<i32> {
        let at = index(new)?;
        let file = self.get(old)?;
        if at as u64 >= limit.min(NR_OPEN) {
            return Err(Errno::EBADF);
        }
        let was = {
            let mut table = self.owner.lock();
            table.grow_to(at)?;
            if matches!(table.slots[at], Slot::Reserved { .. }) {
                return Err(Errno::EBUSY);
            }
            let slot = Slot::Open {
                file,
                cloexec: on_exec == OnExec::Close,
            };
            core::mem::replace(&mut table.slots[at], slot)
        };
        if let Slot::Open { file, .. } = was {
            let _ = file.close(self.id());
        }
        Ok(new)
    }

    /// close(2). EBADF; what flushing the file says.
    pub fn close(&self, fd: i32) -> Result<()> {
        let slot = {
            let mut table = self.owner.lock();
            match table.slots.get(index(fd)?) {
                Some(Slot::Open { .. }) => table.free(fd as usize),
                _ => return Err(Errno::EBADF),
            }
        };
        match slot {
            Slot::Open { file, .. } => file.close(self.id()),
            _ => Ok(()),
        }
    }

    /// close_range(2): closes `first..=last`, or marks them to close on exec.
    pub fn close_range(&self, first: u32, last: u32, mark_only: bool) {
        let mut fd = first as usize;
        loop {
            let closed = {
                let mut table = self.owner.lock();
                let end = table.slots.len().min((last as usize).saturating_add(1));
                let open = (fd..end).find(|fd| matches!(table.slots[*fd], Slot::Open { .. }));
                let Some(found) = open else { return };
                fd = found;
                match &mut table.slots[fd] {
                    Slot::Open { cloexec, .. } if mark_only => {
                        *cloexec = true;
                        None
                    }
                    _ => Some(table.free(fd)),
                }
            };
            if let Some(Slot::Open { file, .. }) = closed {
                let _ = file.close(self.id());
            }
            fd += 1;
        }
    }

    /// Closes what closes on exec.
    pub fn close_on_exec(&self) {
        let mut fd = 0;
        loop {
            let slot = {
                let mut table = self.owner.lock();
                let marked = |s: &Slot| matches!(s, Slot::Open { cloexec: true, .. });
                let Some(at) = table.slots.iter().skip(fd).position(marked) else {
                    return;
                };
                fd += at;
                table.free(fd)
            };
            if let Slot::Open { file, .. } = slot {
                let _ = file.close(self.id());
            }
        }
    }

    /// Says whether a descriptor closes on exec. EBADF.
    pub fn set_on_exec(&self, fd: i32, on_exec: OnExec) -> Result<()> {
        match self.owner.lock().slots.get_mut(index(fd)?) {
            Some(Slot::Open { cloexec, .. }) => {
                *cloexec = on_exec == OnExec::Close;
                Ok(())
            }
            _ => Err(Errno::EBADF),
        }
    }
}
