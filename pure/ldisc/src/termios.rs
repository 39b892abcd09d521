//! `struct termios` as the kernel keeps it, its flags as questions, and which bytes are special under it.
use abi::raw;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct termios2` of x86-64: the first 36 bytes are `struct termios`, the speeds follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Termios {
    pub c_iflag: u32,
    pub c_oflag: u32,
    pub c_cflag: u32,
    pub c_lflag: u32,
    pub c_line: u8,
    pub c_cc: [u8; 19],
    pub c_ispeed: u32,
    pub c_ospeed: u32,
}
const _: () = assert!(size_of::<Termios>() == 44);

/// The value of a control character that is switched off (`_POSIX_VDISABLE`).
pub(crate) const DISABLED: u8 = 0;

/// Control characters of a new terminal: ^C ^\ DEL ^U ^D, then ^Q ^S ^Z, ^R ^O ^W ^V.
const INIT_CC: [u8; 19] = [
    3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0,
];

/// `CBAUD` with `CBAUDEX`.
const CBAUD: u32 = raw::CBAUD;
/// Where the input speed's code stands in `c_cflag`.
const IBSHIFT: u32 = raw::IBSHIFT;

/// Codes of `c_cflag` and their speed in bits per second.
const SPEEDS: [(u32, u32); 31] = [
    (raw::B0, 0),
    (raw::B50, 50),
    (raw::B75, 75),
    (raw::B110, 110),
    (raw::B134, 134),
    (raw::B150, 150),
    (raw::B200, 200),
    (raw::B300, 300),
    (raw::B600, 600),
    (raw::B1200, 1200),
    (raw::B1800, 1800),
    (raw::B2400, 2400),
    (raw::B4800, 4800),
    (raw::B9600, 9600),
    (raw::B19200, 19200),
    (raw::B38400, 38400),
    (raw::B57600, 57600),
    (raw::B115200, 115_200),
    (raw::B230400, 230_400),
    (raw::B460800, 460_800),
    (raw::B500000, 500_000),
    (raw::B576000, 576_000),
    (raw::B921600, 921_600),
    (raw::B1000000, 1_000_000),
    (raw::B1152000, 1_152_000),
    (raw::B1500000, 1_500_000),
    (raw::B2000000, 2_000_000),
    (raw::B2500000, 2_500_000),
    (raw::B3000000, 3_000_000),
    (raw::B3500000, 3_500_000),
    (raw::B4000000, 4_000_000),
];

/// A line speed as a number of bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed(pub u32);

impl Speed {
    /// The code of this speed for `c_cflag`; `BOTHER` where there is none.
    fn code(self) -> u32 {
        SPEEDS
            .iter()
            .find(|(_, bps)| *bps == self.0)
            .map_or(raw::BOTHER, |(code, _)| *code)
    }
}

fn speed_of(code: u32, other: u32) -> u32 {
    if code == raw::BOTHER {
        return other;
    }
    SPEEDS
        .iter()
        .find(|(c, _)| *c == code)
        .map_or(38400, |(_, bps)| *bps)
}

impl Termios {
    /// What a terminal starts with: cooked, echoing, 8 bits, at `speed`.
    pub fn cooked(speed: Speed) -> Self {
        Self {
            c_iflag: raw::ICRNL | raw::IXON,
            c_oflag: raw::OPOST | raw::ONLCR,
            c_cflag: speed.code() | raw::CS8 | raw::CREAD | raw::HUPCL,
            c_lflag: raw::ISIG
                | raw::ICANON
                | raw::ECHO
                | raw::ECHOE
                | raw::ECHOK
                | raw::ECHOCTL
                | raw::ECHOKE
                | raw::IEXTEN,
            c_line: 0,
            c_cc: INIT_CC,
            c_ispeed: speed.0,
            c_ospeed: speed.0,
        }
    }

    /// What the slave of a pseudo-terminal starts with: [`Termios::cooked`] without `HUPCL`.
    pub fn pty_slave() -> Self {
        let mut t = Self::cooked(Speed(38400));
        t.c_cflag &= !raw::HUPCL;
        t
    }

    /// Applies settings that came by `TCSETS` (36 bytes: speeds by code alone) to those in force.
    pub fn with_codes(mut new: Self) -> Self {
        new.c_ospeed = speed_of(new.c_cflag & CBAUD, new.c_ospeed);
        let input = (new.c_cflag >> IBSHIFT) & CBAUD;
        new.c_ispeed = if input == raw::B0 {
            new.c_ospeed
        } else {
            speed_of(input, new.c_ispeed)
        };
        new
    }

    /// True when lines are edited and read as lines: `ICANON` without `EXTPROC`.
    pub fn cooked_lines(&self) -> bool {
        self.canonical() && !self.extproc()
    }

    pub(crate) fn cc(&self, index: u32) -> u8 {
        self.c_cc[index as usize]
    }

    /// True if `byte` is control character `index` and that one is not switched off.
    pub(crate) fn is_cc(&self, byte: u8, index: u32) -> bool {
        byte == self.cc(index) && byte != DISABLED
    }

    /// Bytes that [`crate::input`] has to look at one by one.
    pub(crate) fn special_chars(&self) -> CharMap {
        let mut map = CharMap::default();
        if self.igncr() || self.icrnl() {
            map.set(b'\r');
        }
        if self.inlcr() {
            map.set(b'\n');
        }
        if self.canonical() {
            map.set(b'\n');
            for index in [raw::VERASE, raw::VKILL, raw::VEOF, raw::VEOL] {
                map.set(self.cc(index));
            }
        }
        if self.canonical() && self.iexten() {
            for index in [raw::VWERASE, raw::VLNEXT, raw::VEOL2] {
                map.set(self.cc(index));
            }
            if self.echo() {
                map.set(self.cc(raw::VREPRINT));
            }
        }
        if self.ixon() {
            map.set(self.cc(raw::VSTART));
            map.set(self.cc(raw::VSTOP));
        }
        if self.isig() {
            for index in [raw::VINTR, raw::VQUIT, raw::VSUSP] {
                map.set(self.cc(index));
            }
        }
        map.clear(DISABLED);
        map
    }

    /// True when no received byte needs a look: input goes to the ring as it is.
    pub(crate) fn raw_input(&self) -> bool {
        let iflag = raw::ISTRIP
            | raw::IUCLC
            | raw::IGNCR
            | raw::ICRNL
            | raw::INLCR
            | raw::IXON
            | raw::PARMRK;
        let lflag = raw::ICANON | raw::ISIG | raw::ECHO;
        self.c_iflag & iflag == 0 && self.c_lflag & lflag == 0
    }
}

macro_rules! questions {
    ($($field:ident: $($name:ident = $flag:ident),*;)*) => {
        /// One question for each flag, by its lower-case name.
        impl Termios {
            $($(
                #[inline]
                pub(crate) fn $name(&self) -> bool {
                    self.$field & raw::$flag != 0
                }
            )*)*
        }
    };
}

questions! {
    c_iflag: ignbrk = IGNBRK, brkint = BRKINT, ignpar = IGNPAR, parmrk = PARMRK, inpck = INPCK, istrip = ISTRIP,
        inlcr = INLCR, igncr = IGNCR, icrnl = ICRNL, iuclc = IUCLC, ixon = IXON, ixany = IXANY, iutf8 = IUTF8;
    c_oflag: opost = OPOST, olcuc = OLCUC, onlcr = ONLCR, ocrnl = OCRNL, onocr = ONOCR, onlret = ONLRET;
    c_lflag: isig = ISIG, echo = ECHO, echoe = ECHOE, echok = ECHOK, echonl = ECHONL, noflsh = NOFLSH,
        echoctl = ECHOCTL, echoprt = ECHOPRT, echoke = ECHOKE, iexten = IEXTEN, extproc = EXTPROC;
}

impl Termios {
    /// `ICANON`: input is edited as lines.
    #[inline]
    pub fn canonical(&self) -> bool {
        self.c_lflag & raw::ICANON != 0
    }

    /// `TOSTOP`: a background process that writes is stopped.
    #[inline]
    pub fn tostop(&self) -> bool {
        self.c_lflag & raw::TOSTOP != 0
    }

    /// `TABDLY` is `XTABS`: tabs go out as spaces.
    #[inline]
    pub(crate) fn xtabs(&self) -> bool {
        self.c_oflag & raw::TABDLY == raw::XTABS
    }

    /// A byte that continues a UTF-8 character, under `IUTF8`.
    #[inline]
    pub(crate) fn continuation(&self, byte: u8) -> bool {
        self.iutf8() && byte & 0xc0 == 0x80
    }

    /// The two flow control characters are ^S and ^Q with `IXON` on: what packet mode calls `TIOCPKT_DOSTOP`.
    pub fn default_flow_control(&self) -> bool {
        self.ixon() && self.cc(raw::VSTOP) == 0x13 && self.cc(raw::VSTART) == 0x11
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct CharMap([u64; 4]);

impl CharMap {
    fn set(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn clear(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] &= !(1 << (byte & 63));
    }

    #[inline]
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }
}
