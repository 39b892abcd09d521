//! What the kernel tells whoever looks for a module's mistake.

use super::Case;

/// The cases.
pub(super) const CASES: [Case; 5] = [
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
    // What no kernel has to look for: the call ends, and the report names the line.
    Case {
        name: "misused-locks-are-told",
        script: "for kind in sleep again unlock unspin unread up; do insmod $m/lockorder.ko kind=$kind 2>/dev/null; echo $kind $?
                told | sed -n 's/^\\(BUG: .*\\)/\\1/p; s/^ wrong+0x[0-9a-f/x]* (.*\\/\\(.*\\)) \\[lockorder\\]/ \\1/p'; done",
        stdout: &[
            "sleep 1\nBUG: sleeping function called from invalid context: mutex_lock [lockorder]\n lockorder.c:96\n\
             again 1\nBUG: a mutex is taken by the thread that holds it [lockorder]\n lockorder.c:99\n\
             unlock 1\nBUG: a mutex is released by a thread that does not hold it [lockorder]\n lockorder.c:101\n\
             unspin 1\nBUG: a spinlock is released that nobody holds [lockorder]\n lockorder.c:103\n\
             unread 1\nBUG: a rwlock is released that nobody reads [lockorder]\n lockorder.c:105\n\
             up 1\nBUG: a rwsem is released that nobody reads [lockorder]\n lockorder.c:107\n",
        ],
    },
    // For a kernel that checks the order of locks (a debug build; Debian's Linux has none).
    Case {
        name: "lockdep-watches-modules",
        script: "test -e /proc/lockdep || echo 'skip: this kernel has no lockdep'; test -e /proc/lockdep &&
            for kind in fine order keyed irq softirq twice order; do insmod $m/lockorder.ko kind=$kind 2>/dev/null; echo $kind $?
                told | sed -n 's/^WARNING: \\(.*\\), at .*/\\1/p; s/^ wrong+0x[0-9a-f/x]* (.*\\/\\(.*\\)) \\[lockorder\\]/ \\1/p'
                grep -o '[?.+-]*: [^ ]* \\[lockorder\\]' /proc/lockdep; rmmod -f lockorder 2>/dev/null
                grep -c lockorder /proc/lockdep; done",
        stdout: &[
            "fine 0\n-...: shared [lockorder]\n+.+.: first [lockorder]\n+.+.: second [lockorder]\n\
             +.+.: &pair->outer [lockorder]\n+.+.: &pair->inner [lockorder]\n0\n\
             order 0\ncircular locking: first [lockorder] taken with second [lockorder] held\n lockorder.c:80\n",
            "0\nkeyed 0\ncircular locking: &pair->outer [lockorder] taken with &pair->inner [lockorder] held\n\
             \x20lockorder.c:85\n",
            "0\nirq 0\nshared [lockorder] is taken in interrupts and with interrupts on\n lockorder.c:89\n?",
            "0\nsoftirq 0\nshared [lockorder] is taken in softirqs and with softirqs on\n lockorder.c:89\n+.?.: shared",
            "0\ntwice 1\nrecursive locking: shared [lockorder] is taken by whom it is held\n lockorder.c:93\n",
            "0\norder 0\ncircular locking: first [lockorder] taken with second [lockorder] held\n lockorder.c:80\n",
        ],
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
