//! C functions and structures of `include/linux`, as far as this crate uses them; the layouts are those of the headers.
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

/// `struct module`: an address.
#[repr(C)]
pub struct CModule {
    opaque: [u8; 0],
}

/// `struct mutex`.
#[repr(C)]
pub struct CMutex {
    pub owner: c_ulong,
    pub name: *const c_char,
    pub reserved: [c_ulong; 2],
}

/// `raw_spinlock_t`.
#[repr(C)]
pub struct CSpinLock {
    pub word: u32,
    pub key: u32,
}

/// `struct file`.
#[repr(C)]
pub struct CFile {
    pub mode: c_uint,
    pub flags: c_uint,
    pub pos: i64,
    pub private_data: *mut c_void,
    pub ops: *const c_void,
    pub inode: *const CInode,
    pub handle: c_ulong,
}

/// `struct inode`.
#[repr(C)]
pub struct CInode {
    pub mode: u16,
    pub pad: [u16; 3],
    pub number: c_ulong,
    pub rdev: u32,
    pub uid: u32,
    pub gid: u32,
    pub pad2: u32,
    pub size: i64,
    pub cdev: *mut c_void,
    pub private: *mut c_void,
}

pub type Open = unsafe extern "C" fn(*mut CInode, *mut CFile) -> c_int;
pub type Read = unsafe extern "C" fn(*mut CFile, *mut c_void, usize, *mut i64) -> isize;
pub type Write = unsafe extern "C" fn(*mut CFile, *const c_void, usize, *mut i64) -> isize;
pub type Seek = unsafe extern "C" fn(*mut CFile, i64, c_int) -> i64;
pub type Ioctl = unsafe extern "C" fn(*mut CFile, c_uint, c_ulong) -> isize;

/// `struct file_operations`.
#[repr(C)]
pub struct FileOperations {
    pub owner: *const CModule,
    pub llseek: Option<Seek>,
    pub read: Option<Read>,
    pub write: Option<Write>,
    pub iter: [usize; 2],
    pub poll: usize,
    pub unlocked_ioctl: Option<Ioctl>,
    pub compat_ioctl: usize,
    pub mmap: usize,
    pub open: Option<Open>,
    pub flush: usize,
    pub release: Option<Open>,
    pub sync: [usize; 2],
}

/// `struct proc_ops`.
#[repr(C)]
pub struct ProcOps {
    pub flags: c_uint,
    pub open: Option<Open>,
    pub read: Option<Read>,
    pub read_iter: usize,
    pub write: Option<Write>,
    pub lseek: Option<Seek>,
    pub release: Option<Open>,
    pub rest: [usize; 5],
}

/// `struct miscdevice`.
#[repr(C)]
pub struct MiscDevice {
    pub minor: c_int,
    pub name: *const c_char,
    pub fops: *const FileOperations,
    pub list: [usize; 2],
    pub parent: *mut c_void,
    pub this_device: *mut c_void,
    pub groups: *const c_void,
    pub nodename: *const c_char,
    pub mode: u16,
}

/// `struct work_struct`.
#[repr(C)]
pub struct Work {
    pub data: c_ulong,
    pub entry: [usize; 2],
    pub func: Option<unsafe extern "C" fn(*mut Work)>,
}

/// `struct kernel_param_ops`: an address.
#[repr(C)]
pub struct ParamOps {
    opaque: [u8; 0],
}

unsafe extern "C" {
    pub static __this_module: CModule;
    pub static param_ops_bool: ParamOps;
    pub static param_ops_byte: ParamOps;
    pub static param_ops_short: ParamOps;
    pub static param_ops_ushort: ParamOps;
    pub static param_ops_int: ParamOps;
    pub static param_ops_uint: ParamOps;
    pub static param_ops_long: ParamOps;
    pub static param_ops_ulong: ParamOps;
    pub static system_wq: *mut c_void;
    pub static system_highpri_wq: *mut c_void;
    pub static system_long_wq: *mut c_void;
    pub static system_unbound_wq: *mut c_void;

    pub fn _printk(format: *const c_char, ...) -> c_int;
    pub fn __kmalloc(size: usize, flags: c_uint) -> *mut c_void;
    pub fn krealloc(block: *const c_void, size: usize, flags: c_uint) -> *mut c_void;
    pub fn kfree(block: *const c_void);
    pub fn mutex_lock(lock: *mut CMutex);
    pub fn mutex_trylock(lock: *mut CMutex) -> c_int;
    pub fn mutex_unlock(lock: *mut CMutex);
    pub fn _raw_spin_lock(lock: *mut CSpinLock);
    pub fn _raw_spin_trylock(lock: *mut CSpinLock) -> c_int;
    pub fn _raw_spin_unlock(lock: *mut CSpinLock);
    pub fn _copy_to_user(to: *mut c_void, from: *const c_void, length: c_ulong) -> c_ulong;
    pub fn _copy_from_user(to: *mut c_void, from: *const c_void, length: c_ulong) -> c_ulong;
    pub fn simple_read_from_buffer(
        to: *mut c_void,
        count: usize,
        pos: *mut i64,
        from: *const c_void,
        available: usize,
    ) -> isize;
    pub fn default_llseek(file: *mut CFile, offset: i64, whence: c_int) -> i64;
    pub fn misc_register(misc: *mut MiscDevice) -> c_int;
    pub fn misc_deregister(misc: *mut MiscDevice);
    pub fn proc_create_data(
        name: *const c_char,
        mode: u16,
        parent: *mut c_void,
        ops: *const ProcOps,
        data: *mut c_void,
    ) -> *mut c_void;
    pub fn proc_mkdir(name: *const c_char, parent: *mut c_void) -> *mut c_void;
    pub fn proc_remove(entry: *mut c_void);
    pub fn queue_work_on(cpu: c_int, queue: *mut c_void, work: *mut Work) -> bool;
    pub fn __flush_workqueue(queue: *mut c_void);
    pub fn msleep(milliseconds: c_uint);
    pub fn ktime_get() -> i64;
    pub fn __smp_processor_id() -> c_uint;
}
