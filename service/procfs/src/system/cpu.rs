//! CPUs: cpuinfo, stat, interrupts, softirqs, loadavg, uptime.
use abi::Result;
use core::fmt::Write;
use hal::cpu::Place;
use irq::softirq::ALL;
use time::ns_to_clock_t;
use vfs::SeqBuf;

/// /proc/cpuinfo.
pub(crate) fn cpuinfo(_: &(), out: &mut SeqBuf) -> Result<()> {
    let signature = hal::cpu::signature();
    let khz = hal::cpu::khz();
    for cpu in sched::stats::active_cpus().iter() {
        let _ = writeln!(out, "processor\t: {cpu}");
        let _ = writeln!(out, "vendor_id\t: {}", hal::cpu::vendor());
        let _ = writeln!(out, "cpu family\t: {}", signature.family);
        let _ = writeln!(out, "model\t\t: {}", signature.model);
        let _ = writeln!(out, "model name\t: {}", hal::cpu::model_name());
        let _ = writeln!(out, "stepping\t: {}", signature.stepping);
        let _ = writeln!(out, "cpu MHz\t\t: {}.{:03}", khz / 1000, khz % 1000);
        if let Some(place) = hal::cpu::place(cpu) {
            neighbours(out, place);
        }
        let apic_id = hal::cpu::apic_id(cpu);
        let _ = writeln!(out, "apicid\t\t: {apic_id}\ninitial apicid\t: {apic_id}");
        // Each x86-64 CPU has these.
        let _ = writeln!(out, "fpu\t\t: yes\nfpu_exception\t: yes");
        let highest = hal::cpu::cpuid(0, 0).eax;
        let _ = writeln!(out, "cpuid level\t: {highest}\nwp\t\t: yes");
        let _ = write!(out, "flags\t\t:");
        for flag in hal::cpu::flags() {
            let _ = write!(out, " {flag}");
        }
        let (physical, virt) = hal::cpu::address_bits();
        // A delay counts the TSC, two steps a loop.
        let _ = writeln!(out, "\nbogomips\t: {}.{:02}", khz / 500, khz / 5 % 100);
        let _ = writeln!(out, "clflush size\t: 64\ncache_alignment\t: 64");
        let _ = writeln!(
            out,
            "address sizes\t: {physical} bits physical, {virt} bits virtual\npower management:\n"
        );
    }
    Ok(())
}

/// The lines about the package that `place` is in.
fn neighbours(out: &mut SeqBuf, place: Place) {
    let all = || sched::stats::active_cpus().iter();
    let inside = |cpu: usize| hal::cpu::place(cpu).filter(|other| other.package == place.package);
    let siblings = all().filter_map(inside).count();
    // Of a core's CPUs the first counts it.
    let first = |cpu: usize| !all().any(|other| other < cpu && inside(other) == inside(cpu));
    let cores = all()
        .filter(|&cpu| inside(cpu).is_some() && first(cpu))
        .count();
    let _ = writeln!(out, "physical id\t: {}", place.package);
    let _ = writeln!(out, "siblings\t: {siblings}");
    let _ = writeln!(out, "core id\t\t: {}", place.core);
    let _ = writeln!(out, "cpu cores\t: {cores}");
}

/// /proc/stat.
pub(crate) fn stat(_: &(), out: &mut SeqBuf) -> Result<()> {
    let mut sum = sched::stats::CpuTimes::default();
    for cpu in sched::stats::active_cpus().iter() {
        let t = sched::stats::cpu_times(cpu);
        sum.user_ns += t.user_ns;
        sum.nice_ns += t.nice_ns;
        sum.system_ns += t.system_ns;
        sum.idle_ns += t.idle_ns;
    }
    let _ = write!(out, "cpu  ");
    cpu_line(out, &sum);
    for cpu in sched::stats::active_cpus().iter() {
        let _ = write!(out, "cpu{cpu} ");
        cpu_line(out, &sched::stats::cpu_times(cpu));
    }
    let _ = write!(out, "intr {}", irq::stats::total());
    for line in 0..irq::LINES {
        let _ = write!(out, " {}", irq::stats::line_total(line));
    }
    let boot_s = time::realtime_ns().saturating_sub(time::boottime_ns()) / time::NSEC_PER_SEC;
    let _ = writeln!(out, "\nctxt {}\nbtime {boot_s}", sched::stats::switches());
    let _ = writeln!(out, "processes {}", sched::stats::started());
    let _ = writeln!(out, "procs_running {}", sched::stats::runnable());
    let _ = writeln!(out, "procs_blocked {}", sched::stats::uninterruptible());
    let cpus = || sched::stats::active_cpus().iter();
    let softirqs = ALL.map(|(kind, _)| {
        cpus()
            .map(|cpu| irq::stats::softirq(kind, cpu))
            .sum::<u64>()
    });
    let _ = write!(out, "softirq {}", softirqs.iter().sum::<u64>());
    for count in softirqs {
        let _ = write!(out, " {count}");
    }
    let _ = writeln!(out);
    Ok(())
}

fn cpu_line(out: &mut SeqBuf, t: &sched::stats::CpuTimes) {
    let [user, nice, system, idle] =
        [t.user_ns, t.nice_ns, t.system_ns, t.idle_ns].map(ns_to_clock_t);
    let _ = writeln!(out, "{user} {nice} {system} {idle} 0 0 0 0 0 0");
}

/// /proc/interrupts.
pub(crate) fn interrupts(_: &(), out: &mut SeqBuf) -> Result<()> {
    header(out, 11);
    irq::for_each_line(|line, names| {
        let _ = write!(out, "{line:>3}:");
        counts(out, |cpu| irq::stats::line(line, cpu));
        let _ = write!(out, "  IO-APIC {line:>3}-edge   ");
        for (i, name) in names.enumerate() {
            let _ = write!(out, "{}{name}", if i == 0 { "   " } else { ", " });
        }
        let _ = writeln!(out);
    });
    for (kind, name, description) in irq::stats::ARCH {
        let _ = write!(out, "{name:>3}:");
        counts(out, |cpu| irq::stats::arch(kind, cpu));
        let _ = writeln!(out, "   {description}");
    }
    Ok(())
}

fn counts(out: &mut SeqBuf, of: impl Fn(usize) -> u64) {
    for cpu in sched::stats::active_cpus().iter() {
        let _ = write!(out, " {:>10}", of(cpu));
    }
}

fn header(out: &mut SeqBuf, indent: usize) {
    let _ = write!(out, "{:indent$}", "");
    for cpu in sched::stats::active_cpus().iter() {
        let _ = write!(out, "{}", Column(cpu));
    }
    let _ = writeln!(out);
}

struct Column(usize);
impl core::fmt::Display for Column {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CPU{:<8}", self.0)
    }
}

/// /proc/softirqs.
pub(crate) fn softirqs(_: &(), out: &mut SeqBuf) -> Result<()> {
    header(out, 20);
    for (kind, name) in ALL {
        let _ = write!(out, "{name:>12}:");
        counts(out, |cpu| irq::stats::softirq(kind, cpu));
        let _ = writeln!(out);
    }
    Ok(())
}

/// /proc/loadavg.
pub(crate) fn loadavg(_: &(), out: &mut SeqBuf) -> Result<()> {
    for average in time::load::averages() {
        let (whole, hundredths) = time::load::whole_and_hundredths(average);
        let _ = write!(out, "{whole}.{hundredths:02} ");
    }
    let _ = writeln!(
        out,
        "{}/{} {}",
        sched::stats::runnable(),
        sched::stats::threads().saturating_sub(sched::stats::active_cpus().iter().count()),
        pid::INIT_NS.last()
    );
    Ok(())
}

/// /proc/uptime.
pub(crate) fn uptime(_: &(), out: &mut SeqBuf) -> Result<()> {
    let idle: u64 = sched::stats::active_cpus()
        .iter()
        .map(|cpu| sched::stats::cpu_times(cpu).idle_ns)
        .sum();
    for (ns, end) in [(time::boottime_ns(), ' '), (idle, '\n')] {
        let _ = write!(
            out,
            "{}.{:02}{end}",
            ns / 1_000_000_000,
            ns % 1_000_000_000 / 10_000_000
        );
    }
    Ok(())
}
