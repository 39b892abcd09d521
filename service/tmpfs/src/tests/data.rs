//! Contents of files.
use super::*;
use vfs::{MapAccess, MapObject};

const P: usize = PAGE_SIZE;

#[test]
fn positions() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    assert_eq!(put(&f, b"hello world"), Ok(11));
    assert_eq!(f.seek(-5, raw::SEEK_END), Ok(6));
    assert_eq!(get(&f, 100), b"world");
    assert_eq!(f.seek(0, raw::SEEK_CUR), Ok(11));
    assert_eq!(f.seek(-1, raw::SEEK_SET), Err(Errno::EINVAL));
    assert_eq!(f.seek(0, 9), Err(Errno::EINVAL));
    let mut two = [0; 2];
    assert_eq!(f.read_at(&mut UserBuf::kernel_dst(&mut two), 4), Ok(2));
    assert_eq!(&two, b"o ");
    assert_eq!(f.pos(), 11);
    f.write_at(&mut UserBuf::kernel_src(b"J"), 0, u64::MAX)
        .unwrap();
    assert_eq!(w.read("/f").unwrap(), b"Jello world");
    let ro = w.open("/f", raw::O_RDONLY).unwrap();
    assert_eq!(put(&ro, b"x"), Err(Errno::EBADF));
    let wo = w.open("/f", raw::O_WRONLY).unwrap();
    assert_eq!(
        wo.read(&mut UserBuf::kernel_dst(&mut two)),
        Err(Errno::EBADF)
    );
}

#[test]
fn appending_and_truncating() {
    let w = World::new();
    w.write("/f", b"one");
    let a = w.open("/f", raw::O_WRONLY | raw::O_APPEND).unwrap();
    let b = w.open("/f", raw::O_WRONLY).unwrap();
    b.seek(0, raw::SEEK_END).unwrap();
    put(&b, b"two").unwrap();
    put(&a, b"three").unwrap();
    assert_eq!(w.read("/f").unwrap(), b"onetwothree");
    vfs::ftruncate(&a, 4).unwrap();
    put(&a, b"!").unwrap();
    assert_eq!(w.read("/f").unwrap(), b"onet!");
    vfs::truncate(&w.lookup("/f").unwrap(), 10, &w.cred).unwrap();
    assert_eq!(w.read("/f").unwrap(), b"onet!\0\0\0\0\0");
    assert_eq!(
        vfs::truncate(&w.lookup("/").unwrap(), 0, &w.cred),
        Err(Errno::EISDIR)
    );
    w.write("/f", b"");
    assert_eq!(w.stat("/f").unwrap().size, 0);
    assert_eq!(
        vfs::ftruncate(&w.open("/f", raw::O_RDONLY).unwrap(), 0),
        Err(Errno::EINVAL)
    );
}

#[test]
fn sparse_files() {
    let w = World::new();
    let f = w.open("/f", raw::O_CREAT | raw::O_RDWR).unwrap();
    let at = |page: usize| (page * P) as i64;
    f.seek(at(3) + 5, raw::SEEK_SET).unwrap();
    put(&f, b"x").unwrap();
    vfs::ftruncate(&f, 10 * P as u64).unwrap();
    assert_eq!((w.stat("/f").unwrap().blocks, w.used().0), (8, 1));
    assert_eq!(f.seek(0, raw::SEEK_DATA), Ok(3 * P as u64));
    assert_eq!(f.seek(at(3) + 7, raw::SEEK_DATA), Ok(3 * P as u64 + 7));
    assert_eq!(f.seek(at(3), raw::SEEK_HOLE), Ok(4 * P as u64));
    assert_eq!(f.seek(at(5), raw::SEEK_HOLE), Ok(5 * P as u64));
    assert_eq!(f.seek(at(4), raw::SEEK_DATA), Err(Errno::ENXIO));
    assert_eq!(f.seek(at(10), raw::SEEK_HOLE), Err(Errno::ENXIO));
    f.seek(0, raw::SEEK_SET).unwrap();
    let all = get(&f, 20 * P);
    assert_eq!(all.len(), 10 * P);
    assert_eq!(
        all.iter().map(|b| usize::from(*b)).sum::<usize>(),
        usize::from(b'x')
    );
    assert_eq!(w.used().0, 1);
    f.ops().fallocate(&f, 0, 0, 12 * P as u64).unwrap();
    assert_eq!(
        (w.stat("/f").unwrap().size, w.used().0),
        (12 * P as u64, 12)
    );
    let punch = raw::FALLOC_FL_PUNCH_HOLE | raw::FALLOC_FL_KEEP_SIZE;
    f.ops().fallocate(&f, punch, 0, 11 * P as u64).unwrap();
    assert_eq!((w.stat("/f").unwrap().size, w.used().0), (12 * P as u64, 1));
    assert_eq!(
        f.ops().fallocate(&f, raw::FALLOC_FL_PUNCH_HOLE, 0, 1),
        Err(Errno::EOPNOTSUPP)
    );
}

#[test]
fn limits_of_size() {
    let w = World::with(b"size=12k");
    let f = w.open("/f", raw::O_CREAT | raw::O_WRONLY).unwrap();
    assert_eq!(put(&f, &vec![1; 5 * P]), Ok(3 * P));
    assert_eq!(put(&f, b"x"), Err(Errno::ENOSPC));
    w.unlink("/f").unwrap();
    assert_eq!(w.used().0, 3);
    drop(f);
    assert_eq!(w.used(), (0, 1));
    let f = w.open("/f", raw::O_CREAT | raw::O_WRONLY).unwrap();
    let limited = |data: &[u8]| f.write(&mut UserBuf::kernel_src(data), 10);
    assert_eq!(limited(&[0; 8]), Ok(8));
    assert_eq!(limited(&[0; 8]), Ok(2));
    let error = limited(&[0; 8]).unwrap_err();
    assert_eq!((error.errno, error.over_limit), (Errno::EFBIG, true));
    f.seek(i64::MAX, raw::SEEK_SET).unwrap();
    let error = f
        .write(&mut UserBuf::kernel_src(b"xy"), u64::MAX)
        .unwrap_err();
    assert_eq!((error.errno, error.over_limit), (Errno::EFBIG, false));
}

#[test]
fn limits_of_inodes() {
    let w = World::with(b"nr_inodes=3");
    w.write("/a", b"");
    w.mkdir("/b").unwrap();
    assert_eq!(w.mkdir("/c").unwrap_err(), Errno::ENOSPC);
    assert_eq!(w.stat("/c").unwrap_err(), Errno::ENOENT);
    w.link("/a", "/d").unwrap();
    w.unlink("/a").unwrap();
    assert_eq!(w.mkdir("/c").unwrap_err(), Errno::ENOSPC);
    w.unlink("/d").unwrap();
    w.mkdir("/c").unwrap();
}

#[test]
fn a_removed_file_lives_while_it_is_open() {
    let w = World::new();
    w.write("/f", b"data");
    let f = w.open("/f", raw::O_RDWR).unwrap();
    w.unlink("/f").unwrap();
    assert_eq!(f.path().to_bytes().unwrap(), b"/f (deleted)");
    assert_eq!(get(&f, 10), b"data");
    w.write("/f", b"other");
    assert_eq!(f.inode().nlink(), 0);
    assert_eq!(w.read("/f").unwrap(), b"other");
    assert_eq!(w.used(), (2, 3));
    drop(f);
    assert_eq!(w.used(), (1, 2));
}

#[test]
fn mappings_see_the_file_and_its_end() {
    let w = World::new();
    w.write("/f", &vec![5; 2 * P + 1]);
    let f = w.open("/f", raw::O_RDWR).unwrap();
    let map = f.mmap().unwrap();
    assert_eq!(map.size(), 2 * P as u64 + 1);
    let page = map.page(2, MapAccess::Write).unwrap();
    page.write(0, b"zz");
    assert_eq!(map.page(3, MapAccess::Read).err(), Some(Errno::EFAULT));
    assert_eq!(w.read("/f").unwrap()[2 * P..], *b"z");
    vfs::ftruncate(&f, P as u64).unwrap();
    assert_eq!(map.page(1, MapAccess::Read).err(), Some(Errno::EFAULT));
    vfs::ftruncate(&f, 3 * P as u64).unwrap();
    assert_eq!(map.page(2, MapAccess::Read).unwrap().load_u32(0), 0);
    assert!(w.open("/f", raw::O_WRONLY).unwrap().mmap().is_err());
    let other = w.open("/f", raw::O_RDONLY).unwrap();
    assert_eq!(MapObject::identity(&*other), map.identity());
    assert!(map.may_write() && !other.may_write());
}

#[test]
fn copies_between_files() {
    let w = World::new();
    let data: StdVec<u8> = (0..3 * P + 77).map(|i| (i % 251) as u8).collect();
    w.write("/a", &data);
    let a = w.open("/a", raw::O_RDONLY).unwrap();
    let b = w.open("/b", raw::O_CREAT | raw::O_WRONLY).unwrap();
    let mut pos = 10;
    let n = vfs::copy_between(&a, Some(&mut pos), &b, None, usize::MAX, u64::MAX).unwrap();
    assert_eq!((n, pos, a.pos()), (data.len() - 10, data.len() as u64, 0));
    assert_eq!(w.read("/b").unwrap(), data[10..]);
    // A target that fills up leaves the source where the copy stopped.
    let c = w.open("/c", raw::O_CREAT | raw::O_WRONLY).unwrap();
    assert_eq!(
        vfs::copy_between(&a, None, &c, None, data.len(), 5000),
        Ok(5000)
    );
    assert_eq!(a.pos(), 5000);
}

#[test]
fn memory_files() {
    let w = World::new();
    let f = memfd("x", crate::Pages::Small, vfs::OpenFlags::empty(), &w.cred).unwrap();
    put(&f, b"abc").unwrap();
    assert_eq!(f.seek(0, raw::SEEK_SET), Ok(0));
    assert_eq!(get(&f, 9), b"abc");
    assert_eq!(f.path().to_bytes().unwrap(), b"/memfd:x (deleted)");
    assert!(f.mmap().is_ok());
}
