//! The mirror: every get is a hit, of its own key with one canned value, and nothing is kept of what is set. So a load that
//! checks keys and lengths finds nothing wrong, and is measured against a server that has next to nothing to do.
#![forbid(unsafe_code)]

use crate::requests::{self, Request};

/// What follows the key.
const REST: &[u8] = b" 0 100\r\n\
0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\nEND\r\n";

/// As [`requests::answer`] has it.
pub fn answer(partial: &mut Vec<u8>, bytes: &[u8], replies: &mut Vec<u8>) {
    requests::answer(partial, bytes, replies, |request, replies| match *request {
        Request::Get { key } => [b"VALUE ", key, REST].iter().for_each(|part| replies.extend_from_slice(part)),
        Request::Set { .. } => replies.extend_from_slice(b"STORED\r\n"),
        Request::Unknown => replies.extend_from_slice(b"ERROR\r\n"),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_asked_for_is_there_wherever_the_bytes_are_split() {
        let input = b"set a 0 0 1\r\nx\r\nget b\r\nstats\r\n";
        for cut in 0..=input.len() {
            let (mut partial, mut replies) = (Vec::new(), Vec::new());
            answer(&mut partial, &input[..cut], &mut replies);
            answer(&mut partial, &input[cut..], &mut replies);
            assert_eq!(replies, [b"STORED\r\nVALUE b", REST, b"ERROR\r\n"].concat(), "cut at {cut}");
        }
    }
}
