//! Who they are: packages, programs, configurations.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::running::FilesError;
use super::{Missing, Options};
use crate::peers::install::Needed;
use crate::process::Orphan;

/// A server of files, or a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    Spindle,
    Nginx,
    Lighttpd,
    Perlbal,
    SpindleProxy,
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

/// Where a rival's program comes from.
#[derive(Clone, Copy, Debug)]
enum Program {
    /// Debian, with the modules that its configuration asks for, or that are recommended beside it.
    Packaged(Needed),
    /// Whoever measures has to say where: one that is found on PATH, or installed, might be another build.
    Named(&'static str),
}

/// What there is to know of a rival before it runs.
struct Facts {
    name: &'static str,
    job: Job,
    program: Program,
    version_flag: &'static str,
    template: &'static str,
    orphan: Orphan,
    /// Of a proxy, that of the server behind it.
    replacing: Replacing,
}

const SPINDLE: Facts = Facts {
    name: "Spindle",
    job: Job::Files,
    program: Program::Named("spindle"),
    version_flag: "--version",
    template: include_str!("../../../peers/spindle.toml"),
    orphan: Orphan::Killed,
    replacing: Replacing::Whole,
};

const NGINX: Facts = Facts {
    name: "nginx",
    job: Job::Files,
    program: Program::Packaged(Needed { program: "nginx", package: "nginx", modules: &[] }),
    version_flag: "-v",
    template: include_str!("../../../peers/nginx.conf"),
    orphan: Orphan::Told,
    replacing: Replacing::Whole,
};

const LIGHTTPD: Facts = Facts {
    name: "lighttpd",
    job: Job::Files,
    program: Program::Packaged(Needed { program: "lighttpd", package: "lighttpd", modules: &["lighttpd-mod-webdav"] }),
    version_flag: "-v",
    template: include_str!("../../../peers/lighttpd.conf"),
    orphan: Orphan::Killed,
    replacing: Replacing::Whole,
};

const PERLBAL: Facts = Facts {
    name: "Perlbal",
    job: Job::Files,
    program: Program::Packaged(Needed {
        program: "perlbal",
        package: "perlbal",
        modules: &["libio-aio-perl", "libperlbal-xs-httpheaders-perl"],
    }),
    version_flag: "--version",
    template: include_str!("../../../peers/perlbal.conf"),
    orphan: Orphan::Killed,
    replacing: Replacing::InPlace,
};

const SPINDLE_PROXY: Facts = Facts {
    name: "Spindle (proxy)",
    job: Job::Proxy,
    template: include_str!("../../../peers/spindle-proxy.toml"),
    replacing: NGINX.replacing,
    ..SPINDLE
};

const HAPROXY_PROXY: Facts = Facts {
    name: "haproxy",
    job: Job::Proxy,
    program: Program::Packaged(Needed { program: "haproxy", package: "haproxy", modules: &[] }),
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
    pub const ALL: [Rival; 8] = [
        Rival::Spindle,
        Rival::Nginx,
        Rival::Lighttpd,
        Rival::Perlbal,
        Rival::SpindleProxy,
        Rival::HaproxyProxy,
        Rival::NginxProxy,
        Rival::PerlbalProxy,
    ];

    fn facts(self) -> &'static Facts {
        match self {
            Rival::Spindle => &SPINDLE,
            Rival::Nginx => &NGINX,
            Rival::Lighttpd => &LIGHTTPD,
            Rival::Perlbal => &PERLBAL,
            Rival::SpindleProxy => &SPINDLE_PROXY,
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

    /// Its program, and that of the server behind it. What is missing is installed by name, where that is wanted.
    ///
    /// # Errors
    /// Something is missing and not to be had, or cannot be run.
    pub fn find(self, options: &Options) -> Result<Found, FilesError> {
        let facts = self.facts();
        let binary = facts.program.find(facts.name, options)?;
        let asked = Command::new(&binary).arg(facts.version_flag).output();
        let said = asked.map_err(|error| FilesError::Unrunnable { binary: binary.clone(), error })?;
        // nginx says it on standard error.
        let said =
            String::from_utf8_lossy(if said.stdout.is_empty() { &said.stderr } else { &said.stdout }).into_owned();
        let behind = match facts.job {
            Job::Files => None,
            Job::Proxy => Some(Box::new(BEHIND.find(options)?)),
        };
        Ok(Found { rival: self, binary, version: version(facts.program.name(), &said), behind })
    }
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Program::Packaged(needed) => needed.program,
            Program::Named(name) => name,
        }
    }

    fn find(self, rival: &'static str, options: &Options) -> Result<PathBuf, FilesError> {
        match (self, options.missing) {
            (Program::Named(_), _) => options.spindle.clone().ok_or(FilesError::Unnamed { rival }),
            (Program::Packaged(needed), Missing::Install) => {
                Ok(needed.find_or_install(&|line| options.progress.say(line))?)
            }
            (Program::Packaged(needed), Missing::LeaveOut) => Ok(needed.find()?),
        }
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
            Rival::Spindle | Rival::SpindleProxy => command.arg("serve").arg(configuration),
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
/// webserver`, of `Perlbal version 1.80`, of `spindle 0.1.0 (memcached 1.6.45 compatible)`.
fn version(program: &str, said: &str) -> String {
    let words = said.split(|byte: char| byte == '/' || byte.is_whitespace());
    let mut numbers = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    format!("{program} {}", numbers.next().unwrap_or("of an unknown version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::template::Values;

    #[test]
    fn versions_as_they_say_them() {
        for (said, expected) in [
            ("nginx version: nginx/1.22.1\n", "nginx 1.22.1"),
            ("lighttpd/1.4.69 (ssl) - a light and fast webserver\n", "nginx 1.4.69"),
            ("HAProxy version 2.6.12-1+deb12u4 2026/01/01 - https://haproxy.org/\n", "nginx 2.6.12-1+deb12u4"),
            ("Perlbal version 1.80", "nginx 1.80"),
            ("spindle 0.1.0 (memcached 1.6.45 compatible)\n", "nginx 0.1.0"),
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

    #[test]
    fn spindle_is_the_binary_that_is_named_and_no_other() {
        let unnamed = Options { missing: Missing::Install, ..Options::default() };
        let error = Rival::Spindle.find(&unnamed).unwrap_err();
        assert!(matches!(error, FilesError::Unnamed { rival: "Spindle" }), "{error}");
        let named = Options { spindle: Some("/no/such/spindle".into()), ..unnamed };
        let error = Rival::Spindle.find(&named).unwrap_err();
        assert!(matches!(&error, FilesError::Unrunnable { binary, .. } if binary.ends_with("spindle")), "{error}");
    }

    #[test]
    fn spindle_passes_on_what_its_file_says() {
        let rival = Rival::SpindleProxy;
        let found = Found { rival, binary: "/bin/spindle".into(), version: String::new(), behind: None };
        let command = found.command(Path::new("/tmp/configuration"));
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["serve", "/tmp/configuration"]);
        let mut values = Values::default();
        values.set("address", "127.0.0.1:8080").unwrap();
        values.set("backend", "127.0.0.1:80").unwrap();
        values.set("clients", 16_384).unwrap();
        let filled = values.fill(found.template()).unwrap();
        let told: Vec<&str> = filled.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let expected = [
            "[proxy]",
            "listen = [\"127.0.0.1:8080\"]",
            "backends = [\"127.0.0.1:80\"]",
            "cores = 1",
            "connections_max = 16384",
            "backend_connections_max = 16384",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn spindle_serves_what_its_file_says() {
        let found =
            Found { rival: Rival::Spindle, binary: "/bin/spindle".into(), version: String::new(), behind: None };
        let command = found.command(Path::new("/tmp/configuration"));
        assert_eq!(command.get_args().collect::<Vec<_>>(), ["serve", "/tmp/configuration"]);
        let mut values = Values::default();
        values.set("address", "127.0.0.1:7500").unwrap();
        values.set("root", "/srv/files").unwrap();
        values.set("clients", 16_384).unwrap();
        let filled = values.fill(found.template()).unwrap();
        let told: Vec<&str> = filled.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        let expected = [
            "[files]",
            "listen = [\"127.0.0.1:7500\"]",
            "root = \"/srv/files\"",
            "cores = 1",
            "connections_max = 16384",
            "promise = \"written\"",
        ];
        assert_eq!(told, expected);
    }
}
