//! Runs random terminal sessions through a real pseudo-terminal of the host's Linux and through [`ldisc::Ldisc`],
//! and compares every byte that comes out at either end.
#![cfg(target_os = "linux")]

use abi::raw;
use ldisc::{Ldisc, Output, Termios};
use rustix::fd::OwnedFd;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex as Code, tcgetattr,
    tcsetattr,
};
use std::time::{Duration, Instant};

/// What the model sends to the master.
#[derive(Default)]
struct Sent(Vec<u8>);

impl Output for Sent {
    fn room(&self) -> usize {
        8192 - self.0.len()
    }
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    fn discard(&mut self) {
        self.0.clear();
    }
}

/// A real pseudo-terminal and the model of it.
struct Pair {
    master: OwnedFd,
    slave: OwnedFd,
    model: Ldisc,
    sent: Sent,
    log: Vec<String>,
    /// How long the host gets for what cannot be waited for.
    wait: Duration,
}

/// Control characters in the order of `c_cc`, as far as they have names.
const CODES: [Code; 17] = [
    Code::VINTR,
    Code::VQUIT,
    Code::VERASE,
    Code::VKILL,
    Code::VEOF,
    Code::VTIME,
    Code::VMIN,
    Code::VSWTC,
    Code::VSTART,
    Code::VSTOP,
    Code::VSUSP,
    Code::VEOL,
    Code::VREPRINT,
    Code::VDISCARD,
    Code::VWERASE,
    Code::VLNEXT,
    Code::VEOL2,
];

/// Reads without waiting.
fn read_now(fd: &OwnedFd, len: usize) -> Option<Vec<u8>> {
    let mut buf = vec![0; len];
    let n = rustix::io::read(fd, &mut buf[..]).ok()?;
    buf.truncate(n);
    Some(buf)
}

impl Pair {
    fn new() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let slave = ioctl_tiocgptpeer(&master, flags).unwrap();
        for fd in [&master, &slave] {
            rustix::io::ioctl_fionbio(fd, true).unwrap();
        }
        let model = Ldisc::new(Termios::pty_slave()).unwrap();
        Self {
            master,
            slave,
            model,
            sent: Sent::default(),
            log: Vec::new(),
            wait: Duration::from_millis(1),
        }
    }

    fn set(&mut self, t: Termios) {
        self.log.push(format!("set {t:x?}"));
        let mut real = tcgetattr(&self.slave).unwrap();
        real.input_modes = InputModes::from_bits_retain(t.c_iflag);
        real.output_modes = OutputModes::from_bits_retain(t.c_oflag);
        real.local_modes = LocalModes::from_bits_retain(t.c_lflag);
        for (code, value) in CODES.iter().zip(t.c_cc) {
            real.special_codes[*code] = value;
        }
        tcsetattr(&self.slave, OptionalActions::Now, &real).unwrap();
        let _ = self.model.set_termios(t, &mut self.sent);
        self.check_master();
    }

    /// Bytes arrive from the line.
    fn receive(&mut self, bytes: &[u8]) {
        self.log
            .push(format!("receive {:?}", bytes.escape_ascii().to_string()));
        let n = rustix::io::write(&self.master, bytes).unwrap();
        assert_eq!(n, bytes.len());
        // Linux' discipline runs from a work queue; polling makes it catch up.
        let mut fds = [rustix::event::PollFd::new(
            &self.slave,
            rustix::event::PollFlags::IN,
        )];
        let _ = rustix::event::poll(&mut fds, Some(&rustix::event::Timespec::default()));
        let _ = self.model.receive(bytes, &mut self.sent);
        std::thread::sleep(self.wait);
        self.check_master();
    }

    /// A program writes.
    fn write(&mut self, bytes: &[u8]) {
        self.log
            .push(format!("write {:?}", bytes.escape_ascii().to_string()));
        let real = rustix::io::write(&self.slave, bytes).unwrap_or(0);
        let ours = self.model.write(bytes, &mut self.sent);
        assert_eq!(ours, real, "written; {:#?}", self.log);
        self.check_master();
    }

    /// What came out at the master must become what the model sent, soon.
    fn check_master(&mut self) {
        let deadline = Instant::now() + Duration::from_millis(400);
        let mut real = Vec::new();
        loop {
            while let Some(more) = read_now(&self.master, 4096) {
                real.extend(more);
            }
            if real == self.sent.0 || Instant::now() > deadline {
                break;
            }
            std::thread::sleep(Duration::from_micros(50));
        }
        if real != self.sent.0 {
            panic!(
                "at the master: linux {:?}, ours {:?}; after {:#?}",
                real.escape_ascii().to_string(),
                self.sent.0.escape_ascii().to_string(),
                self.log
            );
        }
        self.sent.0.clear();
    }

    /// A program reads once, with room for `len` bytes.
    fn read(&mut self, len: usize) {
        self.log.push(format!("read {len}"));
        let deadline = Instant::now() + Duration::from_millis(400);
        let expected = self.model.readable_len() as u64;
        while rustix::io::ioctl_fionread(&self.slave) != Ok(expected) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(50));
        }
        let ours = self.model_read(len);
        let mut real = self.real_read(len);
        // Linux moves input to the discipline from a work queue; give it time when it seems to have less.
        while real != ours && real.is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(50));
            real = self.real_read(len);
        }
        let show = |r: &Option<Vec<u8>>| r.as_ref().map(|v| v.escape_ascii().to_string());
        assert_eq!(
            show(&ours),
            show(&real),
            "read: ours left, linux right; {:#?}",
            self.log
        );
    }

    fn real_read(&self, len: usize) -> Option<Vec<u8>> {
        read_now(&self.slave, len)
    }

    fn model_read(&mut self, len: usize) -> Option<Vec<u8>> {
        let mut buf = vec![0; len];
        if !self.model.readable() {
            // Non-blocking with MIN 0 and TIME 0 gives nothing; otherwise EAGAIN.
            let policy = self.model.read_policy();
            return (policy.first_ds == Some(0)).then(Vec::new);
        }
        let chunk = self.model.read(&mut buf);
        if chunk.len == len && !chunk.line_end {
            self.model.skip_eof();
        }
        buf.truncate(chunk.len);
        Some(buf)
    }
}

/// A small generator of our own, so that a failure repeats.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn some_of(&mut self, flags: &[u32]) -> u32 {
        flags
            .iter()
            .filter(|_| self.below(2) == 0)
            .fold(0, |a, f| a | f)
    }
}

const IFLAGS: [u32; 8] = [
    raw::ISTRIP,
    raw::INLCR,
    raw::IGNCR,
    raw::ICRNL,
    raw::IUCLC,
    raw::IUTF8,
    raw::PARMRK,
    raw::IXON,
];
const OFLAGS: [u32; 7] = [
    raw::OPOST,
    raw::OLCUC,
    raw::ONLCR,
    raw::OCRNL,
    raw::ONOCR,
    raw::ONLRET,
    raw::XTABS,
];
const LFLAGS: [u32; 10] = [
    raw::ICANON,
    raw::ECHO,
    raw::ECHOE,
    raw::ECHOK,
    raw::ECHONL,
    raw::ECHOCTL,
    raw::ECHOPRT,
    raw::ECHOKE,
    raw::IEXTEN,
    raw::NOFLSH,
];

fn random_termios(rng: &mut Rng) -> Termios {
    let mut t = Termios::pty_slave();
    if rng.one_in(4) {
        return t;
    }
    // The stop character would make the test wait; flow control has its own below.
    t.c_iflag = rng.some_of(&IFLAGS) & !raw::IXON;
    t.c_oflag = rng.some_of(&OFLAGS);
    t.c_lflag = rng.some_of(&LFLAGS);
    if rng.below(3) > 0 {
        t.c_lflag |= raw::ICANON | raw::ECHO;
    }
    t.c_cc[raw::VEOL as usize] = if rng.one_in(3) { b';' } else { 0 };
    t.c_cc[raw::VEOL2 as usize] = if rng.one_in(3) { b'|' } else { 0 };
    t.c_cc[raw::VMIN as usize] = 1;
    t
}

/// Bytes that do much: editing characters, line ends, tabs, parts of UTF-8, letters.
fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    const SPECIAL: &[u8] = b"\x7f\x7f\x7f\x15\x17\x17\x12\x16\x04\n\n\r\t\t\x08\x01\xff;| _";
    (0..rng.below(24))
        .map(|_| match rng.below(8) {
            0..=3 => b"abcdXYZ019 ,.-"[rng.below(14) as usize],
            4..=5 => SPECIAL[rng.below(SPECIAL.len() as u64) as usize],
            6 => [0xc3, 0xa9, 0xe2, 0x82, 0xac][rng.below(5) as usize],
            _ => {
                let byte = rng.below(256) as u8;
                // Signals and flow control have their own tests.
                if matches!(byte & 0x7f, 3 | 28 | 26 | 17 | 19) {
                    b'q'
                } else {
                    byte
                }
            }
        })
        .collect()
}

fn session(seed: u64, wait: Duration) {
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut pair = Pair::new();
    pair.wait = wait;
    for _ in 0..40 {
        match rng.below(8) {
            0 => {
                let t = random_termios(&mut rng);
                pair.set(t);
            }
            1..=4 => {
                let bytes = random_bytes(&mut rng);
                if !bytes.is_empty() {
                    pair.receive(&bytes);
                }
            }
            5 => {
                let bytes = random_bytes(&mut rng);
                if !bytes.is_empty() {
                    pair.write(&bytes);
                }
            }
            _ => {
                let len = 1 + rng.below(40) as usize;
                pair.read(len);
            }
        }
    }
}

#[test]
fn random_sessions() {
    for seed in 1..=150 {
        // Linux' side runs from a work queue that nothing waits for in every case: a real difference repeats.
        let mut wait = Duration::from_micros(100);
        while let Err(why) = std::panic::catch_unwind(|| session(seed, wait)) {
            wait *= 8;
            if wait > Duration::from_millis(10) {
                std::panic::resume_unwind(why);
            }
        }
    }
}

#[test]
fn overlong_line() {
    let mut pair = Pair::new();
    pair.receive(&[b'x'; 4000]);
    pair.receive(&[b'y'; 90]);
    pair.receive(b"12345678901234567890");
    pair.receive(b"\x7fZ\n");
    pair.read(4096);
    pair.read(4096);
    pair.receive(b"next\n");
    pair.read(100);
}

#[test]
fn signals_flush_or_not() {
    for noflsh in [0, raw::NOFLSH] {
        let mut pair = Pair::new();
        let mut t = Termios::pty_slave();
        t.c_lflag |= noflsh;
        pair.set(t);
        pair.receive(b"one\ntwo");
        pair.receive(b"\x03");
        pair.receive(b"\x1c");
        pair.receive(b"three\n");
        pair.read(100);
        pair.read(100);
        pair.receive(b"\x1a");
    }
}

#[test]
fn flow_control() {
    for any in [0, raw::IXANY] {
        let mut pair = Pair::new();
        let mut t = Termios::pty_slave();
        t.c_iflag |= any;
        pair.set(t);
        pair.write(b"before");
        pair.receive(b"\x13");
        pair.write(b"while");
        pair.receive(b"echo later");
        pair.receive(b"\x11");
        pair.write(b"after\n");
        pair.receive(b"\x13");
        t.c_iflag &= !(raw::IXON | raw::IXANY);
        pair.set(t);
        pair.write(b"again\n");
    }
}

#[test]
fn end_of_file() {
    let mut pair = Pair::new();
    pair.receive(b"\x04");
    pair.read(10);
    pair.receive(b"abc\x04def\x04\n");
    pair.read(3);
    pair.read(10);
    pair.read(10);
    pair.receive(b"abc\x04");
    pair.read(2);
    pair.read(10);
    pair.read(10);
}
