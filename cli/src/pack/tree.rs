//! The files of an initramfs before they are written: host files at their own path (symbolic links of the path included,
//! so that `/bin -> usr/bin` looks in the guest as it does here) and files made up.

use super::newc::{Archive, Meta};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// Links followed before a path counts as a circle, as in Linux.
const MAX_LINKS: usize = 40;

enum Content {
    Folder,
    Link(PathBuf),
    Host(PathBuf),
    Bytes(Vec<u8>),
    Device(u32, u32),
}

struct Node {
    content: Content,
    meta: Meta,
}

/// A tree of files, keyed by path without the leading slash; parents sort before children.
#[derive(Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
}

impl Tree {
    /// A folder with permission bits `mode`, and its parents. One that is there keeps what it is.
    pub(crate) fn folder(&mut self, path: &str, mode: u32) {
        self.put(Path::new(path), Content::Folder, 0o040_000 | mode);
    }

    /// A file with this content.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.put(
            Path::new(path),
            Content::Bytes(content.to_vec()),
            0o100_000 | mode,
        );
    }

    /// A host file under another path.
    pub(crate) fn host_file_as(&mut self, path: &str, mode: u32, source: &Path) {
        self.put(
            Path::new(path),
            Content::Host(source.to_owned()),
            0o100_000 | mode,
        );
    }

    /// A symbolic link, unless something has that path.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.put(Path::new(path), Content::Link(target.into()), 0o120_777);
    }

    /// Takes away what stands at `path`, so that something else can.
    pub(crate) fn remove(&mut self, path: &str) {
        let path = self.resolve_parent(Path::new(path));
        self.nodes.remove(relative(&path));
    }

    /// A character device.
    pub(crate) fn device(&mut self, path: &str, mode: u32, major: u32, minor: u32) {
        self.put(
            Path::new(path),
            Content::Device(major, minor),
            0o020_000 | mode,
        );
    }

    /// True when the tree has a node at `path`, by its resolved name.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.nodes
            .contains_key(relative(&self.resolve_parent(Path::new(path))))
    }

    /// Adds what stands at `path` on the host at the same path: a file, a link with what it leads to, or a folder with
    /// everything in it. Gives the path with all links resolved.
    pub(crate) fn host(&mut self, path: &Path) -> Result<PathBuf> {
        self.host_counted(path, 0)
    }

    fn host_counted(&mut self, path: &Path, mut links: usize) -> Result<PathBuf> {
        let path = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
        let mut done = PathBuf::from("/");
        let mut rest: Vec<Component<'_>> = path.components().collect();
        rest.reverse();
        while let Some(component) = rest.pop() {
            let Component::Normal(name) = component else {
                if component == Component::ParentDir {
                    done.pop();
                }
                continue;
            };
            let here = done.join(name);
            let meta =
                fs::symlink_metadata(&here).with_context(|| format!("{}", here.display()))?;
            if meta.is_symlink() {
                links += 1;
                if links > MAX_LINKS {
                    bail!("{}: too many levels of symbolic links", path.display());
                }
                let target = fs::read_link(&here)?;
                self.insert(&here, Content::Link(target.clone()), &meta);
                let remaining: PathBuf = rest.iter().rev().collect();
                return self.host_counted(&done.join(target).join(remaining), links);
            }
            let content = if meta.is_dir() {
                Content::Folder
            } else {
                Content::Host(here.clone())
            };
            if meta.is_dir() || meta.is_file() {
                self.insert(&here, content, &meta);
            } else if meta.file_type().is_char_device() {
                let device = meta.rdev();
                let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
                self.insert(&here, Content::Device(major, minor), &meta);
            }
            done = here;
        }
        if path.is_dir() {
            self.host_children(&done)?;
        }
        Ok(done)
    }

    /// Adds what stands in `folder` as if that were the root, as root's; the tree's own links in paths are followed, and
    /// what it has already stays. `left_out` are folders to pass by, relative.
    pub(crate) fn overlay(&mut self, folder: &Path, left_out: &[&str]) -> Result<()> {
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            let here = folder.join(&inner);
            let entries = fs::read_dir(&here).with_context(|| format!("{}", here.display()))?;
            for entry in entries {
                let entry = entry?;
                let (source, place) = (entry.path(), inner.join(entry.file_name()));
                if left_out.iter().any(|out| place == Path::new(out)) {
                    continue;
                }
                let meta = fs::symlink_metadata(&source)?;
                let path = Path::new("/").join(&place);
                if meta.is_dir() {
                    self.put(&path, Content::Folder, meta.mode());
                    folders.push(place);
                } else if meta.is_symlink() {
                    self.put(&path, Content::Link(fs::read_link(&source)?), meta.mode());
                } else if meta.is_file() {
                    self.put(&path, Content::Host(source), meta.mode());
                }
            }
        }
        Ok(())
    }

    fn host_children(&mut self, folder: &Path) -> Result<()> {
        let entries = fs::read_dir(folder).with_context(|| format!("{}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let (path, meta) = (entry.path(), fs::symlink_metadata(entry.path())?);
            if meta.is_symlink() {
                // Inside a folder a link is packed as it is, wherever it leads.
                self.insert(&path, Content::Link(fs::read_link(&path)?), &meta);
            } else if meta.is_dir() {
                self.insert(&path, Content::Folder, &meta);
                self.host_children(&path)?;
            } else if meta.is_file() {
                self.insert(&path, Content::Host(path.clone()), &meta);
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &Path, content: Content, meta: &fs::Metadata) {
        let mtime = u32::try_from(meta.mtime()).unwrap_or(0);
        let meta = Meta {
            mode: meta.mode(),
            uid: meta.uid(),
            gid: meta.gid(),
            mtime,
            ..Meta::default()
        };
        self.nodes
            .entry(relative(path).to_owned())
            .or_insert(Node { content, meta });
    }

    fn put(&mut self, path: &Path, content: Content, mode: u32) {
        let path = self.resolve_parent(path);
        for parent in path
            .ancestors()
            .skip(1)
            .filter(|parent| parent.parent().is_some())
        {
            let meta = Meta {
                mode: 0o040_755,
                ..Meta::default()
            };
            self.nodes
                .entry(relative(parent).to_owned())
                .or_insert(Node {
                    content: Content::Folder,
                    meta,
                });
        }
        let mut meta = Meta {
            mode,
            ..Meta::default()
        };
        if let Content::Device(major, minor) = content {
            meta.device = (major, minor);
        }
        self.nodes
            .entry(relative(&path).to_owned())
            .or_insert(Node { content, meta });
    }

    /// `path` with the tree's own links in its parent folders followed (`/bin/sh` is `/usr/bin/sh` where `/bin` is a
    /// link), so that every node stands under its one real name.
    fn resolve_parent(&self, path: &Path) -> PathBuf {
        let mut real = PathBuf::from("/");
        let mut names: Vec<&OsStr> = relative(path).iter().collect();
        let Some(last) = names.pop() else { return real };
        for name in names {
            let here = real.join(name);
            real = match self.nodes.get(relative(&here)).map(|node| &node.content) {
                Some(Content::Link(target)) => real.join(target),
                _ => here,
            };
        }
        real.join(last)
    }

    /// Writes the tree as an archive.
    pub(crate) fn write<W: Write>(&self, out: W) -> Result<W> {
        let mut archive = Archive::new(out);
        for (path, node) in &self.nodes {
            let name = path
                .to_str()
                .with_context(|| format!("{}: not UTF-8", path.display()))?;
            if name.is_empty() {
                continue;
            }
            match &node.content {
                Content::Folder | Content::Device(..) => archive.add(name, node.meta, &[])?,
                Content::Link(target) => {
                    archive.add(name, node.meta, target.as_os_str().as_encoded_bytes())?;
                }
                Content::Bytes(bytes) => archive.add(name, node.meta, bytes)?,
                Content::Host(source) => {
                    let data = fs::read(source).with_context(|| format!("{}", source.display()))?;
                    archive.add(name, node.meta, &data)?;
                }
            }
        }
        Ok(archive.finish()?)
    }
}

fn relative(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_path_are_packed_with_it() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path();
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/real"), "x").unwrap();
        std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
        std::os::unix::fs::symlink("real", root.join("usr/bin/alias")).unwrap();
        let mut tree = Tree::default();
        let real = tree.host(&root.join("bin/alias")).unwrap();
        assert_eq!(real, root.join("usr/bin/real"));
        for name in ["bin", "usr/bin", "usr/bin/alias", "usr/bin/real"] {
            assert!(
                tree.nodes.contains_key(relative(&root.join(name))),
                "{name}"
            );
        }
    }

    #[test]
    fn made_up_files_follow_the_links_of_the_tree() {
        let mut tree = Tree::default();
        tree.folder("/usr/bin", 0o755);
        tree.link("/bin", "usr/bin");
        tree.file("/bin/tool", 0o755, b"");
        assert!(tree.nodes.contains_key(Path::new("usr/bin/tool")));
        assert!(tree.has("/bin/tool"));
    }

    #[test]
    fn a_package_is_laid_over_the_root() {
        let scratch = tempfile::tempdir().unwrap();
        let package = scratch.path();
        for folder in ["bin", "usr/share/doc/x", "usr/share/x"] {
            fs::create_dir_all(package.join(folder)).unwrap();
        }
        for file in ["bin/x", "usr/share/doc/x/copyright", "usr/share/x/data"] {
            fs::write(package.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("x", package.join("bin/y")).unwrap();
        let mut tree = Tree::default();
        tree.link("/bin", "usr/bin");
        tree.overlay(package, &["usr/share/doc"]).unwrap();
        for (path, is_there) in [
            ("usr/bin/x", true),
            ("usr/bin/y", true),
            ("usr/share/x/data", true),
            ("usr/share/doc", false),
        ] {
            assert_eq!(tree.nodes.contains_key(Path::new(path)), is_there, "{path}");
        }
        assert!(matches!(
            tree.nodes[Path::new("bin")].content,
            Content::Link(_)
        ));
    }

    #[test]
    fn a_circle_of_links_is_an_error() {
        let scratch = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("b", scratch.path().join("a")).unwrap();
        std::os::unix::fs::symlink("a", scratch.path().join("b")).unwrap();
        assert!(Tree::default().host(&scratch.path().join("a")).is_err());
    }
}
