//! Structures that modules look into; the same as in `include/linux/*.h`. What a module may change while the kernel looks
//! at it is atomic.
use core::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize};

/// `struct file`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CFile {
    pub(crate) mode: AtomicU32,
    pub(crate) flags: AtomicU32,
    pub(crate) pos: AtomicI64,
    pub(crate) private_data: AtomicUsize,
    pub(crate) ops: AtomicUsize,
    pub(crate) inode: usize,
    /// What the kernel knows it by.
    pub(crate) handle: usize,
}

/// `struct inode`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CInode {
    pub(crate) mode: u16,
    pub(crate) pad: [u16; 3],
    pub(crate) number: u64,
    pub(crate) rdev: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) pad2: u32,
    pub(crate) size: i64,
    pub(crate) cdev: usize,
    pub(crate) private: AtomicUsize,
}

/// `struct file_operations`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct FileOperations {
    pub(crate) owner: usize,
    pub(crate) llseek: usize,
    pub(crate) read: usize,
    pub(crate) write: usize,
    pub(crate) read_iter: usize,
    pub(crate) write_iter: usize,
    pub(crate) poll: usize,
    pub(crate) unlocked_ioctl: usize,
    pub(crate) compat_ioctl: usize,
    pub(crate) mmap: usize,
    pub(crate) open: usize,
    pub(crate) flush: usize,
    pub(crate) release: usize,
    pub(crate) fsync: usize,
    pub(crate) fasync: usize,
}

/// `struct proc_ops`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProcOps {
    pub(crate) flags: u32,
    pub(crate) open: usize,
    pub(crate) read: usize,
    pub(crate) read_iter: usize,
    pub(crate) write: usize,
    pub(crate) lseek: usize,
    pub(crate) release: usize,
    pub(crate) poll: usize,
    pub(crate) ioctl: usize,
    pub(crate) compat_ioctl: usize,
    pub(crate) mmap: usize,
    pub(crate) get_unmapped_area: usize,
}

/// Queues that one call of `poll` may name.
pub(crate) const POLL_QUEUES: usize = 14;

/// `struct poll_table_struct`: the queues that a module's `poll` names by `poll_wait`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct PollCollector {
    pub(crate) wanted: u64,
    pub(crate) count: u64,
    pub(crate) queues: [usize; POLL_QUEUES],
}

/// `struct cdev`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CDev {
    pub(crate) kobj: CKobject,
    pub(crate) owner: usize,
    pub(crate) ops: usize,
    pub(crate) list: [usize; 2],
    pub(crate) dev: u32,
    pub(crate) count: u32,
}

/// `struct kobject`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CKobject {
    pub(crate) name: usize,
    pub(crate) entry: [usize; 2],
    pub(crate) parent: usize,
    pub(crate) kset: usize,
    pub(crate) ktype: usize,
    pub(crate) sd: usize,
    pub(crate) references: AtomicU32,
    pub(crate) state: u32,
}

/// `struct class`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CClass {
    pub(crate) name: usize,
    pub(crate) owner: usize,
    pub(crate) class_groups: usize,
    pub(crate) dev_groups: usize,
    pub(crate) dev_uevent: usize,
    pub(crate) devnode: usize,
    pub(crate) class_release: usize,
    pub(crate) dev_release: usize,
}

/// `struct device`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CDevice {
    pub(crate) kobj: CKobject,
    pub(crate) parent: usize,
    pub(crate) private: usize,
    pub(crate) init_name: usize,
    pub(crate) kind: usize,
    pub(crate) bus: usize,
    pub(crate) driver: usize,
    pub(crate) platform_data: usize,
    pub(crate) driver_data: usize,
    pub(crate) mutex: [usize; 4],
    pub(crate) dma_mask: usize,
    pub(crate) coherent_dma_mask: u64,
    pub(crate) of_node: usize,
    pub(crate) fwnode: usize,
    pub(crate) devt: u32,
    pub(crate) id: u32,
    pub(crate) class: usize,
    pub(crate) groups: usize,
    pub(crate) release: usize,
}

/// Bits of the minor number in the kernel's `dev_t`.
pub(crate) const MINOR_BITS: u32 = 20;

/// The kernel's `dev_t` of a number as user space writes it.
pub(crate) fn number(rdev: u64) -> u32 {
    vfs::major(rdev) << MINOR_BITS | vfs::minor(rdev)
}

/// The other way.
pub(crate) fn rdev(number: u32) -> u64 {
    vfs::makedev(number >> MINOR_BITS, number & (vfs::MINORS - 1))
}

/// `struct kobj_type`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CKtype {
    pub(crate) release: Option<extern "C" fn(usize)>,
    pub(crate) sysfs_ops: usize,
    pub(crate) default_groups: usize,
}

/// `struct kset`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CKset {
    pub(crate) list: [usize; 2],
    pub(crate) lock: [u32; 2],
    pub(crate) kobj: CKobject,
    pub(crate) uevent_ops: usize,
}

/// `struct kset_uevent_ops`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CUeventOps {
    pub(crate) filter: usize,
    pub(crate) name: usize,
    pub(crate) uevent: usize,
}

/// `struct kobj_attribute` and its kin: a `struct attribute`, then two functions.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CAttribute {
    pub(crate) name: usize,
    pub(crate) mode: u16,
    pub(crate) show: usize,
    pub(crate) store: usize,
}

/// `struct attribute_group`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CGroup {
    pub(crate) name: usize,
    pub(crate) is_visible: usize,
    pub(crate) attrs: usize,
}

/// `struct device_type`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CDeviceType {
    pub(crate) name: usize,
    pub(crate) groups: usize,
    pub(crate) uevent: usize,
    pub(crate) devnode: usize,
    pub(crate) release: usize,
}

/// `struct miscdevice`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CMisc {
    pub(crate) minor: u32,
    pub(crate) name: usize,
    pub(crate) fops: usize,
    pub(crate) list: [usize; 2],
    pub(crate) parent: usize,
    pub(crate) this_device: usize,
    pub(crate) groups: usize,
    pub(crate) nodename: usize,
    pub(crate) mode: u16,
}

/// `struct bus_type`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CBus {
    pub(crate) name: *const u8,
    pub(crate) dev_name: usize,
    pub(crate) bus_groups: usize,
    pub(crate) dev_groups: usize,
    pub(crate) drv_groups: usize,
    pub(crate) matches: usize,
    pub(crate) uevent: usize,
    pub(crate) probe: usize,
    pub(crate) remove: usize,
    pub(crate) shutdown: usize,
}
// SAFETY: the pointer is an address for modules; the kernel reads it as a number.
unsafe impl Sync for CBus {}

/// `struct device_driver`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CDriver {
    pub(crate) name: usize,
    pub(crate) bus: usize,
    pub(crate) owner: usize,
    pub(crate) mod_name: usize,
    pub(crate) of_match_table: usize,
    pub(crate) probe: usize,
    pub(crate) remove: usize,
    pub(crate) shutdown: usize,
    pub(crate) groups: usize,
    pub(crate) dev_groups: usize,
    pub(crate) pm: usize,
}

/// `struct platform_device`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CPlatformDevice {
    pub(crate) name: usize,
    pub(crate) id: i32,
    pub(crate) id_auto: bool,
    pub(crate) dev: CDevice,
    pub(crate) num_resources: u32,
    pub(crate) resource: usize,
    pub(crate) id_entry: usize,
}

/// `struct platform_driver`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CPlatformDriver {
    pub(crate) probe: usize,
    pub(crate) remove: usize,
    pub(crate) shutdown: usize,
    pub(crate) driver: CDriver,
    pub(crate) id_table: usize,
}

/// `struct resource`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CResource {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) name: usize,
    pub(crate) flags: usize,
}

/// `struct vm_area_struct`.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct CArea {
    pub(crate) start: AtomicUsize,
    pub(crate) end: AtomicUsize,
    pub(crate) protection: AtomicU64,
    pub(crate) flags: AtomicU64,
    pub(crate) ops: AtomicUsize,
    /// Page of the object at the start.
    pub(crate) first: AtomicU64,
    pub(crate) file: AtomicUsize,
    pub(crate) private_data: AtomicUsize,
}

/// `struct vm_operations_struct`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CAreaOps {
    pub(crate) open: usize,
    pub(crate) close: usize,
    pub(crate) fault: usize,
}

/// `struct vm_fault`.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CFault {
    pub(crate) area: usize,
    pub(crate) gfp_mask: u32,
    pub(crate) first: u64,
    pub(crate) address: usize,
    pub(crate) real_address: usize,
    pub(crate) flags: u32,
    /// What the module names.
    pub(crate) page: AtomicUsize,
}
