//! Archives whole, cut, padded and with flipped bits, read at once and as a stream.
extern crate std;
use super::*;
use std::format;
use std::vec::Vec;

fn entry(
    out: &mut Vec<u8>,
    magic: &str,
    mode: u32,
    nlink: u32,
    name: &[u8],
    data: &[u8],
    check: u32,
) {
    let fields = [
        7,
        mode,
        1,
        2,
        nlink,
        99,
        data.len() as u32,
        3,
        4,
        5,
        6,
        name.len() as u32 + 1,
        check,
    ];
    out.extend(magic.as_bytes());
    for field in fields {
        out.extend(format!("{field:08X}").as_bytes());
    }
    out.extend(name);
    out.push(0);
    out.resize(align(out.len()), 0);
    out.extend(data);
    out.resize(align(out.len()), 0);
}

fn sample() -> Vec<u8> {
    let mut out = Vec::new();
    entry(&mut out, "070701", 0o040_755, 2, b"dir", b"", 0);
    entry(&mut out, "070701", 0o100_644, 1, b"dir/f", b"hello", 0);
    entry(&mut out, "070702", 0o100_644, 1, b"sum", b"\x01\x02", 3);
    entry(&mut out, "070701", 0, 1, TRAILER, b"", 0);
    out
}

fn read_all(bytes: &[u8]) -> Result<(Vec<Item<'_>>, usize), Error> {
    let mut reader = Reader::new(bytes);
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(item);
    }
    Ok((items, reader.rest().len()))
}

fn names(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let items = read_all(bytes)?.0;
    Ok(items
        .iter()
        .map(|item| match item {
            Item::File(entry) => entry.name.to_vec(),
            Item::Trailer => b"--".to_vec(),
        })
        .collect())
}

#[test]
fn reads_what_is_there() {
    let bytes = sample();
    let (items, rest) = read_all(&bytes).unwrap();
    assert_eq!((items.len(), rest), (4, 0));
    let Item::File(file) = items[1] else { panic!() };
    assert_eq!((file.name, file.data), (&b"dir/f"[..], &b"hello"[..]));
    assert_eq!(bytes[file.offset..file.offset + 5], *b"hello");
    assert_eq!((file.header.mode, file.header.mtime), (0o100_644, 99));
    assert_eq!(file.header.identity(), (3, 4, 7));
}

#[test]
fn several_archives_and_what_follows() {
    let mut bytes = sample();
    bytes.extend([0; 300]);
    bytes.extend(sample());
    bytes.extend([0; 5]);
    // An archive at an odd place counts its padding from its own start.
    bytes.extend(sample());
    let end = bytes.len();
    bytes.extend(b"\x1f\x8b more");
    let (items, rest) = read_all(&bytes).unwrap();
    assert_eq!((items.len(), rest), (12, bytes.len() - end));
    assert_eq!(read_all(b"").unwrap(), (Vec::new(), 0));
    assert_eq!(read_all(&[0; 9]).unwrap(), (Vec::new(), 0));
    assert_eq!(read_all(b"\x1f\x8b").unwrap().1, 2);
}

#[test]
fn names_each_defect() {
    let damage = |at: usize, byte: u8| {
        let mut bytes = sample();
        bytes[at] = byte;
        read_all(&bytes).err()
    };
    assert_eq!(damage(4, b'9'), Some(Error::BadMagic));
    assert_eq!(damage(5, b'7'), Some(Error::OldFormat));
    assert_eq!(damage(6, b'x'), Some(Error::BadNumber));
    assert_eq!(damage(HEADER - 9, b'F'), Some(Error::BadName));
    assert_eq!(damage(HEADER - 16, b'F'), Some(Error::BadName));
    assert_eq!(damage(HEADER + 3, b'x'), Some(Error::BadName));
    assert_eq!(damage(HEADER + 1, 0), Some(Error::BadName));
    let sums = sample().windows(2).position(|w| w == [1, 2]).unwrap();
    assert_eq!(damage(sums, 9), Some(Error::BadChecksum));
    let mut endless = sample();
    endless.truncate(endless.len() - align(HEADER + TRAILER.len() + 1));
    assert_eq!(read_all(&endless).err(), Some(Error::NoTrailer));
}

#[test]
fn truncation_anywhere_is_an_error_and_never_a_panic() {
    let bytes = sample();
    // Up to the last padding.
    let full = bytes.len() - (align(HEADER + TRAILER.len() + 1) - (HEADER + TRAILER.len() + 1));
    for end in 5..full {
        let error = read_all(&bytes[..end]).unwrap_err();
        assert!(
            matches!(error, Error::Truncated | Error::NoTrailer),
            "{end}: {error:?}"
        );
    }
    assert!(read_all(&bytes[..full]).is_ok());
}

#[test]
fn flipped_bits_never_panic_nor_leave_the_slice() {
    let bytes = sample();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let _ = names(&bad);
    }
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let mut bad = bytes.clone();
        for _ in 0..4 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = (state >> 33) as usize % bad.len();
            bad[at] = (state >> 20) as u8;
        }
        let _ = names(&bad);
    }
}

#[test]
fn huge_numbers_do_not_wrap() {
    let mut bytes = sample();
    bytes[6 + 6 * 8..6 + 7 * 8].copy_from_slice(b"FFFFFFFF");
    assert_eq!(read_all(&bytes).err(), Some(Error::Truncated));
    bytes[6 + 11 * 8..6 + 12 * 8].copy_from_slice(b"FFFFFFFF");
    assert_eq!(read_all(&bytes).err(), Some(Error::BadName));
}

/// Names with data.
type Files = Vec<(Vec<u8>, Vec<u8>)>;

/// The events of a stream fed in pieces of `step` bytes, data joined.
fn stream(bytes: &[u8], step: usize) -> Result<Files, Error> {
    let mut stream = Stream::new();
    let mut out = Files::new();
    for mut piece in bytes.chunks(step) {
        while let Some(event) = stream.feed(&mut piece)? {
            match event {
                Event::File(_) => out.push((stream.name().to_vec(), Vec::new())),
                Event::Data(data) => out.last_mut().unwrap().1.extend(data),
                Event::FileEnd => {}
                Event::Trailer => out.push((b"--".to_vec(), Vec::new())),
            }
        }
    }
    stream.finish()?;
    Ok(out)
}

#[test]
fn a_stream_says_what_the_reader_says() {
    let mut bytes = sample();
    bytes.extend([0; 30]);
    bytes.extend(sample());
    let expected: Vec<_> = read_all(&bytes)
        .unwrap()
        .0
        .iter()
        .map(|item| match item {
            Item::File(entry) => (entry.name.to_vec(), entry.data.to_vec()),
            Item::Trailer => (b"--".to_vec(), Vec::new()),
        })
        .collect();
    for step in [1, 2, 3, 7, 110, 111, 4096] {
        assert_eq!(stream(&bytes, step).unwrap(), expected, "{step}");
    }
    for end in 1..sample().len() - 4 {
        let error = stream(&bytes[..end], 5).unwrap_err();
        assert!(
            matches!(error, Error::Truncated | Error::NoTrailer),
            "{end}: {error:?}"
        );
    }
}

#[test]
fn a_stream_survives_flipped_bits() {
    let bytes = sample();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let ours = stream(&bad, 13).map(|s| s.into_iter().map(|e| e.0).collect::<Vec<_>>());
        match names(&bad) {
            // What is no archive, or unclean padding, ends the reader and is an error to the stream.
            Ok(names) => assert!(ours == Ok(names) || ours.is_err()),
            // Where it ends for the reader it may be anything for the stream.
            Err(error) => assert!(ours == Err(error) || ours.is_err()),
        }
    }
}

#[test]
fn names_may_be_padded() {
    let mut bytes = Vec::new();
    entry(
        &mut bytes,
        "070701",
        0o100_644,
        1,
        b"file\0\0\0\0\0",
        b"data",
        0,
    );
    entry(&mut bytes, "070701", 0, 1, TRAILER, b"", 0);
    assert_eq!(names(&bytes).unwrap(), [b"file".to_vec(), b"--".to_vec()]);
    assert_eq!(
        stream(&bytes, 3).unwrap()[0],
        (b"file".to_vec(), b"data".to_vec())
    );
}
