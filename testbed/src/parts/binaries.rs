//! The product's own binaries, freshly built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow, ensure};
use serde::Deserialize;

/// Where the binaries are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// `multinic-operator`.
    pub operator: PathBuf,
    /// `multinic-agent`.
    pub agent: PathBuf,
    /// `multinic-bare`, for benches alone.
    bare: Option<PathBuf>,
}

static RELEASE: AtomicBool = AtomicBool::new(false);

/// From now on the parts run what ships, which is slow to build: for benches, before anything else.
pub fn use_release_binaries() {
    RELEASE.store(true, Ordering::Relaxed);
}

/// Builds both, at most once in this process.
pub fn binaries() -> Result<&'static Binaries> {
    static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();
    BUILT
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|error| anyhow!("cannot build the binaries: {error}"))
}

/// What the operator is measured against, built with what ships.
pub fn bare() -> Result<&'static Path> {
    binaries()?.bare.as_deref().context("only where release binaries are used")
}

/// For development they are built with all that `cargo test` takes by itself, whose dependencies it has built already.
/// What ships has exactly the features of its own that it asks for, and so has what is measured.
const FOR_RELEASE: [&str; 4] =
    ["--release", "--package=multinic-operator", "--package=multinic-agent", "--package=multinic-bare"];

fn build() -> Result<Binaries> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--locked", "--bins", "--message-format=json-render-diagnostics"])
        .args(if RELEASE.load(Ordering::Relaxed) { &FOR_RELEASE[..] } else { &[] })
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(built.status.success(), "cargo build failed, {}", built.status);
    let messages = String::from_utf8(built.stdout)?;
    let find = |name: &str| {
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
            .filter(|artifact| artifact.target.name == name)
            .find_map(|artifact| artifact.executable)
            .with_context(|| format!("cargo built no {name}"))
    };
    let (operator, agent) = (find("multinic-operator")?, find("multinic-agent")?);
    Ok(Binaries { operator, agent, bare: find("multinic-bare").ok() })
}

/// Has a program of this host bring its libraries, which another release may not have: they are copied to `libraries`,
/// and found there as `on_node`. What ships is static.
pub fn bring_libraries(program: &Path, libraries: &Path, on_node: &Path) -> Result<()> {
    fs::create_dir_all(libraries)?;
    let listed = Command::new("ldd").arg(program).output().context("cannot run ldd")?;
    let listed = String::from_utf8(listed.stdout)?;
    let mut loader = None;
    for library in listed.split_whitespace().filter(|word| word.starts_with('/')).map(Path::new) {
        let name = library.file_name().context("a library without a name")?;
        fs::copy(library, libraries.join(name))?;
        if name.to_string_lossy().starts_with("ld-linux") {
            loader = Some(on_node.join(name));
        }
    }
    // The program may be the build's own, by a hard link.
    let own = program.with_extension("own");
    fs::copy(program, &own)?;
    let loader = loader.with_context(|| format!("ldd names no loader: {listed}"))?;
    let patched = Command::new("patchelf")
        .arg("--set-interpreter")
        .arg(loader)
        .arg("--set-rpath")
        .arg(on_node)
        .arg(&own)
        .output()
        .context("cannot run patchelf")?;
    ensure!(patched.status.success(), "patchelf: {}", String::from_utf8_lossy(&patched.stderr));
    fs::rename(own, program)?;
    Ok(())
}

#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}
