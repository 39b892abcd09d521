//! Conversions held against what C prints, and formats made of anything.
extern crate std;

use super::*;
use std::string::String;
use std::vec::Vec;

struct Args(Vec<u64>, Vec<&'static [u8]>);

impl Source for Args {
    fn next(&mut self) -> u64 {
        if self.0.is_empty() {
            0
        } else {
            self.0.remove(0)
        }
    }
    fn string(&mut self, address: u64, most: usize, out: &mut dyn Sink) {
        let text = self.1[address as usize];
        out.put(&text[..text.len().min(most)]);
    }
    fn pointer(&mut self, address: u64, letters: &[u8], _: &Spec, out: &mut dyn Sink) -> usize {
        let _ = write!(Text(out), "<{address:x}>");
        usize::from(letters.first() == Some(&b'K'))
    }
}

struct Out(Vec<u8>);
impl Sink for Out {
    fn put(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

fn printed(text: &str, args: &[u64]) -> String {
    let mut out = Out(Vec::new());
    let mut source = Args(args.to_vec(), std::vec![b"hello", b""]);
    format(text.as_bytes(), &mut source, &mut out);
    String::from_utf8(out.0).unwrap()
}

#[test]
fn numbers() {
    assert_eq!(
        printed("%d %i %u", &[u64::MAX, 5, u64::MAX]),
        "-1 5 4294967295"
    );
    assert_eq!(
        printed("%ld %lu %zu %lld", &[u64::MAX, u64::MAX, 7, 8]),
        "-1 18446744073709551615 7 8"
    );
    assert_eq!(
        printed("%hhd %hd %hhu", &[0x1ff, 0x1_8000, 0x1ff]),
        "-1 -32768 255"
    );
    assert_eq!(
        printed("[%5d] [%-5d] [%05d] [%+d] [% d]", &[42, 42, 42, 42, 42]),
        "[   42] [42   ] [00042] [+42] [ 42]"
    );
    assert_eq!(
        printed("%#x %#o %X %08lx", &[255, 8, 0xabc, 0x1234]),
        "0xff 010 ABC 00001234"
    );
    assert_eq!(
        printed("%.3d [%6.3d] [%-6.3d]", &[5, 5, 5]),
        "005 [   005] [005   ]"
    );
    assert_eq!(
        printed("[%*d] [%*d]", &[5, 1, -4i32 as u64, 2]),
        "[    1] [2   ]"
    );
    assert_eq!(printed("%d", &[i64::from(i32::MIN) as u64]), "-2147483648");
}

#[test]
fn texts() {
    assert_eq!(
        printed("%s|%.2s|%7s|%-7s|", &[0, 0, 0, 0]),
        "hello|he|  hello|hello  |"
    );
    assert_eq!(printed("%c%c %3c", &[0x41, 0x42, 0x43]), "AB   C");
    assert_eq!(printed("100%% %s", &[0]), "100% hello");
    assert_eq!(printed("%.*s", &[3, 0]), "hel");
    assert_eq!(printed("%pK %p", &[0x10, 0x20]), "<10> <20>");
}

#[test]
fn the_unknown_ends_it() {
    assert_eq!(printed("a %y b", &[1]), "a ");
    assert_eq!(printed("a %", &[]), "a ");
}

#[test]
fn a_buffer_counts_beyond_its_end() {
    let mut buffer = [b'.'; 4];
    let mut out = Bounded::new(&mut buffer);
    format(b"%d", &mut Args(std::vec![123_456], Vec::new()), &mut out);
    assert_eq!((out.wanted(), out.written()), (6, 4));
    assert_eq!(&buffer, b"1234");
}

proptest::proptest! {
    #[test]
    fn any_format_ends(text in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40)) {
        let mut counter = Counter::default();
        format(&text, &mut Args(std::vec![0; 8], std::vec![b"x"; 1]), &mut counter);
    }
}
