//! Signatures as they stand behind kernel modules: a PKCS#7 message that holds no data, checked against the certificates that
//! the kernel trusts. Nothing is allocated, and every length is the message's own word until `der` has held it against what
//! there is.
//!
//! Called by `module`; calls nothing.
//!
//! | file | holds |
//! |---|---|
//! | `certificate.rs` | [`Certificate`]: whose key it is, by issuer and serial number |
//! | `message.rs` | the message and its signer |
//!
//! Keys are ECDSA on P-256, digests SHA-256, SHA-384 and SHA-512. Specification: Documentation/admin-guide/module-signing.rst;
//! RFC 5652 (the message), RFC 5280 (certificates), RFC 5753 and 5754 (algorithms).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod certificate;
mod message;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, SliceReader, Tag, Tagged};
use message::Message;
use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It is no message of this kind: `EBADMSG`.
    Malformed,
    /// An algorithm that is not known here: `ENOPKG`.
    Unsupported,
    /// None of the certificates is its signer's: `ENOKEY`.
    UnknownKey,
    /// The signer is known, and this is not his signature of the data; or the message says more than a signature may:
    /// `EKEYREJECTED`.
    Wrong,
}

impl From<der::Error> for Reject {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Whether `message` is a signature of `data` by one of those `trusted`.
///
/// # Errors
/// The first [`Reject`] that is found.
pub fn verify(message: &[u8], data: &[u8], trusted: &[Certificate<'_>]) -> Result<(), Reject> {
    let message = Message::read(message)?;
    let of_signer = |key: &&Certificate<'_>| key.is(message.issuer, message.serial);
    let key = trusted.iter().find(of_signer).ok_or(Reject::UnknownKey)?;
    let signature = DerSignature::try_from(message.signature).map_err(|_| Reject::Malformed)?;
    let right = match message.digest {
        SHA256 => key.key.verify_prehash(&Sha256::digest(data), &signature),
        SHA384 => key.key.verify_prehash(&Sha384::digest(data), &signature),
        SHA512 => key.key.verify_prehash(&Sha512::digest(data), &signature),
        _ => return Err(Reject::Unsupported),
    };
    right.map_err(|_| Reject::Wrong)
}

/// What the reader comes to is a sequence: a reader of its parts.
fn sequence<'a>(reader: &mut SliceReader<'a>) -> Result<SliceReader<'a>, Reject> {
    inside(reader, Tag::Sequence)
}

/// A reader of the parts of what comes next, which has that tag.
fn inside<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<SliceReader<'a>, Reject> {
    let next = AnyRef::decode(reader)?;
    next.tag().assert_eq(tag)?;
    Ok(SliceReader::new(next.value())?)
}
