//! `gaon module`: what those who write kernel modules need on the host.

use crate::verb::build;
use crate::{kbuild, tree};
use anyhow::Result;
use std::path::PathBuf;

/// Work on kernel modules
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Print the folder for `make -C FOLDER M=$PWD modules`; builds the kernel if there is none
    Kdir,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    match arguments.action {
        Action::Kdir => println!("{}", kdir()?.display()),
    }
    Ok(0)
}

fn kdir() -> Result<PathBuf> {
    let vmlinux = build::kernel_if_missing()?;
    let folder = tree::output()?.join("build");
    if folder.join("Module.symvers").exists() {
        return Ok(folder);
    }
    kbuild::install(&vmlinux)
}
