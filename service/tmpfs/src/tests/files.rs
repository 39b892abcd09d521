//! Opening, and tables of descriptors.
use super::*;
use vfs::{FileMode, Files, NR_OPEN, OnExec, OpenFlags};

#[test]
fn flags_of_open() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.write("/f", b"x");
    w.symlink("f", "/l").unwrap();
    w.symlink("new", "/dangling").unwrap();
    let error = |path: &str, flags: u32| w.open(path, flags).err();
    assert_eq!(error("/none", raw::O_RDONLY), Some(Errno::ENOENT));
    assert_eq!(error("/f", raw::O_CREAT | raw::O_EXCL), Some(Errno::EEXIST));
    assert_eq!(
        error("/dangling", raw::O_CREAT | raw::O_EXCL),
        Some(Errno::EEXIST)
    );
    assert_eq!(error("/l", raw::O_NOFOLLOW), Some(Errno::ELOOP));
    assert_eq!(
        error("/l", raw::O_NOFOLLOW | raw::O_CREAT),
        Some(Errno::ELOOP)
    );
    assert_eq!(error("/f", raw::O_DIRECTORY), Some(Errno::ENOTDIR));
    assert_eq!(error("/d", raw::O_WRONLY), Some(Errno::EISDIR));
    assert_eq!(error("/d", raw::O_CREAT), Some(Errno::EISDIR));
    assert_eq!(error("/d/", raw::O_CREAT), Some(Errno::EISDIR));
    assert_eq!(error("/x/", raw::O_CREAT), Some(Errno::EISDIR));
    assert_eq!(error("/f/", raw::O_RDONLY), Some(Errno::ENOTDIR));
    assert_eq!(error("/", raw::O_CREAT), Some(Errno::EISDIR));
    assert_eq!(error("/none/x", raw::O_CREAT), Some(Errno::ENOENT));
    assert_eq!(error("", raw::O_CREAT), Some(Errno::ENOENT));
    w.open("/dangling", raw::O_CREAT | raw::O_WRONLY).unwrap();
    assert!(w.stat("/new").is_ok());
    let p = w.open("/l", raw::O_PATH | raw::O_NOFOLLOW).unwrap();
    assert_eq!(p.inode().kind(), FileType::Symlink);
    assert_eq!(p.mode(), FileMode::PATH);
    assert_eq!(p.seek(0, 0), Err(Errno::EBADF));
    assert_eq!(vfs::read_link(p.path(), &w.cred).unwrap().as_slice(), b"f");
    assert_eq!(
        vfs::read_link(&w.lookup("/f").unwrap(), &w.cred).err(),
        Some(Errno::EINVAL)
    );
    let f = w
        .open(
            "/f",
            raw::O_RDWR | raw::O_APPEND | raw::O_CLOEXEC | raw::O_TRUNC,
        )
        .unwrap();
    assert_eq!(f.flags().bits(), raw::O_RDWR | raw::O_APPEND);
    f.set_flags(OpenFlags::NONBLOCK, 3).unwrap();
    assert_eq!(f.flags().bits(), raw::O_RDWR | raw::O_NONBLOCK);
}

#[test]
fn programs_that_run_are_not_written() {
    let w = World::new();
    w.write("/p", b"");
    w.chmod("/p", 0o755).unwrap();
    let run = || vfs::open_exec(w.ctx(), b"/p", LookupFlags::FOLLOW);
    let running = run().unwrap();
    assert_eq!(w.open("/p", raw::O_RDWR).err(), Some(Errno::ETXTBSY));
    assert_eq!(
        vfs::truncate(&w.lookup("/p").unwrap(), 0, &w.cred),
        Err(Errno::ETXTBSY)
    );
    w.unlink("/p").unwrap();
    drop(running);
    w.write("/p", b"");
    w.chmod("/p", 0o644).unwrap();
    assert_eq!(run().err(), Some(Errno::EACCES));
    w.chmod("/p", 0o755).unwrap();
    let writing = w.open("/p", raw::O_WRONLY).unwrap();
    assert_eq!(run().err(), Some(Errno::ETXTBSY));
    drop(writing);
    run().unwrap();
    assert_eq!(
        vfs::open_exec(w.ctx(), b"/", LookupFlags::FOLLOW).err(),
        Some(Errno::EACCES)
    );
}

#[test]
fn descriptors() {
    let w = World::new();
    w.write("/f", b"");
    let open = || w.open("/f", raw::O_RDONLY).unwrap();
    let t = Files::new().unwrap();
    for fd in 0..20 {
        assert_eq!(
            t.alloc(0, 100, open(), OnExec::from_flag(fd % 2 == 1)),
            Ok(fd)
        );
    }
    t.close(3).unwrap();
    t.close(7).unwrap();
    assert_eq!(t.close(7), Err(Errno::EBADF));
    assert_eq!(t.alloc(5, 100, open(), OnExec::Keep), Ok(7));
    assert_eq!(t.alloc(0, 100, open(), OnExec::Keep), Ok(3));
    assert_eq!(t.alloc(0, 100, open(), OnExec::Keep), Ok(20));
    assert_eq!(t.alloc(0, 21, open(), OnExec::Keep), Err(Errno::EMFILE));
    for bad in [-1, 21, i32::MAX, i32::MIN] {
        assert_eq!(t.get(bad).err(), Some(Errno::EBADF), "{bad}");
    }
    let child = t.try_clone().unwrap();
    child.close_on_exec();
    assert_eq!(child.get(1).err(), Some(Errno::EBADF));
    assert!(child.get(2).is_ok() && child.get(3).is_ok() && t.get(1).is_ok());
    assert_eq!(t.dup_to(2, 50, 100, OnExec::Close), Ok(50));
    assert_eq!(t.on_exec(50), Ok(OnExec::Close));
    assert_eq!(t.dup_to(2, 100, 100, OnExec::Keep), Err(Errno::EBADF));
    assert_eq!(
        t.dup_to(2, i32::MAX, NR_OPEN, OnExec::Keep),
        Err(Errno::EBADF)
    );
    assert_eq!(t.dup_to(33, 1, 100, OnExec::Keep), Err(Errno::EBADF));
    t.close_range(4, u32::MAX, false);
    assert_eq!(t.view().next(4).map(|n| n.0), None);
    t.close_range(0, 2, true);
    t.close_on_exec();
    assert_eq!(t.view().next(0).map(|n| n.0), Some(3));
    let reserved = t.reserve(0, 100, OnExec::Close).unwrap();
    assert_eq!(reserved.fd(), 0);
    assert_eq!(t.get(0).err(), Some(Errno::EBADF));
    assert_eq!(t.close(0), Err(Errno::EBADF));
    assert_eq!(t.dup_to(3, 0, 100, OnExec::Keep), Err(Errno::EBUSY));
    drop(reserved);
    let reserved = t.reserve(0, 100, OnExec::Close).unwrap();
    assert_eq!(reserved.install(open()), 0);
    assert_eq!(t.on_exec(0), Ok(OnExec::Close));
}

#[test]
fn files_end_with_their_last_descriptor() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_WRONLY).unwrap();
    w.unlink("/f").unwrap();
    let (a, b) = (Files::new().unwrap(), Files::new().unwrap());
    a.alloc(0, 10, f.clone(), OnExec::Keep).unwrap();
    b.alloc(0, 10, f, OnExec::Keep).unwrap();
    a.close(0).unwrap();
    assert_eq!(w.used().1, 2);
    drop(b);
    assert_eq!(w.used().1, 1);
}
