//! A machine whose first process is busybox' init, by plain QEMU: getty on the serial line, login, the device nodes by mdev, and
//! the ways to end it. The same keys and the same screen on Linux.

use super::plan::Plan;
use super::terminal::Do::{See, Type};
use super::terminal::{Act, Terminal};
use super::{Counter, Tally};
use crate::pack::{program, tree::Tree};
use anyhow::Result;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

const INITTAB: &str = "::sysinit:/bin/busybox mount -t proc proc /proc\n\
    ::sysinit:/bin/busybox mount -t sysfs sys /sys\n\
    ::sysinit:/bin/busybox mount -t devtmpfs dev /dev\n\
    ::sysinit:/bin/busybox --install -s /bin\n\
    ttyS0::respawn:/bin/getty -L 115200 ttyS0 linux\n\
    ::shutdown:/bin/echo shutdown-ran\n";

/// What the shell prints is computed, so that the echo of what was typed is not taken for it.
const STEPS: &[Act] = &[
    (
        "getty-and-login",
        &[
            See("login: "),
            Type("root\r"),
            See("# "),
            Type("echo $((40+2))-$(tty) $(id -u)\r"),
            See("42-/dev/ttyS0 0"),
        ],
    ),
    (
        "login-asks-for-a-password",
        &[
            Type("exit\r"),
            See("login: "),
            Type("user\r"),
            See("Password: "),
            Type("wrong\r"),
            See("incorrect"),
            See("login: "),
            Type("user\r"),
            See("Password: "),
            Type("gaon\r"),
            See("$ "),
            Type("echo $((40+3))-$(id -u)\r"),
            See("43-1000"),
            Type("exit\r"),
            See("login: "),
            Type("root\r"),
            See("# "),
        ],
    ),
    (
        "mdev",
        &[
            Type(
                "mount -t tmpfs none /mnt; cp -a /dev/ttyS0 /dev/null /mnt; mount -t tmpfs none /dev; mdev -s\r",
            ),
            See("# "),
            Type(
                "ls -l /dev/null /dev/zero /dev/ttyS0 | sed 's/.*root *\\([0-9]*\\), *\\([0-9]*\\).*dev/node \\1:\\2 /'\r",
            ),
            See("node 1:3 /null"),
            See("node 4:64 /ttyS0"),
            See("node 1:5 /zero"),
            Type("umount /dev; umount /mnt\r"),
            See("# "),
        ],
    ),
    // The static one finds nobody by number, on Linux as well.
    (
        "sulogin",
        &[Type("sulogin\r"), See("no password entry"), See("# ")],
    ),
    (
        "cttyhack",
        &[
            Type("setsid cttyhack sh -c 'echo $((40+5))-$(tty)'\r"),
            See("45-/dev/ttyS0"),
        ],
    ),
];

/// The three ways to end a machine, each asked of init; what the screen shows last.
const ENDS: [(&str, &str); 3] = [
    ("poweroff", "Power down"),
    ("reboot", "Restarting system"),
    ("halt", "System halted"),
];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "console");
    let folder = tempfile::tempdir()?;
    let initrd = folder.path().join("init.cpio");
    initramfs(&initrd)?;
    if counter.wants("init") {
        let mut terminal = boot(plan, &initrd, "rdinit=/linuxrc")?;
        terminal.play("init", STEPS, &mut counter);
    }
    for (applet, last) in ENDS {
        if counter.wants(applet) {
            counter.count(applet, end(&mut boot(plan, &initrd, "")?, applet, last));
        }
    }
    Ok(counter.tally)
}

/// Ends the machine from a shell; QEMU ends too, unless it only halts.
fn end(terminal: &mut Terminal, applet: &str, last: &str) -> Result<(), String> {
    terminal.perform(&[See("login: "), Type("root\r"), See("# ")])?;
    terminal.press(applet);
    terminal.press("\r");
    terminal.perform(&[See("shutdown-ran")])?;
    terminal.see(last)?;
    if applet == "halt" {
        return Ok(());
    }
    terminal.ends_with(0)
}

fn boot(plan: &Plan, initrd: &Path, more: &str) -> Result<Terminal> {
    Terminal::open(&format!(
        "exec timeout 200 qemu-system-x86_64 -accel tcg -nographic -no-reboot -m 512 -kernel {} -initrd {} \
         -append 'console=ttyS0 panic=-1 {more}'",
        plan.kernel.display(),
        initrd.display(),
    ))
}

/// Busybox as the first process, by both names that it has for that.
fn initramfs(to: &Path) -> Result<()> {
    let mut tree = Tree::default();
    for folder in ["/bin", "/dev", "/proc", "/sys", "/etc", "/root", "/mnt"] {
        tree.folder(folder, 0o755);
    }
    tree.device("/dev/console", 0o600, 5, 1);
    tree.host_file_as("/bin/busybox", 0o755, &program::find("busybox")?);
    tree.link("/init", "bin/busybox");
    tree.link("/linuxrc", "bin/busybox");
    tree.file("/etc/inittab", 0o644, INITTAB.as_bytes());
    // "gaon", by MD5 with the salt "salt".
    let passwd = "root::0:0:root:/root:/bin/sh\nuser:$1$salt$0Q5u/Kzo9ZVt5PdNnbHNY0:1000:1000:user:/:/bin/sh\n";
    tree.file("/etc/passwd", 0o644, passwd.as_bytes());
    tree.file("/etc/group", 0o644, b"root:x:0:\nuser:x:1000:\n");
    tree.write(BufWriter::new(File::create(to)?))?;
    Ok(())
}
