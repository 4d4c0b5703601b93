//! Who they are: packages, programs, configurations.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::running::FilesError;
use crate::peers::install::{InstallError, Needed};
use crate::process::Orphan;

/// A server of files, or a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    Nginx,
    Lighttpd,
    Perlbal,
    HaproxyProxy,
    NginxProxy,
    PerlbalProxy,
}

/// What a rival is measured at. Proxies are compared with proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Takes GET, PUT and DELETE of files beneath a root.
    Files,
    /// Passes requests on to [`BEHIND`].
    Proxy,
}

/// How an upload takes the place of what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacing {
    /// All at once.
    Whole,
    /// Byte by byte: of two uploads that meet, each may leave a part.
    InPlace,
}

/// The server behind every proxy.
pub(super) const BEHIND: Rival = Rival::Nginx;

/// What there is to know of a rival before it runs.
struct Facts {
    name: &'static str,
    job: Job,
    /// With the modules that its configuration asks for, or that Debian recommends beside it.
    needed: Needed,
    version_flag: &'static str,
    template: &'static str,
    orphan: Orphan,
    /// Of a proxy, that of the server behind it.
    replacing: Replacing,
}

const NGINX: Facts = Facts {
    name: "nginx",
    job: Job::Files,
    needed: Needed { program: "nginx", package: "nginx", modules: &[] },
    version_flag: "-v",
    template: include_str!("../../../peers/nginx.conf"),
    orphan: Orphan::Told,
    replacing: Replacing::Whole,
};

const LIGHTTPD: Facts = Facts {
    name: "lighttpd",
    job: Job::Files,
    needed: Needed { program: "lighttpd", package: "lighttpd", modules: &["lighttpd-mod-webdav"] },
    version_flag: "-v",
    template: include_str!("../../../peers/lighttpd.conf"),
    orphan: Orphan::Killed,
    replacing: Replacing::Whole,
};

const PERLBAL: Facts = Facts {
    name: "Perlbal",
    job: Job::Files,
    needed: Needed {
        program: "perlbal",
        package: "perlbal",
        modules: &["libio-aio-perl", "libperlbal-xs-httpheaders-perl"],
    },
    version_flag: "--version",
    template: include_str!("../../../peers/perlbal.conf"),
    orphan: Orphan::Killed,
    replacing: Replacing::InPlace,
};

const HAPROXY_PROXY: Facts = Facts {
    name: "haproxy",
    job: Job::Proxy,
    needed: Needed { program: "haproxy", package: "haproxy", modules: &[] },
    version_flag: "-v",
    template: include_str!("../../../peers/haproxy.cfg"),
    orphan: Orphan::Killed,
    replacing: NGINX.replacing,
};

const NGINX_PROXY: Facts = Facts {
    name: "nginx (proxy)",
    job: Job::Proxy,
    template: include_str!("../../../peers/nginx-proxy.conf"),
    ..NGINX
};

const PERLBAL_PROXY: Facts = Facts {
    name: "Perlbal (proxy)",
    job: Job::Proxy,
    template: include_str!("../../../peers/perlbal-proxy.conf"),
    replacing: NGINX.replacing,
    ..PERLBAL
};

impl Rival {
    /// In the order of the table.
    pub const ALL: [Rival; 6] =
        [Rival::Nginx, Rival::Lighttpd, Rival::Perlbal, Rival::HaproxyProxy, Rival::NginxProxy, Rival::PerlbalProxy];

    fn facts(self) -> &'static Facts {
        match self {
            Rival::Nginx => &NGINX,
            Rival::Lighttpd => &LIGHTTPD,
            Rival::Perlbal => &PERLBAL,
            Rival::HaproxyProxy => &HAPROXY_PROXY,
            Rival::NginxProxy => &NGINX_PROXY,
            Rival::PerlbalProxy => &PERLBAL_PROXY,
        }
    }

    pub fn name(self) -> &'static str {
        self.facts().name
    }

    pub fn job(self) -> Job {
        self.facts().job
    }

    pub(super) fn replacing(self) -> Replacing {
        self.facts().replacing
    }

    /// Its program, and that of the server behind it.
    ///
    /// # Errors
    /// Something is missing, or cannot be run.
    pub fn find(self) -> Result<Found, FilesError> {
        self.found(&Needed::find)
    }

    /// The same; what is missing is installed by name, with a word to `say`.
    ///
    /// # Errors
    /// Something is missing and not to be had, or cannot be run.
    pub fn find_or_install(self, say: &dyn Fn(&str)) -> Result<Found, FilesError> {
        self.found(&|needed| needed.find_or_install(say))
    }

    fn found(self, find: &dyn Fn(&Needed) -> Result<PathBuf, InstallError>) -> Result<Found, FilesError> {
        let facts = self.facts();
        let binary = find(&facts.needed)?;
        let asked = Command::new(&binary).arg(facts.version_flag).output();
        let said = asked.map_err(|error| FilesError::Unrunnable { binary: binary.clone(), error })?;
        // nginx says it on standard error.
        let said =
            String::from_utf8_lossy(if said.stdout.is_empty() { &said.stderr } else { &said.stdout }).into_owned();
        let behind = match facts.job {
            Job::Files => None,
            Job::Proxy => Some(Box::new(BEHIND.found(find)?)),
        };
        Ok(Found { rival: self, binary, version: version(facts.needed.program, &said), behind })
    }
}

/// A rival that can be started.
#[derive(Clone, Debug)]
pub struct Found {
    pub rival: Rival,
    pub binary: PathBuf,
    /// What it says of itself.
    pub version: String,
    /// Of a proxy.
    pub(super) behind: Option<Box<Found>>,
}

impl Found {
    /// In the foreground.
    pub(super) fn command(&self, configuration: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        match self.rival {
            // The log of before the configuration is read would be in a folder of root's.
            Rival::Nginx | Rival::NginxProxy => command.args(["-e", "stderr", "-c"]).arg(configuration),
            Rival::Lighttpd => command.args(["-D", "-f"]).arg(configuration),
            Rival::Perlbal | Rival::PerlbalProxy => {
                let mut option = OsString::from("--config=");
                option.push(configuration);
                command.arg(option)
            }
            Rival::HaproxyProxy => command.args(["-db", "-f"]).arg(configuration),
        };
        command
    }

    pub(super) fn template(&self) -> &'static str {
        self.rival.facts().template
    }

    pub(super) fn orphan(&self) -> Orphan {
        self.rival.facts().orphan
    }
}

/// The first number in what it says: of `nginx version: nginx/1.22.1`, of `lighttpd/1.4.69 (ssl) - a light and fast
/// webserver`, of `Perlbal version 1.80`.
fn version(program: &str, said: &str) -> String {
    let words = said.split(|byte: char| byte == '/' || byte.is_whitespace());
    let mut numbers = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    format!("{program} {}", numbers.next().unwrap_or("of an unknown version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_they_say_them() {
        for (said, expected) in [
            ("nginx version: nginx/1.22.1\n", "nginx 1.22.1"),
            ("lighttpd/1.4.69 (ssl) - a light and fast webserver\n", "nginx 1.4.69"),
            ("HAProxy version 2.6.12-1+deb12u4 2026/01/01 - https://haproxy.org/\n", "nginx 2.6.12-1+deb12u4"),
            ("Perlbal version 1.80", "nginx 1.80"),
            ("usage:", "nginx of an unknown version"),
        ] {
            assert_eq!(version("nginx", said), expected);
        }
    }

    #[test]
    fn every_rival_has_a_name_of_its_own() {
        for (at, rival) in Rival::ALL.iter().enumerate() {
            assert!(Rival::ALL[..at].iter().all(|other| other.name() != rival.name()), "{}", rival.name());
        }
        assert_eq!(BEHIND.job(), Job::Files);
    }
}
