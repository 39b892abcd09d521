//! What the tests of modules do and what they have to print.

use super::Case;

pub(super) const CASES: [Case; 8] = [
    Case {
        name: "hello",
        script: "insmod $m/hello.ko; echo $?; cat /proc/modules; cat /proc/hello_proc
            echo 'Test message' | tee /proc/hello_proc; grep -c 'hello_read.*\\[hello\\]' /proc/kallsyms
            insmod $m/hello.ko 2>&1; rmmod hello; echo $?; test -e /proc/hello_proc || echo gone; told",
        stdout: &[
            "0\nhello 12288 0 - Live 0xffffffffa",
            "Hello from kernel module!\nTest message\n1\n",
            "File exists",
            "0\ngone\n",
            "Hello module: initializing\nHello module: loaded successfully\nHello module: received 13 bytes\n\
             Hello module: unloaded\n",
        ],
    },
    Case {
        name: "parameters",
        script: "insmod $m/params.ko number=-42 small=9 word='\"a b\"' yes list=1,0x2,3 text=xyz bogus=1; echo $?
            rmmod params; insmod $m/params.ko number=abc 2>/dev/null; echo $?
            insmod $m/params.ko small=70000 2>/dev/null; echo $?
            insmod $m/params.ko list=1,2,3,4,5 2>/dev/null; echo $?
            insmod $m/params.ko text=longlonglong 2>/dev/null; echo $?; cat /proc/modules; told",
        stdout: &[
            "0\n1\n1\n1\n1\n",
            "params: unknown parameter 'bogus' ignored\n",
            "params: number=-42 small=9 word=a b yes=1 list=3:1,2,3,0 text=xyz\n",
            "params: `abc' invalid for parameter `number'\n",
            "params: `70000' invalid for parameter `small'\n",
            "list: can only take 4 arguments\n",
            "params: `longlonglong' too large for parameter `text'\n",
        ],
    },
    Case {
        name: "sysfs",
        script: "insmod $m/params.ko number=7 yes; cd /sys/module/params; cat initstate refcnt taint version coresize initsize
            grep -H . parameters/*; echo 99 >parameters/number; cat parameters/number; cat refcnt
            (echo x >parameters/number) 2>&1; (echo 5 >parameters/list) 2>&1; test -d holders && stat -c %a,%s parameters/yes sections sections/.data
            grep -c '^0xffffffffa0' sections/.data; cd /; rmmod params; ls /sys/module; told
            cat /sys/class/mem/null/uevent /sys/class/mem/null/dev; cd /sys/class/mem/null/subsystem; pwd -P; ls
            readlink -f /sys/dev/char/1:3; echo add >/sys/class/mem/null/uevent; mkdir /sys/class/x; cd /
            mount -t debugfs none /sys/kernel/debug; stat -c %a /sys/kernel/debug; umount /sys/kernel/debug",
        stdout: &[
            "live\n0\nO\n2.5\n12288\n0\n",
            "parameters/number:7\n",
            "parameters/yes:Y\n99\n",
            "I/O error\n",
            "Permission denied\n",
            "600,4096\n755,0\n400,4096\n1\n",
            "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n1:3\n/sys/class/mem\n",
            "null\n",
            "/sys/devices/virtual/mem/null\n700\n",
        ],
    },
    Case {
        name: "no-modules",
        script: "head -c 100 $m/hello.ko >/tmp/cut.ko; insmod /tmp/cut.ko 2>&1
            sed 's/6.1.0-gaon SMP/6.1.0-gone SMP/' $m/hello.ko >/tmp/other.ko; insmod /tmp/other.ko 2>&1
            echo no elf >/tmp/text.ko; insmod /tmp/text.ko 2>&1; rmmod nosuch 2>&1; told",
        stdout: &[
            "Invalid module format\n",
            "Invalid module format\n",
            "Invalid module format\n",
            "nosuch",
            "hello: version magic '6.1.0-gone SMP preempt mod_unload ' should be '6.1.0-gaon SMP preempt mod_unload '\n",
        ],
    },
    Case {
        name: "waits",
        script: "insmod $m/waits.ko; echo $?; cat /proc/waits & sleep 0.3; echo now; echo x >/proc/waits; wait
            cat /proc/waits & sleep 0.3; kill -TERM $!; wait $! 2>/dev/null; echo $?; rmmod waits; echo $?; told",
        stdout: &[
            "0\nnow\nwoken\n143\n0\n",
            "waits: lists 1234\nwaits: text 'a long text tha' 15\nwaits: worked 1\nwaits: runs 2 busy 0\n\
             waits: slept 1\nwaits: time is up 0\n",
            "WARNING: CPU: ",
            "/waits.c:",
            "[waits]\n",
            "waits: warned 1\n",
        ],
    },
    Case {
        name: "advanced-device",
        script: "insmod $m/advanced_device.ko; echo $?; ls -l /dev/advanced_dev; grep advanced /proc/devices
            $m/test_device; exec 3</dev/advanced_dev; cat /proc/modules; rmmod advanced_device 2>&1; lsmod; exec 3<&-
            echo hello | tee /dev/advanced_dev; cat /dev/advanced_dev; rmmod advanced_device; echo $?
            ls /dev/advanced_dev 2>/dev/null || echo gone; grep -c advanced /proc/devices; told",
        stdout: &[
            "0\ncrw-------",
            " 254,   0 ",
            "/dev/advanced_dev\n254 advanced_dev\n",
            "Device opened successfully\nWritten 21 bytes: Hello from userspace!\nCurrent buffer size: 21 bytes\n\
             Buffer reset successfully\nBuffer size after reset: 0 bytes\nDevice closed\n",
            "advanced_device 12288 2 - Live ",
            "Module advanced_device is in use\n",
            "advanced_device        12288  2\n",
            "hello\nhello\n0\ngone\n0\n",
            "Advanced device module initializing\nAdvanced device module loaded (major: 254)\nDevice opened (count: 1)\n\
             Written 21 bytes to device\nDevice buffer reset\nDevice closed (count: 0)\n",
            "Advanced device module unloaded\n",
        ],
    },
    Case {
        name: "crashes-in-operations-are-contained",
        script: "calls='read:1 read:1 write:1 set:1 ioctl:0:7'
            for where in open read write seek ioctl release; do insmod $m/crashdev.ko where=$where || echo cannot load
                echo $where; $m/fops /dev/crashdev $calls; grep -o Quarantined /proc/modules; $m/fops /dev/crashdev read:1
                rmmod -f crashdev || echo cannot unload; ls /dev/crashdev 2>/dev/null; done; cat /proc/modules
            insmod $m/crashdev.ko where=read; exec 3<>/dev/crashdev; head -c 1 <&3 2>/dev/null; rmmod -f crashdev 2>&1
            exec 3<&-; rmmod -f crashdev; echo $?",
        stdout: &[
            "open\nopen: Input/output error\nQuarantined\nopen: No such device or address\n",
            "read\nread:1: Input/output error\nread:1: Input/output error\nwrite:1: Input/output error\n\
             set:1: Input/output error\nioctl:0:7: Input/output error\nclose: 0\nQuarantined\n\
             open: No such device or address\n",
            "write\nread:1: 1\nread:1: 1\nwrite:1: Input/output error\nset:1: Input/output error\n",
            "seek\nread:1: 1\nread:1: 1\nwrite:1: 1\nset:1: Input/output error\nioctl:0:7: Input/output error\n",
            "ioctl\nread:1: 1\nread:1: 1\nwrite:1: 1\nset:1: 1\nioctl:0:7: Input/output error\n",
            "release\nread:1: 1\nread:1: 1\nwrite:1: 1\nset:1: 1\nioctl:0:7: 7\nclose: 0\nQuarantined\n",
            "Resource temporarily unavailable\n0\n",
        ],
    },
    Case {
        name: "crashes-are-contained",
        script: "for kind in null wild noncanonical stack bug divide jump doublefree lockheld locknull mutexnull atomic text
            do insmod $m/crash.ko || echo cannot load; (echo $kind >/proc/crash) 2>/dev/null; echo $kind $?
                grep -o 'Quarantined' /proc/modules; rmmod -f crash || echo cannot unload; done
            insmod $m/crash.ko init=null 2>&1; cat /proc/modules; insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello",
        stdout: &[
            "null 1\nQuarantined\nwild 1\nQuarantined\nnoncanonical 1\nQuarantined\nstack 1\nQuarantined\nbug 1\n\
             Quarantined\ndivide 1\nQuarantined\njump 1\nQuarantined\ndoublefree 1\nQuarantined\nlockheld 1\nQuarantined\n\
             locknull 1\nQuarantined\nmutexnull 1\nQuarantined\natomic 1\nQuarantined\ntext 1\nQuarantined\n",
            "Input/output error\n",
            "Hello from kernel module!\n",
        ],
    },
];
