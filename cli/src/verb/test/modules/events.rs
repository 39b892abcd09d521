//! What user space is told of devices and modules, as Debian's udevadm shows it; the same on Linux 6.1.

use super::Case;

/// Where Debian's package udev has it.
pub(super) const UDEVADM: &str = "/bin/udevadm";

pub(super) const CASES: [Case; 2] = [
    Case {
        name: "udevadm-monitor",
        script: "udevadm monitor --kernel --property >/tmp/mon 2>&1 & p=$!
            i=0; while [ $i -lt 200 ] && ! grep -q KERNEL /tmp/mon; do sleep 0.05; i=$((i+1)); done
            echo change >/sys/class/mem/null/uevent; for k in advanced_device buses model; do insmod $m/$k.ko; rmmod $k; done
            echo 'online fe4d7c9d-b8c6-4a70-9ef1-3d8a58d18eed LAST=1' >/sys/class/mem/null/uevent
            i=0; while [ $i -lt 200 ] && ! grep -q LAST /tmp/mon; do sleep 0.05; i=$((i+1)); done
            sleep 0.2; kill $p; wait $p; sed -n 's/^KERNEL\\[[0-9.]*\\] *//; /^SEQNUM/d; /^ACTION/d; /^DEVPATH/d; /^SUBSYSTEM/d; p' /tmp/mon |
                sed '/^$/d; s/  */ /g; s/^\\(MAJOR=2\\).*/\\1../; /^MINOR=1/d'
            rm /tmp/mon; told >/dev/null",
        stdout: &[include_str!(
            "../../../../../test/modules/udevadm.expected"
        )],
    },
    Case {
        name: "udevadm-info",
        script: "udevadm info /sys/class/mem/null; udevadm info -q path -n /dev/null; udevadm info -q property -n /dev/zero
            udevadm info -a -p /devices/virtual/mem/null | grep -v 'ATTR{power' | tail -n 5
            udevadm info --export-db | grep -c '^P: /devices/virtual/mem/[a-z]*$'; udevadm info /nothing 2>&1
            for f in /sys/module/module/uevent /sys/kernel/uevent_seqnum; do stat -c %A $f; done 2>&1",
        stdout: &[
            "P: /devices/virtual/mem/null\nM: null\nU: mem\nD: c 1:3\nN: null\nL: 0\nE: DEVPATH=/devices/virtual/mem/null\n\
             E: SUBSYSTEM=mem\nE: DEVNAME=/dev/null\nE: DEVMODE=0666\nE: MAJOR=1\nE: MINOR=3\n\n",
            "/devices/virtual/mem/null\n",
            "DEVPATH=/devices/virtual/mem/zero\nDEVNAME=/dev/zero\nDEVMODE=0666\nMAJOR=1\nMINOR=5\nSUBSYSTEM=mem\n",
            "  looking at device '/devices/virtual/mem/null':\n    KERNEL==\"null\"\n    SUBSYSTEM==\"mem\"\n    DRIVER==\"\"\n",
            "Unknown device \"/nothing\"",
            "-r--r--r--\n",
        ],
    },
];
