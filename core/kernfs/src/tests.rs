//! Trees from end to end: made, walked, read, removed.
use super::*;
use abi::{Errno, Result, raw};
use cred::Cred;
use kmem::user::UserBuf;
use std::string::String;
use std::vec::Vec;
use vfs::{File, FileSystemType, FsStruct, LookupFlags, Mount, OpenHow, SeqBuf, WalkCtx};

static TREE: Tree = Tree::new("testfs", 0x7e57, 0o755, true);

struct Number(std::sync::Mutex<u32>);

impl Attribute for Number {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        use core::fmt::Write;
        let _ = writeln!(out, "{}", self.0.lock().unwrap());
        Ok(())
    }
    fn store(&self, text: &[u8]) -> Result<usize> {
        let number = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        *self.0.lock().unwrap() = number.trim().parse().map_err(|_| Errno::EINVAL)?;
        Ok(text.len())
    }
}

fn read(file: &File) -> Result<String> {
    let mut text = [0; 100];
    let n = file.read_at(&mut UserBuf::kernel_dst(&mut text), 0)?;
    Ok(String::from_utf8_lossy(&text[..n]).into_owned())
}

#[test]
fn a_tree_from_end_to_end() {
    let root = TREE.root().unwrap();
    let class = root.add_dir("class").unwrap();
    let devices = root.add_dir("devices").unwrap();
    let deep = devices.add_dir("virtual").unwrap().add_dir("x").unwrap();
    let node = deep
        .add_attribute("number", 0o644, Number(5.into()))
        .unwrap();
    let fixed = |out: &mut SeqBuf| {
        out.push_bytes(b"fixed\n");
        Ok(())
    };
    deep.add_attribute("fixed", 0o444, fixed).unwrap();
    class.add_link("x", &deep).unwrap();
    deep.add_link("subsystem", &class).unwrap();
    assert_eq!(class.add_dir("x").err(), Some(Errno::EEXIST));
    assert_eq!(node.add_dir("below").err(), Some(Errno::EINVAL));
    assert_eq!(node.path().unwrap(), "/devices/virtual/x/number");

    let mount = Mount::kernel(&TREE.mount(b"none", b"").unwrap()).unwrap();
    let fs = FsStruct::new(mount.root_path()).unwrap();
    let cred = Cred::init().unwrap();
    let ctx = WalkCtx::new(&fs, &cred);
    let open = |path: &str, flags| vfs::open(ctx, path.as_bytes(), &OpenHow::new(flags, 0o600));
    let link = |path: &str| {
        let at = vfs::lookup(ctx, path.as_bytes(), LookupFlags::empty()).unwrap();
        String::from_utf8(vfs::read_link(&at, &cred).unwrap().to_vec()).unwrap()
    };
    assert_eq!(link("/class/x"), "../devices/virtual/x");
    assert_eq!(link("/devices/virtual/x/subsystem"), "../../../class");
    let file = open("/class/x/number", raw::O_RDWR).unwrap();
    assert_eq!(read(&file).unwrap(), "5\n");
    let put = |text: &[u8]| {
        file.write_at(&mut UserBuf::kernel_src(text), 0, u64::MAX)
            .map_err(|e| e.errno)
    };
    assert_eq!((put(b"17\n"), put(b"x")), (Ok(3), Err(Errno::EINVAL)));
    assert_eq!(read(&file).unwrap(), "17\n");
    let denied = open("/class/x/fixed", raw::O_WRONLY);
    assert_eq!(denied.err(), Some(Errno::EACCES));
    assert_eq!(open("/class/x/none", 0).err(), Some(Errno::ENOENT));
    let made = open("/class/new", raw::O_CREAT | raw::O_WRONLY);
    assert_eq!(made.err(), Some(Errno::EACCES));

    let mut names = Vec::new();
    let dir = open("/devices/virtual/x", raw::O_DIRECTORY).unwrap();
    dir.read_dir(&mut |entry: &vfs::DirEntry<'_>| {
        names.push(String::from_utf8_lossy(entry.name).into_owned());
        Ok(vfs::Sink::Taken)
    })
    .unwrap();
    assert_eq!(names, [".", "..", "number", "fixed", "subsystem"]);

    assert!(deep.remove() && !deep.remove());
    assert_eq!(read(&file).err(), Some(Errno::ENODEV));
    assert_eq!(open("/class/x/number", 0).err(), Some(Errno::ENOENT));
    assert_eq!(deep.add_dir("late").err(), Some(Errno::ENOENT));
    let again = devices.child("virtual").unwrap().add_dir("x").unwrap();
    again
        .add_attribute("number", 0o444, Number(1.into()))
        .unwrap();
    assert_eq!(
        read(&open("/devices/virtual/x/number", 0).unwrap()).unwrap(),
        "1\n"
    );
}
