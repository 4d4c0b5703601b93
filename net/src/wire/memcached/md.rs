//! `md`: meta delete. Takes an item away, or its value, or only its freshness.

use super::flags::{self, Flag, FlagFault, MetaFlags};
use super::key::MetaKey;
use super::ms::MetaStatus;
use super::refusal::Refusal;
use super::request::{Fault, Request};
use super::token::Tokens;

/// Answered by [`write_reply`]. [`Flag::Invalidate`] keeps the item and marks it stale; only then does `ttl` count.
/// [`Flag::RemoveValue`] leaves an empty item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaDelete<'a> {
    pub key: MetaKey<'a>,
    pub flags: MetaFlags<'a>,
}

pub(super) fn parse<'a>(mut args: Tokens<'a>) -> Result<Request<'a>, Fault> {
    let key = args.next().ok_or(Refusal::BadCommandLine)?;
    let (key, flags) = flags::read(key, args, 2).map_err(FlagFault::into_fault)?;
    flags.check_opaque()?;
    Ok(Request::MetaDelete(MetaDelete { key, flags }))
}

impl MetaDelete<'_> {
    /// Appends the request line.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"md ");
        out.extend_from_slice(self.key.text());
        self.flags.write(out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the answer.
pub fn write_reply(out: &mut Vec<u8>, request: &MetaDelete, status: MetaStatus) {
    if status == MetaStatus::Hd && request.flags.has(Flag::Quiet) {
        return;
    }
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

    fn reply(line: &str, status: MetaStatus) -> String {
        let Request::MetaDelete(delete) = request(line) else { panic!("{line}") };
        let mut out = Vec::new();
        write_reply(&mut out, &delete, status);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_key_and_flags() {
        let Request::MetaDelete(delete) = request("md key I T30 C5 x\r\n") else { panic!() };
        assert_eq!(delete.key, MetaKey::plain(b"key"));
        assert!(delete.flags.has(Flag::Invalidate) && delete.flags.has(Flag::RemoveValue));
        assert_eq!((delete.flags.exptime(Flag::Ttl), delete.flags.number(Flag::CompareCas)), (Some(30), Some(5)));
    }

    #[test]
    fn malformed_lines() {
        refused("md\r\n", Refusal::BadCommandLine);
        refused(&format!("md {}\r\n", "k".repeat(251)), Refusal::BadCommandLine);
        refused("md k q q\r\n", Refusal::DuplicateFlag);
        refused("md k Z\r\n", Refusal::InvalidFlag);
        refused("md k Cx\r\n", Refusal::BadToken);
    }

    #[test]
    fn replies() {
        assert_eq!(reply("md k\r\n", MetaStatus::Hd), "HD\r\n");
        assert_eq!(reply("md k q\r\n", MetaStatus::Hd), "");
        assert_eq!(reply("md k q k Oabc\r\n", MetaStatus::Nf), "NF kk Oabc\r\n");
        assert_eq!(reply("md Zm9v b k c\r\n", MetaStatus::Ex), "EX kZm9v b\r\n");
    }
}
