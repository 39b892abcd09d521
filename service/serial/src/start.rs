//! Finds the ports and makes them terminals and consoles.
use crate::options::consoles;
use crate::port::{Handler, Line, SerialPort};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use hal::serial::Port;
use irq::{IrqHandler, Sharing, request_irq};
use trace::console::{Console, Replay};
use tty::ldisc::{Speed, Termios};
use tty::{Driver, Tty};

/// The four places of the PC.
const PLACES: [(Port, &str); 4] = [
    (Port::Com1, "ttyS0"),
    (Port::Com2, "ttyS1"),
    (Port::Com3, "ttyS2"),
    (Port::Com4, "ttyS3"),
];

static PORTS: [SerialPort; 4] = [
    SerialPort::new(Port::Com1),
    SerialPort::new(Port::Com2),
    SerialPort::new(Port::Com3),
    SerialPort::new(Port::Com4),
];

/// Which of them there are, as bits.
static PRESENT: AtomicU32 = AtomicU32::new(0);

const DEFAULT_BAUD: u32 = 115_200;

/// A port as a console of the kernel.
struct PortConsole(usize);

static CONSOLES: [PortConsole; 4] = [
    PortConsole(0),
    PortConsole(1),
    PortConsole(2),
    PortConsole(3),
];

impl Console for PortConsole {
    fn name(&self) -> &'static str {
        PLACES[self.0].1
    }

    fn write(&self, bytes: &[u8]) {
        PORTS[self.0].write_polled(bytes);
    }
}

/// The ports there are: index and name.
pub fn ports() -> impl Iterator<Item = (usize, &'static str)> {
    let present = PRESENT.load(Ordering::Relaxed);
    (0..4)
        .filter(move |index| present >> index & 1 != 0)
        .map(|index| (index, PLACES[index].1))
}

/// Finds the ports, makes terminals of them and, as `console=` says, consoles (the first port there is, when nothing is
/// said). The last console is `/dev/console`. ENOMEM; what the interrupt lines say.
pub fn init(cmdline: &str) -> Result<()> {
    let last = consoles(cmdline).last().map(|console| console.index);
    for (index, port) in PORTS.iter().enumerate() {
        if port.is_present() {
            PRESENT.fetch_or(1 << index, Ordering::Relaxed);
            let baud = consoles(cmdline)
                .filter(|console| console.index == index)
                .find_map(|console| console.baud);
            let first = ports().next().map(|(first, _)| first);
            let console = last.or(first) == Some(index);
            add_port(index, baud.unwrap_or(DEFAULT_BAUD), console)?;
        }
    }
    for console in consoles(cmdline) {
        register_console(console.index)?;
    }
    if last.is_none()
        && let Some((index, _)) = ports().next()
    {
        register_console(index)?;
    }
    Ok(())
}

fn add_port(index: usize, baud: u32, console: bool) -> Result<()> {
    let port = &PORTS[index];
    let (place, name) = PLACES[index];
    // The early console may still be sending on the first one; setting it up again would cut that off.
    if index != 0 || baud != DEFAULT_BAUD {
        port.set_up(baud);
    } else {
        port.keep_speed();
    }
    let mut termios = Termios::cooked(Speed(baud));
    termios.c_cflag |= abi::raw::CLOCAL;
    let line: Box<dyn Driver> = kmem::try_box(Line(port))?;
    let tty = Tty::new(tty::serial_device(index as u32), termios, line)?;
    port.attach(tty.clone());
    let handler: Arc<dyn IrqHandler> = kmem::try_arc(Handler(port))?;
    request_irq(u32::from(place.irq()), name, Sharing::Shared, handler)?;
    port.start_receiving();
    let rdev = tty.device_number();
    tty::add_line(tty, console)?;
    let node = device::Node {
        name,
        kind: vfs::FileType::CharDevice,
        rdev,
        mode: 0o600,
    };
    device::add_device("tty", node)
}

fn register_console(index: usize) -> Result<()> {
    if !ports().any(|(present, _)| present == index) {
        return Ok(());
    }
    // The early console showed everything on the first port.
    let replay = if index == 0 {
        Replay::None
    } else {
        Replay::All
    };
    trace::console::register(&CONSOLES[index], replay)
}
