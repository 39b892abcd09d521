//! What the tests of modules do and what they have to print.

use super::Case;

pub(super) const CASES: [Case; 11] = [
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
            "live\n0\nOE\n2.5\n12288\n0\n",
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
        name: "model",
        script: "insmod $m/model.ko; echo $?; cd /sys/kernel/model; echo *; busybox readlink link; stat -c %A,%s number group
            grep . number group/number things/thing7/*; echo 9 >number; cat number; (echo x >number) 2>&1
            cat group/empty 2>&1; echo 77 >things/thing7/first; cat things/thing7/other; cd /sys/class/modelclass
            cat version created1/uevent created1/dev created1/size; echo 33 >created1/size; cat created1/size own/size
            cd own/device; pwd -P; test -e own/subsystem && echo below; stat -c '%A %t,%T' /dev/model/created1
            grep -v MINOR /sys/class/misc/modelbox/uevent; grep ' 10 misc' /proc/devices; stat -c %A /dev/modelbox
            $m/fops /dev/modelbox flags:2048 poll:0 read:1 write:3 poll:0 read:1 poll:0 set:5 set:200 end:-10 cur:1 \\
                ioctl:0:0 pread:1:0 fsync
            mount -t debugfs none /sys/kernel/debug; cd /sys/kernel/debug/model; grep . *; stat -c %A,%s bits
            echo 1000 >counter; (echo 9 >bits) 2>&1; echo n >truth; echo B >text; cat text
            $m/fops text read:3 set:2 read:10 end:-1; exec 3<text 4</sys/kernel/model/number; cd /; rmmod model 2>&1
            exec 3<&-; rmmod model; echo $?; cat <&4 2>&1; exec 4<&-; umount /sys/kernel/debug; told >/tmp/told
            ls /sys/kernel/model /dev/model /dev/modelbox /sys/class/modelclass /sys/class/misc/modelbox 2>/dev/null
            grep -v '^ ' /tmp/told",
        stdout: &[
            "0\ngroup link number second things\nsecond\n-rw-r--r--,4096\ndrwxr-xr-x,0\n",
            "number:model 3\ngroup/number:model 3\nthings/thing7/first:first of thing7 is 42\n\
             things/thing7/other:other of thing7 is 42\nmodel 9\n",
            "I/O error\n",
            "Input/output error\nother of thing7 is 77\n1.5\nMAJOR=400\nMINOR=7\nDEVNAME=model/created1\nDEVMODE=0640\n\
             400:7\ncreated1 11\ncreated1 33\nown 22\n/sys/devices/virtual/modelclass/created1\nbelow\n\
             crw-r----- 190,7\nMAJOR=10\nDEVNAME=modelbox\nDEVMODE=0666\n 10 misc\ncrw-rw-rw-\n",
            "flags:2048: 0\npoll:0: 4\nread:1: Resource temporarily unavailable\nwrite:3: 3\npoll:0: 1\nread:1: 1\n\
             poll:0: 4\nset:5: 5\nset:200: Invalid argument\nend:-10: 90\ncur:1: 91\n\
             ioctl:0:0: Inappropriate ioctl for device\npread:1:0: Resource temporarily unavailable\n\
             fsync: Invalid argument\nclose: 0\n",
            "bits:0x00ab\nblob:a blob\ncounter:5\ntext:a blob\ntruth:Y\n-r--r--r--,0\n",
            "I/O error\nB\nblob\nread:3: 3\nset:2: 2\nread:10: 5\nend:-1: Invalid argument\nclose: 0\n",
            "Module model is in use\n0\n",
            "No such device\n",
            "sysfs: cannot create duplicate filename '/kernel/model/number'\n",
            "model: file 0, again -17\nmodel: group 0\nmodel: link 0\n",
            "kobject_add_internal failed for second with -EEXIST, don't try",
            "model: taken 1\nmodel: thing 0\n",
            "model: class again -17\nmodel: class file 0\n",
            "model: created 0, again -17\nmodel: own 0\nmodelclass own: says 1\nmodelclass created1: says two\n\
             model: misc 0 ",
            "model: debugfs 0 0\ndebugfs: Directory 'model' with parent '/' already present!\nmodel: taken -17\n\
             model: modelbox opened, minor 1\n",
            "model: own released\nmodel: thing 77 released\nmodel: counter 1000 bits ab truth 0 text B\n",
        ],
    },
    Case {
        name: "buses",
        script: "insmod $m/buses.ko; echo $?; cd /sys/bus/testbus; ls devices drivers; cat limit; readlink -f drivers/good/good1
            busybox readlink -f devices/good1/driver; cat devices/good1/uevent; ls /sys/bus/platform/drivers/testplat
            ls -d /sys/devices/platform/testplat.?; cat /sys/bus/platform/devices/testplat.1/uevent | grep DRIVER
            cd /; rmmod buses; echo $?; test -e /sys/bus/testbus || echo gone; ls /sys/bus/platform/devices | grep testplat
            told",
        stdout: &[
            "0\n",
            "bad2\n",
            "good1\n",
            "good\n",
            "limit of testbus\n/sys/devices/good1\n/sys/bus/testbus/drivers/good\nDRIVER=good\n",
            "testplat.1\n",
            "/sys/devices/platform/testplat.1\n/sys/devices/platform/testplat.9\nDRIVER=testplat\n0\ngone\n",
            "buses: bus 0\nbuses: file 0\nbuses: first 0\ngood good1: probed\nbuses: driver 0\nbuses: second 0\n\
             buses: bound 1 1\nbuses: resources 0\nbuses: one 0\ntestplat testplat.1: probed 1, 256 bytes\n\
             buses: platform 0\ntestplat testplat.9: probed 9, 0 bytes\n",
            "testplat: probe of testplat.9 failed with error -22\nbuses: nine 0\ntestplat testplat.1: left 1\n\
             buses: bad2 released\ngood good1: left\nbuses: good1 released\n",
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
             waits: on two queues 2\nwaits: slept 1\nwaits: time is up 0\n",
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
    // What is mapped: kept while a process sees it, whatever the module does, and gone from there when the module crashes.
    Case {
        name: "crashes-of-what-is-mapped",
        script: "for i in 1 2; do insmod $m/maps.ko hostile=1; $m/mapped crashes; grep -o Quarantined /proc/modules
                $m/mapped hold /dev/maps-rows; rmmod -f maps || echo cannot unload; done; test -e /dev/maps-rows || echo gone
            told | grep -E '^maps: fault|^module maps|not given back.*mapping'; insmod $m/maps.ko; taken=$(cat /sys/kernel/containment/taken)
            i=0; while [ $i -lt 30 ]; do $m/mapped rows >/dev/null; $m/mapped faults >/dev/null; i=$((i+1)); done
            [ $taken = $(cat /sys/kernel/containment/taken) ] && echo all given back; rmmod maps; echo $?
            insmod $m/maps.ko; $m/mapped proc; cat /proc/modules; echo end; told >/dev/null",
        stdout: &[
            "row: r1\ngiven back: 0\nstill: K r3\nasked: s1, SIGBUS\ncrashed: SIGBUS\nrevoked: SIGBUS SIGBUS SIGBUS\n\
             map 4 0: Input/output error\nchild: SIGBUS\nQuarantined\n/dev/maps-rows: No such device or address\n",
            "row: r1\n",
            "Quarantined\n",
            "gone\nmaps: fault gave what is no page\nmodule maps crashed: it is in quarantine; rmmod takes it away\n",
            "all given back\n0\nproc: r2\nunloaded: 0\nthen: SIGBUS SIGBUS\nend\n",
        ],
    },
    Case {
        name: "crashes-are-contained",
        script: "for kind in null wild noncanonical stack calls bug divide jump doublefree lockheld locknull mutexnull atomic text
            do insmod $m/crash.ko || echo cannot load; (echo $kind >/proc/crash) 2>/dev/null; echo $kind $?
                grep -o 'Quarantined' /proc/modules; rmmod -f crash || echo cannot unload; done
            insmod $m/crash.ko init=null 2>&1; cat /proc/modules; insmod $m/hello.ko && cat /proc/hello_proc; rmmod hello",
        stdout: &[
            "null 1\nQuarantined\nwild 1\nQuarantined\nnoncanonical 1\nQuarantined\nstack 1\nQuarantined\ncalls 1\nQuarantined\nbug 1\n\
             Quarantined\ndivide 1\nQuarantined\njump 1\nQuarantined\ndoublefree 1\nQuarantined\nlockheld 1\nQuarantined\n\
             locknull 1\nQuarantined\nmutexnull 1\nQuarantined\natomic 1\nQuarantined\ntext 1\nQuarantined\n",
            "Input/output error\n",
            "Hello from kernel module!\n",
        ],
    },
];
