//! Device files from end to end, through the VFS.
use super::*;
use abi::raw;
use kmem::user::UserBuf;
use vfs::{File, MountFlags, MountNs, OpenHow};

fn put(file: &File, data: &[u8]) -> Result<usize> {
    file.write(&mut UserBuf::kernel_src(data), u64::MAX)
        .map_err(|e| e.errno)
}

fn get(file: &File, out: &mut [u8]) -> Result<usize> {
    file.read(&mut UserBuf::kernel_dst(out))
}

/// One test, since there is one devtmpfs.
#[test]
fn devices_from_end_to_end() {
    init().unwrap();
    assert_eq!(init(), Err(Errno::EBUSY));
    create_node("input/mice", vfs::makedev(13, 63), 0o660).unwrap();
    create_dir("pts", 0o755).unwrap();
    create_link("fd", "/proc/self/fd").unwrap();
    assert_eq!(create_node("null", 0, 0), Err(Errno::EEXIST));
    let rootfs = tmpfs::new_superblock("rootfs", b"").unwrap();
    let ns = MountNs::new(&rootfs).unwrap();
    let fs = FsStruct::new(ns.root().unwrap().root_path()).unwrap();
    let cred = Cred::init().unwrap();
    let ctx = WalkCtx::new(&fs, &cred);
    vfs::make(ctx, b"/dev", Make::Directory(0o755)).unwrap();
    let at = vfs::lookup(ctx, b"/dev", LookupFlags::empty()).unwrap();
    let kind = vfs::find_filesystem(b"devtmpfs").unwrap();
    vfs::mount_on(
        &kind.mount(b"none", b"").unwrap(),
        b"none",
        MountFlags::empty(),
        &at,
    )
    .unwrap();
    let open = |path: &str| vfs::open(ctx, path.as_bytes(), &OpenHow::new(raw::O_RDWR, 0));

    let mut data = [7; 100];
    let null = open("/dev/null").unwrap();
    assert_eq!((get(&null, &mut data), put(&null, &data)), (Ok(0), Ok(100)));
    assert_eq!(null.seek(5, raw::SEEK_SET), Ok(0));
    let zero = open("/dev/zero").unwrap();
    assert_eq!((get(&zero, &mut data), put(&zero, b"x")), (Ok(100), Ok(1)));
    assert_eq!(data, [0; 100]);
    let map = zero.mmap().unwrap();
    map.page(9, pagecache::MapAccess::Write)
        .unwrap()
        .write(0, b"kept");
    assert_eq!(
        map.page(9, pagecache::MapAccess::Read)
            .unwrap()
            .load_u32(0)
            .to_le_bytes(),
        *b"kept"
    );
    assert_eq!(put(&open("/dev/full").unwrap(), b"x"), Err(Errno::ENOSPC));
    let random = open("/dev/urandom").unwrap();
    assert_eq!(get(&random, &mut data), Ok(100));
    assert_ne!(data, [0; 100]);
    assert_eq!(put(&random, &data), Ok(100));
    assert!(null.mmap().is_err());

    let kmsg = open("/dev/kmsg").unwrap();
    kmsg.seek(0, raw::SEEK_END).unwrap();
    assert_eq!(put(&kmsg, b"<6>from below\n"), Ok(14));
    let mut line = [0; 200];
    let n = get(&kmsg, &mut line).unwrap();
    let text = core::str::from_utf8(&line[..n]).unwrap();
    assert!(
        text.starts_with("14,") && text.ends_with(",-;from below\n"),
        "{text}"
    );
    kmsg.set_flags(vfs::OpenFlags::NONBLOCK, 3).unwrap();
    assert_eq!(get(&kmsg, &mut line), Err(Errno::EAGAIN));
    put(&kmsg, b"two").unwrap();
    assert_eq!(get(&kmsg, &mut line[..5]), Err(Errno::EINVAL));
    assert!(get(&kmsg, &mut line).is_ok());

    assert_eq!(open("/dev/input/mice").err(), Some(Errno::ENXIO));
    assert!(lookup("console").is_err() && lookup("pts").is_ok());
    let path = open("/dev/null").unwrap().path().to_bytes().unwrap();
    assert_eq!(path, b"/dev/null");
    device::remove_node("full").unwrap();
    assert_eq!(open("/dev/full").err(), Some(Errno::ENOENT));
}
