//! The command line: `key=value` and `key`, separated by blanks, a value in double quotes if it has blanks itself
//! (Linux' Documentation/admin-guide/kernel-parameters.rst).

/// What the image itself looks at.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// `init=`: the program when there is no initramfs with one.
    pub(crate) init: Option<&'static str>,
    /// `rdinit=`: the program in the initramfs.
    pub(crate) rdinit: &'static str,
    /// `maxcpus=`.
    pub(crate) max_cpus: usize,
}

impl Options {
    /// Reads the command line and hands each option to the crate that it is for.
    pub(crate) fn parse(cmdline: &'static str) -> Self {
        let mut options = Self {
            init: None,
            rdinit: "/init",
            max_cpus: hal::MAX_CPUS,
        };
        for (key, value) in words(cmdline) {
            match (key, value) {
                ("init", Some(path)) => options.init = Some(path),
                ("rdinit", Some(path)) => options.rdinit = path,
                ("maxcpus", Some(n)) => {
                    options.max_cpus = n.parse().unwrap_or(options.max_cpus).max(1);
                }
                ("nosmp", None) => options.max_cpus = 1,
                ("module.sig_enforce", None | Some("1" | "y" | "Y" | "on")) => {
                    module::enforce_signatures();
                }
                _ => {
                    let _ = trace::console::boot_option(key, value)
                        || trace::panic::boot_option(key, value)
                        || task::vsyscall::boot_option(key, value)
                        || lkdtm::boot_option(key, value)
                        || kmem::fault_option(key, value)
                        || trace::events::boot_option(key, value);
                }
            }
        }
        options
    }
}

/// The words of the command line up to `--`.
fn words(cmdline: &'static str) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    let mut rest = cmdline;
    core::iter::from_fn(move || {
        rest = rest.trim_start();
        let mut quoted = false;
        let end = rest
            .find(|c: char| {
                quoted ^= c == '"';
                c.is_ascii_whitespace() && !quoted
            })
            .unwrap_or(rest.len());
        let word = &rest[..end];
        rest = &rest[end..];
        (!word.is_empty() && word != "--").then(|| match word.split_once('=') {
            Some((key, value)) => (key, Some(value.trim_matches('"'))),
            None => (word, None),
        })
    })
}
