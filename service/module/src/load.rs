//! From bytes to a module.
use crate::list::{self, Module, State};
use crate::place::{place, text, told};
use crate::runtime::runtime;
use crate::taint::Taints;
use crate::{signature, sysfs, unload};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use device::Action;
use kmem::TryString;
use kmod::{ModuleFile, Part};
use trace::{pr_err, pr_warn};

/// What `.mod.c` of our Kbuild writes, and must stand in every module.
pub const VERMAGIC: &str = "6.1.0-gaon SMP preempt mod_unload ";
/// Longest name, its end included (`MODULE_NAME_LEN`).
const NAME_LEN: usize = 56;
const PAGE: usize = abi::PAGE_SIZE;

/// How strict to be: finit_module(2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// `MODULE_INIT_IGNORE_VERMAGIC`: what stands in the file may have been changed by force.
    pub any_version: bool,
}

/// Loads a module and runs its init. `arguments` gives the line of parameters, once everything else is in place.
///
/// # Errors
/// `EBADMSG`, `EKEYREJECTED`: its signature; `ENOEXEC`: no module, or not for this kernel; `EEXIST`, `ENOENT` (an unknown
/// symbol), `ENOMEM`, what a parameter or its init answers, `EIO` when init crashed.
pub fn load(file: &[u8], arguments: impl FnOnce() -> Result<Vec<u8>>, flags: Flags) -> Result<()> {
    let (body, signature) = kmod::split_signature(file);
    let signed = signature::check(body, signature, flags.any_version)?;
    let parsed = ModuleFile::parse(body).map_err(told)?;
    let name = module_name(&parsed)?;
    let forced = check_vermagic(&parsed, &name, flags)?;
    let mut taints = Taints::of(&name, &parsed.info(), forced);
    // Looked at before anything is placed, and once more when it is: of two that come at a time one is first.
    list::wait_free(&name)?;
    if !signed {
        taints.add_unsigned(&name);
    }
    let module = place(&parsed, name, taints)?;
    list::add(&module)?;
    let started = arguments().and_then(|line| start(&module, &line));
    if started.is_err() {
        unload::discard(&module);
    }
    started
}

/// The name that its record gives.
fn module_name(file: &ModuleFile<'_>) -> Result<String> {
    let sections = file.sections();
    let record = sections.get(file.this_module()).ok_or(Errno::ENOEXEC)?;
    let record = sections.bytes(&record).map_err(|_| Errno::ENOEXEC)?;
    let record = runtime()?.record(record).ok_or(Errno::ENOEXEC)?;
    let name = core::str::from_utf8(record.name).map_err(|_| Errno::ENOEXEC)?;
    if name.is_empty() || name.len() >= NAME_LEN || name.contains('/') {
        return Err(Errno::ENOEXEC);
    }
    String::try_from_str(name)
}

/// Whether it comes by force: nobody knows which kernel it is for. ENOEXEC: it is for another one.
fn check_vermagic(file: &ModuleFile<'_>, name: &str, flags: Flags) -> Result<bool> {
    let Some(magic) = file.info().get(b"vermagic").filter(|_| !flags.any_version) else {
        return Ok(true);
    };
    let magic = text(magic);
    if magic == VERMAGIC {
        return Ok(false);
    }
    pr_err!("{name}: version magic '{magic}' should be '{VERMAGIC}'");
    Err(Errno::ENOEXEC)
}

/// Parameters, then init.
fn start(module: &Arc<Module>, arguments: &[u8]) -> Result<()> {
    let runtime = runtime()?;
    sysfs::show(module)?;
    runtime.adopt(module)?;
    runtime.set_parameters(module, arguments)?;
    let answer = runtime.init(module)?;
    if answer < 0 {
        return Err(Errno::from_code(-answer).unwrap_or(Errno::EINVAL));
    }
    if answer > 0 {
        let name = module.name();
        pr_warn!("{name}: init_module() returned {answer}, it should follow 0/-E convention");
    }
    module.set_state(State::Live);
    module.set_told(true);
    sysfs::announce(module, Action::Add);
    release_init(module);
    Ok(())
}

/// Gives back what only init needed.
fn release_init(module: &Module) {
    let facts = module.facts();
    let start = facts.part(Part::Text).start;
    let init = facts.part(Part::InitText).start..facts.part(Part::InitData).end;
    if let Some(area) = module.area().as_mut() {
        area.release((init.start - start) / PAGE..(init.end - start) / PAGE);
    }
}
