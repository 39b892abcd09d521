//! Files in /proc whose text a function writes, and which may take text.
use crate::alloc::{KBox, KVec, Text, flags::GFP_KERNEL};
use crate::bindings::{self, CFile, CInode, ProcOps};
use crate::error::{Result, code};
use crate::miscdevice::answer;
use crate::uaccess::{UserSlice, UserSliceReader};
use core::ffi::{CStr, c_int, c_void};
use core::fmt::Write;

/// What a file shows and takes. Several programs may call at once.
pub trait ProcFile: Send + Sync + 'static {
    /// Writes the whole text; called when a program opens the file to read.
    fn show(&self, text: &mut dyn Write) -> Result;

    /// Takes what a program writes and says how much of it.
    fn write(&self, _from: &mut UserSliceReader) -> Result<usize> {
        Err(code::EIO)
    }
}

struct Inner<T> {
    ops: ProcOps,
    file: T,
}

/// A file in /proc; it goes when this is dropped, once no call is under way.
pub struct ProcEntry<T: ProcFile> {
    entry: *mut c_void,
    inner: *mut Inner<T>,
}

// SAFETY: the file is shared by all who call, which `ProcFile` asks for.
unsafe impl<T: ProcFile> Send for ProcEntry<T> {}
// SAFETY: as above.
unsafe impl<T: ProcFile> Sync for ProcEntry<T> {}

/// What an open file holds.
struct Opened<T> {
    text: KVec<u8>,
    inner: *const Inner<T>,
}

impl<T: ProcFile> ProcEntry<T> {
    /// Makes a file with these permissions (0: everybody reads).
    pub fn new(name: &CStr, mode: u16, file: T) -> Result<Self> {
        let ops = ProcOps {
            flags: 0,
            open: Some(open::<T>),
            read: Some(read::<T>),
            read_iter: 0,
            write: Some(write::<T>),
            lseek: Some(bindings::default_llseek),
            release: Some(release::<T>),
            rest: [0; 5],
        };
        let inner = KBox::new(Inner { ops, file }, GFP_KERNEL)?.into_raw();
        // SAFETY: the operations stay where they are until the entry is gone.
        let entry = unsafe {
            bindings::proc_create_data(
                name.as_ptr(),
                mode,
                core::ptr::null_mut(),
                &raw const (*inner).ops,
                inner.cast(),
            )
        };
        if entry.is_null() {
            // SAFETY: nobody knows of it.
            drop(unsafe { KBox::from_raw(inner) });
            return Err(code::ENOMEM);
        }
        Ok(Self { entry, inner })
    }
}

impl<T: ProcFile> core::ops::Deref for ProcEntry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it is there as long as the entry is.
        unsafe { &(*self.inner).file }
    }
}

impl<T: ProcFile> Drop for ProcEntry<T> {
    fn drop(&mut self) {
        // SAFETY: it is there; when this returns nobody is in it and nobody comes any more, files that are open included.
        unsafe {
            bindings::proc_remove(self.entry);
            drop(KBox::from_raw(self.inner));
        }
    }
}

/// `FMODE_READ`.
const READABLE: u32 = 1;

unsafe extern "C" fn open<T: ProcFile>(inode: *mut CInode, file: *mut CFile) -> c_int {
    // SAFETY: `proc_create_data` was given it; the entry is there while a call is under way.
    let inner: *const Inner<T> = unsafe { (*inode).private.cast() };
    let mut text = Text(KVec::new());
    // SAFETY: as above; the file is ours during its open.
    let shown = match unsafe { (*file).mode } & READABLE {
        0 => Ok(()),
        // SAFETY: as above.
        _ => unsafe { (*inner).file.show(&mut text) },
    };
    let text = text.0;
    let opened = shown.and_then(|()| Ok(KBox::new(Opened { text, inner }, GFP_KERNEL)?));
    match opened {
        Ok(opened) => {
            // SAFETY: the file is ours during its open.
            unsafe { (*file).private_data = opened.into_raw().cast() };
            0
        }
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn read<T: ProcFile>(
    file: *mut CFile,
    to: *mut c_void,
    length: usize,
    position: *mut i64,
) -> isize {
    // SAFETY: `open` put it there; the kernel checks the program's memory.
    unsafe {
        let opened: *const Opened<T> = (*file).private_data.cast();
        let text = &(*opened).text;
        bindings::simple_read_from_buffer(to, length, position, text.as_ptr().cast(), text.len())
    }
}

unsafe extern "C" fn write<T: ProcFile>(
    file: *mut CFile,
    from: *const c_void,
    length: usize,
    _position: *mut i64,
) -> isize {
    // SAFETY: `open` put it there, and the entry is there while a call is under way.
    let shown = unsafe {
        let opened: *const Opened<T> = (*file).private_data.cast();
        &(*(*opened).inner).file
    };
    let mut from = UserSlice::new(from as usize, length).reader();
    answer(shown.write(&mut from))
}

unsafe extern "C" fn release<T: ProcFile>(_inode: *mut CInode, file: *mut CFile) -> c_int {
    // SAFETY: `open` put it there, and this is the last call.
    drop(unsafe { KBox::<Opened<T>>::from_raw((*file).private_data.cast()) });
    0
}
