//! Which memory goes into an image.
use abi::{PAGE_SIZE, Result};
use alloc::vec::Vec;
use core::fmt::Write;
use kmem::TryVec;
use mm::{Mm, VmFlags, VmaInfo};
use vfs::SeqBuf;

/// Bits of `/proc/PID/coredump_filter`.
const ANON_PRIVATE: u32 = 1;
const ANON_SHARED: u32 = 1 << 1;
const FILE_PRIVATE: u32 = 1 << 2;
const FILE_SHARED: u32 = 1 << 3;
const ELF_HEADERS: u32 = 1 << 4;

/// An area of the process.
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// How much of it is in the image.
    pub(crate) dumped: usize,
    /// `PF_*`.
    pub(crate) flags: u32,
}

/// All areas, and the contents of `NT_FILE`: which files lie where.
pub(crate) struct Areas {
    pub(crate) segments: Vec<Segment>,
    pub(crate) files: Vec<u8>,
}

/// More is not written: program headers are counted in 16 bits.
const MOST: usize = 0xfff0;

impl Areas {
    /// Looks at the whole space. `ENOMEM`.
    pub(crate) fn of(mm: &Mm, filter: u32) -> Result<Self> {
        let mut segments = Vec::new();
        let (mut places, mut names, mut files) = (Vec::new(), SeqBuf::new(), 0u64);
        let mut answer = Ok(());
        mm.for_each_vma(0, &mut |vma| {
            let place = Place::of(vma);
            answer = segments.try_push(segment(vma, place, filter));
            if let (Some(object), Place::File) = (vma.object, place) {
                files += 1;
                for word in [vma.start as u64, vma.end as u64, vma.offset >> 12] {
                    answer = answer.and_then(|()| places.try_extend(&word.to_le_bytes()));
                }
                let _ = object.write_path(&mut names);
                let _ = names.write_char('\0');
            }
            answer.is_ok() && segments.len() < MOST
        });
        answer?;
        let mut all = Vec::new();
        all.try_extend(&files.to_le_bytes())?;
        all.try_extend(&(PAGE_SIZE as u64).to_le_bytes())?;
        all.try_extend(&places)?;
        all.try_extend(&names.finish()?)?;
        let mut areas = Self {
            segments,
            files: all,
        };
        areas.judge_headers(mm);
        Ok(areas)
    }

    /// Of a file of which only its head is wanted, that is there if it is an ELF file.
    fn judge_headers(&mut self, mm: &Mm) {
        for segment in &mut self.segments {
            if segment.dumped == HEAD {
                let mut magic = [0; 4];
                let read = mm.read_remote(hal::addr::UserAddr(segment.start), &mut magic);
                let is_elf = read == Ok(4) && magic == *b"\x7fELF";
                segment.dumped = if is_elf { PAGE_SIZE } else { 0 };
            }
        }
    }
}

/// What is mapped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but memory.
    Memory,
    /// A file, shared anonymous memory among them.
    File,
    /// The kernel's code for programs.
    Vdso,
    /// What the kernel has in every program besides.
    Special,
}

impl Place {
    /// What is no file is called by a name in brackets.
    fn of(vma: &VmaInfo<'_>) -> Self {
        let Some(object) = vma.object else {
            return Self::Memory;
        };
        let mut name = SeqBuf::new();
        let _ = object.write_path(&mut name);
        match name.finish().as_deref() {
            Ok(b"[vdso]") => Self::Vdso,
            Ok([b'[', ..]) => Self::Special,
            _ => Self::File,
        }
    }
}

/// In [`Segment::dumped`], until the file was looked at.
const HEAD: usize = usize::MAX;

fn segment(vma: &VmaInfo<'_>, place: Place, filter: u32) -> Segment {
    let mut flags = 0;
    for (has, flag) in [
        (VmFlags::READ, elf::pf::R),
        (VmFlags::WRITE, elf::pf::W),
        (VmFlags::EXEC, elf::pf::X),
    ] {
        if vma.flags.contains(has) {
            flags |= flag;
        }
    }
    Segment {
        start: vma.start,
        end: vma.end,
        dumped: dumped(vma, place, filter),
        flags,
    }
}

/// How much of an area the filter wants.
fn dumped(vma: &VmaInfo<'_>, place: Place, filter: u32) -> usize {
    let whole = vma.end - vma.start;
    let wants = |bit: u32| filter & bit != 0;
    match () {
        () if place == Place::Vdso => whole,
        () if place == Place::Special => 0,
        () if vma.flags.intersects(VmFlags::DONT_DUMP | VmFlags::FOREIGN) => 0,
        () if vma.flags.intersects(VmFlags::SHARED | VmFlags::MAY_SHARE) => {
            let bit = match vma.flags.contains(VmFlags::SHMEM) {
                true => ANON_SHARED,
                false => FILE_SHARED,
            };
            if wants(bit) { whole } else { 0 }
        }
        () if vma.has_anon && wants(ANON_PRIVATE) => whole,
        () if vma.object.is_none() => 0,
        () if wants(FILE_PRIVATE) => whole,
        () if wants(ELF_HEADERS) && vma.offset == 0 && vma.flags.contains(VmFlags::READ) => HEAD,
        () => 0,
    }
}
