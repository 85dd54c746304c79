//! Which compiler builds WebAssembly, where builds go, and how other programs are run. Installs
//! nothing: that is `task_setup.rs`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The target of the runtime: WebAssembly as it was first specified, which every node understands.
pub const TARGET: &str = "wasm32v1-none";

/// Name under which rustup knows Debian's compiler.
pub const DEBIAN: &str = "wasm-debian";

/// A program that has what the runtime's build needs: both libraries, their bitcode, and a linker.
const PROBE: &str = r#"#![no_std]
extern crate alloc;
use core::alloc::{GlobalAlloc, Layout};
struct None;
unsafe impl GlobalAlloc for None {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static ALLOCATOR: None = None;
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
#[unsafe(no_mangle)]
pub extern "C" fn probe(n: u32) -> usize { alloc::vec::Vec::<u32>::with_capacity(n as usize).len() }
"#;

/// A compiler that can build the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// The one this repository names.
    Rustup,
    /// Debian's, with the libraries that `task_setup.rs` made.
    Debian,
}

impl Compiler {
    /// `cargo` or `rustc` of this compiler, free of what cargo and rustup set for the running task.
    pub fn command(self, root: &Path, program: &str) -> Command {
        let mut command = match self {
            Self::Rustup => Command::new(program),
            Self::Debian => {
                let mut command = Command::new("rustup");
                command.args(["run", DEBIAN, program]);
                command
            }
        };
        command.current_dir(root);
        forget_cargo(&mut command);
        command
    }

    /// Whether it really makes a WebAssembly file, with link-time optimisation as the runtime has it.
    pub fn works(self, root: &Path) -> Result<bool> {
        let folder = folder(root)?;
        let mut child = self
            .command(root, "rustc")
            .args(["--edition", "2024", "--crate-type", "cdylib", "--target", TARGET])
            .args(["-O", "-C", "lto=thin", "-C", "panic=abort", "-o"])
            .arg(folder.join("probe.wasm"))
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("could not run rustc")?;
        // A compiler that is absent ends before it reads.
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(PROBE.as_bytes());
        }
        Ok(child.wait()?.success())
    }
}

/// The compiler to use, or what to do to get one.
pub fn compiler(root: &Path) -> Result<Compiler> {
    for candidate in [Compiler::Rustup, Compiler::Debian] {
        if candidate.works(root)? {
            return Ok(candidate);
        }
    }
    bail!("no compiler here can build {TARGET}; run `cargo xtask setup`")
}

/// The target folder of all native builds.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(PathBuf::from(folder)))
}

/// Our own folder in it, made when missing.
pub fn folder(root: &Path) -> Result<PathBuf> {
    let folder = target(root).join("dbc");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("could not make {}", folder.display()))?;
    Ok(folder)
}

/// Runs a command to its end; its failure is an error that names it.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("could not run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}

/// What cargo and rustup set for the running task, and what would change the flags of a build.
const INHERITED: &[&str] = &[
    "CARGO",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
];

/// Removes them, so that a child chooses for itself, and what names this package: build scripts that read it
/// would run again each time that a build starts here instead of from a shell.
pub fn forget_cargo(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if INHERITED.contains(&text) || ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
}
