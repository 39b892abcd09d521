//! The file layer over tmpfs, held against what Linux answers.
mod data;
mod files;
mod locks;
mod mounts;
mod names;
mod perms;
mod storm;
mod walks;

use super::*;
use abi::raw;
use cred::{Kgid, Kuid};
use kmem::user::UserBuf;
use std::string::String;
use std::vec;
use std::vec::Vec as StdVec;
use vfs::{File, FsStruct, Kstat, LookupFlags, Make, MountNs, OpenHow, Path, RenameFlags, WalkCtx};

/// A machine with one mounted tmpfs and one process.
struct World {
    ns: Arc<MountNs>,
    fs: Arc<FsStruct>,
    cred: Arc<Cred>,
}

impl World {
    fn new() -> Self {
        Self::with(b"size=64m,nr_inodes=100k")
    }

    fn with(options: &[u8]) -> Self {
        let sb = new_superblock("tmpfs", options).unwrap();
        let ns = MountNs::new(&sb).unwrap();
        let fs = FsStruct::new(ns.root().unwrap().root_path()).unwrap();
        fs.set_umask(0o022);
        Self {
            ns,
            fs,
            cred: Cred::init().unwrap(),
        }
    }

    /// The same machine as a user without privilege sees it.
    fn user(&self, uid: u32) -> Self {
        let mut cred = (*self.cred).clone();
        cred.set_groups(cred::GroupList::new(&[]).unwrap()).unwrap();
        cred.set_resgid(Some(Kgid(uid)), Some(Kgid(uid)), Some(Kgid(uid)))
            .unwrap();
        cred.set_resuid(Some(Kuid(uid)), Some(Kuid(uid)), Some(Kuid(uid)))
            .unwrap();
        Self {
            ns: self.ns.clone(),
            fs: self.fs.try_clone().unwrap(),
            cred: Arc::new(cred),
        }
    }

    fn ctx(&self) -> WalkCtx<'_> {
        WalkCtx::new(&self.fs, &self.cred)
    }

    fn lookup(&self, path: &str) -> Result<Path> {
        vfs::lookup(self.ctx(), path.as_bytes(), LookupFlags::FOLLOW)
    }

    fn lstat(&self, path: &str) -> Result<Kstat> {
        Ok(
            vfs::lookup(self.ctx(), path.as_bytes(), LookupFlags::empty())?
                .inode()?
                .getattr(),
        )
    }

    fn stat(&self, path: &str) -> Result<Kstat> {
        Ok(self.lookup(path)?.inode()?.getattr())
    }

    fn open(&self, path: &str, flags: u32) -> Result<Arc<File>> {
        self.open_mode(path, flags, 0o666)
    }

    fn open_mode(&self, path: &str, flags: u32, mode: u32) -> Result<Arc<File>> {
        vfs::open(self.ctx(), path.as_bytes(), &OpenHow::new(flags, mode))
    }

    fn make(&self, path: &str, make: Make<'_>) -> Result<()> {
        vfs::make(self.ctx(), path.as_bytes(), make)
    }

    fn mkdir(&self, path: &str) -> Result<()> {
        self.make(path, Make::Directory(0o777))
    }

    fn symlink(&self, target: &str, path: &str) -> Result<()> {
        self.make(path, Make::Symlink(target.as_bytes()))
    }

    fn link(&self, old: &str, path: &str) -> Result<()> {
        let old = vfs::lookup(self.ctx(), old.as_bytes(), LookupFlags::empty())?;
        vfs::link(self.ctx(), &old, path.as_bytes())
    }

    fn unlink(&self, path: &str) -> Result<()> {
        vfs::unlink(self.ctx(), path.as_bytes())
    }

    fn rmdir(&self, path: &str) -> Result<()> {
        vfs::rmdir(self.ctx(), path.as_bytes())
    }

    fn rename(&self, old: &str, new: &str) -> Result<()> {
        self.rename2(old, new, RenameFlags::empty())
    }

    fn rename2(&self, old: &str, new: &str, flags: RenameFlags) -> Result<()> {
        vfs::rename(
            self.ctx(),
            old.as_bytes(),
            self.ctx(),
            new.as_bytes(),
            flags,
        )
    }

    fn write(&self, path: &str, data: &[u8]) {
        let file = self
            .open(path, raw::O_WRONLY | raw::O_CREAT | raw::O_TRUNC)
            .unwrap();
        assert_eq!(put(&file, data), Ok(data.len()));
    }

    fn read(&self, path: &str) -> Result<StdVec<u8>> {
        Ok(get(&*self.open(path, raw::O_RDONLY)?, 1 << 20))
    }

    fn chmod(&self, path: &str, mode: u32) -> Result<()> {
        vfs::chmod(&self.lookup(path)?, mode, &self.cred)
    }

    fn chown(&self, path: &str, uid: u32, gid: u32) -> Result<()> {
        vfs::chown(
            &self.lookup(path)?,
            Some(Kuid(uid)),
            Some(Kgid(gid)),
            &self.cred,
        )
    }

    fn list(&self, path: &str) -> StdVec<String> {
        let dir = self.open(path, raw::O_RDONLY | raw::O_DIRECTORY).unwrap();
        names_of(&dir, usize::MAX)
    }

    fn cwd(&self, path: &str) {
        self.fs
            .set_cwd(vfs::lookup_dir(self.ctx(), path.as_bytes()).unwrap());
    }

    fn pwd(&self) -> String {
        let path = self.fs.cwd().to_bytes_from(Some(&self.fs.root())).unwrap();
        String::from_utf8(path).unwrap()
    }

    fn used(&self) -> (u64, u64) {
        let stat = vfs::statfs(&self.fs.root()).unwrap();
        (stat.blocks - stat.blocks_free, stat.files - stat.files_free)
    }
}

fn put(file: &File, data: &[u8]) -> Result<usize> {
    file.write(&mut UserBuf::kernel_src(data), u64::MAX)
        .map_err(|e| e.errno)
}

fn get(file: &File, len: usize) -> StdVec<u8> {
    let mut data = vec![0xee; len];
    let n = file.read(&mut UserBuf::kernel_dst(&mut data)).unwrap();
    data.truncate(n);
    data
}

/// Up to `most` names from the file position on, without the dots.
fn names_of(dir: &File, most: usize) -> StdVec<String> {
    let mut names = StdVec::new();
    let mut sink = |entry: &vfs::DirEntry<'_>| {
        if names.len() == most {
            return Ok(vfs::Sink::Full);
        }
        if entry.name != b"." && entry.name != b".." {
            names.push(String::from_utf8(entry.name.to_vec()).unwrap());
        }
        Ok(vfs::Sink::Taken)
    };
    dir.read_dir(&mut sink).unwrap();
    names
}

impl Drop for World {
    /// No test may break the lock order.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(sync::class::reports(), 0);
        }
    }
}
