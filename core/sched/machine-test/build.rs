//! Gives the linker the kernel's layout.
use std::env;
use std::path::Path;

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = Path::new(&manifest).join("../../../base/hal/link.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    for argument in [
        &format!("-T{}", script.display()),
        "--no-pie",
        "-zmax-page-size=4096",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
