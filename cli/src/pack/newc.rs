//! Writes a cpio archive in the "newc" format (cpio(5); Documentation/driver-api/early-userspace/buffer-format.rst) whose
//! larger files begin on page boundaries of the archive, so that a kernel can adopt the pages instead of copying them.
//!
//! The padding hides in the entries' names: a name may have more than one NUL at its end. Where that would make a name
//! longer than PATH_MAX, a padded entry for the root folder goes before it.

use std::io::{Result, Write};

/// Page size, and the alignment of file data.
const PAGE: usize = 4096;
/// Bytes of an entry's header.
const HEADER: usize = 110;
/// Files from this size on begin on a page.
const ALIGN_FROM: usize = PAGE;

/// What an entry is, beside its name.
#[derive(Clone, Copy, Default)]
pub(crate) struct Meta {
    /// Type and permission bits, as in `st_mode`.
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mtime: u32,
    /// Major and minor number of a device node.
    pub(crate) device: (u32, u32),
}

/// An archive being written.
pub(crate) struct Archive<W: Write> {
    out: W,
    at: usize,
    inode: u32,
}

impl<W: Write> Archive<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            at: 0,
            inode: 0,
        }
    }

    /// Adds one entry. `name` is relative to the root, `data` the content of a file or the target of a link.
    pub(crate) fn add(&mut self, name: &str, meta: Meta, data: &[u8]) -> Result<()> {
        let is_file = meta.mode & 0o170_000 == 0o100_000;
        let mut name_size = name.len() + 1;
        if is_file && data.len() >= ALIGN_FROM {
            name_size = self.aligned_name_size(name_size)?;
        }
        self.entry(name, name_size, meta, data)
    }

    /// Ends the archive; gives the writer back.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.inode = 0;
        self.entry("TRAILER!!!", "TRAILER!!!".len() + 1, Meta::default(), &[])?;
        let rest = self.at.next_multiple_of(512) - self.at;
        self.write(&[0; 512][..rest])?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// The size of a name, padding included, after which the data lies on a page.
    fn aligned_name_size(&mut self, needed: usize) -> Result<usize> {
        let data_at = (self.at + HEADER + needed).next_multiple_of(PAGE);
        let padded = data_at - self.at - HEADER;
        if padded <= PAGE {
            return Ok(padded);
        }
        // One filler entry that ends so that the real header, name and nothing else fill the page up.
        let header_at = data_at - (HEADER + needed).next_multiple_of(4);
        let filler = header_at - self.at - HEADER;
        let mode = 0o040_755;
        self.entry(
            ".",
            filler,
            Meta {
                mode,
                ..Meta::default()
            },
            &[],
        )?;
        Ok(data_at - self.at - HEADER)
    }

    fn entry(&mut self, name: &str, name_size: usize, meta: Meta, data: &[u8]) -> Result<()> {
        self.inode += 1;
        let links = if meta.mode & 0o170_000 == 0o040_000 {
            2
        } else {
            1
        };
        let (major, minor) = meta.device;
        let fields = [
            self.inode,
            meta.mode,
            meta.uid,
            meta.gid,
            links,
            meta.mtime,
            size(data.len())?,
            0,
            0,
            major,
            minor,
        ];
        let mut header = String::from("070701");
        for field in fields.into_iter().chain([size(name_size)?, 0]) {
            header.push_str(&format!("{field:08X}"));
        }
        self.write(header.as_bytes())?;
        self.write(name.as_bytes())?;
        self.write(&vec![0; name_size - name.len()])?;
        self.pad()?;
        self.write(data)?;
        self.pad()
    }

    fn pad(&mut self) -> Result<()> {
        let rest = self.at.next_multiple_of(4) - self.at;
        self.write(&[0; 3][..rest])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len();
        self.out.write_all(bytes)
    }
}

fn size(bytes: usize) -> Result<u32> {
    u32::try_from(bytes)
        .map_err(|_| std::io::Error::other("a file of 4 GiB or more does not fit a cpio archive"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an archive back: name, mode, offset of the data, data.
    fn read(archive: &[u8]) -> Vec<(String, u32, usize, Vec<u8>)> {
        let number = |at: usize| {
            usize::from_str_radix(std::str::from_utf8(&archive[at..at + 8]).unwrap(), 16).unwrap()
        };
        let (mut at, mut entries) = (0, Vec::new());
        loop {
            assert_eq!(&archive[at..at + 6], b"070701");
            let (mode, len, name_size) = (number(at + 14), number(at + 54), number(at + 94));
            assert!(name_size <= 4096);
            let name = &archive[at + HEADER..at + HEADER + name_size];
            let name = String::from_utf8(name.split(|b| *b == 0).next().unwrap().to_vec()).unwrap();
            let data = (at + HEADER + name_size).next_multiple_of(4);
            if name == "TRAILER!!!" {
                return entries;
            }
            entries.push((name, mode as u32, data, archive[data..data + len].to_vec()));
            at = (data + len).next_multiple_of(4);
        }
    }

    #[test]
    fn large_files_lie_on_pages_wherever_they_come() {
        let file = Meta {
            mode: 0o100_755,
            ..Meta::default()
        };
        for lead in 0..1100 {
            let mut archive = Archive::new(Vec::new());
            archive.add("small", file, &vec![1; lead * 4]).unwrap();
            archive.add("usr/bin/large", file, &[2; 5000]).unwrap();
            archive.add("usr/bin/larger", file, &[3; 4096]).unwrap();
            let bytes = archive.finish().unwrap();
            for (name, _, at, data) in read(&bytes) {
                if name.contains("large") {
                    assert_eq!(at % PAGE, 0, "{name} after {lead} words");
                    assert!(data.iter().all(|b| *b == data[0]));
                }
            }
        }
    }

    #[test]
    fn entries_come_back() {
        let mut archive = Archive::new(Vec::new());
        archive
            .add(
                "dev",
                Meta {
                    mode: 0o040_755,
                    ..Meta::default()
                },
                &[],
            )
            .unwrap();
        archive
            .add(
                "sh",
                Meta {
                    mode: 0o120_777,
                    ..Meta::default()
                },
                b"busybox",
            )
            .unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 512, 0);
        let entries: Vec<_> = read(&bytes)
            .into_iter()
            .map(|(name, mode, _, data)| (name, mode, data))
            .collect();
        assert_eq!(
            entries,
            [
                ("dev".into(), 0o040_755, vec![]),
                ("sh".into(), 0o120_777, b"busybox".to_vec())
            ]
        );
    }
}
