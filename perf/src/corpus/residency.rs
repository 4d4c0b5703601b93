//! How much of a corpus is in the page cache, by fincore(1): of util-linux, on Debian in the package util-linux-extra.

use std::process::{Command, Stdio};

use spindle_core::simulator::Random;

use super::Corpus;

/// Files that are looked at, at most.
const SAMPLE_MAX: u64 = 4096;
/// Files of one call: the names of these fit on a command line, however long they are.
const BATCH: usize = 256;

/// What was found in the page cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residency {
    pub sampled_files: u64,
    /// Of their bytes, 0 to 1.
    pub cached_share: f64,
}

/// Looks at `sample` files, the same ones every time; 4096 at most. `None` where nobody knows: the files are on another
/// machine, or fincore is missing.
pub fn residency(corpus: &Corpus, sample: u64) -> Option<Residency> {
    let sampled = sampled(corpus, sample.min(SAMPLE_MAX));
    let mut found = Vec::with_capacity(sampled.len());
    for batch in sampled.chunks(BATCH) {
        let mut fincore = Command::new("fincore");
        fincore.args(["--bytes", "--noheadings", "--raw", "--output", "RES,SIZE", "--"]);
        fincore.args(batch.iter().map(|&index| corpus.place(index)));
        // It says nothing on standard output of a file that is not there, and goes on.
        let said = fincore.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        found.extend(String::from_utf8_lossy(&said.stdout).lines().filter_map(extent));
    }
    share(&found)
}

/// In the page cache, of a whole file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    cached: u64,
    whole: u64,
}

/// Pages are counted whole, also the last one, of which the file may have a part.
fn extent(line: &str) -> Option<Extent> {
    let (cached, whole) = line.trim().split_once(' ')?;
    let (cached, whole): (u64, u64) = (cached.parse().ok()?, whole.trim().parse().ok()?);
    Some(Extent { cached: cached.min(whole), whole })
}

fn share(found: &[Extent]) -> Option<Residency> {
    let cached: u64 = found.iter().map(|file| file.cached).sum();
    let whole: u64 = found.iter().map(|file| file.whole).sum();
    (whole > 0).then(|| Residency { sampled_files: found.len() as u64, cached_share: cached as f64 / whole as f64 })
}

/// One file of every so many, by lot: at a fixed distance all might lie on one disk.
fn sampled(corpus: &Corpus, sample: u64) -> Vec<u64> {
    let (sample, mut random) = (sample.min(corpus.files), Random::new(corpus.seed));
    // The product of two numbers below 2^34 and 2^13.
    let begin = |part: u64| part * corpus.files / sample;
    (0..sample).map(|part| begin(part) + random.draw() % (begin(part + 1) - begin(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sizes::Sizes;

    fn corpus(files: u64) -> Corpus {
        Corpus::new(3, files, Sizes::Fixed(1), vec!["/a".into(), "/b".into()]).unwrap()
    }

    #[test]
    fn a_sample_has_each_file_once_and_all_roots() {
        assert_eq!(sampled(&corpus(5), 100), [0, 1, 2, 3, 4]);
        assert!(sampled(&corpus(5), 0).is_empty());
        for files in [1000, 4097, super::super::FILES_MAX] {
            let sampled = sampled(&corpus(files), 500);
            assert!(sampled.is_sorted_by(|one, next| one < next) && sampled.len() == 500);
            assert!(sampled.iter().all(|&index| index < files));
            let on_first = sampled.iter().filter(|&index| index % 2 == 0).count();
            assert!((150..350).contains(&on_first), "{on_first} of 500 on the first root");
        }
    }

    #[test]
    fn shares_are_of_bytes() {
        let found: Vec<Extent> =
            ["4096 2312", " 0 7688 ", "nonsense", "", "1 x"].into_iter().filter_map(extent).collect();
        assert_eq!(found, [Extent { cached: 2312, whole: 2312 }, Extent { cached: 0, whole: 7688 }]);
        let Residency { sampled_files, cached_share } = share(&found).unwrap();
        assert_eq!((sampled_files, cached_share), (2, 0.2312));
    }

    #[test]
    fn what_is_not_here_is_unknown() {
        let elsewhere = Corpus::new(3, 10, Sizes::Fixed(1), vec!["/nowhere/dev1".into()]).unwrap();
        assert_eq!(residency(&elsewhere, 10), None);
    }
}
