//! `console=ttyS0[,115200[n8]]`.

/// One `console=` that names a serial port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsoleOption {
    /// Which port: 0 is `ttyS0`.
    pub index: usize,
    /// Its speed, if one is named.
    pub baud: Option<u32>,
}

/// The serial consoles of a command line, in its order; the last one is `/dev/console`.
pub fn consoles(cmdline: &str) -> impl Iterator<Item = ConsoleOption> {
    cmdline
        .split_ascii_whitespace()
        .take_while(|word| *word != "--")
        .filter_map(|word| word.strip_prefix("console="))
        .filter_map(parse)
}

fn parse(value: &str) -> Option<ConsoleOption> {
    let (name, options) = value.split_once(',').unwrap_or((value, ""));
    let index = name.strip_prefix("ttyS")?.parse().ok()?;
    let digits = options
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(options.len());
    let baud = options[..digits].parse().ok().filter(|baud| *baud > 0);
    Some(ConsoleOption { index, baud })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn all(line: &str) -> Vec<(usize, Option<u32>)> {
        consoles(line).map(|c| (c.index, c.baud)).collect()
    }

    #[test]
    fn as_linux_takes_them() {
        assert_eq!(all("console=ttyS0 panic=-1"), [(0, None)]);
        assert_eq!(
            all("quiet console=tty0 console=ttyS1,9600n8 console=ttyS0,115200 -- console=ttyS2"),
            [(1, Some(9600)), (0, Some(115_200))]
        );
        assert_eq!(all("console=ttySx console=ttyS console=hvc0"), []);
        assert_eq!(all(""), []);
    }
}
