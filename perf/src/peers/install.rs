//! A peer's program: where it is, or the package that brings it.
//!
//! Only root, and only where there is apt-get, has packages installed. Nothing is started by that: a package's own service
//! would take port 80, and CPU time. It is enabled all the same, as with every installation, and so starts with the machine
//! from then on, unless `systemctl disable` says otherwise.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where programs are that PATH may lack: Debian gives sbin to root only.
const MORE_FOLDERS: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"];

#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    #[error("{program} is not here, or not all of it: apt-get install {packages}")]
    Missing { program: String, packages: String },
    #[error("apt-get install {packages}: {reason}")]
    Refused { packages: String, reason: String },
    #[error("{packages} came without {program}")]
    Without { program: String, packages: String },
}

/// A program, and what Debian calls it.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    pub program: &'static str,
    pub package: &'static str,
    /// Packages beside its own: modules, which no PATH shows.
    pub modules: &'static [&'static str],
}

impl Needed {
    /// The program's path, when nothing is missing.
    ///
    /// # Errors
    /// What is missing.
    pub fn find(&self) -> Result<PathBuf, InstallError> {
        match self.look() {
            Look::Here(path) => Ok(path),
            Look::Missing(packages) => Err(self.missing(&packages)),
        }
    }

    /// The program's path; what is missing is installed first, with a word to `say`.
    ///
    /// # Errors
    /// Something is missing, and this is not root, or not Debian; or apt-get fails.
    pub fn find_or_install(&self, say: &dyn Fn(&str)) -> Result<PathBuf, InstallError> {
        let packages = match self.look() {
            Look::Here(path) => return Ok(path),
            Look::Missing(packages) => packages,
        };
        if !nix::unistd::geteuid().is_root() || find("apt-get").is_none() {
            return Err(self.missing(&packages));
        }
        let listed = packages.join(" ");
        say(&format!("{} is not complete here: apt-get install {listed}, and nothing of it is started", self.program));
        install(&packages).map_err(|reason| InstallError::Refused { packages: listed.clone(), reason })?;
        find(self.program).ok_or_else(|| InstallError::Without { program: self.program.into(), packages: listed })
    }

    fn look(&self) -> Look {
        let found = find(self.program);
        let own = found.is_none().then_some(self.package);
        let modules = self.modules.iter().copied().filter(|module| is_missing(module));
        let missing: Vec<&str> = own.into_iter().chain(modules).collect();
        match found {
            Some(path) if missing.is_empty() => Look::Here(path),
            _ => Look::Missing(missing),
        }
    }

    fn missing(&self, packages: &[&str]) -> InstallError {
        InstallError::Missing { program: self.program.into(), packages: packages.join(" ") }
    }
}

enum Look {
    Here(PathBuf),
    /// These packages, at least one.
    Missing(Vec<&'static str>),
}

/// On PATH, or where system programs are.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Whether dpkg knows that a package is not installed. Where there is no dpkg nobody knows.
fn is_missing(package: &str) -> bool {
    let asked = Command::new("dpkg-query").args(["-W", "-f", "${Status}", package]).stderr(Stdio::null()).output();
    asked.is_ok_and(|answer| !answer.stdout.ends_with(b" ok installed"))
}

/// With new lists when the old ones do not do: those of a fresh machine are empty.
fn install(packages: &[&str]) -> Result<(), String> {
    let mut wanted = vec!["install", "-y", "--no-install-recommends"];
    wanted.extend(packages);
    apt_get(&wanted).or_else(|_| apt_get(&["update"]).and_then(|()| apt_get(&wanted)))
}

/// Runs apt-get so that it asks nothing and starts nothing: systemctl(1) leaves systemd alone when it is told that it is
/// offline, and invoke-rc.d(8) starts nothing in runlevel 1, which it takes from runlevel(8)'s variables.
fn apt_get(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=60"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("SYSTEMD_OFFLINE", "1");
    command.env("RUNLEVEL", "1").env("PREVLEVEL", "N");
    let ran = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let last = said.lines().rev().find(|line| line.starts_with("E: ")).unwrap_or("no reason given");
    Err(format!("{last} ({})", ran.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_is_found_without_a_word() {
        let shell = Needed { program: "sh", package: "dash", modules: &[] };
        let path = shell.find_or_install(&|line| panic!("{line}")).unwrap();
        assert!(path.ends_with("sh") && path.is_absolute());
    }

    #[test]
    fn whatever_is_missing_is_named_by_package() {
        let absent = Needed { program: "no-such-program", package: "no-such-package", modules: &[] };
        let error = absent.find().unwrap_err().to_string();
        assert!(error.contains("no-such-program is not here") && error.ends_with("apt-get install no-such-package"));
    }

    #[test]
    fn a_module_is_missing_that_nobody_has_installed() {
        if find("dpkg-query").is_none() {
            eprintln!("NOT TESTED: no dpkg-query here");
            return;
        }
        assert!(!is_missing("dpkg"));
        let incomplete = Needed { program: "sh", package: "dash", modules: &["dpkg", "no-such-module"] };
        let error = incomplete.find().unwrap_err().to_string();
        assert!(error.ends_with("apt-get install no-such-module"), "{error}");
    }
}
