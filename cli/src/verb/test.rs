//! `gaon test`: host tests by cargo, guest tests on Gaon or, to prove the tests themselves, on Linux.

mod guest;
mod host;
mod machine;
mod plan;
mod report;
mod table;

use crate::oracle;
use crate::verb::build;
use anyhow::Result;
use std::path::PathBuf;

/// Which tests.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    Host,
    Guest,
    All,
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
    /// The kernel under the guest tests; Linux proves the tests themselves
    #[arg(long, value_enum, default_value_t = Peer::Gaon)]
    oracle: Peer,
    /// Write what Linux answers into the tables of expected output
    #[arg(long, requires = "oracle")]
    bless: bool,
    /// The long forms too (more rounds, more processes)
    #[arg(long)]
    full: bool,
    /// Boot this kernel
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,
    /// QEMU machine of the guest tests
    #[arg(long, value_name = "M")]
    machine: Option<String>,
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

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let mut tally = Tally::default();
    let filter = arguments.filter.as_deref().unwrap_or("");
    if arguments.suite != Suite::Guest {
        tally.add(host::run(filter)?);
    }
    if arguments.suite != Suite::Host {
        let kernel = match (&arguments.kernel, arguments.oracle) {
            (Some(kernel), _) => std::path::absolute(kernel)?,
            (None, Peer::Linux) => oracle::linux()?,
            (None, Peer::Gaon) => build::kernel("release")?,
        };
        let plan = plan::Plan {
            kernel,
            machine: arguments.machine.clone(),
            linux: arguments.oracle == Peer::Linux,
            bless: arguments.bless && arguments.oracle == Peer::Linux,
            full: arguments.full,
            verbose: arguments.verbose,
            filter: filter.to_owned(),
        };
        if !plan.bless {
            tally.add(machine::run(&plan)?);
        }
        tally.add(guest::run(&plan)?);
    }
    println!(
        "{} passed, {} failed, {} skipped",
        tally.passed, tally.failed, tally.skipped
    );
    Ok(u8::from(tally.failed > 0))
}
