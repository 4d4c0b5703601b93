//! `ms`: meta set. Every way of storing a value, in one command.

use super::flags::{self, Flag, FlagFault, MetaFlags};
use super::key::MetaKey;
use super::mg::write_fact;
use super::refusal::Refusal;
use super::request::{Answer, Fault, Request};
use super::token::Tokens;
use super::{data_block, number};

/// A store. Its value follows the line: `data_bytes` bytes and a terminator. Answered by [`write_reply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaSet<'a> {
    pub key: MetaKey<'a>,
    /// At most [`super::DATA_BYTES_MAX`].
    pub data_bytes: u32,
    pub mode: SetMode,
    pub flags: MetaFlags<'a>,
}

/// `M`. With [`Flag::CompareCas`], set and replace are conditional on the cas id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetMode {
    /// `S`, and where nothing is said.
    Set,
    /// `E`
    Add,
    /// `R`
    Replace,
    /// `A`; with [`Flag::Vivify`] a missing item is created.
    Append,
    /// `P`; with [`Flag::Vivify`] a missing item is created.
    Prepend,
}

/// How a meta command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaStatus {
    /// Done. Not said aloud where [`Flag::Quiet`] is set.
    Hd,
    /// Not stored: the mode's condition does not hold.
    Ns,
    /// The cas id is another.
    Ex,
    /// There is no item.
    Nf,
}

impl MetaStatus {
    pub(super) const fn code(self) -> &'static [u8; 2] {
        match self {
            MetaStatus::Hd => b"HD",
            MetaStatus::Ns => b"NS",
            MetaStatus::Ex => b"EX",
            MetaStatus::Nf => b"NF",
        }
    }
}

pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let data_bytes = args.next().and_then(number::data_bytes).ok_or(Refusal::BadCommandLine)?;
    let swallow_bytes = data_block::bytes(data_bytes);
    let fault = |refusal| Fault { refusal, answer: Answer::Wanted, swallow_bytes };
    let (key, flags) = flags::read(key, args, 3).map_err(|bad| match bad {
        FlagFault::Line => bad.into_fault(),
        FlagFault::Flags(refusal) => fault(refusal),
    })?;
    let mode = match flags.mode {
        None | Some(b'S') => SetMode::Set,
        Some(b'E') => SetMode::Add,
        Some(b'R') => SetMode::Replace,
        Some(b'A') => SetMode::Append,
        Some(b'P') => SetMode::Prepend,
        Some(_) => return Err(fault(Refusal::InvalidSetMode)),
    };
    flags.check_opaque().map_err(fault)?;
    Ok(Request::MetaSet(MetaSet { key, data_bytes, mode, flags }))
}

impl MetaSet<'_> {
    /// Appends the request line; the mode is the one in the flags. The value and `\r\n` come after it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ms ");
        out.extend_from_slice(self.key.text());
        out.push(b' ');
        number::write(out, self.data_bytes);
        self.flags.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the answer. `cas` is the id the item was given, 0 where it was not stored; `value_bytes` is the length of the
/// whole value, what was there before an append or a prepend included.
pub fn write_reply(out: &mut Vec<u8>, request: &MetaSet, status: MetaStatus, cas: u64, value_bytes: u32) {
    if status == MetaStatus::Hd && request.flags.has(Flag::Quiet) {
        return;
    }
    out.extend_from_slice(status.code());
    for (flag, value) in request.flags.iter() {
        match flag {
            Flag::ReturnCas => write_fact(out, b" c", cas),
            Flag::ReturnSize => write_fact(out, b" s", value_bytes),
            _ => MetaFlags::write_reflected(out, flag, value, &request.key, request.key.encoding()),
        }
    }
    out.extend_from_slice(b"\r\n");
}
