//! What is measured of servers of files and of proxies, and what each number is for.

use std::fmt;
use std::str::FromStr;

use crate::peers::Scale;
use crate::sizes::parse_bytes;

const FILE_BYTES_MAX: u64 = 1 << 30;
/// Of one row, so that all of them stay in the page cache.
const CORPUS_BYTES: u64 = 128 << 20;
const FILES_MAX: u64 = 1000;
const FILES_MAX_QUICK: u64 = 16;

/// One request after the other over some connections; written `get-4k`, `put-64k`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRow {
    /// Of whole files, all of this size, that are in the page cache.
    Get { bytes: u64 },
    /// Of files of this size, over those that are there.
    Put { bytes: u64 },
}

#[derive(Debug, thiserror::Error)]
#[error("no row of files is called {0:?}: there are get-SIZE and put-SIZE with sizes from 1 to 1g, like get-4k")]
pub struct UnknownFileRow(String);

impl FileRow {
    /// Every row of the standing comparison.
    pub const ALL: [FileRow; 4] = [
        FileRow::Get { bytes: 4 << 10 },
        FileRow::Get { bytes: 64 << 10 },
        FileRow::Get { bytes: 1 << 20 },
        FileRow::Put { bytes: 64 << 10 },
    ];

    pub(super) fn bytes(self) -> u64 {
        match self {
            FileRow::Get { bytes } | FileRow::Put { bytes } => bytes,
        }
    }

    pub(super) fn uploads(self) -> bool {
        matches!(self, FileRow::Put { .. })
    }

    /// How many there are, of each server if they are uploaded.
    pub(super) fn files(self, scale: Scale) -> u64 {
        let most = match scale {
            Scale::Full => FILES_MAX,
            Scale::Quick => FILES_MAX_QUICK,
        };
        (CORPUS_BYTES / self.bytes()).clamp(1, most)
    }

    /// Of the uploads to one server, beneath the root of the files.
    pub(super) fn folder(self, server: usize) -> String {
        format!("{self}/{server}")
    }

    /// What the number is for.
    pub(super) fn purpose(self) -> &'static str {
        match self {
            FileRow::Get { bytes: ..=16_384 } => "small files: what a request costs beside its bytes",
            FileRow::Get { bytes: ..=262_144 } => "pictures and pages: requests and bytes cost alike",
            FileRow::Get { .. } => "large files: what a byte costs",
            FileRow::Put { .. } => "uploads: what taking a file costs, its way to the disk apart",
        }
    }
}

impl fmt::Display for FileRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, bytes) = match self {
            FileRow::Get { bytes } => ("get", bytes),
            FileRow::Put { bytes } => ("put", bytes),
        };
        match (bytes % (1 << 20), bytes % (1 << 10)) {
            (0, _) => write!(formatter, "{verb}-{}m", bytes >> 20),
            (_, 0) => write!(formatter, "{verb}-{}k", bytes >> 10),
            _ => write!(formatter, "{verb}-{bytes}"),
        }
    }
}

impl FromStr for FileRow {
    type Err = UnknownFileRow;

    fn from_str(name: &str) -> Result<FileRow, UnknownFileRow> {
        let unknown = || UnknownFileRow(name.into());
        let (verb, size) = name.split_once('-').ok_or_else(unknown)?;
        let bytes = parse_bytes(size).ok().filter(|bytes| (1..=FILE_BYTES_MAX).contains(bytes)).ok_or_else(unknown)?;
        match verb {
            "get" => Ok(FileRow::Get { bytes }),
            "put" => Ok(FileRow::Put { bytes }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_by_name() {
        for row in FileRow::ALL.into_iter().chain([FileRow::Get { bytes: 1000 }]) {
            assert_eq!(row.to_string().parse::<FileRow>().unwrap(), row);
        }
        assert_eq!(FileRow::ALL.map(|row| row.to_string()), ["get-4k", "get-64k", "get-1m", "put-64k"]);
        for name in ["", "get", "get-", "get-0", "get-2g", "head-4k", "get-64x1", "put--1"] {
            assert!(name.parse::<FileRow>().is_err(), "{name}");
        }
    }
}
