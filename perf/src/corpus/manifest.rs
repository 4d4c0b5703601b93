//! A corpus as a small file. docs/corpus.md is the schema.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Corpus, Impossible};
use crate::sizes::{Listed, Sizes, SizesError};

/// Of the file: counted up when a field changes its meaning or goes away.
pub const SCHEMA: u64 = 1;
/// The lengths of so many files are added up, so that a law that has changed is noticed at once: it would make every right
/// answer look wrong.
const ADDED_UP: u64 = 4096;

/// Why a file gave no corpus.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{}: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} is not the manifest of a corpus: {error}", path.display())]
    NotAManifest { path: PathBuf, error: serde_json::Error },
    #[error("{} has schema {found}; this version reads schema {SCHEMA}", path.display())]
    OtherSchema { path: PathBuf, found: u64 },
    #[error("{} describes no sizes: {error}", path.display())]
    Sizes { path: PathBuf, error: SizesError },
    #[error("{} has sizes from a file, and does not list them", path.display())]
    Unlisted { path: PathBuf },
    #[error("{} describes no corpus: {error}", path.display())]
    Impossible { path: PathBuf, error: Impossible },
    #[error("{} says that its first files have {stated} bytes, and they have {found}: another version wrote it, or another hand", path.display())]
    OtherBytes { path: PathBuf, stated: u64, found: u64 },
}

/// All that is read of a file before its schema is known.
#[derive(Deserialize)]
struct Head {
    schema: u64,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: u64,
    seed: u64,
    files: u64,
    bytes_of_first: u64,
    sizes: String,
    /// The lines of a file of sizes: it may not be where the manifest is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed: Option<Vec<String>>,
    roots: Vec<PathBuf>,
}

impl Corpus {
    /// Writes the manifest.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_manifest(&self, path: &Path) -> io::Result<()> {
        let manifest = Manifest {
            schema: SCHEMA,
            seed: self.seed,
            files: self.files,
            bytes_of_first: self.bytes_of_first(ADDED_UP),
            sizes: self.sizes.to_string(),
            listed: match &self.sizes {
                Sizes::Listed(listed) => Some(listed.lines().collect()),
                _ => None,
            },
            roots: self.roots.clone(),
        };
        let mut text = serde_json::to_vec_pretty(&manifest)?;
        text.push(b'\n');
        File::create(path)?.write_all(&text)
    }

    /// Reads what [`Corpus::write_manifest`] wrote.
    ///
    /// # Errors
    /// An unreadable file, one that is no manifest, one of another schema or of another law, or one that describes no corpus.
    pub fn read(path: &Path) -> Result<Corpus, ManifestError> {
        let text = std::fs::read(path).map_err(|error| ManifestError::Unreadable { path: path.into(), error })?;
        let not_a_manifest = |error| ManifestError::NotAManifest { path: path.into(), error };
        let Head { schema: found } = serde_json::from_slice(&text).map_err(not_a_manifest)?;
        if found != SCHEMA {
            return Err(ManifestError::OtherSchema { path: path.into(), found });
        }
        serde_json::from_slice::<Manifest>(&text).map_err(not_a_manifest)?.corpus(path)
    }
}

impl Manifest {
    fn corpus(self, path: &Path) -> Result<Corpus, ManifestError> {
        let sizes = self.sizes(path)?;
        let corpus = Corpus::new(self.seed, self.files, sizes, self.roots)
            .map_err(|error| ManifestError::Impossible { path: path.into(), error })?;
        match (self.bytes_of_first, corpus.bytes_of_first(ADDED_UP)) {
            (stated, found) if stated == found => Ok(corpus),
            (stated, found) => Err(ManifestError::OtherBytes { path: path.into(), stated, found }),
        }
    }

    fn sizes(&self, path: &Path) -> Result<Sizes, ManifestError> {
        let sizes = match (self.sizes.strip_prefix("csv:"), &self.listed) {
            (Some(file), Some(lines)) => Listed::parse(file.into(), &lines.join("\n")).map(Sizes::Listed),
            (Some(_), None) => return Err(ManifestError::Unlisted { path: path.into() }),
            (None, _) => self.sizes.parse(),
        };
        sizes.map_err(|error| ManifestError::Sizes { path: path.into(), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus(sizes: &str) -> Corpus {
        let roots = vec!["/var/mogdata/dev1".into(), "/var/mogdata/dev2".into()];
        Corpus::new(u64::MAX, 1000, sizes.parse().unwrap(), roots).unwrap()
    }

    /// The manifest of a corpus, after a change to its text.
    fn read(corpus: &Corpus, change: impl Fn(String) -> String) -> Result<Corpus, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        corpus.write_manifest(file.path()).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        std::fs::write(file.path(), change(text)).unwrap();
        let name = file.path().display().to_string();
        Corpus::read(file.path()).map_err(|error| error.to_string().replace(&name, "FILE"))
    }

    #[test]
    fn what_is_written_is_read_back() {
        for sizes in ["100", "0-4000", "lognormal:32k:1.5", "lognormal:32k:0.1:1m", "etc", "etc-keys"] {
            let corpus = corpus(sizes);
            assert_eq!(read(&corpus, |text| text).unwrap(), corpus);
        }
    }

    /// The file is gone when the manifest is read. Its weights do not add up to a round number.
    #[test]
    fn sizes_from_a_file_are_in_the_manifest() {
        let csv = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(csv.path(), "# bytes, weight\n1k,0.1\n 300 , 0.7\n300,1e-9\n5,0\n7\n").unwrap();
        let corpus = corpus(&format!("csv:{}", csv.path().display()));
        drop(csv);
        assert_eq!(read(&corpus, |text| text).unwrap(), corpus);
        assert_eq!(
            read(&corpus, |text| text.replace("listed", "unlisted")).unwrap_err(),
            "FILE has sizes from a file, and does not list them"
        );
    }

    #[test]
    fn fields_of_later_versions_are_passed_over() {
        let corpus = corpus("100");
        assert_eq!(read(&corpus, |text| text.replacen('{', "{\"later\": [1],", 1)).unwrap(), corpus);
    }

    #[test]
    fn nonsense_is_refused() {
        let corpus = corpus("100");
        let fault = |from: &str, to: &str| read(&corpus, |text| text.replace(from, to)).unwrap_err();
        assert_eq!(fault("\"schema\": 1", "\"schema\": 2"), "FILE has schema 2; this version reads schema 1");
        assert!(fault("\"schema\": 1", "\"x\": 1").starts_with("FILE is not the manifest of a corpus: missing field"));
        assert!(fault("{", "").starts_with("FILE is not the manifest of a corpus: "));
        assert!(fault("1000,", "-1,").starts_with("FILE is not the manifest of a corpus: "));
        assert!(fault("\"100\"", "\"huge\"").starts_with("FILE describes no sizes: \"huge\" does not describe"));
        assert!(fault("1000,", "0,").starts_with("FILE describes no corpus: 0 files"));
        assert!(fault("/var/mogdata/dev2", "dev2").starts_with("FILE describes no corpus: the root dev2 is not"));
        assert!(
            fault("dev2", "dev1").starts_with("FILE describes no corpus: the root /var/mogdata/dev1 is named twice")
        );
        assert!(
            fault("/var/mogdata/dev2", "/mnt/dev1")
                .starts_with("FILE describes no corpus: the roots /var/mogdata/dev1 and /mnt/dev1 have one last name")
        );
        assert_eq!(
            fault("\"100\"", "\"200\""),
            "FILE says that its first files have 100000 bytes, and they have 200000: another version wrote it, or another hand"
        );
    }

    #[test]
    fn a_manifest_that_is_not_there_is_named() {
        let error = Corpus::read(Path::new("/nowhere/corpus.json")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/corpus.json: No such file"), "{error}");
    }
}
