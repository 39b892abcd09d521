//! How modules come and go by Debian's tools, unmodified, and what a broken one answers; the same on Linux 6.1.

use super::Case;

/// One boot after the others' modules, on Gaon and on Linux alike.
pub(super) const CASES: [Case; 11] = [
    Case {
        name: "dependencies",
        script: "insmod $m/takes.ko 2>&1; insmod $m/gives.ko; insmod $m/takes.ko times=4; echo $?
            lsmod | awk '/^gives|^takes/ { print $1, $3, $4 }'; ls /sys/module/gives/holders /sys/module/takes/holders
            readlink /sys/module/gives/holders/takes; cat /sys/module/gives/refcnt; rmmod gives 2>&1
            busybox rmmod gives 2>&1; grep -o '^gives.*Live' /proc/modules | cut -d' ' -f 1,3-; rmmod takes; rmmod gives; echo $?
            sed 's/license=GPL/license=XXX/' $m/takes.ko >/tmp/t.ko; sed 's/gives/gifts/g' $m/gives.ko >/tmp/g.ko
            insmod $m/gives.ko; insmod /tmp/t.ko 2>&1; insmod /tmp/g.ko 2>&1; rmmod gives; told",
        stdout: &[
            "Unknown symbol in module\n0\n",
            "takes 0 \ngives 1 takes\n",
            "/sys/module/gives/holders:\ntakes\n\n/sys/module/takes/holders:\n",
            "../../takes\n1\n",
            "ERROR: Module gives is in use by: takes\n",
            "Resource temporarily unavailable\n",
            "gives 1 takes, Live\n0\n",
            "Unknown symbol in module\n",
            "Invalid module format\n",
            "takes: Unknown symbol give",
            " (err -2)\n",
            "takes: 8 7\ntakes: gone\n",
            "takes: module license 'XXX' taints kernel.\n",
            "takes: Unknown symbol give_gpl (err -2)\n",
            "gifts: exports duplicate symbol give",
            " (owned by gives)\n",
        ],
    },
    Case {
        name: "depmod-and-modinfo",
        script: "r=/lib/modules/$(uname -r); mkdir -p $r/extra /etc/modprobe.d; : >$r/modules.order; : >$r/modules.builtin
            for k in gives takes params asks hello; do cp $m/$k.ko $r/extra; done
            depmod; echo $?; sort $r/modules.dep; cd $r; grep -hv '^#' modules.alias modules.softdep; grep -h give modules.symbols | sort; cd /
            for f in license depends description version alias softdep parm name; do modinfo -F $f takes; done
            modinfo -F srcversion takes | wc -c; modinfo -F filename takes | sed \"s:$r::\"; modinfo nosuch 2>&1; modinfo -F license /$r/extra/takes.ko",
        stdout: &[
            "0\nextra/asks.ko:\nextra/gives.ko:\nextra/hello.ko:\nextra/params.ko:\nextra/takes.ko: extra/gives.ko\n",
            "alias taker-of-* takes\nsoftdep takes pre: params post: hello\nalias symbol:give gives\nalias symbol:give_gpl gives\n",
            "GPL\ngives\nUses the symbols of another module\n1.0\ntaker-of-*\npre: params post: hello\n\
             times:what is given twice (int)\ntakes\n24\n/extra/takes.ko\n",
            "Module nosuch not found.\nGPL\n",
        ],
    },
    Case {
        name: "modprobe",
        script: "loaded() { lsmod | awk 'NR > 1 { print $1 }' | sort | tr '\\n' ' '; echo; }
            modprobe takes times=4; echo $?; loaded; cat /sys/module/takes/parameters/times; modprobe gives; echo $?
            modprobe -r gives 2>&1; modprobe -r takes; echo $?; loaded
            echo 'options takes times=9' >/etc/modprobe.d/t.conf; modprobe taker-of-all; cat /sys/module/takes/parameters/times
            modprobe -r takes; echo 'blacklist takes' >>/etc/modprobe.d/t.conf; modprobe -b taker-of-all; loaded
            modprobe takes; loaded; modprobe -r takes; echo 'install other /bin/echo installed' >>/etc/modprobe.d/t.conf
            echo 'alias second gives' >>/etc/modprobe.d/t.conf
            modprobe other; modprobe -v second | sed 's:/lib.*/::'; loaded; modprobe -r gives; modprobe nosuch 2>&1
            modprobe -n -v takes | sed 's:/lib.*/::'; modprobe --first-time -r gives 2>&1; modprobe params number=abc 2>&1; loaded
            rm /etc/modprobe.d/t.conf; told",
        stdout: &[
            "0\ngives hello params takes \n4\n0\n",
            "FATAL: Module gives is in use.\n0\n",
            "\n9\n\n",
            "gives hello params takes \ninstalled\ninsmod gives.ko \ngives \n",
            "FATAL: Module nosuch not found in directory /lib/modules/",
            "insmod gives.ko \ninsmod params.ko \ninsmod takes.ko times=9 \ninsmod hello.ko \n",
            "FATAL: Module gives is not in kernel.\n",
            "Invalid argument\n",
            "takes: 8 7\n",
            "takes: gone\n",
            "takes: 18 7\n",
            "params: `abc' invalid for parameter `number'\n",
        ],
    },
    // The kernel asks: a module for another one, an open device, mount(2).
    Case {
        name: "request-module",
        script: "loaded() { lsmod | awk 'NR > 1 { print $1 }' | sort | tr '\\n' ' '; echo; }
            was=$(cat /proc/sys/kernel/modprobe); echo $was; echo /tmp/modprobe >/proc/sys/kernel/modprobe
            asked() { insmod $m/asks.ko name=$1 2>/dev/null; loaded; modprobe -r takes gives params hello 2>/dev/null; }
            asked gives; asked taker-of-them; asked nosuch; asked aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffff
            echo /tmp/nosuch >/proc/sys/kernel/modprobe; asked gives; echo >/proc/sys/kernel/modprobe; asked gives
            cat /proc/sys/kernel/modprobe; echo /tmp/modprobe >/proc/sys/kernel/modprobe
            echo 'alias char-major-243-5 gives' >/etc/modprobe.d/t.conf; echo 'alias char-major-244-* params' >>/etc/modprobe.d/t.conf
            echo 'alias fs-strange hello' >>/etc/modprobe.d/t.conf; mknod /tmp/d c 243 5; mknod /tmp/e c 244 9; mkdir /tmp/f
            cat /tmp/d 2>&1; loaded; cat /tmp/e 2>&1; loaded; busybox mount -t strange none /tmp/f 2>&1; loaded
            modprobe -r gives params hello; rm -r /tmp/d /tmp/e /tmp/f /etc/modprobe.d/t.conf
            echo $was >/proc/sys/kernel/modprobe; cat /proc/sys/kernel/modprobe; told | grep asks:",
        stdout: &[
            "/sbin/modprobe\ngives \ngives hello params takes \n\n\n\n\n\n",
            "No such device or address\ngives \n",
            "No such device or address\ngives params \n",
            "No such device\ngives hello params \n/sbin/modprobe\n",
            "asks: gives: 0\nasks: taker-of-them: 0\nasks: nosuch: 256\n",
            ": -36\nasks: gives: -2\nasks: gives: -2\n",
        ],
    },
    Case {
        name: "compressed",
        script: "insmod $m/params.ko.xz number=3; cat /sys/module/params/parameters/number; rmmod params
            insmod $m/params.ko.zst number=4; cat /sys/module/params/parameters/number; rmmod params
            modinfo -F version $m/params.ko.xz; head -c 200 $m/params.ko.xz >/tmp/cut.ko.xz
            insmod /tmp/cut.ko.xz 2>&1; rm /tmp/cut.ko.xz; told >/dev/null",
        stdout: &["3\n4\n2.5\n", "/tmp/cut.ko.xz: Invalid parameters\n"],
    },
    Case {
        name: "ten-thousand-symbols",
        script: "insmod $m/many.ko; insmod $m/needs.ko; lsmod | awk '/^many/ { print $3, $4 }'
            grep -c ' many_[0-9][0-9]*[^0-9]' /proc/kallsyms; rmmod needs; rmmod many; echo $?; told",
        stdout: &["1 needs\n10000\n0\n", "needs: 49995000\n"],
    },
    Case {
        name: "bad-modules",
        script: "file=$m/hello.ko name=hello $m/badmods; told >/dev/null",
        stdout: &[include_str!("../../../../../test/modules/badmods.expected")],
    },
    Case {
        name: "long-names-and-odd-tables",
        script: "file=$m/params.ko name=params $m/badnames; told >/dev/null",
        stdout: &[include_str!(
            "../../../../../test/modules/badnames.expected"
        )],
    },
    // Each needs the other: by the symbols of both, and by one that asks for the other in its init and waits, while the
    // other waits for that init's end. There a signal ends it; without one it takes 30 s.
    Case {
        name: "circular-dependencies",
        script: "r=/lib/modules/$(uname -r); mkdir -p $r/extra; : >$r/modules.order; : >$r/modules.builtin
            cp $m/circle_?.ko $m/asks.ko $r/extra; depmod 2>&1; echo $?; modprobe circle_a 2>&1
            insmod $m/circle_a.ko 2>&1; insmod $m/circle_b.ko 2>&1; told
            was=$(cat /proc/sys/kernel/modprobe); echo /tmp/ask >/proc/sys/kernel/modprobe
            printf '#!/bin/sh\\necho $$ >/tmp/asked\\nexec /tmp/insmod %s/circle_c.ko\\n' $m >/tmp/ask; chmod +x /tmp/ask
            insmod $m/asks.ko name=circle_c 2>&1 & i=0
            while [ ! -s /tmp/asked ] && [ $i -lt 300 ]; do i=$((i+1)); sleep 0.1; done; sleep 1
            grep -o '^asks.*Loading' /proc/modules | cut -d' ' -f 1,5; kill $(cat /tmp/asked); wait
            lsmod | grep circle; echo $was >/proc/sys/kernel/modprobe; rm -r $r/extra /tmp/ask /tmp/asked; told",
        stdout: &[
            "depmod: ERROR: Cycle detected: circle_a -> circle_b -> circle_a\n",
            "depmod: ERROR: Found 2 modules in dependency cycles!\n1\n",
            "circle_a",
            "Unknown symbol in module\n",
            "Unknown symbol in module\n",
            "circle_a: Unknown symbol circle_b (err -2)\n",
            "circle_b: Unknown symbol circle_a (err -2)\n",
            "asks Loading\n",
            "circle_c: gave up waiting for init of module asks.\ncircle_c: Unknown symbol asked (err -16)\n",
            "asks: circle_c: ",
        ],
    },
    // What the seed documents print, run: section 3 of document 003, and document 004.
    Case {
        name: "snippets-of-003",
        script: "insmod $m/snippets3.ko; echo $?; grep -c 'my_device$' /proc/interrupts; rmmod snippets3
            grep -c 'my_device$' /proc/interrupts; told",
        stdout: &[
            "0\n1\n0\n",
            "Failed to request IRQ 100000\nsnippets3: no such line: -22\nsnippets3: line: 0\nsnippets3: aligned 1 1\n\
             snippets3: nobody, below 0: -22 status 0\nsnippets3: nobody: 1 status 1007\n\
             snippets3: somebody: 0 status 7\nsnippets3: later: 0 status 407\n",
        ],
    },
    Case {
        name: "snippets-of-004",
        script: "insmod $m/snippets4.ko; echo $?; dmesg | tail -20 | grep -c 'snippets4: data 44'
            dmesg -r | sed -n 's/^<\\(.\\)>.*snippets4: level/\\1/p' | tr '\\n' ' '; head -10 /proc/slabinfo | head -1
            head -10 /proc/slabinfo | grep -o '^# name *<active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>'
            grep -o 't my_function.*' /proc/kallsyms; cat /proc/meminfo | grep -cE 'MemFree|Buffers|Cached'
            mount -t debugfs none /sys/kernel/debug; f=/sys/kernel/debug/sched_features; [ -e $f ] || f=${f%_*}/features
            grep -o 'GENTLE_FAIR_SLEEPERS START_DEBIT' $f; echo NO_START_DEBIT >$f; grep -o 'SLEEPERS NO_START_DEBIT' $f
            echo START_DEBIT >$f; (echo NO_SUCH >$f) 2>&1; umount /sys/kernel/debug
            echo 0 >/proc/snippets4; echo $?; busybox su user -c 'echo 0 >/proc/snippets4' 2>&1
            cat /dev/snippets4 2>&1; echo 1 >/sys/module/snippets4/parameters/broken; cat /dev/snippets4 2>&1
            rmmod snippets4; echo $?; told >/tmp/t; grep -c 'not told' /tmp/t; cat /tmp/t; rm /tmp/t",
        stdout: &[
            "0\n1\n0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n\
             t my_function\t[snippets4]\n4\nGENTLE_FAIR_SLEEPERS START_DEBIT\nSLEEPERS NO_START_DEBIT\n",
            "I/O error\n0\n",
            "I/O error\n",
            "Invalid argument\n",
            "Input/output error\n0\n0\n",
            "snippets4: alone 1\nsnippets4: two with a lock 40001\nsnippets4: spinlock twice 0\nsnippets4: mutex 1 0\n\
             snippets4: two readers, then a writer 2\nsnippets4: nothing to read 0\nsnippets4: first 42\n\
             snippets4: second 43\nsnippets4: kmalloc 1024\nsnippets4: vmalloc at 0 of a page\n\
             snippets4: pages at 0 of a page\nsnippets4: object 1 at 0 of a line\n\
             snippets4: flags 5, in an interrupt 1\nFunction called successfully\nDebug: variable value = 6\n\
             snippets4: level 0\n",
            "snippets4: level 7\nFunction called successfully\nError: something went wrong (5)\nsnippets4: told 0 -22\n",
            "WARNING: CPU: ",
            "/snippets4.c:",
            "snippets4: checked 0 -22\nsnippets4: paths 5 -22 100\nsnippets4: friendly 128 bytes, list at 56\n\
             snippets4: no data -61\nsnippets4: data 44\n",
            "snippets4: hardware rests\n",
        ],
    },
];

/// What Linux does not look at, and what the kernel has left afterwards: on Gaon alone.
pub(super) const HOSTILE: [Case; 2] = [
    Case {
        name: "hostile-modules",
        script: "file=$m/hello.ko name=hello hostile=1 $m/badmods >/tmp/h; grep -E \
        'past its|before its|no symbol|half a|past the end|left' /tmp/h | grep -v ^head; told >/dev/null",
        stdout: &[
            "symbol in a section past the end: ENOEXEC\n",
            "relocation past its section: ENOEXEC\nrelocation before its section: ENOEXEC\n\
         relocation by no symbol: ENOEXEC\nhalf a relocation: ENOEXEC\nleft behind: nothing\n",
        ],
    },
    Case {
        name: "hostile-parameters",
        script: "file=$m/params.ko name=params hostile=1 $m/badnames | grep -E ' at |half a|as it|left'; told >/dev/null",
        stdout: &[include_str!("../../../../../test/modules/badnames.wild")],
    },
];

/// In a boot of its own: what the first modules tell, and doors that are closed for good.
pub(super) const ALONE: [Case; 1] = [Case {
    name: "taint-and-locks",
    script: "cat /proc/sys/kernel/tainted; insmod $m/hello.ko; cat /sys/module/hello/taint; cat /proc/sys/kernel/tainted; told
        insmod $m/closed.ko; grep -o 'Live.*' /proc/modules | sed 's/0x[0-9a-f]*/at/'; cat /proc/sys/kernel/tainted; told
        grep -o 'permanent' /proc/modules; rmmod closed 2>&1; sed 's/vermagic=/vermagix=/' $m/params.ko >/tmp/p.ko; insmod /tmp/p.ko; echo $?
        cat /sys/module/params/taint; told; rmmod params; cat /sys/module/module/parameters/sig_enforce; p=/sys/module/module/parameters/sig_enforce
        echo N >$p; echo 1 >$p; cat $p; (echo 0 >$p) 2>&1; insmod $m/params.ko 2>&1; told; rmmod hello
        cat /proc/sys/kernel/modules_disabled; (echo 0 >/proc/sys/kernel/modules_disabled) 2>&1
        echo 1 >/proc/sys/kernel/modules_disabled; insmod $m/hello.ko 2>&1; rmmod closed 2>&1",
    stdout: &[
        "0\nOE\n12288\nhello: loading out-of-tree module taints kernel.\nhello: module verification failed: signature \
         and/or required key missing - tainting kernel\nHello module: initializing\n",
        "Live at (POE)\nLive at (OE)\n12289\nclosed: module license 'Proprietary' taints kernel.\n",
        "permanent\n",
        "rmmod: ERROR: ../libkmod/libkmod-module.c:",
        "Device or resource busy\n",
        "0\nFOE\nparams: bad vermagic: kernel tainted.\n",
        "N\nY\n",
        "I/O error\n",
        "Key was rejected by service\n",
        "oading of unsigned module is rejected\n",
        "0\n",
        "I/O error\n",
        "Operation not permitted\n",
        "Operation not permitted\n",
    ],
}];
