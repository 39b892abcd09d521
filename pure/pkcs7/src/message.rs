//! The message: who signed, by which digest, the signature.
use crate::{Reject, inside, sequence};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
/// `[0]` and `[1]`, constructed.
const OPTIONAL: [u8; 2] = [0xa0, 0xa1];

/// What a signature consists of.
pub(crate) struct Message<'a> {
    pub(crate) issuer: AnyRef<'a>,
    pub(crate) serial: UintRef<'a>,
    pub(crate) digest: ObjectIdentifier,
    pub(crate) signature: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message with one signer. `Wrong`: it holds data, or attributes that are signed instead of the data.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, Reject> {
        let mut whole = SliceReader::new(der)?;
        let mut outer = sequence(&mut whole)?;
        if !whole.is_finished() || ObjectIdentifier::decode(&mut outer)? != SIGNED_DATA {
            return Err(Reject::Malformed);
        }
        let zeroth = Tag::ContextSpecific {
            constructed: true,
            number: TagNumber(0),
        };
        let mut content = sequence(&mut inside(&mut outer, zeroth)?)?;
        let _version = UintRef::decode(&mut content)?;
        let _digests = AnyRef::decode(&mut content)?;
        let mut held = sequence(&mut content)?;
        if ObjectIdentifier::decode(&mut held)? != DATA || !held.is_finished() {
            return Err(Reject::Wrong);
        }
        // Certificates and lists of those taken back: nobody is trusted because he says so.
        while content
            .peek_byte()
            .is_some_and(|tag| OPTIONAL.contains(&tag))
        {
            AnyRef::decode(&mut content)?;
        }
        let mut signers = inside(&mut content, Tag::Set)?;
        let signer = Self::read_signer(&mut sequence(&mut signers)?)?;
        if !signers.is_finished() {
            return Err(Reject::Unsupported);
        }
        Ok(signer)
    }

    fn read_signer(signer: &mut SliceReader<'a>) -> Result<Self, Reject> {
        let _version = UintRef::decode(signer)?;
        // By the number of his key it would be a tag of its own.
        if signer.peek_byte() == Some(0x80) {
            return Err(Reject::UnknownKey);
        }
        let mut name = sequence(signer)?;
        let (issuer, serial) = (AnyRef::decode(&mut name)?, UintRef::decode(&mut name)?);
        let digest = ObjectIdentifier::decode(&mut sequence(signer)?)?;
        if signer.peek_byte() == Some(OPTIONAL[0]) {
            return Err(Reject::Wrong);
        }
        let _algorithm = AnyRef::decode(signer)?;
        let signature = <&OctetStringRef>::decode(signer)?.as_bytes();
        Ok(Self {
            issuer,
            serial,
            digest,
            signature,
        })
    }
}
