//! The file of an image.
use crate::areas::{Areas, Segment};
use crate::output::Output;
use crate::{name, notes};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use elf::{HEADER_SIZE, PHDR_SIZE, pt};
use kmem::TryVec;
use pid::SigInfo;
use task::Cx;
use task::coredump::ThreadImage;

/// Writes the image of the calling process. False: there is none.
pub(crate) fn dump(cx: &mut Cx, threads: &ThreadImage, info: &SigInfo) -> bool {
    try_dump(cx, threads, info).is_ok()
}

fn try_dump(cx: &Cx, threads: &ThreadImage, info: &SigInfo) -> Result<()> {
    let areas = Areas::of(&cx.mm, cx.process().core_filter())?;
    let notes = notes::notes(cx, threads, info, &areas)?;
    let heads = heads(&areas.segments, notes.len())?;
    let mut out = Output::open(cx, name::place(cx, info.signo)?)?;
    // From here on there is an image, even if it is cut short.
    let written = write_all(cx, &mut out, &heads, &notes, &areas.segments);
    let _ = out.finish(written.is_ok());
    Ok(())
}

/// Header and program headers, filled up so that memory begins at a page. `ENOMEM`.
fn heads(segments: &[Segment], notes: usize) -> Result<Vec<u8>> {
    const CORE: u16 = 4;
    const X86_64: u16 = 62;
    let count = segments.len() + 1;
    let notes_at = HEADER_SIZE + count * PHDR_SIZE;
    let mut out = Vec::new();
    // 64 bits, little-endian, version 1, System V
    out.try_extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0")?;
    out.try_extend(&CORE.to_le_bytes())?;
    out.try_extend(&X86_64.to_le_bytes())?;
    out.try_extend(&1u32.to_le_bytes())?;
    for word in [0, HEADER_SIZE as u64, 0] {
        out.try_extend(&word.to_le_bytes())?; // entry, program headers, sections
    }
    out.try_extend(&0u32.to_le_bytes())?;
    for half in [HEADER_SIZE, PHDR_SIZE, count, 0, 0, 0] {
        out.try_extend(&(half as u16).to_le_bytes())?;
    }
    program_header(&mut out, [pt::NOTE, 0], [notes_at, 0, 0, notes, 0, 0])?;
    let mut at = (notes_at + notes).next_multiple_of(PAGE_SIZE);
    for segment in segments {
        let memory = segment.end - segment.start;
        let place = [at, segment.start, 0, segment.dumped, memory, PAGE_SIZE];
        program_header(&mut out, [pt::LOAD, segment.flags], place)?;
        at += segment.dumped;
    }
    Ok(out)
}

fn program_header(out: &mut Vec<u8>, kind: [u32; 2], words: [usize; 6]) -> Result<()> {
    for half in kind {
        out.try_extend(&half.to_le_bytes())?;
    }
    for word in words {
        out.try_extend(&(word as u64).to_le_bytes())?;
    }
    Ok(())
}

/// The errors of [`Output::write`]; `EINTR`: killed.
fn write_all(
    cx: &Cx,
    out: &mut Output,
    heads: &[u8],
    notes: &[u8],
    segments: &[Segment],
) -> Result<()> {
    out.write(heads)?;
    out.write(notes)?;
    out.align()?;
    let mut page = kmem::try_box([0; PAGE_SIZE])?;
    for segment in segments {
        for va in (segment.start..segment.start + segment.dumped).step_by(PAGE_SIZE) {
            if cx.task.is_killed() {
                return Err(Errno::EINTR);
            }
            write_page(cx, out, va, &mut page)?;
        }
    }
    Ok(())
}

fn write_page(cx: &Cx, out: &mut Output, va: usize, page: &mut Box<[u8; PAGE_SIZE]>) -> Result<()> {
    let there = cx.mm.dump_page(va, page) && page.iter().any(|byte| *byte != 0);
    if there {
        out.write(&page[..])
    } else {
        out.skip(PAGE_SIZE)
    }
}
