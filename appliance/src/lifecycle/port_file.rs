//! The file named by `MEMCACHED_PORT_FILENAME`: which ports the kernel chose, one line an address, as memcached's test
//! kit reads it. It appears whole: written under another name, then renamed.
#![forbid(unsafe_code)]

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// Writes the ports of `listening`.
pub fn write(path: &Path, listening: &[SocketAddr]) -> io::Result<()> {
    let mut text = String::new();
    for address in listening {
        let family = if address.is_ipv4() { "INET" } else { "INET6" };
        writeln!(text, "TCP {family}: {}", address.port()).expect("a string takes every write");
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lck");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn one_line_an_address_and_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ports");
        write(&path, &["127.0.0.1:11".parse().unwrap(), "[::1]:12".parse().unwrap()]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "TCP INET: 11\nTCP INET6: 12\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
