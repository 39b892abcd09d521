//! From counts by address to the functions that they stand for.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Programs stand below this address, the kernel above.
const USER_END: u64 = 1 << 47;
/// The name of all that is not the kernel's: the benchmark's own loop and its library.
const PROGRAM: &str = "[program]";

/// A kernel's functions, by address.
pub(super) struct Symbols(Vec<(u64, String)>);

impl Symbols {
    /// Reads a System.map or /proc/kallsyms: address, kind, name. Of names at the same address the first stays, but for
    /// marks (`_text` and the like stand before the function that begins there).
    pub(super) fn parse(text: &str) -> Self {
        let mut functions: Vec<(u64, String)> = Vec::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            if let (Ok(address), "t" | "T" | "w" | "W") = (u64::from_str_radix(address, 16), kind) {
                functions.push((address, name.to_owned()));
            }
        }
        functions.sort_by_key(|(address, _)| *address);
        functions.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same && MARKS.contains(&first.1.as_str()) {
                first.1.clone_from(&later.1);
            }
            same
        });
        Self(functions)
    }

    /// The function that the address is in.
    fn find(&self, address: u64) -> Option<&str> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        Some(&self.0[after.checked_sub(1)?].1)
    }
}

/// Symbols that the linker script sets, no functions.
const MARKS: [&str; 5] = [
    "_text",
    "_stext",
    "startup_64",
    "__entry_text_start",
    "__irqentry_text_start",
];

/// A function and what it cost one iteration.
#[derive(Debug, PartialEq)]
pub(super) struct Spent {
    pub(super) function: String,
    /// Instructions.
    pub(super) each: f64,
    /// Of all instructions of the iteration.
    pub(super) share: f64,
    /// What was inlined into it, hottest first, with the function's own rest under its own name.
    pub(super) inlined: Vec<(String, f64)>,
}

/// Sums the counts of a section up by function, hottest first. `inlined` names the innermost function at an address as
/// the compiler's tables have it; nothing where there are none, or where nothing was inlined.
pub(super) fn functions(
    counts: &[(u64, u64)],
    iterations: u64,
    symbols: &Symbols,
    mut inlined: impl FnMut(u64) -> Option<String>,
) -> Vec<Spent> {
    let mut sums: BTreeMap<&str, BTreeMap<Option<String>, u64>> = BTreeMap::new();
    let mut all = 0;
    for (address, count) in counts {
        let (name, inner) = if *address < USER_END {
            (PROGRAM, None)
        } else {
            (
                symbols.find(*address).unwrap_or("[unknown]"),
                inlined(*address),
            )
        };
        *sums.entry(name).or_default().entry(inner).or_default() += count;
        all += count;
    }
    let each = |count: u64| count as f64 / iterations.max(1) as f64;
    let spent = sums.into_iter().map(|(name, parts)| {
        let sum: u64 = parts.values().sum();
        let mut inlined = Vec::new();
        if parts.keys().any(Option::is_some) {
            let own = || "itself".to_owned();
            let parts = parts.into_iter();
            inlined.extend(parts.map(|(inner, count)| (inner.unwrap_or_else(own), each(count))));
            inlined.sort_by(|a, b| b.1.total_cmp(&a.1));
        }
        Spent {
            function: name.to_owned(),
            each: each(sum),
            share: sum as f64 / all.max(1) as f64,
            inlined,
        }
    });
    let mut spent: Vec<Spent> = spent.collect();
    spent.sort_by(|a, b| {
        b.each
            .total_cmp(&a.each)
            .then_with(|| a.function.cmp(&b.function))
    });
    spent
}

/// The functions as lines of a terminal: those of at least one instruction, at most `lines` of them.
pub(super) fn listing(spent: &[Spent], lines: usize) -> String {
    let mut out = String::new();
    let (shown, rest) = spent.split_at(spent.len().min(lines));
    for one in shown.iter().filter(|one| one.each >= 0.95) {
        let _ = writeln!(
            out,
            "{:>7.1} % {:>11.1}  {}",
            one.share * 100.0,
            one.each,
            one.function
        );
        let parts: Vec<String> = one
            .inlined
            .iter()
            .filter(|(_, each)| *each >= 0.95)
            .take(6)
            .map(|(name, each)| format!("{name} {each:.1}"))
            .collect();
        if parts.len() > 1 {
            let _ = writeln!(out, "{:>24}{}", "", parts.join(", "));
        }
    }
    let rest: f64 = rest.iter().map(|one| one.each).sum();
    if rest >= 0.95 {
        let _ = writeln!(out, "{rest:>21.1}  elsewhere");
    }
    out
}

/// The few hottest functions in one cell of a Markdown table.
pub(super) fn cell(spent: &[Spent], few: usize) -> String {
    let hot = spent.iter().take(few).map(|one| {
        // The last two parts of a path say enough beside the operation's name.
        format!("`{}` {:.0} %", short(&one.function), one.share * 100.0)
    });
    hot.collect::<Vec<_>>().join(", ")
}

/// `a::b::C::d` as `C::d`; `<a::B>::c` as `B::c`; `<a::B_as_c::D>::e` as `<B as D>::e`; without LLVM's number at the end.
fn short(name: &str) -> String {
    let last = |path: &str, parts: usize| {
        let parts: Vec<&str> = path.rsplitn(parts + 1, "::").take(parts).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("::")
    };
    let name = match name.rsplit_once('.') {
        Some((plain, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => plain,
        _ => name,
    };
    let typed = name
        .strip_prefix('<')
        .and_then(|rest| rest.split_once(">::"));
    match typed.map(|(types, method)| (types.split_once("_as_"), types, method)) {
        Some((Some((own, of)), _, method)) => {
            format!("<{} as {}>::{method}", last(own, 1), last(of, 1))
        }
        Some((None, own, method)) => format!("{}::{method}", last(own, 1)),
        None => last(name, 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "ffffffff80200000 T _text\nffffffff80200000 T boot_entry\nffffffff80200100 t vfs::file::File::read\n\
                       ffffffff80200200 R _rodata\nffffffff80200300 T after\n";

    #[test]
    fn addresses_belong_to_the_function_before_them() {
        let symbols = Symbols::parse(MAP);
        assert_eq!(symbols.find(0xffff_ffff_8020_0000), Some("boot_entry"));
        assert_eq!(symbols.find(0xffff_ffff_8020_00ff), Some("boot_entry"));
        assert_eq!(
            symbols.find(0xffff_ffff_8020_0250),
            Some("vfs::file::File::read")
        );
        assert_eq!(symbols.find(0xffff_ffff_8020_0300), Some("after"));
        assert_eq!(symbols.find(0xffff_8880_0000_0000), None);
    }

    #[test]
    fn counts_add_up_by_function() {
        let counts = [
            (0x40_1000, 10),
            (0x7f00_0000_1000, 10),
            (0xffff_ffff_8020_0104, 30),
            (0xffff_ffff_8020_0108, 30),
            (0xffff_ffff_8020_0300, 20),
        ];
        let inner = |address: u64| (address == 0xffff_ffff_8020_0108).then(|| "min".to_owned());
        let spent = functions(&counts, 10, &Symbols::parse(MAP), inner);
        let told: Vec<(&str, f64, f64)> = spent
            .iter()
            .map(|one| (one.function.as_str(), one.each, one.share))
            .collect();
        assert_eq!(
            told,
            [
                ("vfs::file::File::read", 6.0, 0.6),
                ("[program]", 2.0, 0.2),
                ("after", 2.0, 0.2)
            ]
        );
        assert_eq!(
            spent[0].inlined,
            [("itself".to_owned(), 3.0), ("min".to_owned(), 3.0)]
        );
        assert!(spent[1].inlined.is_empty());
        assert_eq!(cell(&spent, 2), "`File::read` 60 %, `[program]` 20 %");
        assert!(listing(&spent, 1).ends_with("4.0  elsewhere\n"));
    }

    #[test]
    fn names_are_cut_to_what_tells_them_apart() {
        assert_eq!(short("vfs::file::File::read"), "File::read");
        assert_eq!(
            short("<devtmpfs::mem::Zero_as_vfs::file::FileOps>::read"),
            "<Zero as FileOps>::read"
        );
        assert_eq!(
            short("<vfs::dentry::Dentry>::cached_child"),
            "Dentry::cached_child"
        );
        assert_eq!(
            short("kmem::page_alloc::alloc_page.305"),
            "page_alloc::alloc_page"
        );
        assert_eq!(short("vfs_read.part.0"), "vfs_read.part");
        assert_eq!(short("entry_SYSCALL_64"), "entry_SYSCALL_64");
        assert_eq!(short("sched::yield_now"), "sched::yield_now");
    }
}
