//! The way to the first user instruction, and sizes: rows for both kernels beside those of the operations.

use super::figures::{Figure, Figures, Outcome};
use super::guest::{self, Clock, Setup};
use super::measure::Kernel;
use super::rows::{Kind, Row};
use super::{initrd, stats};
use crate::cargo;
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

/// Boots one kernel on each machine: the outcomes of [`names`] by instructions.
pub(super) fn figures(kernel: &Kernel, program: &Path, plugin: &Path) -> Result<Figures> {
    let image = std::fs::read(&kernel.image).with_context(|| kernel.image.display().to_string())?;
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    initrd::write(program, &[], &[], &archive)?;
    let mut all = Vec::new();
    let mut memory = Outcome::Failed("no boot".to_owned());
    for machine in MACHINES {
        let wish = Wish {
            entry: Some(entry(&image).unwrap_or(BZIMAGE_ENTRY)),
            ..Wish::default()
        };
        let setup = Setup {
            count: Some((plugin.to_owned(), wish)),
            ..setup(kernel, &archive, machine, Clock::Icount)
        };
        let ended = guest::run(&setup, |_| {}).with_context(|| kernel.name)?;
        let counted = ended.counts.boot;
        let (Some(boot), Some(entry), Some(user)) =
            (&ended.figures.boot, counted.entry, counted.user)
        else {
            let why = ended.cut_short;
            let why = why.unwrap_or_else(|| "it was not seen to enter user space".to_owned());
            all.extend([Outcome::Failed(why.clone()), Outcome::Failed(why)]);
            continue;
        };
        // No instruction waits in the firmware: there the clock and the count run side by side.
        let ns = boot.first.saturating_sub(entry) as f64;
        all.push(measured(ns, Some((user - entry) as f64)));
        all.push(measured(entry as f64, Some(entry as f64)));
        memory = measured(MEMORY_KIB - boot.free_kib as f64, None);
    }
    all.push(memory);
    all.push(measured(loaded(&image).unwrap_or(image.len() as f64), None));
    Ok(Figures {
        outcomes: names().into_iter().zip(all).collect(),
        ..Figures::default()
    })
}

fn setup(kernel: &Kernel, archive: &Path, machine: &'static str, clock: Clock) -> Setup {
    Setup {
        kernel: kernel.image.clone(),
        initrd: archive.to_owned(),
        machine,
        cpus: 1,
        clock,
        count: None,
    }
}

fn measured(ns: f64, busy: Option<f64>) -> Outcome {
    Outcome::Measured(Figure {
        ns,
        busy,
        overhead: 0.0,
        iterations: 1,
    })
}

/// The rows by the wall clock: from QEMU's start to the program's first word, firmware and all.
pub(super) fn rows_timed(kernels: &[Kernel], program: &Path, pairs: usize) -> Result<Vec<Row>> {
    let bar = cargo::spinner("booting");
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    initrd::write(program, &[], &[], &archive)?;
    let mut rows = Vec::new();
    for machine in MACHINES {
        let mut times = vec![Vec::new(); kernels.len()];
        for pair in 0..pairs {
            for (kernel, times) in kernels.iter().zip(&mut times) {
                // One that has not got there once is not waited for again.
                if times.len() == pair {
                    let setup = setup(kernel, &archive, machine, Clock::Wall);
                    let ended = guest::run(&setup, |_| {}).with_context(|| kernel.name)?;
                    times.extend(ended.first_word.map(|time| time.as_nanos() as f64));
                }
            }
        }
        let median = |times: &Vec<f64>| stats::median(times).filter(|_| times.len() == pairs);
        let gaon = match median(&times[0]) {
            Some(ns) => measured(ns, None),
            None => Outcome::Failed("it did not always get to user space".to_owned()),
        };
        // On a microvm Linux 6.1 now and then stops early in its boot; that is no failure of ours.
        let linux = |times: &Vec<f64>| match median(times) {
            Some(ns) => measured(ns, None),
            None => Outcome::Absent("it stops in its boot".to_owned()),
        };
        let ratios = |linux: &Vec<f64>| {
            let both = times[0].iter().zip(linux);
            both.map(|(own, peer)| own / peer).collect()
        };
        rows.push(Row {
            name: format!("boot/{machine}"),
            unit: "from QEMU's start to the program's first word".to_owned(),
            kind: Kind::Boot,
            gaon,
            linux: times.get(1).map(linux),
            pairs: times.get(1).map(ratios).unwrap_or_default(),
        });
    }
    bar.finish_and_clear();
    Ok(rows)
}

pub(super) fn kind(name: &str) -> Kind {
    match name {
        _ if name.ends_with("_firmware") => Kind::Note,
        _ if name.starts_with("size/") => Kind::Size,
        _ if name.starts_with("boot/") => Kind::Boot,
        _ => Kind::Operation,
    }
}

pub(super) fn unit(name: &str) -> &'static str {
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
