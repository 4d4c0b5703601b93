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

/// Answered by [`write_number`] or [`write_failure`]. [`Flag::Vivify`] creates a missing item from `initial`.
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
    let direction = match flags.mode() {
        None | Some(b'I' | b'+') => Direction::Up,
        Some(b'D' | b'-') => Direction::Down,
        Some(_) => return Err(Refusal::InvalidArithmeticMode.into()),
    };
    flags.check_opaque()?;
    let (delta, initial) = (flags.number(Flag::Delta).unwrap_or(1), flags.number(Flag::Initial).unwrap_or(0));
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

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, request};
    use super::*;

    const NUMBER: MetaNumber =
        MetaNumber { value: u64::MAX, cas: 9, ttl: Ttl { before_secs: None, after_secs: Some(60), created: false } };

    fn arithmetic(line: &str) -> MetaArithmetic<'_> {
        match request(line) {
            Request::MetaArithmetic(arithmetic) => arithmetic,
            other => panic!("{other:?}"),
        }
    }

    fn number(line: &str) -> String {
        let mut out = Vec::new();
        write_number(&mut out, &arithmetic(line), &NUMBER);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_up_unless_told_otherwise() {
        let plain = arithmetic("ma k\r\n");
        assert_eq!((plain.direction, plain.delta, plain.initial), (Direction::Up, 1, 0));
        let told = arithmetic("ma k MD D18446744073709551615 J13 N60\r\n");
        assert_eq!((told.direction, told.delta, told.initial), (Direction::Down, u64::MAX, 13));
        for (token, direction) in
            [("MI", Direction::Up), ("M+", Direction::Up), ("MD", Direction::Down), ("M-", Direction::Down)]
        {
            assert_eq!(arithmetic(&format!("ma k {token}\r\n")).direction, direction);
        }
    }

    #[test]
    fn malformed_lines() {
        refused("ma\r\n", Refusal::BadCommandLine);
        let long = format!("ma {}\r\n", "k".repeat(251));
        for line in [&long, "ma k v v\r\n", "ma k S\r\n", "ma k Dx\r\n", "ma k J-1\r\n", "ma k Tx\r\n", "ma ! b\r\n"] {
            refused(line, Refusal::InvalidOrDuplicateFlag);
        }
        for line in ["ma k M\r\n", "ma k Mi\r\n", "ma k MX\r\n"] {
            refused(line, Refusal::InvalidArithmeticMode);
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(number("ma k\r\n"), "HD\r\n");
        assert_eq!(number("ma k v\r\n"), "VA 20\r\n18446744073709551615\r\n");
        assert_eq!(number("ma k c t T60 Oabc k v\r\n"), "VA 20 c9 t-1 Oabc kk\r\n18446744073709551615\r\n");
        assert_eq!(number("ma k T60 t\r\n"), "HD t60\r\n");
        assert_eq!(number("ma k q v\r\n"), "");
    }

    #[test]
    fn failures_are_never_quiet() {
        let mut out = Vec::new();
        write_failure(&mut out, &arithmetic("ma k q k Oabc\r\n"), MetaStatus::Nf);
        write_failure(&mut out, &arithmetic("ma k v c\r\n"), MetaStatus::Ex);
        write_failure(&mut out, &arithmetic("ma k\r\n"), MetaStatus::Ns);
        assert_eq!(out, b"NF kk Oabc\r\nEX\r\nNS\r\n");
    }
}
