//! Samples that openssl(1) made of the text `a module`, with keys that were thrown away: `cms -sign -binary -noattr -nocerts`
//! and what is wrong in their names.
extern crate std;
use crate::{Certificate, Reject, verify};
use proptest::prelude::*;
use std::vec::Vec;

const DATA: &[u8] = b"a module";
const TRUSTED: &[u8] = include_bytes!("../samples/trusted.x509");
const STRANGER: &[u8] = include_bytes!("../samples/stranger.x509");

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../samples/", $name, ".p7s")).as_slice()
    };
}

fn judge(message: &[u8], data: &[u8]) -> Result<(), Reject> {
    verify(message, data, &[Certificate::read(TRUSTED).unwrap()])
}

#[test]
fn good_signatures_hold() {
    for message in [sample!("sha256"), sample!("sha384"), sample!("sha512")] {
        assert_eq!(judge(message, DATA), Ok(()));
        assert_eq!(judge(message, b"another module"), Err(Reject::Wrong));
    }
    // Certificates that come along change nothing.
    assert_eq!(judge(sample!("certified"), DATA), Ok(()));
}

#[test]
fn the_signer_is_found_among_all() {
    let both = [STRANGER, TRUSTED].map(|der| Certificate::read(der).unwrap());
    assert_eq!(verify(sample!("sha256"), DATA, &both), Ok(()));
    assert_eq!(verify(sample!("stranger"), DATA, &both), Ok(()));
    assert_eq!(judge(sample!("stranger"), DATA), Err(Reject::UnknownKey));
    assert_eq!(
        verify(sample!("sha256"), DATA, &[]),
        Err(Reject::UnknownKey)
    );
    // By the number of his key nobody is known.
    assert_eq!(judge(sample!("keyid"), DATA), Err(Reject::UnknownKey));
}

#[test]
fn what_a_signature_may_not_have() {
    assert_eq!(judge(sample!("attributes"), DATA), Err(Reject::Wrong));
    assert_eq!(judge(sample!("data"), DATA), Err(Reject::Wrong));
    assert_eq!(judge(sample!("sha1"), DATA), Err(Reject::Unsupported));
    let rsa = include_bytes!("../samples/rsa.x509");
    assert_eq!(Certificate::read(rsa).err(), Some(Reject::Unsupported));
}

#[test]
fn what_is_cut_is_malformed() {
    let message = sample!("sha256");
    for len in 0..message.len() {
        assert_eq!(
            judge(&message[..len], DATA),
            Err(Reject::Malformed),
            "{len}"
        );
    }
    let longer = [message, &[0]].concat();
    assert_eq!(judge(&longer, DATA), Err(Reject::Malformed));
    for len in 0..TRUSTED.len() {
        assert!(Certificate::read(&TRUSTED[..len]).is_err());
    }
}

proptest! {
    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(judge(&bytes, DATA).is_err());
        prop_assert!(Certificate::read(&bytes).is_err());
    }

    /// A changed byte is either in what nobody reads (versions, the list of digests, names of algorithms) or refused; the
    /// signed data is never another one.
    #[test]
    fn no_change_signs_something_else(at in 0usize..400, with: u8) {
        let mut message: Vec<u8> = sample!("sha256").to_vec();
        let at = at % message.len();
        message[at] ^= with;
        prop_assert!(judge(&message, b"another module").is_err());
    }

    #[test]
    fn a_changed_certificate_is_read_or_refused(at in 0usize..600, with: u8) {
        let mut der: Vec<u8> = TRUSTED.to_vec();
        let at = at % der.len();
        der[at] ^= with;
        if let Ok(certificate) = Certificate::read(&der) {
            let _ = verify(sample!("sha256"), DATA, &[certificate]);
        }
    }
}
