//! The ceiling program: a raw io_uring server without a cache, which the product is held against. It is built in a package
//! of its own, so it is found, or built, or done without.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Ceiling;
use super::contender::{Contender, Kind};

/// Names the ceiling's binary where no option does.
const VARIABLE: &str = "SPINDLE_CEILING";
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceiling");

/// `Ok(None)` when it is not wanted; a reason, in words, when it cannot be had.
pub(super) fn find(choice: &Ceiling) -> Result<Option<Contender>, String> {
    let binary = match (choice, std::env::var_os(VARIABLE)) {
        (Ceiling::Absent, _) => return Ok(None),
        (Ceiling::Binary(binary), _) => binary.clone(),
        (Ceiling::Build, Some(named)) => named.into(),
        (Ceiling::Build, None) => build(Path::new(PACKAGE))?,
    };
    if !binary.is_file() {
        return Err(format!("there is no {}", binary.display()));
    }
    Ok(Some(Contender { kind: Kind::Ceiling, name: "ceiling".into(), binary, version: String::new() }))
}

fn build(package: &Path) -> Result<PathBuf, String> {
    let manifest = package.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(format!("its sources are not here; {VARIABLE} may name its binary"));
    }
    let target = package.join("target");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--quiet", "--manifest-path"]).arg(&manifest).arg("--target-dir").arg(&target);
    match cargo.status() {
        Ok(status) if status.success() => Ok(target.join("release/spindle-ceiling")),
        Ok(status) => Err(format!("cargo cannot build it ({status})")),
        Err(error) => Err(format!("cargo cannot be run to build it ({error})")),
    }
}
