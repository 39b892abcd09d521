//! The kernel's own symbols and source lines, as the host tool wrote them into the image.
use core::fmt::Display;
use symtab::Table;
use trace::symbols::{Symbol, SymbolSource};

pub(crate) struct Symbols;

fn table() -> Option<Table<'static>> {
    Table::new(hal::backtrace::symbol_blob())
}

impl SymbolSource for Symbols {
    fn find(&self, address: u64, found: &mut dyn FnMut(&Symbol<'_>)) -> bool {
        let Some(place) = table().and_then(|table| table.find(address)) else {
            return false;
        };
        // Behind the last symbol lies nothing of the kernel's.
        if place.size == 0 {
            return false;
        }
        let line = table().and_then(|table| table.line(address));
        found(&Symbol {
            name: &place.symbol.name,
            offset: place.offset,
            size: place.size,
            line: line
                .as_ref()
                .map(|(file, line)| (file as &dyn Display, *line)),
            module: None,
        });
        true
    }

    fn for_each(&self, each: &mut dyn FnMut(u64, u8, &dyn Display, Option<&str>)) {
        for symbol in table().iter().flat_map(Table::symbols) {
            each(symbol.address, symbol.letter, &symbol.name, None);
        }
    }
}
