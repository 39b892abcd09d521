//! The exception table: instructions that may fault on a user address, and where to go on when they do. `uaccess.s`
//! writes it; entries are pairs of addresses, in rising order because one file makes them all.

#[repr(C)]
struct Entry {
    instruction: u64,
    fixup: u64,
}

unsafe extern "C" {
    static __ex_table_start: [Entry; 0];
    static __ex_table_stop: [Entry; 0];
}

fn entries() -> &'static [Entry] {
    let start = (&raw const __ex_table_start).cast::<Entry>();
    let stop = (&raw const __ex_table_stop).cast::<Entry>();
    // SAFETY: the linker script puts these around the section, which holds whole entries and is never written.
    unsafe { core::slice::from_raw_parts(start, stop.offset_from_unsigned(start)) }
}

/// Where to go on after a fault at `instruction`.
pub(crate) fn find(instruction: usize) -> Option<usize> {
    let table = entries();
    let index = table
        .binary_search_by_key(&(instruction as u64), |entry| entry.instruction)
        .ok()?;
    Some(table[index].fixup as usize)
}

/// Whether the table is in order, which `find` needs.
pub(crate) fn is_sorted() -> bool {
    entries().is_sorted_by_key(|entry| entry.instruction)
}
