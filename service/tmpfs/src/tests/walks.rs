//! Path walks.
use super::*;

#[test]
fn plain_paths() {
    let w = World::new();
    w.mkdir("/a").unwrap();
    w.mkdir("/a/b/").unwrap();
    w.write("/a/b/f", b"x");
    for path in [
        "/a/b/f",
        "//a///b//f",
        "/./a/././b/f",
        "/a/b/../b/f",
        "/../../a/b/f",
        "a/b/f",
    ] {
        assert_eq!(w.stat(path).unwrap().size, 1, "{path}");
    }
    assert_eq!(w.stat("/a/b/f/").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.stat("/a/b/f/.").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.stat("/a/b/f/..").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.stat("/a/b/g").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.stat("/a/c/g").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.stat("").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.stat("/").unwrap().ino, w.stat("/..").unwrap().ino);
    assert!(vfs::lookup(w.ctx(), b"", LookupFlags::EMPTY).is_ok());
}

#[test]
fn names_up_to_255_bytes() {
    let w = World::new();
    let longest = "n".repeat(255);
    w.write(&longest, b"");
    assert!(w.stat(&longest).is_ok());
    assert_eq!(w.list("/"), [longest]);
    assert_eq!(w.stat(&"n".repeat(256)).unwrap_err(), Errno::ENAMETOOLONG);
    assert_eq!(w.mkdir(&"n".repeat(256)).unwrap_err(), Errno::ENAMETOOLONG);
}

#[test]
fn forty_links_but_not_forty_one() {
    let w = World::new();
    w.write("/l0", b"end");
    for i in 1..=41 {
        w.symlink(&std::format!("l{}", i - 1), &std::format!("/l{i}"))
            .unwrap();
    }
    assert_eq!(w.read("/l40").unwrap(), b"end");
    assert_eq!(w.read("/l41").unwrap_err(), Errno::ELOOP);
    w.symlink("loop", "/loop").unwrap();
    assert_eq!(w.stat("/loop").unwrap_err(), Errno::ELOOP);
    assert_eq!(w.stat("/loop/x").unwrap_err(), Errno::ELOOP);
    assert!(w.lstat("/loop").is_ok());
}

#[test]
fn links_in_the_middle_and_at_the_end() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.mkdir("/d/e").unwrap();
    w.write("/d/e/f", b"1");
    w.symlink("/d/", "/abs").unwrap();
    w.symlink("d/e/", "/rel").unwrap();
    w.symlink("../../d/e/f", "/d/e/back").unwrap();
    w.symlink("e/f", "/d/deep").unwrap();
    assert_eq!(w.read("/abs/e/f").unwrap(), b"1");
    assert_eq!(w.read("/rel/f").unwrap(), b"1");
    assert_eq!(w.read("/rel/back").unwrap(), b"1");
    assert_eq!(w.read("/abs/deep").unwrap(), b"1");
    assert_eq!(w.lstat("/rel/").unwrap().ino, w.stat("/d/e").unwrap().ino);
    assert_eq!(w.lstat("/d/deep/").unwrap_err(), Errno::ENOTDIR);
    assert_eq!(w.lstat("/rel").unwrap().size, 4);
    assert_eq!(w.stat("/rel/../deep").unwrap().size, 1);
    w.symlink("nowhere", "/dangling").unwrap();
    assert_eq!(w.stat("/dangling").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.symlink("", "/empty").unwrap_err(), Errno::ENOENT);
}

#[test]
fn the_root_holds_the_walk() {
    let w = World::new();
    w.mkdir("/jail").unwrap();
    w.mkdir("/jail/in").unwrap();
    w.write("/out", b"");
    w.write("/jail/here", b"");
    w.symlink("/here", "/jail/in/link").unwrap();
    vfs::chroot(w.ctx(), b"/jail").unwrap();
    assert_eq!(w.stat("/out").unwrap_err(), Errno::ENOENT);
    assert_eq!(w.stat("/../../out").unwrap_err(), Errno::ENOENT);
    assert!(w.stat("/in/link").is_ok());
    // The working directory is still outside, as with Linux.
    assert!(w.stat("out").is_ok());
    assert_eq!(w.pwd(), "(unreachable)/");
    w.cwd("/in");
    assert_eq!(w.pwd(), "/in");
}

#[test]
fn scopes_of_openat2() {
    let w = World::new();
    w.mkdir("/d").unwrap();
    w.mkdir("/d/s").unwrap();
    w.write("/f", b"");
    w.write("/d/f", b"in");
    w.symlink("/f", "/d/abs").unwrap();
    w.symlink("../f", "/d/s/up").unwrap();
    let base = w.lookup("/d").unwrap();
    let find = |path: &str, flags| {
        let ctx = WalkCtx {
            base: Some(&base),
            ..w.ctx()
        };
        vfs::lookup(ctx, path.as_bytes(), flags | LookupFlags::FOLLOW)
    };
    assert!(find("s/up", LookupFlags::BENEATH).is_ok());
    for path in ["..", "s/../../f", "abs", "/f"] {
        assert_eq!(
            find(path, LookupFlags::BENEATH).err(),
            Some(Errno::EXDEV),
            "{path}"
        );
    }
    for path in ["../../f", "abs", "/f", "s/up"] {
        let found = find(path, LookupFlags::IN_ROOT).unwrap();
        assert_eq!(found.inode().unwrap().size(), 2, "{path}");
    }
    assert_eq!(
        find("abs", LookupFlags::NO_SYMLINKS).err(),
        Some(Errno::ELOOP)
    );
}

#[test]
fn paths_of_places() {
    let w = World::new();
    w.mkdir("/a").unwrap();
    w.mkdir("/a/b").unwrap();
    w.cwd("/a/b");
    assert_eq!(w.pwd(), "/a/b");
    w.rename("/a", "/c").unwrap();
    assert_eq!(w.pwd(), "/c/b");
    w.rmdir("/c/b").unwrap();
    assert_eq!(w.pwd(), "/c/b (deleted)");
    assert_eq!(w.mkdir("x").unwrap_err(), Errno::ENOENT);
    assert_eq!(
        w.open("x", raw::O_CREAT | raw::O_WRONLY).err(),
        Some(Errno::ENOENT)
    );
    assert!(w.stat("..").is_ok());
    assert_eq!(w.stat(".").unwrap().nlink, 0);
}

#[test]
fn a_deep_tree_falls_without_recursion() {
    let w = World::new();
    const DEPTH: usize = 20_000;
    for _ in 0..DEPTH {
        w.mkdir("d").unwrap();
        w.cwd("d");
    }
    w.cwd("/");
    let before = w.used().1;
    assert_eq!(before, DEPTH as u64 + 1);
    // Unmounting takes the tree apart.
    drop(w);
    // A removed tree that one open directory at its bottom kept alive.
    let w = World::new();
    for _ in 0..DEPTH {
        w.mkdir("d").unwrap();
        w.cwd("d");
    }
    let mut up = w.fs.cwd();
    for _ in 0..DEPTH {
        let parent = up.dentry.parent().unwrap();
        let at = Path {
            mnt: up.mnt.clone(),
            dentry: parent,
        };
        let ctx = WalkCtx {
            base: Some(&at),
            ..w.ctx()
        };
        vfs::rmdir(ctx, b"d").unwrap();
        up = at;
    }
    drop(up);
    w.cwd("/");
    assert_eq!(w.used().1, 1);
}
