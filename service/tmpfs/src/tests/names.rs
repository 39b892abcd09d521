//! Making, removing, renaming.
use super::*;

#[test]
fn making_what_exists() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    for path in ["/d", "/d/", "/", "/d/.", "/d/.."] {
        assert_eq!(w.mkdir(path).unwrap_err(), Errno::EEXIST, "{path}");
    }
    assert_eq!(w.mkdir("/x/y").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.symlink("t", "/s/").unwrap_err(), Errno::ENOENT);
    let fifo = Make::Node(FileType::Fifo, 0o644, 0);
    w.make("/fifo", fifo).unwrap();
    assert_eq!(w.stat("/fifo").unwrap().mode, raw::S_IFIFO | 0o644);
    let dev = Make::Node(FileType::CharDevice, 0o600, vfs::makedev(1, 3));
    w.make("/null", dev).unwrap();
    let stat = w.stat("/null").unwrap();
    assert_eq!((vfs::major(stat.rdev), vfs::minor(stat.rdev)), (1, 3));
    assert_eq!(w.user(5).make("/n2", dev).unwrap_err(), Errno::EPERM);
}

#[test]
fn link_counts() {
    let w = World::new();
    w.write("/f", b"");
    w.link("/f", "/g").unwrap();
    assert_eq!(w.stat("/f").unwrap().nlink, 2);
    assert_eq!(w.stat("/f").unwrap().ino, w.stat("/g").unwrap().ino);
    assert_eq!(w.link("/f", "/g").unwrap_err(), Errno::EEXIST);
    w.unlink("/f").unwrap();
    assert_eq!(w.stat("/g").unwrap().nlink, 1);
    w.mkdir("/d").unwrap();
    assert_eq!(w.link("/d", "/e").unwrap_err(), Errno::EPERM);
    assert_eq!(w.stat("/").unwrap().nlink, 3);
    w.mkdir("/d/s").unwrap();
    assert_eq!(w.stat("/d").unwrap().nlink, 3);
    w.rmdir("/d/s").unwrap();
    assert_eq!(w.stat("/d").unwrap().nlink, 2);
    w.symlink("g", "/l").unwrap();
    w.link("/l", "/l2").unwrap();
    assert_eq!(w.lstat("/l2").unwrap().mode & raw::S_IFMT, raw::S_IFLNK);
}

#[test]
fn removing() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.write("/d/f", b"");
    w.symlink("d", "/l").unwrap();
    assert_eq!(w.unlink("/d").unwrap_err(), Errno::EISDIR);
    assert_eq!(w.unlink("/d/").unwrap_err(), Errno::EISDIR);
    assert_eq!(w.unlink("/d/f/").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.unlink("/").unwrap_err(), Errno::EISDIR);
    assert_eq!(w.unlink("/none").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.rmdir("/d").unwrap_err(), Errno::ENOTEMPTY);
    assert_eq!(w.rmdir("/d/f").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.rmdir("/d/.").unwrap_err(), Errno::EINVAL);
    assert_eq!(w.rmdir("/d/..").unwrap_err(), Errno::ENOTEMPTY);
    assert_eq!(w.rmdir("/").unwrap_err(), Errno::EBUSY);
    assert_eq!(w.rmdir("/l").unwrap_err(), Errno::ENOTDIR);
    w.unlink("/l").unwrap();
    w.unlink("/d/f").unwrap();
    w.rmdir("/d/").unwrap();
    assert_eq!(w.stat("/d").unwrap_err(), Errno::ENOENT);
    w.mkdir("/d").unwrap();
    assert_eq!(w.list("/"), ["d"]);
}

#[test]
fn rename_files() {
    let w = World::new();
    w.write("/a", b"A");
    w.write("/b", b"B");
    w.rename("/a", "/c").unwrap();
    assert_eq!(w.read("/c").unwrap(), b"A");
    assert_eq!(w.stat("/a").unwrap_err(), Errno::ENOENT);
    w.rename("/c", "/b").unwrap();
    assert_eq!(w.read("/b").unwrap(), b"A");
    assert_eq!(w.list("/"), ["b"]);
    w.rename("/b", "/b").unwrap();
    w.link("/b", "/b2").unwrap();
    // Two names of one file: nothing happens.
    w.rename("/b", "/b2").unwrap();
    assert_eq!(w.list("/"), ["b", "b2"]);
    assert_eq!(w.rename("/b", "/d/").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.rename("/b/", "/d").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.rename("/none", "/d").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.rename("/b", "/").unwrap_err(), Errno::EBUSY);
    assert_eq!(w.rename("/.", "/x").unwrap_err(), Errno::EBUSY);
    let (_, inodes) = w.used();
    assert_eq!(inodes, 2);
}

#[test]
fn rename_directories() {
    let w = World::new();
    for d in ["/a", "/a/s", "/b", "/e"] {
        w.mkdir(d).unwrap();
    }
    w.write("/f", b"");
    w.write("/b/x", b"");
    assert_eq!(w.rename("/a", "/a/s/t").unwrap_err(), Errno::EINVAL);
    assert_eq!(w.rename("/a/s", "/a").unwrap_err(), Errno::ENOTEMPTY);
    assert_eq!(w.rename("/a", "/b").unwrap_err(), Errno::ENOTEMPTY);
    assert_eq!(w.rename("/a", "/f").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.rename("/f", "/a").unwrap_err(), Errno::EISDIR);
    w.rename("/a", "/e/").unwrap();
    assert_eq!(w.list("/e"), ["s"]);
    w.rename("/e/s", "/b/s").unwrap();
    assert_eq!(
        (w.stat("/e").unwrap().nlink, w.stat("/b").unwrap().nlink),
        (2, 3)
    );
    assert_eq!(w.stat("/b/s/..").unwrap().ino, w.stat("/b").unwrap().ino);
    assert_eq!(w.stat("/").unwrap().nlink, 4);
}

#[test]
fn rename_flags() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.write("/d/in", b"");
    w.write("/f", b"F");
    w.write("/g", b"G");
    let (keep, swap) = (RenameFlags::NOREPLACE, RenameFlags::EXCHANGE);
    assert_eq!(w.rename2("/f", "/g", keep).unwrap_err(), Errno::EEXIST);
    assert_eq!(w.rename2("/f", "/", keep).unwrap_err(), Errno::EEXIST);
    w.rename2("/f", "/h", keep).unwrap();
    assert_eq!(w.rename2("/h", "/none", swap).unwrap_err(), Errno::ENOENT);
    assert_eq!(
        w.rename2("/h", "/g", swap | keep).unwrap_err(),
        Errno::EINVAL
    );
    w.rename2("/h", "/g", swap).unwrap();
    assert_eq!(
        (w.read("/h").unwrap(), w.read("/g").unwrap()),
        (b"G".to_vec(), b"F".to_vec())
    );
    assert_eq!(w.rename2("/d", "/d/in", swap).unwrap_err(), Errno::EINVAL);
    assert_eq!(w.rename2("/d/in", "/d", swap).unwrap_err(), Errno::EINVAL);
    w.rename2("/g", "/d", swap).unwrap();
    assert_eq!(w.read("/d").unwrap(), b"F");
    assert_eq!(w.list("/g"), ["in"]);
    w.mkdir("/e").unwrap();
    w.rename2("/g", "/e", swap).unwrap();
    w.mkdir("/e/sub").unwrap();
    w.rename2("/e/sub", "/d", swap).unwrap();
    assert_eq!(
        (w.stat("/e").unwrap().nlink, w.stat("/").unwrap().nlink),
        (2, 5)
    );
    w.unlink("/e/sub").unwrap();
    w.rmdir("/d").unwrap();
}

#[test]
fn reading_a_directory_while_it_changes() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    for i in 0..100 {
        w.write(&std::format!("/d/{i}"), b"");
    }
    let dir = w.open("/d", raw::O_RDONLY).unwrap();
    let mut seen = StdVec::new();
    loop {
        let some = names_of(&dir, 7);
        if some.is_empty() {
            break;
        }
        for name in &some {
            w.unlink(&std::format!("/d/{name}")).unwrap();
        }
        seen.extend(some);
    }
    assert_eq!(seen.len(), 100);
    assert_eq!(w.list("/d").len(), 0);
    w.rmdir("/d").unwrap();
    dir.seek(0, raw::SEEK_SET).unwrap();
    let mut sink = |_: &vfs::DirEntry<'_>| Ok(vfs::Sink::Taken);
    assert_eq!(dir.read_dir(&mut sink).unwrap_err(), Errno::ENOENT);
}

#[test]
fn temporary_files_get_a_name_once() {
    let w = World::new();
    let flags = raw::O_TMPFILE | raw::O_RDWR;
    let file = w.open("/", flags).unwrap();
    put(&file, b"data").unwrap();
    assert_eq!(file.inode().nlink(), 0);
    assert_eq!(w.list("/").len(), 0);
    vfs::link(w.ctx(), file.path(), b"/named").unwrap();
    assert_eq!(w.read("/named").unwrap(), b"data");
    assert_eq!(w.stat("/named").unwrap().nlink, 1);
    w.unlink("/named").unwrap();
    assert_eq!(
        vfs::link(w.ctx(), file.path(), b"/again").unwrap_err(),
        Errno::ENOENT
    );
    let once = w.open("/", flags | raw::O_EXCL).unwrap();
    assert_eq!(
        vfs::link(w.ctx(), once.path(), b"/never").unwrap_err(),
        Errno::ENOENT
    );
    assert_eq!(w.open("/", raw::O_TMPFILE).err(), Some(Errno::EINVAL));
    drop((file, once));
    assert_eq!(w.used(), (0, 1));
}
