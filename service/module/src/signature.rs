//! Who must be signed: `module.sig_enforce`.
//!
//! The kernel has no key: whatever signature a module carries is of somebody whom it does not know. So every module
//! counts as unsigned, which is told, or is refused.
//!
//! Specification: Documentation/admin-guide/module-signing.rst.
use abi::{Errno, Result};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use kmod::SignatureError;
use trace::pr_notice;
use vfs::SeqBuf;

static ENFORCED: AtomicBool = AtomicBool::new(false);

/// Lets no module in any more that is not signed with a key of the kernel's. There is no way back.
pub fn enforce() {
    ENFORCED.store(true, Ordering::Relaxed);
}

/// Whether a module may come that carries this signature.
///
/// # Errors
/// `EBADMSG`: it is malformed; `EKEYREJECTED`: signatures are enforced.
pub(crate) fn check(
    signature: core::result::Result<Option<&[u8]>, SignatureError>,
    forced: bool,
) -> Result<()> {
    let reason = match signature {
        // What was changed by force has no signature any more that could be right.
        _ if forced => "unsigned module",
        Ok(None) => "unsigned module",
        Ok(Some(_)) => "module with unavailable key",
        Err(SignatureError::Unsupported) => "module with unsupported crypto",
        Err(SignatureError::Malformed) => return Err(Errno::EBADMSG),
    };
    if ENFORCED.load(Ordering::Relaxed) {
        pr_notice!("Loading of {reason} is rejected");
        return Err(Errno::EKEYREJECTED);
    }
    Ok(())
}

/// /sys/module/module/parameters/sig_enforce.
struct Enforced;

impl kernfs::Attribute for Enforced {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let on = ENFORCED.load(Ordering::Relaxed);
        let _ = writeln!(out, "{}", if on { 'Y' } else { 'N' });
        Ok(())
    }

    /// On, and never off again.
    fn store(&self, text: &[u8]) -> Result<usize> {
        let on = match text.trim_ascii() {
            [b'y' | b'Y' | b'1' | b't' | b'T', ..] | [b'o' | b'O', b'n' | b'N', ..] => true,
            [b'n' | b'N' | b'0' | b'f' | b'F', ..] | [b'o' | b'O', b'f' | b'F', ..] => false,
            _ => return Err(Errno::EINVAL),
        };
        match (on, ENFORCED.load(Ordering::Relaxed)) {
            (true, _) => enforce(),
            (false, true) => return Err(Errno::EROFS),
            (false, false) => {}
        }
        Ok(text.len())
    }
}

/// Shows what is enforced, in sysfs. ENOMEM.
pub(crate) fn show() -> Result<()> {
    let parameters = device::sysfs_dir("module/module/parameters")?;
    parameters
        .add_attribute("sig_enforce", 0o644, Enforced)
        .map(drop)
}
