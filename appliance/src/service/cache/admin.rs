//! The requests of operators and their tools.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use spindle_core::Parcel;
use spindle_net::wire::memcached::admin::{MemlimitReply, OK, ShutdownMode, write_version};
use spindle_net::wire::memcached::{Refusal, Request};

use super::classic::reply;
use super::session::Session;
use super::{machinery, stats};
use crate::lifecycle::events;
use crate::lifecycle::signals::{self, Stop};
use crate::settings::decided::{Permission, Switch, Verbosity};

/// What `version` says: the memcached whose wire this is.
pub const VERSION: &str = "1.6.45";

/// A higher `verbosity` is taken for this.
const VERBOSITY_MAX: Verbosity = Verbosity::Commands;

const MEGABYTES_MIN: u32 = 8;
const MEGABYTES_MAX: u32 = 1_000_000_000;

pub fn serve(session: &Session<'_>, request: &Request<'_>, parcel: &mut Parcel) {
    let service = session.service;
    match request {
        Request::Version => write_version(&mut parcel.bytes, VERSION),
        Request::Stats(request) => stats::answer(session, request, parcel),
        Request::Verbosity(request) => {
            let verbosity = match request.level {
                0 => Verbosity::Quiet,
                1 => Verbosity::Errors,
                _ => VERBOSITY_MAX,
            };
            service.verbosity.store(verbosity as u32, Relaxed);
            events::change(verbosity);
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
        Request::Admin(request) => {
            reply(parcel, request.answer, machinery::answer(&service.settings, request.command, request.args));
        }
        _ => {}
    }
}

/// Whether clients see cas ids.
pub fn cas_enabled(session: &Session<'_>) -> &'static str {
    match session.service.settings.cas {
        Switch::On => "yes",
        Switch::Off => "no",
    }
}
