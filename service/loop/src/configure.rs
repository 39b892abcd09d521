//! ioctl(2) on a device: giving it a file, taking the file away, which part of it the device is.
use crate::control::ALL;
use crate::format::{
    Config, Info, Info64, KEY_SIZE, LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_PARTSCAN,
    LO_FLAGS_READ_ONLY, LOOP_CHANGE_FD, LOOP_CLR_FD, LOOP_CONFIGURE, LOOP_GET_STATUS,
    LOOP_GET_STATUS64, LOOP_SET_BLOCK_SIZE, LOOP_SET_CAPACITY, LOOP_SET_DIRECT_IO, LOOP_SET_FD,
    LOOP_SET_STATUS, LOOP_SET_STATUS64, NAME_SIZE,
};
use crate::show::SHOWN;
use crate::state::{Backing, DEPTH, Loop, State};
use abi::zerocopy::FromZeros;
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use block::{Disk, Opened, SECTOR};
use kmem::try_arc;
use kmem::user::{self, UserAddr};
use vfs::{File, FileMode, FileType};

/// What `LOOP_CONFIGURE` takes.
const CONFIGURABLE: u32 =
    LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO;

/// Answers a command of loop(4).
///
/// # Errors
/// EBADF: no such descriptor, or the device itself is behind it; EBUSY: it has a file, or somebody has it to himself; ENXIO:
/// it has no file; EPERM: the caller is no administrator and may not write; EINVAL, ELOOP, EOVERFLOW, EFAULT; ENOMEM.
pub(crate) fn ioctl(
    disk: &Arc<Disk>,
    own: &Loop,
    how: Opened,
    cmd: u32,
    arg: usize,
) -> Result<usize> {
    let changes = matches!(
        cmd,
        LOOP_SET_STATUS
            | LOOP_SET_STATUS64
            | LOOP_SET_CAPACITY
            | LOOP_SET_DIRECT_IO
            | LOOP_SET_BLOCK_SIZE
    );
    if changes && !how.writes && !block::is_admin() {
        return Err(Errno::EPERM);
    }
    match cmd {
        LOOP_SET_FD => configure(disk, own, how, &Config::of_fd(arg as u32)),
        LOOP_CONFIGURE => configure(disk, own, how, &user::read(UserAddr(arg))?),
        LOOP_CHANGE_FD => change_file(disk, own, arg as u32),
        LOOP_CLR_FD => clear(disk, own),
        LOOP_SET_STATUS => {
            let info: Info = user::read(UserAddr(arg))?;
            set_status(disk, own, &Info64::from(&info))
        }
        LOOP_SET_STATUS64 => set_status(disk, own, &user::read(UserAddr(arg))?),
        LOOP_GET_STATUS | LOOP_GET_STATUS64 if arg == 0 => Err(Errno::EINVAL),
        LOOP_GET_STATUS => user::write(UserAddr(arg), &Info::try_from(&status(own)?)?),
        LOOP_GET_STATUS64 => user::write(UserAddr(arg), &status(own)?),
        LOOP_SET_CAPACITY => {
            let _all = ALL.lock();
            let size = own.backing()?.size();
            tell_size(disk, size);
            Ok(())
        }
        // The data is in the page cache of the file, and nowhere else: there is nothing to pass by.
        LOOP_SET_DIRECT_IO => match (own.backing()?, arg) {
            (_, 0) => Ok(()),
            _ => Err(Errno::EINVAL),
        },
        LOOP_SET_BLOCK_SIZE => set_block_size(disk, own, arg),
        _ => Err(Errno::EINVAL),
    }
    .map(|()| 0)
}

/// The caller's file of that descriptor. EBADF: none, or it only names a place.
fn file_of_caller(fd: u32) -> Result<Arc<File>> {
    let files = task::task::with_current(task::Task::files).flatten();
    let file = files.ok_or(Errno::EBADF)?.get(fd as i32)?;
    if file.mode().contains(FileMode::PATH) {
        return Err(Errno::EBADF);
    }
    Ok(file)
}

/// How many loop devices stand under a file that is to be behind `disk`. EBADF: `disk` is one of them; EINVAL: one has no
/// file, or it is no file that can be a disk; ELOOP: too many.
fn depth(disk: &Disk, file: &Arc<File>) -> Result<usize> {
    if !matches!(
        file.inode().kind(),
        FileType::Regular | FileType::BlockDevice
    ) {
        return Err(Errno::EINVAL);
    }
    let (mut file, mut depth) = (file.clone(), 0);
    loop {
        let Some(under) = block::disk_of(&file) else {
            return Ok(depth);
        };
        if under.rdev() == disk.rdev() {
            return Err(Errno::EBADF);
        }
        let Some(under) = under.ops_as::<Loop>() else {
            return Ok(depth);
        };
        depth += 1;
        if depth >= DEPTH {
            return Err(Errno::ELOOP);
        }
        let backing = under.backing().map_err(|_| Errno::EINVAL)?;
        file = backing.file.clone();
    }
}

fn require_block_size(size: u32) -> Result<()> {
    if (SECTOR as u32..=PAGE_SIZE as u32).contains(&size) && size.is_power_of_two() {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

impl Backing {
    /// A file, and the part of it that `info` says; the flags are the caller's affair. EINVAL: it is to be encrypted, or to
    /// have its partitions looked for; EOVERFLOW: a part that no file has.
    fn new(file: Arc<File>, info: &Info64) -> Result<Self> {
        if info.encrypt_key_size > KEY_SIZE || info.encrypt_type != 0 {
            return Err(Errno::EINVAL);
        }
        if info.offset > i64::MAX as u64 || info.size_limit > i64::MAX as u64 {
            return Err(Errno::EOVERFLOW);
        }
        if info.flags & LO_FLAGS_PARTSCAN != 0 {
            return Err(Errno::EINVAL);
        }
        let mut name = info.file_name;
        name[NAME_SIZE - 1] = 0;
        Ok(Self {
            file,
            offset: info.offset,
            size_limit: info.size_limit,
            flags: 0,
            name,
        })
    }
}

/// Tells a size, and that something has changed if that is not told by the size itself.
fn tell_size(disk: &Disk, size: u64) {
    if !disk.set_size(size) {
        disk.announce_change("");
    }
}

/// `LOOP_CONFIGURE`.
fn configure(disk: &Arc<Disk>, own: &Loop, how: Opened, config: &Config) -> Result<()> {
    // Kept to the end, so that it is never dropped with a lock held.
    let file = file_of_caller(config.fd)?;
    // Nobody who has it to himself finds another file in it.
    let _claim = if how.alone { None } else { Some(disk.claim()?) };
    let _all = ALL.lock();
    if !own.is_unbound() {
        return Err(Errno::EBUSY);
    }
    depth(disk, &file)?;
    if config.info.flags & !CONFIGURABLE != 0 {
        return Err(Errno::EINVAL);
    }
    if config.block_size != 0 {
        require_block_size(config.block_size)?;
    }
    let writes = how.writes && file.mode().contains(FileMode::WRITE);
    let mut backing = Backing::new(file.clone(), &config.info)?;
    backing.flags = config.info.flags & !LO_FLAGS_DIRECT_IO;
    if !writes {
        backing.flags |= LO_FLAGS_READ_ONLY;
    }
    let read_only = backing.flags & LO_FLAGS_READ_ONLY != 0;
    let backing = try_arc(backing)?;
    if let Some(dir) = disk.dir() {
        let shown = dir.add_dir("loop")?;
        block::show_on(&shown, disk, SHOWN).inspect_err(|_| {
            shown.remove();
        })?;
    }
    disk.set_read_only(read_only);
    disk.set_caches_writes(!read_only);
    disk.set_block_size(match config.block_size {
        0 => SECTOR as u32,
        size => size,
    });
    disk.set_discards(backing.discards());
    disk.new_content();
    let size = backing.size();
    drop(own.set_state(State::Bound(backing)));
    tell_size(disk, size);
    Ok(())
}

/// `LOOP_CHANGE_FD`: another file of the same size for a device that is only read.
fn change_file(disk: &Disk, own: &Loop, fd: u32) -> Result<()> {
    let file = file_of_caller(fd)?;
    let all = ALL.lock();
    let old = own.backing()?;
    if old.flags & LO_FLAGS_READ_ONLY == 0 {
        return Err(Errno::EINVAL);
    }
    // Devices may stand on this one already, so it must not get any deeper.
    if depth(disk, &file)? > depth(disk, &old.file)? {
        return Err(Errno::ELOOP);
    }
    let new = Backing {
        file: file.clone(),
        ..(*old).clone()
    };
    if new.size() != old.size() {
        return Err(Errno::EINVAL);
    }
    disk.set_discards(new.discards());
    disk.new_content();
    let before = own.set_state(State::Bound(try_arc(new)?));
    disk.announce_change("DISK_MEDIA_CHANGE=1\n");
    drop(all);
    drop((before, old));
    Ok(())
}

/// `LOOP_CLR_FD`. While others have the device open, it goes when the last of them closes it.
fn clear(disk: &Disk, own: &Loop) -> Result<()> {
    let all = ALL.lock();
    let backing = own.backing()?;
    if disk.open_count() > 1 {
        let mut later = (*backing).clone();
        later.flags |= LO_FLAGS_AUTOCLEAR;
        drop(own.set_state(State::Bound(try_arc(later)?)));
        return Ok(());
    }
    let before = unbind(disk, own);
    drop(all);
    drop((before, backing));
    Ok(())
}

/// Takes the file from a device with `LO_FLAGS_AUTOCLEAR` that nobody has open any more.
pub(crate) fn clear_at_close(disk: &Disk, own: &Loop) -> Option<Arc<File>> {
    let _all = ALL.lock();
    match unbind(disk, own) {
        State::Bound(backing) => Some(backing.file.clone()),
        _ => None,
    }
}

/// Makes a device as it was before it had a file. The old state is dropped without a lock.
fn unbind(disk: &Disk, own: &Loop) -> State {
    let old = own.set_state(State::Unbound);
    disk.set_size(0);
    disk.set_block_size(SECTOR as u32);
    disk.set_discards(false);
    disk.set_caches_writes(false);
    if let Some(shown) = disk.dir().and_then(|dir| dir.child("loop")) {
        shown.remove();
    }
    disk.announce_change("");
    old
}

/// `LOOP_SET_STATUS64`.
fn set_status(disk: &Disk, own: &Loop, info: &Info64) -> Result<()> {
    let _all = ALL.lock();
    let old = own.backing()?;
    let mut new = Backing::new(old.file.clone(), info)?;
    // Whether it clears itself is all that can be changed later.
    new.flags = old.flags & !LO_FLAGS_AUTOCLEAR | info.flags & LO_FLAGS_AUTOCLEAR;
    let (size, moved) = (
        new.size(),
        (new.offset, new.size_limit) != (old.offset, old.size_limit),
    );
    drop(own.set_state(State::Bound(try_arc(new)?)));
    if moved {
        tell_size(disk, size);
    }
    Ok(())
}

/// `LOOP_GET_STATUS64`.
fn status(own: &Loop) -> Result<Info64> {
    let backing = own.backing()?;
    let stat = backing.file.inode().getattr();
    Ok(Info64 {
        device: stat.dev,
        inode: stat.ino,
        rdevice: stat.rdev,
        offset: backing.offset,
        size_limit: backing.size_limit,
        number: own.index(),
        flags: backing.flags,
        file_name: backing.name,
        ..Info64::new_zeroed()
    })
}

fn set_block_size(disk: &Disk, own: &Loop, size: usize) -> Result<()> {
    let _all = ALL.lock();
    own.backing()?;
    let size = u32::try_from(size).map_err(|_| Errno::EINVAL)?;
    require_block_size(size)?;
    disk.set_block_size(size);
    Ok(())
}
