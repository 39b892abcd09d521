//! The CPU's feature flags by name, as /proc/cpuinfo shows them.

use super::cpuid;

/// Names of a CPUID register's bits; an empty name is a bit that isn't shown.
type Names = [&'static str; 32];

#[rustfmt::skip]
const LEAF_1_EDX: Names = [
    "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge", "mca", "cmov",
    "pat", "pse36", "pn", "clflush", "", "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe",
];
#[rustfmt::skip]
const LEAF_80000001_EDX: Names = [
    "", "", "", "", "", "", "", "", "", "", "", "syscall", "", "", "", "",
    "", "", "", "mp", "nx", "", "mmxext", "", "", "fxsr_opt", "pdpe1gb", "rdtscp", "", "lm", "3dnowext", "3dnow",
];
#[rustfmt::skip]
const LEAF_1_ECX: Names = [
    "pni", "pclmulqdq", "dtes64", "monitor", "ds_cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", "sdbg", "fma", "cx16",
    "xtpr", "pdcm", "", "pcid", "dca", "sse4_1", "sse4_2", "x2apic", "movbe", "popcnt", "tsc_deadline_timer", "aes",
    "xsave", "", "avx", "f16c", "rdrand", "hypervisor",
];
#[rustfmt::skip]
const LEAF_80000001_ECX: Names = [
    "lahf_lm", "cmp_legacy", "svm", "extapic", "cr8_legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch", "osvw",
    "ibs", "xop", "skinit", "wdt", "", "lwp", "fma4", "tce", "", "nodeid_msr", "", "tbm", "topoext", "perfctr_core",
    "perfctr_nb", "", "bpext", "ptsc", "perfctr_llc", "mwaitx", "", "",
];
#[rustfmt::skip]
const LEAF_7_EBX: Names = [
    "fsgsbase", "tsc_adjust", "sgx", "bmi1", "hle", "avx2", "", "smep", "bmi2", "erms", "invpcid", "rtm", "cqm", "", "mpx",
    "rdt_a", "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "", "clflushopt", "clwb", "intel_pt",
    "avx512pf", "avx512er", "avx512cd", "sha_ni", "avx512bw", "avx512vl",
];
#[rustfmt::skip]
const LEAF_7_ECX: Names = [
    "", "avx512vbmi", "umip", "", "", "waitpkg", "avx512_vbmi2", "", "gfni", "vaes", "vpclmulqdq", "avx512_vnni",
    "avx512_bitalg", "tme", "avx512_vpopcntdq", "", "", "", "", "", "", "", "rdpid", "", "bus_lock_detect",
    "cldemote", "", "movdiri", "movdir64b", "enqcmd", "", "",
];
#[rustfmt::skip]
const LEAF_7_EDX: Names = [
    "", "", "avx512_4vnniw", "avx512_4fmaps", "fsrm", "", "", "", "avx512_vp2intersect", "", "md_clear", "", "", "",
    "serialize", "", "tsxldtrk", "", "pconfig", "arch_lbr", "", "", "amx_bf16", "avx512_fp16", "amx_tile", "amx_int8",
    "", "", "flush_l1d", "arch_capabilities", "", "",
];
#[rustfmt::skip]
const LEAF_D_1_EAX: Names = [
    "xsaveopt", "xsavec", "xgetbv1", "xsaves", "", "", "", "", "", "", "", "", "", "", "", "",
    "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "",
];

/// The flags that the CPU has, in /proc/cpuinfo's order and names. pku, la57 and what else needs the kernel's help that
/// it doesn't give are left out.
pub fn flags() -> impl Iterator<Item = &'static str> {
    let max = cpuid(0, 0).eax;
    let max_extended = cpuid(0x8000_0000, 0).eax;
    let leaf = |leaf: u32, subleaf: u32| {
        let limit = if leaf >= 0x8000_0000 {
            max_extended
        } else {
            max
        };
        let present = leaf <= limit;
        if present {
            cpuid(leaf, subleaf)
        } else {
            cpuid(0x8000_0000 - 1, 0)
        }
    };
    let (one, extended) = (leaf(1, 0), leaf(0x8000_0001, 0));
    let seven = if max >= 7 { Some(leaf(7, 0)) } else { None };
    let xsave = if max >= 0xd { Some(leaf(0xd, 1)) } else { None };
    let words = [
        (one.edx, &LEAF_1_EDX),
        (
            if max_extended >= 0x8000_0001 {
                extended.edx
            } else {
                0
            },
            &LEAF_80000001_EDX,
        ),
        (one.ecx, &LEAF_1_ECX),
        (
            if max_extended >= 0x8000_0001 {
                extended.ecx
            } else {
                0
            },
            &LEAF_80000001_ECX,
        ),
        (xsave.map_or(0, |word| word.eax), &LEAF_D_1_EAX),
        (seven.map_or(0, |word| word.ebx), &LEAF_7_EBX),
        (seven.map_or(0, |word| word.ecx), &LEAF_7_ECX),
        (seven.map_or(0, |word| word.edx), &LEAF_7_EDX),
    ];
    words.into_iter().flat_map(|(word, names)| {
        names
            .iter()
            .enumerate()
            .filter(move |(bit, name)| word >> bit & 1 != 0 && !name.is_empty())
            .map(|(_, name)| *name)
    })
}
