//! Signed modules: by the key of the tree, by somebody else's, and what was changed afterwards. A boot of its own: once signatures
//! are enforced there is no way back.

use super::Case;
use crate::verb::build;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;

/// What holds on Linux too, where the tree's key is a stranger's as well.
pub(super) const STRANGER: Case = Case {
    name: "signed-by-a-stranger",
    script: "insmod $m/stranger.ko; cat /sys/module/hello/taint; told; rmmod hello; insmod $m/garbled.ko 2>&1; told
        modinfo $m/stranger.ko | grep '^sig_[ih]'",
    stdout: &[
        "OE\n",
        "hello: module verification failed: signature and/or required key missing - tainting kernel\n",
        "Bad message\n",
        "sig_id:         PKCS#7\n",
        "sig_hashalgo:   sha256\n",
    ],
};

/// The others.
pub(super) const OWN: [Case; 2] = [
    Case {
        name: "signed-by-the-tree",
        script: "was=$(cat /proc/sys/kernel/tainted); insmod $m/signed.ko; echo $?; cat /sys/module/hello/taint; cat /proc/hello_proc
            told; rmmod hello; echo $(($(cat /proc/sys/kernel/tainted) & ~was)); insmod $m/changed.ko 2>&1",
        stdout: &[
            "0\nO\nHello from kernel module!\n",
            "Hello module: initializing\n",
            "0\n",
            "Key was rejected by service\n",
        ],
    },
    Case {
        name: "signatures-are-enforced",
        script: "echo 1 >/sys/module/module/parameters/sig_enforce; insmod $m/signed.ko; echo $?; rmmod hello
            insmod $m/stranger.ko 2>&1; insmod $m/hello.ko 2>&1; told",
        stdout: &[
            "0\n",
            "Key was rejected by service\n",
            "Key was rejected by service\n",
            "Loading of module with unavailable key is rejected\n",
            "Loading of unsigned module is rejected\n",
        ],
    },
];

/// Makes the files of the cases out of hello.ko.
pub(super) fn sign(folder: &Path) -> Result<()> {
    let file = |name: &str| folder.join(name);
    let certs = build::module_folder()?.join("certs");
    sign_with(&certs.join("signing_key"), folder, "signed.ko")?;
    let other = file("other");
    let made = Command::new("openssl")
        .args([
            "req", "-new", "-x509", "-newkey", "ec", "-nodes", "-batch", "-days", "2",
        ])
        .args([
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            "/CN=somebody",
        ])
        .arg("-keyout")
        .arg(other.with_extension("pem"))
        .arg("-out")
        .arg(other.with_extension("x509"))
        .output()
        .context("openssl")?;
    ensure!(made.status.success(), "openssl made no key");
    sign_with(&other, folder, "stranger.ko")?;
    // A letter of what the module says, and one of the message that signs it.
    let mut signed = std::fs::read(file("signed.ko"))?;
    let said = b"Hello from";
    let at = signed.windows(said.len()).position(|words| words == said);
    signed[at.context("hello.ko says nothing")?] ^= 0x20;
    std::fs::write(file("changed.ko"), signed)?;
    let mut stranger = std::fs::read(file("stranger.ko"))?;
    let message = std::fs::metadata(file("hello.ko"))?.len();
    stranger[usize::try_from(message)?] ^= 1;
    std::fs::write(file("garbled.ko"), stranger)?;
    Ok(())
}

/// Signs hello.ko with KEY.pem and KEY.x509.
fn sign_with(key: &Path, folder: &Path, name: &str) -> Result<()> {
    let status = Command::new(build::module_folder()?.join("scripts/sign-file"))
        .arg("sha256")
        .arg(key.with_extension("pem"))
        .arg(key.with_extension("x509"))
        .arg(folder.join("hello.ko"))
        .arg(folder.join(name))
        .status()
        .context("sign-file")?;
    ensure!(status.success(), "sign-file: {status}");
    Ok(())
}
