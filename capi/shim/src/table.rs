//! All exported functions.
use crate::export::Entry;
use module::Export;

/// All tables.
static TABLES: &[&[Entry]] = &[
    crate::bug::EXPORTS,
    crate::bus::EXPORTS,
    crate::cache::EXPORTS,
    crate::cdev::EXPORTS,
    crate::class::EXPORTS,
    crate::debugfs::EXPORTS,
    crate::delay::EXPORTS,
    crate::dev_printk::EXPORTS,
    crate::device::EXPORTS,
    crate::hrtimer::EXPORTS,
    crate::interrupt::EXPORTS,
    crate::kthread::EXPORTS,
    crate::kobject::EXPORTS,
    crate::memory::EXPORTS,
    crate::misc::EXPORTS,
    crate::mutex::EXPORTS,
    crate::number::EXPORTS,
    crate::objects::EXPORTS,
    crate::owner::EXPORTS,
    crate::pages::EXPORTS,
    crate::param::EXPORTS,
    crate::percpu::EXPORTS,
    crate::print::EXPORTS,
    crate::platform::EXPORTS,
    crate::proc::EXPORTS,
    crate::seek::EXPORTS,
    crate::random::EXPORTS,
    crate::rcu::EXPORTS,
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
    crate::wait::EXPORTS,
    crate::work::EXPORTS,
];

/// What is exported under a name.
pub(crate) fn find(name: &[u8]) -> Option<Export> {
    let mut entries = TABLES.iter().copied().flatten();
    let entry = entries.find(|entry| entry.name.as_bytes() == name)?;
    Some(Export {
        address: entry.address.0 as u64,
        gpl_only: entry.gpl_only,
    })
}
