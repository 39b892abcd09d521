//! From an ELF file to an address space.
use abi::raw::{
    MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_GROWSDOWN, MAP_PRIVATE, PROT_EXEC,
    PROT_READ, PROT_WRITE,
};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use alloc::sync::Arc;
use alloc::vec::Vec;
use elf::{ElfError, Header, Kind, Plan, ProgramHeader, Segments, StackFlags, pf};
use hal::addr::UserAddr;
use kmem::TryVec;
use kmem::frame::Frame;
use mm::{Backing, MapAccess, MapObject, Mm, MmapRequest, Placement};

/// Why a program's headers could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The file is not a program.
    Elf(ElfError),
    /// No memory for its table of segments.
    NoMemory,
}

impl From<ElfError> for ReadError {
    fn from(e: ElfError) -> Self {
        Self::Elf(e)
    }
}

/// What was read of an ELF file.
pub struct Image {
    /// The file header.
    pub header: Header,
    table: Vec<u8>,
    /// Where its pages come from.
    pub object: Backing,
}

/// A file in an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What was added to its addresses.
    pub bias: usize,
    /// Where it starts to run.
    pub entry: usize,
    /// Its program headers.
    pub phdr: usize,
    /// Where its parts go, before `bias`.
    pub plan: Plan,
}

/// Reads bytes of an object, up to its end; how many there were. What [`MapObject::page`] answers.
pub fn read_at(object: &dyn MapObject, mut offset: u64, buf: &mut [u8]) -> Result<usize> {
    let len = object.size().saturating_sub(offset).min(buf.len() as u64) as usize;
    let mut done = 0;
    while done < len {
        let page = object.page(offset / PAGE_SIZE as u64, MapAccess::Read)?;
        let at = offset as usize % PAGE_SIZE;
        let n = (PAGE_SIZE - at).min(len - done);
        page.read(at, &mut buf[done..done + n]);
        done += n;
        offset += n as u64;
    }
    Ok(len)
}

impl Image {
    /// Reads the headers of a program or interpreter. [`ElfError`] for what is wrong with it; an I/O error counts as
    /// truncated.
    pub fn read(object: &Backing) -> core::result::Result<Self, ReadError> {
        let mut head = [0; elf::HEADER_SIZE];
        let read = |offset, buf: &mut [u8]| match read_at(object.as_ref(), offset, buf) {
            Ok(n) if n == buf.len() => Ok(()),
            _ => Err(ReadError::Elf(ElfError::Truncated)),
        };
        read(0, &mut head)?;
        let header = Header::parse(&head)?;
        if header.kind == Kind::Relocatable {
            return Err(ElfError::Kind.into());
        }
        let (offset, table_len) = header.table()?;
        let mut table = Vec::try_filled(0, table_len).map_err(|_| ReadError::NoMemory)?;
        read(offset, &mut table)?;
        Ok(Self {
            header,
            table,
            object: object.clone(),
        })
    }

    /// Its program headers.
    pub fn segments(&self) -> Segments<'_> {
        Segments::new(&self.table)
    }

    /// Maps it into `mm`: a position-independent file at `at`, or where there is room. `ENOEXEC`-like defects of
    /// segments are `EINVAL`; `ENOMEM` and the errors of mmap(2).
    pub fn map(&self, mm: &Arc<Mm>, at: Option<usize>, low_allowed: bool) -> Result<Loaded> {
        let plan =
            Plan::new(&self.header, self.segments(), USER_END as u64).map_err(|_| Errno::EINVAL)?;
        let (low, len) = (plan.low as usize, (plan.high - plan.low) as usize);
        let bias = match (self.header.kind, at) {
            (Kind::Executable, _) => 0,
            (_, at) => {
                let align = plan.align.min(1 << 30) as usize;
                let base = match at {
                    Some(at) => at & !(align - 1),
                    // Room for any start that is aligned.
                    None => {
                        (mm.find_room(len + align - PAGE_SIZE)? + align - PAGE_SIZE) & !(align - 1)
                    }
                };
                base.wrapping_sub(low)
            }
        };
        let end = low
            .wrapping_add(bias)
            .checked_add(len)
            .filter(|&end| end <= USER_END);
        end.ok_or(Errno::ENOMEM)?;
        let mut fixed = MAP_FIXED_NOREPLACE;
        for p in self.segments().loads() {
            self.map_segment(mm, &p, bias, fixed, low_allowed)?;
            fixed = MAP_FIXED;
        }
        let shift = |addr: u64| (addr as usize).wrapping_add(bias);
        let phdr = if plan.phdr == 0 { 0 } else { shift(plan.phdr) };
        Ok(Loaded {
            bias,
            entry: shift(plan.entry),
            phdr,
            plan,
        })
    }

    fn map_segment(
        &self,
        mm: &Arc<Mm>,
        p: &ProgramHeader,
        bias: usize,
        fixed: u32,
        low_allowed: bool,
    ) -> Result<()> {
        let prot = prot_of(p.flags);
        let start = (p.vaddr as usize).wrapping_add(bias);
        let (file_end, mem_end) = (start + p.filesz as usize, start + p.memsz as usize);
        let page = start & !(PAGE_SIZE - 1);
        let request = |addr: usize, len: usize| MmapRequest {
            addr,
            len,
            prot,
            flags: MAP_PRIVATE | fixed,
            backing: None,
            offset: 0,
            low_allowed,
        };
        let mut zero_from = page;
        if p.filesz != 0 {
            mm.mmap(MmapRequest {
                backing: Some(self.object.clone()),
                offset: p.offset - (start - page) as u64,
                ..request(page, file_end - page)
            })?;
            zero_from = file_end.next_multiple_of(PAGE_SIZE);
            if mem_end > file_end && zero_from > file_end && prot & PROT_WRITE != 0 {
                // The last page holds data and, behind it, the beginning of bss.
                match mm.zero_remote(UserAddr(file_end), zero_from - file_end) {
                    // The file ends before its segment: the program meets that when it gets there.
                    Ok(_) | Err(Errno::EFAULT) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let zero_to = mem_end.next_multiple_of(PAGE_SIZE);
        if zero_to > zero_from {
            let anonymous = request(zero_from, zero_to - zero_from);
            mm.mmap(MmapRequest {
                flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                ..anonymous
            })?;
        }
        Ok(())
    }
}

fn prot_of(flags: u32) -> u32 {
    [(pf::R, PROT_READ), (pf::W, PROT_WRITE), (pf::X, PROT_EXEC)]
        .iter()
        .filter(|(flag, _)| flags & flag != 0)
        .fold(0, |prot, (_, bit)| prot | bit)
}

/// Bytes beneath the stack pointer that are part of the stack from the start: `stack_expand`.
const STACK_ROOM: usize = 128 << 10;

/// Puts the stack's pages on top of the address space; answers the stack pointer. `ENOMEM`.
pub fn map_stack(
    mm: &Arc<Mm>,
    top: usize,
    pages: usize,
    stack: StackFlags,
    limit: u64,
) -> Result<usize> {
    let sp = top - pages * PAGE_SIZE;
    let room = STACK_ROOM
        .min(usize::try_from(limit).unwrap_or(usize::MAX))
        .max(2 * PAGE_SIZE)
        & !(PAGE_SIZE - 1);
    let exec = if stack == StackFlags::Executable {
        PROT_EXEC
    } else {
        0
    };
    mm.mmap(MmapRequest {
        addr: sp - room,
        len: top - sp + room,
        prot: PROT_READ | PROT_WRITE | exec,
        flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
        backing: None,
        offset: 0,
        low_allowed: false,
    })?;
    Ok(sp)
}

/// Moves the pages of a finished stack into its area, and one of zeros beneath: the first thing a program does is to
/// push. `ENOMEM`.
pub fn fill_stack(mm: &Mm, sp: usize, pages: impl IntoIterator<Item = Frame>) -> Result<()> {
    mm.insert_page(UserAddr(sp - PAGE_SIZE), Frame::zeroed()?)?;
    for (n, page) in pages.into_iter().enumerate() {
        mm.insert_page(UserAddr(sp + n * PAGE_SIZE), page)?;
    }
    Ok(())
}

/// Where the heap of a loaded program begins.
pub fn heap_start(program: &Loaded, has_interpreter: bool, kind: Kind, place: &Placement) -> usize {
    let base = if kind == Kind::Dynamic && !has_interpreter {
        // Loaded among the mappings: the heap would have no room there.
        place.dyn_base
    } else {
        (program.plan.brk as usize)
            .wrapping_add(program.bias)
            .next_multiple_of(PAGE_SIZE)
    };
    base + place.heap_offset
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
