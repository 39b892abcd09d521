//! The initramfs of a run: the guest's init, the base every program takes for granted, the program with its libraries,
//! and a userland of busybox applets where a shell will want one.

mod newc;
pub(crate) mod program;
pub(crate) mod tree;

use crate::{kbuild, tree as places};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;
use tree::Tree;

/// Path of the serial line the guest's init talks on; also tells init that a host is there.
const CHANNEL: &str = "/dev/ttyS1\n";

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
    user:x:1000:1000:user:/home/user:/bin/sh\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files\n";
const PROFILE: &str = "export PS1='\\u@\\h:\\w\\$ '\n";

/// The files every guest has.
pub(crate) fn base(init: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    // The folders that Debian merged into /usr look as they do on this host.
    for merged in ["/bin", "/sbin", "/lib", "/lib64"] {
        match std::fs::read_link(merged) {
            Ok(target) => {
                tree.folder(&format!("/usr{merged}"), 0o755);
                tree.link(merged, &target.to_string_lossy());
            }
            Err(_) => tree.folder(merged, 0o755),
        }
    }
    for folder in [
        "/dev",
        "/proc",
        "/sys",
        "/run",
        "/etc",
        "/usr/bin",
        "/usr/sbin",
        "/mnt",
        "/var/tmp",
        "/home",
    ] {
        tree.folder(folder, 0o755);
    }
    tree.folder("/root", 0o700);
    tree.folder("/tmp", 0o1777);
    // Init's own standard descriptors, before it has mounted anything.
    tree.device("/dev/console", 0o600, 5, 1);
    tree.device("/dev/null", 0o666, 1, 3);
    tree.file("/etc/passwd", 0o644, PASSWD.as_bytes());
    tree.file("/etc/group", 0o644, GROUP.as_bytes());
    tree.file("/etc/nsswitch.conf", 0o644, NSSWITCH.as_bytes());
    tree.file("/etc/hostname", 0o644, b"gaon\n");
    tree.file("/etc/hosts", 0o644, b"127.0.0.1 localhost gaon\n");
    tree.file("/etc/profile", 0o644, PROFILE.as_bytes());
    tree.host_file_as("/init", 0o755, init);
    Ok(tree)
}

/// Tells init to talk to the host tool.
pub(crate) fn channel(tree: &mut Tree) {
    tree.file("/etc/gaon-job", 0o644, CHANNEL.as_bytes());
}

/// Where modules are looked for: a guest that has make finds there what they are compiled against, one that has kmod the
/// lists of what is part of the kernel.
pub(crate) fn module_folder(tree: &mut Tree) -> Result<()> {
    let folder = places::output()?.join("build");
    if !folder.is_dir() {
        return Ok(());
    }
    let place = format!("/lib/modules/{}", kbuild::RELEASE);
    if tree.has("/usr/bin/make") {
        let folder = tree.host(&folder)?;
        tree.link(&format!("{place}/build"), &folder.to_string_lossy());
    }
    if tree.has("/usr/bin/kmod") {
        for list in kbuild::LISTS {
            tree.host_file_as(&format!("{place}/{list}"), 0o644, &folder.join(list));
        }
    }
    Ok(())
}

/// A shell's surroundings: busybox and a link for each applet that the tree does not have as a program of its own, and the
/// terminal's description.
pub(crate) fn userland(tree: &mut Tree, term: &str) -> Result<()> {
    let busybox = program::find("busybox")
        .context("a shell needs busybox: apt-get install busybox-static")?;
    program::pack(tree, &busybox)?;
    let list = Command::new(&busybox)
        .arg("--list-full")
        .output()
        .context("busybox --list-full")?;
    for applet in String::from_utf8_lossy(&list.stdout).lines() {
        let path = format!("/{applet}");
        // A busybox of its own stands wherever this host keeps it; init is ours.
        if !path.ends_with("/busybox")
            && path != "/linuxrc"
            && !path.ends_with("/init")
            && !tree.has(&path)
        {
            tree.link(&path, &busybox.to_string_lossy());
        }
    }
    for term in [term, "linux", "vt100", "xterm"] {
        let Some(initial) = term.chars().next() else {
            continue;
        };
        for folder in ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"] {
            let file = format!("{folder}/{initial}/{term}");
            if Path::new(&file).is_file() {
                tree.host(Path::new(&file))?;
            }
        }
    }
    Ok(())
}
