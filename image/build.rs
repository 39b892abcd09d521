//! Gives the linker the kernel's layout, and the kernel the certificate of who signs its modules.
use std::path::Path;
use std::{env, fs};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = Path::new(&manifest).join("../base/hal/link.ld");
    println!("cargo::rerun-if-changed={}", script.display());
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        println!("cargo::rustc-link-arg-bins=-T{}", script.display());
        println!("cargo::rustc-link-arg-bins=--no-pie");
        println!("cargo::rustc-link-arg-bins=-zmax-page-size=4096");
        println!("cargo::rustc-link-arg-bins=--emit-relocs");
    }
    certificate();
}

/// `GAON_MODULE_CERTIFICATE` names an X.509 certificate (`gaon build` sees to it); without it the kernel has none.
fn certificate() {
    const NAME: &str = "GAON_MODULE_CERTIFICATE";
    println!("cargo::rerun-if-env-changed={NAME}");
    let der = env::var_os(NAME).map_or_else(Vec::new, |file| {
        println!("cargo::rerun-if-changed={}", Path::new(&file).display());
        fs::read(&file).expect("the certificate can be read")
    });
    let out = env::var_os("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("certificate.x509"), der).expect("OUT_DIR can be written");
}
