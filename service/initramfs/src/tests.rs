//! Archives unpacked into a tmpfs: plain, compressed, corrupt, too large.
use super::*;
use abi::{PAGE_SIZE, raw};
use kmem::user::UserBuf;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;
use vfs::{FsStruct, LookupFlags, MountNs, OpenHow, WalkCtx};

struct World {
    fs: Arc<FsStruct>,
    cred: Arc<Cred>,
}

impl World {
    fn new() -> Self {
        let sb = tmpfs::new_superblock("rootfs", b"size=64m,nr_inodes=1000").unwrap();
        let ns = MountNs::new(&sb).unwrap();
        let fs = FsStruct::new(ns.root().unwrap().root_path()).unwrap();
        Self {
            fs,
            cred: Cred::init().unwrap(),
        }
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Report, Error> {
        unpack_from(bytes, &self.fs.root(), &self.cred)
    }

    fn ctx(&self) -> WalkCtx<'_> {
        WalkCtx::new(&self.fs, &self.cred)
    }

    fn stat(&self, path: &str) -> vfs::Kstat {
        let at = vfs::lookup(self.ctx(), path.as_bytes(), LookupFlags::empty()).unwrap();
        at.inode().unwrap().getattr()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        let how = OpenHow::new(raw::O_RDONLY, 0);
        let file = vfs::open(self.ctx(), path.as_bytes(), &how).unwrap();
        let mut data = vec![0; 1 << 20];
        let n = file.read(&mut UserBuf::kernel_dst(&mut data)).unwrap();
        data.truncate(n);
        data
    }
}

#[derive(Clone, Copy)]
struct Meta {
    ino: u32,
    mode: u32,
    uid: u32,
    nlink: u32,
    rdev: (u32, u32),
}

const FILE: Meta = Meta {
    ino: 1,
    mode: 0o100_644,
    uid: 0,
    nlink: 1,
    rdev: (0, 0),
};

/// Appends an entry whose name is padded to `name_size` with NULs.
fn add_padded(out: &mut Vec<u8>, name: &str, name_size: usize, meta: Meta, data: &[u8]) {
    let (major, minor) = meta.rdev;
    let fields = [
        meta.ino,
        meta.mode,
        meta.uid,
        0,
        meta.nlink,
        1_000_000,
        data.len() as u32,
        0,
        0,
        major,
        minor,
        name_size as u32,
        0,
    ];
    out.extend(b"070701");
    for field in fields {
        out.extend(format!("{field:08x}").bytes());
    }
    out.extend(name.bytes());
    out.resize(out.len() - name.len() + name_size, 0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(data);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn add(out: &mut Vec<u8>, name: &str, meta: Meta, data: &[u8]) {
    add_padded(out, name, name.len() + 1, meta, data);
}

/// Appends a file whose data begins on a page.
fn add_aligned(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    let data_at = (out.len() + 110 + name.len() + 1).next_multiple_of(PAGE_SIZE);
    add_padded(out, name, data_at - out.len() - 110, FILE, data);
}

fn end(out: &mut Vec<u8>) {
    add(out, "TRAILER!!!", Meta { mode: 0, ..FILE }, b"");
}

fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    let dir = Meta {
        mode: 0o040_750,
        ..FILE
    };
    add(
        &mut out,
        ".",
        Meta {
            mode: 0o040_755,
            ..FILE
        },
        b"",
    );
    add(&mut out, "bin", dir, b"");
    add(
        &mut out,
        "bin/sh",
        Meta {
            mode: 0o104_755,
            uid: 7,
            ..FILE
        },
        b"program",
    );
    add(
        &mut out,
        "/init",
        Meta {
            mode: 0o120_777,
            ..FILE
        },
        b"bin/sh",
    );
    add(
        &mut out,
        "null",
        Meta {
            mode: 0o020_666,
            rdev: (1, 3),
            ..FILE
        },
        b"",
    );
    let hard = Meta {
        ino: 9,
        nlink: 2,
        ..FILE
    };
    add(&mut out, "one", hard, b"");
    add(&mut out, "./two", hard, b"linked");
    add(&mut out, "no/such/dir", FILE, b"lost");
    end(&mut out);
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    out.extend(b"name\0");
    out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
    out.extend(crc32::update(0, bytes).to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    out
}

fn check_sample(w: &World) {
    assert_eq!(w.read("/init"), b"program");
    let sh = w.stat("/bin/sh");
    assert_eq!(
        (sh.mode, sh.uid.0, sh.mtime.tv_sec),
        (0o104_755, 7, 1_000_000)
    );
    assert_eq!(
        (w.stat("/bin").mode, w.stat("/bin").mtime.tv_sec),
        (0o040_750, 1_000_000)
    );
    assert_eq!(w.stat("/").mode, 0o040_755);
    assert_eq!(w.stat("/null").rdev, vfs::makedev(1, 3));
    assert_eq!(
        (w.read("/one"), w.stat("/one").nlink),
        (b"linked".to_vec(), 2)
    );
    assert_eq!(w.stat("/one").ino, w.stat("/two").ino);
}

#[test]
fn plain_and_compressed() {
    for bytes in [sample(), gzip(&sample())] {
        let w = World::new();
        let report = w.unpack(&bytes).unwrap();
        assert_eq!((report.entries, report.skipped), (8, 1));
        check_sample(&w);
    }
}

#[test]
fn archives_in_a_row_replace_what_is_there() {
    let mut second = Vec::new();
    add(
        &mut second,
        "bin/sh",
        Meta {
            mode: 0o100_600,
            ..FILE
        },
        b"new",
    );
    add(&mut second, "init", FILE, b"file now");
    add(
        &mut second,
        "one",
        Meta {
            mode: 0o120_777,
            ..FILE
        },
        b"bin",
    );
    // The identity of an entry in the first archive means nothing here.
    add(
        &mut second,
        "three",
        Meta {
            ino: 9,
            nlink: 2,
            ..FILE
        },
        b"other",
    );
    end(&mut second);
    let mut bytes = sample();
    bytes.extend([0; 400]);
    bytes.extend(gzip(&second));
    bytes.extend([0; 3]);
    let w = World::new();
    w.unpack(&bytes).unwrap();
    assert_eq!(w.read("/bin/sh"), b"new");
    assert_eq!(
        (w.stat("/bin/sh").mode, w.stat("/bin/sh").uid.0),
        (0o100_600, 0)
    );
    assert_eq!(w.read("/init"), b"file now");
    assert_eq!(w.stat("/one").mode & raw::S_IFMT, raw::S_IFLNK);
    assert_eq!(w.read("/two"), b"linked");
    assert_eq!(w.read("/three"), b"other");
}

#[test]
fn large_files_cross_windows() {
    let data: Vec<u8> = (0..300_000_u32).map(|i| (i / 7 % 251) as u8).collect();
    let mut bytes = Vec::new();
    add(&mut bytes, "big", FILE, &data);
    end(&mut bytes);
    let w = World::new();
    w.unpack(&gzip(&bytes)).unwrap();
    assert_eq!(w.read("/big"), data);
}

/// The only test that may touch the machine's initrd: its pages are adopted once.
#[test]
fn pages_are_adopted_in_place() {
    let page = |byte: u8, len: usize| vec![byte; len];
    let mut bytes = Vec::new();
    add_aligned(&mut bytes, "a", &page(1, 2 * PAGE_SIZE + 100));
    add(&mut bytes, "odd", FILE, &page(2, 3 * PAGE_SIZE));
    add_aligned(&mut bytes, "b", &page(3, PAGE_SIZE));
    add_aligned(&mut bytes, "twice", &page(4, 3 * PAGE_SIZE));
    add_aligned(&mut bytes, "twice", &page(5, 2 * PAGE_SIZE));
    end(&mut bytes);
    let range = kmem::frame::place_initrd(&bytes);
    let pages = bytes.len().div_ceil(PAGE_SIZE);
    let w = World::new();
    let report = unpack(range.clone(), &w.fs.root(), &w.cred).unwrap();
    assert_eq!((report.entries, report.adopted), (5, 5));
    // What was adopted and replaced afterwards is free too; the last page may be shared with something else.
    assert!(report.freed >= pages - 5 - 3 - 1, "{report:?} of {pages}");
    assert_eq!(w.read("/a"), page(1, 2 * PAGE_SIZE + 100));
    assert_eq!(w.read("/odd"), page(2, 3 * PAGE_SIZE));
    assert_eq!(w.read("/b"), page(3, PAGE_SIZE));
    assert_eq!(w.read("/twice"), page(5, 2 * PAGE_SIZE));
    let at = vfs::lookup(w.ctx(), b"/a", LookupFlags::empty()).unwrap();
    let frame = at.inode().unwrap().cache().unwrap().lookup(1).unwrap();
    assert!(range.contains(&frame.paddr()));
    assert_eq!(unpack(range, &w.fs.root(), &w.cred), Err(Error::Missing));
}

fn failure(bytes: &[u8]) -> String {
    World::new().unpack(bytes).unwrap_err().to_string()
}

#[test]
fn corrupt_archives_are_named() {
    let plain = sample();
    let packed = gzip(&plain);
    let damage = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 0xaa;
        bytes
    };
    assert!(failure(b"hello").contains("invalid magic at offset 0x0"));
    assert!(failure(&[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]).contains("xz not configured"));
    assert!(failure(&plain[..plain.len() / 2]).contains("truncated"));
    assert!(failure(&damage(&plain, 20)).contains("malformed number"));
    assert!(failure(&packed[..8]).contains("malformed gzip header"));
    assert!(failure(&packed[..packed.len() / 2]).contains("compressed data is truncated"));
    assert!(failure(&packed[..packed.len() - 3]).contains("compressed data is truncated"));
    assert!(failure(&damage(&packed, packed.len() - 7)).contains("crc error"));
    assert!(failure(&damage(&packed, packed.len() - 2)).contains("length error"));
    assert!(failure(&gzip(&[b'x'; 200])).contains("cpio magic"));
    assert!(failure(&gzip(&plain[..200])).contains("truncated"));
    let mut junk = plain.clone();
    junk.extend(b"junk");
    assert!(failure(&junk).contains("invalid magic"));
}

#[test]
fn no_flipped_byte_panics() {
    for bytes in [sample(), gzip(&sample())] {
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] = bad[at].wrapping_mul(5).wrapping_add(1);
            let _ = World::new().unpack(&bad);
        }
    }
}

#[test]
fn no_room_is_an_error() {
    let mut bytes = Vec::new();
    for i in 0..2000 {
        add(&mut bytes, &format!("f{i}"), FILE, b"");
    }
    end(&mut bytes);
    assert!(failure(&bytes).contains("no room: ENOSPC"));
}
