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

#[inline]
pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let data_bytes = args.next().and_then(number::data_bytes).ok_or(Refusal::BadCommandLine)?;
    let swallow_bytes = data_block::bytes(data_bytes);
    let fault = |refusal| Fault { refusal, answer: Answer::Wanted, swallow_bytes };
    let (key, flags) = flags::read(key, args, 3).map_err(|bad| match bad {
        FlagFault::Line => bad.into_fault(),
        FlagFault::Flags(refusal) => fault(refusal),
    })?;
    let mode = match flags.mode() {
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

#[cfg(test)]
mod tests {
    use super::super::testing::{refused, refused_with, request};
    use super::*;

    fn set(line: &str) -> MetaSet<'_> {
        match request(line) {
            Request::MetaSet(set) => set,
            other => panic!("{other:?}"),
        }
    }

    fn reply(line: &str, status: MetaStatus) -> String {
        let mut out = Vec::new();
        write_reply(&mut out, &set(line), status, 9, 12);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_key_a_length_and_flags() {
        let plain = set("ms key 5 T60 F7 C1\r\n");
        assert_eq!((plain.key, plain.data_bytes, plain.mode), (MetaKey::plain(b"key"), 5, SetMode::Set));
        assert_eq!((plain.flags.exptime(Flag::Ttl), plain.flags.client_flags()), (Some(60), 7));
        assert_eq!(set("ms k 2147483645\n").data_bytes, 2147483645);
        assert_eq!(request("ms k 5\r\n").data_bytes(), Some(5));
    }

    #[test]
    fn modes() {
        for (token, mode) in [
            ("ME", SetMode::Add),
            ("MA", SetMode::Append),
            ("MP", SetMode::Prepend),
            ("MR", SetMode::Replace),
            ("MS", SetMode::Set),
            ("MSx", SetMode::Set),
        ] {
            assert_eq!(set(&format!("ms k 5 {token}\r\n")).mode, mode);
        }
        for token in ["M", "Ms", "MX", "M1"] {
            refused_with(&format!("ms k 5 {token}\r\n"), Refusal::InvalidSetMode, Answer::Wanted, 7);
        }
    }

    #[test]
    fn a_length_that_is_not_one_swallows_nothing() {
        for line in ["ms", "ms k", "ms k x", "ms k -1", "ms k 2147483646", "ms k S5", "ms k 5x v"] {
            refused(&format!("{line}\r\n"), Refusal::BadCommandLine);
        }
        refused("ms k 5 !\r\n", Refusal::BadCommandLine);
    }

    #[test]
    fn other_faults_swallow_the_value() {
        let long = format!("ms {} 5", "k".repeat(251));
        for (line, refusal) in [
            (long.as_str(), Refusal::BadCommandLine),
            ("ms k 5 v v", Refusal::DuplicateFlag),
            ("ms k 5 S5", Refusal::InvalidFlag),
            ("ms k 5 Tx", Refusal::BadToken),
            ("ms k 5 Fx", Refusal::BadCommandLine),
            ("ms !! 5 b", Refusal::BadKeyEncoding),
            ("ms k 5 Oxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", Refusal::OpaqueTooLong),
            ("ms k 5 b c f h k l O q s t u v x I M N1 R1 T1", Refusal::TooManyFlags),
        ] {
            refused_with(&format!("{line}\r\n"), refusal, Answer::Wanted, 7);
        }
    }

    #[test]
    fn replies() {
        assert_eq!(reply("ms k 5\r\n", MetaStatus::Hd), "HD\r\n");
        assert_eq!(reply("ms k 5 Oabc c k s t\r\n", MetaStatus::Hd), "HD Oabc c9 kk s12\r\n");
        assert_eq!(reply("ms Zm9v 5 b k\r\n", MetaStatus::Ns), "NS kZm9v b\r\n");
        assert_eq!(reply("ms k 5 q\r\n", MetaStatus::Hd), "");
        assert_eq!(reply("ms k 5 q\r\n", MetaStatus::Ex), "EX\r\n");
        assert_eq!(reply("ms k 5 q\r\n", MetaStatus::Nf), "NF\r\n");
    }
}
