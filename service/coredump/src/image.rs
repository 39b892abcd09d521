//! The file of an image.
use crate::areas::{Areas, Segment};
use crate::{name, notes};
use abi::{Errno, PAGE_SIZE, Result, raw};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::Resource;
use elf::{HEADER_SIZE, PHDR_SIZE, pt};
use kmem::TryVec;
use kmem::user::UserBuf;
use pid::SigInfo;
use task::Cx;
use task::coredump::ThreadImage;
use vfs::{File, OpenHow, WalkCtx};

/// Writes the image of the calling process. False: there is none.
pub(crate) fn dump(cx: &mut Cx, threads: &ThreadImage, info: &SigInfo) -> bool {
    try_dump(cx, threads, info).is_ok()
}

fn try_dump(cx: &Cx, threads: &ThreadImage, info: &SigInfo) -> Result<()> {
    let areas = Areas::of(&cx.mm, cx.process().core_filter())?;
    let notes = notes::notes(cx, threads, info, &areas)?;
    let heads = heads(&areas.segments, notes.len())?;
    let mut out = Output {
        file: open(cx, &name::name(cx, info.signo)?)?,
        left: cx.process().limits().cur(Resource::Core),
        at: 0,
        end: 0,
    };
    // From here on there is an image, even if it is cut short.
    let _ = write_all(cx, &mut out, &heads, &notes, &areas.segments);
    Ok(())
}

/// A new file; what was there by that name goes first. The errors of open(2).
fn open(cx: &Cx, name: &[u8]) -> Result<Arc<File>> {
    let ctx = WalkCtx {
        fs: &cx.fs,
        cred: &cx.cred,
        base: None,
    };
    // If it cannot go, the file cannot be made.
    let _ = vfs::unlink(ctx, name);
    let flags = raw::O_CREAT | raw::O_EXCL | raw::O_WRONLY | raw::O_NOFOLLOW | raw::O_LARGEFILE;
    vfs::open(ctx, name, &OpenHow::new(flags, 0o600))
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

/// The file as it grows.
struct Output {
    file: Arc<File>,
    /// Bytes that may still be written; holes do not count.
    left: u64,
    at: u64,
    /// Up to where something was written.
    end: u64,
}

impl Output {
    /// `EFBIG`: the limit; what the file says.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(Errno::EFBIG)?;
        let mut buf = UserBuf::kernel_src(bytes);
        while buf.remaining() != 0 {
            let written = self.file.write_at(&mut buf, self.at, u64::MAX);
            let written = written.map_err(|error| error.errno)?;
            if written == 0 {
                return Err(Errno::EIO);
            }
            self.at += written as u64;
        }
        self.end = self.at;
        Ok(())
    }
}

fn write_all(
    cx: &Cx,
    out: &mut Output,
    heads: &[u8],
    notes: &[u8],
    segments: &[Segment],
) -> Result<()> {
    out.write(heads)?;
    out.write(notes)?;
    out.at = out.at.next_multiple_of(PAGE_SIZE as u64);
    let mut page = kmem::try_box([0; PAGE_SIZE])?;
    for segment in segments {
        for va in (segment.start..segment.start + segment.dumped).step_by(PAGE_SIZE) {
            write_page(cx, out, va, &mut page)?;
        }
    }
    if out.end < out.at {
        // The hole at the end belongs to the file.
        vfs::ftruncate(&out.file, out.at)?;
    }
    Ok(())
}

fn write_page(cx: &Cx, out: &mut Output, va: usize, page: &mut Box<[u8; PAGE_SIZE]>) -> Result<()> {
    let there = cx.mm.dump_page(va, page) && page.iter().any(|byte| *byte != 0);
    if there {
        out.write(&page[..])
    } else {
        out.at += PAGE_SIZE as u64;
        Ok(())
    }
}
