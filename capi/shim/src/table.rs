//! All exported functions.
use crate::export::Entry;
use alloc::vec::Vec;
use kmem::TryVec;
use module::Export;
use sync::Once;

/// All tables.
static TABLES: &[&[Entry]] = &[
    crate::area_pages::EXPORTS,
    crate::bug::EXPORTS,
    crate::bus::EXPORTS,
    crate::cache::EXPORTS,
    crate::capability::EXPORTS,
    crate::cdev::EXPORTS,
    crate::class::EXPORTS,
    crate::debugfs::EXPORTS,
    crate::delay::EXPORTS,
    crate::dev_printk::EXPORTS,
    crate::device::EXPORTS,
    crate::environment::EXPORTS,
    crate::fasync::EXPORTS,
    crate::hexdump::EXPORTS,
    crate::hrtimer::EXPORTS,
    crate::interrupt::EXPORTS,
    crate::ioremap::EXPORTS,
    crate::kthread::EXPORTS,
    crate::kobject::EXPORTS,
    crate::kprobes::EXPORTS,
    crate::probe_irq::EXPORTS,
    crate::kretprobes::EXPORTS,
    crate::managed::EXPORTS,
    crate::memory::EXPORTS,
    crate::misc::EXPORTS,
    crate::mutex::EXPORTS,
    crate::number::EXPORTS,
    crate::objects::EXPORTS,
    crate::owner::EXPORTS,
    crate::page_refs::EXPORTS,
    crate::pages::EXPORTS,
    crate::param::EXPORTS,
    crate::percpu::EXPORTS,
    crate::print::EXPORTS,
    crate::platform::EXPORTS,
    crate::proc::EXPORTS,
    crate::scan::EXPORTS,
    crate::seek::EXPORTS,
    crate::random::EXPORTS,
    crate::rcu::EXPORTS,
    crate::regions::EXPORTS,
    crate::request::EXPORTS,
    crate::semaphore::EXPORTS,
    crate::spin::EXPORTS,
    crate::string::EXPORTS,
    crate::sysfs::EXPORTS,
    crate::task::EXPORTS,
    crate::tasklet::EXPORTS,
    crate::text::EXPORTS,
    crate::timer::EXPORTS,
    crate::uevent::EXPORTS,
    crate::user::EXPORTS,
    crate::utsname::EXPORTS,
    crate::wait::EXPORTS,
    crate::work::EXPORTS,
];

/// All entries in the order of their names: made when the first module comes, since a boot needs none.
static SORTED: Once<Vec<&'static Entry>> = Once::new();

fn all() -> impl Iterator<Item = &'static Entry> {
    TABLES.iter().copied().flatten()
}

/// The entry of that name. Until there was memory to sort them, all are looked at.
fn entry(name: &[u8]) -> Option<&'static Entry> {
    if SORTED.get().is_none()
        && let Ok(mut entries) = Vec::try_collect_from(all())
    {
        entries.sort_unstable_by_key(|entry| entry.name);
        // Of two that come at a time one is first.
        let _ = SORTED.set(entries);
    }
    let Some(entries) = SORTED.get() else {
        return all().find(|entry| entry.name.as_bytes() == name);
    };
    let at = entries.binary_search_by(|entry| entry.name.as_bytes().cmp(name));
    entries.get(at.ok()?).copied()
}

/// What is exported under a name.
pub(crate) fn find(name: &[u8]) -> Option<Export> {
    let entry = entry(name)?;
    Some(Export {
        address: entry.address.0 as u64,
        gpl_only: entry.gpl_only,
    })
}
