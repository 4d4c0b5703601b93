//! The toy's whole knowledge of a protocol: how many requests a stretch of bytes completes, and the canned replies.
//!
//! A connection whose first byte is `s` speaks sets (a command line and a data line make one request, answered
//! `STORED`); any other connection speaks gets (one line, one value of 100 bytes). Nothing else is looked at, so that
//! what is measured is the kernel and not a parser.
#![forbid(unsafe_code)]

const GET_REPLY: &[u8; 135] = b"VALUE key_0000000000 0 100\r\n\
0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\nEND\r\n";
const SET_REPLY: &[u8; 8] = b"STORED\r\n";

/// What a connection asks for, decided by its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Work {
    #[default]
    Get,
    Set,
}

impl Work {
    /// Length of one reply, bytes.
    pub fn reply_bytes(self) -> usize {
        match self {
            Work::Get => GET_REPLY.len(),
            Work::Set => SET_REPLY.len(),
        }
    }

    /// Fills `out` with as many whole replies as fit, one copy each, as a server with different values would.
    pub fn write_replies(self, out: &mut [u8]) {
        match self {
            Work::Get => out.chunks_exact_mut(GET_REPLY.len()).for_each(|reply| reply.copy_from_slice(GET_REPLY)),
            Work::Set => out.chunks_exact_mut(SET_REPLY.len()).for_each(|reply| reply.copy_from_slice(SET_REPLY)),
        }
    }
}

/// Where in a request a connection's bytes stopped. A partial line needs no memory: its newline is still to come.
#[derive(Clone, Copy, Debug, Default)]
pub enum Lines {
    #[default]
    Fresh,
    Gets,
    SetsAtCommand,
    SetsAtData,
}

impl Lines {
    /// The requests that `bytes` (not empty) completes, and what they ask for.
    pub fn count(&mut self, bytes: &[u8]) -> (Work, u64) {
        let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
        if let Lines::Fresh = self {
            *self = if bytes[0] == b's' { Lines::SetsAtCommand } else { Lines::Gets };
        }
        let halves = match self {
            Lines::Fresh | Lines::Gets => return (Work::Get, newlines),
            Lines::SetsAtCommand => newlines,
            Lines::SetsAtData => newlines + 1,
        };
        *self = if halves % 2 == 0 { Lines::SetsAtCommand } else { Lines::SetsAtData };
        (Work::Set, halves / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gets_are_counted_across_splits() {
        let input = b"get a\r\nget b\r\nget c\r\n";
        for cut in 1..input.len() {
            let mut lines = Lines::default();
            let (first, second) = input.split_at(cut);
            assert_eq!(lines.count(first).1 + lines.count(second).1, 3, "cut at {cut}");
        }
    }

    #[test]
    fn sets_are_two_lines_across_splits() {
        let input = b"set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\n";
        for cut in 1..input.len() {
            let mut lines = Lines::default();
            let (first, second) = input.split_at(cut);
            let (left, right) = (lines.count(first), lines.count(second));
            assert_eq!((left.0, left.1 + right.1), (Work::Set, 2), "cut at {cut}");
        }
    }

    #[test]
    fn replies_fill_whole_slots() {
        let mut out = vec![0; Work::Get.reply_bytes() * 3];
        Work::Get.write_replies(&mut out);
        assert_eq!(out.windows(5).filter(|end| end == b"END\r\n").count(), 3);
    }
}
