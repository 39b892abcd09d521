//! What the driver in the guest says, as it comes (`user/drive` has the format).

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// How one test ended.
pub(crate) struct Outcome {
    /// As `wait4` gives it; -1 time up, -2 not started.
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// What is known so far.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) started: usize,
    pub(crate) current: String,
    pub(crate) outcomes: Vec<Outcome>,
}

/// Takes the driver's output apart.
pub(crate) struct Parser {
    progress: Arc<Mutex<Progress>>,
    buffer: Vec<u8>,
}

impl Parser {
    pub(crate) fn new(progress: Arc<Mutex<Progress>>) -> Self {
        Self {
            progress,
            buffer: Vec::new(),
        }
    }

    /// Takes one message off the buffer, if one is whole.
    fn step(&mut self) -> Option<()> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let words: Vec<&str> = line.split(' ').collect();
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        match words[..] {
            ["S", name] => {
                progress.started += 1;
                progress.current = name.to_owned();
                self.buffer.drain(..=end);
            }
            ["R", _, status, out, err] => {
                let (out, err): (usize, usize) = (out.parse().ok()?, err.parse().ok()?);
                let (from, to) = (end + 1, end + 1 + out + err);
                let content = self.buffer.get(from..to)?;
                let (stdout, stderr) = (content[..out].to_vec(), content[out..].to_vec());
                progress.outcomes.push(Outcome {
                    status: status.parse().ok()?,
                    stdout,
                    stderr,
                });
                self.buffer.drain(..(to + 1).min(self.buffer.len()));
            }
            _ => drop(self.buffer.drain(..=end)),
        }
        Some(())
    }
}

impl Write for Parser {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        while self.step().is_some() {}
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_wherever_they_are_cut() {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let mut parser = Parser::new(Arc::clone(&progress));
        for byte in b"S a\nR a 256 5 3\nS b\n\nerr\nS b\nR b 0 0 0\n\n" {
            parser.write_all(&[*byte]).unwrap();
        }
        let progress = progress.lock().unwrap();
        assert_eq!((progress.started, progress.current.as_str()), (2, "b"));
        assert_eq!(progress.outcomes[0].stdout, b"S b\n\n");
        assert_eq!(progress.outcomes[0].stderr, b"err");
        assert_eq!(
            (progress.outcomes[0].status, progress.outcomes[1].status),
            (256, 0)
        );
    }
}
