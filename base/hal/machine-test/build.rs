//! Gives the linker the kernel's layout; the scheduler's test kernel has it too.
use std::env;
use std::path::Path;

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = Path::new(&manifest)
        .ancestors()
        .map(|folder| folder.join("base/hal/link.ld"))
        .find(|script| script.exists())
        .expect("it stands in the tree");
    println!("cargo::rerun-if-changed={}", script.display());
    for argument in [
        &format!("-T{}", script.display()),
        "--no-pie",
        "-zmax-page-size=4096",
    ] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
