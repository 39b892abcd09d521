//! `--profile`: which functions an operation's instructions go to, on Gaon and on Linux.
//!
//! The plugin counts every address between the marks of the benchmark program, so that nothing is sampled and nothing is
//! a guess. Gaon's functions come from `System.map`, what was inlined into them from the kernel's DWARF; Linux' from its
//! own /proc/kallsyms, read once from a guest and kept, with `nokaslr` so that they hold.

use super::figures::Figures;
use super::guest::{self, Clock, Setup};
use super::hot::{self, Spent, Symbols};
use super::measure::Kernel;
use super::{initrd, text};
use crate::vm::plugin::{self, Wish};
use crate::{cargo, tree};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Enough for the warm-up to be lost in it; a profile needs no more.
const MS: u64 = 20;
/// Functions listed for each operation and kernel.
const LISTED: usize = 30;
/// Functions named in a cell of the table.
const NAMED: usize = 4;
/// What the table in a Markdown file stands between.
const FRAME: [&str; 2] = [
    "<!-- hottest functions -->",
    "<!-- end of hottest functions -->",
];

/// The profiles of one kernel, by operation: instructions of an iteration, and where they went.
type Profiles = BTreeMap<String, (f64, Vec<Spent>)>;

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
        let own = at == 0;
        let profiles = profiles(kernel, own, program, names)
            .with_context(|| format!("profiling {}", kernel.name));
        bar.finish_and_clear();
        all.push(profiles?);
    }
    if let Some(file) = markdown {
        let before = std::fs::read_to_string(file).unwrap_or_default();
        std::fs::write(file, framed(&before, &table(kernels, names, &all)))
            .with_context(|| file.display().to_string())?;
    } else {
        for name in names {
            for (kernel, profiles) in kernels.iter().zip(&all) {
                let Some((each, spent)) = profiles.get(name) else {
                    println!("{name} on {}: absent\n", kernel.name);
                    continue;
                };
                let each = text::number(*each);
                println!(
                    "{name} on {}: {each} instructions per iteration",
                    kernel.name
                );
                println!("{}", hot::listing(spent, LISTED));
            }
        }
    }
    Ok(0)
}

fn profiles(kernel: &Kernel, own: bool, program: &Path, names: &[String]) -> Result<Profiles> {
    let symbols = if own {
        gaon_symbols(&kernel.image)?
    } else {
        linux_symbols(&kernel.image)?
    };
    // Without debugging information there is just nothing to tell of what was inlined.
    let lines = own
        .then(|| addr2line::Loader::new(&kernel.image).ok())
        .flatten();
    let mut known = BTreeMap::new();
    let mut inner = |address: u64| -> Option<String> {
        let lines = lines.as_ref()?;
        let found = known
            .entry(address)
            .or_insert_with(|| innermost(lines, address));
        found.clone()
    };
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let archive = scratch.path().join("initrd.cpio");
    let mut arguments = vec!["--ms".to_owned(), MS.to_string(), "--exact".to_owned()];
    arguments.extend(names.iter().cloned());
    initrd::write(program, &arguments, &archive)?;
    let wish = Wish {
        profile: true,
        ..Wish::default()
    };
    let ended = guest::run(
        &Setup {
            kernel: kernel.image.clone(),
            initrd: archive,
            machine: "q35",
            cpus: 1,
            clock: Clock::Icount,
            count: Some((plugin::build()?, wish)),
        },
        |_| {},
    )?;
    if let Some(why) = ended.cut_short {
        bail!("{why}");
    }
    let figures: Figures = ended.figures;
    let sections = ended.counts.sections.iter().zip(&ended.counts.profiles);
    // One section for each operation that was measured, in that order.
    let measured = figures
        .order
        .iter()
        .filter_map(|name| Some((name, figures.figure(name)?)));
    let profiled = measured
        .zip(sections)
        .map(|((name, figure), (section, counts))| {
            let each = *section as f64 / figure.iterations as f64;
            let spent = hot::functions(counts, figure.iterations, &symbols, &mut inner);
            (name.clone(), (each, spent))
        });
    Ok(profiled.collect())
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
            let cell = profiles
                .get(name)
                .map_or_else(|| "absent".to_owned(), |(_, spent)| hot::cell(spent, NAMED));
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
        });
        let spent = vec![Spent {
            function: "syscall::dispatch".to_owned(),
            each: 1.0,
            share: 0.5,
            inlined: Vec::new(),
        }];
        let gaon = Profiles::new();
        let linux = Profiles::from([("ipc/x".to_owned(), (2.0, spent))]);
        let table = table(&kernels, &["ipc/x".to_owned()], &[gaon, linux]);
        assert!(table.ends_with("| ipc/x | absent | `syscall::dispatch` 50 % |\n"));
    }
}
