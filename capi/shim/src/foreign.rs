//! Memory that a module names. The address may be anything: each access goes through the exception table and answers an
//! error where there is nothing.
use abi::Errno;
use hal::uaccess::copy_user_raw;

/// The address leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wild;

/// Copies bytes from `address`.
pub(crate) fn read_bytes(address: usize, to: &mut [u8]) -> Result<(), Wild> {
    // SAFETY: `to` is valid for its length; a fault at the other side is fixed up.
    let left = unsafe { copy_user_raw(to.as_mut_ptr(), address as *const u8, to.len()) };
    if left == 0 { Ok(()) } else { Err(Wild) }
}

/// Copies bytes to `address`.
pub(crate) fn write_bytes(address: usize, from: &[u8]) -> Result<(), Wild> {
    // SAFETY: `from` is valid for its length; what stands at the other side is the module's, and a fault is fixed up.
    let left = unsafe { copy_user_raw(address as *mut u8, from.as_ptr(), from.len()) };
    if left == 0 { Ok(()) } else { Err(Wild) }
}

/// A byte at `address`.
#[inline]
pub(crate) fn read_byte(address: usize) -> Result<u8, Wild> {
    let mut byte = [0];
    read_bytes(address, &mut byte)?;
    Ok(byte[0])
}

/// A word at `address`.
pub(crate) fn read_u64(address: usize) -> Result<u64, Wild> {
    // SAFETY: a fault is fixed up, whatever the address is.
    unsafe { hal::uaccess::read_u64(address as *const u64) }.map_err(|_| Wild)
}

/// A word at `at`, for calls that answer an errno. EFAULT.
pub(crate) fn word(at: usize) -> Result<usize, Errno> {
    read_u64(at)
        .map(|word| word as usize)
        .map_err(|_| Errno::EFAULT)
}

/// Writes a word to `at`. EFAULT.
pub(crate) fn write(at: usize, word: usize) -> Result<(), Errno> {
    write_bytes(at, &word.to_le_bytes()).map_err(|_| Errno::EFAULT)
}

/// Calls `each` with the string at `address`, in pieces, up to its NUL or `most` bytes.
pub(crate) fn each_piece(
    address: usize,
    most: usize,
    each: &mut dyn FnMut(&[u8]),
) -> Result<(), Wild> {
    let mut at = address;
    let mut left = most;
    while left != 0 {
        // Never across a page, so that a string that ends before an unmapped page is read whole.
        let mut piece = [0; 64];
        let len = left.min(64).min(4096 - at % 4096);
        read_bytes(at, &mut piece[..len])?;
        let end = piece[..len].iter().position(|byte| *byte == 0);
        each(&piece[..end.unwrap_or(len)]);
        if end.is_some() {
            break;
        }
        at = at.wrapping_add(len);
        left -= len;
    }
    Ok(())
}

/// A string of at most `N` bytes at `address`.
pub(crate) struct Name<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Name<N> {
    /// Reads it; what is longer is cut.
    pub(crate) fn read(address: usize) -> Result<Self, Wild> {
        let mut this = Self {
            bytes: [0; N],
            len: 0,
        };
        each_piece(address, N, &mut |piece| {
            this.bytes[this.len..][..piece.len()].copy_from_slice(piece);
            this.len += piece.len();
        })?;
        Ok(this)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
