//! `gaon`, the host tool: builds the kernel, runs programs on it, tests it, checks the tree.
//!
//! One file per verb in `verb/`; below them `vm` (QEMU), `session` (the framed channel to the guest's init), `pack` (the
//! initramfs), `tree` (where things are). Started by the script `gaon` at the root, which sees to what is missing.

mod cargo;
mod certificate;
mod host;
mod kbuild;
mod oracle;
mod pack;
mod session;
mod signals;
mod symbols;
mod terminal;
mod tree;
mod verb;
mod vm;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Build, run, test and check Gaon, a Linux-compatible kernel.
#[derive(Parser)]
#[command(name = "gaon", bin_name = "./gaon", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Bench(verb::bench::Arguments),
    Build(verb::build::Arguments),
    Check(verb::check::Arguments),
    Debug(verb::debug::Arguments),
    Lab(verb::lab::Arguments),
    Module(verb::module::Arguments),
    Run(verb::run::Arguments),
    Test(verb::test::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Bench(arguments) => verb::bench::run(&arguments),
        Verb::Build(arguments) => verb::build::run(&arguments),
        Verb::Check(arguments) => verb::check::run(&arguments),
        Verb::Debug(arguments) => verb::debug::run(arguments),
        Verb::Lab(arguments) => verb::lab::run(&arguments),
        Verb::Module(arguments) => verb::module::run(&arguments),
        Verb::Run(arguments) => verb::run::run(&arguments),
        Verb::Test(arguments) => verb::test::run(&arguments),
    };
    terminal::restore();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("gaon: {error:#}");
            ExitCode::FAILURE
        }
    }
}
