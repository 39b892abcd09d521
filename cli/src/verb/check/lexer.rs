//! Enough of Rust's lexical grammar to tell code from comments, strings and characters.

/// One token of code: a word (identifier, keyword, number) or one punctuation character, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The tokens of a source text. Comments, strings and character literals are left out.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        bytes: source.as_bytes(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    lexer.run();
    lexer.tokens
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'/' if self.peek(1) == Some(b'/') => self.skip_while(|byte| byte != b'\n'),
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'"' => self.string(),
                b'\'' => self.quote(),
                b'r' | b'b' | b'c' if self.raw_string() => {}
                b'b' | b'c' if self.peek(1) == Some(b'"') => {
                    self.step();
                    self.string();
                }
                _ if is_word(byte) => self.word(),
                _ => {
                    if !byte.is_ascii_whitespace() {
                        self.push(self.at, self.at + 1);
                    }
                    self.step();
                }
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn step(&mut self) {
        self.line += usize::from(self.peek(0) == Some(b'\n'));
        self.at += 1;
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.step();
        }
    }

    fn push(&mut self, from: usize, to: usize) {
        let text = String::from_utf8_lossy(&self.bytes[from..to]).into_owned();
        self.tokens.push(Token {
            text,
            line: self.line,
        });
    }

    fn word(&mut self) {
        let from = self.at;
        self.skip_while(is_word);
        self.push(from, self.at);
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.step();
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.step();
                }
                (None, _) => return,
                _ => {}
            }
            self.step();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.step();
        while let Some(byte) = self.peek(0) {
            if byte == b'\\' {
                self.step();
            }
            self.step();
            if byte == b'"' {
                return;
            }
        }
    }

    /// A raw string at this place is skipped; false when there is none.
    fn raw_string(&mut self) -> bool {
        let prefix = if self.peek(0) == Some(b'r') { 1 } else { 2 };
        if prefix == 2 && self.peek(1) != Some(b'r') {
            return false;
        }
        let hashes = self.bytes[self.at + prefix..]
            .iter()
            .take_while(|byte| **byte == b'#')
            .count();
        if self.peek(prefix + hashes) != Some(b'"') {
            return false;
        }
        let end: Vec<u8> = std::iter::once(b'"')
            .chain(std::iter::repeat_n(b'#', hashes))
            .collect();
        for _ in 0..=prefix + hashes {
            self.step();
        }
        while self.at < self.bytes.len() && !self.bytes[self.at..].starts_with(&end) {
            self.step();
        }
        for _ in 0..end.len() {
            self.step();
        }
        true
    }

    /// A character literal is skipped, a lifetime is a word.
    fn quote(&mut self) {
        let escaped = self.peek(1) == Some(b'\\');
        let rest = &self.bytes[self.at + 1..];
        let len = rest
            .iter()
            .skip(1)
            .take(if escaped { 12 } else { 4 })
            .position(|byte| *byte == b'\'');
        let lifetime = !escaped && rest.first().copied().is_some_and(is_word) && len != Some(0);
        if lifetime {
            self.step();
            return self.word();
        }
        self.step();
        if escaped {
            self.step();
            self.step();
        }
        self.skip_while(|byte| byte != b'\'');
        self.step();
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::tokens;

    fn words(source: &str) -> Vec<String> {
        tokens(source).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn code_is_told_from_what_looks_like_it() {
        assert_eq!(
            words("a // unsafe\nb /* unsafe /* x */ */ c"),
            ["a", "b", "c"]
        );
        assert_eq!(words(r#"f("unsafe \" unsafe") g"#), ["f", "(", ")", "g"]);
        assert_eq!(
            words(r###"r#"unsafe " "# x br"unsafe" b"unsafe" c"unsafe""###),
            ["x"]
        );
        assert_eq!(
            words("'a' '\\'' b'x' 'unsafe: loop {}"),
            ["b", "unsafe", ":", "loop", "{", "}"]
        );
        assert_eq!(
            words("fn f<'a>(x: &'a u8) {'\\u{1F600}'}").concat(),
            "fnf<a>(x:&au8){}"
        );
    }

    #[test]
    fn lines_are_counted() {
        let lines: Vec<usize> = tokens("a\n\"x\ny\"\nb")
            .into_iter()
            .map(|token| token.line)
            .collect();
        assert_eq!(lines, [1, 4]);
    }
}
