//! What a message costs of its sender's room (`SO_SNDBUF`): as much as Linux' bookkeeping of it, so that as many fit.
use abi::PAGE_SIZE;

/// The end of each of Linux' buffers, and the head that describes it.
const END: usize = 320;
const HEAD: usize = 256;
/// Most bytes of a stream in the first, single piece of a buffer, and in the pages after it.
const STREAM_PIECE: usize = PAGE_SIZE - END;
const STREAM_PAGES: usize = 32 << 10;
/// Most bytes of a datagram in the first piece.
const DATAGRAM_PIECE: usize = 4 * PAGE_SIZE - END;
/// What a datagram may not have of the room.
const DATAGRAM_HEAD: usize = 32;

/// A buffer with so many bytes in its first piece, and so many in pages.
const fn buffer(piece: usize, pages: usize) -> usize {
    let block = (piece.next_multiple_of(64) + END).next_power_of_two();
    block + HEAD + pages.next_multiple_of(PAGE_SIZE)
}

/// How many of `len` bytes of a stream go in one piece when `room` is all the sender has: two fit.
pub(crate) fn stream_part(len: usize, room: usize) -> usize {
    len.min((room / 2).saturating_sub(64).max(1))
        .min(STREAM_PIECE + STREAM_PAGES)
}

/// The cost of such a piece.
pub(crate) fn stream(len: usize) -> usize {
    let pages = len.saturating_sub(STREAM_PIECE).next_multiple_of(PAGE_SIZE);
    let pages = pages.min(len);
    buffer(len - pages, pages)
}

/// The cost of a datagram.
pub(crate) fn datagram(len: usize) -> usize {
    let pages = len
        .saturating_sub(DATAGRAM_PIECE)
        .next_multiple_of(PAGE_SIZE);
    let pages = pages.min(len);
    buffer(len - pages, pages)
}

/// The longest datagram that `room` allows.
pub(crate) const fn longest_datagram(room: usize) -> usize {
    room.saturating_sub(DATAGRAM_HEAD)
}

/// Whether a sender with so much under way counts as ready for more (`POLLOUT`).
pub(crate) const fn is_writable(charged: usize, room: usize) -> bool {
    (charged + 1) * 4 <= room
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `SIOCOUTQ` says on Linux 6.1 after one send of so many bytes.
    #[test]
    fn costs_are_those_of_linux() {
        assert_eq!(stream(1), 768);
        assert_eq!(stream(192), 768);
        assert_eq!(stream(193), 1280);
        assert_eq!(stream(3776), 4352);
        assert_eq!(stream(4096), 4864);
        assert_eq!(stream(5000), 2048 + 256 + 4096);
        assert_eq!(stream(36_544), 4352 + 32_768);
        assert_eq!(datagram(1), 768);
        assert_eq!(datagram(16_064), 16_640);
        assert_eq!(datagram(20_000), 32_768 + 256 - 16_384 + 4096);
    }

    #[test]
    fn a_stream_is_cut_so_that_two_pieces_fit() {
        assert_eq!(stream_part(1 << 20, 212_992), 36_544);
        assert_eq!(stream_part(100, 212_992), 100);
        assert_eq!(stream_part(1 << 20, 4608), 2240);
        assert!(stream_part(1, 0) == 1);
    }

    #[test]
    fn readiness_is_lost_with_a_quarter_of_the_room() {
        assert!(is_writable(0, 4608));
        assert!(is_writable(1151, 4608));
        assert!(!is_writable(1152, 4608));
        assert_eq!(longest_datagram(4608), 4576);
        assert_eq!(longest_datagram(3), 0);
    }
}
