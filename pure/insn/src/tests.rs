//! Forms of instructions as the assembler writes them.
use crate::{Done, Insn, Kind, Machine, Operand, Reject, decode, starts_at};

/// Registers, and a word of memory.
struct Some16 {
    registers: [u64; 16],
    flags: u64,
    memory: (u64, u64),
}

impl Machine for Some16 {
    fn register(&self, number: u8) -> u64 {
        self.registers[usize::from(number)]
    }
    fn flags(&self) -> u64 {
        self.flags
    }
    fn read(&self, address: u64) -> Option<u64> {
        (address == self.memory.0).then_some(self.memory.1)
    }
}

const STACK: u64 = 0x8000;

fn machine() -> Some16 {
    let mut registers = core::array::from_fn(|number| 0x100 * number as u64);
    registers[4] = STACK;
    Some16 {
        registers,
        flags: 0,
        memory: (0, 0),
    }
}

#[track_caller]
fn known(bytes: &[u8]) -> Insn {
    let insn = decode(bytes).unwrap_or_else(|why| panic!("{bytes:02x?}: {why:?}"));
    assert_eq!(insn.len, bytes.len(), "{bytes:02x?}");
    for short in 0..bytes.len() {
        assert!(decode(&bytes[..short]).is_err(), "{bytes:02x?}, {short}");
    }
    insn
}

const PLAIN: &[&[u8]] = &[
    &[0x48, 0x89, 0xe5],                         // mov rbp, rsp
    &[0x89, 0x44, 0x24, 0x08],                   // mov [rsp+8], eax
    &[0x8b, 0x84, 0xcd, 1, 2, 3, 4],             // mov eax, [rbp+rcx*8+disp32]
    &[0x8b, 0x04, 0x25, 1, 2, 3, 4],             // mov eax, [disp32]
    &[0x42, 0x8b, 0x04, 0x25, 1, 2, 3, 4],       // mov eax, [r12*1+disp32]
    &[0x41, 0x8b, 0x45, 0x00],                   // mov eax, [r13+0]
    &[0x41, 0x8b, 0x04, 0x24],                   // mov eax, [r12]
    &[0x48, 0x83, 0xec, 0x18],                   // sub rsp, 24
    &[0x48, 0x81, 0xec, 0, 1, 0, 0],             // sub rsp, 256
    &[0x66, 0x81, 0xc1, 1, 2],                   // add cx, imm16
    &[0x66, 0xb8, 1, 2],                         // mov ax, imm16
    &[0xb8, 1, 2, 3, 4],                         // mov eax, imm32
    &[0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8],       // movabs rax, imm64
    &[0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8],       // movabs rax, [moffs]
    &[0x67, 0xa0, 1, 2, 3, 4],                   // mov al, [moffs32]
    &[0x48, 0xc7, 0x45, 0xf8, 1, 0, 0, 0],       // mov qword [rbp-8], 1
    &[0x66, 0xc7, 0x00, 1, 0],                   // mov word [rax], 1
    &[0x65, 0x48, 0x8b, 0x04, 0x25, 1, 2, 3, 4], // mov rax, gs:[disp32]
    &[0x31, 0xc0],                               // xor eax, eax
    &[0x3c, 0x01],                               // cmp al, 1
    &[0x48, 0x3d, 1, 2, 3, 4],                   // cmp rax, imm32
    &[0xf6, 0xc1, 0x01],                         // test cl, 1
    &[0xf6, 0xd1],                               // not cl
    &[0xf7, 0xc1, 1, 2, 3, 4],                   // test ecx, imm32
    &[0x48, 0xf7, 0xd8],                         // neg rax
    &[0x48, 0xf7, 0xf1],                         // div rcx
    &[0x6b, 0xc0, 0x03],                         // imul eax, eax, 3
    &[0x69, 0xc0, 1, 2, 3, 4],                   // imul eax, eax, imm32
    &[0x6a, 0x01],                               // push 1
    &[0x68, 1, 2, 3, 4],                         // push imm32
    &[0x58],                                     // pop rax
    &[0x41, 0x5f],                               // pop r15
    &[0xc9],                                     // leave
    &[0xff, 0x30],                               // push [rax]
    &[0xff, 0xc0],                               // inc eax
    &[0xfe, 0xc8],                               // dec al
    &[0xf3, 0x48, 0xa5],                         // rep movsq
    &[0xf3, 0x90],                               // pause
    &[0x41, 0x90],                               // xchg r8d, eax
    &[0x0f, 0xb6, 0x07],                         // movzx eax, byte [rdi]
    &[0x0f, 0x44, 0xc1],                         // cmove eax, ecx
    &[0x0f, 0x94, 0xc0],                         // sete al
    &[0x0f, 0xba, 0xe0, 0x03],                   // bt eax, 3
    &[0x0f, 0xa4, 0xc2, 0x03],                   // shld edx, eax, 3
    &[0xf0, 0x48, 0x0f, 0xb1, 0x0f],             // lock cmpxchg [rdi], rcx
    &[0xf0, 0xff, 0x07],                         // lock inc [rdi]
    &[0xf3, 0x48, 0x0f, 0xb8, 0xc1],             // popcnt rax, rcx
    &[0x0f, 0xc8],                               // bswap eax
    &[0x0f, 0xa2],                               // cpuid
    &[0x0f, 0xae, 0xf0],                         // mfence
    &[0x48, 0x0f, 0xc7, 0xf0],                   // rdrand rax
    &[0x66, 0x0f, 0x3a, 0x0f, 0xc1, 0x08],       // palignr xmm0, xmm1, 8
    &[0x66, 0x0f, 0x38, 0x00, 0xc1],             // pshufb xmm0, xmm1
    &[0xc1, 0xe0, 0x03],                         // shl eax, 3
    &[0xd1, 0xe8],                               // shr eax, 1
    &[0xec],                                     // in al, dx
    &[0x48, 0x63, 0xc7],                         // movsxd rax, edi
    &[0x0f, 0x18, 0x08],                         // prefetcht0 [rax]
];

const REFUSED: &[&[u8]] = &[
    &[0xcc],                         // int3
    &[0xcd, 0x80],                   // int 0x80
    &[0xfa],                         // cli
    &[0xfb],                         // sti
    &[0x9c],                         // pushf
    &[0x9d],                         // popf
    &[0x48, 0xcf],                   // iretq
    &[0x48, 0xcb],                   // retfq
    &[0xf4],                         // hlt
    &[0x8e, 0xd8],                   // mov ds, eax
    &[0xe2, 0x10],                   // loop
    &[0xe3, 0x10],                   // jrcxz
    &[0x0f, 0x0b],                   // ud2
    &[0x0f, 0x05],                   // syscall
    &[0x0f, 0x01, 0xf8],             // swapgs
    &[0x0f, 0x01, 0xcb],             // stac
    &[0x0f, 0x22, 0xd8],             // mov cr3, rax
    &[0x0f, 0x30],                   // wrmsr
    &[0xf3, 0x48, 0x0f, 0xae, 0xd8], // wrgsbase rax
    &[0xff, 0x28],                   // jmp far [rax]
];

#[test]
fn plain_ones_have_their_lengths() {
    for bytes in PLAIN {
        assert_eq!(known(bytes).kind, Kind::Plain, "{bytes:02x?}");
    }
}

#[test]
fn some_may_not_be_replaced() {
    for bytes in REFUSED {
        let insn = known(bytes);
        assert_eq!(insn.kind, Kind::Refused, "{bytes:02x?}");
        assert_eq!(insn.moved(0, 0), None);
        assert_eq!(insn.perform(0, &machine()), None);
    }
}

#[test]
fn what_is_not_known_is_not_guessed() {
    let unknown: [&[u8]; 8] = [
        &[0xc5, 0xf8, 0x77],             // vzeroupper
        &[0x62, 0xf1, 0x7c, 0x48, 0x28], // EVEX
        &[0x8f, 0xe8, 0x78, 0xc0],       // XOP
        &[0x06],                         // push es, until 64 bits
        &[0x66, 0xe8, 1, 2, 3, 4],       // processors differ about its length
        &[0x0f, 0x04],
        &[0xc7, 0xf8, 1, 2, 3, 4], // xbegin
        &[0xff, 0xff],
    ];
    for bytes in unknown {
        assert_eq!(decode(bytes), Err(Reject::Unknown), "{bytes:02x?}");
    }
    assert_eq!(
        decode(&[0x66; 20]),
        Err(Reject::Truncated),
        "longer than any may be"
    );
    assert_eq!(decode(&[]), Err(Reject::Truncated));
}

#[track_caller]
fn done(bytes: &[u8], machine: &Some16) -> Done {
    let insn = known(bytes);
    assert_eq!(insn.moved(0x1000, 0x2000), None, "{bytes:02x?} stays");
    insn.perform(0x1000, machine).expect("performed")
}

const fn goes(next: u64) -> Done {
    Done {
        next,
        stack: STACK,
        pushed: None,
    }
}

const fn pushes(next: u64, word: u64) -> Done {
    Done {
        next,
        stack: STACK - 8,
        pushed: Some(word),
    }
}

#[test]
fn nothing_and_pushes_are_done_by_hand() {
    let machine = machine();
    for nop in [
        &[0x90][..],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x44, 0x00, 0x00],
        &[0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0xf3, 0x0f, 0x1e, 0xfa],
    ] {
        assert_eq!(done(nop, &machine), goes(0x1000 + nop.len() as u64));
    }
    assert_eq!(done(&[0x55], &machine), pushes(0x1001, 0x500));
    assert_eq!(done(&[0x41, 0x57], &machine), pushes(0x1002, 0xf00));
    assert_eq!(
        done(&[0x54], &machine),
        pushes(0x1001, STACK),
        "the old rsp"
    );
}

#[test]
fn calls_jumps_and_returns_are_done_by_hand() {
    let mut machine = machine();
    assert_eq!(
        done(&[0xe8, 0x10, 0, 0, 0], &machine),
        pushes(0x1015, 0x1005)
    );
    assert_eq!(
        done(&[0xe8, 0xfb, 0xff, 0xff, 0xff], &machine),
        pushes(0x1000, 0x1005)
    );
    assert_eq!(done(&[0xe9, 0x00, 0xf0, 0xff, 0xff], &machine), goes(0x5));
    assert_eq!(done(&[0xeb, 0xfe], &machine), goes(0x1000));
    assert_eq!(done(&[0xff, 0xd0], &machine), pushes(0, 0x1002), "call rax");
    assert_eq!(done(&[0x41, 0xff, 0xe3], &machine), goes(0xb00), "jmp r11");
    machine.memory = (0x100 + 0x200 * 4 + 0x10, 0x7777);
    assert_eq!(
        done(&[0xff, 0x54, 0x91, 0x10], &machine),
        pushes(0x7777, 0x1004),
        "call [rcx+rdx*4+16]"
    );
    machine.memory = (0x1006 + 0x20, 0x8888);
    assert_eq!(
        done(&[0xff, 0x25, 0x20, 0, 0, 0], &machine),
        goes(0x8888),
        "jmp [rip+32]"
    );
    assert_eq!(
        known(&[0xff, 0x20]).perform(0x1000, &machine),
        None,
        "no memory there"
    );
    machine.memory = (STACK, 0x9999);
    let back = |stack| Done {
        next: 0x9999,
        stack,
        pushed: None,
    };
    assert_eq!(done(&[0xc3], &machine), back(STACK + 8));
    assert_eq!(
        done(&[0xf3, 0xc3], &machine),
        back(STACK + 8),
        "for old processors"
    );
    assert_eq!(done(&[0xc2, 0x10, 0x00], &machine), back(STACK + 24));
}

#[test]
fn conditions_are_looked_up_in_the_flags() {
    let (carry, parity, zero, sign, overflow) = (1, 1 << 2, 1 << 6, 1 << 7, 1 << 11);
    // The condition without its lowest bit, and flags that it holds with.
    let holding: [(u8, &[u64]); 8] = [
        (0x0, &[overflow]),
        (0x2, &[carry]),
        (0x4, &[zero]),
        (0x6, &[carry, zero]),
        (0x8, &[sign]),
        (0xa, &[parity]),
        (0xc, &[sign, overflow]),
        (0xe, &[sign, overflow, zero, sign | overflow | zero]),
    ];
    let all = [
        carry,
        parity,
        zero,
        sign,
        overflow,
        sign | overflow,
        sign | overflow | zero,
        0,
    ];
    for (condition, with) in holding {
        for flags in all {
            let mut machine = machine();
            machine.flags = flags;
            let holds = match condition {
                0x6 => flags & (carry | zero) != 0,
                0xc | 0xe if flags == sign | overflow => false,
                0xc if flags == sign | overflow | zero => false,
                _ => with.iter().any(|one| flags & one == *one),
            };
            let to = if holds { 0x1012 } else { 0x1002 };
            assert_eq!(
                done(&[0x70 | condition, 0x10], &machine),
                goes(to),
                "{condition:x} {flags:x}"
            );
            let not = if holds { 0x1006 } else { 0x1016 };
            let far = [0x0f, 0x81 | condition, 0x10, 0, 0, 0];
            assert_eq!(
                done(&far, &machine),
                goes(not),
                "not {condition:x} {flags:x}"
            );
        }
    }
}

#[test]
fn displacements_from_rip_move_along() {
    // lea rax, [rip+0x100]
    let insn = known(&[0x48, 0x8d, 0x05, 0, 1, 0, 0]);
    let (bytes, len) = insn.moved(0x10_0000, 0x20_0000).expect("in reach");
    let expected = (0x100i32 - 0x10_0000).to_le_bytes();
    assert_eq!(bytes[..3], [0x48, 0x8d, 0x05]);
    assert_eq!(bytes[3..7], expected);
    assert_eq!((bytes[7], len), (0xcc, 8));
    // cmp dword [rip+d], imm32: the displacement is not the last thing in it.
    let insn = known(&[0x81, 0x3d, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
    let (bytes, len) = insn.moved(0x2000, 0x1000).expect("in reach");
    assert_eq!(bytes[2..6], 0xfffi32.to_le_bytes());
    assert_eq!((&bytes[6..11], len), (&[1, 2, 3, 4, 0xcc][..], 11));
    assert_eq!(insn.moved(0, 1 << 33), None, "out of reach");
    let plain = known(&[0x48, 0x89, 0xe5]);
    assert_eq!(plain.moved(0, 1 << 40).map(|(_, len)| len), Some(4));
}

#[test]
fn operands_are_read_whole() {
    let memory = |base, index, displacement| Operand::Memory {
        base,
        index,
        displacement,
        next: false,
    };
    let cases: [(&[u8], Operand); 6] = [
        (&[0xff, 0x10], memory(Some(0), None, 0)),
        (&[0x41, 0xff, 0x54, 0x24, 0x08], memory(Some(12), None, 8)),
        (&[0xff, 0x55, 0xf8], memory(Some(5), None, -8)),
        (&[0x43, 0xff, 0x14, 0xe1], memory(Some(9), Some((12, 8)), 0)),
        (
            &[0xff, 0x14, 0xc5, 0, 0, 0, 0x80],
            memory(None, Some((0, 8)), i32::MIN),
        ),
        (&[0x41, 0xff, 0xd2], Operand::Register(10)),
    ];
    for (bytes, operand) in cases {
        assert_eq!(known(bytes).kind, Kind::CallTo(operand), "{bytes:02x?}");
    }
}

#[test]
fn a_place_inside_an_instruction_is_none() {
    // push rbp; mov rbp, rsp; sub rsp, 16; and something unknown.
    let code = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x06];
    let read = |at: usize| {
        let mut bytes = [0; crate::MOST];
        let len = code.len().saturating_sub(at).min(crate::MOST);
        bytes[..len].copy_from_slice(&code[at..at + len]);
        (bytes, len)
    };
    let starts: [bool; 9] = core::array::from_fn(|at| starts_at(at, read) == Ok(true));
    assert_eq!(
        starts,
        [true, true, false, false, true, false, false, false, true]
    );
    assert_eq!(starts_at(9, read), Err(Reject::Unknown));
}
