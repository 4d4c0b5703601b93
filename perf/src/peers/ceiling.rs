//! The ceiling program: a raw io_uring server, which the product is held against twice: with a toy store, and without any
//! cache. It is built in a package of its own, so it is found, or built, or done without.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Ceiling;
use super::contender::{Contender, Kind};

/// Names the ceiling's binary where no option does.
const VARIABLE: &str = "SPINDLE_CEILING";
const PACKAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ceiling");

/// The toy store and the ceiling; neither when they are not wanted; a reason, in words, when they cannot be had.
pub(super) fn find(choice: &Ceiling) -> Result<Vec<Contender>, String> {
    let binary = match (choice, std::env::var_os(VARIABLE)) {
        (Ceiling::Absent, _) => return Ok(Vec::new()),
        (Ceiling::Binary(binary), _) => binary.clone(),
        (Ceiling::Build, Some(named)) => named.into(),
        (Ceiling::Build, None) => build(Path::new(PACKAGE))?,
    };
    if !binary.is_file() {
        return Err(format!("there is no {}", binary.display()));
    }
    let contender =
        |kind, name: &str| Contender { kind, name: name.into(), binary: binary.clone(), version: String::new() };
    Ok(vec![contender(Kind::Toy, "toy store"), contender(Kind::Ceiling, "ceiling")])
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
