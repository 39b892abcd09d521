//! The checksum of gzip (RFC 1952, section 8), eight bytes a step.

const fn tables() -> [[u32; 256]; 8] {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut value = i as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 != 0 {
                value >> 1 ^ POLYNOMIAL
            } else {
                value >> 1
            };
            bit += 1;
        }
        tables[0][i] = value;
        i += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut i = 0;
        while i < 256 {
            let below = tables[k - 1][i];
            tables[k][i] = below >> 8 ^ tables[0][below as usize & 0xff];
            i += 1;
        }
        k += 1;
    }
    tables
}

static TABLES: [[u32; 256]; 8] = tables();

/// Goes on from the checksum of what came before; the checksum of nothing is 0.
pub(crate) fn update(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = !crc;
    let (chunks, tail) = bytes.as_chunks::<8>();
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk) ^ u64::from(crc);
        crc = (0..8).fold(0, |sum, i| {
            sum ^ TABLES[7 - i][(word >> (8 * i)) as usize & 0xff]
        });
    }
    for byte in tail {
        crc = crc >> 8 ^ TABLES[0][(crc as usize ^ usize::from(*byte)) & 0xff];
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::update;

    #[test]
    fn known_sums() {
        assert_eq!(update(0, b""), 0);
        assert_eq!(update(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(update(update(0, b"1234"), b"56789"), 0xcbf4_3926);
        assert_eq!(
            update(0, b"The quick brown fox jumps over the lazy dog"),
            0x414f_a339
        );
    }
}
