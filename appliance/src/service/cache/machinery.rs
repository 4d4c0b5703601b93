//! Commands for memcached's own machinery: `slabs`, `lru`, `lru_crawler`, `watch` and the rest. There are no LRU lists to
//! tune here, no crawler to start, no pages to move by hand and no log to watch. So what merely tunes is checked as
//! memcached checks it and accepted without effect, and what would do or show something is refused, in the words in which
//! a memcached refuses whose crawler, mover or watcher is disabled or cannot start.
#![forbid(unsafe_code)]

use std::str::FromStr;

use spindle_net::wire::memcached::Refusal;
use spindle_net::wire::memcached::admin::{AdminCommand, OK};

use crate::settings::CacheSettings;
use crate::settings::decided::Permission;

const CRAWLER_SLEEP_MICROSECONDS_MAX: u32 = 1_000_000;
const AUTOMOVE_WINDOW: std::ops::RangeInclusive<u32> = 3..=1800;
const HOT_AND_WARM_PERCENT_MAX: u32 = 80;

const CRAWLER_NOT_STARTED: &[u8] = b"ERROR failed to start lru crawler thread\r\n";
const CRAWLER_SLEEP_TOO_LONG: &[u8] = b"CLIENT_ERROR sleep must be one second or less\r\n";
const DUMP_NOT_ALLOWED: &[u8] = b"ERROR metadump not allowed\r\n";
const WATCHER_FAILED: &[u8] = b"WATCHER_FAILED failed to add log watcher\r\n";
const AUTOMOVE_WINDOW_OUT_OF_BOUNDS: &[u8] = b"CLIENT_ERROR automove window too low or too high\r\n";
const PERCENTS_TOO_HIGH: &[u8] = b"ERROR hot and warm pcts must not exceed 80\r\n";
const AGE_FACTORS_TOO_LOW: &[u8] = b"ERROR hot/warm age factors must be greater than 0\r\n";

/// The whole answer to a command with these arguments.
pub fn answer<'a>(
    settings: &CacheSettings,
    command: AdminCommand,
    args: impl Iterator<Item = &'a [u8]>,
) -> &'static [u8] {
    let args: Vec<&[u8]> = args.collect();
    match command {
        AdminCommand::Slabs => slabs(&args),
        AdminCommand::Lru => lru(&args),
        AdminCommand::LruCrawler => lru_crawler(settings, &args),
        AdminCommand::Watch if settings.watch_command == Permission::Refused => Refusal::WatchNotAllowed.line(),
        AdminCommand::Watch => watch(&args),
        AdminCommand::Extstore | AdminCommand::RefreshCerts => Refusal::Error.line(),
    }
}

fn slabs(args: &[&[u8]]) -> &'static [u8] {
    match args {
        [b"reassign", _, _] => Refusal::SlabReassignDisabled.line(),
        [b"automove", b"ratio" | b"freeratio", ratio, ..] if number::<f64>(ratio).is_some() => OK,
        [b"automove", b"window", window, ..] => match number(window) {
            Some(window) if AUTOMOVE_WINDOW.contains(&window) => OK,
            Some(_) => AUTOMOVE_WINDOW_OUT_OF_BOUNDS,
            None => Refusal::Error.line(),
        },
        [b"automove", b"ratio" | b"freeratio" | b"window", ..] => Refusal::Error.line(),
        [b"automove", level, ..] => match number(level) {
            Some(0..=2u32) => OK,
            Some(_) => Refusal::Error.line(),
            None => Refusal::BadCommandLine.line(),
        },
        _ => Refusal::Error.line(),
    }
}

fn lru(args: &[&[u8]]) -> &'static [u8] {
    match args {
        [b"tune", hot, warm, hot_factor, warm_factor, ..] => {
            let percents = number::<u32>(hot).zip(number::<u32>(warm));
            let factors = number::<f64>(hot_factor).zip(number::<f64>(warm_factor));
            match percents.zip(factors) {
                None => Refusal::Error.line(),
                Some(((hot, warm), _)) if hot.saturating_add(warm) > HOT_AND_WARM_PERCENT_MAX => PERCENTS_TOO_HIGH,
                Some((_, (hot, warm))) if hot <= 0.0 || warm <= 0.0 => AGE_FACTORS_TOO_LOW,
                Some(_) => OK,
            }
        }
        [b"mode", b"flat" | b"segmented", ..] => OK,
        [b"temp_ttl", seconds, ..] if number::<i32>(seconds).is_some() => OK,
        _ => Refusal::Error.line(),
    }
}

fn lru_crawler(settings: &CacheSettings, args: &[&[u8]]) -> &'static [u8] {
    match args {
        [b"enable"] => CRAWLER_NOT_STARTED,
        [b"disable"] => OK,
        [b"metadump" | b"mgdump", _] if settings.dump_commands == Permission::Refused => DUMP_NOT_ALLOWED,
        [b"crawl" | b"metadump" | b"mgdump", _] => Refusal::LruCrawlerDisabled.line(),
        [b"tocrawl", items] if number::<u32>(items).is_some() => OK,
        [b"sleep", microseconds] => match number(microseconds) {
            Some(..=CRAWLER_SLEEP_MICROSECONDS_MAX) => OK,
            Some(_) => CRAWLER_SLEEP_TOO_LONG,
            None => Refusal::BadCommandLine.line(),
        },
        [b"tocrawl", _] => Refusal::BadCommandLine.line(),
        _ => Refusal::Error.line(),
    }
}

/// The logs that memcached has, none of which is kept here.
const LOGS: &[&[u8]] = &[
    b"fetchers",
    b"mutations",
    b"evictions",
    b"connevents",
    b"deletions",
    b"sysevents",
    b"rawcmds",
    b"proxyreqs",
    b"proxyevents",
    b"proxyuser",
];

fn watch(args: &[&[u8]]) -> &'static [u8] {
    if args.iter().all(|name| LOGS.contains(name)) { WATCHER_FAILED } else { Refusal::Error.line() }
}

fn number<T: FromStr>(token: &[u8]) -> Option<T> {
    std::str::from_utf8(token).ok()?.parse().ok()
}
