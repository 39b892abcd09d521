//! Where the parts of a program go, worked out and checked before anything is mapped.
use crate::{ElfError, Header, Kind, ProgramHeader, Segments, pf, pt};

const PAGE: u64 = 4096;
/// Longest path of an interpreter with its NUL; `PATH_MAX`.
const MAX_INTERP: u64 = 4096;

/// What `PT_GNU_STACK` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackFlags {
    /// There is no such header: an old program, which may expect an executable stack.
    Default,
    /// Executable.
    Executable,
    /// Not executable.
    NoExec,
}

/// A program's parts; addresses before relocation (add the load bias).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Page-aligned lowest address.
    pub low: u64,
    /// One past the highest address, page-aligned.
    pub high: u64,
    /// Largest alignment of a loaded segment: a power of two, at least a page.
    pub align: u64,
    /// Where the program starts to run.
    pub entry: u64,
    /// Where the program headers stand in memory, 0 if they are not loaded.
    pub phdr: u64,
    /// Lowest address of a segment.
    pub start_code: u64,
    /// End of the file bytes of executable segments.
    pub end_code: u64,
    /// Address of the last segment.
    pub start_data: u64,
    /// End of the file bytes of all segments.
    pub end_data: u64,
    /// End of all segments in memory: the heap begins above.
    pub brk: u64,
    /// Offset and length with the NUL of the interpreter's path.
    pub interp: Option<(u64, usize)>,
    /// Flags of the stack.
    pub stack: StackFlags,
}

impl Plan {
    /// The interpreter's place and the stack flags only: what has to be known (and refused with an errno) before the
    /// old program is given up. [`ElfError::Interp`].
    pub fn interp(segments: Segments<'_>) -> Result<Option<(u64, usize)>, ElfError> {
        let Some(p) = segments.find(pt::INTERP) else {
            return Ok(None);
        };
        if p.filesz < 2 || p.filesz > MAX_INTERP || p.offset.checked_add(p.filesz).is_none() {
            return Err(ElfError::Interp);
        }
        Ok(Some((p.offset, p.filesz as usize)))
    }

    /// Works out where everything goes; addresses have to end at or below `limit`.
    /// [`ElfError::Segment`] (no segment to load, sizes or addresses out of range, offset and address that do not agree
    /// within a page), [`ElfError::Interp`].
    pub fn new(header: &Header, segments: Segments<'_>, limit: u64) -> Result<Self, ElfError> {
        let mut plan = Self {
            low: u64::MAX,
            high: 0,
            align: PAGE,
            entry: header.entry,
            phdr: 0,
            start_code: u64::MAX,
            end_code: 0,
            start_data: 0,
            end_data: 0,
            brk: 0,
            interp: Self::interp(segments)?,
            stack: StackFlags::Default,
        };
        for p in segments.iter() {
            match p.kind {
                pt::LOAD => plan.load(header, &p, limit)?,
                pt::GNU_STACK if p.flags & pf::X != 0 => plan.stack = StackFlags::Executable,
                pt::GNU_STACK => plan.stack = StackFlags::NoExec,
                _ => {}
            }
        }
        // Entry points outside of every segment fault by themselves; those beyond user space must not be tried.
        let fits = plan.low < plan.high && (header.kind != Kind::Executable || plan.entry < limit);
        if fits && plan.entry < limit {
            Ok(plan)
        } else {
            Err(ElfError::Segment)
        }
    }

    fn load(&mut self, header: &Header, p: &ProgramHeader, limit: u64) -> Result<(), ElfError> {
        let end = p
            .vaddr
            .checked_add(p.memsz)
            .filter(|&end| end <= limit)
            .ok_or(ElfError::Segment)?;
        let agree = p.offset % PAGE == p.vaddr % PAGE;
        let file_end = p.offset.checked_add(p.filesz);
        if p.filesz > p.memsz || !agree || file_end.is_none_or(|e| e > i64::MAX as u64) {
            return Err(ElfError::Segment);
        }
        if p.align.is_power_of_two() {
            self.align = self.align.max(p.align);
        }
        self.low = self.low.min(p.vaddr & !(PAGE - 1));
        self.high = self.high.max(end.next_multiple_of(PAGE));
        self.start_code = self.start_code.min(p.vaddr);
        self.start_data = self.start_data.max(p.vaddr);
        let data_end = p.vaddr + p.filesz;
        if p.flags & pf::X != 0 {
            self.end_code = self.end_code.max(data_end);
        }
        self.end_data = self.end_data.max(data_end);
        self.brk = self.brk.max(end);
        if header.phoff >= p.offset && header.phoff - p.offset < p.filesz {
            self.phdr = header.phoff - p.offset + p.vaddr;
        }
        Ok(())
    }
}
