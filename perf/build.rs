//! Puts the commit into the build, for the results of loads: `SPINDLE_COMMIT` where it is set, else what git says of the
//! source tree, with a `+` where files differ from it. Without either, results have none.

use std::path::Path;
use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Only of our own repository: a copy of the sources may lie within somebody else's.
fn of_source_tree() -> Option<String> {
    let ours = git(&["ls-files", "--error-unmatch", "build.rs"]).is_some();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).filter(|_| ours)?;
    let differs = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if differs { commit + "+" } else { commit })
}

fn main() {
    println!("cargo::rerun-if-env-changed=SPINDLE_COMMIT");
    // Every commit and checkout writes there.
    let log = Path::new("../.git/logs/HEAD");
    if log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(commit) = std::env::var("SPINDLE_COMMIT").ok().or_else(of_source_tree) {
        println!("cargo::rustc-env=SPINDLE_COMMIT={commit}");
    }
}
