//! `gaon test`: host tests by cargo, guest tests on Gaon or, to prove the tests themselves, on Linux.

mod brought;
mod console;
mod crashes;
mod debian;
mod difference;
mod guest;
mod host;
mod interactive;
mod kernels;
mod labs;
mod machine;
mod modules;
mod nops;
mod plain;
mod plan;
mod python;
mod report;
mod table;
mod terminal;
mod userland;
mod verdicts;

use crate::verb::build;
use crate::{cargo, oracle};
use anyhow::Result;
use std::path::PathBuf;
use verdicts::{Verdict, Verdicts};

/// Which tests.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    Host,
    Guest,
    /// Debian's programs, which --full runs too
    Userland,
    /// Host and guest
    All,
    /// Python's own tests, on Linux and on Gaon; by this name alone
    Python,
}

/// Which kernel the guest tests run on.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    Gaon,
    Linux,
}

/// Test the crates on this host and the kernel in a guest
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which tests
    #[arg(value_enum, default_value_t = Suite::All)]
    suite: Suite,
    /// Only tests whose name contains this
    filter: Option<String>,
    /// The kernel under the guest tests; Linux proves the tests themselves. Without the name of a suite `linux` runs the guest
    /// tests on both kernels, and tells where they differ
    #[arg(long, value_enum, default_value_t = Peer::Gaon)]
    oracle: Peer,
    /// Write what Linux answers into the tables of expected output
    #[arg(long, requires = "oracle")]
    bless: bool,
    /// The long forms: more rounds, more processes, more cases of property tests
    #[arg(long)]
    full: bool,
    /// Where tests that make things up begin; else 1, and with --full another one each time, which is told
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Boot this kernel
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// QEMU machine of the guest tests
    #[arg(long, value_name = "M")]
    machine: Option<String>,
    /// CPUs of the guest, in place of what each test wishes
    #[arg(long, value_name = "N")]
    smp: Option<u32>,
    /// Print the name of every test as it ends
    #[arg(long, short)]
    verbose: bool,
}

/// How many tests ended how.
#[derive(Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Counts the tests of one kind as they end, and says how.
struct Counter<'a> {
    plan: &'a plan::Plan,
    kind: &'a str,
    tally: Tally,
}

impl<'a> Counter<'a> {
    fn new(plan: &'a plan::Plan, kind: &'a str) -> Self {
        Self {
            plan,
            kind,
            tally: Tally::default(),
        }
    }

    /// Whether the user asked for this test.
    fn wants(&self, name: &str) -> bool {
        format!("{}/{name}", self.kind).contains(&self.plan.filter)
    }

    fn note(&self, name: &str, verdict: Verdict) {
        let name = format!("{}/{name}", self.kind);
        self.plan.verdicts.note(&name, verdict);
    }

    fn skip(&mut self, name: &str) {
        self.tally.skipped += 1;
        self.note(name, Verdict::Skipped);
    }

    fn count(&mut self, name: &str, verdict: std::result::Result<(), String>) {
        match verdict {
            Ok(()) => {
                self.tally.passed += 1;
                self.note(name, Verdict::Passed);
                if self.plan.verbose {
                    say(&format!("ok {}/{name}", self.kind));
                }
            }
            Err(why) => {
                self.tally.failed += 1;
                self.note(name, Verdict::Failed);
                say(&format!("FAILED {}/{name}: {why}", self.kind));
            }
        }
    }
}

/// Tests of one kind.
struct Kind {
    name: &'static str,
    run: fn(&plan::Plan) -> Result<Tally>,
    /// Whether they hold on Linux too.
    on_linux: bool,
}

const fn kind(name: &'static str, run: fn(&plan::Plan) -> Result<Tally>) -> Kind {
    Kind {
        name,
        run,
        on_linux: true,
    }
}

const fn our_own(name: &'static str, run: fn(&plan::Plan) -> Result<Tally>) -> Kind {
    Kind {
        on_linux: false,
        ..kind(name, run)
    }
}

/// What may run side by side: most of these wait for a machine to boot, for a compiler, or for a timer. About as long as one
/// another.
const LANES: [&[Kind]; 2] = [
    &[
        kind("machine", machine::run),
        kind("console", console::run),
        our_own("plain", plain::run),
        our_own("crashes", crashes::run),
        kind("tables", guest::tables),
    ],
    &[
        our_own("nops", nops::run),
        our_own("kernels", kernels::run),
        kind("modules", modules::run),
        kind("labs", labs::run),
    ],
];
/// What fills all processors, or looks at the time that something takes.
const ALONE: [Kind; 2] = [
    our_own("containment", modules::containment),
    kind("programs", guest::programs),
];

/// What takes a long time and Debian's packages.
const USERLAND: [Kind; 1] = [kind("userland", userland::run)];

/// All that need a machine.
fn on_machines(plan: &plan::Plan) -> Result<Tally> {
    let mut tally = Tally::default();
    if plan.bless {
        tally.add(guest::tables(plan)?);
        tally.add(guest::programs(plan)?);
        return Ok(tally);
    }
    // What several of them pack or compile against is built before they part.
    build::init()?;
    build::driver()?;
    build::module_folder()?;
    let ends = std::thread::scope(|scope| {
        let lanes = LANES.map(|lane| scope.spawn(move || one_by_one(plan, lane)));
        lanes.map(std::thread::ScopedJoinHandle::join)
    });
    for end in ends {
        tally.add(end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
    }
    tally.add(one_by_one(plan, &ALONE)?);
    if plan.full {
        tally.add(one_by_one(plan, &USERLAND)?);
    }
    Ok(tally)
}

fn one_by_one(plan: &plan::Plan, kinds: &[Kind]) -> Result<Tally> {
    let mut tally = Tally::default();
    for kind in kinds.iter().filter(|kind| kind.on_linux || !plan.shared) {
        tally.add(timed(kind.name, || (kind.run)(plan))?);
    }
    Ok(tally)
}

/// Says how long the tests of a kind took, if there were any.
fn timed(name: &str, run: impl FnOnce() -> Result<Tally>) -> Result<Tally> {
    let start = std::time::Instant::now();
    let tally = run()?;
    let (tests, seconds) = (tally.passed + tally.failed, start.elapsed().as_secs());
    if tests > 0 {
        say(&format!("note {name}: {tests} tests in {seconds} s"));
    }
    Ok(tally)
}

/// A line on standard output, between the progress on a terminal.
fn say(line: &str) {
    cargo::bars().suspend(|| println!("{line}"));
}

/// The guest tests on Linux and on Gaon: what they tell, and where the kernels differ.
fn on_both(plan: impl Fn(Peer) -> Result<plan::Plan>) -> Result<Tally> {
    let mut tally = Tally::default();
    let [linux, gaon] = [("Linux", Peer::Linux), ("Gaon", Peer::Gaon)].map(|(name, peer)| {
        say(&format!("note on {name}"));
        let plan = plan(peer)?;
        tally.add(on_machines(&plan)?);
        anyhow::Ok(plan.verdicts)
    });
    let found = Verdicts::compare(linux?, gaon?);
    for difference in &found.differences {
        say(&format!("DIFFERENT {difference}"));
        tally.failed += usize::from(!difference.has_failed());
    }
    let how_many = match found.differences.len() {
        0 => "none".to_owned(),
        some => some.to_string(),
    };
    say(&format!(
        "{} tests on both kernels, {} that Linux skips, {} on Gaon alone; differences: {how_many}",
        found.both, found.skipped, found.ours
    ));
    Ok(tally)
}

fn on_host(arguments: &Arguments, seed: u64) -> Result<Tally> {
    let filter = arguments.filter.as_deref().unwrap_or("");
    timed("host", || host::run(filter, arguments.full, seed))
}

fn plan_of(arguments: &Arguments, seed: u64, peer: Peer, both: bool) -> Result<plan::Plan> {
    let kernel = match (&arguments.kernel, peer) {
        (Some(kernel), _) => std::path::absolute(kernel)?,
        (None, Peer::Linux) if arguments.suite != Suite::Python => oracle::linux()?,
        (None, _) => build::kernel("release")?,
    };
    Ok(plan::Plan {
        kernel,
        named: arguments.kernel.is_some(),
        machine: arguments.machine.clone(),
        smp: arguments.smp,
        linux: peer == Peer::Linux,
        shared: both || peer == Peer::Linux,
        bless: arguments.bless && peer == Peer::Linux,
        full: arguments.full,
        seed,
        verbose: arguments.verbose,
        filter: arguments.filter.clone().unwrap_or_default(),
        verdicts: Verdicts::default(),
    })
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let mut tally = Tally::default();
    let seed = arguments.seed.unwrap_or(if arguments.full {
        std::time::UNIX_EPOCH.elapsed()?.as_secs()
    } else {
        1
    });
    if arguments.full {
        println!("note seed {seed}");
    }
    let plan = |peer| plan_of(arguments, seed, peer, false);
    let linux = arguments.oracle == Peer::Linux;
    match arguments.suite {
        Suite::All if linux && !arguments.bless && arguments.kernel.is_none() => {
            tally.add(on_both(|peer| plan_of(arguments, seed, peer, true))?);
        }
        Suite::Host => tally.add(on_host(arguments, seed)?),
        Suite::All => {
            tally.add(on_host(arguments, seed)?);
            tally.add(on_machines(&plan(arguments.oracle)?)?);
        }
        Suite::Guest => tally.add(on_machines(&plan(arguments.oracle)?)?),
        Suite::Userland => tally.add(one_by_one(&plan(arguments.oracle)?, &USERLAND)?),
        Suite::Python => {
            let plan = plan(arguments.oracle)?;
            tally.add(timed("python", || python::run(&plan))?);
        }
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    Ok(u8::from(tally.failed > 0))
}
