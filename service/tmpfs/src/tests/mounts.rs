//! Mounts.
use super::*;
use vfs::{MountFlags, Spread, Unmount};

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

fn bind(w: &World, from: &str, at: &str) -> Result<()> {
    vfs::bind(&w.lookup(from)?, &w.lookup(at)?, false)
}

fn spread(w: &World, at: &str, how: Spread) {
    vfs::set_propagation(&w.lookup(at).unwrap(), how, false).unwrap();
}

/// The numbers of the group and the master of what is mounted at a place.
fn groups(w: &World, at: &str) -> (Option<u32>, Option<u32>) {
    let root = w.lookup("/").unwrap();
    let said = w.lookup(at).unwrap().mnt.propagation(&root).unwrap();
    (said.shared, said.master)
}

/// `/a` and `/b` are peers, `/c` is their slave, `/d` a slave that is shared with `/e`.
fn family() -> World {
    let w = World::new();
    for name in ["/a", "/b", "/c", "/d", "/e", "/a/x"] {
        w.mkdir(name).unwrap();
    }
    bind(&w, "/a", "/a").unwrap();
    spread(&w, "/a", Spread::Shared);
    for at in ["/b", "/c", "/d"] {
        bind(&w, "/a", at).unwrap();
    }
    spread(&w, "/c", Spread::Slave);
    spread(&w, "/d", Spread::Slave);
    spread(&w, "/d", Spread::Shared);
    bind(&w, "/d", "/e").unwrap();
    w
}

#[test]
fn what_is_mounted_reaches_peers_and_slaves() {
    let w = family();
    let (above, below) = (groups(&w, "/a").0, groups(&w, "/d").0);
    assert!(above.is_some() && below.is_some() && above != below);
    assert_eq!(groups(&w, "/b"), (above, None));
    assert_eq!(groups(&w, "/c"), (None, above));
    assert_eq!(groups(&w, "/e"), (below, above));
    mount(&w, "/b/x", MountFlags::empty()).unwrap();
    w.write("/b/x/f", b"");
    for at in ["/a", "/c", "/d", "/e"] {
        assert!(w.stat(&std::format!("{at}/x/f")).is_ok(), "{at}");
    }
    let (above, below) = (groups(&w, "/a/x").0, groups(&w, "/d/x").0);
    assert_eq!(groups(&w, "/c/x"), (None, above));
    assert_eq!(groups(&w, "/e/x"), (below, above));
    umount(&w, "/a/x", Unmount::IfIdle).unwrap();
    for at in ["/b", "/c", "/d", "/e"] {
        assert!(w.stat(&std::format!("{at}/x/f")).is_err(), "{at}");
    }
    // From a slave nothing goes up, from the lower group nothing to the upper one.
    mount(&w, "/c/x", MountFlags::empty()).unwrap();
    mount(&w, "/e/x", MountFlags::empty()).unwrap();
    w.write("/e/x/low", b"");
    w.write("/c/x/own", b"");
    assert!(w.stat("/d/x/low").is_ok());
    assert!(w.stat("/a/x/low").is_err() && w.stat("/c/x/low").is_err());
    // What comes now slips under what is there, and goes from under it.
    mount(&w, "/a/x", MountFlags::empty()).unwrap();
    assert!(w.stat("/c/x/own").is_ok() && w.stat("/d/x/low").is_ok());
    assert_eq!(w.ns.mounts().unwrap().len(), 14);
    umount(&w, "/b/x", Unmount::IfIdle).unwrap();
    assert!(w.stat("/c/x/own").is_ok() && w.stat("/d/x/low").is_ok());
    assert_eq!(w.ns.mounts().unwrap().len(), 9);
}

#[test]
fn who_leaves_hands_on_to_the_master() {
    let w = family();
    let above = groups(&w, "/a").0;
    spread(&w, "/d", Spread::Private);
    assert_eq!(groups(&w, "/d"), (None, None));
    umount(&w, "/e", Unmount::IfIdle).unwrap();
    spread(&w, "/a", Spread::Private);
    assert_eq!(groups(&w, "/c"), (None, above));
    umount(&w, "/b", Unmount::IfIdle).unwrap();
    assert_eq!(groups(&w, "/c"), (None, None));
    spread(&w, "/c", Spread::Shared);
    assert_eq!(groups(&w, "/c").1, None);
}

#[test]
fn what_may_not_be_done_with_kinds() {
    let w = family();
    w.mkdir("/u").unwrap();
    mount(&w, "/u", MountFlags::empty()).unwrap();
    spread(&w, "/u", Spread::Unbindable);
    assert_eq!(bind(&w, "/u", "/e"), Err(Errno::EINVAL));
    let (u, x) = (w.lookup("/u").unwrap(), w.lookup("/a/x").unwrap());
    assert_eq!(vfs::move_mount(&u, &x), Err(Errno::EINVAL));
    mount(&w, "/a/x", MountFlags::empty()).unwrap();
    let x = w.lookup("/a/x").unwrap();
    assert_eq!(vfs::move_mount(&x, &u), Err(Errno::EINVAL));
    drop((u, x));
    let busy = w.open("/c/x", raw::O_RDONLY).unwrap();
    assert_eq!(umount(&w, "/a/x", Unmount::IfIdle), Err(Errno::EBUSY));
    drop(busy);
    umount(&w, "/a/x", Unmount::IfIdle).unwrap();
}
