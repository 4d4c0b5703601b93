//! The walls of the house, as a test: it reads the manifests and the sources of the whole repository and fails where
//! one of them breaks a rule that the compiler does not know.
//!
//! - `source`: a file split into its code and its comments, without its literals
//! - `rules`: what is forbidden within one file, each rule with samples that break it
//! - `manifests`: which crate may import which

mod manifests;
mod rules;
mod source;

use std::path::{Path, PathBuf};

use rules::Complaint;
use source::Source;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository").to_owned()
}

/// Every file below `folder` for which `wanted` holds, relative to the root, sorted; build outputs are left out.
fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.is_file() && wanted(&path) {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn none_of(complaints: &[Complaint]) {
    let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn sources() -> Vec<(PathBuf, Source)> {
    let paths = files(&root(), &|path| path.extension().is_some_and(|extension| extension == "rs"));
    assert!(paths.len() > 20, "the walk found only {} sources", paths.len());
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        (path, Source::read(&text))
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_source_keeps_the_rules() {
    let complaints: Vec<_> = sources().iter().flat_map(|(path, source)| rules::check(path, source)).collect();
    none_of(&complaints);
}

#[test]
fn every_manifest_keeps_the_arrows() {
    let manifests = files(&root(), &|path| path.ends_with("Cargo.toml"));
    assert!(manifests.len() > 7, "the walk found only {} manifests", manifests.len());
    let mut complaints = Vec::new();
    for path in manifests {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        complaints.extend(manifests::check(&path, &text));
    }
    none_of(&complaints);
}

#[test]
fn every_exception_is_needed() {
    assert_eq!(rules::needless_exceptions(&sources()), Vec::<&str>::new(), "excepted, and not made use of");
}
