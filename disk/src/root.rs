//! The folder that is served, and the disks beneath it. MogileFS's rule: what is called `devN` is a device of its own, and
//! whatever else is there belongs to the device of the root.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use spindle_core::{Core, Descriptor};

use crate::disk::{Disk, DiskLimits};

/// The folders, opened while root may still be needed; every core has its own.
#[derive(Debug)]
pub struct RootFolders {
    top: OwnedFd,
    devices: Vec<(String, OwnedFd)>,
}

impl RootFolders {
    /// Opens the root, and every `devN` that is in it.
    ///
    /// # Errors
    /// There is no such folder, or it may not be entered. A `devN` that cannot be opened is named in the log and left out:
    /// the other disks must be served.
    pub fn open(root: &Path) -> io::Result<RootFolders> {
        let top = open_folder(root)?;
        let mut devices = Vec::new();
        for entry in std::fs::read_dir(root)? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if !is_device(name.as_bytes()) {
                continue;
            }
            match open_folder(&root.join(&name)) {
                Ok(folder) => devices.push((name, folder)),
                Err(error) => tracing::error!(disk = name, %error, "the disk cannot be opened, and is left out"),
            }
        }
        devices.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(RootFolders { top, devices })
    }

    /// The same for another core.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn try_clone(&self) -> io::Result<RootFolders> {
        let devices = self.devices.iter().map(|(name, folder)| Ok((name.clone(), folder.try_clone()?)));
        Ok(RootFolders { top: self.top.try_clone()?, devices: devices.collect::<io::Result<_>>()? })
    }

    /// The root's own disk among them.
    pub fn disks(&self) -> usize {
        1 + self.devices.len()
    }
}

fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let file = File::open(path)?;
    if !file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder"));
    }
    Ok(file.into())
}

/// `dev` and a number, without a sign.
pub fn is_device(name: &[u8]) -> bool {
    name.strip_prefix(b"dev").is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// The disks as one core uses them.
pub struct Root {
    /// What is on no `devN`.
    top: Rc<Disk>,
    /// Ascending by name.
    devices: Vec<Rc<Disk>>,
}

impl Root {
    pub fn new(core: &Core, folders: RootFolders, limits: DiskLimits) -> Root {
        let devices = folders.devices.into_iter().map(|(name, folder)| (name, folder.into())).collect();
        Root::of(core, folders.top.into(), devices, limits)
    }

    /// Of folders that are open already.
    pub fn of(core: &Core, top: Descriptor, devices: Vec<(String, Descriptor)>, limits: DiskLimits) -> Root {
        let disk = |name, folder| Disk::new(core, name, Rc::new(folder), limits);
        let mut devices: Vec<_> = devices.into_iter().map(|(name, folder)| disk(name, folder)).collect();
        devices.sort_by(|one, other| one.name.cmp(&other.name));
        Root { top: disk(String::new(), top), devices }
    }

    /// The disk that a path lies on, and the path beneath its top folder: "" is that folder itself.
    pub fn disk<'a>(&self, path: &'a [u8]) -> (&Rc<Disk>, &'a [u8]) {
        let first_bytes = path.iter().position(|byte| *byte == b'/').unwrap_or(path.len());
        let (first, rest) = path.split_at(first_bytes);
        match self.devices.binary_search_by(|disk| disk.name.as_bytes().cmp(first)) {
            Ok(at) => (&self.devices[at], rest.strip_prefix(b"/").unwrap_or(rest)),
            Err(_) => (&self.top, path),
        }
    }

    pub fn disks(&self) -> impl Iterator<Item = &Rc<Disk>> {
        std::iter::once(&self.top).chain(&self.devices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_dev_and_a_number() {
        for name in ["dev0", "dev17", "dev007"] {
            assert!(is_device(name.as_bytes()), "{name}");
        }
        for name in ["", "dev", "dev-1", "dev1a", "Dev1", "xdev1", "devices"] {
            assert!(!is_device(name.as_bytes()), "{name}");
        }
    }
}
