//! How a backend answers one request.

use spindle_core::simulator::Random;

use crate::backend::Character;
use crate::ledger::{self, Expectation, Method, Request, Version};
use crate::script::in_chunks;

/// When the answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Whole,
    /// With so many bytes of the body, and it reads on meanwhile.
    Early {
        bytes: usize,
    },
    /// It reads on when all is said.
    EarlyAndReadsLater {
        bytes: usize,
    },
    /// It reads no more, and closes when all is said: what it said may be lost by that.
    EarlyAndHangsUp {
        bytes: usize,
    },
}

impl When {
    pub(crate) fn early_bytes(self) -> Option<usize> {
        match self {
            When::Whole => None,
            When::Early { bytes } | When::EarlyAndReadsLater { bytes } | When::EarlyAndHangsUp { bytes } => Some(bytes),
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// In the place of an answer.
    Closes,
    Resets,
    /// It says nothing.
    Silent,
    /// It reads nothing more, and says nothing.
    Deaf,
    /// In the middle of the answer.
    ClosesWithin,
    ResetsWithin,
    Stalls,
    /// It says something that is no HTTP.
    Garbage,
}

/// How the end of the answer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Sized,
    Chunked,
    UntilEnd,
    /// 204: there is nothing.
    NoContent,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    interim: Vec<u16>,
    pub(crate) when: When,
    pub(crate) form: Form,
    pub(crate) version: Version,
    says_close: bool,
    pub(crate) due_ns: u64,
    pub(crate) trouble: Option<Trouble>,
}

impl Plan {
    pub(crate) fn random(request: &Request, character: Character, random: &mut Random) -> Plan {
        let is_fickle = character == Character::Fickle;
        let trouble = (is_fickle && random.chance(30)).then(|| trouble(random));
        let bytes = random.below(request.body_bytes + 1);
        let when = match random.below(12) {
            _ if request.form == ledger::Form::None || request.body_bytes == 0 => When::Whole,
            0 => When::Early { bytes },
            1..=2 => When::EarlyAndReadsLater { bytes },
            3 if is_fickle && trouble.is_none() => When::EarlyAndHangsUp { bytes },
            _ => When::Whole,
        };
        // Who waits to be told to go on is told by a sound one, which HTTP/1.0 could not.
        let may_be_old = is_fickle || request.expectation != Expectation::Waits;
        let version = if may_be_old && random.chance(10) { Version::Http10 } else { Version::Http11 };
        let form = match random.below(10) {
            0 => Form::NoContent,
            1..=3 if version == Version::Http11 => Form::Chunked,
            4 => Form::UntilEnd,
            _ => Form::Sized,
        };
        let trouble = match trouble {
            // The end of its connection is the end of the answer: nobody could know.
            Some(Trouble::ClosesWithin) if form == Form::UntilEnd => Some(Trouble::ResetsWithin),
            trouble => trouble,
        };
        let mut interim = Vec::new();
        if version == Version::Http11 {
            let waits = request.expectation != Expectation::Nothing;
            if waits && (!is_fickle || random.chance(60)) {
                interim.push(100);
            }
            (0..random.below(8).saturating_sub(5)).for_each(|_| interim.push([100, 102, 103][random.below(3)]));
        }
        let says_close = random.chance(8);
        Plan { interim, when, form, version, says_close, due_ns: 0, trouble }
    }

    pub(crate) fn interim(&self) -> Vec<u8> {
        self.interim
            .iter()
            .flat_map(|status| format!("HTTP/1.1 {status} Wait\r\nX-A: b\r\n\r\n").into_bytes())
            .collect()
    }

    /// Whether it is the last answer of its connection.
    pub(crate) fn closes(&self) -> bool {
        self.says_close || self.form == Form::UntilEnd || matches!(self.when, When::EarlyAndHangsUp { .. })
    }

    /// The final answer; `body` is what came of the request's, if that was all. Short where there is trouble.
    pub(crate) fn answer(&self, request: &Request, body: Option<&str>, random: &mut Random) -> Vec<u8> {
        if self.trouble == Some(Trouble::Garbage) {
            return b"220 no HTTP\r\n\r\n".to_vec();
        }
        let version = if self.version == Version::Http10 { "1.0" } else { "1.1" };
        let status = if self.form == Form::NoContent { "204 No Content" } else { "200 OK" };
        let mut head = format!("HTTP/{version} {status}\r\nX-Id: {}\r\n", request.id);
        head.push_str(&format!("X-Method: {}\r\nX-Body: {}\r\n", request.method.name(), body.unwrap_or("early")));
        match self.form {
            Form::Sized => head.push_str(&format!("Content-Length: {}\r\n", request.answer_bytes)),
            Form::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Form::UntilEnd | Form::NoContent => {}
        }
        match (self.closes(), self.version) {
            (true, _) => head.push_str("Connection: close\r\n"),
            (false, Version::Http10) => head.push_str("Connection: keep-alive\r\n"),
            (false, Version::Http11) => {}
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        match self.form {
            _ if request.method == Method::Head => {}
            Form::NoContent => {}
            Form::Chunked => in_chunks(&request.answer(), random, &mut bytes),
            Form::Sized | Form::UntilEnd => bytes.extend(request.answer()),
        }
        if matches!(self.trouble, Some(Trouble::ClosesWithin | Trouble::ResetsWithin | Trouble::Stalls)) {
            bytes.truncate(random.below(bytes.len()));
        }
        bytes
    }
}

fn trouble(random: &mut Random) -> Trouble {
    match random.below(16) {
        0..=1 => Trouble::Closes,
        2..=3 => Trouble::Resets,
        4 => Trouble::Silent,
        5 => Trouble::Deaf,
        6..=9 => Trouble::ClosesWithin,
        10..=12 => Trouble::ResetsWithin,
        13..=14 => Trouble::Stalls,
        _ => Trouble::Garbage,
    }
}
