//! /proc/sysrq-trigger (Documentation/admin-guide/sysrq.rst): one letter, one action.
use abi::{Errno, Result};
use kmem::user::UserBuf;
use pid::{SigInfo, SignalTarget, signals};
use trace::{pr_info, pr_warn};
use vfs::{File, FileOps, FileOpsRef, Io};

struct Trigger;
static TRIGGER: Trigger = Trigger;

pub(crate) fn open() -> Result<FileOpsRef> {
    Ok(FileOpsRef::shared(&TRIGGER))
}

impl FileOps for Trigger {
    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        let all = buf.remaining();
        let letter = buf.next_byte()?;
        if let Some(letter) = letter {
            act(letter)?;
        }
        Ok(all)
    }
}

fn act(letter: u8) -> Result<()> {
    match letter {
        b'0'..=b'9' => {
            trace::console::set_loglevel(letter - b'0');
            pr_info!("sysrq: Loglevel set to {}", letter - b'0');
        }
        b'b' => {
            pr_warn!("sysrq: Resetting");
            hal::power::reboot()
        }
        b'c' => trace::panic::panic(format_args!("sysrq triggered crash")),
        b'e' => signal_all("Terminate All Tasks", signals::SIGTERM),
        b'i' => signal_all("Kill All Tasks", signals::SIGKILL),
        b'm' => memory(),
        b'o' => {
            pr_warn!("sysrq: Power Off");
            hal::power::off();
            return Err(Errno::ENODEV);
        }
        b't' => tasks("Show State", |_| true),
        b'w' => tasks("Show Blocked State", |state| state == 'D'),
        _ => pr_info!(
            "sysrq: HELP : loglevel(0-9) reboot(b) crash(c) terminate-all-tasks(e) kill-all-tasks(i) \
             show-memory-usage(m) poweroff(o) show-task-states(t) show-blocked-tasks(w)"
        ),
    }
    Ok(())
}

fn signal_all(what: &str, signal: pid::Signal) {
    pr_info!("sysrq: {what}");
    let mut from = 2;
    while let Some(process) = task::process::next_process(from) {
        from = process.nr() + 1;
        // One that ends meanwhile needs no signal.
        let _ = process.signal(&SigInfo::kernel(signal));
    }
}

fn memory() {
    let stats = kmem::stats::stats();
    pr_info!("sysrq: Show Memory");
    pr_info!(
        "Mem-Info: total:{} free:{} slab:{} pagetables:{} (pages)",
        stats.frames.total,
        stats.frames.free,
        stats.slab,
        stats.tables
    );
}

fn tasks(what: &str, wanted: impl Fn(char) -> bool) {
    pr_info!("sysrq: {what}");
    let mut from = 1;
    while let Some(process) = task::process::next_process(from) {
        from = process.nr() + 1;
        let Some(leader) = process.leader() else {
            continue;
        };
        let state = leader.state_char();
        if wanted(state) {
            let comm = leader.comm();
            let len = comm.iter().position(|b| *b == 0).unwrap_or(comm.len());
            pr_info!(
                "task:{:<15} state:{state} pid:{:<5} ppid:{:<6} threads:{}",
                core::str::from_utf8(&comm[..len]).unwrap_or("?"),
                process.nr(),
                process.parent_nr(),
                process.thread_count()
            );
        }
    }
}
