//! Pipes on the host: pages shared by small writes, packets, ends that close, many threads.
use crate::pipe::{Mode, Pipe};
use abi::Errno;
use kmem::user::UserBuf;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

const NONBLOCK: Mode = Mode {
    nonblock: true,
    packets: false,
};

fn open() -> Pipe {
    let pipe = Pipe::new().unwrap();
    pipe.open(true, false);
    pipe.open(false, true);
    pipe
}

fn put(pipe: &Pipe, bytes: &[u8], mode: Mode) -> Result<usize, Errno> {
    pipe.write(&mut UserBuf::kernel_src(bytes), mode)
}

fn get(pipe: &Pipe, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let n = pipe.read(&mut UserBuf::kernel_dst(&mut buf), NONBLOCK)?;
    buf.truncate(n);
    Ok(buf)
}

#[test]
fn small_writes_share_a_page() {
    let pipe = open();
    assert_eq!(get(&pipe, 1), Err(Errno::EAGAIN));
    for _ in 0..4096 {
        assert_eq!(put(&pipe, b"x", NONBLOCK), Ok(1));
    }
    assert_eq!(pipe.len(), 4096);
    for _ in 0..15 {
        assert_eq!(put(&pipe, &[b'y'; 4096], NONBLOCK), Ok(4096));
    }
    assert_eq!(put(&pipe, b"z", NONBLOCK), Err(Errno::EAGAIN));
    assert_eq!(pipe.poll_events(true, true, None) & abi::raw::POLLOUT, 0);
    let all = get(&pipe, 100_000).unwrap();
    assert_eq!(all.len(), 65536);
    assert!(all[..4096].iter().all(|b| *b == b'x'));
    assert_eq!(get(&pipe, 1), Err(Errno::EAGAIN));
}

#[test]
fn packets_stay_apart_and_lose_their_rest() {
    let pipe = open();
    let packets = Mode {
        nonblock: true,
        packets: true,
    };
    put(&pipe, b"first", packets).unwrap();
    put(&pipe, b"second", packets).unwrap();
    put(&pipe, b"stream", NONBLOCK).unwrap();
    assert_eq!(get(&pipe, 3).unwrap(), b"fir");
    assert_eq!(get(&pipe, 100).unwrap(), b"second");
    assert_eq!(get(&pipe, 3).unwrap(), b"str");
    assert_eq!(get(&pipe, 100).unwrap(), b"eam");
}

#[test]
fn ends_that_close() {
    let pipe = open();
    put(&pipe, b"last", NONBLOCK).unwrap();
    pipe.close(false, true);
    assert_eq!(get(&pipe, 10).unwrap(), b"last");
    assert_eq!(get(&pipe, 10).unwrap(), b"");
    assert_eq!(pipe.poll_events(true, false, None), abi::raw::POLLHUP);
    let pipe = open();
    pipe.close(true, false);
    assert_eq!(put(&pipe, b"x", NONBLOCK), Err(Errno::EPIPE));
    assert_ne!(pipe.poll_events(false, true, None) & abi::raw::POLLERR, 0);
}

#[test]
fn capacity() {
    let pipe = open();
    put(&pipe, &[1; 3 * 4096], NONBLOCK).unwrap();
    assert_eq!(pipe.set_capacity(4096), Err(Errno::EBUSY));
    assert_eq!(pipe.set_capacity(3 * 4096 + 1), Ok(4 * 4096));
    assert_eq!(put(&pipe, &[2; 8192], NONBLOCK), Ok(4096));
    assert_eq!(pipe.set_capacity(1 << 20), Ok(1 << 20));
    assert_eq!(put(&pipe, &[3; 100_000], NONBLOCK), Ok(100_000));
    let all = get(&pipe, 1 << 20).unwrap();
    assert_eq!(all.len(), 4 * 4096 + 100_000);
    assert!(all[3 * 4096..4 * 4096].iter().all(|b| *b == 2));
    assert_eq!(pipe.set_capacity((1 << 31) + 1), Err(Errno::EINVAL));
}

/// Several writers and readers move numbered records; none is lost, torn or doubled.
#[test]
fn many_threads() {
    const RECORDS: u64 = 4000;
    const WRITERS: u64 = 3;
    let pipe = Arc::new(open());
    let mut writers = Vec::new();
    for w in 0..WRITERS {
        let pipe = Arc::clone(&pipe);
        writers.push(std::thread::spawn(move || {
            for i in 0..RECORDS {
                let record = [w, i, w ^ i, !i];
                let bytes: Vec<u8> = record.iter().flat_map(|v| v.to_le_bytes()).collect();
                assert_eq!(put(&pipe, &bytes, Mode::default()), Ok(32));
            }
        }));
    }
    let mut readers = Vec::new();
    for _ in 0..2 {
        let pipe = Arc::clone(&pipe);
        readers.push(std::thread::spawn(move || {
            let mut seen = Vec::new();
            let mut buf = [0; 32];
            while pipe
                .read(&mut UserBuf::kernel_dst(&mut buf), Mode::default())
                .unwrap()
                == 32
            {
                let word = |i: usize| u64::from_le_bytes(buf[8 * i..8 * i + 8].try_into().unwrap());
                assert_eq!((word(2), word(3)), (word(0) ^ word(1), !word(1)));
                seen.push((word(0), word(1)));
            }
            seen
        }));
    }
    for w in writers {
        w.join().unwrap();
    }
    pipe.close(false, true);
    let mut all: Vec<_> = readers
        .into_iter()
        .flat_map(|r| r.join().unwrap())
        .collect();
    all.sort_unstable();
    let expected: Vec<_> = (0..WRITERS)
        .flat_map(|w| (0..RECORDS).map(move |i| (w, i)))
        .collect();
    assert_eq!(all, expected);
}
