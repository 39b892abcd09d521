//! Names of directory entries: short ones inline.
use abi::{Errno, NAME_MAX, Result};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use kmem::TryVec;

const INLINE: usize = 30;

/// The name of one directory entry, 1 to 255 bytes without a slash or NUL.
pub struct Name(Repr);

enum Repr {
    Inline(u8, [u8; INLINE]),
    Heap(Box<[u8]>),
}

impl Name {
    /// A copy of `name`. ENAMETOOLONG, ENOMEM.
    pub fn new(name: &[u8]) -> Result<Self> {
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        if name.len() > INLINE {
            return Ok(Self(Repr::Heap(
                Vec::try_from_slice(name)?.try_into_boxed_slice()?,
            )));
        }
        let mut bytes = [0; INLINE];
        bytes[..name.len()].copy_from_slice(name);
        Ok(Self(Repr::Inline(name.len() as u8, bytes)))
    }

    /// A copy. ENOMEM.
    pub fn try_clone(&self) -> Result<Self> {
        Self::new(self.as_bytes())
    }

    /// Its bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}",
            core::str::from_utf8(self.as_bytes()).unwrap_or("?")
        )
    }
}

/// The hash of a name, eight bytes at a time; the last ones are taken twice where the length isn't a multiple.
#[inline]
pub(crate) fn hash(name: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |h: u64, word: u64| {
        let h = (h ^ word).wrapping_mul(K);
        h ^ h >> 29
    };
    let mut h = name.len() as u64;
    if let Some(last) = name.last_chunk::<8>() {
        let (chunks, tail) = name.as_chunks::<8>();
        for chunk in chunks {
            h = mix(h, u64::from_le_bytes(*chunk));
        }
        if !tail.is_empty() {
            h = mix(h, u64::from_le_bytes(*last));
        }
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        h = mix(h, u64::from(first) | u64::from(last) << 32);
    } else {
        let word = match *name {
            [a] => [a, 0, 0, 0],
            [a, b] => [a, b, 0, 0],
            [a, b, c] => [a, b, c, 0],
            _ => [0; 4],
        };
        h = mix(h, u64::from(u32::from_le_bytes(word)));
    }
    h ^ h >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long() {
        for len in [1, 29, 30, 31, 255] {
            let bytes = std::vec![b'x'; len];
            assert_eq!(Name::new(&bytes).unwrap().as_bytes(), bytes);
        }
        assert!(Name::new(&[b'x'; 256]).is_err());
        assert_ne!(hash(b"a"), hash(b"b"));
        assert_ne!(hash(b"12345678"), hash(b"123456789"));
    }

    #[test]
    fn every_byte_counts() {
        for len in 1..=40 {
            let name: std::vec::Vec<u8> = (0..len).map(|i| b'a' + i % 26).collect();
            for at in 0..name.len() {
                let mut other = name.clone();
                other[at] ^= 1;
                assert_ne!(hash(&name), hash(&other), "{len} {at}");
            }
            assert_ne!(hash(&name), hash(&name[1..]), "{len}");
        }
    }
}
