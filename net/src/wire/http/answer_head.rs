//! The head of an answer, as its recipient reads it: its status, where its body ends, and what becomes of the connection.
//!
//! A doubt about where the body ends is refused, as in requests: who reads it the other way takes the rest of a body for the
//! next answer (response splitting, RFC 9112, 11.1).

use super::answer::Content;
use super::connection::has_option;
use super::head::{Persistence, Version};
use super::number::decimal;

/// Of a head, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Fields of a head.
pub const FIELDS_MAX: usize = 100;

/// Why a head is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerFault {
    #[error("no head of HTTP: {0}")]
    Head(httparse::Error),
    #[error("a head of more than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    #[error("a status below 100")]
    Status,
    #[error("a Content-Length that is no number, or two that differ")]
    Length,
    #[error("both a Content-Length and a Transfer-Encoding")]
    TwoLengths,
    #[error("a Transfer-Encoding other than chunked")]
    Coding,
    #[error("it changes to a protocol that nobody asked for")]
    Upgrade,
}

/// How the length of the body is told: RFC 9112, 6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// 1xx: another answer to the same request follows.
    Interim,
    /// To a HEAD, 204 and 304, whatever the fields say.
    None,
    /// So many bytes.
    Sized(u64),
    /// As long as [`super::chunked::Chunked`] says.
    Chunked,
    /// As long as the connection.
    UntilEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerHead {
    /// 100 to 999.
    pub status: u16,
    pub version: Version,
    pub persistence: Persistence,
    pub framing: Framing,
    /// Content-Length; that of an answer to a HEAD and of a 304 counts bytes that do not follow.
    pub length: Option<u64>,
    /// With the empty line, in bytes.
    pub bytes: usize,
}

/// Reads the head at the front of `input`, `None` while it is not all there, and shows its fields to `each`, in order.
/// Content is withheld where a HEAD was asked.
///
/// # Errors
/// Nothing can be said about what comes after it: the connection closes.
pub fn parse<'a>(
    input: &'a [u8],
    content: Content,
    mut each: impl FnMut(&'a str, &'a [u8]),
) -> Result<Option<AnswerHead>, AnswerFault> {
    parse_with(input, content, |response, _| {
        response.headers.iter().for_each(|field| each(field.name, field.value));
    })
}

/// [`parse`], which shows a whole head to `then`.
pub(super) fn parse_with<'a>(
    input: &'a [u8],
    content: Content,
    then: impl FnOnce(&httparse::Response<'_, 'a>, &AnswerHead),
) -> Result<Option<AnswerHead>, AnswerFault> {
    let within = &input[..input.len().min(HEAD_BYTES_MAX)];
    let mut fields = [const { std::mem::MaybeUninit::uninit() }; FIELDS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    match parser.parse_response_with_uninit_headers(&mut response, within, &mut fields).map_err(AnswerFault::Head)? {
        httparse::Status::Complete(bytes) => {
            let head = read(&response, content, bytes)?;
            then(&response, &head);
            Ok(Some(head))
        }
        httparse::Status::Partial if within.len() < HEAD_BYTES_MAX => Ok(None),
        httparse::Status::Partial => Err(AnswerFault::TooLong),
    }
}

fn read(response: &httparse::Response<'_, '_>, content: Content, bytes: usize) -> Result<AnswerHead, AnswerFault> {
    let version = if response.version == Some(1) { Version::Http11 } else { Version::Http10 };
    let status = response.code.unwrap_or(0);
    let (mut length, mut is_chunked, mut is_kept_alive, mut closes) = (None, false, false, false);
    for field in response.headers.iter() {
        let is = |wanted: &str| field.name.eq_ignore_ascii_case(wanted);
        match field.name.len() {
            10 if is("connection") => {
                closes |= has_option(field.value, b"close");
                is_kept_alive |= has_option(field.value, b"keep-alive");
            }
            14 if is("content-length") => {
                let said = decimal(field.value).ok_or(AnswerFault::Length)?;
                if length.replace(said).is_some_and(|before| before != said) {
                    return Err(AnswerFault::Length);
                }
            }
            17 if is("transfer-encoding") => {
                // Twice chunked is no coding either, and HTTP/1.0 has none.
                if version == Version::Http10 || is_chunked || !field.value.eq_ignore_ascii_case(b"chunked") {
                    return Err(AnswerFault::Coding);
                }
                is_chunked = true;
            }
            _ => {}
        }
    }
    let framing = match status {
        0..=99 => return Err(AnswerFault::Status),
        101 => return Err(AnswerFault::Upgrade),
        100..=199 => Framing::Interim,
        _ if is_chunked && length.is_some() => return Err(AnswerFault::TwoLengths),
        204 | 304 => Framing::None,
        _ if content == Content::Withheld => Framing::None,
        _ if is_chunked => Framing::Chunked,
        _ => length.map_or(Framing::UntilEnd, Framing::Sized),
    };
    // A close goes before all else that is said: RFC 9112, 9.3.
    let persists = !closes && framing != Framing::UntilEnd && (version == Version::Http11 || is_kept_alive);
    let persistence = if persists { Persistence::Persists } else { Persistence::Closes };
    Ok(AnswerHead { status, version, persistence, framing, length, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<AnswerHead>, AnswerFault> {
        parse(text.as_bytes(), Content::Follows, |_, _| {})
    }

    fn whole(text: &str) -> AnswerHead {
        read(text).unwrap().unwrap()
    }

    #[test]
    fn a_body_is_as_long_as_the_head_says() {
        let framing = |status: u16, fields: &str| whole(&format!("HTTP/1.1 {status} x\r\n{fields}\r\n")).framing;
        assert_eq!(framing(200, ""), Framing::UntilEnd);
        assert_eq!(framing(200, "Content-Length: 5\r\n"), Framing::Sized(5));
        assert_eq!(framing(200, "Content-Length: 5\r\ncontent-length: 05\r\n"), Framing::Sized(5));
        assert_eq!(framing(404, "Transfer-Encoding: Chunked\r\n"), Framing::Chunked);
        for nothing in [204, 304] {
            assert_eq!(framing(nothing, "Content-Length: 5\r\n"), Framing::None);
            assert_eq!(framing(nothing, "Transfer-Encoding: chunked\r\n"), Framing::None);
        }
        assert_eq!(framing(100, "Content-Length: 5\r\n"), Framing::Interim);
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let head = parse(text, Content::Withheld, |_, _| {}).unwrap().unwrap();
        assert_eq!((head.framing, head.length, head.bytes), (Framing::None, Some(5), text.len()));
    }

    #[test]
    fn a_connection_persists_as_its_version_its_options_and_its_framing_say() {
        let persistence =
            |version: &str, fields: &str| whole(&format!("HTTP/{version} 200 x\r\n{fields}\r\n")).persistence;
        let (sized, keep) = ("Content-Length: 0\r\n", "Content-Length: 0\r\nConnection: Keep-Alive\r\n");
        assert_eq!(persistence("1.1", sized), Persistence::Persists);
        assert_eq!(persistence("1.1", ""), Persistence::Closes);
        assert_eq!(persistence("1.0", sized), Persistence::Closes);
        assert_eq!(persistence("1.0", keep), Persistence::Persists);
        assert_eq!(persistence("1.1", &format!("{keep}Connection: x, close\r\n")), Persistence::Closes);
    }

    #[test]
    fn what_is_ambiguous_or_no_head_is_refused() {
        let of = |fields: &str| read(&format!("HTTP/1.1 200 x\r\n{fields}\r\n\r\n")).unwrap_err();
        assert_eq!(of("Content-Length: 5\r\nTransfer-Encoding: chunked"), AnswerFault::TwoLengths);
        assert_eq!(of("Content-Length: 5\r\nContent-Length: 6"), AnswerFault::Length);
        assert_eq!(of("Content-Length: +5"), AnswerFault::Length);
        assert_eq!(of("Transfer-Encoding: gzip, chunked"), AnswerFault::Coding);
        assert_eq!(of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), AnswerFault::Coding);
        assert!(matches!(of("A: b\r\n c"), AnswerFault::Head(_)), "a folded line");
        assert!(matches!(of("A : b"), AnswerFault::Head(_)), "a blank before the colon");
        assert_eq!(read("HTTP/1.0 200 x\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(AnswerFault::Coding));
        assert_eq!(read("HTTP/1.1 101 x\r\n\r\n"), Err(AnswerFault::Upgrade));
        assert_eq!(read("HTTP/1.1 099 x\r\n\r\n"), Err(AnswerFault::Status));
        assert!(matches!(read("HTTP/2 200 x\r\n\r\n"), Err(AnswerFault::Head(_))));
        assert!(matches!(read("hello\r\n"), Err(AnswerFault::Head(_))));
        assert!(matches!(of(&"A: b\r\n".repeat(101)), AnswerFault::Head(httparse::Error::TooManyHeaders)));
    }

    #[test]
    fn a_head_that_never_ends_does_not_have_to_be_waited_for() {
        let text = format!("HTTP/1.1 200 x\r\nA: {}", "b".repeat(HEAD_BYTES_MAX));
        assert_eq!(read(&text[..HEAD_BYTES_MAX - 1]), Ok(None));
        assert_eq!(read(&text), Err(AnswerFault::TooLong));
    }

    #[test]
    fn fields_are_shown_in_order() {
        let mut names = Vec::new();
        parse(b"HTTP/1.1 200 x\r\nB: 1\r\nA: 2\r\n\r\n", Content::Follows, |name, value| names.push((name, value)))
            .unwrap();
        assert_eq!(names, [("B", &b"1"[..]), ("A", &b"2"[..])]);
    }
}
