//! Modules that try the kernel's services one by one. `NAME.expected` beside a module is what Linux 6.1 says when it is
//! loaded there.

use super::Case;

/// A module that does all it does in its init, and says so.
macro_rules! says {
    ($name:literal, $module:literal) => {
        Case {
            name: $name,
            script: concat!(
                "insmod $m/",
                $module,
                ".ko; echo $?; rmmod ",
                $module,
                "; echo $?; told | grep '^",
                $module,
                "'"
            ),
            stdout: &[
                "0\n0\n",
                include_str!(concat!(
                    "../../../../../test/modules/",
                    $module,
                    ".expected"
                )),
            ],
        }
    };
}

/// What Linux says too, with the same modules built for it.
pub(super) const SHARED: [Case; 24] = [
    says!("as-linux-locks-and-counters", "locks"),
    says!("as-linux-timers-and-threads", "timers"),
    says!("as-linux-lists-and-chains", "lists"),
    says!("as-linux-memory-of-every-kind", "memory"),
    says!("as-linux-text-and-numbers", "strings"),
    says!("as-linux-trees-tables-and-rings", "boxes"),
    says!("as-linux-small-things", "pieces"),
    says!("as-linux-kprobes", "probes"),
    Case {
        name: "as-linux-kprobes-of-the-kernel",
        script: "umask 022; for s in kernel_clone do_sys_openat2 __x64_sys_openat ksys_read; do insmod $m/probing.ko symbol=$s
                (:); read x <$m/probes.c; busybox cat $m/probes.c >/dev/null; rmmod probing; done
            insmod $m/probing.ko symbol=__x64_sys_umask how=argument; umask 027; umask; umask 022; rmmod probing
            insmod $m/probing.ko symbol=no_such_function 2>/dev/null || echo not there
            mount -t debugfs none /sys/kernel/debug; cd /sys/kernel/debug/kprobes; cat enabled; insmod $m/probing.ko
            sed 's/^[0-9a-f]*  //; s/\\[.*//' list; stat -c %a list enabled; rmmod probing; wc -l <list
            echo 0 >enabled; cat enabled; insmod $m/probing.ko; (:); rmmod probing
            insmod $m/probing.ko; echo 1 >enabled; (:); rmmod probing; echo x 2>/dev/null >enabled; cat enabled; cd /
            umount /sys/kernel/debug; told | grep ^probing | grep -v taint",
        stdout: &[include_str!("../../../../../test/modules/probing.expected")],
    },
    says!("as-linux-odds-and-ends", "odds"),
    says!("as-linux-lines-of-unknown-devices", "finds"),
    Case {
        name: "as-linux-threads-in-ps",
        script: "crew() { cat /proc/[0-9]*/stat 2>/dev/null |
                sed -n 's/^[0-9]* (\\(crew[^)]*\\)) \\(.\\) \\([0-9]*\\) 0 0 0 -1 .*/\\1 \\2 \\3/p' | sort; }
            insmod $m/crew.ko; echo $?; sleep 0.2; crew; cat /proc/[0-9]*/comm 2>/dev/null | sed -n 's/^kworker.*+crew/busy with crew/p'
            busybox ps | grep -c '[[]crew'; rmmod crew; echo $?; crew; told | grep '^crew: its'",
        stdout: &["0\ncrew/7 S 2\ncrewordered I 2\ncrewrescued I 2\nbusy with crewplain\n3\n0\ncrew: its number is that of its process: 1\n"],
    },
    Case {
        name: "as-linux-descriptions-and-signals",
        script: "insmod $m/describes.ko; echo $?; cat /sys/class/described/one/uevent /sys/bus/describing/devices/described1/uevent
            $m/fops /dev/describes write:1 told signal:0 flags:8192 write:1 told flags:0 write:1 told
            $m/fops /dev/describes signal:40 flags:8192 write:2 told write:1 told write:3 told; rmmod describes; echo $?
            told | grep '^descri' | grep -Ev 'be told|loud says|taint'",
        stdout: &[include_str!("../../../../../test/modules/describes.expected")],
    },
    Case {
        name: "as-linux-memory-of-devices",
        script: "insmod $m/iomem.ko; echo $?; rmmod iomem; echo $?; told >/tmp/t; grep '^iomem: [a-z]' /tmp/t | grep -v taint
            grep -c 'ioremap on RAM at 0x' /tmp/t; rm /tmp/t",
        stdout: &[include_str!("../../../../../test/modules/iomem.expected")],
    },
    Case {
        name: "as-linux-aliases-of-tables",
        script: "r=/lib/modules/$(uname -r); mkdir -p $r/extra; : >$r/modules.order; : >$r/modules.builtin; cp $m/serves.ko $r/extra
            modinfo -F alias $m/serves.ko | sort; depmod 2>/dev/null; grep -c served $r/modules.alias
            modprobe platform:second-served device=second-served; echo $?; rmmod serves; modprobe platform:plain-served; echo $?
            modprobe of:NnodeTtypeCgaon,served; echo $?; rmmod serves; modprobe platform:unserved 2>&1
            modprobe of:NnodeTtypeCgaon,servedCmore device=first-served; echo $?; rmmod serves; rm -r $r/extra; told | grep ' served as'",
        stdout: &[
            "of:N*T*Cgaon,served\nof:N*T*Cgaon,servedC*\nof:N*Tkind\nof:N*TkindC*\nof:Na_nameTsome*Cgaon,other\n\
             of:Na_nameTsome*Cgaon,otherC*\nplatform:first-served\nplatform:plain-served\nplatform:second-served\n5\n0\n0\n0\n",
            "Module platform:unserved not found in directory",
            "0\nserves second-served: served as 2\nserves first-served: served as 1\n",
        ],
    },
    Case {
        name: "as-linux-mapped-rows",
        script: "insmod $m/maps.ko; $m/mapped rows; rmmod maps; echo $?; told | grep '^maps' | grep -v taint",
        stdout: &[include_str!("../../../../../test/modules/maps.rows.expected")],
    },
    Case {
        name: "as-linux-mapped-by-faults",
        script: "insmod $m/maps.ko; $m/mapped faults; rmmod maps; echo $?; told | grep '^maps' | grep -v taint",
        stdout: &[include_str!("../../../../../test/modules/maps.faults.expected")],
    },
    Case {
        name: "as-linux-ports-and-addresses",
        script: "insmod $m/regions.ko; echo $?; grep -h regions /proc/ioports /proc/iomem | sed 's/^ *//'; grep -c 'System RAM' /proc/iomem | grep -v ^0 >/dev/null
            echo $?; rmmod regions; grep -h regions /proc/ioports /proc/iomem; told | grep ^regions | grep -v taint",
        stdout: &[include_str!("../../../../../test/modules/regions.expected")],
    },
    Case {
        name: "as-linux-dumped-stack",
        script: "insmod $m/dumps.ko; rmmod dumps; told | sed -n '/^dumps: before/,/^dumps: after/s/+0x.*\\(\\[dumps\\]\\).*/ \\1/p; /^dumps/p; /^Call Trace/p' \
            | grep -v '?'",
        stdout: &["dumps: before\nCall Trace:\n inner [dumps]\n outer [dumps]\n", "dumps: after\n"],
    },
    Case {
        name: "as-linux-kinds-of-parameters",
        script: "insmod $m/kinds.ko byte=200 small=-32768 whole=0x10 large=-1 huge=18446744073709551615 lie=1 twice=21 copied=ab
            echo $?; cd /sys/module/kinds/parameters; grep . *; echo 99999 >small; echo 4,5,6 >list; echo N >truth
            echo other >word; echo new >copied; echo 3 >twice; grep . list small truth word copied twice
            echo 1,2,3,4 >list; echo 123456789 >text; cd /; rmmod kinds; told | grep ^kinds
            for bad in byte=256 small=32768 usmall=-1 whole=x uwhole=4294967296 large=9223372036854775808 ularge=-1 huge= \
                truth=maybe lie=3 text=12345678 list=1,2,3,4 list=1,x twice; do insmod $m/kinds.ko $bad 2>&1 | sed \
                's/.*: //'; done; told >/dev/null",
        stdout: &[include_str!("../../../../../test/modules/kinds.expected")],
    },
    Case {
        name: "as-linux-objects-by-hand",
        script: "insmod $m/objects.ko; echo $?; cd /sys/kernel/objects-1; for f in *; do echo $f; done; grep . first a/* third
            readlink link; ls -d /sys/fs/objects objects-set; grep . /sys/class/objects/made /sys/class/objects/*/kind
            cd /sys/bus; grep . objects/width objects/drivers/*/driven; ls platform/devices | grep objects
            grep -h objects /proc/devices; mount -t debugfs none /sys/kernel/debug; cd /sys/kernel/debug/objects; grep . [astux]*
            echo 7 >u8; echo 0x1f >u16; echo 99 >u64; echo 5 >atomic_t; echo abcd >x32; echo 300 >u8; grep . u8 u16 u64 atomic_t x32
            cd /; umount /sys/kernel/debug; rmmod objects; echo $?; told | grep ^objects",
        stdout: &[include_str!("../../../../../test/modules/objects.expected")],
    },
    Case {
        name: "as-linux-sleeps-and-contexts",
        script: "insmod $m/sleeps.ko; echo $?; for how in completion completion-timeout mutex rwsem msleep; do
                (echo $how >/proc/sleeps) 2>/dev/null & sleep 0.2; kill -TERM $!; wait $!; done 2>/dev/null
            for how in completion-killable mutex-killable rwsem-killable; do
                (echo $how >/proc/sleeps) 2>/dev/null & sleep 0.2; kill -TERM $!; sleep 0.1; kill -KILL $!; wait $!; done 2>/dev/null
            rmmod sleeps; echo $?; told | grep ^sleeps",
        stdout: &["0\n0\n", include_str!("../../../../../test/modules/sleeps.expected")],
    },
    Case {
        name: "as-linux-pieces-of-memory",
        script: "insmod $m/iters.ko; $m/fops /dev/iters write:5 gather:3:4 cur:0 set:0 scatter:4:30 cur:0 scatter:4:4 pread:3:2 pwrite:2:6 \
                set:0 bad:4:6 set:0 read:0 gather:16:16 gather:16:16 gather:16:16 set:0 write:16 write:1
            cat /proc/iters; $m/fops /proc/iters read:4 scatter:2:9 write:1; rmmod iters
            told | grep '^iters: [a-z]' | grep -v taint",
        stdout: &[include_str!("../../../../../test/modules/iters.expected")],
    },
    Case {
        name: "as-linux-seeks-of-every-kind",
        script: "insmod $m/seeks.ko; how=/sys/module/seeks/parameters/how
            calls='read:7 cur:3 set:20 set:50 set:51 end:-1 end:1 cur:-100 pread:2:5 write:4 cur:0'
            for h in noop default generic fixed noend noendsize nonseekable stream; do echo $h; printf $h >$how
                $m/fops /dev/seeks $calls; done; echo no; $m/fops /dev/no-seeks $calls
            rmmod seeks; told >/dev/null",
        stdout: &[include_str!("../../../../../test/modules/seeks.expected")],
    },
];

/// On four processors, where Linux says the same.
pub(super) const SHARED_ON_FOUR: [Case; 1] = [says!("as-linux-kprobes-hit-together", "probes")];

/// On four processors, on Gaon alone: a handler that crashes while others are on their way to it.
pub(super) const ON_FOUR: [Case; 1] = [Case {
    name: "kprobes-crash-under-load",
    script: "bad=0; echo >/tmp/go; for i in 1 2 3 4; do (while [ -e /tmp/go ]; do (:); done) & done
        for n in 1 2 3 4 5 6 7 8 9 10; do insmod $m/probing.ko how=null || bad=$((bad+1)); (:)
            grep -q 'probing.*Quarantined' /proc/modules || bad=$((bad+1)); rmmod -f probing || bad=$((bad+1)); done
        rm /tmp/go; wait; mount -t debugfs none /sys/kernel/debug; wc -l </sys/kernel/debug/kprobes/list
        umount /sys/kernel/debug; cat /proc/modules; echo failures $bad; told >/dev/null",
    stdout: &["0\nfailures 0\n"],
}];

/// On Gaon alone.
pub(super) const SERVICES: [Case; 14] = [
    // A handler that crashes, does not end or goes astray; a probe that is left behind.
    Case {
        name: "handlers-of-kprobes-are-contained",
        script: "list() { mount -t debugfs none /sys/kernel/debug; wc -l </sys/kernel/debug/kprobes/list; umount /sys/kernel/debug; }
            told >/dev/null; for how in null away forever; do umask 022; insmod $m/probing.ko symbol=__x64_sys_umask how=$how; echo $how; umask 027; umask
                grep -o Quarantined /proc/modules; rmmod -f probing; list; umask; told | grep -E 'crashed|goes on at|does not end'; done
            insmod $m/probing.ko symbol=__x64_sys_umask how=forget; umask 025; rmmod probing; list; umask; umask 022
            told | sed 's/0x[0-9a-f]*/at/' | grep ^probing",
        stdout: &[
            "null\n0027\nQuarantined\n0\n0027\nmodule probing crashed: it is in quarantine; rmmod takes it away\n",
            "away\n0027\nQuarantined\n0\n0027\nBUG: a kprobe's handler goes on at 0xdead0000beef with its stack at ",
            "forever\n0027\nQuarantined\n0\n0027\nBUG: a call that does not end, with interrupts off [probing]\n",
            "0\n0025\nprobing: __x64_sys_umask hit 1, ended 1, missed 0\nprobing: kprobe at was not given back\n",
        ],
    },
    // In the kernel: first instructions of what handlers do not need.
    Case {
        name: "kprobes-have-their-places",
        script: "try() { insmod $m/probing.ko symbol=$1 offset=$2 2>/dev/null && rmmod probing; told | grep ^probing; }
            try task::clone::clone 0; try task::clone::clone 1; try memcpy 0; try landing_call 0; try kallsyms_lookup_name 0
            try sched::stop::stop_machine 0; try __bss_start 0; grep -c ' T kernel_clone$' /proc/kallsyms",
        stdout: &[
            "probing: task::clone::clone hit 1, ended 1, missed 0\n\
             probing: register_kprobe failed, returned -22\nprobing: register_kprobe failed, returned -22\n\
             probing: register_kprobe failed, returned -22\nprobing: register_kprobe failed, returned -2\n\
             probing: register_kprobe failed, returned -22\nprobing: register_kprobe failed, returned -22\n1\n",
        ],
    },
    // Where nothing may sleep, what may is told and the call ends.
    Case {
        name: "nothing-sleeps-under-a-spinlock",
        script: "insmod $m/forbidden.ko; calls=$(cat /sys/module/forbidden/parameters/names); rmmod forbidden; told >/dev/null
            for call in $calls; do insmod $m/forbidden.ko call=$call 2>/dev/null
                told | grep -q 'sleeping function called from invalid context: .*\\[forbidden\\]' || echo $call is silent
                rmmod -f forbidden 2>/dev/null; done; echo $calls | wc -w; cat /proc/modules",
        stdout: &["52\n"],
    },
    // The ways to oops of document 004, as printed there; on Linux the process dies, and the module stays.
    Case {
        name: "snippets-that-crash",
        script: "for n in 1 2 3 4; do insmod $m/snippets4.ko; (echo $n >/proc/snippets4) 2>/dev/null; echo $n $?
                grep -o Quarantined /proc/modules; rmmod -f snippets4; done; ls /dev/snippets4 2>&1; told >/dev/null",
        stdout: &[
            "1 1\nQuarantined\n2 1\nQuarantined\n3 1\nQuarantined\n4 1\nQuarantined\n",
            "No such file or directory\n",
        ],
    },
    Case {
        name: "what-is-built-in",
        script: "depmod; modprobe unix; echo $?; modprobe -v 8250; echo $?; modinfo -F filename unix
            modinfo -F description lkdtm; modprobe usbcore 2>&1",
        stdout: &[
            "0\n0\n(builtin)\nProvokes crashes\n",
            "Module usbcore not found in directory /lib/modules/6.1.0-gaon\n",
        ],
    },
    // Linux says the same where a line of its interrupts may be shared.
    Case {
        name: "made-text-and-lines",
        script: "insmod $m/shows.ko; echo $?; told; cd /proc/shows; cat whole link sized; wc walk
            head -c 20 walk | tail -c 3; dd if=walk bs=7 skip=3 count=2 2>/dev/null; wc -c <large; cat who
            stat -c '%n %a %u %g' owned; stat -c '%n %a %s' large sized walk who whole line; grep -o 'shows.*' /proc/interrupts; echo x >/dev/ttyS0; cat line; cd /
            rmmod shows; ls /proc/shows 2>&1; grep -c shows /proc/interrupts; told",
        stdout: &[
            "0\nshows: wrong -22 -22 -22\nshows: alone -16\nshows: taken 0 0\n",
            "whole text 42\nwhole text 42\nwhole sized 42\n",
            " 1500 ",
            " 6945 walk\n4\n1",
            "18\n20\n22\n24\n",
            "20001\ncat 1 1 0\nowned 440 12 34\n",
            "large 444 0\nsized 400 1234\nwalk 444 0\nwho 444 0\nwhole 444 0\nline 444 0\n",
            "shows, shows-threads\nseen 1 hard 1 threaded 1 in thread 1\n",
            "No such file or directory\n0\n",
        ],
    },
    // A file of /proc is released when its entry goes: nothing of the module is left behind by it.
    Case {
        name: "open-when-removed",
        script: "insmod $m/shows.ko; exec 3</proc/shows/whole 4</proc/shows/walk; rmmod shows; echo $?; cat <&3 2>&1; exec 3<&- 4<&-
            told; insmod $m/shows.ko; cat /proc/shows/whole; rmmod shows; told >/dev/null",
        stdout: &["0\ncat: read error: Input/output error\n", "shows: taken 0 0\nwhole text 42\n"],
    },
    Case {
        name: "caches-in-slabinfo",
        script: "insmod $m/memory.ko; grep -o '^memory_plain *[0-9]* *[0-9]* *256 ' /proc/slabinfo | tr -s ' '
            grep -c ^memory_test /proc/slabinfo; rmmod memory; grep -c ^memory_ /proc/slabinfo; told | wc -l",
        stdout: &["memory_plain 0 16 256 \n0\n0\n"],
    },
    // The kinds of containment where nobody waits for the module, each from each place that calls it.
    Case {
        name: "late-crashes-are-contained",
        script: "bad=0; for place in timer hrtimer tasklet work delayed thread rcu line; do
                for kind in null wild bug divide jump lockheld sleep; do
                    insmod $m/late.ko place=$place kind=$kind || bad=$((bad+1))
                    [ $place = line ] && echo x >/dev/ttyS0; i=0
                    while [ $i -lt 1000 ] && ! grep -q Quarantined /proc/modules; do i=$((i+1)); done
                    grep -q Quarantined /proc/modules || bad=$((bad+1))
                    rmmod -f late || bad=$((bad+1)); done; done; cat /proc/modules; echo failures $bad; told >/dev/null",
        stdout: &["failures 0\n"],
    },
    // Preemption off for a second of the machine's time, and no end.
    Case {
        name: "endless-calls-are-ended",
        script: "for place in thread work; do insmod $m/late.ko place=$place kind=forever; i=0
                while [ $i -lt 300 ] && ! grep -q Quarantined /proc/modules; do sleep 0.1; i=$((i+1)); done
                rmmod -f late; echo $place $?; told | grep -c 'a call that does not end'; done
            insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello; told >/dev/null",
        stdout: &["thread 0\n1\nwork 0\n1\nHello from kernel module!\n"],
    },
    // Without sleeping, with interrupts and preemption on: the other limit, one second instead of ten. Who sleeps may go on.
    Case {
        name: "calls-that-never-sleep-are-ended",
        script: "cd /sys/kernel/containment; was=$(cat run_ms); echo $was; echo 1000 >run_ms
            insmod $m/late.ko place=file kind=naps; echo x >/proc/late; echo naps $?; grep -c Quarantined /proc/modules; rmmod late
            insmod $m/late.ko place=file kind=busy; echo x 2>/dev/null >/proc/late; echo file $?; rmmod -f late; told | grep 'does not end'
            for place in thread work; do insmod $m/late.ko place=$place kind=busy; i=0
                while [ $i -lt 300 ] && ! grep -q Quarantined /proc/modules; do sleep 0.1; i=$((i+1)); done
                rmmod -f late; echo $place $?; told | grep 'does not end'; done
            echo 3600001 2>/dev/null >run_ms || echo $was >run_ms; cat run_ms; cd /
            insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello; told >/dev/null",
        stdout: &[
            "10000\nnaps 0\n0\nfile 1\nBUG: a call that does not end [late]\nthread 0\nBUG: a call that does not end [late]\n\
             work 0\nBUG: a call that does not end [late]\n10000\nHello from kernel module!\n",
        ],
    },
    Case {
        name: "what-is-left-does-not-come",
        script: "for place in timer hrtimer tasklet work delayed thread rcu line; do
                insmod $m/late.ko place=$place; rmmod late; echo $place $?; done
            told | sed 's/0x[0-9a-f]*/at/'; insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello; told >/dev/null",
        stdout: &[
            "timer 0\nhrtimer 0\ntasklet 0\nwork 0\ndelayed 0\nthread 0\nrcu 0\nline 0\n\
             late: timer at was not given back\n",
            "late: interrupt handler at was not given back\n",
            "Hello from kernel module!\n",
        ],
    },
    // The book has this table as it stands.
    Case {
        name: "wild-writes",
        script: "insmod $m/hello.ko; text=$(grep -m1 -w landing_call /proc/kallsyms); text=${text%% *}
            try() { insmod $m/wild.ko \"where=\\\"$1\\\"\" ${2:+at=$2} 2>/dev/null; rmmod -f wild 2>/dev/null
                if told | grep -q 'went through'; then echo \"| $1 | goes through |\"; else echo \"| $1 | the call ends |\"; fi; }
            part() { cat /sys/module/hello/sections/$1; }
            told >/dev/null; try 'kernel text'; try 'kernel text by its other address' 0xffff88800${text#????????8}
            try 'kernel rodata'; try 'page tables'; try 'page tables of modules'
            try \"the root of the caller's page tables\"; try \"the caller's page tables\"; try 'interrupt table'; try 'own text'; try 'own rodata'
            try \"another module's text\" $(part .text); try \"another module's rodata\" $(part .rodata)
            try 'user memory' 0x400000; try 'addresses with nothing behind them' 0xffffc8ffffff0000
            try \"another module's data\" $(part .gnu.linkonce.this_module); try \"the kernel's data\"; rmmod hello; told >/dev/null",
        stdout: &[include_str!("../../../../../test/modules/wild.table")],
    },
    // Linux says the same with slub_debug=FZU, in its own layout.
    Case {
        name: "redzones-and-poison",
        script: "was=$(cat /sys/kernel/containment/redzones); echo 1 >/sys/kernel/containment/redzones
            for kind in right over late again; do echo $kind; insmod $m/overflow.ko kind=$kind 2>/dev/null; echo $?
                rmmod -f overflow; told | grep -v '^ [^ ]\\|taint' | sed 's/0xffff[0-9a-f]*/at/; s/+0x[0-9a-f/x]* (.*\\// (/'; done
            echo 2 >/sys/kernel/containment/redzones || echo $was >/sys/kernel/containment/redzones; echo $?",
        stdout: &[
            "right\n0\nover\n0\nBUG kmalloc-100: Right Redzone overwritten: at, byte 100 is 0x01\nAllocated in\n\
             \x20 take_block (overflow.c:13) [overflow]\n",
            "Freed in\n  free_block (overflow.c:21) [overflow]\n",
            "late\n0\nBUG kmalloc-100: Poison overwritten: at, byte 7 is 0x01: written after it was freed\nAllocated in\n\
             \x20 take_block (overflow.c:13) [overflow]\n",
            "Freed in\n  free_block (overflow.c:21) [overflow]\n",
            "again\n1\nAllocated in\n  take_block (overflow.c:13) [overflow]\n",
            "Freed in\n  free_block (overflow.c:21) [overflow]\n",
            "BUG: kfree of what was not allocated, or was freed before [overflow]\n",
            "0\n",
        ],
    },
];
