//! `.modinfo`: terminated strings `key=value`, with zero bytes between them.
use crate::Defect;

/// What a module says of itself.
#[derive(Clone, Copy)]
pub struct ModInfo<'a>(&'a [u8]);

impl<'a> ModInfo<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Defect> {
        match bytes.last() {
            None | Some(0) => Ok(Self(bytes)),
            Some(_) => Err(Defect::ModInfo),
        }
    }

    /// All pairs in order. A string without `=` is left out.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.0.split(|byte| *byte == 0).filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            Some((&pair[..at], &pair[at + 1..]))
        })
    }

    /// The first value of `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.all(key).next()
    }

    /// Every value of `key`: `alias`, `parm`.
    pub fn all<'k>(&self, key: &'k [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'k> {
        self.iter()
            .filter(move |(k, _)| *k == key)
            .map(|(_, value)| value)
    }

    /// The modules that must be loaded before: `depends=a,b`.
    pub fn depends(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.get(b"depends")
            .unwrap_or_default()
            .split(|byte| *byte == b',')
            .filter(|name| !name.is_empty())
    }

    /// Whether its licence lets it use symbols that are exported for GPL modules.
    #[must_use]
    pub fn gpl_compatible(&self) -> bool {
        const LICENCES: [&[u8]; 6] = [
            b"GPL",
            b"GPL v2",
            b"GPL and additional rights",
            b"Dual BSD/GPL",
            b"Dual MIT/GPL",
            b"Dual MPL/GPL",
        ];
        self.get(b"license")
            .is_some_and(|licence| LICENCES.contains(&licence))
    }
}
