//! Programs built here, this test program itself, and mutations of both.
use crate::*;
extern crate std;
use proptest::prelude::*;
use std::vec::Vec;

const LIMIT: u64 = 0x7fff_ffff_f000;

struct Phdr {
    kind: u32,
    flags: u32,
    offset: u64,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
}

fn build(kind: u16, entry: u64, phdrs: &[Phdr]) -> Vec<u8> {
    let mut f = Vec::new();
    f.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    f.extend(kind.to_le_bytes());
    f.extend(62u16.to_le_bytes());
    f.extend(1u32.to_le_bytes());
    f.extend(entry.to_le_bytes());
    f.extend(64u64.to_le_bytes());
    f.extend(0u64.to_le_bytes());
    f.extend(0u32.to_le_bytes());
    for v in [64, 56, phdrs.len() as u16, 64, 0, 0] {
        f.extend(v.to_le_bytes());
    }
    for p in phdrs {
        f.extend(p.kind.to_le_bytes());
        f.extend(p.flags.to_le_bytes());
        for v in [p.offset, p.vaddr, p.vaddr, p.filesz, p.memsz, 0x1000] {
            f.extend(v.to_le_bytes());
        }
    }
    f
}

fn good() -> Vec<u8> {
    build(
        2,
        0x40_1000,
        &[
            Phdr {
                kind: pt::LOAD,
                flags: 5,
                offset: 0,
                vaddr: 0x40_0000,
                filesz: 0x1800,
                memsz: 0x1800,
            },
            Phdr {
                kind: pt::LOAD,
                flags: 6,
                offset: 0x1800,
                vaddr: 0x40_2800,
                filesz: 0x100,
                memsz: 0x3000,
            },
            Phdr {
                kind: pt::GNU_STACK,
                flags: 6,
                offset: 0,
                vaddr: 0,
                filesz: 0,
                memsz: 0,
            },
        ],
    )
}

fn plan(file: &[u8]) -> Result<Plan, ElfError> {
    let header = Header::parse(file)?;
    let (off, len) = header.table()?;
    let table = slice(file, off, len as u64)?;
    Plan::new(&header, Segments::new(table), LIMIT)
}

#[test]
fn plans_a_program() {
    let p = plan(&good()).unwrap();
    assert_eq!((p.low, p.high, p.entry), (0x40_0000, 0x40_6000, 0x40_1000));
    assert_eq!((p.start_code, p.end_code), (0x40_0000, 0x40_1800));
    assert_eq!(
        (p.start_data, p.end_data, p.brk),
        (0x40_2800, 0x40_2900, 0x40_5800)
    );
    assert_eq!(
        (p.phdr, p.stack, p.interp),
        (0x40_0040, StackFlags::NoExec, None)
    );
}

#[test]
fn names_each_defect() {
    let with = |at: usize, bytes: &[u8]| {
        let mut f = good();
        f[at..at + bytes.len()].copy_from_slice(bytes);
        plan(&f)
    };
    assert_eq!(with(0, b"\x7fELG"), Err(ElfError::NotElf));
    assert_eq!(plan(&good()[..63]), Err(ElfError::Truncated));
    assert_eq!(plan(b"\x7fE"), Err(ElfError::NotElf));
    assert!(with(4, &[1, 2, 9]).is_ok(), "Linux does not look at these");
    assert_eq!(with(18, &3u16.to_le_bytes()), Err(ElfError::Machine));
    assert_eq!(with(16, &4u16.to_le_bytes()), Err(ElfError::Kind));
    assert_eq!(
        with(54, &55u16.to_le_bytes()),
        Err(ElfError::ProgramHeaders)
    );
    assert_eq!(with(56, &0u16.to_le_bytes()), Err(ElfError::ProgramHeaders));
    assert_eq!(
        with(56, &74u16.to_le_bytes()),
        Err(ElfError::ProgramHeaders)
    );
    assert_eq!(
        with(32, &u64::MAX.to_le_bytes()),
        Err(ElfError::ProgramHeaders)
    );
    assert_eq!(
        with(32, &0x10_0000u64.to_le_bytes()),
        Err(ElfError::Truncated)
    );
    let seg = 64 + 56;
    assert_eq!(
        with(seg + 32, &0x4000u64.to_le_bytes()),
        Err(ElfError::Segment),
        "filesz > memsz"
    );
    assert_eq!(
        with(seg + 40, &u64::MAX.to_le_bytes()),
        Err(ElfError::Segment),
        "memsz wraps"
    );
    assert_eq!(
        with(seg + 8, &0x1801u64.to_le_bytes()),
        Err(ElfError::Segment),
        "offset off page"
    );
    assert_eq!(
        with(seg + 16, &(LIMIT - 0x800).to_le_bytes()),
        Err(ElfError::Segment),
        "too high"
    );
    assert_eq!(
        with(24, &LIMIT.to_le_bytes()),
        Err(ElfError::Segment),
        "entry too high"
    );
    let none = build(
        3,
        0,
        &[Phdr {
            kind: pt::NOTE,
            flags: 4,
            offset: 0,
            vaddr: 0,
            filesz: 0,
            memsz: 0,
        }],
    );
    assert_eq!(plan(&none), Err(ElfError::Segment));
    for (len, ok) in [(1, false), (2, true), (4096, true), (4097, false)] {
        let f = build(
            3,
            0,
            &[
                Phdr {
                    kind: pt::INTERP,
                    flags: 4,
                    offset: 0,
                    vaddr: 0,
                    filesz: len,
                    memsz: len,
                },
                Phdr {
                    kind: pt::LOAD,
                    flags: 4,
                    offset: 0,
                    vaddr: 0,
                    filesz: 1,
                    memsz: 1,
                },
            ],
        );
        assert_eq!(plan(&f).is_ok(), ok, "{len}");
    }
}

#[test]
fn reads_notes() {
    let mut bytes = Vec::new();
    for (name, kind, desc) in [
        (&b"GNU\0"[..], 3u32, &b"\x01\x02\x03\x04\x05"[..]),
        (b"Xen\0", 18, b"abcd"),
    ] {
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend((desc.len() as u32).to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(name);
        bytes.extend(desc);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    let notes: Vec<_> = Notes::new(&bytes, 4).map(Result::unwrap).collect();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].name, b"GNU");
    assert_eq!(notes[0].desc, [1, 2, 3, 4, 5]);
    assert_eq!((notes[1].name, notes[1].kind), (&b"Xen"[..], 18));
    bytes[4] = 0xff;
    assert_eq!(Notes::new(&bytes, 4).next(), Some(Err(ElfError::Note)));
}

/// This very test program is an ELF file: what the parser says of it must hold.
#[test]
fn reads_itself() {
    let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let header = Header::parse(&file).unwrap();
    assert_eq!(header.kind, Kind::Dynamic);
    let p = plan(&file).unwrap();
    assert!(p.entry >= p.low && p.entry < p.high && p.stack == StackFlags::NoExec);
    let (off, len) = p.interp.unwrap();
    assert!(file[off as usize..off as usize + len].ends_with(b"ld-linux-x86-64.so.2\0"));
    let sections = Sections::new(&file, &header).unwrap();
    assert!(sections.iter().any(|s| sections.name(&s) == Ok(b".text")));
    let (off, len) = header.table().unwrap();
    let segments = Segments::new(slice(&file, off, len as u64).unwrap());
    let note = segments.find(pt::NOTE).unwrap();
    let bytes = slice(&file, note.offset, note.filesz).unwrap();
    assert!(Notes::new(bytes, note.align).all(|n| n.is_ok()));
}

/// Everything there is to ask of a file.
fn walk(file: &[u8]) {
    let Ok(header) = Header::parse(file) else {
        return;
    };
    if let Ok(sections) = Sections::new(file, &header) {
        for s in sections.iter() {
            let _ = (sections.name(&s), sections.bytes(&s));
        }
    }
    let Ok((off, len)) = header.table() else {
        return;
    };
    let Ok(table) = slice(file, off, len as u64) else {
        return;
    };
    if let Ok(p) = Plan::new(&header, Segments::new(table), LIMIT) {
        assert!(p.low < p.high && p.high <= LIMIT.next_multiple_of(4096) && p.entry < LIMIT);
        assert!(p.brk <= p.high && p.end_data <= p.brk && p.low <= p.start_code);
    }
    for s in Segments::new(table).iter().filter(|s| s.kind == pt::NOTE) {
        if let Ok(bytes) = slice(file, s.offset, s.filesz) {
            assert!(Notes::new(bytes, s.align).count() <= bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4000), ..ProptestConfig::default() })]
    #[test]
    fn survives_mutations(changes in prop::collection::vec((0..600usize, any::<u8>()), 0..12), wide in prop::collection::vec((0..60usize, any::<u64>()), 0..4), cut in 0..700usize) {
        let mut file = good();
        file.resize(600, 7);
        for (at, byte) in changes {
            file[at % 240] = byte;
        }
        for (at, word) in wide {
            let at = at * 4;
            file[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        walk(&file);
        walk(&file[..cut.min(600)]);
    }
}
