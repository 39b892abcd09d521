//! What a program of the host needs to run elsewhere: its interpreter and its libraries (ld.so(8), execve(2)).

use super::tree::Tree;
use anyhow::{Context, Result, bail};
use object::Object;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader64, PT_DYNAMIC, PT_INTERP};
use object::read::elf::{Dyn, ElfFile64, FileHeader, ProgramHeader};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders that Debian's dynamic linker searches by itself.
const LINKER_FOLDERS: [&str; 4] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib",
    "/usr/lib",
];

/// Finds `name` as a shell would: with a slash a path, without one along PATH.
pub(crate) fn find(name: &str) -> Result<PathBuf> {
    if name.contains('/') {
        let path = std::path::absolute(name)?;
        if !path.exists() {
            bail!("{name}: no such file");
        }
        return Ok(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
        .with_context(|| format!("{name}: command not found"))
}

/// Packs the program at `path` with all it needs to start. Gives the interpreters of the scripts on the way.
pub(crate) fn pack(tree: &mut Tree, path: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    let mut seen = BTreeSet::new();
    let mut wanted = vec![path.to_owned()];
    while let Some(file) = wanted.pop() {
        let real = tree.host(&file)?;
        if !seen.insert(real.clone()) || real.is_dir() {
            continue;
        }
        let data = fs::read(&real).with_context(|| format!("{}", real.display()))?;
        if let Some(interpreter) = script_interpreter(&data) {
            scripts.push(interpreter.clone());
            if interpreter.ends_with("env") {
                wanted.extend(env_program(&data).and_then(|name| find(&name).ok()));
            }
            wanted.push(interpreter);
        } else if data.starts_with(b"\x7fELF") {
            wanted.extend(needs(tree, &real, &data)?);
        }
    }
    Ok(scripts)
}

/// Packs the program at `path` under another name, with the libraries it needs.
pub(crate) fn pack_as(tree: &mut Tree, name: &str, path: &Path) -> Result<()> {
    tree.host_file_as(name, 0o755, path);
    let data = fs::read(path).with_context(|| format!("{}", path.display()))?;
    for library in needs(tree, path, &data)? {
        pack(tree, &library)?;
    }
    Ok(())
}

fn first_line(data: &[u8]) -> Option<&str> {
    let line = data
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    std::str::from_utf8(line).ok().map(str::trim)
}

fn script_interpreter(data: &[u8]) -> Option<PathBuf> {
    first_line(data)?
        .split_whitespace()
        .next()
        .map(PathBuf::from)
}

fn env_program(data: &[u8]) -> Option<String> {
    first_line(data)?
        .split_whitespace()
        .skip(1)
        .find(|word| !word.starts_with('-'))
        .map(str::to_owned)
}

/// The dynamic linker and the libraries that the ELF file `data` names. A static program has none.
fn needs(tree: &mut Tree, path: &Path, data: &[u8]) -> Result<Vec<PathBuf>> {
    let Ok(elf) = ElfFile64::<object::Endianness>::parse(data) else {
        return Ok(Vec::new());
    };
    if elf.architecture() != object::Architecture::X86_64 {
        bail!("{}: not an x86-64 program", path.display());
    }
    let dynamic =
        Dynamic::read(elf.elf_header(), data).with_context(|| format!("{}", path.display()))?;
    let mut files: Vec<PathBuf> = dynamic.interpreter.into_iter().collect();
    let origin = path.parent().unwrap_or(Path::new("/"));
    for library in &dynamic.libraries {
        match locate(library, &dynamic.search, origin) {
            Some((file, by_default)) => {
                if !by_default && Path::new("/etc/ld.so.cache").exists() {
                    tree.host(Path::new("/etc/ld.so.cache"))?;
                }
                files.push(file);
            }
            None => eprintln!(
                "gaon: {}: library {library} is not on this host",
                path.display()
            ),
        }
    }
    Ok(files)
}

#[derive(Default)]
struct Dynamic {
    interpreter: Option<PathBuf>,
    libraries: Vec<String>,
    search: Vec<String>,
}

impl Dynamic {
    fn read(header: &FileHeader64<object::Endianness>, data: &[u8]) -> Result<Self> {
        let endian = header.endian()?;
        let mut found = Self::default();
        let segments = header.program_headers(endian, data)?;
        for segment in segments {
            if segment.p_type(endian) == PT_INTERP {
                let text = segment.data(endian, data).unwrap_or(&[]);
                let text = text.split(|byte| *byte == 0).next().unwrap_or(&[]);
                found.interpreter = Some(PathBuf::from(std::ffi::OsStr::from_bytes(text)));
            }
            if segment.p_type(endian) != PT_DYNAMIC {
                continue;
            }
            let Ok(Some(entries)) = segment.dynamic(endian, data) else {
                continue;
            };
            let value = |tag: u32| {
                entries
                    .iter()
                    .find(|e| e.d_tag(endian) == u64::from(tag))
                    .map(|e| e.d_val(endian))
            };
            let Some(strings) =
                value(object::elf::DT_STRTAB).and_then(|at| file_offset(segments, endian, at))
            else {
                continue;
            };
            let text = |at: u64| {
                let bytes = data.get(usize::try_from(strings + at).ok()?..)?;
                String::from_utf8(bytes.split(|byte| *byte == 0).next()?.to_vec()).ok()
            };
            for entry in entries {
                let tag = entry.d_tag(endian);
                if tag == u64::from(DT_NEEDED) {
                    found.libraries.extend(text(entry.d_val(endian)));
                } else if tag == u64::from(DT_RPATH) || tag == u64::from(DT_RUNPATH) {
                    let paths = text(entry.d_val(endian)).unwrap_or_default();
                    found.search.extend(paths.split(':').map(str::to_owned));
                }
            }
        }
        Ok(found)
    }
}

type Segment = object::elf::ProgramHeader64<object::Endianness>;

fn file_offset(segments: &[Segment], endian: object::Endianness, address: u64) -> Option<u64> {
    segments
        .iter()
        .filter(|segment| segment.p_type(endian) == object::elf::PT_LOAD)
        .find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr(endian))?;
            (inside < segment.p_filesz(endian)).then(|| segment.p_offset(endian) + inside)
        })
}

/// The library's file, and whether the dynamic linker finds it without its cache.
fn locate(library: &str, search: &[String], origin: &Path) -> Option<(PathBuf, bool)> {
    if library.contains('/') {
        return Some((PathBuf::from(library), true));
    }
    let origin = origin.to_str().unwrap_or("/");
    let named = search.iter().map(|folder| {
        folder
            .replace("$ORIGIN", origin)
            .replace("${ORIGIN}", origin)
    });
    for folder in named.chain(LINKER_FOLDERS.map(str::to_owned)) {
        let file = Path::new(&folder).join(library);
        if file.exists() {
            return Some((file, true));
        }
    }
    configured_folders()
        .into_iter()
        .map(|folder| folder.join(library))
        .find(|file| file.exists())
        .map(|f| (f, false))
}

/// The folders of /etc/ld.so.conf and of the files it includes from /etc/ld.so.conf.d.
fn configured_folders() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/ld.so.conf")];
    files.extend(
        fs::read_dir("/etc/ld.so.conf.d")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path()),
    );
    let texts = files
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    texts
        .flat_map(|text| {
            text.lines()
                .map(str::trim)
                .filter(|l| l.starts_with('/'))
                .map(PathBuf::from)
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_name_their_interpreter() {
        assert_eq!(
            script_interpreter(b"#! /bin/sh -e\necho"),
            Some("/bin/sh".into())
        );
        assert_eq!(script_interpreter(b"echo"), None);
        assert_eq!(
            env_program(b"#!/usr/bin/env -S python3 -u\n"),
            Some("python3".into())
        );
    }

    #[test]
    fn a_dynamic_program_brings_its_libraries() {
        let mut tree = Tree::default();
        pack(&mut tree, &find("ls").unwrap()).unwrap();
        assert!(tree.has("/lib64/ld-linux-x86-64.so.2"));
        assert!(tree.has("/lib/x86_64-linux-gnu/libc.so.6"));
    }

    #[test]
    fn a_missing_program_is_told() {
        assert!(
            find("no-such-program-here")
                .unwrap_err()
                .to_string()
                .contains("command not found")
        );
    }
}
