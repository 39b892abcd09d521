//! Whose signature a module carries, and who must have one: `module.sig_enforce`.
//!
//! The kernel trusts the certificate that it was built with (`target/gaon/certs`), and no other. A module whose signature is
//! missing, or is of somebody else, counts as unsigned: that is told, or it is refused. One whose signature is not right is
//! always refused.
//!
//! Specification: Documentation/admin-guide/module-signing.rst.
use abi::{Errno, Result};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use kmod::SignatureError;
use pkcs7::{Certificate, Reject};
use sync::Once;
use trace::pr_notice;
use vfs::SeqBuf;

static ENFORCED: AtomicBool = AtomicBool::new(false);

/// Lets no module in any more that is not signed with a key of the kernel's. There is no way back.
pub fn enforce() {
    ENFORCED.store(true, Ordering::Relaxed);
}

static TRUSTED: Once<&[u8]> = Once::new();

/// Names the certificate that is trusted, in DER, once; an empty one is none.
pub fn trust(der: &'static [u8]) {
    let _ = TRUSTED.set(der);
}

/// Whether `message` is the signature of `body` by who is trusted.
fn verify(message: &[u8], body: &[u8]) -> core::result::Result<(), Reject> {
    let der = TRUSTED.get().filter(|der| !der.is_empty());
    let trusted = der.map(|der| Certificate::read(der)).transpose()?;
    pkcs7::verify(message, body, trusted.as_slice())
}

/// Whether a module is signed by somebody who is trusted.
///
/// # Errors
/// `EBADMSG`: the signature is malformed; `EKEYREJECTED`: it is wrong, or there is none that counts and they are enforced.
pub(crate) fn check(
    body: &[u8],
    signature: core::result::Result<Option<&[u8]>, SignatureError>,
    forced: bool,
) -> Result<bool> {
    let reason = match signature {
        // What was changed by force has no signature any more that could be right.
        _ if forced => "unsigned module",
        Ok(None) => "unsigned module",
        Ok(Some(message)) => match verify(message, body) {
            Ok(()) => return Ok(true),
            Err(Reject::UnknownKey) => "module with unavailable key",
            Err(Reject::Unsupported) => "module with unsupported crypto",
            Err(Reject::Malformed) => return Err(Errno::EBADMSG),
            Err(Reject::Wrong) => return Err(Errno::EKEYREJECTED),
        },
        Err(SignatureError::Unsupported) => "module with unsupported crypto",
        Err(SignatureError::Malformed) => return Err(Errno::EBADMSG),
    };
    if ENFORCED.load(Ordering::Relaxed) {
        pr_notice!("Loading of {reason} is rejected");
        return Err(Errno::EKEYREJECTED);
    }
    Ok(false)
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
