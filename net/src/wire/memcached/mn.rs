//! `mn`: no operation. Its answer shows that everything before it has been answered; words after it are ignored.

/// The answer.
pub const MN: &[u8] = b"MN\r\n";

/// Appends the request line.
pub fn write_request(out: &mut Vec<u8>) {
    out.extend_from_slice(b"mn\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::Request;
    use super::super::testing::{refused, request};
    use super::super::{Refusal, mn};

    #[test]
    fn words_after_it_are_ignored() {
        assert_eq!(request("mn\r\n"), Request::MetaNoop);
        assert_eq!(request("mn q ! noreply\r\n"), Request::MetaNoop);
        refused("mnx\r\n", Refusal::Error);
        refused("mn\n", Refusal::BadCommandLine);
        let mut out = Vec::new();
        mn::write_request(&mut out);
        assert_eq!(request(str::from_utf8(&out).unwrap()), Request::MetaNoop);
        assert_eq!(mn::MN, b"MN\r\n");
    }
}
