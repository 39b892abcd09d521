//! /proc/sys/kernel.
use super::{Knob, ipc, line, number, numbers, read_only, settable, text};
use crate::node::parse_number;
use abi::{Errno, Result};
use core::fmt::Write;
use vfs::SeqBuf;

pub(super) static KNOBS: &[Knob] = &[
    read_only("kernel/cap_last_cap", |_, out| {
        number(out, u64::from(cred::cap::LAST))
    }),
    settable(
        "kernel/core_pattern",
        |_, out| text(out, &task::coredump::pattern()?),
        |_, text| task::coredump::set_pattern(line(text)),
    )
    .text(),
    settable(
        "kernel/core_pipe_limit",
        |_, out| number(out, u64::from(task::coredump::pipe_limit())),
        |_, text| {
            let limit = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
            task::coredump::set_pipe_limit(limit);
            Ok(())
        },
    ),
    settable(
        "kernel/core_uses_pid",
        |_, out| number(out, u64::from(task::coredump::uses_pid())),
        |_, text| {
            task::coredump::set_uses_pid(parse_number(text)? != 0);
            Ok(())
        },
    ),
    settable("kernel/domainname", domain, set_domain).text(),
    settable("kernel/hostname", host, set_host).text(),
    settable(
        "kernel/ipc_cost",
        |_, out| number(out, u64::from(sync::cost::is_on())),
        |_, text| match parse_number(text)? {
            on @ (0 | 1) => {
                task::cost::set(on == 1);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
    settable(
        "kernel/modprobe",
        |_, out| text(out, &task::helper::modprobe_path()?),
        |_, text| task::helper::set_modprobe_path(line(text)),
    )
    .text(),
    settable(
        "kernel/modules_disabled",
        |_, out| number(out, u64::from(task::helper::modules_disabled())),
        // There is no way back.
        |_, text| match parse_number(text)? {
            1 => {
                task::helper::disable_modules();
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        },
    ),
    settable("kernel/msg_next_id", ipc::msg_next, ipc::set_msg_next),
    settable("kernel/msgmax", ipc::msg_max, ipc::set_msg_max),
    settable("kernel/msgmnb", ipc::msg_bytes, ipc::set_msg_bytes),
    settable("kernel/msgmni", ipc::msg_most, ipc::set_msg_most),
    read_only("kernel/ngroups_max", |_, out| {
        number(out, cred::NGROUPS_MAX as u64)
    }),
    settable("kernel/ns_last_pid", numbers::last, numbers::set_last).by_anyone(),
    read_only("kernel/osrelease", |_, out| text(out, abi::RELEASE)).text(),
    read_only("kernel/ostype", |_, out| text(out, "Linux")).text(),
    settable("kernel/panic", panic_timeout, set_panic_timeout),
    settable(
        "kernel/panic_on_oops",
        |_, out| number(out, u64::from(trace::panic::on_oops())),
        |_, text| {
            trace::panic::set_on_oops(parse_number(text)? != 0);
            Ok(())
        },
    ),
    read_only("kernel/pid_max", |_, out| number(out, pid::PID_MAX as u64)),
    settable("kernel/printk", printk, set_printk),
    read_only("kernel/pty/max", |_, out| number(out, tty::pty::MAX as u64)),
    read_only("kernel/pty/nr", |_, out| {
        number(out, tty::pty::count() as u64)
    }),
    read_only("kernel/random/boot_id", boot_id).text(),
    read_only("kernel/random/entropy_avail", entropy),
    read_only("kernel/random/poolsize", entropy),
    read_only("kernel/random/uuid", uuid).text(),
    settable(
        "kernel/sched_rt_period_us",
        |_, out| number(out, sched::throttle::period_us()),
        |_, text| sched::bandwidth::set_period_us(parse_number(text)?),
    ),
    settable(
        "kernel/sched_rt_runtime_us",
        |_, out| {
            let _ = writeln!(out, "{}", sched::throttle::runtime_us());
            Ok(())
        },
        |_, text| sched::bandwidth::set_runtime_us(parse_number(text)?),
    ),
    settable("kernel/sem", ipc::semaphores, ipc::set_semaphores),
    settable("kernel/sem_next_id", ipc::sem_next, ipc::set_sem_next),
    settable("kernel/shm_next_id", ipc::shm_next, ipc::set_shm_next),
    settable("kernel/shm_rmid_forced", ipc::forced, ipc::set_forced),
    settable("kernel/shmall", ipc::shm_all, ipc::set_shm_all),
    settable("kernel/shmmax", ipc::shm_max, ipc::set_shm_max),
    settable("kernel/shmmni", ipc::shm_most, ipc::set_shm_most),
    read_only("kernel/tainted", |_, out| number(out, trace::taint::mask())),
    settable(
        "kernel/threads-max",
        |_, out| number(out, u64::from(task::limits::max_threads())),
        |_, text| task::limits::set_max_threads(parse_number(text)?),
    ),
    read_only("kernel/version", version).text(),
];

fn field(out: &mut SeqBuf, field: &[u8]) -> Result<()> {
    let len = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    out.push_bytes(&field[..len]);
    out.push_bytes(b"\n");
    Ok(())
}

/// The names that the reader or writer itself has. ESRCH: it is no task.
fn uts(f: impl FnOnce(&task::uts::UtsNs) -> Result<()>) -> Result<()> {
    let set = task::current().and_then(|me| me.ns()).ok_or(Errno::ESRCH)?;
    f(task::uts::of(&set)?)
}
fn host(_: &(), out: &mut SeqBuf) -> Result<()> {
    uts(|names| field(out, &names.get().host))
}
fn set_host(_: &(), text: &[u8]) -> Result<()> {
    uts(|names| names.set_host(line(text)))
}
fn domain(_: &(), out: &mut SeqBuf) -> Result<()> {
    uts(|names| field(out, &names.get().domain))
}
fn set_domain(_: &(), text: &[u8]) -> Result<()> {
    uts(|names| names.set_domain(line(text)))
}
fn version(_: &(), out: &mut SeqBuf) -> Result<()> {
    text(out, task::uts::VERSION)
}

fn printk(_: &(), out: &mut SeqBuf) -> Result<()> {
    let [a, b, c, d] = trace::console::printk_levels();
    let _ = writeln!(out, "{a}\t{b}\t{c}\t{d}");
    Ok(())
}
fn set_printk(_: &(), text: &[u8]) -> Result<()> {
    let first = text
        .split(u8::is_ascii_whitespace)
        .find(|word| !word.is_empty())
        .ok_or(Errno::EINVAL)?;
    let level = u8::try_from(parse_number(first)?).map_err(|_| Errno::EINVAL)?;
    trace::console::set_loglevel(level);
    Ok(())
}

fn panic_timeout(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "{}", trace::panic::timeout_seconds());
    Ok(())
}
fn set_panic_timeout(_: &(), text: &[u8]) -> Result<()> {
    let seconds = i32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    trace::panic::set_timeout_seconds(seconds);
    Ok(())
}

fn write_uuid(out: &mut SeqBuf, high: u64, low: u64) -> Result<()> {
    // Version 4, variant 1 (RFC 4122).
    let high = high & !0xf000 | 0x4000;
    let low = low & !(3 << 62) | 2 << 62;
    let _ = writeln!(
        out,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    );
    Ok(())
}
fn uuid(_: &(), out: &mut SeqBuf) -> Result<()> {
    write_uuid(out, hal::random::seed_u64(), hal::random::seed_u64())
}
/// The pool is full from the start: its key is the processor's own randomness.
fn entropy(_: &(), out: &mut SeqBuf) -> Result<()> {
    number(out, u64::from(random::POOL_BITS))
}
fn boot_id(_: &(), out: &mut SeqBuf) -> Result<()> {
    static ID: sync::Once<(u64, u64)> = sync::Once::new();
    let (high, low) = *ID.get_or_init(|| (hal::random::seed_u64(), hal::random::seed_u64()));
    write_uuid(out, high, low)
}
