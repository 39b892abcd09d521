//! What lockdep knows, in a kernel that has it (debug builds): lockdep, lockdep_stats.
use abi::Result;
use core::fmt::Write;
use sync::class::reports;
use sync::module_classes::{self, Known};
use vfs::SeqBuf;

/// As Linux writes how a class was used: `-` in interrupts, `+` with them on, `?` both; then softirqs. What is said of readers
/// alone is not known.
fn usage([in_irq, irqs_on, in_softirq, softirqs_on]: [bool; 4]) -> [char; 2] {
    [(in_irq, irqs_on), (in_softirq, softirqs_on)].map(|both| match both {
        (false, false) => '.',
        (true, false) => '-',
        (false, true) => '+',
        (true, true) => '?',
    })
}

fn address(known: &Known) -> usize {
    core::ptr::from_ref(known.class).addr()
}

/// /proc/lockdep: each class of which a lock was taken, and those that were taken right under it.
pub(crate) fn lockdep(_: &(), out: &mut SeqBuf) -> Result<()> {
    let _ = writeln!(out, "all lock classes:");
    for known in module_classes::all() {
        let [irq, softirq] = usage(known.uses);
        let _ = writeln!(
            out,
            "{:016x} FD:{:5} BD:{:5} {irq}.{softirq}.: {}",
            address(&known),
            known.after(),
            known.before(),
            known.class.name()
        );
        for other in module_classes::all().filter(|other| known.is_held_for(other)) {
            let _ = writeln!(out, " -> [{:016x}] {}", address(&other), other.class.name());
        }
        let _ = writeln!(out);
    }
    Ok(())
}

/// /proc/lockdep_stats: as much as is counted.
pub(crate) fn lockdep_stats(_: &(), out: &mut SeqBuf) -> Result<()> {
    let direct = |known: &Known| {
        module_classes::all()
            .filter(|other| known.is_held_for(other))
            .count()
    };
    let pairs: usize = module_classes::all().map(|known| direct(&known)).sum();
    let count = module_classes::all().count();
    let most = module_classes::MOST;
    let _ = writeln!(
        out,
        " lock-classes:                  {count:11} [max: {most}]"
    );
    let _ = writeln!(out, " direct dependencies:           {pairs:11}");
    let _ = writeln!(out, " reports:                       {:11}", reports());
    Ok(())
}
