//! Mounts.
use super::*;
use vfs::{MountFlags, Unmount};

fn mount(w: &World, at: &str, flags: MountFlags) -> Result<()> {
    let sb = new_superblock("tmpfs", b"")?;
    vfs::mount_on(&sb, b"none", flags, &w.lookup(at)?).map(drop)
}

fn umount(w: &World, at: &str, how: Unmount) -> Result<()> {
    vfs::unmount(w.lookup(at)?, how)
}

#[test]
fn crossing_both_ways() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    w.write("/m/covered", b"");
    mount(&w, "/m", MountFlags::empty()).unwrap();
    assert_eq!(w.stat("/m/covered").unwrap_err(), Errno::ENOENT);
    w.mkdir("/m/d").unwrap();
    assert_ne!(w.stat("/m").unwrap().dev, w.stat("/").unwrap().dev);
    assert_eq!(w.stat("/m/d/../..").unwrap().ino, w.stat("/").unwrap().ino);
    assert_eq!(w.stat("/m/..").unwrap().dev, w.stat("/").unwrap().dev);
    w.cwd("/m/d");
    assert_eq!(w.pwd(), "/m/d");
    assert_eq!(w.rmdir("/m").unwrap_err(), Errno::EBUSY);
    assert_eq!(w.rename("/m", "/n").unwrap_err(), Errno::EBUSY);
    w.write("/f", b"");
    assert_eq!(w.rename("/f", "/m/f").unwrap_err(), Errno::EXDEV);
    assert_eq!(w.link("/f", "/m/f").unwrap_err(), Errno::EXDEV);
    assert_eq!(umount(&w, "/m", Unmount::IfIdle).unwrap_err(), Errno::EBUSY);
    w.cwd("/");
    assert_eq!(
        umount(&w, "/m/d", Unmount::IfIdle).unwrap_err(),
        Errno::EINVAL
    );
    let file = w.open("/m/d", raw::O_RDONLY).unwrap();
    assert_eq!(umount(&w, "/m", Unmount::IfIdle).unwrap_err(), Errno::EBUSY);
    drop(file);
    umount(&w, "/m", Unmount::IfIdle).unwrap();
    assert!(w.stat("/m/covered").is_ok());
    assert_eq!(umount(&w, "/", Unmount::IfIdle).unwrap_err(), Errno::EINVAL);
}

#[test]
fn stacked_and_detached() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    for name in ["one", "two"] {
        mount(&w, "/m", MountFlags::empty()).unwrap();
        w.mkdir(&std::format!("/m/{name}")).unwrap();
    }
    assert_eq!(w.list("/m"), ["two"]);
    mount(&w, "/m/two", MountFlags::empty()).unwrap();
    assert_eq!(w.ns.mounts().unwrap().len(), 4);
    assert_eq!(umount(&w, "/m", Unmount::IfIdle).unwrap_err(), Errno::EBUSY);
    w.write("/m/two/f", b"kept");
    let f = w.open("/m/two/f", raw::O_RDONLY).unwrap();
    umount(&w, "/m", Unmount::Detach).unwrap();
    assert_eq!(w.list("/m"), ["one"]);
    assert_eq!(get(&f, 9), b"kept");
    assert_eq!(w.ns.mounts().unwrap().len(), 2);
}

#[test]
fn bind_and_move() {
    let w = World::new();
    for d in ["/a", "/a/s", "/a/s/m", "/b", "/c", "/d"] {
        w.mkdir(d).unwrap();
    }
    w.write("/a/s/f", b"1");
    mount(&w, "/a/s/m", MountFlags::empty()).unwrap();
    w.write("/a/s/m/x", b"");
    vfs::bind(&w.lookup("/a/s").unwrap(), &w.lookup("/b").unwrap(), false).unwrap();
    assert_eq!(w.read("/b/f").unwrap(), b"1");
    assert_eq!(w.list("/b/m").len(), 0);
    assert_eq!(w.stat("/b/..").unwrap().ino, w.stat("/").unwrap().ino);
    vfs::bind(&w.lookup("/a").unwrap(), &w.lookup("/c").unwrap(), true).unwrap();
    assert_eq!(w.list("/c/s/m"), ["x"]);
    w.cwd("/c/s/m");
    assert_eq!(w.pwd(), "/c/s/m");
    w.cwd("/");
    vfs::move_mount(&w.lookup("/c").unwrap(), &w.lookup("/d").unwrap()).unwrap();
    assert_eq!(w.list("/d/s/m"), ["x"]);
    assert_eq!(w.list("/c").len(), 0);
    let into_itself = vfs::move_mount(&w.lookup("/d").unwrap(), &w.lookup("/d/s").unwrap());
    assert_eq!(into_itself, Err(Errno::ELOOP));
    let no_mount = vfs::move_mount(&w.lookup("/a").unwrap(), &w.lookup("/c").unwrap());
    assert_eq!(no_mount, Err(Errno::EINVAL));
    w.write("/file", b"f");
    let onto_dir = vfs::bind(&w.lookup("/file").unwrap(), &w.lookup("/c").unwrap(), false);
    assert_eq!(onto_dir, Err(Errno::ENOTDIR));
    w.write("/over", b"o");
    vfs::bind(
        &w.lookup("/file").unwrap(),
        &w.lookup("/over").unwrap(),
        false,
    )
    .unwrap();
    assert_eq!(w.read("/over").unwrap(), b"f");
    assert_eq!(w.unlink("/over").unwrap_err(), Errno::EBUSY);
    umount(&w, "/over", Unmount::IfIdle).unwrap();
    assert_eq!(w.read("/over").unwrap(), b"o");
}

#[test]
fn flags_forbid() {
    let w = World::new();
    w.mkdir("/m").unwrap();
    mount(&w, "/m", MountFlags::empty()).unwrap();
    w.write("/m/p", b"");
    w.chmod("/m/p", 0o755).unwrap();
    w.make(
        "/m/null",
        Make::Node(FileType::CharDevice, 0o666, vfs::makedev(1, 3)),
    )
    .unwrap();
    let at = w.lookup("/m").unwrap();
    let strict = MountFlags::RDONLY | MountFlags::NOEXEC | MountFlags::NODEV;
    vfs::remount(&at, strict, None).unwrap();
    assert_eq!(w.open("/m/p", raw::O_RDWR).err(), Some(Errno::EROFS));
    assert_eq!(w.open("/m/n", raw::O_CREAT).err(), Some(Errno::EROFS));
    assert_eq!(w.mkdir("/m/d").unwrap_err(), Errno::EROFS);
    assert_eq!(w.mkdir("/m/p").unwrap_err(), Errno::EEXIST);
    assert_eq!(w.unlink("/m/p").unwrap_err(), Errno::EROFS);
    assert_eq!(w.chmod("/m/p", 0).unwrap_err(), Errno::EROFS);
    assert_eq!(
        vfs::open_exec(w.ctx(), b"/m/p", LookupFlags::FOLLOW).err(),
        Some(Errno::EACCES)
    );
    assert_eq!(w.open("/m/null", raw::O_RDONLY).err(), Some(Errno::EACCES));
    vfs::remount(&at, MountFlags::empty(), None).unwrap();
    let f = w.open("/m/p", raw::O_RDWR).unwrap();
    assert_eq!(
        vfs::remount(&at, MountFlags::RDONLY, Some(b"")),
        Err(Errno::EBUSY)
    );
    drop(f);
    vfs::remount(&at, MountFlags::RDONLY, Some(b"")).unwrap();
    assert_eq!(w.mkdir("/m/d").unwrap_err(), Errno::EROFS);
}

#[test]
fn switching_roots() {
    let w = World::new();
    w.mkdir("/new").unwrap();
    mount(&w, "/new", MountFlags::empty()).unwrap();
    w.mkdir("/new/old").unwrap();
    w.mkdir("/new/etc").unwrap();
    let root = w.fs.root();
    let pivot =
        |new: &str, old: &str| vfs::pivot_root(&w.fs.root(), &w.lookup(new)?, &w.lookup(old)?);
    // The first root cannot be put anywhere; switch_root(8) moves and changes root instead.
    assert_eq!(pivot("/new", "/new/old"), Err(Errno::EINVAL));
    w.cwd("/new");
    vfs::move_mount(&w.lookup(".").unwrap(), &root).unwrap();
    vfs::chroot(w.ctx(), b".").unwrap();
    assert_eq!(w.list("/"), ["old", "etc"]);
    assert_eq!(
        w.stat("/../../etc").unwrap().ino,
        w.stat("/etc").unwrap().ino
    );
    w.cwd("/");
    assert_eq!(w.pwd(), "/");
    w.mkdir("/next").unwrap();
    mount(&w, "/next", MountFlags::empty()).unwrap();
    w.mkdir("/next/put").unwrap();
    let (before, after) = (w.fs.root(), w.lookup("/next").unwrap());
    pivot("/next", "/next/put").unwrap();
    w.fs.pivot(&before, &after);
    assert_eq!(w.list("/"), ["put"]);
    assert_eq!(w.list("/put"), ["old", "etc", "next"]);
}
