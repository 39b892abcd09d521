//! The first line of a script (execve(2), "Interpreter scripts").

/// How much of a file is looked at: Linux' `BINPRM_BUF_SIZE`.
pub const HEAD_SIZE: usize = 256;

/// What `#!` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Path of the interpreter.
    pub interpreter: &'a [u8],
    /// The rest of the line, one argument, if there is any.
    pub argument: Option<&'a [u8]>,
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Reads the first bytes of a file, fewer than [`HEAD_SIZE`] only if the file is shorter. `None`: it is no script, or
/// one without an interpreter, or the interpreter's path does not end within the first [`HEAD_SIZE`] bytes (`ENOEXEC`).
pub fn parse(head: &[u8]) -> Option<Line<'_>> {
    let head = &head[..head.len().min(HEAD_SIZE)];
    let rest = head.strip_prefix(b"#!")?;
    let line = match rest.iter().position(|&b| b == b'\n' || b == 0) {
        Some(end) => &rest[..end],
        // The whole file is one line without an end.
        None if head.len() < HEAD_SIZE => rest,
        // Cut off: fine as long as it is the argument that is cut.
        None => {
            let path = trim_start(rest);
            path.iter().position(|&b| is_blank(b))?;
            rest
        }
    };
    let line = trim(line);
    let end = line.iter().position(|&b| is_blank(b)).unwrap_or(line.len());
    let (interpreter, argument) = (&line[..end], trim(&line[end..]));
    if interpreter.is_empty() {
        return None;
    }
    Some(Line {
        interpreter,
        argument: (!argument.is_empty()).then_some(argument),
    })
}

fn trim_start(s: &[u8]) -> &[u8] {
    &s[s.iter().position(|&b| !is_blank(b)).unwrap_or(s.len())..]
}

fn trim(s: &[u8]) -> &[u8] {
    let s = trim_start(s);
    &s[..s.iter().rposition(|&b| !is_blank(b)).map_or(0, |i| i + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::vec::Vec;

    fn line(head: &[u8]) -> Option<(&str, Option<&str>)> {
        let text = |b| std::str::from_utf8(b).unwrap();
        parse(head).map(|l| (text(l.interpreter), l.argument.map(text)))
    }

    #[test]
    fn reads_lines_as_linux_does() {
        assert_eq!(line(b"#!/bin/sh\necho"), Some(("/bin/sh", None)));
        assert_eq!(
            line(b"#! \t/bin/sh  -e -x \t\nx"),
            Some(("/bin/sh", Some("-e -x")))
        );
        assert_eq!(line(b"#!/bin/sh"), Some(("/bin/sh", None)));
        assert_eq!(
            line(b"#!/usr/bin/env python3\0junk\n"),
            Some(("/usr/bin/env", Some("python3")))
        );
        assert_eq!(line(b"#!\n/bin/sh"), None);
        assert_eq!(line(b"#!   \n"), None);
        assert_eq!(line(b"#!"), None);
        assert_eq!(line(b"# /bin/sh"), None);
        assert_eq!(line(b""), None);
    }

    #[test]
    fn a_long_line_is_cut_in_its_argument_only() {
        let with = |path: usize, rest: &[u8]| {
            let mut head = b"#!/".to_vec();
            head.resize(2 + path, b'i');
            head.extend(rest);
            head.resize(HEAD_SIZE.max(head.len()), b'a');
            head
        };
        let cut: Vec<u8> = with(20, b" ");
        assert_eq!(parse(&cut).unwrap().argument.unwrap().len(), HEAD_SIZE - 23);
        assert_eq!(parse(&with(300, b"\n")), None);
        assert_eq!(parse(&with(253, b"\n")).unwrap().interpreter.len(), 253);
        assert_eq!(parse(&with(254, b"\n")), None, "no room for its end");
    }
}
