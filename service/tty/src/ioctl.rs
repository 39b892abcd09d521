//! ioctl_tty(2).
use crate::tty::{Tty, Winsize};
use abi::ioctl::*;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr};
use ldisc::Termios;
use pid::signals;
use zerocopy::{FromBytes, IntoBytes};

/// Bytes of `struct termios` as the kernel has it: `struct termios2` without the speeds.
const TERMIOS_LEN: usize = 36;

/// Linux' `struct termio`, the System V form: 16-bit flags and eight control characters.
const TERMIO_LEN: usize = 18;

/// Which end of a terminal a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A line, or the slave of a pseudo-terminal.
    Terminal,
    /// `/dev/console`: job control does not stop who reads it.
    Console,
    /// The master of a pseudo-terminal.
    Master,
}

/// When new settings take hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Drained,
    DrainedAndFlushed,
}

/// One ioctl call on a terminal.
pub(crate) struct Call<'a> {
    pub(crate) tty: &'a Arc<Tty>,
    /// Which end of a pseudo-terminal the file is; a line is like a slave.
    pub(crate) side: Side,
    /// The file may be read.
    pub(crate) readable: bool,
    /// The file is dead.
    pub(crate) hung: &'a dyn Fn() -> bool,
}

fn put<T: IntoBytes + zerocopy::Immutable + Copy>(arg: usize, value: T) -> Result<usize> {
    user::write(UserAddr(arg), &value)?;
    Ok(0)
}

fn get<T: FromBytes>(arg: usize) -> Result<T> {
    user::read(UserAddr(arg))
}

impl Call<'_> {
    /// Does what `cmd` says. ENOTTY: there is no such command.
    pub(crate) fn run(&self, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            TCGETS | TCGETS2 | TCGETA => self.get_termios(cmd, arg),
            TCSETS | TCSETSW | TCSETSF | TCSETS2 | TCSETSW2 | TCSETSF2 | TCSETA | TCSETAW
            | TCSETAF => self.set_termios(cmd, arg),
            TCFLSH | TCXONC | TCSBRK | TCSBRKP | TIOCSBRK | TIOCCBRK => self.line_control(cmd, arg),
            TIOCSCTTY | TIOCNOTTY | TIOCGPGRP | TIOCSPGRP | TIOCGSID => self.job_control(cmd, arg),
            _ => self.other(cmd, arg),
        }
    }

    fn get_termios(&self, cmd: u32, arg: usize) -> Result<usize> {
        let t = self.tty.termios();
        match cmd {
            TCGETS => user::copy_to_user(UserAddr(arg), &t.as_bytes()[..TERMIOS_LEN])?,
            TCGETS2 => user::write(UserAddr(arg), &t)?,
            _ => {
                let mut out = [0; TERMIO_LEN];
                for (i, flags) in [t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag]
                    .iter()
                    .enumerate()
                {
                    out[2 * i..2 * i + 2].copy_from_slice(&(*flags as u16).to_le_bytes());
                }
                out[8] = t.c_line;
                out[9..17].copy_from_slice(&t.c_cc[..8]);
                user::copy_to_user(UserAddr(arg), &out)?;
            }
        }
        Ok(0)
    }

    fn set_termios(&self, cmd: u32, arg: usize) -> Result<usize> {
        self.tty.check_background(signals::SIGTTOU)?;
        let new = self.read_termios(cmd, arg)?;
        let when = match cmd {
            TCSETS | TCSETS2 | TCSETA => When::Now,
            TCSETSW | TCSETSW2 | TCSETAW => When::Drained,
            _ => When::DrainedAndFlushed,
        };
        if when == When::DrainedAndFlushed {
            self.flush(raw::TCIFLUSH)?;
        }
        if when != When::Now {
            self.tty.drain(self.hung)?;
            if (self.hung)() {
                return Err(Errno::EIO);
            }
        }
        self.tty.set_termios(Termios::with_codes(new));
        Ok(0)
    }

    fn read_termios(&self, cmd: u32, arg: usize) -> Result<Termios> {
        let mut t = self.tty.termios();
        match cmd {
            TCSETS2 | TCSETSW2 | TCSETSF2 => t = get(arg)?,
            TCSETA | TCSETAW | TCSETAF => {
                let mut bytes = [0; TERMIO_LEN];
                user::copy_from_user(&mut bytes, UserAddr(arg))?;
                let flags = |i: usize, old: u32| {
                    old & 0xffff_0000
                        | u32::from(u16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]))
                };
                t.c_iflag = flags(0, t.c_iflag);
                t.c_oflag = flags(1, t.c_oflag);
                t.c_cflag = flags(2, t.c_cflag);
                t.c_lflag = flags(3, t.c_lflag);
                t.c_line = bytes[8];
                t.c_cc[..8].copy_from_slice(&bytes[9..17]);
            }
            _ => user::copy_from_user(&mut t.as_mut_bytes()[..TERMIOS_LEN], UserAddr(arg))?,
        }
        // There is one line discipline.
        t.c_line = 0;
        Ok(t)
    }

    fn line_control(&self, cmd: u32, arg: usize) -> Result<usize> {
        self.tty.check_background(signals::SIGTTOU)?;
        match cmd {
            TCFLSH => self.flush(arg as u32)?,
            TCXONC => self.flow(arg as u32)?,
            TIOCSBRK | TIOCCBRK => return Err(Errno::ENOTTY),
            _ => {
                self.tty.drain(self.hung)?;
                if (self.hung)() {
                    return Err(Errno::EIO);
                }
                if cmd == TCSBRKP || arg == 0 {
                    let ms = if cmd == TCSBRKP && arg > 0 {
                        arg as u64 * 100
                    } else {
                        250
                    };
                    self.tty.driver.send_break(ms)?;
                }
            }
        }
        Ok(0)
    }

    /// `TCFLSH`; at the master input and output change their names.
    fn flush(&self, what: u32) -> Result<()> {
        if what > raw::TCIOFLUSH {
            return Err(Errno::EINVAL);
        }
        let (mut input, mut output) = (what != raw::TCOFLUSH, what != raw::TCIFLUSH);
        if self.side == Side::Master {
            core::mem::swap(&mut input, &mut output);
        }
        let mut events = ldisc::Events::empty();
        let mut line = self.tty.line.lock_irq();
        if input {
            events |= line.flush_input();
        }
        if output {
            events |= line.flush_output();
        }
        let unthrottle = line.take_unthrottle();
        drop(line);
        self.tty.act(events);
        if unthrottle {
            self.tty.driver.unthrottle(self.tty);
        }
        Ok(())
    }

    fn flow(&self, action: u32) -> Result<()> {
        let mut line = self.tty.line.lock_irq();
        let line_ref = &mut *line;
        let events = match action {
            raw::TCOOFF => line_ref.ldisc.suspend(),
            raw::TCOON => line_ref.ldisc.resume(&mut line_ref.out),
            raw::TCIOFF | raw::TCION => {
                let index = if action == raw::TCIOFF {
                    raw::VSTOP
                } else {
                    raw::VSTART
                };
                let byte = line_ref.ldisc.termios().c_cc[index as usize];
                if byte != 0 {
                    line_ref.out.push(&[byte]);
                }
                ldisc::Events::OUTPUT
            }
            _ => return Err(Errno::EINVAL),
        };
        drop(line);
        self.tty.act(events);
        Ok(())
    }

    fn job_control(&self, cmd: u32, arg: usize) -> Result<usize> {
        let through_slave = self.side != Side::Master;
        match cmd {
            TIOCSCTTY => self.tty.set_controlling(arg == 1, self.readable)?,
            TIOCNOTTY => self.tty.give_up()?,
            TIOCGPGRP => return put(arg, self.tty.foreground_id(through_slave)?),
            TIOCSPGRP => self.tty.set_foreground(get(arg)?)?,
            _ => return put(arg, self.tty.session_id(through_slave)?),
        }
        Ok(0)
    }

    fn other(&self, cmd: u32, arg: usize) -> Result<usize> {
        let master = self.side == Side::Master;
        match cmd {
            TIOCGWINSZ => {
                let size = self.tty.control.lock_irq().winsize;
                put(arg, size)
            }
            TIOCSWINSZ => {
                self.tty.set_winsize(get::<Winsize>(arg)?);
                Ok(0)
            }
            FIONREAD if master => put(arg, self.tty.output_len() as i32),
            FIONREAD => {
                let n = self.tty.line.lock_irq().ldisc.readable_len();
                put(arg, n as i32)
            }
            TIOCOUTQ if self.tty.driver.is_pty() => put(arg, 0i32),
            TIOCOUTQ => put(
                arg,
                (self.tty.output_len() + self.tty.driver.in_flight()) as i32,
            ),
            TIOCSTI => self.simulate_input(arg),
            TIOCEXCL | TIOCNXCL => {
                self.tty.set_exclusive(cmd == TIOCEXCL);
                Ok(0)
            }
            TIOCGEXCL => put(arg, i32::from(self.tty.is_exclusive())),
            TIOCGETD => put(arg, 0i32),
            TIOCSETD if get::<i32>(arg)? == 0 => Ok(0),
            TIOCSETD => Err(Errno::EINVAL),
            TIOCGDEV => {
                let dev = self.tty.device_number();
                put(arg, dev as u32)
            }
            TIOCVHANGUP if crate::caller::is_admin() => {
                self.tty.hangup(false);
                Ok(0)
            }
            TIOCVHANGUP => Err(Errno::EPERM),
            _ => Err(Errno::ENOTTY),
        }
    }

    /// `TIOCSTI`: a byte as if it had been typed. EPERM, EFAULT.
    fn simulate_input(&self, arg: usize) -> Result<usize> {
        if !self.tty.is_callers() && !crate::caller::is_admin() {
            return Err(Errno::EPERM);
        }
        let byte: u8 = get(arg)?;
        self.tty.receive(&[byte]);
        Ok(0)
    }
}
