//! Devices of their own in /dev, with a minor number of major 10.
use crate::ThisModule;
use crate::alloc::{KBox, flags::GFP_KERNEL};
use crate::bindings::{self, CFile, CInode, FileOperations};
use crate::error::{Result, code, to_result};
use crate::fs::File;
use crate::sync::Arc;
use crate::uaccess::{UserSlice, UserSliceReader, UserSliceWriter};
use core::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use core::marker::PhantomData;
use core::ops::Deref;

/// What a device is to be.
#[derive(Clone, Copy, Debug)]
pub struct MiscDeviceOptions {
    /// Its name in /dev.
    pub name: &'static CStr,
    /// Who may open it; 0: the superuser.
    pub mode: u16,
}

impl MiscDeviceOptions {
    /// With a name, for the superuser.
    #[must_use]
    pub const fn new(name: &'static CStr) -> Self {
        Self { name, mode: 0 }
    }
}

/// What an open file can own: it becomes a pointer in the kernel's `struct file`.
pub trait ForeignOwnable: Sized {
    /// What is behind it.
    type Target;
    /// Gives it away.
    fn into_foreign(self) -> *mut c_void;
    /// # Safety
    /// `at` comes from `into_foreign` and is taken back once.
    unsafe fn from_foreign(at: *mut c_void) -> Self;
    /// # Safety
    /// `at` comes from `into_foreign` and is not taken back during the borrow.
    unsafe fn borrow<'a>(at: *mut c_void) -> &'a Self::Target;
}

impl<T> ForeignOwnable for KBox<T> {
    type Target = T;

    fn into_foreign(self) -> *mut c_void {
        self.into_raw().cast()
    }

    unsafe fn from_foreign(at: *mut c_void) -> Self {
        // SAFETY: as the caller says.
        unsafe { Self::from_raw(at.cast()) }
    }

    unsafe fn borrow<'a>(at: *mut c_void) -> &'a T {
        // SAFETY: as the caller says.
        unsafe { &*at.cast() }
    }
}

impl<T> ForeignOwnable for Arc<T> {
    type Target = T;

    fn into_foreign(self) -> *mut c_void {
        self.into_raw().cast()
    }

    unsafe fn from_foreign(at: *mut c_void) -> Self {
        // SAFETY: as the caller says.
        unsafe { Self::from_raw(at.cast()) }
    }

    unsafe fn borrow<'a>(at: *mut c_void) -> &'a T {
        // SAFETY: as the caller says.
        unsafe { Arc::borrow(at.cast()) }
    }
}

impl ForeignOwnable for () {
    type Target = ();

    fn into_foreign(self) -> *mut c_void {
        core::ptr::null_mut()
    }

    unsafe fn from_foreign(_: *mut c_void) -> Self {}

    unsafe fn borrow<'a>(_: *mut c_void) -> &'a () {
        &()
    }
}

/// What a device does. Several programs may call at once.
pub trait MiscDevice: Sized + 'static {
    /// What belongs to each open file.
    type Ptr: ForeignOwnable<Target: Sync> + Send;

    /// A program opens it.
    fn open(file: &File<'_>, misc: &MiscDeviceRegistration<Self>) -> Result<Self::Ptr>;

    /// The last one who had the file has closed it.
    fn release(device: Self::Ptr, _file: &File<'_>) {
        drop(device);
    }

    /// Puts bytes from `position` on into `to`, moves `position`, and says how many; 0 is the end.
    fn read(
        _device: &<Self::Ptr as ForeignOwnable>::Target,
        _file: &File<'_>,
        _to: &mut UserSliceWriter,
        _position: &mut i64,
    ) -> Result<usize> {
        Err(code::EINVAL)
    }

    /// Takes bytes and says how many.
    fn write(
        _device: &<Self::Ptr as ForeignOwnable>::Target,
        _file: &File<'_>,
        _from: &mut UserSliceReader,
        _position: &mut i64,
    ) -> Result<usize> {
        Err(code::EINVAL)
    }

    /// Does what `command` says.
    fn ioctl(
        _device: &<Self::Ptr as ForeignOwnable>::Target,
        _file: &File<'_>,
        _command: u32,
        _argument: usize,
    ) -> Result<isize> {
        Err(code::ENOTTY)
    }
}

struct Inner<T> {
    misc: bindings::MiscDevice,
    ops: FileOperations,
    kind: PhantomData<fn() -> T>,
}

/// A device that is there; it goes when this is dropped, once nobody has it open.
pub struct MiscDeviceRegistration<T: MiscDevice>(*mut Inner<T>);

// SAFETY: it only takes the device away at its end, which may be done on any thread.
unsafe impl<T: MiscDevice> Send for MiscDeviceRegistration<T> {}
// SAFETY: shared, it can do nothing.
unsafe impl<T: MiscDevice> Sync for MiscDeviceRegistration<T> {}

impl<T: MiscDevice> MiscDeviceRegistration<T> {
    /// Makes the device.
    pub fn register(options: MiscDeviceOptions) -> Result<Self> {
        let inner = KBox::new(
            Inner {
                misc: bindings::MiscDevice {
                    minor: 255,
                    name: options.name.as_ptr(),
                    fops: core::ptr::null(),
                    list: [0; 2],
                    parent: core::ptr::null_mut(),
                    this_device: core::ptr::null_mut(),
                    groups: core::ptr::null(),
                    nodename: core::ptr::null(),
                    mode: options.mode,
                },
                ops: FileOperations {
                    owner: ThisModule::THIS.as_ptr(),
                    llseek: Some(bindings::default_llseek),
                    read: Some(read::<T>),
                    write: Some(write::<T>),
                    iter: [0; 2],
                    poll: 0,
                    unlocked_ioctl: Some(ioctl::<T>),
                    compat_ioctl: 0,
                    mmap: 0,
                    open: Some(open::<T>),
                    flush: 0,
                    release: Some(release::<T>),
                    sync: [0; 2],
                },
                kind: PhantomData::<fn() -> T>,
            },
            GFP_KERNEL,
        )?;
        let at = inner.into_raw();
        // SAFETY: the block is ours and stays where it is until the device is gone.
        let answer = unsafe {
            (*at).misc.fops = &raw const (*at).ops;
            bindings::misc_register(&raw mut (*at).misc)
        };
        let this = core::mem::ManuallyDrop::new(Self(at));
        if let Err(error) = to_result(answer) {
            // SAFETY: nobody knows of it.
            drop(unsafe { KBox::from_raw(this.0) });
            return Err(error);
        }
        Ok(core::mem::ManuallyDrop::into_inner(this))
    }

    /// The minor number that it got.
    #[must_use]
    pub fn minor(&self) -> c_int {
        // SAFETY: it is there, and no longer written.
        unsafe { (*self.0).misc.minor }
    }
}

impl<T: MiscDevice> Drop for MiscDeviceRegistration<T> {
    fn drop(&mut self) {
        // SAFETY: it was registered; after this nobody opens it, and the module stays while it is open.
        unsafe {
            bindings::misc_deregister(&raw mut (*self.0).misc);
            drop(KBox::from_raw(self.0));
        }
    }
}

/// The device of an open file, and the file.
///
/// # Safety
/// `file` is a file that `open` succeeded for.
unsafe fn opened<'a, T: MiscDevice>(
    file: *mut CFile,
) -> (&'a <T::Ptr as ForeignOwnable>::Target, File<'a>) {
    // SAFETY: `open` put the pointer there; `release` comes when no call is under way.
    unsafe { (T::Ptr::borrow((*file).private_data), File::new(file)) }
}

unsafe extern "C" fn open<T: MiscDevice>(_inode: *mut CInode, file: *mut CFile) -> c_int {
    // SAFETY: the kernel leaves the address of the misc device, the first thing of our block, in the file.
    let registration = core::mem::ManuallyDrop::new(MiscDeviceRegistration::<T>(unsafe {
        (*file).private_data.cast()
    }));
    // SAFETY: it outlives the call.
    let shown = unsafe { File::new(file) };
    match T::open(&shown, registration.deref()) {
        Ok(device) => {
            // SAFETY: the file is ours during its open.
            unsafe { (*file).private_data = device.into_foreign() };
            0
        }
        Err(error) => error.to_errno(),
    }
}

unsafe extern "C" fn release<T: MiscDevice>(_inode: *mut CInode, file: *mut CFile) -> c_int {
    // SAFETY: `open` put it there, and this is the last call.
    let (device, shown) = unsafe { (T::Ptr::from_foreign((*file).private_data), File::new(file)) };
    T::release(device, &shown);
    0
}

unsafe extern "C" fn read<T: MiscDevice>(
    file: *mut CFile,
    to: *mut c_void,
    length: usize,
    position: *mut i64,
) -> isize {
    // SAFETY: the kernel's arguments.
    let ((device, file), position) = unsafe { (opened::<T>(file), &mut *position) };
    let mut to = UserSlice::new(to as usize, length).writer();
    answer(T::read(device, &file, &mut to, position))
}

unsafe extern "C" fn write<T: MiscDevice>(
    file: *mut CFile,
    from: *const c_void,
    length: usize,
    position: *mut i64,
) -> isize {
    // SAFETY: the kernel's arguments.
    let ((device, file), position) = unsafe { (opened::<T>(file), &mut *position) };
    let mut from = UserSlice::new(from as usize, length).reader();
    answer(T::write(device, &file, &mut from, position))
}

unsafe extern "C" fn ioctl<T: MiscDevice>(
    file: *mut CFile,
    command: c_uint,
    argument: c_ulong,
) -> isize {
    // SAFETY: the kernel's arguments.
    let (device, file) = unsafe { opened::<T>(file) };
    match T::ioctl(device, &file, command, argument as usize) {
        Ok(value) => value,
        Err(error) => error.to_errno() as isize,
    }
}

pub(crate) fn answer(result: Result<usize>) -> isize {
    match result {
        Ok(count) => isize::try_from(count).unwrap_or(isize::MAX),
        Err(error) => error.to_errno() as isize,
    }
}
