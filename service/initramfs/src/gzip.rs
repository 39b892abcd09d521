//! gzip: the frame around deflate data (RFC 1952).
use crate::crc32;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use kmem::Reserved;
use kmem::TryVec;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// What it begins with.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How far back deflate data may refer; also the most that is handed on at once.
const WINDOW: usize = 32 << 10;

/// What is wrong with compressed data, or with what took it.
pub(crate) enum Failure<E> {
    Data(&'static str),
    Memory(Errno),
    Sink(E),
}

/// Inflates one member at the start of `bytes` and hands the data to `sink`. Answers the length of the member.
pub(crate) fn inflate<E>(
    bytes: &[u8],
    mut sink: impl FnMut(&[u8]) -> core::result::Result<(), E>,
) -> core::result::Result<usize, Failure<E>> {
    let mut at = header(bytes).ok_or(Failure::Data("malformed gzip header"))?;
    let mut window = Vec::try_filled(0_u8, WINDOW).map_err(Failure::Memory)?;
    let mut inflater = new_inflater().map_err(Failure::Memory)?;
    let (mut out, mut sum, mut len) = (0, 0, 0_u32);
    loop {
        // Marked as if more were to come, so that a truncated member is told from a malformed one.
        let flags = TINFL_FLAG_HAS_MORE_INPUT;
        let (status, read, written) =
            decompress(&mut inflater[0], &bytes[at..], &mut window, out, flags);
        at += read;
        let piece = &window[out..out + written];
        sum = crc32::update(sum, piece);
        len = len.wrapping_add(written as u32);
        sink(piece).map_err(Failure::Sink)?;
        out = (out + written) % WINDOW;
        match status {
            TINFLStatus::Done => break,
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                return Err(Failure::Data("compressed data is truncated"));
            }
            _ => return Err(Failure::Data("compressed data is corrupt")),
        }
    }
    let truncated = Failure::Data("compressed data is truncated");
    let word = |at: usize| {
        bytes
            .get(at..)?
            .first_chunk()
            .map(|w| u32::from_le_bytes(*w))
    };
    let (Some(told_sum), Some(told_len)) = (word(at), word(at + 4)) else {
        return Err(truncated);
    };
    if told_sum != sum {
        return Err(Failure::Data("crc error"));
    }
    if told_len != len {
        return Err(Failure::Data("length error"));
    }
    Ok(at + 8)
}

/// An inflater on the heap; by way of a slice, so that its 11 KiB are not built on the stack first.
#[inline(never)]
fn new_inflater() -> Result<Box<[DecompressorOxide]>> {
    let mut one = Vec::try_with_capacity(1)?;
    one.resize_reserved(1, DecompressorOxide::default);
    one.try_into_boxed_slice()
}

/// Length of the header; `None`: it is malformed or truncated.
fn header(bytes: &[u8]) -> Option<usize> {
    const DEFLATE: u8 = 8;
    const HCRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    let fixed: &[u8; 10] = bytes.first_chunk()?;
    let flags = fixed[3];
    if !fixed.starts_with(&MAGIC) || fixed[2] != DEFLATE || flags & RESERVED != 0 {
        return None;
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        let len = bytes.get(at..)?.first_chunk::<2>()?;
        at += 2 + usize::from(u16::from_le_bytes(*len));
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            at += bytes.get(at..)?.iter().position(|b| *b == 0)? + 1;
        }
    }
    if flags & HCRC != 0 {
        let told = bytes.get(at..)?.first_chunk::<2>()?;
        if u16::from_le_bytes(*told) != crc32::update(0, &bytes[..at]) as u16 {
            return None;
        }
        at += 2;
    }
    (at <= bytes.len()).then_some(at)
}
