//! What the kernel tells whoever looks for a module's mistake.

use super::Case;

/// The cases.
pub(super) const CASES: [Case; 3] = [
    // The lines are those of `test/modules/lines.c`; what was inlined counts as where it was written.
    Case {
        name: "reports-name-source-lines",
        script: "for kind in dump warn null bug; do echo $kind; insmod $m/lines.ko kind=$kind 2>/dev/null; told >/tmp/told
                grep 'inner+\\|outer+\\|^Code' /tmp/told | sed 's/+0x[0-9a-f/x]*//; s/ (\\/.*\\// (/; s/at \\/.*\\//at /
                    s/^Code:.*\\(<.*>\\( ..\\)\\{5\\}\\).*/\\1/'
                rmmod -f lines; done; told >/dev/null",
        stdout: &[
            "dump\nlines: by outer [lines]\n inner (lines.c:21) [lines]\n outer (lines.c:35) [lines]\nwarn\n\
             lines: by outer [lines]\nWARNING: CPU: 0 at lines.c:23 inner [lines]\n outer (lines.c:35) [lines]\nnull\n\
             lines: by outer [lines]\nRIP: 0010:inner (lines.c:15) [lines]\n<c7> 00 01 00 00 00\n\
             \x20inner (lines.c:15) [lines]\n outer (lines.c:35) [lines]\nbug\n\
             lines: by outer [lines]\nRIP: 0010:inner (lines.c:25) [lines]\n<0f> 0b",
            " inner (lines.c:25) [lines]\n outer (lines.c:35) [lines]\n",
        ],
    },
    // What stands in the tables is nobody's duty: `pure/kmod` tries garbled ones.
    Case {
        name: "reports-do-without-lines",
        script: "sed 's/debug_line/debug_lime/g' $m/lines.ko >/tmp/lines.ko
            insmod /tmp/lines.ko kind=null 2>&1; told | grep -c '^RIP: 0010:inner+0x[0-9a-f/x]* \\[lines\\]'; rmmod -f lines",
        stdout: &["Input/output error\n1\n"],
    },
    // The panic itself says on which line it was.
    Case {
        name: "reports-of-rust-name-lines-and-functions",
        script: "insmod $m/samples/rust_counter.ko; echo index | dd of=/proc/rust_counter 2>/dev/null; told >/tmp/told
            line=$(sed -n 's/.*panicked at .*rust_counter.rs:\\([0-9]*\\):.*/\\1/p' /tmp/told)
            grep -o \"(.*rust_counter.rs:$line) \\[rust_counter\\]\" /tmp/told | sed \"s/$line/line/; s/.*\\///\"
            grep -o ' core::panicking::panic_bounds_check+' /tmp/told; grep -c '_ZN\\|_RN' /tmp/told; rmmod -f rust_counter
            told >/dev/null",
        stdout: &["rust_counter.rs:line) [rust_counter]\n core::panicking::panic_bounds_check+\n0\n"],
    },
];
