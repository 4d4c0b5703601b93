//! The requests of operators and their tools.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use spindle_core::Parcel;
use spindle_net::wire::memcached::admin::{Admin, AdminCommand, MemlimitReply, OK, ShutdownMode, write_version};
use spindle_net::wire::memcached::{Refusal, Request};

use super::classic::reply;
use super::session::Session;
use super::stats;
use crate::lifecycle::signals::{self, Stop};
use crate::settings::decided::{Permission, Switch};

/// What `version` says: the memcached whose wire this is.
pub const VERSION: &str = "1.6.45";

/// `verbosity` above this is taken for it.
const VERBOSITY_MAX: u32 = 2;

const CRAWLER_SLEEP_MICROSECONDS_MAX: u64 = 1_000_000;

const MEGABYTES_MIN: u32 = 8;
const MEGABYTES_MAX: u32 = 1_000_000_000;

pub fn serve(session: &Session<'_>, request: &Request<'_>, parcel: &mut Parcel) {
    let service = session.service;
    match request {
        Request::Version => write_version(&mut parcel.bytes, VERSION),
        Request::Stats(request) => stats::answer(session, request, parcel),
        Request::Verbosity(request) => {
            service.verbosity.store(request.level.min(VERBOSITY_MAX), Relaxed);
            reply(parcel, request.answer, OK);
        }
        Request::FlushAll(request) => {
            session.counters.cmd_flush.add(1);
            if service.settings.flush_command == Permission::Refused {
                return reply(parcel, request.answer, Refusal::FlushNotAllowed.line());
            }
            // A delay that is over, or none: now.
            let at = session.expiry(request.exptime).seconds().filter(|&second| second > session.now);
            service.cache.flush(at, session.now);
            reply(parcel, request.answer, OK);
        }
        Request::CacheMemlimit(request) => {
            let outcome = match request.megabytes {
                ..MEGABYTES_MIN => MemlimitReply::TooSmall,
                MEGABYTES_MIN..=MEGABYTES_MAX => {
                    let bytes = request.megabytes as usize * (1 << 20);
                    match service.cache.set_memory_limit(bytes) {
                        Ok(()) => MemlimitReply::Adjusted,
                        Err(_) => MemlimitReply::OutOfBounds,
                    }
                }
                _ => MemlimitReply::NotMegabytes,
            };
            reply(parcel, request.answer, outcome.line());
        }
        Request::Shutdown(request) => {
            if service.settings.shutdown_command == Permission::Refused {
                return reply(parcel, request.answer, Refusal::ShutdownNotEnabled.line());
            }
            let stop = match request.mode {
                ShutdownMode::Immediate => Stop::Now,
                ShutdownMode::Graceful => Stop::Graceful,
                ShutdownMode::Unknown => return reply(parcel, request.answer, Refusal::InvalidShutdownMode.line()),
            };
            if let Err(errno) = signals::request(stop) {
                tracing::error!(%errno, "the shutdown command could not signal its own process");
            }
        }
        Request::Admin(request) => machinery(session, request, parcel),
        _ => {}
    }
}

/// Commands that tune memcached's own machinery. Here there are no LRU lists to tune, no crawler to start and no pages to
/// move by hand: what merely tunes is accepted, what would show something is refused.
fn machinery(session: &Session<'_>, request: &Admin<'_>, parcel: &mut Parcel) {
    let mut args = request.args;
    let subject = args.next().unwrap_or_default();
    let watch_refused = session.service.settings.watch_command == Permission::Refused;
    let line: &[u8] = match (request.command, subject) {
        (AdminCommand::Slabs, b"automove") if args.next().is_some() => OK,
        (AdminCommand::Slabs, b"reassign") => Refusal::SlabReassignDisabled.line(),
        (AdminCommand::Lru, b"mode") if matches!(args.next(), Some(b"flat" | b"segmented")) => OK,
        (AdminCommand::Lru, b"tune" | b"temp_ttl") if args.next().is_some() => OK,
        (AdminCommand::LruCrawler, b"enable" | b"disable") => OK,
        (AdminCommand::LruCrawler, b"sleep") => match args.next().and_then(number) {
            Some(..=CRAWLER_SLEEP_MICROSECONDS_MAX) => OK,
            Some(_) => b"CLIENT_ERROR sleep must be one second or less\r\n",
            None => Refusal::Error.line(),
        },
        (AdminCommand::LruCrawler, b"tocrawl" | b"crawl") if args.next().is_some() => OK,
        (AdminCommand::LruCrawler, b"metadump" | b"mgdump") => Refusal::LruCrawlerDisabled.line(),
        (AdminCommand::Watch, _) if watch_refused => Refusal::WatchNotAllowed.line(),
        _ => Refusal::Error.line(),
    };
    reply(parcel, request.answer, line);
}

fn number(token: &[u8]) -> Option<u64> {
    std::str::from_utf8(token).ok()?.parse().ok()
}

/// Whether clients see cas ids.
pub fn cas_enabled(session: &Session<'_>) -> &'static str {
    match session.service.settings.cas {
        Switch::On => "yes",
        Switch::Off => "no",
    }
}
