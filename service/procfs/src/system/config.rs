//! /proc/config.gz: what the kernel has, in the words of Linux' configuration, for programs that look there before they try.
//! The text stands in `config.txt`; it is stored, not compressed, inside what gunzip(1) reads (RFC 1951, 3.2.4; RFC 1952).
use abi::Result;
use vfs::SeqBuf;

const TEXT: &[u8] = include_bytes!("config.txt");
const HEAD: usize = 10 + 5;
const LEN: usize = HEAD + TEXT.len() + 8;
static FILE: [u8; LEN] = gzip();

pub(crate) fn config(_: &(), out: &mut SeqBuf) -> Result<()> {
    out.push_bytes(&FILE);
    Ok(())
}

const fn gzip() -> [u8; LEN] {
    // One stored block holds no more.
    assert!(TEXT.len() <= u16::MAX as usize);
    let (len, checksum) = (TEXT.len() as u32, crc32(TEXT));
    let mut file = [0; LEN];
    let [low, high, ..] = len.to_le_bytes();
    // No time, made on Unix; then the last block, stored, its length and the same inverted.
    let head = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, low, high, !low, !high,
    ];
    let mut at = 0;
    while at < HEAD {
        file[at] = head[at];
        at += 1;
    }
    while at < HEAD + TEXT.len() {
        file[at] = TEXT[at - HEAD];
        at += 1;
    }
    let (checksum, len) = (checksum.to_le_bytes(), len.to_le_bytes());
    let mut byte = 0;
    while byte < 4 {
        file[at + byte] = checksum[byte];
        file[at + 4 + byte] = len[byte];
        byte += 1;
    }
    file
}

const fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    let mut at = 0;
    while at < bytes.len() {
        crc ^= bytes[at] as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
            bit += 1;
        }
        at += 1;
    }
    !crc
}
