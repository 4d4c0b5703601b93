//! memcached's names for what is counted (doc/protocol.txt, "Statistics"), and a few of our own (docs/stats.md).
//!
//! - `stats` is in [`general`],
//! - `stats settings` in [`settings`],
//! - `stats items` and `stats slabs` in [`classes`].
//!
//! Tools ask for memcached's names and give up on an answer that lacks some: what does not exist here, or is not counted,
//! is 0, and docs/stats.md says which are.
#![forbid(unsafe_code)]

pub mod classes;
pub mod general;
pub mod settings;

use std::sync::atomic::Ordering::Relaxed;

use spindle_core::Parcel;
use spindle_net::wire::memcached::Refusal;
use spindle_net::wire::memcached::admin::OK;
use spindle_net::wire::memcached::get::END;
use spindle_net::wire::memcached::stats::{RESET, Stats, write_number, write_text};

use super::session::Session;
use crate::settings::decided::Permission;

/// Answers `stats` and its subjects.
pub fn answer(session: &Session<'_>, request: &Stats<'_>, parcel: &mut Parcel) {
    let mut args = request.args;
    let out = &mut parcel.bytes;
    match args.next() {
        None => general::write(session, out),
        Some(b"reset") => {
            session.service.reset();
            return out.extend_from_slice(RESET);
        }
        Some(b"settings") => settings::write(session, out),
        Some(b"items") => classes::write_items(&session.service.cache.counters(), out),
        Some(b"slabs") => classes::write_slabs(&session.service.cache.counters(), out),
        Some(b"sizes") => write_text(out, "sizes_status", "disabled"),
        Some(b"conns") => conns(session, out),
        // Accepted, and nothing is kept by prefix: there is nothing to dump.
        Some(b"detail") => match args.next() {
            Some(b"on" | b"off") => return out.extend_from_slice(OK),
            Some(b"dump") => {}
            _ => return out.extend_from_slice(Refusal::StatsDetailUsage.line()),
        },
        Some(b"cachedump") if session.service.settings.dump_commands == Permission::Refused => {
            return out.extend_from_slice(Refusal::StatsCachedumpNotAllowed.line());
        }
        // There is no list of a class's items to show the end of, and walking them all would not be O(1): none is shown.
        Some(b"cachedump") if args.next().is_some() && args.next().is_some() => {}
        Some(b"cachedump") => return out.extend_from_slice(Refusal::BadStatsLine.line()),
        Some(_) => return out.extend_from_slice(Refusal::Error.line()),
    }
    out.extend_from_slice(END);
}

/// How many, not which: the connections of other cores cannot be looked at without stopping them.
fn conns(session: &Session<'_>, out: &mut Vec<u8>) {
    write_number(out, "curr_connections", session.service.connections.current.load(Relaxed));
}
