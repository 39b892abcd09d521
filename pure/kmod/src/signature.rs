//! The signature that may stand behind a module.
//!
//! Specification: Documentation/admin-guide/module-signing.rst: the signature, a record of twelve bytes about it, and a
//! mark at the very end of the file.

const MARK: &[u8] = b"~Module signature appended~\n";
/// Bytes of `struct module_signature`.
const RECORD: usize = 12;
/// `PKEY_ID_PKCS7`.
const PKCS7: u8 = 2;

/// Why a signature is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// Its record makes no sense: `EBADMSG`.
    Malformed,
    /// It is of a kind that nobody reads: "module with unsupported crypto".
    Unsupported,
}

/// Parts a file from its signature: the module alone, and the PKCS#7 message if there is one.
///
/// # Errors
/// The [`SignatureError`] of what claims to be a signature; the module alone stands beside it.
pub fn split_signature(file: &[u8]) -> (&[u8], Result<Option<&[u8]>, SignatureError>) {
    let Some(signed) = file.strip_suffix(MARK) else {
        return (file, Ok(None));
    };
    let Some((before, record)) = signed.split_last_chunk::<RECORD>() else {
        return (signed, Err(SignatureError::Malformed));
    };
    let [
        algo,
        hash,
        id_type,
        signer_len,
        key_id_len,
        pad @ ..,
        a,
        b,
        c,
        d,
    ] = *record;
    let len = u32::from_be_bytes([a, b, c, d]) as usize;
    let Some(at) = before.len().checked_sub(len).filter(|_| len != 0) else {
        return (before, Err(SignatureError::Malformed));
    };
    let (module, message) = before.split_at(at);
    if id_type != PKCS7 {
        return (module, Err(SignatureError::Unsupported));
    }
    let zero = [algo, hash, signer_len, key_id_len, pad[0], pad[1], pad[2]];
    if zero != [0; 7] {
        return (module, Err(SignatureError::Malformed));
    }
    (module, Ok(Some(message)))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn signed(module: &[u8], message: &[u8], record: [u8; 8], len: u32) -> Vec<u8> {
        let parts = [module, message, &record, &len.to_be_bytes(), MARK];
        parts.concat()
    }

    #[test]
    fn the_parts_are_found() {
        assert_eq!(split_signature(b"plain"), (&b"plain"[..], Ok(None)));
        let good = [0, 0, PKCS7, 0, 0, 0, 0, 0];
        let file = signed(b"module", b"pkcs", good, 4);
        let (module, message) = split_signature(&file);
        assert_eq!((module, message), (&b"module"[..], Ok(Some(&b"pkcs"[..]))));
        let long = signed(b"m", b"p", good, 3);
        assert_eq!(split_signature(&long).1, Err(SignatureError::Malformed));
        let other = signed(b"m", b"p", [0, 0, 1, 0, 0, 0, 0, 0], 1);
        assert_eq!(split_signature(&other).1, Err(SignatureError::Unsupported));
        let noise = signed(b"m", b"p", [0, 4, PKCS7, 0, 0, 0, 0, 0], 1);
        assert_eq!(split_signature(&noise).1, Err(SignatureError::Malformed));
        assert_eq!(split_signature(MARK).1, Err(SignatureError::Malformed));
    }

    proptest! {
        #[test]
        fn any_tail_is_parted(tail in proptest::collection::vec(any::<u8>(), 0..40)) {
            let file = [&tail[..], MARK].concat();
            let (module, _) = split_signature(&file);
            prop_assert!(file.starts_with(module));
        }
    }
}
