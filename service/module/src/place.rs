//! A module's way into memory: room for each part, symbols, relocations, and what is known of it then.
use crate::lines::LineTable;
use crate::list::{self, Export, Facts, Loaded, Module, Named, State};
use crate::names;
use crate::runtime::runtime;
use crate::taint::Taints;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use kmem::modspace::percpu::{self, Room};
use kmem::modspace::{self, Draft, Rights};
use kmem::{TryString, TryVec, try_arc};
use kmod::{Defect, Home, Layout, ModuleFile, PARTS, Part, Place, RelocError, Symbol, relocate};
use trace::{pr_err, pr_warn};

const PAGE: usize = abi::PAGE_SIZE;
/// How long a module waits for the init of one whose symbols it uses.
const INIT_PATIENCE_NS: u64 = 30_000_000_000;

/// A name as bytes of the file, to be printed.
pub(crate) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or("?")
}

/// What keeps a file from being a module, as Linux says it.
pub(crate) fn told(defect: Defect) -> Errno {
    match defect {
        Defect::NoMemory => return Errno::ENOMEM,
        Defect::Stripped => pr_warn!("module has no symbols (stripped?)"),
        Defect::ThisModule => pr_warn!("module has no .gnu.linkonce.this_module section"),
        Defect::Section | Defect::Elf(_) | Defect::Symbols | Defect::ModInfo => {
            pr_err!("Invalid ELF module: {defect:?}");
        }
        Defect::NotRelocatable => pr_err!("Invalid ELF header type or architecture"),
        Defect::TooLarge => pr_err!("module is too large"),
    }
    Errno::ENOEXEC
}

/// A module on its way into memory.
struct Loader<'f, 'a> {
    file: &'f ModuleFile<'a>,
    name: &'f str,
    layout: Layout,
    parts: [Range<usize>; PARTS.len()],
    /// The module's variables of each CPU.
    per_cpu: Option<Room>,
    providers: Vec<Arc<Module>>,
}

/// Places, relocates and seals a module's memory.
pub(crate) fn place(file: &ModuleFile<'_>, name: String, taints: Taints) -> Result<Arc<Module>> {
    let layout = Layout::new(file).map_err(told)?;
    let (own, align) = layout.per_cpu();
    let per_cpu = match own {
        0 => None,
        own => Some(percpu::take(own as usize, align as usize)?),
    };
    let total: u64 = PARTS.iter().map(|part| layout.size(*part)).sum();
    let mut draft = modspace::alloc(total as usize)?;
    let base = draft.address();
    let parts = layout.parts(base as u64);
    let parts = parts.map(|part| part.start as usize..part.end as usize);
    let mut loader = Loader {
        file,
        name: &name,
        layout,
        parts,
        per_cpu,
        providers: Vec::new(),
    };
    loader.copy(&mut draft)?;
    let filled = loader.fill(&mut draft, taints);
    let facts = match filled {
        Ok(facts) => facts,
        Err(e) => {
            loader.providers.iter().for_each(|provider| provider.put());
            return Err(e);
        }
    };
    let rights = PARTS.map(|part| {
        let range = &loader.parts[part as usize];
        let pages = (range.start - base) / PAGE..(range.end - base) / PAGE;
        let rights = match part {
            Part::Text | Part::InitText => Rights::Text,
            Part::Rodata | Part::InitRodata => Rights::Rodata,
            Part::Data | Part::InitData => Rights::Data,
        };
        (pages, rights)
    });
    let providers = core::mem::take(&mut loader.providers);
    drop(loader);
    let area = draft.seal(&rights);
    hal::debugger::module_placed(base, &name);
    try_arc(Module::new(name, facts, providers, area))
}

impl Loader<'_, '_> {
    /// The address of a section, if it is in memory.
    fn address(&self, section: usize) -> Option<usize> {
        match self.layout.of(section) {
            Place::At(part, offset) => Some(self.parts[part as usize].start + offset as usize),
            Place::PerCpu(offset) => {
                let room = self.per_cpu.as_ref()?;
                Some(room.address() + offset as usize)
            }
            Place::None => None,
        }
    }

    fn copy(&self, draft: &mut Draft) -> Result<()> {
        let base = draft.address();
        let sections = self.file.sections();
        for (index, section) in sections.iter().enumerate() {
            let Place::At(..) = self.layout.of(index) else {
                continue;
            };
            let Some(address) = self.address(index) else {
                continue;
            };
            let bytes = sections.bytes(&section).map_err(|_| Errno::ENOEXEC)?;
            draft.bytes_mut()[address - base..][..bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Resolves and relocates; what is known of the module then.
    fn fill(&mut self, draft: &mut Draft, taints: Taints) -> Result<Facts> {
        let values = self.resolve()?;
        self.relocate(draft, &values)?;
        self.fill_per_cpu(&values)?;
        let this = self.file.this_module();
        let record_at = self.address(this).ok_or(Errno::ENOEXEC)?;
        let size = self
            .file
            .sections()
            .get(this)
            .map_or(0, |s| s.size as usize);
        let offset = record_at - draft.address();
        let record = runtime()?
            .record(&draft.bytes_mut()[offset..][..size])
            .ok_or(Errno::ENOEXEC)?;
        let (init, exit) = (record.init as usize, record.exit as usize);
        let info = self.file.info();
        let owned = |key: &[u8]| {
            info.get(key)
                .map(|v| String::try_from_str(text(v)))
                .transpose()
        };
        Ok(Facts {
            version: owned(b"version")?,
            srcversion: owned(b"srcversion")?,
            taints,
            record_at,
            init,
            exit,
            sections: self.sections()?,
            symbols: self.symbols(&values)?,
            exports: self.exports(draft)?,
            lines: LineTable::of(self.file, &values),
            parts: self.parts.clone(),
            _per_cpu: self.per_cpu.take(),
        })
    }

    /// The values of all symbols, by number. Every unknown one is told, not just the first.
    fn resolve(&mut self) -> Result<Vec<u64>> {
        let symbols = self.file.symbols();
        let mut values = Vec::try_filled(0, symbols.len())?;
        let mut result = Ok(());
        for (number, value) in values.iter_mut().enumerate().skip(1) {
            let Some(symbol) = symbols.get(number) else {
                return Err(Errno::ENOEXEC);
            };
            match self.value(&symbol) {
                Ok(found) => *value = found,
                Err(e @ (Errno::ENOENT | Errno::EBUSY)) => {
                    let unknown = text(symbol.name);
                    pr_warn!(
                        "{}: Unknown symbol {unknown} (err -{})",
                        self.name,
                        e.code()
                    );
                    result = Err(e);
                }
                Err(e) => return Err(e),
            }
        }
        result.map(|()| values)
    }

    fn value(&mut self, symbol: &Symbol<'_>) -> Result<u64> {
        match symbol.home {
            Home::Absolute => Ok(symbol.value),
            Home::Section(section) => {
                let base = self.address(section).unwrap_or(0) as u64;
                Ok(base.wrapping_add(symbol.value))
            }
            Home::Common => {
                let (name, common) = (self.name, text(symbol.name));
                pr_warn!("{name}: please compile with -fno-common ({common})");
                Err(Errno::ENOEXEC)
            }
            Home::Undefined => match self.outside(symbol.name) {
                Err(Errno::ENOENT) if symbol.weak => Ok(0),
                found => found,
            },
        }
    }

    /// Who exports a symbol, once its init is over. ENOENT; EBUSY: its init takes too long.
    fn provider_of(&self, name: &[u8]) -> Result<(Arc<Module>, Export)> {
        let (provider, export) = names::exported(name).ok_or(Errno::ENOENT)?;
        if provider.state() != State::Coming {
            return Ok((provider, export));
        }
        if list::wait_settled(&provider, INIT_PATIENCE_NS).is_err() {
            let (name, other) = (self.name, provider.name());
            pr_warn!("{name}: gave up waiting for init of module {other}.");
            return Err(Errno::EBUSY);
        }
        names::exported(name).ok_or(Errno::ENOENT)
    }

    /// A symbol of the kernel, or of a module that lives.
    fn outside(&mut self, name: &[u8]) -> Result<u64> {
        let usable = |export: &Export| !export.gpl_only || self.file.info().gpl_compatible();
        if let Some(export) = runtime()?.export(name) {
            return usable(&export)
                .then_some(export.address)
                .ok_or(Errno::ENOENT);
        }
        let (provider, export) = self.provider_of(name)?;
        if !usable(&export) {
            return Err(Errno::ENOENT);
        }
        if !self.providers.iter().any(|p| Arc::ptr_eq(p, &provider)) {
            if provider.state() != State::Live || !provider.get() {
                return Err(Errno::ENOENT);
            }
            if let Err(e) = self.providers.try_push(provider.clone()) {
                provider.put();
                return Err(e);
            }
        }
        Ok(export.address)
    }

    /// The section's first values, if it is one of each CPU's variables, relocated.
    fn fill_per_cpu(&mut self, values: &[u64]) -> Result<()> {
        let Some(room) = &self.per_cpu else {
            return Ok(());
        };
        let base = room.address();
        let sections = self.file.sections();
        let mut all = Vec::try_filled(0, self.layout.per_cpu().0 as usize)?;
        for (index, section) in sections.iter().enumerate() {
            if let Place::PerCpu(offset) = self.layout.of(index) {
                let bytes = sections.bytes(&section).map_err(|_| Errno::ENOEXEC)?;
                all[offset as usize..][..bytes.len()].copy_from_slice(bytes);
            }
        }
        let value_of = |number: u32| values.get(number as usize).copied();
        for (relocations, target) in self.file.relocations() {
            if let (Place::PerCpu(offset), Some(section)) =
                (self.layout.of(target), sections.get(target))
            {
                let entries = sections.bytes(&relocations).map_err(|_| Errno::ENOEXEC)?;
                let bytes = &mut all[offset as usize..][..section.size as usize];
                let at = base as u64 + offset;
                relocate(entries, bytes, at, &value_of).map_err(|e| self.told(e))?;
            }
        }
        if let Some(room) = &mut self.per_cpu {
            room.fill(&all);
        }
        Ok(())
    }

    fn relocate(&self, draft: &mut Draft, values: &[u64]) -> Result<()> {
        let base = draft.address();
        let sections = self.file.sections();
        let value_of = |number: u32| values.get(number as usize).copied();
        for (relocations, target) in self.file.relocations() {
            let Place::At(..) = self.layout.of(target) else {
                continue;
            };
            let (Some(address), Some(section)) = (self.address(target), sections.get(target))
            else {
                continue;
            };
            let entries = sections.bytes(&relocations).map_err(|_| Errno::ENOEXEC)?;
            let bytes = &mut draft.bytes_mut()[address - base..][..section.size as usize];
            relocate(entries, bytes, address as u64, &value_of).map_err(|e| self.told(e))?;
        }
        Ok(())
    }

    fn told(&self, error: RelocError) -> Errno {
        let name = self.name;
        match error {
            RelocError::Overflow {
                kind,
                symbol,
                value,
            } => {
                let symbol = self.file.symbols().get(symbol as usize);
                let symbol = symbol.map_or("?", |symbol| text(symbol.name));
                pr_err!("{name}: overflow in relocation type {kind} val {value:x} ({symbol})");
            }
            RelocError::Nonzero { offset } => pr_err!(
                "{name}: Invalid relocation target, existing value is nonzero at {offset:#x}"
            ),
            RelocError::Type(kind) => pr_err!("{name}: Unknown rela relocation: {kind}"),
            RelocError::Outside { .. } | RelocError::Symbol(_) => {
                pr_err!("{name}: relocation out of bounds: {error:?}");
            }
        }
        Errno::ENOEXEC
    }

    fn sections(&self) -> Result<Vec<Loaded>> {
        let sections = self.file.sections();
        let mut all = Vec::new();
        for (index, section) in sections.iter().enumerate() {
            let name = text(sections.name(&section).unwrap_or_default());
            let shown = section.size != 0 && !name.is_empty();
            if let Some(start) = self.address(index).filter(|_| shown) {
                all.try_push(Loaded {
                    name: String::try_from_str(name)?,
                    range: start..start + section.size as usize,
                })?;
            }
        }
        Ok(all)
    }

    /// What stands in `__ksymtab` and `__ksymtab_gpl`: pairs of an address and the address of a name.
    fn exports(&self, draft: &mut Draft) -> Result<Vec<(String, Export)>> {
        let base = draft.address();
        let bytes = draft.bytes_mut();
        let word = |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
        let mut all = Vec::new();
        for (section, gpl_only) in [(&b"__ksymtab"[..], false), (b"__ksymtab_gpl", true)] {
            let Some((index, section)) = self.file.find(section) else {
                continue;
            };
            let start = self.address(index).ok_or(Errno::ENOEXEC)? - base;
            for at in (start..start + section.size as usize).step_by(16) {
                let pair = word(at).zip(word(at + 8));
                let (address, name) = pair.ok_or(Errno::ENOEXEC)?;
                let name = (u64::from_le_bytes(name) as usize).wrapping_sub(base);
                let name = bytes.get(name..).ok_or(Errno::ENOEXEC)?;
                let end = name.iter().position(|byte| *byte == 0);
                let name = text(&name[..end.ok_or(Errno::ENOEXEC)?]);
                self.check_new(name)?;
                let address = u64::from_le_bytes(address);
                all.try_push((String::try_from_str(name)?, Export { address, gpl_only }))?;
            }
        }
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    /// ENOEXEC: somebody exports that name already.
    fn check_new(&self, name: &str) -> Result<()> {
        let kernel = runtime()?.export(name.as_bytes()).is_some();
        let other = names::exported(name.as_bytes());
        if !kernel && other.is_none() {
            return Ok(());
        }
        let owner = other.as_ref().map_or("kernel", |(other, _)| other.name());
        let module = self.name;
        pr_err!("{module}: exports duplicate symbol {name} (owned by {owner})");
        Err(Errno::ENOEXEC)
    }

    fn symbols(&self, values: &[u64]) -> Result<Vec<Named>> {
        let mut all = Vec::new();
        for (number, symbol) in (1..).zip(self.file.symbols().iter()) {
            let Home::Section(section) = symbol.home else {
                continue;
            };
            let Place::At(part, _) = self.layout.of(section) else {
                continue;
            };
            // What the compiler calls `.L…` and Kbuild `__UNIQUE_ID…` nobody looks for.
            if symbol.nameless || symbol.name.is_empty() || symbol.name.starts_with(b".L") {
                continue;
            }
            let letter = match part {
                Part::Text | Part::InitText => b't',
                Part::Rodata | Part::InitRodata => b'r',
                Part::Data | Part::InitData => b'd',
            };
            all.try_push(Named {
                name: String::try_from_str(text(symbol.name))?,
                address: values[number],
                size: symbol.size,
                letter: if symbol.global {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                },
            })?;
        }
        all.sort_unstable_by_key(|symbol| symbol.address);
        Ok(all)
    }
}
