//! The guest's first process.
//!
//! Job: mount what programs expect, then either do the one job the host tool sends over the framed serial line (its path
//! stands in `/etc/gaon-job`) and switch the machine off, or, where that file is missing, give a shell on the console.
//! Runs on Gaon and on Linux alike and uses only basic calls: no epoll, no signalfd, no threads. Talks to `cli` through
//! the crate `frames`.

mod channel;
mod job;
mod modules;
mod pump;
mod relay;
mod spawn;

use channel::Channel;
use frames::Kind;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot, sethostname};
use std::ffi::CStr;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Names the serial line to talk on; the host tool packs it.
const CHANNEL_FILE: &str = "/etc/gaon-job";

/// Source, target, type, options. What the kernel lacks is left out.
const MOUNTS: [(&str, &str, &CStr); 8] = [
    ("proc", "/proc", c""),
    ("devtmpfs", "/dev", c"mode=0755"),
    ("devpts", "/dev/pts", c"ptmxmode=0666,mode=0620,gid=5"),
    ("tmpfs", "/dev/shm", c"mode=1777"),
    ("mqueue", "/dev/mqueue", c""),
    ("sysfs", "/sys", c""),
    ("tmpfs", "/tmp", c"mode=1777"),
    ("tmpfs", "/run", c"mode=0755"),
];

fn main() {
    mount_all();
    let _ = sethostname(b"gaon");
    match std::fs::read_to_string(CHANNEL_FILE) {
        Ok(path) => match Channel::open(path.trim()) {
            Ok(channel) => serve(channel),
            Err(error) => eprintln!("init: {}: {error}", path.trim()),
        },
        Err(_) => console_shell(),
    }
    power_off();
}

fn mount_all() {
    for (kind, target, options) in MOUNTS {
        let _ = std::fs::create_dir_all(target);
        // Files that were packed below /tmp (a program built there, say) would vanish under a mount.
        let holds_files =
            std::fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
        if target == "/tmp" && holds_files {
            continue;
        }
        match mount(kind, target, kind, MountFlags::empty(), Some(options)) {
            // ENODEV: this kernel has no such file system. EBUSY: it was mounted for us.
            Ok(()) | Err(Errno::NODEV | Errno::BUSY) => {}
            Err(error) => eprintln!("init: mount {target}: {error}"),
        }
    }
    for (target, link) in [
        ("/proc/self/fd", "/dev/fd"),
        ("/proc/self/fd/0", "/dev/stdin"),
        ("/proc/self/fd/1", "/dev/stdout"),
        ("/proc/self/fd/2", "/dev/stderr"),
    ] {
        let _ = std::os::unix::fs::symlink(target, link);
    }
}

/// Runs the job and tells how it ended. Errors of the channel itself have nobody left to hear them but the console.
fn serve(mut channel: Channel) {
    let outcome = job::receive(&mut channel).and_then(|job| {
        match modules::load(&job.modules).and_then(|()| spawn::spawn(&job)) {
            Ok(running) => relay::run(&mut channel, running).map(Some),
            Err(error) => {
                let number = error.raw_os_error().unwrap_or(0);
                let mut payload = number.to_le_bytes().to_vec();
                payload.extend_from_slice(error.to_string().as_bytes());
                channel.send(Kind::Failed, &payload).map(|()| None)
            }
        }
    });
    let outcome = outcome.and_then(|status| match status {
        Some(status) => channel.send(Kind::Exit, &status.to_le_bytes()),
        None => Ok(()),
    });
    if let Err(error) = outcome.and_then(|()| channel.drain()) {
        eprintln!("init: channel: {error}");
    }
}

/// Without a host tool at the other end: a shell on the console, again and again until it is told to switch off.
fn console_shell() {
    for shell in ["/bin/bash", "/bin/sh"] {
        if !std::path::Path::new(shell).exists() {
            continue;
        }
        let mut command = Command::new(shell);
        command
            .env("HOME", "/root")
            .env("PATH", spawn::DEFAULT_PATH)
            .env("TERM", "linux")
            .arg0("-sh");
        let _ = rustix::process::setsid();
        if let Ok(console) = rustix::fs::open("/dev/console", OFlags::RDWR, Mode::empty()) {
            let _ = rustix::process::ioctl_tiocsctty(&console);
        }
        let Ok(child) = command.spawn() else { continue };
        loop {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, _))) if pid.as_raw_nonzero().get().cast_unsigned() == child.id() => {
                    return;
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
    eprintln!("init: neither {CHANNEL_FILE} nor a shell is in this initramfs");
}

fn power_off() -> ! {
    rustix::fs::sync();
    let _ = reboot(RebootCommand::PowerOff);
    // No power-off on this machine: a reset ends QEMU as well, which runs with -no-reboot.
    let _ = reboot(RebootCommand::Restart);
    std::process::exit(1)
}
