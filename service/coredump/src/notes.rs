//! The notes of an image: what is not memory.
use crate::areas::Areas;
use abi::Result;
use alloc::vec::Vec;
use hal::addr::UserAddr;
use hal::fpu::{self, LEGACY_SIZE};
use kmem::TryVec;
use pid::SigInfo;
use task::Cx;
use task::coredump::ThreadImage;
use task::registers::SOFTWARE;
use task::times::Usage;

/// `NT_*`.
const PRSTATUS: u32 = 1;
const PRFPREG: u32 = 2;
const PRPSINFO: u32 = 3;
const AUXV: u32 = 6;
const SIGINFO: u32 = 0x5349_4749;
const FILE: u32 = 0x4649_4c45;
const X86_XSTATE: u32 = 0x202;

const PRSTATUS_SIZE: usize = 336;
const PRPSINFO_SIZE: usize = 136;

/// All notes, those of the thread that took the signal first. `ENOMEM`.
pub(crate) fn notes(
    cx: &Cx,
    threads: &ThreadImage,
    info: &SigInfo,
    areas: &Areas,
) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut next = Some(threads);
    while let Some(thread) = next {
        note(&mut out, b"CORE", PRSTATUS, &status(cx, thread, info))?;
        if core::ptr::eq(thread, threads) {
            note(&mut out, b"CORE", PRPSINFO, &program(cx))?;
            note(&mut out, b"CORE", SIGINFO, &info.encode())?;
            note(&mut out, b"CORE", AUXV, &auxv(cx)?)?;
            note(&mut out, b"CORE", FILE, &areas.files)?;
        }
        let mut legacy = [0; LEGACY_SIZE];
        legacy.copy_from_slice(&thread.fpu[..LEGACY_SIZE]);
        if fpu::xfeatures().is_some() {
            legacy[SOFTWARE..].fill(0);
        }
        note(&mut out, b"CORE", PRFPREG, &legacy)?;
        if fpu::xfeatures().is_some() {
            note(&mut out, b"LINUX", X86_XSTATE, &thread.fpu)?;
        }
        next = thread.next.as_deref();
    }
    Ok(out)
}

/// One note: sizes of name and contents, kind, then both, each up to a multiple of four.
fn note(out: &mut Vec<u8>, owner: &[u8], kind: u32, contents: &[u8]) -> Result<()> {
    for word in [owner.len() as u32 + 1, contents.len() as u32, kind] {
        out.try_extend(&word.to_le_bytes())?;
    }
    out.try_extend(owner)?;
    out.try_push(0)?;
    aligned(out)?;
    out.try_extend(contents)?;
    aligned(out)
}

fn aligned(out: &mut Vec<u8>) -> Result<()> {
    out.try_resize(out.len().next_multiple_of(4), 0)
}

/// Puts numbers into a record.
struct Record<const N: usize>([u8; N]);

impl<const N: usize> Record<N> {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
    fn int(&mut self, at: usize, value: i32) {
        self.put(at, &value.to_le_bytes());
    }
    fn long(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }
    /// A `struct timeval`.
    fn time(&mut self, at: usize, ns: u64) {
        self.long(at, ns / 1_000_000_000);
        self.long(at + 8, ns % 1_000_000_000 / 1000);
    }
}

/// `struct elf_prstatus`. Of the first thread the times are the whole process'.
fn status(cx: &Cx, thread: &ThreadImage, info: &SigInfo) -> [u8; PRSTATUS_SIZE] {
    const REGISTERS: usize = 112;
    const HAS_FPU: usize = 328;
    let process = cx.process();
    let (group, session) = process.group_and_session();
    let mut all = process.usage();
    all.add(&thread.usage);
    let usage: &Usage = if thread.tid == process.nr() {
        &all
    } else {
        &thread.usage
    };
    let children = process.children_usage();
    let mut record = Record([0; PRSTATUS_SIZE]);
    record.int(0, info.signo as i32);
    record.put(12, &(info.signo as u16).to_le_bytes());
    record.long(16, thread.pending.0);
    record.long(24, thread.blocked.0);
    for (at, id) in [thread.tid, process.parent_nr(), group, session]
        .into_iter()
        .enumerate()
    {
        record.int(32 + at * 4, id);
    }
    record.time(48, usage.user_ns);
    record.time(64, usage.system_ns);
    record.time(80, children.user_ns);
    record.time(96, children.system_ns);
    record.put(REGISTERS, &thread.registers.bytes());
    record.int(HAS_FPU, 1);
    record.0
}

/// `struct elf_prpsinfo`.
fn program(cx: &Cx) -> [u8; PRPSINFO_SIZE] {
    const ARGUMENTS: usize = 56;
    const LONGEST: usize = 79;
    let process = cx.process();
    let (group, session) = process.group_and_session();
    let nice = cx
        .task
        .thread()
        .map_or(0, |thread| thread.attr().share.nice);
    let mut record = Record([0; PRPSINFO_SIZE]);
    record.put(1, b"R");
    record.put(3, &[nice as u8]);
    record.int(16, cx.cred.uid.0 as i32);
    record.int(20, cx.cred.gid.0 as i32);
    for (at, id) in [process.nr(), process.parent_nr(), group, session]
        .into_iter()
        .enumerate()
    {
        record.int(24 + at * 4, id);
    }
    let comm = cx.task.comm();
    record.put(40, &comm[..15]);
    let layout = cx.mm.layout();
    let len = layout.arg_end.saturating_sub(layout.arg_start).min(LONGEST);
    let arguments = &mut record.0[ARGUMENTS..ARGUMENTS + len];
    if cx
        .mm
        .read_remote(UserAddr(layout.arg_start), arguments)
        .is_ok()
    {
        for byte in arguments {
            if *byte == 0 {
                *byte = b' ';
            }
        }
    }
    record.0
}

/// The auxiliary vector, its end included.
fn auxv(cx: &Cx) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let Some(words) = cx.mm.auxv() else {
        return Ok(out);
    };
    for pair in words.chunks_exact(2) {
        for word in pair {
            out.try_extend(&word.to_le_bytes())?;
        }
        if pair[0] == 0 {
            break;
        }
    }
    Ok(out)
}
