//! Files about the whole machine.
mod config;
mod cpu;
mod kernel;
mod kmsg;
#[cfg(debug_assertions)]
mod locks;
mod memory;
mod sysrq;

use crate::filelocks;
use crate::table::Kind;
use sync::Once;

/// The kernel's command line.
pub(crate) static CMDLINE: Once<&'static str> = Once::new();

/// The files of the top directory, by name.
pub(crate) static FILES: &[(&str, Kind)] = &[
    ("buddyinfo", Kind::Text(0o400, memory::buddyinfo, None)),
    ("cmdline", Kind::Text(0o444, kernel::cmdline, None)),
    ("config.gz", Kind::Text(0o444, config::config, None)),
    ("consoles", Kind::Text(0o444, kernel::consoles, None)),
    ("cpuinfo", Kind::Text(0o444, cpu::cpuinfo, None)),
    ("devices", Kind::Text(0o444, kernel::devices, None)),
    ("diskstats", Kind::Text(0o444, kernel::diskstats, None)),
    ("filesystems", Kind::Text(0o444, kernel::filesystems, None)),
    ("interrupts", Kind::Text(0o444, cpu::interrupts, None)),
    ("kallsyms", Kind::Text(0o444, kernel::kallsyms, None)),
    ("kmsg", Kind::Special(0o400, kmsg::open)),
    ("loadavg", Kind::Text(0o444, cpu::loadavg, None)),
    ("locks", Kind::Text(0o444, filelocks::all, None)),
    #[cfg(debug_assertions)]
    ("lockdep", Kind::Text(0o400, locks::lockdep, None)),
    #[cfg(debug_assertions)]
    (
        "lockdep_stats",
        Kind::Text(0o400, locks::lockdep_stats, None),
    ),
    ("meminfo", Kind::Text(0o444, memory::meminfo, None)),
    ("mounts", Kind::Link(kernel::mounts)),
    ("net", Kind::Link(kernel::net)),
    ("partitions", Kind::Text(0o444, kernel::partitions, None)),
    ("self", Kind::Link(kernel::self_link)),
    ("slabinfo", Kind::Text(0o400, memory::slabinfo, None)),
    ("softirqs", Kind::Text(0o444, cpu::softirqs, None)),
    ("stat", Kind::Text(0o444, cpu::stat, None)),
    ("swaps", Kind::Text(0o444, memory::swaps, None)),
    ("sys", Kind::Sys),
    ("sysrq-trigger", Kind::Special(0o200, sysrq::open)),
    ("sysvipc", Kind::Dir(SYSVIPC)),
    ("thread-self", Kind::Link(kernel::thread_self_link)),
    ("tty", Kind::Dir(TTY)),
    ("uptime", Kind::Text(0o444, cpu::uptime, None)),
    ("version", Kind::Text(0o444, kernel::version, None)),
    ("vmstat", Kind::Text(0o444, memory::vmstat, None)),
    ("zoneinfo", Kind::Text(0o444, memory::zoneinfo, None)),
];

/// /proc/tty.
static TTY: &[(&str, Kind)] = &[("drivers", Kind::Text(0o444, kernel::tty_drivers, None))];

/// /proc/sysvipc.
static SYSVIPC: &[(&str, Kind)] = &[
    (
        "msg",
        Kind::Text(0o444, |_, out| sysvipc::show::queues(out), None),
    ),
    (
        "sem",
        Kind::Text(0o444, |_, out| sysvipc::show::sets(out), None),
    ),
    (
        "shm",
        Kind::Text(0o444, |_, out| sysvipc::show::segments(out), None),
    ),
];
