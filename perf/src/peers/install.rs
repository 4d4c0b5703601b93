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
        match find("apt-get") {
            Some(program) if nix::unistd::geteuid().is_root() => self.install(&AptGet { program }, &packages, say),
            _ => Err(self.missing(&packages)),
        }
    }

    fn install(&self, apt_get: &AptGet, packages: &[&str], say: &dyn Fn(&str)) -> Result<PathBuf, InstallError> {
        let listed = packages.join(" ");
        say(&format!("{} is not complete here: apt-get install {listed}, and nothing of it is started", self.program));
        let installed = apt_get.install(packages);
        installed.map_err(|reason| InstallError::Refused { packages: listed.clone(), reason })?;
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

/// apt-get(8).
struct AptGet {
    program: PathBuf,
}

impl AptGet {
    /// With new lists when the old ones do not do: those of a fresh machine are empty.
    fn install(&self, packages: &[&str]) -> Result<(), String> {
        let mut wanted = vec!["install", "-y", "--no-install-recommends"];
        wanted.extend(packages);
        self.run(&wanted).or_else(|_| self.run(&["update"]).and_then(|()| self.run(&wanted)))
    }

    /// Runs it so that it asks nothing and starts nothing: systemctl(1) leaves systemd alone when it is told that it is
    /// offline, and invoke-rc.d(8) starts nothing in runlevel 1, which it takes from runlevel(8)'s variables.
    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.program);
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

    const WITH_OPTIONS: &str = "-q -o DPkg::Lock::Timeout=60";
    /// So that nothing is asked and no service starts.
    const QUIET: &str = "DEBIAN_FRONTEND=noninteractive PREVLEVEL=N RUNLEVEL=1 SYSTEMD_OFFLINE=1";

    /// A script in the place of apt-get, in a folder that is gone on drop. Before it does what it is told to it writes
    /// down how it was called.
    struct Fake {
        folder: tempfile::TempDir,
        apt_get: AptGet,
    }

    impl Fake {
        fn that(does: &str) -> Fake {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("apt-get");
            let settings =
                "env | grep -E '^(DEBIAN_FRONTEND|PREVLEVEL|RUNLEVEL|SYSTEMD_OFFLINE)=' | sort | tr '\\n' ' '";
            let notes = format!("{{ {settings}; echo \"apt-get $*\"; }} >>\"${{0%/*}}/calls\"");
            // Another process writes it: while one of ours has it open for that, nobody can run it (ETXTBSY), and whatever
            // another test starts meanwhile has it open, too.
            let write = ["-c", "printf '#!/bin/sh\\n%s\\n%s\\n' \"$1\" \"$2\" >\"$0\" && chmod 755 \"$0\""];
            let written = Command::new("sh").args(write).arg(&program).arg(notes).arg(does).status().unwrap();
            assert!(written.success());
            Fake { folder, apt_get: AptGet { program } }
        }

        /// Without what is the same in every call.
        fn calls(&self) -> Vec<String> {
            let calls = std::fs::read_to_string(self.folder.path().join("calls")).unwrap();
            let always = format!("{QUIET} apt-get {WITH_OPTIONS} ");
            let call = |line: &str| line.strip_prefix(&always).unwrap_or_else(|| panic!("{line}")).to_owned();
            calls.lines().map(call).collect()
        }

        /// As if only the module were missing of a program that is here.
        fn completes_a_shell(&self) -> Result<PathBuf, InstallError> {
            SHELL.install(&self.apt_get, &["no-such-module"], &|_| {})
        }
    }

    const SHELL: Needed = Needed { program: "sh", package: "dash", modules: &["no-such-module"] };
    const INSTALL: &str = "install -y --no-install-recommends no-such-module";

    #[test]
    fn apt_get_installs_what_is_missing_and_starts_nothing() {
        let fake = Fake::that("exit 0");
        let said = std::cell::RefCell::new(Vec::new());
        let say = |line: &str| said.borrow_mut().push(line.to_owned());
        let path = SHELL.install(&fake.apt_get, &["no-such-module", "other"], &say).unwrap();
        assert!(path.ends_with("sh") && path.is_absolute());
        assert_eq!(fake.calls(), [format!("{INSTALL} other")]);
        let expected = "sh is not complete here: apt-get install no-such-module other, and nothing of it is started";
        assert_eq!(said.into_inner(), [expected]);
    }

    #[test]
    fn lists_are_renewed_that_do_not_have_it() {
        let fake = Fake::that("case \"$*\" in *update) touch \"${0%/*}/lists\";; *) test -e \"${0%/*}/lists\";; esac");
        fake.completes_a_shell().unwrap();
        assert_eq!(fake.calls(), [INSTALL, "update", INSTALL]);
    }

    #[test]
    fn a_refusal_gives_its_reason() {
        let of = |does: &str| {
            let fake = Fake::that(does);
            (fake.completes_a_shell().unwrap_err().to_string(), fake.calls())
        };
        let (error, calls) =
            of("case \"$*\" in *update) exit 0;; esac\necho 'W: old' >&2\necho 'E: Unable to locate it' >&2\nexit 100");
        assert_eq!(error, "apt-get install no-such-module: E: Unable to locate it (exit status: 100)");
        assert_eq!(calls, [INSTALL, "update", INSTALL]);
        let (error, calls) = of("echo 'E: No network' >&2; exit 100");
        assert!(error.ends_with("E: No network (exit status: 100)"), "{error}");
        assert_eq!(calls, [INSTALL, "update"]);
        let (error, _) = of("exit 3");
        assert!(error.ends_with("no-such-module: no reason given (exit status: 3)"), "{error}");
        let absent = AptGet { program: "/no/such/apt-get".into() };
        let error = SHELL.install(&absent, &["no-such-module"], &|_| {}).unwrap_err();
        assert!(matches!(&error, InstallError::Refused { reason, .. } if reason.contains("os error 2")), "{error}");
    }

    #[test]
    fn packages_may_come_without_the_program() {
        let fake = Fake::that("exit 0");
        let absent = Needed { program: "no-such-program", package: "no-such-package", modules: &[] };
        let error = absent.install(&fake.apt_get, &["no-such-package"], &|_| {}).unwrap_err();
        assert!(matches!(error, InstallError::Without { .. }), "{error}");
        assert_eq!(error.to_string(), "no-such-package came without no-such-program");
        assert_eq!(fake.calls(), ["install -y --no-install-recommends no-such-package"]);
    }

    #[test]
    fn only_root_has_anything_installed() {
        let absent = Needed { program: "no-such-program", package: "no-such-package-either", modules: &[] };
        if nix::unistd::geteuid().is_root() {
            eprintln!("NOT TESTED: this is root");
            return;
        }
        let error = absent.find_or_install(&|line| panic!("{line}")).unwrap_err();
        assert!(matches!(error, InstallError::Missing { .. }), "{error}");
    }
}
