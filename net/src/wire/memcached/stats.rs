//! `stats [subject ...]`: counters, a line each.

use super::number;
use super::request::Request;
use super::token::Tokens;

/// Answered by `STAT` lines and [`super::get::END`], or by [`RESET`], or by a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats<'a> {
    /// The words after `stats`. None: the general counters.
    pub args: Tokens<'a>,
}

/// The answer to `stats reset`.
pub const RESET: &[u8] = b"RESET\r\n";

pub(super) fn parse(args: Tokens<'_>) -> Request<'_> {
    Request::Stats(Stats { args })
}

/// Appends `STAT <name> <value>`.
pub fn write_text(out: &mut Vec<u8>, name: &str, value: &str) {
    write_name(out, name);
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `STAT <name> <value>`.
pub fn write_number(out: &mut Vec<u8>, name: &str, value: impl itoa::Integer) {
    write_name(out, name);
    number::write(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends `STAT <prefix><class>:<name> <value>`: a size class's counter. The prefix is `items:` in `stats items` and
/// nothing in `stats slabs`.
pub fn write_class_number(out: &mut Vec<u8>, prefix: &str, class: u32, name: &str, value: impl itoa::Integer) {
    out.extend_from_slice(b"STAT ");
    out.extend_from_slice(prefix.as_bytes());
    number::write(out, class);
    out.push(b':');
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    number::write(out, value);
    out.extend_from_slice(b"\r\n");
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"STAT ");
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
}

#[cfg(test)]
mod tests {
    use super::super::testing::request;
    use super::*;

    #[test]
    fn the_subject_is_the_words_after_the_command() {
        for (line, expected) in [
            ("stats\r\n", vec![]),
            ("stats items\r\n", vec!["items"]),
            ("stats cachedump 1 0\n", vec!["cachedump", "1", "0"]),
        ] {
            let Request::Stats(stats) = request(line) else { panic!("{line}") };
            assert_eq!(stats.args.map(|arg| str::from_utf8(arg).unwrap()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn lines() {
        let mut out = Vec::new();
        write_text(&mut out, "version", "1.6.45");
        write_number(&mut out, "bytes", u64::MAX);
        write_class_number(&mut out, "items:", 3, "number", 7u32);
        write_class_number(&mut out, "", 63, "chunk_size", 96u32);
        let expected = "STAT version 1.6.45\r\nSTAT bytes 18446744073709551615\r\n\
            STAT items:3:number 7\r\nSTAT 63:chunk_size 96\r\n";
        assert_eq!(str::from_utf8(&out).unwrap(), expected);
    }
}
