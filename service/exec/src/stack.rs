//! The first stack of a program, built in pages of its own before the program's address space exists.
//!
//! From the stack pointer upwards, in one run (System V ABI, AMD64 supplement, figure 3.9):
//! ```text
//! argc · argv pointers · 0 · envp pointers · 0 · auxiliary vector · 16 random bytes · "x86_64"
//! · argument strings · environment strings · file name · zeros to the end of the page
//! ```
//! The strings are copied once, from the old program's memory straight into these pages. Where the run will stand is
//! known at the end: until then pointers are offsets.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::vec::Vec;
use hal::addr::UserAddr;
use kmem::TryVec;
use kmem::frame::Frame;

/// Longest single string with its NUL: `MAX_ARG_STRLEN`.
const MAX_STRING: usize = 32 * PAGE_SIZE;
const WORD: usize = size_of::<usize>();

/// A string to put on the stack.
#[derive(Clone, Copy)]
pub enum Text<'a> {
    /// From the old program's memory.
    User(UserAddr),
    /// From the kernel; without a NUL inside.
    Kernel(&'a [u8]),
}

/// How much there will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of arguments.
    pub argc: usize,
    /// Number of environment strings.
    pub envc: usize,
    /// Words of the auxiliary vector, its end included.
    pub aux_words: usize,
    /// Most bytes of strings.
    pub limit: usize,
}

impl Shape {
    /// Bytes that strings may take for this `RLIMIT_STACK`: a quarter of it, at least 128 KiB, at most 6 MiB, less the
    /// pointers. `E2BIG`.
    pub fn new(argc: usize, envc: usize, aux_words: usize, stack_limit: u64) -> Result<Self> {
        const AT_MOST: u64 = (8 << 20) / 4 * 3;
        const AT_LEAST: u64 = 128 << 10;
        let limit = (stack_limit / 4).clamp(AT_LEAST, AT_MOST) as usize;
        let pointers = argc
            .max(1)
            .checked_add(envc)
            .and_then(|n| n.checked_mul(WORD));
        let limit = pointers
            .and_then(|p| limit.checked_sub(p))
            .filter(|&l| l > 0)
            .ok_or(Errno::E2BIG)?;
        Ok(Self {
            argc,
            envc,
            aux_words,
            limit,
        })
    }

    const fn argv_at(&self) -> usize {
        WORD
    }
    const fn envp_at(&self) -> usize {
        self.argv_at() + (self.argc + 1) * WORD
    }
    const fn aux_at(&self) -> usize {
        self.envp_at() + (self.envc + 1) * WORD
    }
    const fn random_at(&self) -> usize {
        self.aux_at() + self.aux_words * WORD
    }
    const fn platform_at(&self) -> usize {
        self.random_at() + 16
    }
    const fn strings_at(&self) -> usize {
        self.platform_at() + PLATFORM.len() + 1
    }
}

/// `AT_PLATFORM`.
const PLATFORM: &[u8] = b"x86_64";

/// The stack while it is built.
pub struct StackImage {
    shape: Shape,
    pages: Vec<Frame>,
    /// Where the next string goes.
    end: usize,
    args: usize,
    envs: usize,
    env_start: usize,
    env_end: usize,
}

/// Where parts stand, as offsets from the stack pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Argument strings.
    pub arg: (usize, usize),
    /// Environment strings.
    pub env: (usize, usize),
    /// The file name.
    pub name: usize,
    /// 16 random bytes.
    pub random: usize,
    /// The platform's name.
    pub platform: usize,
}

impl StackImage {
    /// With room for the tables. `ENOMEM`.
    pub fn new(shape: Shape, random: [u64; 2]) -> Result<Self> {
        let start = shape.strings_at();
        let mut image = Self {
            shape,
            pages: Vec::new(),
            end: start,
            args: 0,
            envs: 0,
            env_start: start,
            env_end: start,
        };
        image.reach(start)?;
        image.put_word(0, shape.argc);
        image.put_word(shape.random_at(), random[0] as usize);
        image.put_word(shape.random_at() + 8, random[1] as usize);
        image.put(shape.platform_at(), PLATFORM);
        Ok(image)
    }

    /// Appends an argument string. `E2BIG`, `EFAULT`, `ENOMEM`.
    pub fn push_arg(&mut self, text: Text<'_>) -> Result<()> {
        let slot = self.shape.argv_at() + self.args * WORD;
        let at = self.push(text)?;
        self.put_word(slot, at);
        self.args += 1;
        (self.env_start, self.env_end) = (self.end, self.end);
        Ok(())
    }

    /// Appends an environment string; after the arguments. `E2BIG`, `EFAULT`, `ENOMEM`.
    pub fn push_env(&mut self, text: Text<'_>) -> Result<()> {
        let slot = self.shape.envp_at() + self.envs * WORD;
        let at = self.push(text)?;
        self.put_word(slot, at);
        self.envs += 1;
        self.env_end = self.end;
        Ok(())
    }

    /// Appends the file name, which ends the strings. `E2BIG`, `ENOMEM`.
    pub fn finish(&mut self, name: &[u8]) -> Result<Marks> {
        let name = self.push(Text::Kernel(name))?;
        // Zeros end the last page in any case; they must be there even if the strings fill it.
        self.reach(self.end + WORD)?;
        Ok(Marks {
            arg: (self.shape.strings_at(), self.env_start),
            env: (self.env_start, self.env_end),
            name,
            random: self.shape.random_at(),
            platform: self.shape.platform_at(),
        })
    }

    /// Number of pages.
    pub fn len_pages(&self) -> usize {
        self.pages.len()
    }

    /// The pages, lowest first, for a stack pointer of `sp`: pointers become addresses, the auxiliary vector is put in.
    pub fn place(self, sp: usize, aux: &[usize]) -> Vec<Frame> {
        debug_assert!(
            aux.len() == self.shape.aux_words
                && self.args == self.shape.argc
                && self.envs == self.shape.envc
        );
        for slot in (0..self.args).map(|n| self.shape.argv_at() + n * WORD) {
            self.put_word(slot, sp + self.word(slot));
        }
        for slot in (0..self.envs).map(|n| self.shape.envp_at() + n * WORD) {
            self.put_word(slot, sp + self.word(slot));
        }
        for (n, &word) in aux.iter().enumerate() {
            self.put_word(self.shape.aux_at() + n * WORD, word);
        }
        self.pages
    }

    /// Copies a string to the end; answers where it stands.
    fn push(&mut self, text: Text<'_>) -> Result<usize> {
        let start = self.end;
        let room = (self.shape.strings_at() + self.shape.limit)
            .saturating_sub(start)
            .min(MAX_STRING);
        match text {
            Text::Kernel(bytes) => {
                if bytes.len() >= room {
                    return Err(Errno::E2BIG);
                }
                // The NUL is there: pages begin as zeros.
                self.reach(start + bytes.len() + 1)?;
                self.put(start, bytes);
                self.end = start + bytes.len() + 1;
            }
            Text::User(addr) => self.end = self.copy_user(start, addr, room)?,
        }
        Ok(start)
    }

    /// Copies a string of at most `room` bytes with its NUL from user memory; answers where it ends.
    fn copy_user(&mut self, start: usize, addr: UserAddr, room: usize) -> Result<usize> {
        let mut done = 0;
        while done < room {
            let at = start + done;
            self.reach(at + 1)?;
            let offset = at % PAGE_SIZE;
            let max = (PAGE_SIZE - offset).min(room - done);
            let len = self.pages[at / PAGE_SIZE].copy_str_from_user(offset, addr.add(done), max)?;
            done += len;
            if len < max {
                return Ok(start + done + 1);
            }
        }
        Err(Errno::E2BIG)
    }

    /// Makes sure that there are pages up to `end`.
    fn reach(&mut self, end: usize) -> Result<()> {
        while self.pages.len() * PAGE_SIZE < end {
            self.pages.try_push(Frame::zeroed()?)?;
        }
        Ok(())
    }

    fn put(&self, at: usize, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let offset = (at + done) % PAGE_SIZE;
            let n = (PAGE_SIZE - offset).min(bytes.len() - done);
            self.pages[(at + done) / PAGE_SIZE].write(offset, &bytes[done..done + n]);
            done += n;
        }
    }

    fn put_word(&self, at: usize, word: usize) {
        self.pages[at / PAGE_SIZE].write(at % PAGE_SIZE, &word.to_le_bytes());
    }

    fn word(&self, at: usize) -> usize {
        let mut bytes = [0; WORD];
        self.pages[at / PAGE_SIZE].read(at % PAGE_SIZE, &mut bytes);
        usize::from_le_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use std::string::String;

    struct View(Vec<Frame>);
    impl View {
        fn word(&self, at: usize) -> usize {
            let mut bytes = [0; 8];
            self.0[at / PAGE_SIZE].read(at % PAGE_SIZE, &mut bytes);
            usize::from_le_bytes(bytes)
        }
        fn text(&self, at: usize) -> String {
            let mut text = String::new();
            for at in at.. {
                let mut byte = [0];
                self.0[at / PAGE_SIZE].read(at % PAGE_SIZE, &mut byte);
                if byte[0] == 0 {
                    break;
                }
                text.push(byte[0] as char);
            }
            text
        }
    }

    #[test]
    fn stands_as_the_abi_says() {
        const SP: usize = 0x7000_0000;
        let args: [&[u8]; 3] = [b"prog", b"", b"-x\0not seen"];
        let envs: [&[u8]; 2] = [b"A=1\0", b"LONG=\0"];
        let shape = Shape::new(3, 2, 4, 8 << 20).unwrap();
        let mut image = StackImage::new(shape, [1, 2]).unwrap();
        image.push_arg(Text::Kernel(args[0])).unwrap();
        image.push_arg(Text::Kernel(args[1])).unwrap();
        image
            .push_arg(Text::User(UserAddr(args[2].as_ptr() as usize)))
            .unwrap();
        envs.iter().for_each(|e| {
            image
                .push_env(Text::User(UserAddr(e.as_ptr() as usize)))
                .unwrap();
        });
        let marks = image.finish(b"/bin/prog").unwrap();
        let view = View(image.place(SP, &[6, 4096, 0, 0]));
        let text = |at: usize| view.text(at - SP);
        assert_eq!(view.word(0), 3);
        assert_eq!(
            (1..4).map(|n| text(view.word(n * 8))).collect::<Vec<_>>(),
            ["prog", "", "-x"]
        );
        assert_eq!(view.word(32), 0);
        assert_eq!(
            (5..7).map(|n| text(view.word(n * 8))).collect::<Vec<_>>(),
            ["A=1", "LONG="]
        );
        assert_eq!(
            (7..12).map(|n| view.word(n * 8)).collect::<Vec<_>>(),
            [0, 6, 4096, 0, 0]
        );
        assert_eq!(
            (view.word(marks.random), view.word(marks.random + 8)),
            (1, 2)
        );
        assert_eq!(view.text(marks.platform), "x86_64");
        assert_eq!(view.text(marks.name), "/bin/prog");
        assert_eq!(SP + marks.arg.0, view.word(8));
        assert_eq!(
            (marks.arg.1 - marks.arg.0, marks.env.1 - marks.env.0),
            (5 + 1 + 3, 4 + 6)
        );
        assert_eq!(marks.env.1, marks.name);
    }

    #[test]
    fn long_strings_cross_pages_and_too_long_ones_fail() {
        let mut long = std::vec![b'x'; 3 * PAGE_SIZE + 17];
        long.push(0);
        let shape = Shape::new(2, 0, 2, 8 << 20).unwrap();
        let mut image = StackImage::new(shape, [0, 0]).unwrap();
        image
            .push_arg(Text::User(UserAddr(long.as_ptr() as usize)))
            .unwrap();
        image
            .push_arg(Text::Kernel(&long[..long.len() - 1]))
            .unwrap();
        image.finish(b"f").unwrap();
        let view = View(image.place(0, &[0, 0]));
        assert_eq!(
            (
                view.text(view.word(8)).len(),
                view.text(view.word(16)).len()
            ),
            (3 * PAGE_SIZE + 17, 3 * PAGE_SIZE + 17)
        );
        let huge = std::vec![b'x'; MAX_STRING];
        let mut image = StackImage::new(shape, [0, 0]).unwrap();
        assert_eq!(image.push_arg(Text::Kernel(&huge)), Err(Errno::E2BIG));
        assert_eq!(
            image.push_arg(Text::User(UserAddr(huge.as_ptr() as usize))),
            Err(Errno::E2BIG)
        );
        assert_eq!(
            image.push_arg(Text::User(UserAddr(0x10))),
            Err(Errno::EFAULT)
        );
        let narrow = Shape::new(1, 0, 2, 4096).unwrap();
        let mut image = StackImage::new(narrow, [0, 0]).unwrap();
        assert_eq!(
            image.push_arg(Text::Kernel(&huge[1..])),
            Err(Errno::E2BIG),
            "128 KiB less the pointers"
        );
        let roomy = Shape::new(1, 0, 2, 64 << 20).unwrap();
        assert_eq!(
            StackImage::new(roomy, [0, 0])
                .unwrap()
                .push_arg(Text::Kernel(&huge[1..])),
            Ok(())
        );
    }

    #[test]
    fn too_many_pointers_are_too_big() {
        assert_eq!(Shape::new(1 << 20, 0, 2, 8 << 20), Err(Errno::E2BIG));
        assert_eq!(Shape::new(usize::MAX, 1, 2, 8 << 20), Err(Errno::E2BIG));
        assert_eq!(Shape::new(1, 0, 2, 8 << 20).unwrap().limit, (2 << 20) - 8);
        assert_eq!(Shape::new(1, 0, 2, 4096).unwrap().limit, (128 << 10) - 8);
        assert_eq!(Shape::new(1, 0, 2, u64::MAX).unwrap().limit, (6 << 20) - 8);
    }
}
