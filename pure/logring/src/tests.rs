//! Records of all lengths, written over each other, and read while they are torn.
use crate::{Meta, ReadError, Ring, TEXT_MAX};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn meta(n: u64) -> Meta {
    Meta {
        ts_ns: n,
        cpu: n as u32,
        caller: !n as u32,
        priority: (n % 4096) as u16,
        flags: n as u8,
    }
}

#[test]
fn keeps_what_was_written() {
    let ring = Ring::<16, 1024>::new();
    let mut buf = [0; TEXT_MAX];
    assert_eq!(ring.read(0, &mut buf), Err(ReadError::NotYet));
    for n in 0..200u64 {
        let text = format!("record {n} {}", "x".repeat(n as usize));
        assert_eq!(ring.push(&meta(n), text.as_bytes()), n);
        let record = ring.read(n, &mut buf).expect("just written");
        assert_eq!(record.meta, meta(n));
        assert_eq!(&buf[..record.len], text.as_bytes());
    }
    assert_eq!(ring.read(0, &mut buf), Err(ReadError::Lost(184)));
    let oldest = ring.oldest();
    assert!((184..200).contains(&oldest));
    assert_eq!(ring.read_from(3, &mut buf).expect("some").seq, oldest);
}

#[test]
fn all_lengths() {
    let ring = Ring::<8, 1024>::new();
    let mut buf = [0; TEXT_MAX];
    for len in 0..=TEXT_MAX + 10 {
        let text: Vec<u8> = (0..len).map(|i| (i * 7 + len) as u8).collect();
        let seq = ring.push(&meta(1), &text);
        let record = ring.read(seq, &mut buf).expect("there");
        assert_eq!(&buf[..record.len], &text[..len.min(TEXT_MAX)]);
        let mut short = [0; 5];
        let record = ring.read(seq, &mut short).expect("there");
        assert_eq!(&short[..record.len], &text[..len.min(5)]);
    }
}

#[test]
fn hiding() {
    let ring = Ring::<8, 64>::new();
    ring.push(&meta(0), b"a");
    ring.hide();
    assert_eq!(ring.visible_from(), 1);
    assert_eq!(ring.oldest(), 0);
}

/// Four writers lap the ring thousands of times under two readers: what is read is whole, in order, and nobody's mix.
#[test]
fn torn_records_are_never_read() {
    let ring = Arc::new(Ring::<64, 512>::new());
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..4u64)
        .map(|w| {
            let ring = ring.clone();
            std::thread::spawn(move || {
                for n in 0..20_000u64 {
                    let len = (n * 13 + w) % 90;
                    let text = vec![b'a' + ((w * 5 + n) % 26) as u8; len as usize];
                    ring.push(
                        &Meta {
                            ts_ns: n,
                            cpu: w as u32,
                            ..Meta::default()
                        },
                        &text,
                    );
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (ring, stop) = (ring.clone(), stop.clone());
            std::thread::spawn(move || {
                let (mut next, mut read) = (0, 0);
                let mut buf = [0; TEXT_MAX];
                loop {
                    // Read before looking at the flag: what was written before it was set is then seen.
                    let stopped = stop.load(Ordering::Acquire);
                    let Some(record) = ring.read_from(next, &mut buf) else {
                        if stopped {
                            break;
                        }
                        continue;
                    };
                    assert!(record.seq >= next);
                    next = record.seq + 1;
                    read += 1;
                    let (n, w) = (record.meta.ts_ns, u64::from(record.meta.cpu));
                    assert_eq!(record.len as u64, (n * 13 + w) % 90);
                    assert!(
                        buf[..record.len]
                            .iter()
                            .all(|b| *b == b'a' + ((w * 5 + n) % 26) as u8)
                    );
                }
                read
            })
        })
        .collect();
    for writer in writers {
        writer.join().expect("writer");
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.join().expect("reader") > 0);
    }
    assert_eq!(ring.next_seq(), 80_000);
}
