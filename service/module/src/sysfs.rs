//! /sys/module/M: what kmod's tools look at.
use crate::list::{Module, State};
use abi::Result;
use alloc::sync::{Arc, Weak};
use core::fmt::Write;
use device::Action;
use kmod::Part;
use vfs::SeqBuf;

/// What events say modules belong to.
const SUBSYSTEM: &str = "module";

impl State {
    /// What `initstate` says.
    const fn name(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::Live => "live",
            Self::Going | Self::Gone => "going",
            Self::Quarantined => "quarantined",
        }
    }
}

/// A file about a module. The module goes before its files do, so they hold no use of it.
fn file(
    module: &Arc<Module>,
    name: &str,
    text: impl Fn(&Module, &mut SeqBuf) -> core::fmt::Result + Send + Sync + 'static,
) -> Result<()> {
    let Some(directory) = module.directory() else {
        return Ok(());
    };
    let module: Weak<Module> = Arc::downgrade(module);
    let show = move |out: &mut SeqBuf| {
        let module = module.upgrade().ok_or(abi::Errno::ENODEV)?;
        text(&module, out).map_err(|_| abi::Errno::ENOMEM)
    };
    directory.add_attribute(name, 0o444, show).map(drop)
}

/// Shows a module that is about to run its init. ENOMEM.
pub(crate) fn show(module: &Arc<Module>) -> Result<()> {
    let all = device::sysfs_dir("module")?;
    let directory = all.add_dir(module.name())?;
    module.set_directory(directory.clone());
    file(module, "coresize", |m, out| writeln!(out, "{}", m.size()))?;
    file(module, "initsize", |m, out| {
        let init = m.facts().part(Part::InitText).start..m.facts().part(Part::InitData).end;
        let there = m.state() == State::Coming;
        writeln!(out, "{}", if there { init.len() } else { 0 })
    })?;
    file(module, "initstate", |m, out| {
        writeln!(out, "{}", m.state().name())
    })?;
    file(module, "refcnt", |m, out| writeln!(out, "{}", m.users()))?;
    file(module, "taint", |m, out| {
        writeln!(out, "{}", m.facts().taints)
    })?;
    if module.facts().version.is_some() {
        file(module, "version", |m, out| {
            writeln!(out, "{}", m.facts().version.as_deref().unwrap_or(""))
        })?;
    }
    if module.facts().srcversion.is_some() {
        file(module, "srcversion", |m, out| {
            writeln!(out, "{}", m.facts().srcversion.as_deref().unwrap_or(""))
        })?;
    }
    device::add_trigger(&directory, SUBSYSTEM)?;
    let sections = directory.add_dir("sections")?;
    for section in &module.facts().sections {
        let start = section.range.start;
        let show = move |out: &mut SeqBuf| {
            let _ = writeln!(out, "{start:#018x}");
            Ok(())
        };
        match sections.add_attribute(&section.name, 0o400, show) {
            // Two sections may have one name; the first is the one that is found. Some names no file can have.
            Ok(_) | Err(abi::Errno::EEXIST | abi::Errno::EINVAL) => {}
            Err(e) => return Err(e),
        }
    }
    directory.add_dir("holders")?;
    for provider in module.providers() {
        if let Some(holders) = provider.directory().and_then(|dir| dir.child("holders")) {
            holders.add_link(module.name(), &directory)?;
        }
    }
    Ok(())
}

/// Tells user space that it is there, or that it goes.
pub(crate) fn announce(module: &Module, action: Action) {
    if let Some(directory) = module.directory() {
        // Without memory nobody is told.
        let _ = device::announce(action, directory, SUBSYSTEM, "");
    }
}

/// Shows it no longer.
pub(crate) fn hide(module: &Module) {
    for provider in module.providers() {
        let holders = provider.directory().and_then(|dir| dir.child("holders"));
        if let Some(link) = holders.and_then(|holders| holders.child(module.name())) {
            link.remove();
        }
    }
    if let Some(directory) = module.directory() {
        directory.remove();
    }
}
