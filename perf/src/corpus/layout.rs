//! Where files lie: as on MogileFS's storage nodes (MogileFS/DevFID.pm, `uri_path`), whose folders hold a thousand numbers
//! each.

use std::path::Path;

/// As many numbers as ten digits have. MogileFS goes on with eleven; its folders do not.
pub const FILES_MAX: u64 = 10_000_000_000;

/// Numbers whose files lie in one folder.
pub(super) const FOLDER: u64 = 1000;

/// Of a file's number: `0/000/012/0000012345.fid`.
pub(super) fn path(index: u64) -> String {
    let (billions, millions, thousands) = (index / 1_000_000_000, index / 1_000_000 % 1000, index / FOLDER % 1000);
    format!("{billions}/{millions:03}/{thousands:03}/{index:010}.fid")
}

/// The same beneath the name of its root.
pub(super) fn url_path(root: &Path, index: u64) -> String {
    let name = root.file_name().unwrap_or_default();
    let mut url = String::from("/");
    for &byte in name.as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => url.push(char::from(byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url.push('/');
    url.push_str(&path(index));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_a_storage_node() {
        assert_eq!(path(0), "0/000/000/0000000000.fid");
        assert_eq!(path(12_345), "0/000/012/0000012345.fid");
        assert_eq!(path(9_876_543_210), "9/876/543/9876543210.fid");
        assert_eq!(path(FILES_MAX - 1), "9/999/999/9999999999.fid");
    }

    #[test]
    fn a_folder_holds_a_thousand_numbers() {
        let folder = |index| path(index).rsplit_once('/').unwrap().0.to_owned();
        assert_eq!(folder(1000), folder(1999));
        assert_ne!(folder(999), folder(1000));
    }

    #[test]
    fn names_of_roots_are_escaped() {
        assert_eq!(url_path(Path::new("/a/dev1"), 1), "/dev1/0/000/000/0000000001.fid");
        assert_eq!(url_path(Path::new("/a/b ü%"), 1), "/b%20%C3%BC%25/0/000/000/0000000001.fid");
    }
}
