//! The way to the first user instruction, and sizes: rows for both kernels beside those of the operations.

use super::figures::{Figure, Outcome};
use super::guest::{self, Clock, Setup};
use super::initrd;
use super::measure::Kernel;
use super::rows::{Kind, Row};
use crate::vm::plugin::Wish;
use anyhow::{Context, Result};
use object::LittleEndian;
use object::elf::{FileHeader64, PT_LOAD, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};
use std::path::Path;

/// The machines that are booted.
pub(super) const MACHINES: [&str; 2] = ["q35", "microvm"];
/// A bzImage begins here in protected mode (Documentation/x86/boot.rst, `code32_start`).
const BZIMAGE_ENTRY: u64 = 0x10_0000;
/// The ELF note with the physical address at which a machine enters the kernel (xen/include/public/elfnote.h).
const PHYS32_ENTRY: u32 = 18;
/// 512 MiB.
const MEMORY_KIB: f64 = 512.0 * 1024.0;

/// The names of all rows made here.
pub(super) fn names() -> Vec<String> {
    let boots = MACHINES.iter().flat_map(|machine| {
        [
            format!("boot/{machine}"),
            format!("boot/{machine}_firmware"),
        ]
    });
    let sizes = ["size/memory", "size/image"].map(str::to_owned);
    boots.chain(sizes).collect()
}

/// One kernel's outcomes, in the order of [`names`].
fn outcomes(
    kernel: &Kernel,
    program: &Path,
    clock: Clock,
    plugin: Option<&Path>,
) -> Result<Vec<Outcome>> {
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    initrd::write(program, &[], &archive)?;
    let image = std::fs::read(&kernel.image).with_context(|| kernel.image.display().to_string())?;
    let mut all = Vec::new();
    let mut memory = Outcome::Failed("no boot".to_owned());
    for machine in MACHINES {
        let wish = Wish {
            entry: Some(entry(&image).unwrap_or(BZIMAGE_ENTRY)),
            ..Wish::default()
        };
        let setup = Setup {
            kernel: kernel.image.clone(),
            initrd: archive.clone(),
            machine,
            cpus: 1,
            clock,
            count: plugin.map(|path| (path.to_owned(), wish)),
        };
        let ended = guest::run(&setup, |_| {}).with_context(|| kernel.name)?;
        let Some(boot) = &ended.figures.boot else {
            let why = ended.cut_short.unwrap_or_else(|| "no word".to_owned());
            all.extend([Outcome::Failed(why.clone()), Outcome::Absent(why)]);
            continue;
        };
        let counted = ended.counts.boot;
        let firmware = counted.entry.map(|n| n as f64);
        let busy = counted
            .user
            .zip(counted.entry)
            .map(|(user, entry)| (user - entry) as f64);
        let ns = match (clock, ended.first_word) {
            (Clock::Wall, Some(time)) => time.as_nanos() as f64,
            // No instruction waits in the firmware: there the two counts run side by side.
            _ => boot.first as f64 - firmware.unwrap_or(0.0),
        };
        all.push(measured(ns, busy));
        all.push(match firmware {
            Some(firmware) => measured(firmware, Some(firmware)),
            None => Outcome::Absent("counted by the plugin only".to_owned()),
        });
        memory = measured(MEMORY_KIB - boot.free_kib as f64, None);
    }
    all.push(memory);
    all.push(measured(loaded(&image).unwrap_or(image.len() as f64), None));
    Ok(all)
}

fn measured(ns: f64, busy: Option<f64>) -> Outcome {
    Outcome::Measured(Figure {
        ns,
        busy,
        overhead: 0.0,
        iterations: 1,
    })
}

/// The rows; `kernels` are Gaon and, if it is compared, Linux.
pub(super) fn rows(
    kernels: &[Kernel],
    program: &Path,
    clock: Clock,
    plugin: Option<&Path>,
) -> Result<Vec<Row>> {
    let columns = std::thread::scope(|scope| {
        let threads: Vec<_> = kernels
            .iter()
            .map(|kernel| scope.spawn(|| outcomes(kernel, program, clock, plugin)))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        let column = |ended: std::thread::Result<_>| {
            ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a measuring thread died")))
        };
        ended.map(column).collect::<Result<Vec<_>>>()
    })?;
    let row = |(at, name): (usize, String)| Row {
        unit: unit(&name).to_owned(),
        kind: kind(&name),
        gaon: columns[0][at].clone(),
        linux: columns.get(1).map(|column| column[at].clone()),
        pairs: Vec::new(),
        name,
    };
    Ok(names().into_iter().enumerate().map(row).collect())
}

fn kind(name: &str) -> Kind {
    match name {
        _ if name.ends_with("_firmware") => Kind::Note,
        _ if name.starts_with("size/") => Kind::Size,
        _ => Kind::Boot,
    }
}

fn unit(name: &str) -> &'static str {
    match name {
        "size/memory" => "KiB of 512 MiB that are not free when user space begins",
        "size/image" => "bytes that the machine loads",
        _ if name.ends_with("_firmware") => "from reset to the kernel's entry",
        _ => "from the kernel's entry to the first user instruction",
    }
}

/// Where a machine enters an ELF kernel; nothing if it is none.
fn entry(image: &[u8]) -> Option<u64> {
    let header = FileHeader64::<LittleEndian>::parse(image).ok()?;
    for segment in header.program_headers(LittleEndian, image).ok()? {
        if segment.p_type(LittleEndian) != PT_NOTE {
            continue;
        }
        let mut notes = segment.notes(LittleEndian, image).ok()??;
        while let Ok(Some(note)) = notes.next() {
            if note.n_type(LittleEndian) == PHYS32_ENTRY && note.name() == b"Xen" {
                let bytes = note.desc().get(..4)?.try_into().ok()?;
                return Some(u64::from(u32::from_le_bytes(bytes)));
            }
        }
    }
    None
}

/// Bytes of an ELF kernel that are loaded: the file has symbols and lines as well.
fn loaded(image: &[u8]) -> Option<f64> {
    let header = FileHeader64::<LittleEndian>::parse(image).ok()?;
    let segments = header.program_headers(LittleEndian, image).ok()?;
    let loaded = segments
        .iter()
        .filter(|segment| segment.p_type(LittleEndian) == PT_LOAD);
    Some(
        loaded
            .map(|segment| segment.p_filesz(LittleEndian) as f64)
            .sum(),
    )
}
