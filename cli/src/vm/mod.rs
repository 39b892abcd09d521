//! A virtual machine: QEMU with the kernel's messages on the first serial port and the framed channel on the second.

mod accel;
mod console;
pub(crate) mod plugin;

pub(crate) use accel::choose as choose_accel;
pub(crate) use console::{Console, is_panic};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, set_parent_process_death_signal};
use std::ffi::OsString;
use std::fmt::Write;
use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What to boot, and on what.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
    /// Added to the kernel's command line.
    pub(crate) append: String,
    pub(crate) cpus: u32,
    /// As QEMU's -m takes it.
    pub(crate) memory: String,
    pub(crate) machine: String,
    pub(crate) cpu: String,
    pub(crate) accel: String,
    /// The kernel prints everything it has to say.
    pub(crate) verbose: bool,
    /// More options for QEMU, as they are.
    pub(crate) extra: Vec<OsString>,
}

/// A running QEMU.
pub(crate) struct Machine {
    child: Child,
    pub(crate) console: Console,
    /// The framed channel; init speaks first.
    pub(crate) channel: UnixStream,
    messages: Option<std::thread::JoinHandle<String>>,
    /// Holds the sockets' folder for as long as QEMU runs.
    _folder: tempfile::TempDir,
}

impl Machine {
    /// Starts QEMU. `echo` prints the console on standard error as it comes.
    pub(crate) fn start(config: &Config, echo: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("gaon-").tempdir()?;
        let (console_path, channel_path) =
            (folder.path().join("console"), folder.path().join("channel"));
        let console_socket = UnixListener::bind(&console_path)?;
        let channel_socket = UnixListener::bind(&channel_path)?;
        let mut command = command(config);
        for (id, path) in [("console", &console_path), ("channel", &channel_path)] {
            let mut chardev = format!("socket,id={id},path={}", path.display());
            // For those who work on the channel itself: what the guest sent, as it was.
            if let Ok(log) = std::env::var("GAON_SERIAL_LOG") {
                let _ = write!(chardev, ",logfile={log}.{id}");
            }
            command.arg("-chardev").arg(chardev);
        }
        command.args(["-serial", "chardev:console"]);
        if config.machine.starts_with("microvm") {
            // The machine has one serial port of its own; a second one stands where a PC has it.
            command.args(["-device", "isa-serial,index=1,chardev=channel"]);
        } else {
            command.args(["-serial", "chardev:channel"]);
        }
        let mut child = spawn(command)?;
        let mut errors = child
            .stderr
            .take()
            .context("QEMU's standard error is a pipe")?;
        let messages = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let accepted = accept(&console_socket, &mut child)
            .and_then(|c| Ok((c, accept(&channel_socket, &mut child)?)));
        let (console, channel) = match accepted {
            Ok(both) => both,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                bail!(
                    "QEMU did not start: {error:#}\n{}",
                    messages.join().unwrap_or_default().trim_end()
                );
            }
        };
        Ok(Self {
            child,
            console: Console::follow(console, echo),
            channel,
            messages: Some(messages),
            _folder: folder,
        })
    }

    /// Waits at most `limit` for QEMU to end by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<bool> {
        let end = Instant::now() + limit;
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends QEMU and gives what it said itself.
    pub(crate) fn stop(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.console.finish();
        self.messages
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if self.messages.is_some() {
            self.stop();
        }
    }
}

/// QEMU with everything but the serial ports.
pub(crate) fn command(config: &Config) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args([
        "-machine",
        &config.machine,
        "-accel",
        &config.accel,
        "-cpu",
        &config.cpu,
    ]);
    command.args(["-smp", &config.cpus.to_string(), "-m", &config.memory]);
    command.args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
    ]);
    command
        .arg("-kernel")
        .arg(&config.kernel)
        .arg("-initrd")
        .arg(&config.initrd);
    let quiet = if config.verbose { "" } else { " quiet" };
    command
        .arg("-append")
        .arg(format!("console=ttyS0 panic=-1{quiet} {}", config.append).trim_end());
    command.args(&config.extra);
    command
}

/// Starts QEMU so that it ends with this process, whatever happens to it.
pub(crate) fn spawn(mut command: Command) -> Result<Child> {
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    spawn_as(command)
}

/// As [`spawn`], with its standard output, which may be the guest's console, to be read.
pub(crate) fn spawn_with_output(mut command: Command) -> Result<Child> {
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    spawn_as(command)
}

fn spawn_as(mut command: Command) -> Result<Child> {
    command.stdin(Stdio::null());
    // In a group of its own a Ctrl-C at the terminal reaches this tool alone, which then ends QEMU.
    command.process_group(0);
    // SAFETY: between fork and exec the closure makes one system call; it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
    command
        .spawn()
        .context("qemu-system-x86_64 (Debian: apt-get install qemu-system-x86)")
}

fn accept(socket: &UnixListener, child: &mut Child) -> Result<UnixStream> {
    socket.set_nonblocking(true)?;
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match socket.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = child.try_wait()? {
            bail!("{status}");
        }
        if Instant::now() >= end {
            bail!("no answer for 30 s");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
