//! `gaon module`: what those who write kernel modules need on the host.

mod check;
mod new;

use crate::verb::build;
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
    /// Say what would stop modules from loading; the ones before may provide symbols to those after
    Check {
        /// Modules
        #[arg(required = true, value_name = "FILE.ko")]
        files: Vec<PathBuf>,
    },
    /// Make a folder with the source of a small module and its Makefile
    New {
        /// Name of the module and of the folder
        name: String,
        /// In Rust
        #[arg(long)]
        rust: bool,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.action {
        Action::Kdir => {
            println!("{}", build::module_folder()?.display());
            Ok(0)
        }
        Action::Check { files } => check::run(files),
        Action::New { name, rust } => new::run(name, *rust),
    }
}
