//! Memory: meminfo, buddyinfo, zoneinfo, vmstat, slabinfo, swaps.
use abi::Result;
use core::fmt::Write;
use kmem::slab::SlabInfo;
use vfs::SeqBuf;

const KIB_PER_PAGE: usize = abi::PAGE_SIZE / 1024;

/// /proc/meminfo. Nothing is swapped, written back to a disk, given back from slabs or mapped by huge pages but by hugetlbfs:
/// such lines are 0. Lines about what is not counted are left out.
pub(crate) fn meminfo(_: &(), out: &mut SeqBuf) -> Result<()> {
    let stats = kmem::stats::stats();
    let page_cache = pagecache_pages();
    let anonymous = anon_pages();
    let available = stats.frames.free.saturating_sub(stats.frames.low);
    let mut pages = |name: &str, pages: usize| line(out, name, pages * KIB_PER_PAGE);
    pages("MemTotal", stats.frames.total);
    pages("MemFree", stats.frames.free);
    pages("MemAvailable", available);
    pages("Buffers", 0);
    pages("Cached", page_cache);
    pages("SwapCached", 0);
    // Nothing is aged, nor taken from a program before it lets go: what is in use is active, and no page is a file's on a disk.
    pages("Active", anonymous + page_cache);
    pages("Inactive", 0);
    pages("Active(anon)", anonymous + page_cache);
    pages("Inactive(anon)", 0);
    pages("Active(file)", 0);
    pages("Inactive(file)", 0);
    pages("SwapTotal", 0);
    pages("SwapFree", 0);
    pages("Dirty", 0);
    pages("Writeback", 0);
    pages("AnonPages", anonymous);
    pages("Shmem", page_cache);
    pages("KReclaimable", 0);
    pages("Slab", stats.slab);
    pages("SReclaimable", 0);
    pages("SUnreclaim", stats.slab);
    line(out, "KernelStack", stats.stack_bytes / 1024);
    line(out, "PageTables", stats.tables * KIB_PER_PAGE);
    for none in ["SecPageTables", "NFS_Unstable", "Bounce", "WritebackTmp"] {
        line(out, none, 0);
    }
    line(out, "CommitLimit", mm::commit::limit_pages() * KIB_PER_PAGE);
    line(
        out,
        "Committed_AS",
        mm::commit::committed_pages() * KIB_PER_PAGE,
    );
    line(out, "VmallocTotal", stats.vmalloc.total_bytes / 1024);
    line(out, "VmallocUsed", stats.vmalloc.used_bytes / 1024);
    line(out, "VmallocChunk", 0);
    for none in [
        "AnonHugePages",
        "ShmemHugePages",
        "ShmemPmdMapped",
        "FileHugePages",
        "FilePmdMapped",
    ] {
        line(out, none, 0);
    }
    huge_pages(out);
    Ok(())
}

fn huge_pages(out: &mut SeqBuf) {
    let c = kmem::frame::huge_counts();
    for (name, pages) in [
        ("HugePages_Total", c.total),
        ("HugePages_Free", c.free),
        ("HugePages_Rsvd", c.reserved),
        ("HugePages_Surp", c.surplus),
    ] {
        let _ = writeln!(out, "{:<16}{pages:>8}", Named(name));
    }
    let kib = kmem::frame::HUGE_SIZE / 1024;
    line(out, "Hugepagesize", kib);
    line(out, "Hugetlb", c.total * kib);
}

fn line(out: &mut SeqBuf, name: &str, kib: usize) {
    let _ = writeln!(out, "{:<16}{kib:>8} kB", Named(name));
}

/// A name with its colon, padded as one word.
struct Named<'a>(&'a str);
impl core::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.0)?;
        f.write_char(':')?;
        let width = f.width().unwrap_or(0);
        (self.0.len() + 1..width).try_for_each(|_| f.write_char(' '))
    }
}

fn pagecache_pages() -> usize {
    kmem::charge::pages(kmem::charge::ROOT, kmem::charge::Charge::Cache)
}

/// Anonymous pages of all processes.
fn anon_pages() -> usize {
    let (mut pages, mut from) = (0, 1);
    while let Some(process) = task::process::next_process(from) {
        from = process.nr() + 1;
        pages += process
            .leader()
            .and_then(|task| task.mm())
            .map_or(0, |mm| mm.counters().anon);
    }
    pages
}

/// /proc/buddyinfo: one zone.
pub(crate) fn buddyinfo(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = write!(out, "Node 0, zone {:>8} ", "Normal");
    for count in kmem::frame::stats().by_order {
        let _ = write!(out, "{count:>6} ");
    }
    let _ = writeln!(out);
    Ok(())
}

/// /proc/zoneinfo: the counters of the one zone.
pub(crate) fn zoneinfo(_: &(), out: &mut SeqBuf) -> Result<()> {
    let f = kmem::frame::stats();
    let _ = writeln!(out, "Node 0, zone {:>8}\n  per-node stats", "Normal");
    let kept = counters();
    for (name, value) in &kept[1..] {
        let _ = writeln!(out, "      {name:<12} {value}");
    }
    let _ = writeln!(out, "  pages free     {}", f.free - f.per_cpu);
    for (name, value) in [
        ("min", f.min),
        ("low", f.low),
        ("high", f.high),
        ("managed", f.total),
    ] {
        let _ = writeln!(out, "        {name:<8} {value}");
    }
    let (name, value) = kept[0];
    let _ = writeln!(out, "      {name:<12} {value}");
    Ok(())
}

/// The counters that are kept, in Linux' order: the first is a zone's, the others the node's.
fn counters() -> [(&'static str, usize); 7] {
    let stats = kmem::stats::stats();
    let cached = pagecache_pages();
    [
        ("nr_free_pages", stats.frames.free),
        ("nr_slab_unreclaimable", stats.slab),
        ("nr_anon_pages", anon_pages()),
        ("nr_file_pages", cached),
        ("nr_shmem", cached),
        ("nr_kernel_stack", stats.stack_bytes / 1024),
        ("nr_page_table_pages", stats.tables),
    ]
}

/// /proc/vmstat: the counters that are kept.
pub(crate) fn vmstat(_: &(), out: &mut SeqBuf) -> Result<()> {
    // No swap is; psutil and vmstat ask.
    let swapped = [("pswpin", 0), ("pswpout", 0)];
    for (name, value) in counters().into_iter().chain(swapped) {
        let _ = writeln!(out, "{name} {value}");
    }
    Ok(())
}

/// /proc/swaps: its head.
pub(crate) fn swaps(_: &(), out: &mut SeqBuf) -> Result<()> {
    out.push_bytes(b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    Ok(())
}

/// /proc/slabinfo, version 2.1 (slabinfo(5)).
pub(crate) fn slabinfo(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "slabinfo - version: 2.1");
    let _ = writeln!(
        out,
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> \
         <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>"
    );
    kmem::slab::for_each_info(|s: &SlabInfo| {
        let _ = writeln!(
            out,
            "{:<17} {:>6} {:>6} {:>6} {:>4} {:>4} : tunables {:>4} {:>4} {:>4} : slabdata {:>6} {:>6} {:>6}",
            s.name,
            s.active_objs,
            s.num_objs,
            s.objsize,
            s.objperslab,
            s.pagesperslab,
            0,
            0,
            0,
            s.active_slabs,
            s.num_slabs,
            0
        );
    });
    Ok(())
}
