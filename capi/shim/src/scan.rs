//! `sscanf` of `linux/kernel.h`.
use crate::export::exports;
use crate::foreign;
use crate::va_list::{VaList, variadic};
use cformat::Targets;

/// Longest text, and longest format; what is longer is cut.
const TEXT: usize = 1024;

/// The pointers of a module's call.
struct Pointers {
    list: VaList,
    /// Where the last piece ended.
    at: usize,
}

impl Targets for Pointers {
    fn store(&mut self, bytes: &[u8]) -> bool {
        self.at = self.list.next() as usize;
        self.append(bytes)
    }

    fn append(&mut self, bytes: &[u8]) -> bool {
        let stored = foreign::write_bytes(self.at, bytes).is_ok();
        self.at = self.at.wrapping_add(bytes.len());
        stored
    }
}

extern "C" fn vsscanf(text: usize, format: usize, list: &VaList) -> i32 {
    let (Ok(text), Ok(format)) = (
        foreign::Name::<TEXT>::read(text),
        foreign::Name::<TEXT>::read(format),
    ) else {
        crate::enter::misuse("sscanf of what is no text");
    };
    let mut to = Pointers { list: *list, at: 0 };
    cformat::scan(text.as_bytes(), format.as_bytes(), &mut to)
}

variadic! {
    /// `sscanf(text, format, ...)`: how many conversions were done.
    sscanf(2, "rdx") => vsscanf;
}

exports![sscanf, vsscanf];
