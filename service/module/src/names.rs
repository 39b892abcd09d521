//! Modules and their symbols by name and by address.
use crate::list::{self, Export, Module, State};
use abi::Result;
use alloc::sync::Arc;
use core::fmt::{Display, Write};
use kmod::Part;
use trace::symbols::{Each, SymbolSource};

/// Finds what a module exports under a name.
pub(crate) fn exported(name: &[u8]) -> Option<(Arc<Module>, Export)> {
    list::search(|module| {
        let exports = &module.facts().exports;
        let at = exports.binary_search_by(|(n, _)| n.as_bytes().cmp(name));
        Some((module.clone(), exports[at.ok()?].1))
    })
}

fn holds(module: &Module, address: usize) -> bool {
    let live = [Part::Text, Part::Rodata, Part::Data].as_slice();
    let init = [Part::InitText, Part::InitRodata, Part::InitData].as_slice();
    let inside = |part: &Part| module.facts().part(*part).contains(&address);
    live.iter().any(inside) || module.state() == State::Coming && init.iter().any(inside)
}

/// As [`holds`], also for what init has left: nothing else stands there as long as the module is known.
fn held(module: &Module, address: usize) -> bool {
    let parts = &module.facts().parts;
    parts.iter().any(|part| part.contains(&address))
}

/// The module that an address belongs to.
#[must_use]
pub fn owner_of(address: usize) -> Option<Arc<Module>> {
    list::search_now(|module| holds(module, address).then(|| module.clone()))
}

/// The module whose object stands at `address`: for who kept its address as a plain number.
#[must_use]
pub fn by_object(address: usize) -> Option<Arc<Module>> {
    list::search_now(|module| (Arc::as_ptr(module) as usize == address).then(|| module.clone()))
}

/// The module whose record (`struct module`) stands at `address`.
#[must_use]
pub fn by_record(address: usize) -> Option<Arc<Module>> {
    if address == 0 {
        return None;
    }
    list::search_now(|module| (module.facts().record_at == address).then(|| module.clone()))
}

/// Names of addresses in modules.
pub struct ModuleSymbols;

impl SymbolSource for ModuleSymbols {
    fn find(&self, address: u64, found: &mut dyn FnMut(&trace::symbols::Symbol<'_>)) -> bool {
        let named = list::search_now(|module| {
            if !held(module, address as usize) {
                return None;
            }
            let symbols = &module.facts().symbols;
            let after = symbols.partition_point(|symbol| symbol.address <= address);
            let symbol = symbols.get(after.checked_sub(1)?)?;
            let line = module.facts().lines.find(address);
            let line = line.as_ref().map(|at| (at as &dyn Display, at.line));
            found(&trace::symbols::Symbol {
                name: &symbol.name,
                offset: address - symbol.address,
                size: symbol.size,
                line,
                module: Some(module.name()),
            });
            Some(())
        });
        named.is_some()
    }

    fn for_each(&self, each: Each<'_>) {
        for module in list::all().unwrap_or_default() {
            for symbol in &module.facts().symbols {
                if holds(&module, symbol.address as usize) {
                    each(
                        symbol.address,
                        symbol.letter,
                        &symbol.name,
                        Some(module.name()),
                    );
                }
            }
        }
    }
}

/// Writes /proc/modules.
///
/// # Errors
/// `ENOMEM`.
pub fn show_modules(out: &mut dyn Write) -> Result<()> {
    let all = list::all()?;
    for module in all.iter().rev() {
        line(&all, module, out).map_err(|_| abi::Errno::ENOMEM)?;
    }
    Ok(())
}

fn line(all: &[Arc<Module>], module: &Arc<Module>, out: &mut dyn Write) -> core::fmt::Result {
    write!(
        out,
        "{} {} {} ",
        module.name(),
        module.size(),
        module.users()
    )?;
    let mut alone = true;
    for other in all.iter().rev() {
        if other.providers().iter().any(|p| Arc::ptr_eq(p, module)) {
            alone = false;
            write!(out, "{},", other.name())?;
        }
    }
    let facts = module.facts();
    if facts.exit == 0 && facts.init != 0 {
        alone = false;
        out.write_str("[permanent],")?;
    }
    if alone {
        out.write_char('-')?;
    }
    let state = match module.state() {
        State::Coming => "Loading",
        State::Live => "Live",
        State::Going | State::Gone => "Unloading",
        State::Quarantined => "Quarantined",
    };
    write!(out, " {state} {:#018x}", facts.part(Part::Text).start)?;
    // On its way in or out it says so here too.
    let way = match module.state() {
        State::Coming => "+",
        State::Going | State::Gone => "-",
        State::Live | State::Quarantined => "",
    };
    if !facts.taints.is_empty() {
        write!(out, " ({}{way})", facts.taints)?;
    }
    out.write_char('\n')
}
