//! A queue's name.

/// As long as `WQ_NAME_LEN`; what is longer is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name([u8; 24]);

impl Name {
    pub(crate) fn new(name: &str) -> Self {
        let mut end = name.len().min(23);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; 24];
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        Self(bytes)
    }

    pub(crate) fn as_str(&self) -> &str {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(24);
        core::str::from_utf8(&self.0[..len]).unwrap_or("?")
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn long_names_are_cut_at_a_character() {
        assert_eq!(Name::new("events").as_str(), "events");
        assert_eq!(Name::new("").as_str(), "");
        assert_eq!(Name::new(&"x".repeat(30)).as_str(), "x".repeat(23));
        assert_eq!(
            Name::new(&"\u{ac00}".repeat(9)).as_str(),
            "\u{ac00}".repeat(7)
        );
    }
}
