//! The machine's test kernel: everything in `hal` that only a machine can show, on `hal` alone. `test=` on the command
//! line says what to do: `all`, or one deliberate fault that must be reported.
#![no_std]
#![no_main]

extern crate alloc;

use hal::boot::BootInfo;

/// Prints a line on the early console.
macro_rules! say {
    ($($arguments:tt)*) => {{
        use core::fmt::Write;
        let _ = writeln!(hal::console::Writer, $($arguments)*);
    }};
}

mod cpus;
mod faults;
mod heap;
mod memory;
mod pages;
mod threads;
mod time;
mod traps;
mod user;

hal::kernel_main!(main);

fn main(info: &'static BootInfo) -> ! {
    let ticks = hal::registers::rdtsc() - info.start_tsc;
    say!(
        "machine test: {:?}, {} kHz, {} thousand ticks to main",
        info.cmdline,
        hal::cpu::khz(),
        ticks / 1000
    );
    hal::traps::set_kernel_traps(traps::TRAPS);
    threads::adopt_boot_thread();
    match info.cmdline.split_once("test=").map(|(_, mode)| mode) {
        Some("all") => all(info),
        Some("reboot") => {
            say!("REBOOTING");
            hal::power::reboot()
        }
        Some(mode) => faults::cause(mode),
        None => all(info),
    }
}

fn all(info: &BootInfo) -> ! {
    memory::direct_map(info.memory);
    memory::string_functions();
    threads::switching();
    hal::irq::enable();
    time::timer();
    time::preemption();
    traps::breakpoint();
    user::system_calls();
    user::exceptions();
    user::hostile_registers();
    user::single_step();
    user::segment_bases();
    memory::copies();
    memory::scalars();
    memory::strings();
    memory::demand_paging();
    memory::text_poke();
    time::serial_interrupt();
    threads::prepare_migrants();
    cpus::start();
    threads::migration();
    cpus::storm();
    cpus::requests();
    time::clock();
    say!("ALL OK");
    hal::power::off();
    hal::power::reboot()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    say!("PANIC on CPU {}: {info}", hal::cpu::id());
    hal::backtrace::walk_here(|address| say!("  {address:#x}"));
    hal::power::off();
    hal::cpu::halt_forever()
}
