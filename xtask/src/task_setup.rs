//! `cargo xtask setup`: makes the WebAssembly target, by rustup where it reaches its server, else
//! from Debian's Rust. Safe to run twice; changes nothing when a compiler works already.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::toolchain::{self, Compiler, DEBIAN, TARGET};

/// Debian's compiler with WebAssembly's linker beside it, its cargo and the sources of `core`.
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// Where Debian's compiler looks for libraries of targets.
const LIBRARIES: &str = "/usr/lib/rustlib/wasm32v1-none/lib";

/// Where Debian's compiler looks for the linker.
const LINKER: &str = "/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld";

/// Ensures that one compiler works.
pub fn run(root: &Path, debian: bool) -> Result<()> {
    if !debian {
        if let Ok(compiler) = toolchain::compiler(root) {
            println!("setup: {TARGET} is there ({compiler:?})");
            return Ok(());
        }
        if add_with_rustup(root) && Compiler::Rustup.works(root)? {
            println!("setup: {TARGET} added by rustup");
            return Ok(());
        }
        println!("setup: rustup could not add {TARGET}; making it from Debian's Rust");
    } else if Compiler::Debian.works(root)? {
        println!("setup: {TARGET} is there (Debian)");
        return Ok(());
    }
    make_from_debian(root).context(
        "neither `rustup target add wasm32v1-none` nor Debian's packages rustc-web, cargo-web and rust-web-src \
         gave a WebAssembly target",
    )?;
    if !Compiler::Debian.works(root)? {
        bail!(
            "Debian's compiler still builds no {TARGET}; try `rustup target add {TARGET}` with a network"
        );
    }
    println!("setup: {TARGET} made from Debian's Rust");
    Ok(())
}

/// Whether rustup says that it added the target. Without a network it gives up after some seconds.
fn add_with_rustup(root: &Path) -> bool {
    let mut command = Command::new("timeout");
    command.args(["180", "rustup", "target", "add", TARGET]).current_dir(root);
    toolchain::forget_cargo(&mut command);
    command.stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn make_from_debian(root: &Path) -> Result<()> {
    install_packages()?;
    let built = build_libraries(root)?;
    // Old ones would be second candidates of the same name.
    toolchain::run(as_root("rm").args(["-rf", LIBRARIES]))?;
    toolchain::run(as_root("mkdir").args(["-p", LIBRARIES]))?;
    toolchain::run(as_root("cp").args(&built).arg(LIBRARIES))?;
    if !Path::new(LINKER).exists() {
        toolchain::run(as_root("ln").arg("-sfn").arg(linker(root)?).arg(LINKER))?;
    }
    toolchain::run(Command::new("rustup").args(["toolchain", "link", DEBIAN, "/usr"]))
}

fn install_packages() -> Result<()> {
    let installed = |package: &&&str| {
        Command::new("dpkg-query")
            .args(["-W", "-f=${Status}", package])
            .output()
            .is_ok_and(|output| output.stdout.starts_with(b"install ok installed"))
    };
    let missing: Vec<&str> =
        PACKAGES.iter().filter(|package| !installed(package)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("setup: installing {}", missing.join(" "));
    toolchain::run(as_root("apt-get").args(["update", "-qq"]))?;
    toolchain::run(
        as_root("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&missing)
            .stdout(Stdio::null()),
    )
}

/// Builds `core`, `alloc` and the compiler's builtins for the target; returns their files.
fn build_libraries(root: &Path) -> Result<Vec<PathBuf>> {
    let scratch = toolchain::folder(root)?.join("wasm-target");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).context("could not clear the scratch folder")?;
    }
    fs::create_dir_all(scratch.join("src"))?;
    // A workspace of its own, wherever the target folder lies.
    fs::write(
        scratch.join("Cargo.toml"),
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n",
    )?;
    fs::write(scratch.join("src/lib.rs"), "#![no_std]\n")?;

    let mut cargo = Command::new("/usr/bin/cargo");
    toolchain::forget_cargo(&mut cargo);
    cargo
        .current_dir(&scratch)
        .args(["build", "--release", "--target", TARGET, "-Z", "build-std=core,alloc"])
        .env("CARGO_TARGET_DIR", scratch.join("target"))
        .env("RUSTC", "/usr/bin/rustc")
        // Building the library is a feature of nightly compilers; Debian's stable one has its sources and can do it.
        .env("RUSTC_BOOTSTRAP", "1")
        // Link-time optimisation of the runtime needs bitcode in the libraries.
        .env("RUSTFLAGS", "-C embed-bitcode=yes");
    toolchain::run(&mut cargo)?;

    let folder = scratch.join("target").join(TARGET).join("release/deps");
    let mut built = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let wanted = ["libcore-", "liballoc-", "libcompiler_builtins-"];
        if name.ends_with(".rlib") && wanted.iter().any(|prefix| name.starts_with(prefix)) {
            built.push(path);
        }
    }
    if built.len() != 3 {
        bail!("expected three libraries in {}, found {built:?}", folder.display());
    }
    Ok(built)
}

/// The linker of the compiler that this repository names.
fn linker(root: &Path) -> Result<PathBuf> {
    let output = Compiler::Rustup.command(root, "rustc").args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    let linker = sysroot.join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    if !linker.exists() {
        bail!("{} is missing", linker.display());
    }
    Ok(linker)
}

/// A program that may write below /usr.
fn as_root(program: &str) -> Command {
    let root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    if root {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--preserve-env=DEBIAN_FRONTEND", program]);
    command
}
