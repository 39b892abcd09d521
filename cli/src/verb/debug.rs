//! `gaon debug`: gdb on a module in the guest, stopped when it is whole in memory and nothing of it has run. The kernel has a
//! place for that, `gaon_module_placed` (`base/hal/src/x86_64/debugger.rs`); where a module's sections are then follows from
//! where it stands, by the rule that the kernel's loader has too (`kmod::Layout`).

use crate::session::{End, Session, Streams};
use crate::verb::run;
use crate::vm::Machine;
use crate::{signals, tree};
use anyhow::{Context, Result, bail};
use kmod::{Layout, ModuleFile, Place};
use std::fmt::Write;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// Debug a kernel module with gdb, from before its init on
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Arguments {
    /// The module: FILE.ko, or FILE.ko and its parameters in one word
    #[arg(value_name = "MODULE")]
    debugged: String,
    /// A command for gdb, once the module is in its place (repeats)
    #[arg(long, value_name = "COMMAND")]
    ex: Vec<String>,
    /// End when gdb has carried out its commands
    #[arg(long)]
    batch: bool,
    #[command(flatten)]
    machine: run::Arguments,
}

/// What the guest does when it was told nothing: it stays.
const STAY: [&str; 2] = ["sleep", "infinity"];

pub(crate) fn run(arguments: Arguments) -> Result<u8> {
    let Arguments {
        debugged,
        ex,
        batch,
        mut machine,
    } = arguments;
    let path = std::path::absolute(
        debugged
            .split_once(' ')
            .map_or(&*debugged, |(path, _)| path),
    )?;
    machine.module.push(debugged);
    if machine.command.is_empty() {
        machine.command = STAY.map(str::to_owned).to_vec();
    }
    let kernel = run::kernel(&machine)?;
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let socket = scratch.path().join("gdb");
    let script = scratch.path().join("script");
    std::fs::write(&script, preparation(&path, &socket)?)?;
    let (initrd, job) = run::prepare(&machine, scratch.path())?;
    let mut config = run::configure(&machine, kernel.clone(), initrd)?;
    let server = format!("unix:{},server=on,wait=off", socket.display());
    config.extra.extend(["-S", "-gdb", &server].map(Into::into));
    // A Ctrl-C is gdb's.
    signals::leave_interrupts();
    let mut guest = Machine::start(&config, machine.verbose)?;
    let streams = Streams {
        stdin: None,
        stdout: Box::new(File::from(std::io::stdout().as_fd().try_clone_to_owned()?)),
        stderr: Box::new(File::from(std::io::stderr().as_fd().try_clone_to_owned()?)),
    };
    let session = Session::start(&guest, &job, streams, |_| {})?;
    let mut gdb = Command::new("gdb");
    gdb.arg("-q").args(batch.then_some("-batch"));
    gdb.arg("-x").arg(&script);
    for command in &ex {
        gdb.arg("-ex").arg(command);
    }
    let mut gdb = gdb
        .arg(&kernel)
        .current_dir(tree::root()?)
        .spawn()
        .context("gdb (Debian: apt-get install gdb)")?;
    let limit = machine.timeout.map(Duration::from_secs_f64);
    let start = Instant::now();
    let late = || limit.is_some_and(|limit| start.elapsed() >= limit);
    let mut left: Option<ExitStatus> = None;
    let end = session.wait(
        &mut guest,
        || {
            left = gdb.try_wait().ok().flatten();
            left.is_some() || late()
        },
        || {},
    );
    if let (End::NotStarted(_, why) | End::Silent(why), None) = (&end, left) {
        eprintln!("gaon: {why}");
    }
    // The guest may have ended before who looks at it.
    while left.is_none() {
        if late() {
            gdb.kill()?;
            gdb.wait()?;
            guest.stop();
            eprintln!("gaon: time is up");
            return Ok(run::TIMED_OUT);
        }
        std::thread::sleep(Duration::from_millis(20));
        left = gdb.try_wait()?;
    }
    guest.stop();
    let status = left.and_then(|left| left.code()).unwrap_or(1);
    Ok(u8::try_from(status).unwrap_or(1))
}

/// What gdb does before anybody types: it lets the kernel come as far as the module, and learns where that stands.
fn preparation(path: &Path, socket: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let file = ModuleFile::parse(&bytes);
    let file = file.map_err(|defect| anyhow::anyhow!("{}: {defect:?}", path.display()))?;
    let layout = Layout::new(&file).map_err(|defect| anyhow::anyhow!("{defect:?}"))?;
    let name = file
        .info()
        .get(b"name")
        .with_context(|| format!("{}: it says no name", path.display()))?;
    // Compared byte by byte: gdb's own functions for that would have the guest take memory for the name.
    let mut is_it = format!("$rdx == {}", name.len());
    for (at, byte) in name.iter().enumerate() {
        write!(is_it, " && *(unsigned char *)($rsi + {at}) == {byte}")?;
    }
    let mut text = format!(
        "set confirm off\nset pagination off\nset breakpoint pending on\nset language c\n\
         target remote {}\nbreak *gaon_module_placed if {is_it}\ncontinue\ndelete\nset $base = $rdi\n",
        socket.display()
    );
    let parts = layout.parts(0).map(|part| part.start);
    let sections = file.sections();
    write!(text, "add-symbol-file {}", path.display())?;
    let mut any = false;
    for (number, section) in sections.iter().enumerate() {
        let name = String::from_utf8_lossy(sections.name(&section).unwrap_or_default());
        if let (Place::At(part, offset), false) = (layout.of(number), name.is_empty())
            && section.size != 0
        {
            any = true;
            let offset = parts[part as usize] + offset;
            write!(text, " -s {name} $base+{offset}")?;
        }
    }
    if !any {
        bail!("{}: nothing of it goes into memory", path.display());
    }
    text += "\nset language auto\n";
    Ok(text)
}
