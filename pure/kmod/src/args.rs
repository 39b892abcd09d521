//! The parameters that insmod(8) passes: `name=value name2="a value" flag`. A value may stand in double quotes, which are
//! not part of it; a backslash has no meaning.

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Its name; a dash in it means the same as an underscore.
    pub name: &'a [u8],
    /// Its value; `None` for a name alone.
    pub value: Option<&'a [u8]>,
}

impl Arg<'_> {
    /// Whether it is the parameter `name`.
    #[must_use]
    pub fn is(&self, name: &[u8]) -> bool {
        let plain = |byte: u8| if byte == b'-' { b'_' } else { byte };
        self.name.len() == name.len()
            && self
                .name
                .iter()
                .zip(name)
                .all(|(a, b)| plain(*a) == plain(*b))
    }
}

/// The parameters of a line, in order. What follows `--` is not looked at.
#[derive(Clone, Debug)]
pub struct Args<'a>(&'a [u8]);

impl<'a> Args<'a> {
    /// The parameters in `line`.
    #[must_use]
    pub fn new(line: &'a [u8]) -> Self {
        Self(line)
    }
}

impl<'a> Iterator for Args<'a> {
    type Item = Arg<'a>;

    fn next(&mut self) -> Option<Arg<'a>> {
        let start = self.0.iter().position(|byte| !byte.is_ascii_whitespace())?;
        let text = &self.0[start..];
        let mut quoted = false;
        let end = text
            .iter()
            .position(|byte| {
                quoted ^= *byte == b'"';
                byte.is_ascii_whitespace() && !quoted
            })
            .unwrap_or(text.len());
        self.0 = &text[end..];
        let word = &text[..end];
        if word == b"--" {
            self.0 = &[];
            return None;
        }
        let equals = word.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        // `"name=a value"` is quoted as a whole.
        let (name, value) = match (name.strip_prefix(b"\""), value) {
            (Some(name), Some(value)) => (name, Some(value.strip_suffix(b"\"").unwrap_or(value))),
            (Some(name), None) => (name.strip_suffix(b"\"").unwrap_or(name), None),
            (None, value) => (name, value.map(unquoted)),
        };
        Some(Arg { name, value })
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"").unwrap_or(rest),
        None => value,
    }
}
