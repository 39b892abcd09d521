//! Kernel modules: how one comes and goes, and what operations of a module's character device cost.
//!
//! The files stand in [`FOLDER`], compiled for the kernel that runs; where they do not, these rows are absent.
use crate::sys::{self, Fd, Took, check, wrong};
use crate::{Bench, bench};
use std::ffi::{CStr, CString};
use std::io;

pub(crate) const ALL: &[Bench] = &[
    bench(
        "module/insmod",
        "finit_module of hello.ko, which makes a file in /proc, and delete_module",
        insmod,
    ),
    bench(
        "module/chardev_open",
        "open and close a module's character device",
        open_close,
    ),
    bench(
        "module/chardev_read",
        "read 64 bytes of a module's character device",
        read,
    ),
    bench(
        "module/chardev_ioctl",
        "ioctl of a module's character device, which stores a number",
        ioctl,
    ),
];

/// Where the modules are.
const FOLDER: &str = "/lib/gaon-bench";
/// What the module makes.
const DEVICE: &CStr = c"/dev/bench_device";
/// `BENCH_SIZE` of `modules/bench_device.c`.
const BENCH_SIZE: libc::c_ulong = 0x8004_6201;
/// How much it has, each byte a `b`.
const SIZE: usize = 64;

/// A module's file, open.
fn file(name: &str) -> io::Result<Fd> {
    let path = CString::new(format!("{FOLDER}/{name}.ko"))?;
    sys::open(&path, libc::O_RDONLY).map_err(|e| match e.raw_os_error() {
        Some(libc::ENOENT) => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("no {name}.ko for this kernel"),
        ),
        _ => e,
    })
}

fn load(file: &Fd) -> io::Result<()> {
    // SAFETY: an open file and an empty string.
    check(unsafe { libc::syscall(libc::SYS_finit_module, file.0, c"".as_ptr(), 0) }).map(drop)
}

fn unload(name: &CStr) -> io::Result<()> {
    // SAFETY: a NUL-terminated name.
    check(unsafe { libc::syscall(libc::SYS_delete_module, name.as_ptr(), libc::O_NONBLOCK) })
        .map(drop)
}

fn insmod(n: u64) -> io::Result<Took> {
    let hello = file("hello")?;
    load(&hello)?;
    let said = std::fs::read_to_string("/proc/hello_proc")?;
    if said != "Hello from kernel module!\n" {
        return Err(wrong("/proc/hello_proc"));
    }
    unload(c"hello")?;
    if std::fs::exists("/proc/hello_proc")? {
        return Err(wrong("/proc/hello_proc is still there"));
    }
    sys::time(n, || load(&hello).and_then(|()| unload(c"hello")))
}

/// The module with its device, until it is dropped.
struct Device;

impl Device {
    fn new() -> io::Result<Self> {
        match load(&file("bench_device")?) {
            // Left by one that was ended.
            Err(e) if e.raw_os_error() != Some(libc::EEXIST) => Err(e),
            _ => Ok(Self),
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = unload(c"bench_device");
    }
}

fn open_close(n: u64) -> io::Result<Took> {
    let _module = Device::new()?;
    sys::time(n, || sys::open(DEVICE, libc::O_RDONLY).map(drop))
}

fn read(n: u64) -> io::Result<Took> {
    let _module = Device::new()?;
    let device = sys::open(DEVICE, libc::O_RDONLY)?;
    sys::time(n, || {
        let mut bytes = [0u8; SIZE];
        // SAFETY: room for so many bytes.
        let got = unsafe { libc::read(device.0, bytes.as_mut_ptr().cast(), SIZE) };
        if check(got as i64)? == SIZE as i64 && bytes[0] == b'b' && bytes[SIZE - 1] == b'b' {
            Ok(())
        } else {
            Err(wrong("read of the device"))
        }
    })
}

fn ioctl(n: u64) -> io::Result<Took> {
    let _module = Device::new()?;
    let device = sys::open(DEVICE, libc::O_RDONLY)?;
    sys::time(n, || {
        let mut size: libc::c_int = 0;
        // SAFETY: a valid place for the answer.
        let done = unsafe { libc::ioctl(device.0, BENCH_SIZE as _, &raw mut size) };
        if check(i64::from(done))? == 0 && size == SIZE as libc::c_int {
            Ok(())
        } else {
            Err(wrong("ioctl of the device"))
        }
    })
}
