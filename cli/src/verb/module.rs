//! `gaon module`: what those who write kernel modules need on the host.

use crate::verb::build;
use anyhow::Result;

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
        Action::Kdir => println!("{}", build::module_folder()?.display()),
    }
    Ok(0)
}
