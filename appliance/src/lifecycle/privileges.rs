//! From root to a user. memcached changes before it opens its ports; here it happens after, so that ports below 1024
//! and disks can be had, and so that nothing that a client sends ever meets root.
#![forbid(unsafe_code)]

use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{User, chown, geteuid, setgid, setgroups, setuid};

use super::LifecycleError;
use crate::settings::ProcessSettings;
use crate::settings::decided::{CoreDumps, RootRule};

/// Whether root may go on at all; early, so that nothing is opened in vain.
pub fn check(process: &ProcessSettings) -> Result<(), LifecycleError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    match (&process.user, process.root) {
        (Some(name), _) => find(name).map(drop),
        (None, RootRule::MustNameUser) => Err(LifecycleError::RootWithoutUser),
        (None, RootRule::MayStay) => Ok(()),
    }
}

/// Becomes the user that the settings name; nothing happens without root or without a name. The C library changes all
/// threads of the process at once.
pub fn drop_to(process: &ProcessSettings) -> Result<(), LifecycleError> {
    let Some(name) = process.user.as_deref().filter(|_| geteuid().is_root()) else {
        return Ok(());
    };
    let user = find(name)?;
    // EPERM says that there is nothing left to drop, as in a user namespace; memcached goes on, too.
    match setgroups(&[]) {
        Ok(()) | Err(Errno::EPERM) => {}
        Err(error) => return Err(LifecycleError::Groups(error)),
    }
    setgid(user.gid)
        .and_then(|()| setuid(user.uid))
        .map_err(|error| LifecycleError::Identity { user: name.to_owned(), error })?;
    if process.core_dumps == CoreDumps::Largest {
        // The kernel takes this right away with the identity.
        prctl::set_dumpable(true).map_err(|_| LifecycleError::CoreDumps)?;
    }
    Ok(())
}

/// Gives a file or folder to the user that root will become.
///
/// # Errors
/// Those of chown(2), and an unknown user.
pub fn give_to(process: &ProcessSettings, path: &Path) -> io::Result<()> {
    let Some(name) = process.user.as_deref().filter(|_| geteuid().is_root()) else {
        return Ok(());
    };
    let user = find(name).map_err(io::Error::other)?;
    Ok(chown(path, Some(user.uid), Some(user.gid))?)
}

fn find(name: &str) -> Result<User, LifecycleError> {
    User::from_name(name).ok().flatten().ok_or_else(|| LifecycleError::NoSuchUser(name.to_owned()))
}
