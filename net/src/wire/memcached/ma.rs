//! `ma`: meta arithmetic. `incr` and `decr`, with a start value for an item that is missing.

use super::arithmetic::Direction;
use super::flags::{self, Flag, FlagFault, MetaFlags};
use super::key::MetaKey;
use super::mg::{Ttl, write_fact, write_ttl};
use super::ms::MetaStatus;
use super::number;
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::token::Tokens;

/// Answered by [`write_number`] or [`write_failure`]. [`MetaFlags::vivify`] creates a missing item from `initial`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaArithmetic<'a> {
    pub key: MetaKey<'a>,
    /// `M`: `I` or `+` is up, and so is nothing; `D` or `-` is down.
    pub direction: Direction,
    /// `D`, or 1.
    pub delta: u64,
    /// `J`, or 0.
    pub initial: u64,
    pub flags: MetaFlags<'a>,
}

/// The number that came out, and the facts of its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaNumber {
    pub value: u64,
    pub cas: u64,
    pub ttl: Ttl,
}

pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let (key, flags) = flags::read(key, args, 2).map_err(|bad| match bad {
        FlagFault::Line => bad.into_fault(),
        FlagFault::Flags(_) => Refusal::InvalidOrDuplicateFlag.into(),
    })?;
    let direction = match flags.mode {
        None | Some(b'I' | b'+') => Direction::Up,
        Some(b'D' | b'-') => Direction::Down,
        Some(_) => return Err(Refusal::InvalidArithmeticMode.into()),
    };
    flags.check_opaque()?;
    let (delta, initial) = (flags.delta.unwrap_or(1), flags.initial.unwrap_or(0));
    Ok(Request::MetaArithmetic(MetaArithmetic { key, direction, delta, initial, flags }))
}

impl MetaArithmetic<'_> {
    /// Appends the request line; direction, delta and initial value are the ones in the flags.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ma ");
        out.extend_from_slice(self.key.text());
        self.flags.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the answer with a number: its line, and the number where [`Flag::ReturnValue`] asks for it. Nothing, where
/// [`Flag::Quiet`] is set.
pub fn write_number(out: &mut Vec<u8>, request: &MetaArithmetic, number: &MetaNumber) {
    if request.flags.has(Flag::Quiet) {
        return;
    }
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number.value).as_bytes();
    let with_value = request.flags.has(Flag::ReturnValue);
    if with_value {
        out.extend_from_slice(b"VA ");
        number::write(out, digits.len());
    } else {
        out.extend_from_slice(b"HD");
    }
    let mut ttl_secs = number.ttl.before_secs;
    for (flag, value) in request.flags.iter() {
        ttl_secs = number.ttl.seen_after(flag).unwrap_or(ttl_secs);
        match flag {
            Flag::ReturnCas => write_fact(out, b" c", number.cas),
            Flag::ReturnTtl => write_ttl(out, ttl_secs),
            _ => MetaFlags::write_reflected(out, flag, value, &request.key, request.key.encoding()),
        }
    }
    if with_value {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(digits);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the answer without a number: [`MetaStatus::Nf`], [`MetaStatus::Ex`] or [`MetaStatus::Ns`].
pub fn write_failure(out: &mut Vec<u8>, request: &MetaArithmetic, status: MetaStatus) {
    out.extend_from_slice(status.code());
    for (flag, value) in request.flags.iter() {
        MetaFlags::write_reflected(out, flag, value, &request.key, request.key.encoding());
    }
    out.extend_from_slice(b"\r\n");
}
