//! The checker's rules one by one, the interpreter instruction by instruction, and both under anything.
extern crate std;

use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const fn op(code: u16, k: u32) -> Instruction {
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

const RETURN_A: Instruction = op(0x16, 0);

fn reject(code: &[Instruction]) -> Option<Reject> {
    Program::new(code.to_vec()).err()
}

/// What A is after these instructions, run on a packet.
fn a_after(code: &[Instruction], data: &[u8]) -> u32 {
    let mut code = code.to_vec();
    code.push(RETURN_A);
    let about = About {
        protocol: 7,
        mark: 9,
        ..About::default()
    };
    Program::new(code).unwrap().run(&Packet { data, about })
}

#[test]
fn the_checker_has_linux_rules() {
    assert_eq!(reject(&[]), Some(Reject::Length));
    assert_eq!(reject(&vec![RETURN_A; MOST + 1]), Some(Reject::Length));
    assert_eq!(reject(&vec![RETURN_A; MOST]), None);
    assert_eq!(reject(&[op(0, 1)]), Some(Reject::End));
    let alone = |i: Instruction| reject(&[i, RETURN_A]);
    for code in [
        0x08, 0x18, 0x100, 0xff, 0x0e, 0x17, 0x8c, 0xb4, 0x55, 0x0d, 0xa1, 0x0a,
    ] {
        assert_eq!(
            alone(op(code, 1)),
            Some(Reject::Instruction(0)),
            "{code:#x}"
        );
    }
    for divides in [0x34, 0x94] {
        assert_eq!(alone(op(divides, 0)), Some(Reject::Instruction(0)));
        assert_eq!(alone(op(divides + 8, 0)), None);
    }
    assert_eq!(alone(op(0x64, 32)), Some(Reject::Instruction(0)));
    assert_eq!(alone(op(0x02, 16)), Some(Reject::Instruction(0)));
    assert_eq!(alone(op(0x20, 0xffff_f000)), None);
    assert_eq!(alone(op(0x20, 0xffff_f001)), Some(Reject::Instruction(0)));
    assert_eq!(alone(op(0x20, 0xffff_f040)), Some(Reject::Instruction(0)));
    assert_eq!(alone(op(0x05, 1)), Some(Reject::Jump(0)));
    assert_eq!(alone(op(0x05, u32::MAX)), Some(Reject::Jump(0)));
    assert_eq!(alone(jump(0x15, 0, 0, 1)), Some(Reject::Jump(0)));
    assert_eq!(alone(jump(0x15, 0, 1, 0)), Some(Reject::Jump(0)));
    assert_eq!(alone(jump(0x15, 0, 0, 0)), None);
}

#[test]
fn memory_is_written_before_it_is_read() {
    let (store, load) = (op(0x02, 3), op(0x60, 3));
    assert_eq!(reject(&[load, RETURN_A]), Some(Reject::Memory(0)));
    assert_eq!(reject(&[store, load, RETURN_A]), None);
    // On one way only.
    let either = [jump(0x15, 0, 0, 1), store, load, RETURN_A];
    assert_eq!(reject(&either), Some(Reject::Memory(2)));
    let both = [
        jump(0x15, 0, 0, 2),
        store,
        op(0x05, 1),
        store,
        load,
        RETURN_A,
    ];
    assert_eq!(reject(&both), None);
}

#[test]
fn instructions_do_what_they_say() {
    let data = [0x12, 0x34, 0x56, 0x78, 0x9a];
    assert_eq!(a_after(&[op(0x20, 0)], &data), 0x1234_5678);
    assert_eq!(a_after(&[op(0x28, 1)], &data), 0x3456);
    assert_eq!(a_after(&[op(0x30, 4)], &data), 0x9a);
    assert_eq!(a_after(&[op(0, 5), op(0x20, 2)], &data), 0);
    assert_eq!(a_after(&[op(0x01, 2), op(0x50, 2)], &data), 0x9a);
    assert_eq!(a_after(&[op(0x01, 2), op(0x50, u32::MAX)], &data), 0x34);
    assert_eq!(a_after(&[op(0x80, 0)], &data), 5);
    assert_eq!(a_after(&[op(0xb1, 1), op(0x87, 0)], &data), 16);
    assert_eq!(a_after(&[op(0x20, 0xffff_f000)], &data), 7);
    assert_eq!(a_after(&[op(0x30, 0xffff_f014)], &data), 9);
    // Without an interface the program ends.
    assert_eq!(
        a_after(&[op(0, 5), op(0x20, 0xffff_f008), op(0, 6)], &data),
        5
    );
    let sums = [
        (0x04, 13),
        (0x14, 7),
        (0x24, 30),
        (0x34, 3),
        (0x94, 1),
        (0x44, 11),
        (0x54, 2),
        (0xa4, 9),
        (0x64, 80),
        (0x74, 1),
    ];
    for (code, result) in sums {
        assert_eq!(
            a_after(&[op(0, 10), op(code, 3)], &data),
            result,
            "{code:#x}"
        );
        let by_x = [op(0, 10), op(0x01, 3), op(code + 8, 0)];
        assert_eq!(a_after(&by_x, &data), result, "{code:#x} by X");
    }
    assert_eq!(a_after(&[op(0, 10), op(0x3c, 0), op(0, 6)], &data), 0);
    assert_eq!(a_after(&[op(0, 1), op(0x84, 0)], &data), u32::MAX);
    let moved = [
        op(0, 4),
        op(0x02, 15),
        op(0x61, 15),
        op(0x03, 1),
        op(0, 0),
        op(0x60, 1),
    ];
    assert_eq!(a_after(&moved, &data), 4);
    for (code, k, taken) in [
        (0x15, 10, true),
        (0x25, 10, false),
        (0x35, 10, true),
        (0x45, 5, false),
    ] {
        let branch = [op(0, 10), jump(code, k, 1, 0), op(0, 0), op(0x14, 1)];
        assert_eq!(a_after(&branch, &data), if taken { 9 } else { u32::MAX });
    }
}

#[test]
fn attributes_are_found() {
    let mut data = vec![0; 4];
    for (kind, value) in [(1_u16, &[1, 2, 3][..]), (2, &[8, 0, 5, 0, 1, 1, 1, 1])] {
        data.extend((4 + value.len() as u16).to_ne_bytes());
        data.extend(kind.to_ne_bytes());
        data.extend(value);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let find = |a, x, what| a_after(&[op(0, a), op(0x01, x), op(0x20, what)], &data);
    assert_eq!(find(4, 1, 0xffff_f00c), 4);
    assert_eq!(find(4, 2, 0xffff_f00c), 12);
    assert_eq!(find(4, 3, 0xffff_f00c), 0);
    assert_eq!(find(12, 5, 0xffff_f010), 16);
    assert_eq!(find(u32::MAX, 5, 0xffff_f010), 0);
}

fn any_instruction() -> impl Strategy<Value = Instruction> {
    let k = prop_oneof![0..20_u32, any::<u32>(), 0xffff_f000..=0xffff_f040_u32];
    (0..=0x100_u16, 0..6_u8, 0..6_u8, k).prop_map(|(code, jt, jf, k)| Instruction {
        code,
        jt,
        jf,
        k,
    })
}

proptest! {
    #[test]
    fn whatever_passes_ends(
        mut code in proptest::collection::vec(any_instruction(), 0..40),
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        code.push(RETURN_A);
        // Most programs have some wrong instruction: what is left of it is tried.
        while let Err(Reject::Instruction(at) | Reject::Jump(at) | Reject::Memory(at)) = Program::new(code.clone()) {
            code.remove(at);
        }
        let program = Program::new(code.clone()).unwrap();
        prop_assert_eq!(program.code(), &code[..]);
        let packet = Packet { data: &data, about: About::default() };
        prop_assert_eq!(program.run(&packet), program.run(&packet));
    }

    #[test]
    fn sums_are_those_of_the_machine(a in any::<u32>(), b in any::<u32>()) {
        let by = |code| a_after(&[op(0, a), op(0x01, b), op(code, 0)], &[]);
        prop_assert_eq!(by(0x0c), a.wrapping_add(b));
        prop_assert_eq!(by(0x2c), a.wrapping_mul(b));
        prop_assert_eq!(by(0x3c), a.checked_div(b).unwrap_or(0));
        prop_assert_eq!(by(0x6c), a << (b & 31));
        prop_assert_eq!(by(0x7c), a >> (b & 31));
    }
}

/// The test's list of instructions is one that grows.
#[test]
fn many_instructions() {
    let code: Vec<_> = (0..MOST as u32 - 1)
        .map(|_| op(0x04, 1))
        .chain([RETURN_A])
        .collect();
    assert_eq!(a_after(&code[..MOST - 1], &[]), MOST as u32 - 1);
}

#[test]
fn a_filter_of_calls_reads_words_of_the_call_alone() {
    let fits = |code: &[Instruction]| Program::new(code.to_vec()).unwrap().fits_calls();
    let with = |i: Instruction| fits(&[i, RETURN_A]);
    for good in [
        0x20, 0x80, 0x81, 0x00, 0x01, 0x07, 0x87, 0x84, 0x04, 0x64, 0x3c,
    ] {
        assert!(with(op(good, 4)), "{good:#x}");
    }
    for bad in [0x28, 0x30, 0x40, 0x48, 0x50, 0xb1, 0x94, 0x9c] {
        assert!(!with(op(bad, 4)), "{bad:#x}");
    }
    assert!(with(op(0x20, 60)));
    for offset in [1, 62, 64, 0xffff_f000] {
        assert!(!with(op(0x20, offset)), "{offset}");
    }
}

#[test]
fn a_call_is_told_word_by_word() {
    let arguments = [0x1_0000_0002, 0, 0, 0, 0, 0x5_0000_0006];
    let call = Call::new(39, 0xc000_003e, 0x7_0000_0008, &arguments);
    let word = |at: u32| {
        let code = [op(0x20, at), RETURN_A];
        Program::new(code.to_vec()).unwrap().run_on(&call)
    };
    let told = [0, 4, 8, 12, 16, 20, 24, 56, 60].map(word);
    assert_eq!(told, [39, 0xc000_003e, 8, 7, 2, 1, 0, 6, 5]);
    let length = Program::new(std::vec![op(0x80, 0), RETURN_A]).unwrap();
    assert_eq!(length.run_on(&call), 64);
}
