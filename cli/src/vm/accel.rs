//! KVM only where it is proved. A /dev/kvm that opens is no proof: some machines have one on which every ordinary guest
//! hangs. So a tiny guest is booted through the firmware with a short limit, once, and the answer is remembered.

use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Written to QEMU's debug-exit port by the tiny guest; QEMU exits with twice that plus one.
const PROOF: u8 = 0x2a;
/// How long the tiny guest may take; with working KVM it takes a fifth of a second.
const LIMIT: Duration = Duration::from_secs(4);

/// The accelerator to use: `GAON_ACCEL` when set, otherwise `kvm` if proved to work, otherwise `tcg`. The answer is kept
/// in `memory`.
pub(crate) fn choose(memory: &Path) -> String {
    if let Ok(wish) = std::env::var("GAON_ACCEL")
        && !wish.is_empty()
    {
        return wish;
    }
    if let Ok(remembered) = fs::read_to_string(memory)
        && matches!(remembered.trim(), "kvm" | "tcg")
    {
        return remembered.trim().to_owned();
    }
    let usable = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    let accel = if usable && prove().unwrap_or(false) {
        "kvm"
    } else {
        "tcg"
    };
    if let Some(folder) = memory.parent() {
        let _ = fs::create_dir_all(folder);
    }
    let _ = fs::write(memory, accel);
    accel.to_owned()
}

/// A boot sector: real mode, firmware, one port write.
fn boot_sector() -> [u8; 512] {
    let mut sector = [0; 512];
    // mov dx, 0xf4; mov al, PROOF; out dx, al; hlt; jmp to hlt
    sector[..9].copy_from_slice(&[0xba, 0xf4, 0x00, 0xb0, PROOF, 0xee, 0xf4, 0xeb, 0xfd]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn prove() -> Result<bool> {
    let folder = tempfile::tempdir()?;
    let disk = folder.path().join("boot.img");
    fs::write(&disk, boot_sector())?;
    let mut child = Command::new("qemu-system-x86_64")
        .args([
            "-machine",
            "pc",
            "-accel",
            "kvm",
            "-cpu",
            "max",
            "-m",
            "32",
            "-smp",
            "2",
            "-nodefaults",
        ])
        .args([
            "-display",
            "none",
            "-no-reboot",
            "-device",
            "isa-debug-exit,iobase=0xf4,iosize=1",
        ])
        .args([
            "-drive",
            &format!("format=raw,if=ide,file={}", disk.display()),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code() == Some(i32::from(PROOF) * 2 + 1));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}
