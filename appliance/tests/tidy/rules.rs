//! What is forbidden within one file. Each rule is a function from a source to complaints, with samples below that
//! break it: a rule that cannot fail would be a defect.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::source::Source;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const MAP_LINES_MIN: usize = 5;

/// The files that may contain `unsafe`; a name that ends with a slash is a folder.
pub(crate) const MAY_BE_UNSAFE: &[&str] = &[
    "core/src/ring.rs",
    "core/src/slots.rs",
    "core/src/buffers/",
    // A kernel that answers twice passes the obligation of its caller on.
    "core/tests/soundness.rs",
    "slab/src/arena.rs",
    "slab/src/item.rs",
    "slab/src/table.rs",
    "appliance/src/service/bridge.rs",
    "perf/ceiling/",
];

/// The files that may declare an `unsafe fn`, the obligation of its caller, and do nothing unsafe themselves: the face
/// of the kernel, and its twin in the simulator.
pub(crate) const MAY_DECLARE_UNSAFE: &[&str] = &["core/src/kernel.rs", "core/src/simulator/kernel.rs"];

/// Names that say nothing of what a file is for.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager"];

/// What nobody commits, in code and in comments.
const FORBIDDEN_IN_CODE: &[&str] = &["dbg!", "todo!", "unimplemented!", "#[ignore", "allow(dead_code)"];
const FORBIDDEN_IN_COMMENTS: &[&str] = &["TODO", "FIXME", "XXX"];

/// One broken rule.
pub(crate) struct Complaint {
    path: PathBuf,
    line: usize,
    message: String,
}

impl Complaint {
    pub(crate) fn new(path: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// All rules, on the file at `path`, relative to the root.
pub(crate) fn check(path: &Path, source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    file_name(path, &mut found);
    lengths(source, &mut found);
    crate_map(path, source, &mut found);
    forbidden_words(path, source, &mut found);
    logic_in_mod_rs(path, source, &mut found);
    unsafe_code(path, source, &mut found);
    found.into_iter().map(|(line, message)| Complaint::new(path, line, message)).collect()
}

type Found = Vec<(usize, String)>;

fn file_name(path: &Path, found: &mut Found) {
    for part in path.iter() {
        let name = part.to_string_lossy();
        let stem = name.strip_suffix(".rs").unwrap_or(&name);
        if EMPTY_NAMES.contains(&stem) {
            found.push((1, format!("the name {name} says nothing")));
        }
    }
}

fn lengths(source: &Source, found: &mut Found) {
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push((FILE_LINES_MAX + 1, format!("{lines} lines, {FILE_LINES_MAX} are allowed")));
    }
    for start in source.words("fn") {
        let Some(end) = body_end(&source.code[start..]) else { continue };
        let first = source.line_at(start);
        let lines = source.line_at(start + end) - first + 1;
        if lines > FUNCTION_LINES_MAX {
            let name = source.code[start..].split(['(', '<', '{']).next().unwrap_or_default().trim();
            found.push((first, format!("{name} has {lines} lines, {FUNCTION_LINES_MAX} are allowed")));
        }
    }
}

/// Where the body of the function, with whose `fn` the code begins, closes; `None` for one without a body, and for the
/// type of a function pointer.
fn body_end(code: &str) -> Option<usize> {
    let (mut brackets, mut braces) = (0usize, 0usize);
    if code["fn".len()..].trim_start().starts_with('(') {
        return None;
    }
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if brackets == 0 && braces == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 && brackets == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// For every library, and for a program that has more files than its root.
fn crate_map(path: &Path, source: &Source, found: &mut Found) {
    let has_modules = source.code.lines().any(|line| line.trim_end().ends_with(';') && line.starts_with("mod "));
    if !(path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") && has_modules) {
        return;
    }
    let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    if lines < MAP_LINES_MIN {
        found.push((1, format!("a crate opens with its map: {lines} lines of //!, at least {MAP_LINES_MIN}")));
    }
    let guarded = ["#![forbid(unsafe_code)]", "#![deny(unsafe_code)]"].iter().any(|line| source.code.contains(line));
    if !guarded && !is_one_of(path, MAY_BE_UNSAFE) {
        found.push((1, "a crate forbids unsafe code, or denies it if one of its files may have it".to_owned()));
    }
}

fn forbidden_words(path: &Path, source: &Source, found: &mut Found) {
    for (part, words) in [(&source.code, FORBIDDEN_IN_CODE), (&source.comments, FORBIDDEN_IN_COMMENTS)] {
        for word in words {
            found.extend(part.match_indices(word).map(|(at, _)| (source.line_at(at), format!("{word} is forbidden"))));
        }
    }
    let tests_from =
        if path.ends_with("tests.rs") { 0 } else { source.code.find("#[cfg(test)]").unwrap_or(usize::MAX) };
    for (at, glob) in source.code.match_indices("use super::*").filter(|(at, _)| *at < tests_from) {
        found.push((source.line_at(at), format!("{glob} hides where names come from")));
    }
}

fn logic_in_mod_rs(path: &Path, source: &Source, found: &mut Found) {
    if !path.ends_with("mod.rs") {
        return;
    }
    for (number, line) in source.code.lines().enumerate() {
        let line = line.trim();
        let declares = ["mod ", "pub mod ", "pub(crate) mod ", "#"].iter().any(|start| line.starts_with(start));
        if !line.is_empty() && !declares {
            found.push((number + 1, "a mod.rs holds only mod lines".to_owned()));
        }
    }
}

fn is_one_of(path: &Path, names: &[&str]) -> bool {
    let path = path.to_string_lossy();
    names.iter().any(|name| path == *name || name.ends_with('/') && path.starts_with(name))
}

fn unsafe_code(path: &Path, source: &Source, found: &mut Found) {
    let may_be = is_one_of(path, MAY_BE_UNSAFE);
    let may_declare = may_be || is_one_of(path, MAY_DECLARE_UNSAFE);
    if !may_declare {
        for (at, _) in source.code.match_indices("allow(unsafe_code)") {
            found.push((source.line_at(at), "unsafe code is allowed where it may not be".to_owned()));
        }
    }
    for at in source.words("unsafe") {
        let line = source.line_at(at);
        let does = does_something(source, at);
        if !(may_be || may_declare && !does) {
            found.push((line, "unsafe outside the files that may have it".to_owned()));
        } else if does && !says_why_it_is_safe(source, line) {
            found.push((line, "an unsafe block without a SAFETY line".to_owned()));
        }
    }
}

/// The exceptions that none of the sources makes use of any more.
pub(crate) fn needless_exceptions(sources: &[(PathBuf, Source)]) -> Vec<&'static str> {
    let uses = |name: &str, is_use: &dyn Fn(&Source, usize) -> bool| {
        let mut excepted = sources.iter().filter(|(path, _)| is_one_of(path, &[name]));
        excepted.any(|(_, source)| source.words("unsafe").any(|at| is_use(source, at)))
    };
    let does = MAY_BE_UNSAFE.iter().filter(|name| !uses(name, &does_something));
    let declares = MAY_DECLARE_UNSAFE.iter().filter(|name| !uses(name, &|_, _| true));
    does.chain(declares).copied().collect()
}

/// Whether the `unsafe` at this place is a block or an implementation, and not a declaration.
fn does_something(source: &Source, at: usize) -> bool {
    let after = source.code[at + "unsafe".len()..].trim_start();
    after.starts_with('{') || after.starts_with("impl")
}

/// A `SAFETY:` in a comment on the line, or in the comment above the statement that the line belongs to.
fn says_why_it_is_safe(source: &Source, line: usize) -> bool {
    let comments: Vec<&str> = source.comments.lines().collect();
    let code: Vec<&str> = source.code.lines().collect();
    let has = |at: usize| comments.get(at).is_some_and(|comment| comment.contains("SAFETY:"));
    if has(line - 1) {
        return true;
    }
    for at in (0..line - 1).rev() {
        let statement = code[at].trim();
        if statement.is_empty() && comments[at].trim().is_empty() {
            return false;
        }
        if statement.ends_with([';', '{', '}', ',']) {
            return false;
        }
        if has(at) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{MAY_BE_UNSAFE, MAY_DECLARE_UNSAFE, Source, check, needless_exceptions};

    fn complaints(path: &str, text: &str) -> Vec<String> {
        let strip = |complaint: String| complaint.strip_prefix(&format!("{path}:")).unwrap().to_owned();
        check(path.as_ref(), &Source::read(text)).iter().map(|complaint| strip(complaint.to_string())).collect()
    }

    fn one(path: &str, text: &str) -> String {
        let found = complaints(path, text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        found[0].clone()
    }

    fn fine(path: &str, text: &str) {
        assert_eq!(complaints(path, text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn names_that_say_nothing() {
        assert!(one("net/src/utils.rs", "").contains("says nothing"));
        assert!(one("net/src/common/wire.rs", "").contains("says nothing"));
        fine("net/src/uncommon.rs", "");
    }

    #[test]
    fn files_that_are_too_long() {
        fine("a/src/b.rs", &"\n".repeat(500));
        assert_eq!(one("a/src/b.rs", &"\n".repeat(501)), "501: 501 lines, 500 are allowed");
    }

    #[test]
    fn functions_that_are_too_long() {
        let function = |lines: usize| format!("\npub fn long<T>(a: [u8; 2]) -> u8\n{{{}}}\n", "\n".repeat(lines - 2));
        fine("a/src/b.rs", &function(70));
        assert_eq!(one("a/src/b.rs", &function(71)), "2: fn long has 71 lines, 70 are allowed");
        fine("a/src/b.rs", &format!("trait T {{ fn f(a: [u8; 3]); }}\nstruct S {{ f: fn(u8) }}{}", "\n".repeat(100)));
        fine("a/src/b.rs", &format!("fn f() {{}} // }}\n{}", "\n".repeat(100)));
        assert!(one("a/src/b.rs", &format!("fn f() {{ '}}'; \"}}\";{}}}", "\n".repeat(100))).contains("fn f has 101"));
    }

    #[test]
    fn crates_without_a_map() {
        let map = |lines: usize| format!("{}#![forbid(unsafe_code)]\n", "//! a file\n".repeat(lines));
        fine("a/src/lib.rs", &map(5));
        fine("a/src/part.rs", &map(1));
        fine("a/src/main.rs", &map(1));
        assert!(one("a/src/lib.rs", &map(4)).contains("its map: 4 lines"));
        assert!(one("a/src/main.rs", &format!("{}mod part;\n", map(0))).contains("its map: 0 lines"));
        assert!(one("a/src/lib.rs", &"//! a file\n".repeat(5)).contains("forbids unsafe code"));
        fine("perf/ceiling/src/lib.rs", &"//! a file\n".repeat(5));
    }

    #[test]
    fn forbidden_words() {
        for text in
            ["dbg!(1);", "todo!()", "unimplemented!()", "#[ignore]", "#[ignore = \"why\"]", "#[allow(dead_code)]"]
        {
            assert!(one("a/src/b.rs", text).contains("is forbidden"), "{text}");
        }
        assert!(one("a/src/b.rs", "a\n// TODO: more\n").starts_with("2: TODO is forbidden"));
        assert!(one("a/src/b.rs", "/* FIXME */").contains("FIXME"));
        fine("a/src/b.rs", "\"todo!() TODO\"; // todo! as a word");
    }

    #[test]
    fn globs_from_above() {
        assert!(one("a/src/b.rs", "use super::*;").contains("hides where names come from"));
        fine("a/src/b.rs", "#[cfg(test)]\nmod tests { use super::*; }");
        fine("a/src/b/tests.rs", "use super::*;");
    }

    #[test]
    fn logic_in_mod_rs() {
        fine("a/src/b/mod.rs", "//! b\n#![forbid(unsafe_code)]\nmod c;\npub mod d;\n");
        assert_eq!(one("a/src/b/mod.rs", "mod c;\nfn f() {}\n"), "2: a mod.rs holds only mod lines");
    }

    #[test]
    fn unsafe_outside_its_files() {
        assert!(one("net/src/wire.rs", "fn f() { unsafe { g() } }").contains("unsafe outside"));
        assert!(one("net/src/wire.rs", "unsafe impl Send for S {}").contains("unsafe outside"));
        assert!(one("net/src/wire.rs", "#![allow(unsafe_code)]").contains("where it may not be"));
        assert!(one("core/src/ring_buffers.rs", "unsafe fn f() {}").contains("unsafe outside"));
        fine("core/src/kernel.rs", "#[allow(unsafe_code)]\nunsafe fn submit(&mut self);");
        assert!(one("core/src/kernel.rs", "fn f() { unsafe { g() } }").contains("unsafe outside"));
        fine("net/src/wire.rs", "#![forbid(unsafe_code)] // unsafe is a word\n\"unsafe {\";");
    }

    #[test]
    fn exceptions_that_are_not_needed() {
        let needless = |texts: &[(&str, &str)]| {
            let sources: Vec<_> = texts.iter().map(|(path, text)| (path.into(), Source::read(text))).collect();
            needless_exceptions(&sources)
        };
        let all = MAY_BE_UNSAFE.len() + MAY_DECLARE_UNSAFE.len();
        assert_eq!(needless(&[]).len(), all, "of files that are gone");
        let one = |path: &str, text: &str| needless(&[(path, text)]).len() < all;
        assert!(one("core/src/ring.rs", "unsafe { g() }"));
        assert!(one("core/src/buffers/parcel.rs", "unsafe impl Send for S {}"));
        assert!(!one("core/src/ring.rs", "#![allow(unsafe_code)] // unsafe { }"), "allowed, and not made use of");
        assert!(!one("core/src/ring.rs", "unsafe fn f();"), "a declaration needs less");
        assert!(one("core/src/kernel.rs", "unsafe fn f();"));
    }

    #[test]
    fn unsafe_without_a_reason() {
        let path = "core/src/ring.rs";
        fine(path, "// SAFETY: g is fine.\nunsafe { g() }");
        fine(path, "unsafe { g() } // SAFETY: g is fine.");
        fine(path, "// SAFETY: g is fine,\n// in two lines.\nlet x =\n    unsafe { g() };");
        fine(path, "// SAFETY: it has no parts.\n#[cfg(test)]\nunsafe impl Send for S {}");
        fine(path, "unsafe fn f() {}");
        assert!(one(path, "unsafe { g() }").contains("without a SAFETY line"));
        assert!(one(path, "// SAFETY: of another.\nf();\nunsafe { g() }").starts_with("3: "));
        assert!(one(path, "// SAFETY: of nothing.\n\nunsafe { g() }").starts_with("3: "));
        assert!(one(path, "// \"SAFETY\" alone\nunsafe impl Send for S {}").starts_with("2: "));
        assert!(one(path, "// SAFETY: one.\nunsafe { g() };\nunsafe { h() }").starts_with("3: "));
        assert!(one("perf/ceiling/src/x.rs", "unsafe { g() }").contains("without a SAFETY line"));
    }
}
