//! Modules in Rust: the samples of `modules/`.

use super::Case;

pub(super) const RUST: [Case; 4] = [
    Case {
        name: "a-module-in-rust-comes-and-goes",
        script: "insmod $m/samples/rust_minimal.ko last=7\n\
            cat /sys/module/rust_minimal/parameters/last\n\
            echo 9 >/sys/module/rust_minimal/parameters/last; cat /sys/module/rust_minimal/parameters/last\n\
            rmmod rust_minimal; told\n\
            insmod $m/samples/rust_minimal.ko last=many; echo $?; told",
        stdout: &[
            "7\n9\n",
            "rust_minimal: Rust minimal sample (init)\n",
            "rust_minimal: My numbers are [72, 108, 7]\nrust_minimal: Rust minimal sample (exit)\n",
            "1\nrust_minimal: `many' invalid for parameter `last'\n",
        ],
    },
    Case {
        name: "a-device-in-rust",
        script: "insmod $m/samples/rust_echo.ko; cut -d' ' -f1-3 /proc/modules | grep rust_echo >/dev/null && echo loaded\n\
            echo 'some text' >/dev/rust_echo; cat /dev/rust_echo; tail -c 5 /dev/rust_echo\n\
            dd if=/dev/zero of=/dev/rust_echo bs=65537 count=1 2>&1 | head -n 1; dd if=/dev/rust_echo bs=3 count=1 2>/dev/null; echo\n\
            exec 5</dev/rust_echo; rmmod rust_echo; echo $?; exec 5<&-; rmmod rust_echo; ls /dev/rust_echo; told",
        stdout: &[
            "loaded\nsome text\ntext\n",
            "Message too long",
            "som\n",
            "1\n",
        ],
    },
    Case {
        name: "a-proc-file-in-rust",
        script: "insmod $m/samples/rust_counter.ko start=40\n\
            echo 2 >/proc/rust_counter; for i in 1 2 3 4 5 6 7 8 9; do echo later >/proc/rust_counter; done\n\
            while [ $(sed -n 's/works //p' /proc/rust_counter) != 9 ]; do :; done; sed 1d /proc/rust_counter\n\
            for wrong in x 4294967295; do echo $wrong | dd of=/proc/rust_counter 2>&1; done\n\
            echo later >/proc/rust_counter; rmmod rust_counter; ls /proc/rust_counter; told; echo end",
        stdout: &[
            "sum 42\nworks 9\n",
            "Invalid argument\n",
            "Numerical result out of range\n",
            "end\n",
        ],
    },
    Case {
        name: "a-panic-in-rust-is-contained",
        script: "for how in index panic; do insmod $m/samples/rust_counter.ko; cat /proc/rust_counter\n\
            echo $how | dd of=/proc/rust_counter 2>&1; cat /sys/module/rust_counter/initstate; cat /proc/rust_counter\n\
            rmmod -f rust_counter; told | grep -A1 panicked; done; lsmod",
        stdout: &[
            "reads 1\nsum 0\nworks 0\n",
            "Input/output error\n",
            "quarantined\n",
            "rust_kernel: panicked at ",
            "index out of bounds: the len is 6 but the index is 6\n",
            "reads 1\nsum 0\nworks 0\n",
            "Input/output error\n",
            "quarantined\n",
            "somebody asked for it\n",
        ],
    },
];
