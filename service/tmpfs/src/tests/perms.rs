//! Permissions.
use super::*;
use vfs::{Access, SetTime};

#[test]
fn owner_group_others() {
    let w = World::new();
    w.chmod("/", 0o777).unwrap();
    let (a, b) = (w.user(1), w.user(2));
    a.write("/f", b"x");
    a.chmod("/f", 0o640).unwrap();
    assert_eq!(b.read("/f").unwrap_err(), Errno::EACCES);
    assert_eq!(b.open("/f", raw::O_WRONLY).err(), Some(Errno::EACCES));
    assert_eq!(b.chmod("/f", 0o777).unwrap_err(), Errno::EPERM);
    w.chown("/f", 1, 2).unwrap();
    assert!(b.read("/f").is_ok());
    assert_eq!(b.open("/f", raw::O_RDWR).err(), Some(Errno::EACCES));
    // The owner's bits count for the owner, even where the group has more.
    a.chmod("/f", 0o070).unwrap();
    assert_eq!(a.read("/f").unwrap_err(), Errno::EACCES);
    assert!(w.read("/f").is_ok());
    let file = w.lookup("/f").unwrap();
    assert_eq!(
        vfs::access(&file, Access::EXEC, &a.cred),
        Err(Errno::EACCES)
    );
    w.chmod("/f", 0o600).unwrap();
    assert_eq!(
        vfs::access(&file, Access::EXEC, &w.cred),
        Err(Errno::EACCES)
    );
    w.chmod("/f", 0o610).unwrap();
    assert_eq!(vfs::access(&file, Access::EXEC, &w.cred), Ok(()));
}

#[test]
fn directories() {
    let w = World::new();
    w.chmod("/", 0o777).unwrap();
    let (a, b) = (w.user(1), w.user(2));
    a.mkdir("/d").unwrap();
    a.write("/d/f", b"");
    a.chmod("/d", 0o700).unwrap();
    assert_eq!(b.stat("/d/f").unwrap_err(), Errno::EACCES);
    assert_eq!(b.stat("/d/none").unwrap_err(), Errno::EACCES);
    a.chmod("/d", 0o711).unwrap();
    assert!(b.stat("/d/f").is_ok());
    assert_eq!(b.open("/d", raw::O_RDONLY).err(), Some(Errno::EACCES));
    assert_eq!(b.mkdir("/d/x").unwrap_err(), Errno::EACCES);
    assert_eq!(b.unlink("/d/f").unwrap_err(), Errno::EACCES);
    assert_eq!(
        b.open("/d/new", raw::O_CREAT | raw::O_WRONLY).err(),
        Some(Errno::EACCES)
    );
    a.chmod("/d", 0o666).unwrap();
    assert_eq!(a.stat("/d/f").unwrap_err(), Errno::EACCES);
    assert!(w.stat("/d/f").is_ok());
}

#[test]
fn sticky_directories() {
    let w = World::new();
    w.mkdir("/tmp").unwrap();
    w.chmod("/tmp", 0o1777).unwrap();
    let (a, b) = (w.user(1), w.user(2));
    a.write("/tmp/f", b"");
    b.write("/tmp/g", b"");
    assert_eq!(b.unlink("/tmp/f").unwrap_err(), Errno::EPERM);
    assert_eq!(b.rename("/tmp/f", "/tmp/h").unwrap_err(), Errno::EPERM);
    assert_eq!(b.rename("/tmp/g", "/tmp/f").unwrap_err(), Errno::EPERM);
    w.unlink("/tmp/g").unwrap();
    a.unlink("/tmp/f").unwrap();
}

#[test]
fn set_group_id_directories_hand_their_group_on() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.chown("/d", 0, 7).unwrap();
    w.chmod("/d", 0o2777).unwrap();
    let a = w.user(1);
    a.write("/d/f", b"");
    a.mkdir("/d/s").unwrap();
    assert_eq!(w.stat("/d/f").unwrap().gid, Kgid(7));
    let sub = w.stat("/d/s").unwrap();
    assert_eq!((sub.gid, sub.mode & 0o7777), (Kgid(7), 0o2755));
    // Not of the group: no set-group-ID program for it.
    drop(
        a.open_mode("/d/p", raw::O_CREAT | raw::O_WRONLY, 0o2777)
            .unwrap(),
    );
    assert_eq!(w.stat("/d/p").unwrap().mode & 0o7777, 0o755);
}

#[test]
fn umask_and_the_mode_of_what_is_made() {
    let w = World::new();
    w.fs.set_umask(0o027);
    drop(w.open_mode("/f", raw::O_CREAT, 0o4777).unwrap());
    w.mkdir("/d").unwrap();
    w.symlink("x", "/l").unwrap();
    assert_eq!(w.stat("/f").unwrap().mode & 0o7777, 0o4750);
    assert_eq!(w.stat("/d").unwrap().mode & 0o7777, 0o750);
    assert_eq!(w.lstat("/l").unwrap().mode & 0o7777, 0o777);
    // The one who makes a file may write to it whatever its mode.
    let file = w
        .user(0)
        .open_mode("/ro", raw::O_CREAT | raw::O_RDWR, 0o400)
        .unwrap();
    assert_eq!(put(&file, b"x"), Ok(1));
}

#[test]
fn changing_the_owner() {
    let w = World::new();
    w.chmod("/", 0o777).unwrap();
    let a = w.user(1);
    a.write("/f", b"");
    a.chmod("/f", 0o6755).unwrap();
    assert_eq!(a.chown("/f", 2, 1).unwrap_err(), Errno::EPERM);
    assert_eq!(a.chown("/f", 1, 2).unwrap_err(), Errno::EPERM);
    a.chown("/f", 1, 1).unwrap();
    assert_eq!(w.stat("/f").unwrap().mode & 0o7777, 0o755);
    w.chown("/f", 5, 6).unwrap();
    let stat = w.stat("/f").unwrap();
    assert_eq!((stat.uid, stat.gid), (Kuid(5), Kgid(6)));
    // A group one is not in takes the set-group-ID bit.
    w.chown("/f", 1, 9).unwrap();
    a.chmod("/f", 0o2755).unwrap();
    assert_eq!(w.stat("/f").unwrap().mode & 0o7777, 0o755);
}

#[test]
fn writing_takes_set_id_bits_from_a_user() {
    let w = World::new();
    w.chmod("/", 0o777).unwrap();
    let a = w.user(1);
    a.write("/f", b"x");
    a.chmod("/f", 0o6777).unwrap();
    put(&w.open("/f", raw::O_WRONLY).unwrap(), b"y").unwrap();
    assert_eq!(w.stat("/f").unwrap().mode & 0o7777, 0o6777);
    put(&a.open("/f", raw::O_WRONLY).unwrap(), b"y").unwrap();
    assert_eq!(w.stat("/f").unwrap().mode & 0o7777, 0o777);
}

#[test]
fn setting_times() {
    let w = World::new();
    w.chmod("/", 0o777).unwrap();
    let (a, b) = (w.user(1), w.user(2));
    a.write("/f", b"");
    let at = w.lookup("/f").unwrap();
    let then = SetTime::To(abi::pod::Timespec {
        tv_sec: 5,
        tv_nsec: 6,
    });
    vfs::set_times(&at, Some(then), None, &a.cred).unwrap();
    let stat = w.stat("/f").unwrap();
    assert_eq!((stat.atime.tv_sec, stat.atime.tv_nsec), (5, 6));
    assert!(stat.mtime.tv_sec > 1_000_000);
    assert_eq!(
        vfs::set_times(&at, Some(then), Some(then), &b.cred),
        Err(Errno::EPERM)
    );
    let now = Some(SetTime::Now);
    assert_eq!(vfs::set_times(&at, now, now, &b.cred), Err(Errno::EACCES));
    a.chmod("/f", 0o666).unwrap();
    vfs::set_times(&at, now, now, &b.cred).unwrap();
    assert!(w.stat("/f").unwrap().atime.tv_sec > 1_000_000);
}
