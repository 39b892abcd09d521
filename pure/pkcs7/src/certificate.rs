//! A certificate, as far as a signer needs one. Nobody's signature of it is checked: it is trusted because it is there.
use crate::{Reject, sequence};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Reader, SliceReader};
use p256::ecdsa::VerifyingKey;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `[0]`, constructed.
const VERSION: u8 = 0xa0;
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Whose key it is, and the key.
#[derive(Clone, Copy, Debug)]
pub struct Certificate<'a> {
    issuer: AnyRef<'a>,
    serial: UintRef<'a>,
    pub(crate) key: VerifyingKey,
}

impl<'a> Certificate<'a> {
    /// Reads an X.509 certificate.
    ///
    /// # Errors
    /// `Malformed`; `Unsupported`: another kind of key.
    pub fn read(der: &'a [u8]) -> Result<Self, Reject> {
        let mut outer = sequence(&mut SliceReader::new(der)?)?;
        let mut body = sequence(&mut outer)?;
        // The version, when it is not the first.
        if body.peek_byte() == Some(VERSION) {
            AnyRef::decode(&mut body)?;
        }
        let serial = UintRef::decode(&mut body)?;
        let _algorithm = AnyRef::decode(&mut body)?;
        let issuer = AnyRef::decode(&mut body)?;
        let _validity = AnyRef::decode(&mut body)?;
        let _subject = AnyRef::decode(&mut body)?;
        let mut key = sequence(&mut body)?;
        let mut algorithm = sequence(&mut key)?;
        if ObjectIdentifier::decode(&mut algorithm)? != EC_PUBLIC_KEY
            || ObjectIdentifier::decode(&mut algorithm)? != PRIME256V1
        {
            return Err(Reject::Unsupported);
        }
        let point = BitStringRef::decode(&mut key)?;
        let point = point.as_bytes().ok_or(Reject::Malformed)?;
        let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| Reject::Malformed)?;
        Ok(Self {
            issuer,
            serial,
            key,
        })
    }

    /// Whether this is the signer that a message names.
    pub(crate) fn is(&self, issuer: AnyRef<'_>, serial: UintRef<'_>) -> bool {
        self.issuer == issuer && self.serial == serial
    }
}
