//! The commands that ask about, steer or stop the server itself.

use super::number;
use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::{self, Tokens};

/// The answer to whatever has no answer of its own.
pub const OK: &[u8] = b"OK\r\n";

/// `verbosity <level>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verbosity {
    pub level: u32,
    pub answer: Answer,
}

/// `cache_memlimit <megabytes>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheMemlimit {
    /// Saturated: whoever sends more than a `u32` holds meant bytes.
    pub megabytes: u32,
    pub answer: Answer,
}

/// `shutdown [graceful]`. Where the command is not enabled, every mode gets [`Refusal::ShutdownNotEnabled`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shutdown {
    pub mode: ShutdownMode,
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownMode {
    Immediate,
    Graceful,
    /// To be answered by [`Refusal::InvalidShutdownMode`].
    Unknown,
}

/// A command about memcached's own machinery, its arguments as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admin<'a> {
    pub command: AdminCommand,
    pub args: Tokens<'a>,
    pub answer: Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminCommand {
    Slabs,
    Lru,
    LruCrawler,
    /// Never silent: `noreply` here is the name of an unknown log.
    Watch,
    Extstore,
    RefreshCerts,
}

/// How `cache_memlimit` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemlimitReply {
    Adjusted,
    /// Below 8 MB.
    TooSmall,
    /// Above 10^9: surely bytes were meant.
    NotMegabytes,
    OutOfBounds,
}

impl MemlimitReply {
    pub const fn line(self) -> &'static [u8] {
        match self {
            MemlimitReply::Adjusted => OK,
            MemlimitReply::TooSmall => b"MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
            MemlimitReply::NotMegabytes => b"MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n",
            MemlimitReply::OutOfBounds => b"MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n",
        }
    }
}

/// Appends the answer to `version`.
pub fn write_version(out: &mut Vec<u8>, version: &str) {
    out.extend_from_slice(b"VERSION ");
    out.extend_from_slice(version.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `None` for a word that is no command.
pub(super) fn parse<'a>(word: &[u8], mut args: Tokens<'a>, line: &[u8]) -> Result<Option<Request<'a>>, Fault> {
    let answer = token::answer_wanted(line);
    let fault = |refusal| Fault { refusal, answer, swallow_bytes: 0 };
    let number = |token: Option<&[u8]>| token.and_then(number::u32_strict);
    let admin = |command| Request::Admin(Admin { command, args, answer });
    Ok(Some(match word {
        b"verbosity" => {
            let level = number(args.next()).ok_or(fault(Refusal::BadCommandLine))?;
            Request::Verbosity(Verbosity { level, answer })
        }
        b"cache_memlimit" => {
            let megabytes = args.next().and_then(number::u64_lenient).ok_or(fault(Refusal::Error))?;
            let megabytes = u32::try_from(megabytes).unwrap_or(u32::MAX);
            Request::CacheMemlimit(CacheMemlimit { megabytes, answer })
        }
        b"shutdown" => Request::Shutdown(Shutdown { mode: shutdown_mode(args), answer }),
        b"slabs" => admin(AdminCommand::Slabs),
        b"lru" => admin(AdminCommand::Lru),
        b"lru_crawler" => admin(AdminCommand::LruCrawler),
        b"extstore" => admin(AdminCommand::Extstore),
        b"refresh_certs" => admin(AdminCommand::RefreshCerts),
        _ => return Ok(None),
    }))
}

pub(super) fn parse_watch(args: Tokens<'_>) -> Request<'_> {
    Request::Admin(Admin { command: AdminCommand::Watch, args, answer: Answer::Wanted })
}

fn shutdown_mode(mut args: Tokens<'_>) -> ShutdownMode {
    match (args.next(), args.next()) {
        (None, _) => ShutdownMode::Immediate,
        (Some(b"graceful"), None) => ShutdownMode::Graceful,
        _ => ShutdownMode::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    #[test]
    fn commands_without_arguments_ignore_them() {
        for line in ["version\r\n", "version x noreply\r\n", "version\n"] {
            assert_eq!(request(line), Request::Version);
        }
        assert_eq!(request("quit\r\n"), Request::Quit);
        assert_eq!(request("quit now\r\n"), Request::Quit);
        assert_eq!(request("mn\r\n"), Request::MetaNoop);
    }

    #[test]
    fn verbosity() {
        let level = |level, answer| Request::Verbosity(Verbosity { level, answer });
        assert_eq!(request("verbosity 1\r\n"), level(1, Answer::Wanted));
        assert_eq!(request("verbosity 4294967295 noreply\r\n"), level(u32::MAX, Answer::Suppressed));
        for line in ["verbosity\r\n", "verbosity x\r\n", "verbosity -1\r\n", "verbosity 4294967296\r\n"] {
            refused(line, Refusal::BadCommandLine);
        }
        refused_with("verbosity noreply\r\n", Refusal::BadCommandLine, Answer::Suppressed, 0);
    }

    #[test]
    fn cache_memlimit() {
        let limit = CacheMemlimit { megabytes: 64, answer: Answer::Wanted };
        assert_eq!(request("cache_memlimit 64\r\n"), Request::CacheMemlimit(limit));
        let bytes = CacheMemlimit { megabytes: u32::MAX, answer: Answer::Wanted };
        assert_eq!(request("cache_memlimit 8589934592\r\n"), Request::CacheMemlimit(bytes));
        refused("cache_memlimit\r\n", Refusal::Error);
        refused("cache_memlimit x\r\n", Refusal::Error);
        let too_small = b"MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n";
        assert_eq!(MemlimitReply::TooSmall.line(), too_small);
        let not_megabytes = b"MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n";
        assert_eq!(MemlimitReply::NotMegabytes.line(), not_megabytes);
        let out_of_bounds = b"MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n";
        assert_eq!(MemlimitReply::OutOfBounds.line(), out_of_bounds);
        assert_eq!(MemlimitReply::Adjusted.line(), b"OK\r\n");
    }

    #[test]
    fn shutdown() {
        for (line, mode) in [
            ("shutdown\r\n", ShutdownMode::Immediate),
            ("shutdown graceful\r\n", ShutdownMode::Graceful),
            ("shutdown now\r\n", ShutdownMode::Unknown),
            ("shutdown graceful now\r\n", ShutdownMode::Unknown),
        ] {
            assert_eq!(request(line), Request::Shutdown(Shutdown { mode, answer: Answer::Wanted }));
        }
    }

    #[test]
    fn machinery_commands_keep_their_arguments() {
        for (line, command, first) in [
            ("slabs reassign 1 2\r\n", AdminCommand::Slabs, "reassign"),
            ("lru mode flat\r\n", AdminCommand::Lru, "mode"),
            ("lru_crawler metadump all\r\n", AdminCommand::LruCrawler, "metadump"),
            ("watch fetchers\r\n", AdminCommand::Watch, "fetchers"),
            ("extstore item_age 1\r\n", AdminCommand::Extstore, "item_age"),
        ] {
            let Request::Admin(mut admin) = request(line) else { panic!("{line}") };
            assert_eq!((admin.command, admin.args.next()), (command, Some(first.as_bytes())));
        }
        let Request::Admin(admin) = request("refresh_certs\r\n") else { panic!() };
        assert_eq!(admin.command, AdminCommand::RefreshCerts);
    }

    #[test]
    fn version_line() {
        let mut out = Vec::new();
        write_version(&mut out, "1.6.45");
        assert_eq!(out, b"VERSION 1.6.45\r\n");
    }
}
