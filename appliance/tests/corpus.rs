//! `spindle load corpus`, from its command line to its exit status.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Empty disks.
struct Disks {
    folder: TempDir,
}

impl Disks {
    fn new() -> Disks {
        let folder = tempfile::tempdir().unwrap();
        ["dev1", "dev2"].into_iter().for_each(|name| fs::create_dir(folder.path().join(name)).unwrap());
        Disks { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Among the disks, so that names are short.
    fn corpus(&self, arguments: &str) -> Output {
        let mut spindle = Command::new(env!("CARGO_BIN_EXE_spindle"));
        spindle.args(["load", "corpus"]).args(arguments.split_whitespace());
        spindle.current_dir(&self.folder).output().unwrap()
    }

    #[track_caller]
    fn expect(&self, arguments: &str, status: i32, said: &str) {
        let output = self.corpus(arguments);
        let all = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert_eq!(output.status.code(), Some(status), "{arguments}: {all}");
        assert!(all.contains(said), "{arguments}: {said} is not in {all}");
    }
}

const ALL: &str = "dev1 dev2 --files 30 --size 100-4000 --seed 7";
const SECOND: &str = "dev2/0/000/000/0000000001.fid";

#[test]
fn files_are_written_once_and_checked() {
    let disks = Disks::new();
    disks.expect(&format!("{ALL} --manifest corpus.json --threads 3"), 0, "30 files written");
    assert_eq!(fs::read_dir(disks.path("dev2/0/000/000")).unwrap().count(), 15);
    disks.expect(&format!("{ALL} --sync"), 0, "; 30 were there");
    disks.expect(&format!("{ALL} --check"), 0, "all are as they were written");
    disks.expect("--manifest corpus.json --check", 0, "30 files checked");
    disks.expect("dev2 dev1 --files 30 --size 100-4000 --seed 7 --check", 1, "30 of 30 files are not as");
}

#[test]
fn damage_is_named_and_mended() {
    let disks = Disks::new();
    disks.expect(&format!("{ALL} --manifest corpus.json"), 0, "30 files written");
    let file = disks.path(SECOND);
    fs::write(&file, &fs::read(&file).unwrap()[..50]).unwrap();
    fs::remove_file(disks.path("dev1/0/000/000/0000000002.fid")).unwrap();
    let check = "--manifest corpus.json --check";
    disks.expect(check, 1, "0000000001.fid: length: 50 bytes instead of");
    disks.expect(check, 1, "0000000002.fid: missing");
    disks.expect(check, 1, "2 of 30 files are not as they were written");
    disks.expect("--manifest corpus.json", 0, "2 files written");
    disks.expect(check, 0, "all are as they were written");
}

#[test]
fn many_damaged_files_are_counted() {
    let disks = Disks::new();
    disks.expect(&format!("{ALL} --check"), 1, "30 missing");
    disks.expect(&format!("{ALL} --check"), 1, "and 20 more");
}

/// How much is cached depends on the filesystem below, and on whether fincore is installed; that it is said does not.
#[test]
fn the_cached_share_is_said() {
    let disks = Disks::new();
    disks.expect(&format!("{ALL} --manifest corpus.json --warm"), 0, " in the page cache");
    disks.expect("--manifest corpus.json --check --cold", 0, " in the page cache");
}

#[test]
fn what_the_machine_refuses_is_one_line_and_status_1() {
    let disks = Disks::new();
    disks.expect("dev1 --files 9999999999 --size 1g", 1, "are needed, and");
    fs::write(disks.path("dev1/0"), "a file where a folder belongs").unwrap();
    disks.expect("dev1 --files 3 --size 1k", 1, "dev1/0/000/000/0000000000.fid: Not a directory");
    fs::create_dir_all(disks.path(SECOND).parent().unwrap()).unwrap();
    fs::write(disks.path(SECOND), "of a customer").unwrap();
    fs::remove_file(disks.path("dev1/0")).unwrap();
    disks.expect(ALL, 1, "0000000001.fid is there already, is none of a corpus's files, and is not overwritten");
    disks.expect(&format!("{ALL} --manifest nowhere/corpus.json"), 1, "cannot write nowhere/corpus.json");
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_written() {
    let disks = Disks::new();
    fs::write(disks.path("file"), "{\"schema\": 9}").unwrap();
    fs::create_dir(disks.path("dev2/dev1")).unwrap();
    for (arguments, reason) in [
        ("", "ROOT"),
        ("dev1", "--files"),
        ("dev1 --files 3", "--size"),
        ("dev1 --files 0 --size 1k", "0 files: a corpus has from 1"),
        ("dev1 --files many --size 1k", "many"),
        ("dev1 --files 3 --size huge", "huge"),
        ("dev1 --files 3 --size 1k --threads 0", "--threads 0: from 1 to 1024"),
        ("dev1 --files 3 --size 1k --cold --warm", "cannot be used with"),
        ("dev1 --files 3 --size 1k --check --sync", "cannot be used with"),
        ("dev1 dev3 --files 3 --size 1k", "dev3: No such file"),
        ("dev1 ./dev1/ --files 3 --size 1k", "is named twice"),
        ("dev1 dev2/dev1 --files 3 --size 1k", "dev2/dev1 have one last name"),
        ("dev1 file --files 3 --size 1k", "file is not a folder"),
        ("dev1/.. --files 3 --size 1k", "ends with a name"),
        ("--manifest corpus.json", "corpus.json: No such file"),
        ("--manifest corpus.json --files 3", "ROOT"),
        ("--manifest file", "file has schema 9; this version reads schema 1"),
    ] {
        disks.expect(arguments, 2, reason);
    }
    assert_eq!(fs::read_dir(disks.path("dev1")).unwrap().count(), 0);
    assert!(!Path::exists(&disks.path("corpus.json")));
}
