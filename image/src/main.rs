//! The kernel image: in which order things start, and who answers traps. No mechanism lives here.
//!
//! | file | what it has |
//! |---|---|
//! | `start` | the boot CPU's way from `hal` to its idle loop, and that of the others |
//! | `init` | the thread that mounts the root, unpacks the initramfs and becomes process 1 |
//! | `traps` | [`hal::traps::KernelTraps`]: one line to the right crate for each trap |
//! | `options`, `symbols` | the command line; names of kernel addresses |
#![cfg_attr(target_os = "none", no_std, no_main)]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod init;
#[cfg(target_os = "none")]
mod options;
#[cfg(target_os = "none")]
mod start;
#[cfg(target_os = "none")]
mod symbols;
#[cfg(target_os = "none")]
mod traps;

#[cfg(target_os = "none")]
hal::kernel_main!(start::main);

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hal::capture::with_registers(info, traps::panicked)
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("the kernel image runs on the machine: build it for x86_64-unknown-none");
}
