//! Whom a ladder of loads is for: caches, servers of files or scenarios, all of one kind.
//!
//! What is asked of them is said by the flags of `load cache` or `load http`, or by the file alone. The command line takes
//! those of all kinds; then each target's are read by the parser of its own kind, which knows what they are without being
//! typed.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::Path;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use spindle_perf::load::Plan;
use spindle_perf::sweep::offer;

use super::cache::CacheClassArguments;
use super::http::HttpClassArguments;
use super::refusal::{Argument, Refusal};
use super::run::RunArguments;
use super::scenario::{ScenarioArguments, ScenarioError};

const HELP: &str = "A cache: HOST:PORT, a server of files: http://HOST:PORT/PATH, or a scenario: FILE.toml, which says \
                    itself what is asked. NAME=TARGET is called NAME in the results";
/// What means nothing where the loads are many.
const OF_ONE_LOAD: [&str; 2] = ["rate", "closed"];

/// One server, or several in a scenario, and what is asked.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: String,
    /// At a load that is none of the ladder's.
    pub plan: Plan,
}

/// Why nothing can be asked of a target.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// The targets of a command line, at least one.
#[derive(Clone, Debug)]
pub struct TargetsArguments {
    targets: Vec<(String, Asking)>,
    run: RunArguments,
}

/// What is asked of a target, as its kind reads it.
#[derive(Clone, Debug)]
enum Asking {
    Cache(Box<CacheClassArguments>),
    Http(Box<HttpClassArguments>),
    Scenario(Box<ScenarioArguments>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cache,
    Http,
    Scenario,
}

/// `ADDRESS` or `NAME=ADDRESS`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Typed {
    name: String,
    address: String,
    kind: Kind,
}

impl TargetsArguments {
    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// The targets, for loads from `from` to `to` requests a second.
    ///
    /// # Errors
    /// One that does not answer, has the name of another, or cannot be offered such loads; values that cannot be.
    pub fn decide(&self, (from, to): (f64, f64)) -> Result<Vec<Target>, TargetError> {
        let mut targets: Vec<Target> = Vec::new();
        for (name, asking) in &self.targets {
            if targets.iter().any(|other| other.name == *name) {
                let why = "two targets are called so: call one NAME=TARGET";
                return Err(Refusal::new(Argument::Server, name, why).into());
            }
            let plan = match asking {
                Asking::Cache(class) => self.run.plan(vec![class.decide("cache")?]),
                Asking::Http(class) => self.run.plan(vec![class.decide("http")?]),
                Asking::Scenario(scenario) => scenario.decide()?,
            };
            offer::check(&plan, from, to).map_err(|why| Refusal::new(Argument::Server, name, why))?;
            targets.push(Target { name: name.clone(), plan });
        }
        Ok(targets)
    }
}

impl Args for TargetsArguments {
    fn augment_args(command: Command) -> Command {
        let targets = Arg::new("targets").value_name("TARGET").help(HELP).required(true);
        // Figures that are to be compared need their time.
        RunArguments::augment_args(command)
            .mut_arg("seconds", |arg| arg.default_value("20"))
            .mut_arg("warm_up", |arg| arg.default_value("5"))
            .arg(targets.num_args(1..).action(ArgAction::Append).value_parser(Typed::read))
            .args(flags())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for TargetsArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<TargetsArguments, clap::Error> {
        let typed: Vec<&Typed> = matches.get_many("targets").into_iter().flatten().collect();
        let mut targets = Vec::new();
        for target in &typed {
            if target.kind != typed[0].kind {
                return Err(conflict(mixed(typed[0], target)));
            }
            targets.push((target.name.clone(), target.asking(matches)?));
        }
        Ok(TargetsArguments { targets, run: RunArguments::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Typed {
    fn read(typed: &str) -> Result<Typed, String> {
        // An address may have a = of its own, behind what no name has.
        let is_name = |name: &str| !name.is_empty() && !name.contains(['/', ':']);
        let (name, address) = match typed.split_once('=') {
            Some((name, address)) if is_name(name) => (Some(name), address),
            _ => (None, typed),
        };
        let kind = match address {
            _ if address.contains("://") => Kind::Http,
            _ if address.ends_with(".toml") => Kind::Scenario,
            _ => Kind::Cache,
        };
        let stem = Path::new(address).file_stem().filter(|_| kind == Kind::Scenario);
        let own = stem.map_or(address.into(), |stem| stem.to_string_lossy());
        Ok(Typed { name: name.map_or(own.into_owned(), str::to_owned), address: address.into(), kind })
    }

    /// What the flags of a command line ask of it.
    fn asking(&self, matches: &ArgMatches) -> Result<Asking, clap::Error> {
        let address = self.address.as_str();
        Ok(match self.kind {
            Kind::Cache => Asking::Cache(Box::new(read(matches, address, "is not for caches")?)),
            Kind::Http => Asking::Http(Box::new(read(matches, address, "is not for servers of files")?)),
            Kind::Scenario => {
                let why = "is not for scenarios: the file says what is asked";
                Asking::Scenario(Box::new(read(matches, address, why)?))
            }
        })
    }
}

fn mixed(first: &Typed, other: &Typed) -> String {
    let said = |typed: &Typed| {
        let kind = match typed.kind {
            Kind::Cache => "a cache",
            Kind::Http => "a server of files",
            Kind::Scenario => "a scenario",
        };
        format!("{} is {kind}", typed.address)
    };
    let why = "targets that are compared are of one kind, for they are asked the same";
    format!("{}, and {}: {why}", said(first), said(other))
}

fn conflict(why: String) -> clap::Error {
    clap::Error::raw(ErrorKind::ArgumentConflict, format!("{why}\n"))
}

/// The arguments of one kind, which has one for the address, by its own parser: from those flags that were typed. Of the
/// flags of other kinds it is told `why` they cannot be.
fn read<T: Args>(matches: &ArgMatches, address: &str, why: &str) -> Result<T, clap::Error> {
    let command = command::<T>();
    let is_typed = |flag: &Arg| {
        let id = flag.get_id().as_str();
        matches.try_contains_id(id).unwrap_or(false) && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    let is_known = |flag: &Arg| command.get_arguments().any(|own| own.get_id() == flag.get_id());
    if let Some(foreign) = flags().into_iter().find(|flag| is_typed(flag) && !is_known(flag)) {
        return Err(conflict(format!("--{} {why}", foreign.get_long().unwrap_or_default())));
    }
    let mut given: Vec<OsString> = Vec::new();
    for flag in command.get_arguments().filter(|flag| is_typed(flag)) {
        let long = format!("--{}", flag.get_long().unwrap_or_default());
        match flag.get_action() {
            ArgAction::SetTrue => given.push(long.into()),
            _ => {
                for value in matches.get_raw(flag.get_id().as_str()).into_iter().flatten() {
                    given.extend([long.clone().into(), value.to_owned()]);
                }
            }
        }
    }
    given.extend(["--".into(), address.into()]);
    command.try_get_matches_from(given).and_then(|matches| T::from_arg_matches(&matches))
}

fn command<T: Args>() -> Command {
    let usage = "spindle load sweep|search [OPTIONS] <TARGET>...";
    T::augment_args(Command::new("target").no_binary_name(true).disable_help_flag(true).override_usage(usage))
}

/// All flags that say what is asked, whatever the kind of the targets is.
fn flags() -> Vec<Arg> {
    let of = |command: Command| -> Vec<Arg> {
        let is_one = |arg: &&Arg| !arg.is_positional() && !OF_ONE_LOAD.contains(&arg.get_id().as_str());
        command.get_arguments().filter(is_one).cloned().collect()
    };
    let (caches, mut servers) = (of(command::<CacheClassArguments>()), of(command::<HttpClassArguments>()));
    let mut flags = Vec::new();
    for flag in caches {
        match servers.iter().position(|other| other.get_id() == flag.get_id()) {
            Some(at) => flags.push(of_both(flag, &servers.remove(at))),
            None => flags.push(of_one(flag).help_heading("Of caches")),
        }
    }
    flags.extend(servers.into_iter().map(|flag| of_one(flag).help_heading("Of servers of files")));
    flags
}

/// What was not typed, the parser of the kind knows: here it is only said.
fn of_one(flag: Arg) -> Arg {
    let said = said(&flag);
    flag.default_value(Resettable::Reset).help(said)
}

fn of_both(cache: Arg, server: &Arg) -> Arg {
    let (of_cache, of_server) = (said(&cache), said(server));
    if of_cache == of_server {
        return of_one(cache).help_heading("What is asked");
    }
    let said = format!("{of_cache}. Of servers of files: {of_server}");
    let flag = cache.default_value(Resettable::Reset).help(said).help_heading("What is asked");
    // Each kind reads it in its own way.
    if flag.get_action().takes_values() { flag.value_parser(value_parser!(OsString)) } else { flag }
}

/// The help of a flag, with its default.
fn said(flag: &Arg) -> String {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = flag.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if defaults.is_empty() { help } else { format!("{help} [default: {}]", defaults.join(",")).trim_start().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_have_a_name_before_it() {
        let read = |typed: &str| {
            let Typed { name, address, kind } = Typed::read(typed).unwrap();
            (name, address, kind)
        };
        for (typed, name, address, kind) in [
            ("box:11211", "box:11211", "box:11211", Kind::Cache),
            ("a=box:11211", "a", "box:11211", Kind::Cache),
            ("[::1]:11211", "[::1]:11211", "[::1]:11211", Kind::Cache),
            ("http://box/a=b", "http://box/a=b", "http://box/a=b", Kind::Http),
            ("b=http://box/a=b", "b", "http://box/a=b", Kind::Http),
            ("ftp://box", "ftp://box", "ftp://box", Kind::Http),
            ("night/a=b.toml", "a=b", "night/a=b.toml", Kind::Scenario),
            ("day=night/b.toml", "day", "night/b.toml", Kind::Scenario),
            ("=box:1", "=box:1", "=box:1", Kind::Cache),
        ] {
            assert_eq!(read(typed), (name.into(), address.into(), kind), "{typed}");
        }
    }
}
