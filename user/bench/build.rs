//! The program's first instruction is its own: `src/init.rs` notes the time-stamp counter there.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-e,gaon_bench_entry");
    }
}
