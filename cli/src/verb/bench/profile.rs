//! `--profile`: which functions an operation's instructions go to, on Gaon and on Linux.
//!
//! The plugin counts every address between the marks of the benchmark program, so that nothing is sampled and nothing is
//! a guess. Gaon's functions come from `System.map`, what was inlined into them from the kernel's DWARF; Linux' from its
//! own /proc/kallsyms, read once from a guest and kept, with `nokaslr` so that they hold.

use super::figures::Outcome;
use super::guest::{self, Clock, Setup};
use super::hot::{self, Spent, Symbols};
use super::measure::Kernel;
use super::{initrd, scaling, text};
use crate::vm::plugin::{self, Wish};
use crate::{cargo, tree};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Enough for the warm-up to be lost in it; a profile needs no more.
const MS: u64 = 20;
/// After so many boots the rest is given up.
const BOOTS: usize = 4;
/// Functions listed for each operation and kernel.
const LISTED: usize = 30;
/// Functions named in a cell of the table.
const NAMED: usize = 4;
/// What the table in a Markdown file stands between.
const FRAME: [&str; 2] = [
    "<!-- hottest functions -->",
    "<!-- end of hottest functions -->",
];

/// An operation's instructions in one iteration and where they went, or why there is nothing to tell.
type Profile = Result<(f64, Vec<Spent>), &'static str>;
/// One kernel's, by operation.
type Profiles = BTreeMap<String, Profile>;
/// Of an operation that a kernel did not come to.
const LOST: Profile = Err("not measured");

/// Profiles the operations on each kernel (Gaon first) and prints them; `markdown` takes them as a table too.
pub(super) fn run(
    kernels: &[Kernel],
    program: &Path,
    names: &[String],
    markdown: Option<&Path>,
) -> Result<u8> {
    if names.is_empty() {
        bail!("no operation has such a name");
    }
    let mut all = Vec::new();
    for (at, kernel) in kernels.iter().enumerate() {
        let bar = cargo::spinner(&format!("profiling {}", kernel.name));
        let told =
            Told::read(kernel, at == 0).and_then(|told| profiles(kernel, &told, program, names));
        bar.finish_and_clear();
        all.push(told.with_context(|| format!("profiling {}", kernel.name))?);
    }
    if let Some(file) = markdown {
        let before = std::fs::read_to_string(file).unwrap_or_default();
        std::fs::write(file, framed(&before, &table(kernels, names, &all)))
            .with_context(|| file.display().to_string())?;
        return Ok(0);
    }
    for name in names {
        for (kernel, profiles) in kernels.iter().zip(&all) {
            match profiles.get(name).unwrap_or(&LOST) {
                Ok((each, spent)) => {
                    let each = text::number(*each);
                    println!(
                        "{name} on {}: {each} instructions per iteration",
                        kernel.name
                    );
                    println!("{}", hot::listing(spent, LISTED));
                }
                Err(why) => println!("{name} on {}: {why}\n", kernel.name),
            }
        }
    }
    Ok(0)
}

/// What names a kernel's addresses.
struct Told {
    /// Gaon's.
    own: bool,
    symbols: Symbols,
    lines: Option<addr2line::Loader>,
}

impl Told {
    fn read(kernel: &Kernel, own: bool) -> Result<Self> {
        Ok(Self {
            own,
            symbols: if own {
                gaon_symbols(&kernel.image)?
            } else {
                linux_symbols(&kernel.image)?
            },
            // Without debugging information there is just nothing to tell of what was inlined.
            lines: own
                .then(|| addr2line::Loader::new(&kernel.image).ok())
                .flatten(),
        })
    }
}

/// Profiles the operations in one boot, those that want all processors in another. Linux starts but one under `-icount`.
fn profiles(kernel: &Kernel, told: &Told, program: &Path, names: &[String]) -> Result<Profiles> {
    let (shared, alone): (Vec<_>, Vec<_>) = names
        .iter()
        .cloned()
        .partition(|name| name.starts_with(scaling::GROUP));
    let several = if told.own { scaling::CONTENDED } else { 1 };
    let mut all = Profiles::new();
    for (mut names, cpus) in [(alone, 1), (shared, several)] {
        // What comes after one that failed is lost in its boot, and has another.
        for _ in 0..BOOTS {
            if !names.is_empty() {
                all.extend(boot(kernel, told, program, &names, cpus)?);
                names.retain(|name| !all.contains_key(name));
            }
        }
    }
    Ok(all)
}

fn boot(
    kernel: &Kernel,
    told: &Told,
    program: &Path,
    names: &[String],
    cpus: u32,
) -> Result<Profiles> {
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    let mut arguments = vec!["--ms".to_owned(), MS.to_string(), "--exact".to_owned()];
    arguments.extend(names.iter().cloned());
    initrd::write(program, &arguments, &kernel.modules, &archive)?;
    let wish = Wish {
        profile: true,
        ..Wish::default()
    };
    let setup = Setup {
        kernel: kernel.image.clone(),
        initrd: archive,
        machine: "q35",
        cpus,
        clock: Clock::Icount,
        count: Some((plugin::build()?, wish)),
    };
    let ended = guest::run(&setup, |_| {})?;
    let mut all = Profiles::new();
    if let Some(why) = &ended.cut_short {
        eprintln!("gaon: {}: cut short: {why}", kernel.name);
        // The first one without a word took the kernel down.
        let stuck = names.get(ended.figures.order.len());
        all.extend(stuck.map(|name| (name.clone(), Err("failed"))));
    }
    let mut known = BTreeMap::new();
    let mut inlined = |address: u64| -> Option<String> {
        let lines = told.lines.as_ref()?;
        let found = known.entry(address);
        found.or_insert_with(|| innermost(lines, address)).clone()
    };
    let mut sections = ended.counts.sections.iter().zip(&ended.counts.profiles);
    // One section for each operation that was measured, in that order; one that failed may have left one or none.
    for name in &ended.figures.order {
        let profile = match ended.figures.outcomes.get(name) {
            Some(Outcome::Measured(figure)) => match sections.next() {
                Some((section, counts)) => {
                    let spent =
                        hot::functions(counts, figure.iterations, &told.symbols, &mut inlined);
                    Ok((*section as f64 / figure.iterations as f64, spent))
                }
                None => LOST,
            },
            Some(Outcome::Absent(_)) => Err("absent"),
            _ => Err("failed"),
        };
        let failed = matches!(profile, Err("failed"));
        all.insert(name.clone(), profile);
        if failed {
            break;
        }
    }
    Ok(all)
}

/// The function that was inlined at the address; nothing where the code is the function's own.
fn innermost(lines: &addr2line::Loader, address: u64) -> Option<String> {
    let mut frames = lines.find_frames(address).ok()?;
    let inner = frames.next().ok()??;
    frames.next().ok()??;
    let function = inner.function?;
    let name = function.raw_name().ok()?;
    // `min<usize>`: what it is for is too long to tell, and seldom of interest.
    let plain = name.split_once('<').map_or(&*name, |(plain, _)| plain);
    Some(if plain.is_empty() { &*name } else { plain }.to_owned())
}

/// The map that was written with the kernel.
fn gaon_symbols(image: &Path) -> Result<Symbols> {
    let map = image.with_file_name("System.map");
    let text = std::fs::read_to_string(&map).with_context(|| map.display().to_string())?;
    Ok(Symbols::parse(&text))
}

/// Linux tells its symbols itself; Debian's package has no map of them.
fn linux_symbols(image: &Path) -> Result<Symbols> {
    let name = image.file_name().context("a kernel is a file")?;
    let folder = tree::output()?.join("symbols");
    let map = folder.join(name);
    let age = |path: &Path| {
        std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()
    };
    if age(&map) > age(image)
        && let Ok(text) = std::fs::read_to_string(&map)
    {
        return Ok(Symbols::parse(&text));
    }
    let output = Command::new(std::env::current_exe()?)
        .args(["run", "--append", "nokaslr", "--timeout", "300", "--kernel"])
        .arg(image)
        .args(["--", "cat", "/proc/kallsyms"])
        .env("GAON_ROOT", tree::root()?)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || !text.contains(" T _text") {
        bail!("{}: its /proc/kallsyms could not be read", image.display());
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::write(&map, output.stdout.as_slice())?;
    Ok(Symbols::parse(&text))
}

/// The table of the hottest functions, one line for each operation.
fn table(kernels: &[Kernel], names: &[String], all: &[Profiles]) -> String {
    let mut out = String::from("| operation |");
    for kernel in kernels {
        let _ = write!(out, " {}'s hottest functions |", kernel.name);
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(kernels.len()));
    for name in names {
        let _ = write!(out, "| {name} |");
        for profiles in all {
            let cell = match profiles.get(name).unwrap_or(&LOST) {
                Ok((_, spent)) => hot::cell(spent, NAMED),
                Err(why) => (*why).to_owned(),
            };
            let _ = write!(out, " {cell} |");
        }
        out.push('\n');
    }
    out
}

/// Puts the table between its marks; without marks, at the end, with them.
fn framed(before: &str, table: &str) -> String {
    let [start, end] = FRAME;
    let (head, tail) = match before.split_once(start) {
        Some((head, rest)) => (head, rest.split_once(end).map_or("\n", |(_, tail)| tail)),
        None => (before, "\n"),
    };
    format!("{head}{start}\n{table}{end}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_the_one_before() {
        let first = framed("# Results\n", "| a |\n");
        assert_eq!(
            first,
            "# Results\n<!-- hottest functions -->\n| a |\n<!-- end of hottest functions -->\n"
        );
        let text = first.replace("functions -->\n|", "functions -->\nold\n|") + "after\n";
        let second = framed(&text, "| b |\n");
        assert_eq!(second, first.replace("| a |", "| b |") + "after\n");
    }

    #[test]
    fn an_operation_that_a_kernel_has_not_is_absent() {
        let kernels = ["Gaon", "Linux 6.1"].map(|name| Kernel {
            name,
            image: "/k".into(),
            modules: Vec::new(),
        });
        let spent = vec![Spent {
            function: "syscall::dispatch".to_owned(),
            each: 1.0,
            share: 0.5,
            inlined: Vec::new(),
        }];
        let gaon = Profiles::from([("ipc/x".to_owned(), Err("absent"))]);
        let linux = Profiles::from([("ipc/x".to_owned(), Ok((2.0, spent)))]);
        let names = ["ipc/x", "ipc/y"].map(str::to_owned);
        let table = table(&kernels, &names, &[gaon, linux]);
        assert!(table.ends_with(
            "| ipc/x | absent | `syscall::dispatch` 50 % |\n| ipc/y | not measured | not measured |\n"
        ));
    }
}
