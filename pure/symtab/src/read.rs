//! Checked reads.

/// Bytes that are read at offsets, each read checked.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn u16(&self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*bytes)))
    }

    pub(crate) fn u32(&self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..)?.first_chunk::<4>()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    }

    pub(crate) fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..)?.first_chunk::<8>()?))
    }

    /// A LEB128 number at `at`, which moves behind it.
    pub(crate) fn uleb(&self, at: &mut usize) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *self.0.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Entry `number` of an index: distance, offset.
    pub(crate) fn index_entry(&self, index: usize, number: usize) -> Option<(u64, usize)> {
        Some((
            self.u32(index + 8 * number)? as u64,
            self.u32(index + 8 * number + 4)?,
        ))
    }

    /// The last of an index's `count` entries whose distance is not above `distance`.
    pub(crate) fn last_not_above(
        &self,
        index: usize,
        count: usize,
        distance: u64,
    ) -> Option<usize> {
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.index_entry(index, middle)?.0 <= distance {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low.checked_sub(1)
    }
}
