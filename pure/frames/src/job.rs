//! What the host asks the guest to run, as bytes: a list of `key NUL length value` fields would be more than it needs, so
//! it is one tag byte, a u32 little-endian length and the value, repeated.

/// One field of a job. Tags may repeat where the comment says so; the order of repeated fields counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Tag {
    /// Path of the program to execute (looked up on the guest's PATH when it holds no slash).
    Program = b'P',
    /// One argument, `argv[0]` first. Repeats.
    Argument = b'A',
    /// One `NAME=value`. Repeats.
    Environment = b'E',
    /// Working folder; made when it is missing.
    Folder = b'D',
    /// u16 rows, u16 columns, u8 mask of the descriptors 0..3 that are that terminal; the others are pipes. Absent: all
    /// are pipes.
    Terminal = b'T',
    /// A module to load first: path, NUL, parameters. Repeats.
    Module = b'M',
}

/// Header of a field: tag and length of the value that follows.
#[must_use]
pub fn field(tag: Tag, len: usize) -> [u8; 5] {
    let [a, b, c, d] = (len as u32).to_le_bytes();
    [tag as u8, a, b, c, d]
}

/// Walks the fields of an encoded job; `None` as an item marks a malformed rest and ends the walk.
pub struct Fields<'a>(Option<&'a [u8]>);

/// The fields of an encoded job.
#[must_use]
pub fn fields(job: &[u8]) -> Fields<'_> {
    Fields(Some(job))
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(Tag, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.take()?;
        if rest.is_empty() {
            return None;
        }
        let parsed = split(rest);
        self.0 = parsed.map(|(_, _, rest)| rest);
        Some(parsed.map(|(tag, value, _)| (tag, value)))
    }
}

fn split(rest: &[u8]) -> Option<(Tag, &[u8], &[u8])> {
    let (head, body) = rest.split_first_chunk::<5>()?;
    let tag = [
        Tag::Program,
        Tag::Argument,
        Tag::Environment,
        Tag::Folder,
        Tag::Terminal,
        Tag::Module,
    ]
    .into_iter()
    .find(|tag| *tag as u8 == head[0])?;
    let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let (value, rest) = body.split_at_checked(len)?;
    Some((tag, value, rest))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn fields_come_back_in_order() {
        let mut job = Vec::new();
        for (tag, value) in [
            (Tag::Program, "/bin/echo"),
            (Tag::Argument, "echo"),
            (Tag::Argument, ""),
        ] {
            job.extend_from_slice(&field(tag, value.len()));
            job.extend_from_slice(value.as_bytes());
        }
        let seen: Vec<_> = fields(&job).map(Option::unwrap).collect();
        assert_eq!(
            seen,
            [
                (Tag::Program, &b"/bin/echo"[..]),
                (Tag::Argument, b"echo"),
                (Tag::Argument, b"")
            ]
        );
    }

    #[test]
    fn a_truncated_job_is_told() {
        let mut job = field(Tag::Program, 9).to_vec();
        job.extend_from_slice(b"/bin");
        assert_eq!(fields(&job).collect::<Vec<_>>(), [None]);
        assert_eq!(fields(b"?").collect::<Vec<_>>(), [None]);
    }
}
