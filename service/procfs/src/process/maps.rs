//! maps, smaps, smaps_rollup.
use super::Who;
use abi::Result;
use core::fmt::{self, Write};
use mm::{AreaPages, VmFlags, VmaInfo};
use vfs::{SeqBuf, major, minor};

const KIB_PER_PAGE: usize = abi::PAGE_SIZE / 1024;

/// One line an area.
pub(crate) fn maps(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(mm) = who.task.mm() else {
        return Ok(());
    };
    mm.for_each_vma(0, &mut |vma| {
        head(vma, out);
        true
    });
    if let Some(vsyscall) = task::vsyscall::area() {
        head(&vsyscall, out);
    }
    Ok(())
}

fn head(vma: &VmaInfo<'_>, out: &mut SeqBuf) {
    let before = out.len();
    let flag = |f: VmFlags, yes: char, no: char| if vma.flags.contains(f) { yes } else { no };
    let (dev, ino) = vma.object.map_or((0, 0), |object| object.dev_ino());
    let _ = write!(
        out,
        "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {ino} ",
        vma.start,
        vma.end,
        flag(VmFlags::READ, 'r', '-'),
        flag(VmFlags::WRITE, 'w', '-'),
        flag(VmFlags::EXEC, 'x', '-'),
        flag(VmFlags::SHARED, 's', 'p'),
        vma.offset,
        major(dev),
        minor(dev),
    );
    if vma.object.is_some() || vma.name.is_some() {
        while out.len() - before < 73 {
            out.push_bytes(b" ");
        }
        let _ = name(vma, out);
    }
    out.push_bytes(b"\n");
}

fn name(vma: &VmaInfo<'_>, out: &mut SeqBuf) -> fmt::Result {
    match (vma.object, vma.name) {
        (Some(object), _) => object.write_path(out),
        (None, Some(name)) => out.write_str(name),
        (None, None) => Ok(()),
    }
}

/// maps with page counts.
pub(crate) fn smaps(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(mm) = who.task.mm() else {
        return Ok(());
    };
    mm.for_each_vma(0, &mut |vma| {
        detail(vma, &mm.area_pages(vma.start..vma.end), out);
        true
    });
    if let Some(vsyscall) = task::vsyscall::area() {
        detail(&vsyscall, &AreaPages::default(), out);
    }
    Ok(())
}

/// An area of smaps with what is in memory of it.
fn detail(vma: &VmaInfo<'_>, found: &AreaPages, out: &mut SeqBuf) {
    head(vma, out);
    let kib = (vma.end - vma.start) / 1024;
    let _ = writeln!(
        out,
        "Size:           {kib:>8} kB\nKernelPageSize: {0:>8} kB\nMMUPageSize:    {0:>8} kB",
        if vma.flags.contains(VmFlags::HUGETLB) {
            2048
        } else {
            4
        }
    );
    line(out, "Rss", found.rss);
    share(out, "Pss", found.pss_4096);
    share(out, "Pss_Dirty", found.pss_dirty_4096);
    pages(found, locked(vma, found.pss_4096), out);
    let _ = writeln!(out, "THPeligible:    {:>8}", 0);
    flags(vma.flags, out);
}

fn flags(flags: VmFlags, out: &mut SeqBuf) {
    let _ = write!(out, "VmFlags:");
    // What is shared but may never be written is called shareable alone.
    let shared = VmFlags::SHARED.union(VmFlags::MAY_WRITE);
    for (flag, short) in [
        (VmFlags::READ, "rd"),
        (VmFlags::WRITE, "wr"),
        (VmFlags::EXEC, "ex"),
        (shared, "sh"),
        (VmFlags::MAY_READ, "mr"),
        (VmFlags::MAY_WRITE, "mw"),
        (VmFlags::MAY_EXEC, "me"),
        (VmFlags::SHARED, "ms"),
        (VmFlags::GROWS_DOWN, "gd"),
        (VmFlags::PFN_MAP, "pf"),
        (VmFlags::LOCKED, "lo"),
        (VmFlags::IO, "io"),
        (VmFlags::SEQ_READ, "sr"),
        (VmFlags::RAND_READ, "rr"),
        (VmFlags::DONT_FORK, "dc"),
        (VmFlags::DONT_EXPAND, "de"),
        (VmFlags::LOCK_ON_FAULT, "lf"),
        (VmFlags::ACCOUNT, "ac"),
        (VmFlags::NO_RESERVE, "nr"),
        (VmFlags::HUGETLB, "ht"),
        (VmFlags::WIPE_ON_FORK, "wf"),
        (VmFlags::DONT_DUMP, "dd"),
        (VmFlags::MIXED_MAP, "mm"),
        (VmFlags::HUGE, "hg"),
        (VmFlags::NO_HUGE, "nh"),
    ] {
        if flags.contains(flag) {
            let _ = write!(out, " {short}");
        }
    }
    let _ = writeln!(out, " ");
}

/// What of an area's proportional share is locked in memory: all of it or none.
fn locked(vma: &VmaInfo<'_>, pss_4096: usize) -> usize {
    if vma.flags.contains(VmFlags::LOCKED) {
        pss_4096
    } else {
        0
    }
}

/// A sum of shares, each page's in 4096ths.
fn share(out: &mut SeqBuf, name: &'static str, sum_4096: usize) {
    let _ = writeln!(out, "{:<16}{:>8} kB", Colon(name), sum_4096 / 1024);
}

/// The lines below the shares. Nothing is freed lazily, swapped out or, but for hugetlbfs, mapped by huge pages.
fn pages(p: &AreaPages, locked_4096: usize, out: &mut SeqBuf) {
    for (name, pages) in [
        ("Shared_Clean", p.shared_clean),
        ("Shared_Dirty", p.shared_dirty),
        ("Private_Clean", p.private_clean),
        ("Private_Dirty", p.private_dirty),
        ("Referenced", p.referenced),
        ("Anonymous", p.anonymous),
        ("LazyFree", 0),
        ("AnonHugePages", 0),
        ("ShmemPmdMapped", 0),
        ("FilePmdMapped", 0),
        ("Shared_Hugetlb", p.shared_huge),
        ("Private_Hugetlb", p.private_huge),
        ("Swap", 0),
        ("SwapPss", 0),
    ] {
        line(out, name, pages);
    }
    share(out, "Locked", locked_4096);
}

fn line(out: &mut SeqBuf, name: &'static str, pages: usize) {
    let _ = writeln!(out, "{:<16}{:>8} kB", Colon(name), pages * KIB_PER_PAGE);
}

struct Colon(&'static str);
impl fmt::Display for Colon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.0)?;
        (self.0.len() + 1..f.width().unwrap_or(0)).try_for_each(|_| f.write_char(' '))
    }
}

/// The sums over all areas.
pub(crate) fn smaps_rollup(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let Some(mm) = who.task.mm() else {
        return Ok(());
    };
    let (mut sum, mut sum_locked, mut sum_shmem) = (AreaPages::default(), 0, 0);
    let (mut first, mut last) = (None, 0);
    mm.for_each_vma(0, &mut |vma| {
        let before = (sum.pss_4096, sum.pss_anon_4096);
        mm.count_pages(vma.start..vma.end, &mut sum);
        let added = sum.pss_4096 - before.0;
        sum_locked += locked(vma, added);
        if vma.flags.contains(VmFlags::SHMEM) {
            sum_shmem += added - (sum.pss_anon_4096 - before.1);
        }
        first.get_or_insert(vma.start);
        last = vma.end;
        true
    });
    let _ = writeln!(
        out,
        "{:08x}-{last:08x} ---p 00000000 00:00 0                                  [rollup]",
        first.unwrap_or(0)
    );
    line(out, "Rss", sum.rss);
    for (name, of) in [
        ("Pss", sum.pss_4096),
        ("Pss_Dirty", sum.pss_dirty_4096),
        ("Pss_Anon", sum.pss_anon_4096),
        ("Pss_File", sum.pss_4096 - sum.pss_anon_4096 - sum_shmem),
        ("Pss_Shmem", sum_shmem),
    ] {
        share(out, name, of);
    }
    pages(&sum, sum_locked, out);
    Ok(())
}
