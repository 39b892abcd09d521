//! The one AML object that the kernel needs: `\_S5`, the package with the sleep types for "off". It is a constant in
//! every firmware, so its bytes are looked for and no interpreter is run. ACPI 6.5, 7.4.2.6 and 20.2.

/// The types to write to PM1a and PM1b control (or to the sleep control register) to turn the machine off, from the
/// definition blocks' bytes (DSDT, SSDTs), headers included or not.
#[must_use]
pub fn s5_sleep_types(aml: &[u8]) -> Option<(u8, u8)> {
    aml.windows(4)
        .enumerate()
        .filter(|(_, name)| name == b"_S5_")
        .find_map(|(offset, _)| {
            let before = &aml[..offset];
            // Name (_S5_, ...) or Name (\_S5_, ...): 0x08, perhaps a backslash.
            let named = before.ends_with(&[0x08]) || before.ends_with(&[0x08, b'\\']);
            named.then(|| package(&aml[offset + 4..])).flatten()
        })
}

/// Package: 0x12, length, number of elements, elements.
fn package(aml: &[u8]) -> Option<(u8, u8)> {
    let (&0x12, rest) = aml.split_first()? else {
        return None;
    };
    let length_bytes = usize::from(rest.first()? >> 6) + 1;
    let mut elements = rest.get(length_bytes..)?;
    let count = *elements.first()?;
    elements = &elements[1..];
    let first = integer(&mut elements)?;
    let second = if count > 1 {
        integer(&mut elements).unwrap_or(0)
    } else {
        0
    };
    (first < 8 && second < 8).then_some((first, second))
}

/// A small constant: Zero, One, or a byte, word or double word with a prefix.
fn integer(aml: &mut &[u8]) -> Option<u8> {
    let (&prefix, rest) = aml.split_first()?;
    let (value, size) = match prefix {
        0x00 => (0, 0),
        0x01 => (1, 0),
        0x0a => (*rest.first()?, 1),
        0x0b => (*rest.first()?, 2),
        0x0c => (*rest.first()?, 4),
        _ => return None,
    };
    *aml = rest.get(size..)?;
    Some(value)
}
