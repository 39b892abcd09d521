//! System calls: the machine as a whole.
use crate::Call;
use crate::process::PER_LINUX32;
use abi::process::Sysinfo;
use abi::raw::{
    __NR_getrandom, __NR_reboot, __NR_setdomainname, __NR_sethostname, __NR_sysinfo, __NR_syslog,
    __NR_uname,
};
use abi::{Errno, Result};
use cred::cap;
use hal::addr::UserAddr;
use kmem::user::{self, UserBuf};
use pid::{SigInfo, signals};
use sync::{LockClass, Mutex, WaitMode, rank};
use task::Namespace;
use task::{Cx, uts};
use trace::kmsg::{self, Cursor, LINE_MAX, Next};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_uname, "newuname", sys_newuname),
    (__NR_sethostname, "sethostname", sys_sethostname),
    (__NR_setdomainname, "setdomainname", sys_setdomainname),
    (__NR_sysinfo, "sysinfo", sys_sysinfo),
    (__NR_getrandom, "getrandom", sys_getrandom),
    (__NR_syslog, "syslog", sys_syslog),
    (__NR_reboot, "reboot", sys_reboot),
];

/// The part of a personality that is no flag.
const PERSONALITY: u32 = 0xff;

fn sys_newuname(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let names = uts::of(&cx.ns)?.get();
    let machine = match cx.personality & PERSONALITY {
        PER_LINUX32 => "i686",
        _ => "x86_64",
    };
    user::write(UserAddr(a[0]), &names.fields(machine))?;
    Ok(0)
}

fn set_uts(
    cx: &Cx,
    at: usize,
    len: usize,
    set: fn(&uts::UtsNs, &[u8]) -> Result<()>,
) -> Result<usize> {
    let names = uts::of(&cx.ns)?;
    if !cx.cred.ns_capable(names.owner(), cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let len = usize::try_from(len as i32)
        .ok()
        .filter(|len| *len <= 64)
        .ok_or(Errno::EINVAL)?;
    let mut bytes = [0; 64];
    user::copy_from_user(&mut bytes[..len], UserAddr(at))?;
    set(names, &bytes[..len])?;
    Ok(0)
}

fn sys_sethostname(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    set_uts(cx, a[0], a[1], uts::UtsNs::set_host)
}

fn sys_setdomainname(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    set_uts(cx, a[0], a[1], uts::UtsNs::set_domain)
}

fn sys_sysinfo(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const LOAD_SHIFT: u32 = 16 - time::load::FSHIFT;
    let memory = kmem::frame::stats();
    let bytes = |pages: usize| (pages * abi::PAGE_SIZE) as u64;
    let info = Sysinfo {
        uptime: time::boottime_ns().div_ceil(time::NSEC_PER_SEC) as i64,
        loads: time::load::averages().map(|load| load << LOAD_SHIFT),
        totalram: bytes(memory.total),
        freeram: bytes(memory.free),
        procs: sched::stats::threads() as u16,
        mem_unit: 1,
        ..Sysinfo::default()
    };
    user::write(UserAddr(a[0]), &info)?;
    Ok(0)
}

fn sys_getrandom(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const NONBLOCK: u32 = 1;
    const RANDOM: u32 = 2;
    const INSECURE: u32 = 4;
    let flags = a[2] as u32;
    if flags & !(NONBLOCK | RANDOM | INSECURE) != 0
        || flags & (RANDOM | INSECURE) == RANDOM | INSECURE
    {
        return Err(Errno::EINVAL);
    }
    let len = a[1].min(abi::MAX_RW_COUNT);
    let mut stream = random::Stream::new();
    let mut done = 0;
    let mut chunk = [0u8; 256];
    while done < len {
        let n = chunk.len().min(len - done);
        stream.fill(&mut chunk[..n]);
        let mut left = UserBuf::single(UserAddr(a[0].wrapping_add(done)), n);
        match left.copy_to(&chunk[..n]) {
            Ok(copied) => done += copied,
            Err(error) if done == 0 => return Err(error),
            Err(_) => return Ok(done),
        }
        if !left.is_empty() {
            return Ok(done);
        }
        // Short answers are never cut by a signal.
        if done % abi::PAGE_SIZE == 0 && done < len && cx.task.has_signal() {
            return Ok(done);
        }
    }
    Ok(done)
}

/// Actions of syslog(2).
mod action {
    pub(super) const CLOSE: u32 = 0;
    pub(super) const OPEN: u32 = 1;
    pub(super) const READ: u32 = 2;
    pub(super) const READ_ALL: u32 = 3;
    pub(super) const READ_CLEAR: u32 = 4;
    pub(super) const CLEAR: u32 = 5;
    pub(super) const CONSOLE_OFF: u32 = 6;
    pub(super) const CONSOLE_ON: u32 = 7;
    pub(super) const CONSOLE_LEVEL: u32 = 8;
    pub(super) const SIZE_UNREAD: u32 = 9;
    pub(super) const SIZE_BUFFER: u32 = 10;
}

static READER: LockClass = LockClass::new("syslog", rank::SYSLOG);
/// Where `SYSLOG_ACTION_READ` goes on: one place for all readers, as in Linux.
static PLACE: Mutex<Option<Cursor>> = Mutex::new(&READER, None);
/// The level before `SYSLOG_ACTION_CONSOLE_OFF`.
static SAVED_LEVEL: Mutex<Option<u8>> = Mutex::new(&READER, None);

fn sys_syslog(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (kind, at, len) = (a[0] as u32, a[1], a[2] as i32);
    // Reading all and asking for the size is open to everybody (`dmesg_restrict` 0).
    if !matches!(kind, action::READ_ALL | action::SIZE_BUFFER)
        && !cx.cred.capable(cap::SYSLOG)
        && !cx.cred.capable(cap::SYS_ADMIN)
    {
        return Err(Errno::EPERM);
    }
    match kind {
        action::CLOSE | action::OPEN => Ok(0),
        action::READ | action::READ_ALL | action::READ_CLEAR => {
            if at == 0 || len < 0 {
                return Err(Errno::EINVAL);
            }
            let len = len as usize;
            match kind {
                action::READ => read_next(at, len),
                action::READ_ALL => read_all(at, len),
                _ => read_all(at, len).inspect(|_| kmsg::clear()),
            }
        }
        action::CLEAR => {
            kmsg::clear();
            Ok(0)
        }
        action::CONSOLE_OFF => {
            SAVED_LEVEL
                .lock()
                .get_or_insert_with(trace::console::loglevel);
            trace::console::set_loglevel(1);
            Ok(0)
        }
        action::CONSOLE_ON => {
            if let Some(level) = SAVED_LEVEL.lock().take() {
                trace::console::set_loglevel(level);
            }
            Ok(0)
        }
        action::CONSOLE_LEVEL => {
            if !(1..=8).contains(&len) {
                return Err(Errno::EINVAL);
            }
            trace::console::set_loglevel(len as u8);
            *SAVED_LEVEL.lock() = None;
            Ok(0)
        }
        action::SIZE_UNREAD => Ok(kmsg::unread_bytes(
            PLACE.lock().unwrap_or_else(Cursor::oldest),
        )),
        action::SIZE_BUFFER => Ok(kmsg::buffer_size()),
        _ => Err(Errno::EINVAL),
    }
}

/// Copies whole lines from a cursor on; answers the bytes.
fn copy_lines(cursor: &mut Cursor, at: usize, room: usize) -> Result<usize> {
    let mut line = [0u8; LINE_MAX];
    let mut done = 0;
    loop {
        let mut next = *cursor;
        match next.next_syslog(&mut line) {
            Next::Line(len) if len <= room - done => {
                user::copy_to_user(UserAddr(at + done), &line[..len])?;
                done += len;
            }
            Next::Overrun => {}
            Next::Line(_) | Next::TooShort | Next::Nothing => return Ok(done),
        }
        *cursor = next;
    }
}

fn read_all(at: usize, len: usize) -> Result<usize> {
    let mut cursor = kmsg::tail_fitting(len);
    copy_lines(&mut cursor, at, len)
}

fn read_next(at: usize, len: usize) -> Result<usize> {
    if len == 0 {
        return Ok(0);
    }
    loop {
        let mut place = PLACE.lock();
        let mut cursor = place.unwrap_or_else(Cursor::oldest);
        let done = copy_lines(&mut cursor, at, len);
        let stuck = cursor.has_more();
        *place = Some(cursor);
        drop(place);
        if done != Ok(0) || stuck {
            return done;
        }
        kmsg::readers().wait(WaitMode::Interruptible, None, || {
            cursor.has_more().then_some(())
        })?;
    }
}

fn sys_reboot(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const MAGIC1: u32 = 0xfee1_dead;
    const MAGIC2: [u32; 4] = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
    const RESTART: u32 = 0x0123_4567;
    const RESTART2: u32 = 0xa1b2_c3d4;
    const HALT: u32 = 0xcdef_0123;
    const POWER_OFF: u32 = 0x4321_fedc;
    const CAD_ON: u32 = 0x89ab_cdef;
    const CAD_OFF: u32 = 0;
    /// How long what programs wrote last may take to get out.
    const FLUSH_NS: u64 = 500_000_000;
    if !cx.cred.ns_capable(&cx.pids().owner()?, cap::SYS_BOOT) {
        return Err(Errno::EPERM);
    }
    if a[0] as u32 != MAGIC1 || !MAGIC2.contains(&(a[1] as u32)) {
        return Err(Errno::EINVAL);
    }
    if !cx.pids().is_first() {
        // The namespace's process 1 is killed, and who waits for it sees by which signal what was asked for.
        return match a[2] as u32 {
            RESTART | RESTART2 => end_pids(cx, signals::SIGHUP),
            HALT | POWER_OFF => end_pids(cx, signals::SIGINT),
            _ => Err(Errno::EINVAL),
        };
    }
    match a[2] as u32 {
        // There is no keyboard whose Ctrl-Alt-Del could be let through or caught.
        CAD_ON | CAD_OFF => Ok(0),
        command @ (RESTART | RESTART2) => {
            let mut text = [0; 256];
            let len = match command {
                RESTART2 => restart_command(&mut text, UserAddr(a[3]))?,
                _ => 0,
            };
            tty::flush_lines(FLUSH_NS);
            match core::str::from_utf8(&text[..len]) {
                Ok(text) if command == RESTART2 => {
                    trace::pr_emerg!("reboot: Restarting system with command '{}'", text);
                }
                _ => trace::pr_emerg!("reboot: Restarting system"),
            }
            trace::console::flush();
            hal::power::reboot()
        }
        POWER_OFF => {
            tty::flush_lines(FLUSH_NS);
            trace::pr_emerg!("reboot: Power down");
            trace::console::flush();
            hal::power::off();
            stop()
        }
        HALT => {
            tty::flush_lines(FLUSH_NS);
            trace::pr_emerg!("reboot: System halted");
            trace::console::flush();
            stop()
        }
        _ => Err(Errno::EINVAL),
    }
}

fn end_pids(cx: &mut Cx, signal: pid::Signal) -> Result<usize> {
    cx.pids().set_end(signal as i32);
    let reaper = cx.pids().reaper().ok_or(Errno::ESRCH)?;
    reaper.signal(&SigInfo::kernel(signals::SIGKILL))?;
    task::exit::exit_group(cx, 0);
    Ok(0)
}

/// The words for the firmware that come with `RESTART2`: `EFAULT` where there are none. Ours takes none; the log shows them.
fn restart_command(text: &mut [u8; 256], from: UserAddr) -> Result<usize> {
    match user::strncpy(text, from) {
        Err(Errno::ENAMETOOLONG) => Ok(text.len()),
        other => other,
    }
}

/// Nothing more runs on this CPU.
fn stop() -> ! {
    let _irqs = hal::irq::disable();
    hal::cpu::halt_forever()
}
