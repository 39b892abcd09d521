//! Names and descriptors.
use crate::sys::{self, Took, check, wrong};
use crate::{Bench, bench};
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;

pub(crate) const ALL: &[Bench] = &[
    bench("file/stat", "stat of a file three deep", stat),
    bench("file/fstat", "fstat", fstat),
    bench("file/open_close", "open and close", open_close),
    bench(
        "file/create_0k",
        "create and unlink an empty file",
        create_0k,
    ),
    bench(
        "file/create_10k",
        "create, write 10 KiB, unlink",
        create_10k,
    ),
    bench("file/rename", "rename there and back", rename),
    bench("file/readdir", "read a directory of 100", readdir),
    bench(
        "file/create",
        "create an empty file, 100 a directory",
        |n| make(n, 0),
    ),
    bench(
        "file/create_write_10k",
        "create a file of 10 KiB, 100 a directory",
        |n| make(n, 10240),
    ),
    bench(
        "file/unlink",
        "unlink an empty file, 100 a directory",
        |n| remove(n, 0),
    ),
    bench("file/mkdir", "make and remove a directory", mkdir),
];

const DEEP: &CStr = c"/tmp/bench-a/b/file";

fn deep() -> io::Result<()> {
    std::fs::create_dir_all("/tmp/bench-a/b")?;
    std::fs::write("/tmp/bench-a/b/file", b"x")
}

fn stat(n: u64) -> io::Result<Took> {
    deep()?;
    // SAFETY: all zeroes is a valid `struct stat`.
    let mut st: libc::stat = unsafe { std::mem::zeroed() };
    sys::time(n, || {
        // SAFETY: a NUL-terminated path and a place for the answer.
        check(i64::from(unsafe { libc::stat(DEEP.as_ptr(), &raw mut st) }))?;
        if st.st_size == 1 {
            Ok(())
        } else {
            Err(wrong("stat"))
        }
    })
}

fn fstat(n: u64) -> io::Result<Took> {
    deep()?;
    let fd = sys::open(DEEP, libc::O_RDONLY)?;
    // SAFETY: all zeroes is a valid `struct stat`.
    let mut st: libc::stat = unsafe { std::mem::zeroed() };
    sys::time(n, || {
        // SAFETY: a place for the answer.
        check(i64::from(unsafe { libc::fstat(fd.0, &raw mut st) }))?;
        if st.st_size == 1 {
            Ok(())
        } else {
            Err(wrong("fstat"))
        }
    })
}

fn open_close(n: u64) -> io::Result<Took> {
    deep()?;
    sys::time(n, || sys::open(DEEP, libc::O_RDONLY).map(drop))
}

fn create(n: u64, data: &[u8]) -> io::Result<Took> {
    const NAME: &CStr = c"/tmp/bench-new";
    sys::time_warm(n, || {
        let fd = sys::open(NAME, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY)?;
        if !data.is_empty() {
            sys::write_all(fd.0, data)?;
        }
        drop(fd);
        // SAFETY: a NUL-terminated path.
        check(i64::from(unsafe { libc::unlink(NAME.as_ptr()) })).map(drop)
    })
}

fn create_0k(n: u64) -> io::Result<Took> {
    create(n, &[])
}

fn create_10k(n: u64) -> io::Result<Took> {
    create(n, &[7; 10240])
}

fn rename(n: u64) -> io::Result<Took> {
    std::fs::write("/tmp/bench-from", b"x")?;
    let mv = |a: &CStr, b: &CStr| {
        // SAFETY: NUL-terminated paths.
        check(i64::from(unsafe { libc::rename(a.as_ptr(), b.as_ptr()) })).map(drop)
    };
    sys::time_warm(n, || {
        mv(c"/tmp/bench-from", c"/tmp/bench-to")
            .and_then(|()| mv(c"/tmp/bench-to", c"/tmp/bench-from"))
    })
}

fn readdir(n: u64) -> io::Result<Took> {
    std::fs::create_dir_all("/tmp/bench-dir")?;
    for i in 0..100 {
        std::fs::write(format!("/tmp/bench-dir/{i}"), b"")?;
    }
    let mut buffer = vec![0u8; 32 << 10];
    sys::time(n, || {
        let folder = sys::open(c"/tmp/bench-dir", libc::O_RDONLY | libc::O_DIRECTORY)?;
        let mut count = 0;
        loop {
            let (room, len) = (buffer.as_mut_ptr(), buffer.len());
            // SAFETY: room for so many bytes.
            let call = unsafe { libc::syscall(libc::SYS_getdents64, folder.0, room, len) };
            let got = check(call)? as usize;
            let mut at = 0;
            while at < got {
                // `d_reclen` of `struct linux_dirent64`.
                at += usize::from(u16::from_le_bytes([buffer[at + 16], buffer[at + 17]]));
                count += 1;
            }
            if got == 0 {
                break;
            }
        }
        // With `.` and `..`.
        if count == 102 {
            Ok(())
        } else {
            Err(wrong("readdir"))
        }
    })
}

/// Paths of `n` files, at most what memory holds, 100 in each directory; the directories are there, empty.
fn paths(n: u64) -> io::Result<Vec<CString>> {
    let mut paths = Vec::new();
    let _ = std::fs::remove_dir_all("/tmp/bench-many");
    for i in 0..n.min(8192) {
        let folder = format!("/tmp/bench-many/{}", i / 100);
        if i % 100 == 0 {
            std::fs::create_dir_all(&folder)?;
        }
        paths.push(CString::new(format!("{folder}/{i}"))?);
    }
    Ok(paths)
}

fn make_one(path: &CStr, data: &[u8]) -> io::Result<()> {
    let fd = sys::open(path, libc::O_CREAT | libc::O_TRUNC | libc::O_WRONLY)?;
    if data.is_empty() {
        Ok(())
    } else {
        sys::write_all(fd.0, data)
    }
}

fn remove_one(path: &CStr) -> io::Result<()> {
    // SAFETY: a NUL-terminated path.
    check(i64::from(unsafe { libc::unlink(path.as_ptr()) })).map(drop)
}

/// As lmbench's `lat_fs` does.
fn make(n: u64, size: usize) -> io::Result<Took> {
    let (paths, data) = (paths(n)?, vec![7; size]);
    let mut left = paths.iter();
    let took = sys::time_exactly(paths.len() as u64, || {
        left.next().map_or(Ok(()), |path| make_one(path, &data))
    })?;
    for path in &paths {
        let path = OsStr::from_bytes(path.to_bytes());
        if std::fs::metadata(path)?.len() != size as u64 {
            return Err(wrong("size"));
        }
    }
    std::fs::remove_dir_all("/tmp/bench-many")?;
    Ok(took)
}

fn remove(n: u64, size: usize) -> io::Result<Took> {
    let (paths, data) = (paths(n)?, vec![7; size]);
    paths.iter().try_for_each(|path| make_one(path, &data))?;
    let mut left = paths.iter();
    let took = sys::time_exactly(paths.len() as u64, || {
        left.next().map_or(Ok(()), |path| remove_one(path))
    })?;
    for folder in std::fs::read_dir("/tmp/bench-many")? {
        // Works on empty directories only.
        std::fs::remove_dir(folder?.path())?;
    }
    Ok(took)
}

fn mkdir(n: u64) -> io::Result<Took> {
    const NAME: &CStr = c"/tmp/bench-folder";
    sys::time_warm(n, || {
        // SAFETY: NUL-terminated paths.
        unsafe {
            check(i64::from(libc::mkdir(NAME.as_ptr(), 0o700)))?;
            check(i64::from(libc::rmdir(NAME.as_ptr()))).map(drop)
        }
    })
}
