//! Names of addresses, from whoever has them: the kernel's own table, loaded modules.
use core::fmt;
use sync::Once;

/// What is known of an address.
#[derive(Clone, Copy)]
pub struct Symbol<'a> {
    /// The function, as it should be shown (demangled), in one or several pieces.
    pub name: &'a dyn fmt::Display,
    /// How far into it the address is.
    pub offset: u64,
    /// How long it is, 0 if unknown.
    pub size: u64,
    /// The source file and line, if known.
    pub line: Option<(&'a dyn fmt::Display, u32)>,
    /// The module it belongs to.
    pub module: Option<&'a str>,
}

/// Hears of a symbol: address, type letter of nm(1), name, module.
pub type Each<'f> = &'f mut dyn FnMut(u64, u8, &dyn fmt::Display, Option<&str>);

/// Somebody who knows names of addresses. Called while the kernel dies: must not lock, allocate or fault.
pub trait SymbolSource: Sync {
    /// Tells `found` about the symbol that `address` lies in and returns true, or returns false.
    fn find(&self, address: u64, found: &mut dyn FnMut(&Symbol<'_>)) -> bool;

    /// Tells `each` about every symbol in the order of addresses: address, type letter of nm(1), name, module.
    fn for_each(&self, _each: Each<'_>) {}
}

/// Tells `each` about every symbol there is (/proc/kallsyms).
pub fn for_each(each: Each<'_>) {
    for source in SOURCES.iter().filter_map(Once::get) {
        source.for_each(each);
    }
}

const MAX_SOURCES: usize = 4;
static SOURCES: [Once<&'static dyn SymbolSource>; MAX_SOURCES] =
    [const { Once::new() }; MAX_SOURCES];

/// Adds a source, for good.
///
/// # Errors
/// `ENOSPC`: there are four.
pub fn add_source(source: &'static dyn SymbolSource) -> abi::Result<()> {
    match SOURCES.iter().any(|slot| slot.set(source).is_ok()) {
        true => Ok(()),
        false => Err(abi::Errno::ENOSPC),
    }
}

/// Shows an address as reports do: `name+0x12/0x40 (file:line) [module]`, or in hexadecimal when nobody knows it.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    address: u64,
    look_at: u64,
    line: bool,
}

/// Calls `found` with the symbol that an address lies in, if one is known.
pub fn find(address: u64, found: &mut dyn FnMut(&Symbol<'_>)) -> bool {
    SOURCES
        .iter()
        .filter_map(Once::get)
        .any(|source| source.find(address, found))
}

impl Named {
    /// The address of an instruction.
    #[must_use]
    pub const fn instruction(address: u64) -> Self {
        Self {
            address,
            look_at: address,
            line: true,
        }
    }
    /// A return address: the call is the instruction before it, and it may be the last of its function.
    #[must_use]
    pub const fn return_address(address: u64) -> Self {
        Self {
            address,
            look_at: address.wrapping_sub(1),
            line: true,
        }
    }
    /// Without its source line, as `%pS` shows it.
    #[must_use]
    pub const fn without_line(self) -> Self {
        Self {
            line: false,
            ..self
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        let delta = self.address.wrapping_sub(self.look_at);
        let mut found = |symbol: &Symbol<'_>| {
            let line = symbol.line.filter(|_| self.line);
            result = show(f, &Symbol { line, ..*symbol }, delta);
        };
        if find(self.look_at, &mut found) {
            result
        } else {
            write!(f, "{:#018x}", self.address)
        }
    }
}

fn show(f: &mut fmt::Formatter<'_>, symbol: &Symbol<'_>, delta: u64) -> fmt::Result {
    write!(
        f,
        "{}+{:#x}/{:#x}",
        symbol.name,
        symbol.offset + delta,
        symbol.size
    )?;
    if let Some((file, line)) = symbol.line {
        write!(f, " ({file}:{line})")?;
    }
    match symbol.module {
        Some(module) => write!(f, " [{module}]"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Source;
    impl SymbolSource for Source {
        fn find(&self, address: u64, found: &mut dyn FnMut(&Symbol<'_>)) -> bool {
            let known = (0x1000..0x1040).contains(&address);
            if known {
                found(&Symbol {
                    name: &"vfs::read",
                    offset: address - 0x1000,
                    size: 0x40,
                    line: Some((&"core/vfs/src/file.rs", 12)),
                    module: None,
                });
            }
            known
        }
    }
    static SOURCE: Source = Source;

    #[test]
    fn addresses_are_named() {
        add_source(&SOURCE).expect("room");
        let text = std::format!("{}", Named::instruction(0x1004));
        assert_eq!(text, "vfs::read+0x4/0x40 (core/vfs/src/file.rs:12)");
        let plain = Named::instruction(0x1004).without_line();
        assert_eq!(std::format!("{plain}"), "vfs::read+0x4/0x40");
        assert!(
            std::format!("{}", Named::return_address(0x1040)).starts_with("vfs::read+0x40/0x40 ")
        );
        assert_eq!(
            std::format!("{}", Named::instruction(0x2000)),
            "0x0000000000002000"
        );
    }
}
