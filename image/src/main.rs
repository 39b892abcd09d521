//! The kernel image: init order.
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
mod kernel {
    use core::fmt::Write;
    use core::panic::PanicInfo;

    use hal::boot::BootInfo;
    use hal::console::Writer;

    // kmem holds the global allocator.
    use kmem as _;

    hal::kernel_main!(main);

    fn main(info: &'static BootInfo) -> ! {
        let _ = writeln!(
            Writer,
            "Gaon: {} MHz, command line: {}",
            hal::cpu::khz() / 1000,
            info.cmdline
        );
        for region in info.memory {
            let _ = writeln!(
                Writer,
                "  {:#012x}..{:#012x} {:?}",
                region.start.0, region.end.0, region.kind
            );
        }
        hal::power::off();
        hal::power::reboot()
    }

    #[panic_handler]
    fn panic(info: &PanicInfo<'_>) -> ! {
        let _ = writeln!(Writer, "{info}");
        hal::backtrace::walk_here(|address| {
            let _ = writeln!(Writer, "  {address:#x}");
        });
        hal::cpu::halt_forever()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("the kernel image runs on the machine: build it for x86_64-unknown-none");
}
