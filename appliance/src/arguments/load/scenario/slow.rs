//! `[slow.NAME]`: clients that are slow beside the classes.
#![forbid(unsafe_code)]

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use spindle_perf::load::KEY_BYTES_MAX;
use spindle_perf::load::http::{Url, UrlError};
use spindle_perf::sizes::parse_bytes;
use spindle_perf::slow::{Abort, Again, Behaviour, DownloadTarget, SlowPlan, UploadTarget};

use super::mistake::Mistake;
use super::section::Section;
use crate::arguments::load::cache::{PREFIX_BYTES_MAX, visible};
use crate::arguments::load::number::within;
use crate::arguments::load::run::seconds;
use crate::arguments::load::server::reach;

const CLIENTS_MAX: usize = 60_000;
/// What of the warm-up the clients take to connect, if nothing else is said: what they do to others has begun then.
const RAMP_PART_OF_WARM_UP: f64 = 0.5;

/// A group, as the file says it.
#[derive(Debug)]
pub(super) struct SlowArguments {
    clients: Clients,
    whom: Whom,
    behaviour: Behaviour,
}

/// Whom they ask: the keys are those of classes.
#[derive(Debug)]
enum Whom {
    Http(Url),
    Cache(String),
}

/// What every group has.
#[derive(Debug, Args)]
struct Clients {
    /// Connections at once
    #[arg(long, value_parser = within(1..=CLIENTS_MAX))]
    count: usize,
    /// Seconds after the end of a connection until the client has another one, or never
    #[arg(long, default_value = "1", value_parser = again)]
    again: Again,
    /// Seconds in which they connect, one by one: half of the warm-up without this
    #[arg(long, value_parser = seconds)]
    ramp: Option<Duration>,
    /// What is in their uploads
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What they do: [`Behaviour`], where each is told.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Manner {
    TrickledUpload,
    SlowReader,
    StalledReader,
    SlowHeaders,
    AbortMidBody,
    AbortMidAnswer,
    HalfClose,
    NeverRead,
    Idle,
}

/// How fast.
#[derive(Debug, Args)]
struct Speed {
    /// Bytes a second of each client
    #[arg(long, default_value = "1000", value_parser = at_least_one)]
    bytes_per_second: NonZeroU64,
}

/// How much is uploaded.
#[derive(Debug, Args)]
struct Body {
    #[arg(long, default_value = "1m", value_parser = parse_bytes)]
    body_bytes: u64,
}

/// When they go away, and how.
#[derive(Debug, Args)]
struct Leaving {
    /// Bytes after which they go
    #[arg(long, default_value = "1000", value_parser = parse_bytes)]
    after_bytes: u64,
    /// The end that the server meets: that of the stream (fin), or a reset
    #[arg(long, default_value = "fin")]
    how: Departure,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Departure {
    Fin,
    Reset,
}

/// How they stall.
#[derive(Debug, Args)]
struct Stalling {
    /// Bytes that are read before
    #[arg(long, default_value = "1000", value_parser = parse_bytes)]
    first_bytes: u64,
    /// Seconds
    #[arg(long, default_value = "30", value_parser = seconds)]
    stall: Duration,
    /// Bytes a second of each client, after that
    #[arg(long, default_value = "1m", value_parser = at_least_one)]
    rest_bytes_per_second: NonZeroU64,
}

/// How often they ask.
#[derive(Debug, Args)]
struct Asking {
    /// Of each client
    #[arg(long, default_value = "10", value_parser = at_least_one)]
    requests_per_second: NonZeroU64,
}

/// Where in a cache uploads go: the names are the prefix and the number of the client.
#[derive(Debug, Args)]
struct Upload {
    #[arg(long, value_parser = visible(PREFIX_BYTES_MAX))]
    prefix: String,
}

/// What is asked of a cache.
#[derive(Debug, Args)]
struct Download {
    #[arg(long, value_parser = visible(KEY_BYTES_MAX))]
    key: String,
}

impl SlowArguments {
    pub(super) fn read(mut section: Section<'_>, seed: u64) -> Result<(Section<'_>, SlowArguments), Mistake> {
        let whom = match section.one_of(&["http", "cache"])? {
            "http" => {
                Whom::Http(section.read_word("http", |word| word.parse().map_err(|error: UrlError| error.to_string()))?)
            }
            _ => Whom::Cache(section.read_word("cache", |word| Ok(word.to_owned()))?),
        };
        let manner = section.read_word("behaviour", manner)?;
        let own = [("seed", section.seed(seed).to_string())];
        let clients: Clients = section.read(&own)?;
        let behaviour = behaviour(&mut section, manner, &whom)?;
        section.finish()?;
        Ok((section, SlowArguments { clients, whom, behaviour }))
    }

    pub(super) fn decide(&self, section: &Section<'_>, warm_up: Duration) -> Result<SlowPlan, Mistake> {
        let ramp = self.clients.ramp.unwrap_or(warm_up.mul_f64(RAMP_PART_OF_WARM_UP));
        if ramp > warm_up {
            let why = format!("all are to be there when the warm-up of {} s ends", warm_up.as_secs_f64());
            return Err(section.wrong_at("ramp", why));
        }
        let server = match &self.whom {
            Whom::Http(url) => reach(&url.server()),
            Whom::Cache(server) => reach(server),
        };
        Ok(SlowPlan {
            name: section.name.clone(),
            server: server.map_err(|refusal| section.refused(refusal))?,
            count: self.clients.count,
            behaviour: self.behaviour.clone(),
            again: self.clients.again,
            ramp,
            seed: self.clients.seed,
        })
    }
}

fn behaviour(section: &mut Section<'_>, manner: Manner, whom: &Whom) -> Result<Behaviour, Mistake> {
    Ok(match manner {
        Manner::TrickledUpload => {
            let (to, Body { body_bytes }) = (upload(section, whom)?, section.read(&[])?);
            let Speed { bytes_per_second } = section.read(&[])?;
            Behaviour::TrickledUpload { to, body_bytes, bytes_per_second }
        }
        Manner::SlowReader => {
            let (of, Speed { bytes_per_second }) = (download(section, whom)?, section.read(&[])?);
            Behaviour::SlowReader { of, bytes_per_second }
        }
        Manner::StalledReader => {
            let of = download(section, whom)?;
            let Stalling { first_bytes, stall, rest_bytes_per_second } = section.read(&[])?;
            Behaviour::StalledReader { of, first_bytes, stall, rest_bytes_per_second }
        }
        Manner::SlowHeaders => {
            let (of, Speed { bytes_per_second }) = (download(section, whom)?, section.read(&[])?);
            Behaviour::SlowHeaders { of, bytes_per_second }
        }
        Manner::AbortMidBody => {
            let (to, Body { body_bytes }) = (upload(section, whom)?, section.read(&[])?);
            let Leaving { after_bytes, how } = section.read(&[])?;
            Behaviour::AbortMidBody { to, body_bytes, after_bytes, how: how.into() }
        }
        Manner::AbortMidAnswer => {
            let (of, Leaving { after_bytes, how }) = (download(section, whom)?, section.read(&[])?);
            Behaviour::AbortMidAnswer { of, after_bytes, how: how.into() }
        }
        Manner::HalfClose => Behaviour::HalfClose { of: download(section, whom)? },
        Manner::NeverRead => {
            let (of, Asking { requests_per_second }) = (download(section, whom)?, section.read(&[])?);
            Behaviour::NeverRead { of, requests_per_second }
        }
        Manner::Idle => Behaviour::Idle,
    })
}

/// The folder of the URL, or keys of the group's own.
fn upload(section: &mut Section<'_>, whom: &Whom) -> Result<UploadTarget, Mistake> {
    Ok(match whom {
        Whom::Http(url) => {
            let path_prefix = format!("{}/", url.path.trim_end_matches('/'));
            UploadTarget::Http { host: url.authority.clone(), path_prefix }
        }
        Whom::Cache(_) => {
            let own = [("prefix", format!("{}:", section.name))];
            let Upload { prefix } = section.read(&own)?;
            UploadTarget::Memcached { key_prefix: prefix }
        }
    })
}

fn download(section: &mut Section<'_>, whom: &Whom) -> Result<DownloadTarget, Mistake> {
    Ok(match whom {
        Whom::Http(url) => DownloadTarget::Http { host: url.authority.clone(), path: url.path.clone() },
        Whom::Cache(_) => {
            let Download { key } = section.read(&[])?;
            DownloadTarget::Memcached { key }
        }
    })
}

impl From<Departure> for Abort {
    fn from(how: Departure) -> Abort {
        match how {
            Departure::Fin => Abort::Fin,
            Departure::Reset => Abort::Reset,
        }
    }
}

fn manner(word: &str) -> Result<Manner, String> {
    Manner::from_str(word, false).map_err(|_| {
        let words = Manner::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words: Vec<String> = words.map(|word| word.get_name().to_owned()).collect();
        format!("it is one of {}", words.join(", "))
    })
}

fn again(word: &str) -> Result<Again, String> {
    match word {
        "never" => Ok(Again::Never),
        _ => seconds(word).map(Again::After).map_err(|why| format!("{why}, or never")),
    }
}

fn at_least_one(word: &str) -> Result<NonZeroU64, String> {
    let number = parse_bytes(word).ok().and_then(NonZeroU64::new);
    number.ok_or_else(|| "it is a number from 1 on, with k, m or g".into())
}
