//! What sysfs shows of the file behind a device.
use crate::format::{LO_FLAGS_AUTOCLEAR, LO_FLAGS_DIRECT_IO, LO_FLAGS_PARTSCAN};
use crate::state::{Backing, Loop};
use block::{Disk, Show};
use core::fmt::{self, Write};

/// The directory `loop` of sysfs, which is there as long as there is a file.
pub(crate) const SHOWN: &[(&str, Show)] = &[
    ("backing_file", |disk, out| {
        with(disk, |backing| match backing.file.path().to_bytes() {
            Ok(path) => {
                vfs::write_bytes(out, &path)?;
                writeln!(out)
            }
            Err(_) => Err(fmt::Error),
        })
    }),
    ("offset", |disk, out| {
        with(disk, |backing| writeln!(out, "{}", backing.offset))
    }),
    ("sizelimit", |disk, out| {
        with(disk, |backing| writeln!(out, "{}", backing.size_limit))
    }),
    ("autoclear", |disk, out| {
        with(disk, |backing| flag(out, backing, LO_FLAGS_AUTOCLEAR))
    }),
    ("partscan", |disk, out| {
        with(disk, |backing| flag(out, backing, LO_FLAGS_PARTSCAN))
    }),
    ("dio", |disk, out| {
        with(disk, |backing| flag(out, backing, LO_FLAGS_DIRECT_IO))
    }),
];

fn with(disk: &Disk, show: impl FnOnce(&Backing) -> fmt::Result) -> fmt::Result {
    let own: Option<&Loop> = disk.ops_as();
    own.and_then(|own| own.backing().ok())
        .map_or(Ok(()), |backing| show(&backing))
}

fn flag(out: &mut dyn Write, backing: &Backing, flag: u32) -> fmt::Result {
    writeln!(out, "{}", u32::from(backing.flags & flag != 0))
}
