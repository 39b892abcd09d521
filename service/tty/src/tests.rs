//! What both ends of a pseudo-terminal see; the expected answers are Linux'.
use crate::pty::Pty;
use crate::tty::Tty;
use abi::{Errno, raw};
use cred::Cred;
use kmem::user::UserBuf;
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

fn pty() -> (Arc<Pty>, Arc<Tty>) {
    let pty = new_pty();
    pty.set_locked(false);
    let slave = pty.slave().unwrap().clone();
    slave.open().unwrap();
    (pty, slave)
}

fn master_read(pty: &Pty, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let n = pty.read(&mut UserBuf::kernel_dst(&mut buf), true)?;
    buf.truncate(n);
    Ok(buf)
}

fn master_write(pty: &Pty, bytes: &[u8]) -> Result<usize, Errno> {
    pty.write(&mut UserBuf::kernel_src(bytes), true)
}

fn read(tty: &Tty, len: usize, nonblock: bool) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; len];
    let n = tty.read(&mut UserBuf::kernel_dst(&mut buf), nonblock, || false)?;
    buf.truncate(n);
    Ok(buf)
}

fn write(tty: &Tty, bytes: &[u8]) -> Result<usize, Errno> {
    tty.write(&mut UserBuf::kernel_src(bytes), true, || false)
}

fn raw_mode(tty: &Tty, min: u8, time: u8) {
    let mut t = tty.termios();
    (t.c_iflag, t.c_oflag, t.c_lflag) = (0, 0, 0);
    t.c_cc[raw::VMIN as usize] = min;
    t.c_cc[raw::VTIME as usize] = time;
    tty.set_termios(t);
}

fn new_pty() -> Arc<Pty> {
    let cred = Cred::init().unwrap();
    Pty::create(crate::pty::MAX, |index| {
        crate::devpts::slave_node(index, &cred)
    })
    .unwrap()
}

#[test]
fn lines_and_echo() {
    let (pty, slave) = pty();
    assert_eq!(master_read(&pty, 10), Err(Errno::EAGAIN));
    assert_eq!(master_write(&pty, b"hi\n"), Ok(3));
    assert_eq!(master_read(&pty, 10).unwrap(), b"hi\r\n");
    assert_eq!(read(&slave, 10, true).unwrap(), b"hi\n");
    assert_eq!(read(&slave, 10, true), Err(Errno::EAGAIN));
    assert_eq!(write(&slave, b"a\n"), Ok(2));
    assert_eq!(master_read(&pty, 10).unwrap(), b"a\r\n");
    assert_eq!(
        pty.poll_events(),
        raw::POLLOUT | raw::POLLWRNORM,
        "nothing to read, room to write"
    );
}

#[test]
fn closing_either_end() {
    let (pty, slave) = pty();
    write(&slave, b"out").unwrap();
    slave.close();
    assert_eq!(pty.poll_events(), 0x155);
    assert_eq!(master_read(&pty, 10).unwrap(), b"out");
    assert_eq!(master_read(&pty, 10), Err(Errno::EIO));
    assert_eq!(master_write(&pty, b"x"), Ok(1));
    slave.open().unwrap();
    assert_eq!(master_read(&pty, 10).unwrap(), b"x");
    let generation = slave.generation();
    pty.close_master();
    assert_ne!(slave.generation(), generation);
    assert_eq!(write(&slave, b"x"), Err(Errno::EIO));
    slave.close();
    assert_eq!(slave.open(), Err(Errno::EIO));
}

#[test]
fn locked_slave_does_not_open() {
    let pty = new_pty();
    let slave = pty.slave().unwrap().clone();
    assert_eq!(slave.open(), Err(Errno::EIO));
    pty.close_master();
}

#[test]
fn nothing_is_lost_when_the_reader_is_late() {
    let (pty, slave) = pty();
    raw_mode(&slave, 1, 0);
    let data: Vec<u8> = (0..200_000u32).map(|i| (i * 7 % 251) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < data.len() {
        if sent < data.len() {
            match master_write(&pty, &data[sent..]) {
                Ok(n) => sent += n,
                Err(e) => assert_eq!(e, Errno::EAGAIN),
            }
        }
        got.extend(read(&slave, 1000, true).unwrap());
    }
    assert_eq!(got, data);
    // And the other way.
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < data.len() {
        if sent < data.len() {
            match write(&slave, &data[sent..]) {
                Ok(n) => sent += n,
                Err(e) => assert_eq!(e, Errno::EAGAIN),
            }
        }
        got.extend(master_read(&pty, 1000).unwrap());
    }
    assert_eq!(got, data);
}

#[test]
fn min_and_time() {
    let (pty, slave) = pty();
    raw_mode(&slave, 0, 0);
    assert_eq!(read(&slave, 10, false).unwrap(), b"");
    raw_mode(&slave, 0, 1);
    let start = std::time::Instant::now();
    assert_eq!(read(&slave, 10, false).unwrap(), b"");
    assert!(start.elapsed().as_millis() >= 95);
    raw_mode(&slave, 5, 1);
    master_write(&pty, b"abc").unwrap();
    assert_eq!(read(&slave, 10, false).unwrap(), b"abc");
    raw_mode(&slave, 3, 0);
    master_write(&pty, b"ab").unwrap();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(30));
        master_write(&pty, b"cd").unwrap();
        pty
    });
    assert_eq!(read(&slave, 10, false).unwrap(), b"abcd");
    drop(writer.join().unwrap());
}

#[test]
fn packet_mode() {
    let (pty, slave) = pty();
    pty.set_packet(true);
    write(&slave, b"abc").unwrap();
    assert_eq!(master_read(&pty, 100).unwrap(), b"\0abc");
    assert_eq!(master_read(&pty, 100), Err(Errno::EAGAIN));
    let mut t = slave.termios();
    t.c_iflag &= !raw::IXON;
    slave.set_termios(t);
    assert_eq!(master_read(&pty, 100).unwrap(), [raw::TIOCPKT_NOSTOP as u8]);
    t.c_iflag |= raw::IXON;
    slave.set_termios(t);
    assert_eq!(master_read(&pty, 100).unwrap(), [raw::TIOCPKT_DOSTOP as u8]);
    master_write(&pty, b"\x03").unwrap();
    assert_eq!(master_read(&pty, 100).unwrap(), b"\x03");
    assert_eq!(master_read(&pty, 100).unwrap(), b"\0^C");
    master_write(&pty, b"\x13").unwrap();
    assert_eq!(master_read(&pty, 100).unwrap(), [raw::TIOCPKT_STOP as u8]);
    master_write(&pty, b"\x11").unwrap();
    assert_eq!(master_read(&pty, 100).unwrap(), [raw::TIOCPKT_START as u8]);
}
