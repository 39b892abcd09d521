//! One boot of one kernel with the benchmark program in it.
//!
//! Nothing goes into the machine, and what comes out goes to files, which are always ready to be written: so under
//! `-icount` no moment of the host's has a say in the figures.

use super::figures::Figures;
use crate::vm::{self, plugin};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The processor: without the string instructions' fast forms, which an emulator has only in name.
pub(super) const CPU: &str = "max,-erms,-fsrm";
pub(super) const MEMORY: &str = "512M";
/// No mitigations: they cost instructions that Gaon has not.
pub(super) const APPEND: &str = "mitigations=off";
/// The same for a profile, whose addresses are held against a map.
const PROFILED: &str = "mitigations=off nokaslr";
/// Instructions as the clock, from a fixed point in time.
pub(super) const ICOUNT: [&str; 6] = [
    "-icount",
    "shift=0,sleep=off",
    "-seed",
    "1",
    "-rtc",
    "base=2026-01-01T00:00:00,clock=vm",
];
/// A guest that says nothing for so long has hung. Counting instructions on a busy host takes its time.
const PATIENCE: Duration = Duration::from_secs(300);
/// The same for the first word by the wall clock.
const PATIENCE_TO_BOOT: Duration = Duration::from_secs(30);

/// What a nanosecond of the guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Clock {
    /// Instructions of the guest; repeats to the last digit
    Icount,
    /// Instructions of the guest without its clock being made of them: with several processors, in turn, on both kernels;
    /// repeats within some percent
    Counted,
    /// The host's time, in pairs of runs
    Wall,
}

/// One machine.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) kernel: PathBuf,
    pub(super) initrd: PathBuf,
    pub(super) machine: &'static str,
    pub(super) cpus: u32,
    pub(super) clock: Clock,
    /// What executed instructions are counted, by the plugin at this path.
    pub(super) count: Option<(PathBuf, plugin::Wish)>,
}

/// What came of it.
pub(super) struct Ended {
    pub(super) figures: Figures,
    pub(super) counts: plugin::Counts,
    /// From QEMU's start to the program's first word.
    pub(super) first_word: Option<Duration>,
    /// Why the program did not come to its end.
    pub(super) cut_short: Option<String>,
}

/// Boots, follows the program to its end, and calls `on_row` for each operation as it is done.
pub(super) fn run(setup: &Setup, mut on_row: impl FnMut(&str)) -> Result<Ended> {
    let scratch = tempfile::Builder::new().prefix("gaon-bench-").tempdir()?;
    let (console, counts) = (
        scratch.path().join("console"),
        scratch.path().join("counts"),
    );
    let mut follower = Follower::new(scratch.path().join("figures"));
    let start = Instant::now();
    let mut child = vm::spawn(command(setup, [&console, &follower.path, &counts]))?;
    let (mut heard, mut first_word, mut hung) = (start, None, false);
    loop {
        let over = child.try_wait()?.is_some();
        let lines = follower.read();
        if !lines.is_empty() {
            heard = Instant::now();
            first_word.get_or_insert(heard - start);
        }
        for line in lines {
            if let Some(name) = follower.figures.take(&line) {
                on_row(&name);
            }
        }
        let patience = if setup.clock == Clock::Wall && first_word.is_none() {
            PATIENCE_TO_BOOT
        } else {
            PATIENCE
        };
        hung = hung || heard.elapsed() > patience;
        if over {
            break;
        }
        if hung {
            child.kill()?;
        }
        // Before the first word the wait is part of what is measured.
        let nap = if first_word.is_none() { 1 } else { 20 };
        std::thread::sleep(Duration::from_millis(nap));
    }
    let cut_short = if follower.figures.ended.is_some() {
        None
    } else {
        Some(last_words(&mut child, &console, hung)?)
    };
    let counts = match setup.count {
        Some(_) => plugin::read(&counts)?,
        None => plugin::Counts::default(),
    };
    Ok(Ended {
        figures: follower.figures,
        counts,
        first_word,
        cut_short,
    })
}

fn command(setup: &Setup, [console, figures, counts]: [&Path; 3]) -> Command {
    let count = setup.count.iter();
    let extra = count.flat_map(|(plugin, wish)| plugin::options(plugin, counts, *wish));
    let profile = setup.count.as_ref().is_some_and(|(_, wish)| wish.profile);
    let config = vm::Config {
        kernel: setup.kernel.clone(),
        initrd: setup.initrd.clone(),
        append: match (profile, setup.clock) {
            (true, _) => PROFILED.to_owned(),
            // On a busy host Linux looks whether its timer ticks, and panics.
            (false, Clock::Counted) => format!("{APPEND} no_timer_check"),
            _ => APPEND.to_owned(),
        },
        cpus: setup.cpus,
        memory: MEMORY.to_owned(),
        machine: setup.machine.to_owned(),
        cpu: CPU.to_owned(),
        // All processors on one thread of the host: the plugin's counters are no atomic ones.
        accel: if setup.clock == Clock::Counted {
            "tcg,thread=single".to_owned()
        } else {
            "tcg".to_owned()
        },
        verbose: false,
        extra: extra.collect(),
    };
    let mut command = vm::command(&config);
    for (id, path) in [("console", console), ("figures", figures)] {
        let chardev = format!("file,id={id},path={}", path.display());
        command.arg("-chardev").arg(chardev);
    }
    command.args(["-serial", "chardev:console"]);
    if setup.machine.starts_with("microvm") {
        command.args(["-device", "isa-serial,index=1,chardev=figures"]);
    } else {
        command.args(["-serial", "chardev:figures"]);
    }
    match setup.clock {
        Clock::Icount => {
            command.args(ICOUNT);
            command
        }
        Clock::Wall if may_be_real_time() => {
            let mut first = Command::new("chrt");
            first.args(["-r", "1"]).arg(command.get_program());
            first.args(command.get_args());
            first
        }
        Clock::Wall | Clock::Counted => command,
    }
}

/// Real-time priority is there for us to take: other programs then hardly disturb.
fn may_be_real_time() -> bool {
    let tried = Command::new("chrt")
        .args(["-r", "1", "true"])
        .stderr(std::process::Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

/// Lines of a file that grows.
struct Follower {
    path: PathBuf,
    file: Option<fs::File>,
    rest: Vec<u8>,
    figures: Figures,
}

impl Follower {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            rest: Vec::new(),
            figures: Figures::default(),
        }
    }

    /// The lines that have come to their end since.
    fn read(&mut self) -> Vec<String> {
        if self.file.is_none() {
            self.file = fs::File::open(&self.path).ok();
        }
        if let Some(file) = &mut self.file {
            let _ = file.read_to_end(&mut self.rest);
        }
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim().to_owned());
        }
        lines
    }
}

/// Why a guest ended early, in one line; an error when it did not even start.
fn last_words(child: &mut Child, console: &Path, hung: bool) -> Result<String> {
    let mut said = String::new();
    if let Some(errors) = &mut child.stderr {
        let _ = errors.read_to_string(&mut said);
    }
    let status = child.wait().context("qemu-system-x86_64")?;
    if !status.success() && !hung {
        bail!("QEMU ({status}): {}", said.trim());
    }
    let console = fs::read(console).unwrap_or_default();
    let console = String::from_utf8_lossy(&console);
    let panic = console.lines().find(|line| line.contains("panic"));
    Ok(match panic {
        Some(line) => line.trim().to_owned(),
        None if hung => format!("no word for {} s", PATIENCE.as_secs()),
        None => "the machine ended early".to_owned(),
    })
}
