//! What the host wants run.

use crate::channel::Channel;
use frames::job::{Tag, fields};
use frames::{HOST_WINDOW, Kind, VERSION};
use std::ffi::OsString;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::ffi::OsStringExt;

/// Size of the terminal and which of the descriptors 0, 1, 2 are it.
#[derive(Clone, Copy)]
pub(crate) struct Terminal {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) descriptors: [bool; 3],
}

/// A program to run, with its surroundings.
#[derive(Default)]
pub(crate) struct Job {
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<OsString>,
    pub(crate) folder: OsString,
    /// Modules to load first: path and parameters.
    pub(crate) modules: Vec<(OsString, OsString)>,
    pub(crate) terminal: Option<Terminal>,
}

/// Says hello and takes the job off the line.
pub(crate) fn receive(channel: &mut Channel) -> Result<Job> {
    channel.send(Kind::Hello, &[VERSION])?;
    channel.grant(HOST_WINDOW)?;
    let mut encoded = Vec::new();
    loop {
        while let Some((kind, payload)) = channel.next_frame()? {
            match kind {
                Kind::Job => {
                    encoded.extend_from_slice(payload);
                    let bytes = payload.len() as u32;
                    channel.grant(bytes)?;
                }
                Kind::JobEnd => return decode(&encoded),
                other => return Err(bad(&format!("{other:?} before the job"))),
            }
        }
        channel.read_some()?;
    }
}

fn decode(encoded: &[u8]) -> Result<Job> {
    let mut job = Job::default();
    for field in fields(encoded) {
        let (tag, value) = field.ok_or_else(|| bad("malformed job"))?;
        let text = || OsString::from_vec(value.to_vec());
        match tag {
            Tag::Program => job.program = text(),
            Tag::Argument => job.arguments.push(text()),
            Tag::Environment => job.environment.push(text()),
            Tag::Folder => job.folder = text(),
            Tag::Module => {
                let mut parts = value.splitn(2, |byte| *byte == 0);
                let mut part = || OsString::from_vec(parts.next().unwrap_or_default().to_vec());
                job.modules.push((part(), part()));
            }
            Tag::Terminal => {
                job.terminal =
                    Some(decode_terminal(value).ok_or_else(|| bad("malformed terminal"))?);
            }
        }
    }
    Ok(job)
}

fn decode_terminal(value: &[u8]) -> Option<Terminal> {
    let (&mask, size) = value.split_last()?;
    let (rows, columns) = frames::parse_resize(size)?;
    Some(Terminal {
        rows,
        columns,
        descriptors: [0, 1, 2].map(|fd| mask & (1 << fd) != 0),
    })
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
