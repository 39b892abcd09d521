//! `hex_dump_to_buffer` of `linux/printk.h`: memory as digits.
use crate::export::exports;
use crate::foreign;
use cformat::{Bounded, Sink, Text};
use core::fmt::Write;

/// Most bytes of a line.
const MOST: usize = 32;
/// Longest line: two digits and a space for each byte, a space, and the bytes themselves.
const LINE: usize = MOST * 3 + 1 + MOST;

/// The line of `bytes`: in groups of so many, and as characters from the column that whole lines of `row` bytes have.
fn line(bytes: &[u8], row: usize, group: usize, characters: bool, out: &mut Bounded<'_>) {
    for (number, part) in bytes.chunks(group).enumerate() {
        if number != 0 {
            out.put(b" ");
        }
        // A group is a number of this machine's: its last byte comes first.
        for byte in part.iter().rev() {
            let _ = write!(Text(out), "{byte:02x}");
        }
    }
    if !characters || bytes.is_empty() {
        return;
    }
    while out.wanted() < row * 2 + row / group + 1 {
        out.put(b" ");
    }
    for byte in bytes {
        let shown = matches!(byte, b' '..=b'~');
        out.put(&[if shown { *byte } else { b'.' }]);
    }
}

/// `hex_dump_to_buffer(from, length, row, group, to, room, characters)`: the length of the whole line, of which as much is
/// written as there is room for.
extern "C" fn hex_dump_to_buffer(
    from: usize,
    length: usize,
    row: i32,
    group: i32,
    to: usize,
    room: usize,
    characters: bool,
) -> i32 {
    let row = if row == 32 { MOST } else { 16 };
    let mut bytes = [0; MOST];
    let bytes = &mut bytes[..length.min(row)];
    if foreign::read_bytes(from, bytes).is_err() {
        crate::enter::misuse("hex_dump_to_buffer of what is no memory");
    }
    let group = match group {
        2 | 4 | 8 if bytes.len().is_multiple_of(group as usize) => group as usize,
        _ => 1,
    };
    let mut text = [0; LINE + 1];
    let mut out = Bounded::new(&mut text);
    line(bytes, row, group, characters, &mut out);
    let wanted = out.wanted();
    if let Some(room) = room.checked_sub(1) {
        let fits = wanted.min(room).min(LINE);
        text[fits] = 0;
        let _ = foreign::write_bytes(to, &text[..=fits]);
    }
    wanted as i32
}

exports![hex_dump_to_buffer];
