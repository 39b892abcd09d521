//! Netlink attributes: a length and a type of two bytes each, in the machine's order, then the value, on boundaries of four.

const HEADER: usize = 4;
/// The bits of the type that say what it is (`NLA_TYPE_MASK`).
const TYPE: u16 = 0x3fff;

fn header(data: &[u8], at: usize) -> Option<(usize, u16)> {
    let bytes = data.get(at..at.checked_add(HEADER)?)?;
    let len = u16::from_ne_bytes([bytes[0], bytes[1]]);
    let kind = u16::from_ne_bytes([bytes[2], bytes[3]]);
    Some((len.into(), kind & TYPE))
}

/// Where from `at` on, and before `end`, an attribute of that type begins.
fn search(data: &[u8], mut at: usize, end: usize, wanted: u32) -> Option<usize> {
    loop {
        let (len, kind) = header(data.get(..end)?, at)?;
        if len < HEADER || len > end - at {
            return None;
        }
        if u32::from(kind) == wanted {
            return Some(at);
        }
        at = at.checked_add(len.next_multiple_of(HEADER))?;
    }
}

/// The attribute of type `wanted` from offset `from` on; 0 when there is none.
pub(crate) fn find(data: &[u8], from: u32, wanted: u32) -> u32 {
    let found = search(data, from as usize, data.len(), wanted);
    found.map_or(0, |at| at as u32)
}

/// The same inside of the attribute at offset `from`.
pub(crate) fn find_nested(data: &[u8], from: u32, wanted: u32) -> u32 {
    let from = from as usize;
    let Some((len, _)) = header(data, from).filter(|(len, _)| *len <= data.len() - from) else {
        return 0;
    };
    let found = search(data, from + HEADER, from + len, wanted);
    found.map_or(0, |at| at as u32)
}
