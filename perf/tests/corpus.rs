//! Corpora on a real filesystem: written, cut off, damaged, cooled.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use spindle_perf::corpus::{
    Checked, Corpus, CorpusError, Damage, Durability, Temperature, Written, check, lies_in_memory, residency,
    set_temperature, write,
};
use spindle_perf::describe::{Fault, fill};
use spindle_perf::sizes::Sizes;
use tempfile::TempDir;

/// Longer than a piece, and at an odd place in a block.
const LARGE: Sizes = Sizes::Fixed((256 << 10) + 1037);

struct Storage {
    folder: TempDir,
    corpus: Corpus,
}

impl Storage {
    /// With empty disks.
    fn new(disks: usize, files: u64, sizes: Sizes, seed: u64) -> Storage {
        let folder = tempfile::tempdir().unwrap();
        let roots: Vec<PathBuf> = (1..=disks).map(|disk| folder.path().join(format!("dev{disk}"))).collect();
        roots.iter().for_each(|root| fs::create_dir(root).unwrap());
        Storage { folder, corpus: Corpus::new(seed, files, sizes, roots).unwrap() }
    }

    /// With all files.
    fn written(disks: usize, files: u64, sizes: Sizes) -> Storage {
        let made = Storage::new(disks, files, sizes, 7);
        made.write().unwrap();
        made
    }

    fn write(&self) -> Result<Written, CorpusError> {
        write(&self.corpus, Durability::Process, 2, |_| ())
    }

    fn check(&self) -> Checked {
        check(&self.corpus, 2, |_| ()).unwrap()
    }

    fn place(&self, index: u64) -> PathBuf {
        self.corpus.root(index).join(self.corpus.path(index))
    }

    fn bytes(&self) -> Vec<Vec<u8>> {
        (0..self.corpus.files).map(|index| fs::read(self.place(index)).unwrap()).collect()
    }

    fn change(&self, index: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.place(index)).unwrap();
        change(&mut bytes);
        fs::write(self.place(index), bytes).unwrap();
    }
}

#[test]
fn a_seed_gives_the_same_files() {
    let (sizes, files) = (Sizes::LogNormal { median: 2000, sigma: 1.5, max: None }, 1100);
    let [one, same] = [(); 2].map(|()| Storage::written(2, files, sizes.clone()));
    assert_eq!(one.bytes(), same.bytes());
    let other = Storage::new(2, files, sizes, 8);
    other.write().unwrap();
    assert_ne!(one.bytes(), other.bytes());
    // Beneath the folder that has the roots in it, files lie where a server looks for them.
    for index in [0, 999, 1000, 1099] {
        let asked = format!("{}{}", one.folder.path().display(), one.corpus.url_path(index));
        let mut expected = vec![0; one.corpus.object(index).length as usize];
        fill(&one.corpus.object(index), 0, &mut expected);
        assert_eq!(fs::read(&asked).unwrap(), expected, "{asked}");
    }
}

#[test]
fn all_that_was_written_is_right() {
    for sizes in [Sizes::Range { low: 0, high: 100 }, LARGE] {
        let written = Storage::written(3, 20, sizes);
        let checked = written.check();
        assert_eq!((checked.files, checked.bytes, checked.bad()), (20, written.corpus.bytes_of_first(u64::MAX), 0));
    }
}

#[test]
fn writing_goes_on_where_it_was_cut_off() {
    let resumed = Storage::written(2, 10, LARGE);
    let (whole, length) = (resumed.bytes(), resumed.corpus.object(0).length);
    let kept = fs::metadata(resumed.place(5)).unwrap();
    resumed.change(0, |bytes| bytes.truncate(300_000 / 2));
    resumed.change(1, Vec::clear);
    resumed.change(2, |bytes| bytes.truncate(17));
    fs::remove_file(resumed.place(9)).unwrap();
    assert_eq!(resumed.write().unwrap(), Written { files: 4, bytes: 4 * length, kept: 6 });
    assert_eq!(resumed.bytes(), whole);
    let kept_now = fs::metadata(resumed.place(5)).unwrap();
    assert_eq!((kept.ino(), kept.mtime_nsec()), (kept_now.ino(), kept_now.mtime_nsec()), "left alone");
    assert_eq!(resumed.write().unwrap(), Written { files: 0, bytes: 0, kept: 10 });
}

/// Their lengths are the same: only their bytes tell.
#[test]
fn another_seed_replaces_the_files() {
    let mut replaced = Storage::written(1, 5, Sizes::Fixed(500));
    let before = replaced.bytes();
    replaced.corpus.seed += 1;
    assert_eq!(replaced.check().swapped, 5);
    assert_eq!(replaced.write().unwrap().files, 5);
    assert_eq!(replaced.check().bad(), 0);
    assert_ne!(replaced.bytes(), before);
}

#[test]
fn the_files_of_others_are_not_overwritten() {
    for theirs in [&b"of a customer"[..], &[0; 500], &[7; 5000]] {
        let shared = Storage::written(1, 5, Sizes::Fixed(500));
        fs::write(shared.place(3), theirs).unwrap();
        let error = shared.write().unwrap_err();
        assert!(matches!(&error, CorpusError::Foreign { path } if *path == shared.place(3)), "{error}");
        assert_eq!(fs::read(shared.place(3)).unwrap(), theirs);
    }
}

#[test]
fn each_kind_of_damage_is_found() {
    let damaged = Storage::written(2, 20, LARGE);
    let length = damaged.corpus.object(0).length;
    damaged.change(1, |bytes| bytes[200_000] ^= 4);
    damaged.change(4, |bytes| bytes.truncate(1000));
    damaged.change(6, |bytes| bytes.push(0));
    fs::remove_file(damaged.place(9)).unwrap();
    let (one, other) = (damaged.place(10), damaged.place(13));
    let between = damaged.folder.path().join("between");
    fs::rename(&one, &between).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&between, &other).unwrap();
    fs::remove_file(damaged.place(15)).unwrap();
    fs::create_dir(damaged.place(15)).unwrap();

    let checked = damaged.check();
    let counts = [checked.corrupt, checked.of_wrong_length, checked.missing, checked.swapped, checked.unreadable];
    assert_eq!(counts, [1, 2, 1, 2, 1]);
    let seed = damaged.corpus.seed;
    let found: Vec<(u64, String)> =
        checked.damaged.iter().map(|damaged| (damaged.index, format!("{:?}", damaged.damage))).collect();
    let wrong = |fault| format!("{:?}", Damage::Wrong(fault));
    assert_eq!(found[0].1, wrong(Fault::Corrupt { at: 200_000 / 8 * 8 }));
    assert_eq!(found[1], (4, wrong(Fault::Length { expected: length, got: 1000 })));
    assert_eq!(found[2], (6, wrong(Fault::Length { expected: length, got: length + 1 })));
    assert_eq!(found[3], (9, "Missing".into()));
    assert_eq!(found[4], (10, wrong(Fault::Swapped { key: 13, seed })));
    assert_eq!(found[5], (13, wrong(Fault::Swapped { key: 10, seed })));
    assert!(found[6].1.starts_with("Unreadable"), "{}", found[6].1);
    assert_eq!(checked.damaged[3].path, damaged.place(9));
}

#[test]
fn what_cannot_be_written_is_named() {
    let blocked = Storage::new(1, 5, Sizes::Fixed(500), 7);
    fs::write(blocked.corpus.roots[0].join("0"), "a file where a folder belongs").unwrap();
    let error = write(&blocked.corpus, Durability::Process, 1, |_| ()).unwrap_err();
    assert!(matches!(&error, CorpusError::File { path, .. } if *path == blocked.place(0)), "{error}");
}

#[test]
fn synced_files_are_the_same() {
    let synced = Storage::new(3, 1100, Sizes::Fixed(10), 7);
    let written = write(&synced.corpus, Durability::Machine, 3, |_| ()).unwrap();
    assert_eq!((written.files, synced.check().bad()), (1100, 0));
    // With fewer files than disks some disks have no folder to sync.
    let few = Storage::new(3, 2, Sizes::Fixed(10), 7);
    write(&few.corpus, Durability::Machine, 3, |_| ()).unwrap();
}

#[test]
fn what_is_cold_is_not_in_the_page_cache() {
    let moved = Storage::written(2, 40, LARGE);
    let Some(found) = residency(&moved.corpus, 4096) else {
        eprintln!("SKIPPED: fincore (Debian: util-linux-extra) is not installed");
        return;
    };
    assert_eq!((found.sampled_files, found.cached_share), (40, 1.0), "just written");
    if lies_in_memory(&moved.corpus.roots[0]) {
        eprintln!("SKIPPED: {} is on tmpfs, which has no disk to be cold on", moved.folder.path().display());
        return;
    }
    let share = |temperature| {
        set_temperature(&moved.corpus, temperature, 2, |_| ()).unwrap();
        residency(&moved.corpus, 4096).unwrap().cached_share
    };
    // The kernel may keep a page that somebody else looks at.
    let cold = share(Temperature::Cold);
    assert!(cold < 0.1, "{cold} of the bytes are cached");
    let warm = share(Temperature::Warm);
    assert!(warm > 0.9, "{warm} of the bytes are cached");
    assert_eq!(moved.check().bad(), 0);
}
