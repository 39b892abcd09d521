//! What must cost nothing while it is off, looked up in the text of the kernel as it was built: each place that a static key
//! guards is one 5-byte NOP, and on a path that is measured there is no place more than is said here.

use super::plan::Plan;
use super::{Counter, Tally};
use anyhow::{Context, Result};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

/// `nop dword ptr [rax + rax]`, as `sync::static_branch!` writes it.
const NOP: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
/// The bytes of one place in the table: code, target, key.
const PLACE: usize = 24;

/// The key of what communication costs.
const COUNTED: &str = "sync::cost::COUNTED";
/// The function that every system call comes through.
const WAY_IN: &str = "make_call";
/// What a pipe's round trip goes through besides: of these none has a place.
const PIPE: [&str; 5] = [
    "pipe::",
    "syscall::fdio::rw::",
    "sync::waitqueue::",
    "sync::thread::",
    "sched::",
];

pub(super) fn run(plan: &Plan) -> Result<Tally> {
    let mut counter = Counter::new(plan, "nops");
    // What is built to find mistakes is laid out otherwise.
    if counter.wants("ipc-cost") && !plan.named {
        let kernel = Kernel::read(&std::fs::read(&plan.kernel)?)?;
        counter.count("ipc-cost", judge(&kernel.places(COUNTED)));
    }
    Ok(counter.tally)
}

/// A place: the function that it is in, and the bytes that stand there.
struct Place {
    function: String,
    bytes: Vec<u8>,
}

/// What is asked of a kernel, out of its file.
struct Kernel {
    /// Address and name, by address.
    functions: Vec<(u64, String)>,
    objects: Vec<(u64, String)>,
    /// Address and bytes of each section.
    sections: Vec<(u64, Vec<u8>)>,
    /// Where the table of places begins and ends.
    table: (u64, u64),
}

impl Kernel {
    fn read(file: &[u8]) -> Result<Self> {
        let elf = object::File::parse(file).context("the kernel is no ELF file")?;
        let (mut functions, mut objects) = (Vec::new(), Vec::new());
        let (mut start, mut stop) = (None, None);
        for symbol in elf.symbols() {
            let name = symbol.name().unwrap_or_default();
            match name {
                "__start_gaon_jump" => start = Some(symbol.address()),
                "__stop_gaon_jump" => stop = Some(symbol.address()),
                _ => {}
            }
            let readable = format!("{:#}", rustc_demangle::demangle(name));
            match symbol.kind() {
                SymbolKind::Text => functions.push((symbol.address(), readable)),
                SymbolKind::Data => objects.push((symbol.address(), readable)),
                _ => {}
            }
        }
        functions.sort();
        let sections = elf
            .sections()
            .filter_map(|section| Some((section.address(), section.data().ok()?.to_vec())))
            .filter(|(address, _)| *address != 0)
            .collect();
        let table = start
            .zip(stop)
            .context("the kernel has no table of places")?;
        Ok(Self {
            functions,
            objects,
            sections,
            table,
        })
    }

    fn bytes(&self, at: u64, len: usize) -> Option<&[u8]> {
        self.sections.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(at.checked_sub(*start)?).ok()?;
            bytes.get(from..from.checked_add(len)?)
        })
    }

    fn word(&self, at: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(at, 8)?.try_into().ok()?))
    }

    /// The places of a key.
    fn places(&self, key: &str) -> Vec<Place> {
        let is_key = |address| {
            let named = |(at, name): &(u64, String)| *at == address && name == key;
            self.objects.iter().any(named)
        };
        (self.table.0..self.table.1)
            .step_by(PLACE)
            .filter(|at| self.word(at + 16).is_some_and(is_key))
            .filter_map(|at| self.word(at))
            .map(|code| Place {
                function: self.function(code).to_owned(),
                bytes: self.bytes(code, NOP.len()).unwrap_or_default().to_vec(),
            })
            .collect()
    }

    fn function(&self, at: u64) -> &str {
        let after = self.functions.partition_point(|(start, _)| *start <= at);
        let found = after.checked_sub(1).and_then(|at| self.functions.get(at));
        found.map_or("", |(_, name)| name)
    }
}

fn judge(places: &[Place]) -> std::result::Result<(), String> {
    if let Some(other) = places.iter().find(|place| place.bytes != NOP) {
        return Err(format!("{}: {:x?} is no NOP", other.function, other.bytes));
    }
    let inside = |name: &'static str| places.iter().filter(move |p| p.function.contains(name));
    let ways_in = inside(WAY_IN).count();
    if ways_in != 1 {
        let all: Vec<_> = places.iter().map(|place| &place.function).collect();
        return Err(format!(
            "{ways_in} NOPs on the way into a call; all: {all:?}"
        ));
    }
    match PIPE.iter().find_map(|name| inside(name).next()) {
        Some(place) => Err(format!("a pipe's round trip passes {}", place.function)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(function: &str, bytes: [u8; 5]) -> Place {
        Place {
            function: function.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_place_more_or_no_nop_is_told() {
        let way_in = || place("hal::user::make_call::<task::cx::Cx>", NOP);
        let elsewhere = || place("<unix::flight>::send", NOP);
        assert_eq!(judge(&[way_in(), elsewhere()]), Ok(()));
        assert!(judge(&[elsewhere()]).is_err());
        assert!(judge(&[way_in(), way_in()]).is_err());
        assert!(judge(&[way_in(), place("x", [0xe9, 0, 0, 0, 0])]).is_err());
        assert!(judge(&[way_in(), place("<pipe::pipe::Pipe>::read", NOP)]).is_err());
    }
}
