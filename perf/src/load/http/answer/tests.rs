use proptest::prelude::*;

use super::*;
use spindle_net::wire::http::answer_head::FIELDS_MAX;

/// What an answer came to, however it was cut.
#[derive(Clone, Debug, PartialEq)]
struct Read {
    status: u16,
    body: Vec<u8>,
    consumed: usize,
    then: Then,
}

/// Hears `bytes` in the pieces that `cuts` makes of them, as a connection would: what is not consumed stays in front.
fn read(to: To, bytes: &[u8], cuts: &[usize]) -> Result<Read, Malformed> {
    let (mut answer, mut result) =
        (Answer::new(to), Read { status: 0, body: Vec::new(), consumed: 0, then: Then::Keep });
    for &end in cuts.iter().chain([&bytes.len()]) {
        loop {
            let input = &bytes[result.consumed..end.max(result.consumed)];
            match answer.step(input)? {
                Step::Head { consumed, head } => {
                    result.status = head.status;
                    result.consumed += consumed;
                }
                Step::Body { consumed, piece } => {
                    assert!(!piece.is_empty());
                    result.body.extend_from_slice(piece);
                    result.consumed += consumed;
                }
                Step::End { consumed, then } => {
                    (result.consumed, result.then) = (result.consumed + consumed, then);
                    return Ok(result);
                }
                Step::More { consumed, bytes_min } => {
                    assert!(bytes_min > input.len() - consumed, "it is all there");
                    result.consumed += consumed;
                    break;
                }
            }
        }
    }
    answer.ended()?;
    result.then = Then::Close;
    Ok(result)
}

fn whole(text: &str) -> (u16, String, usize, Then) {
    let read = read(To::Other, text.as_bytes(), &[]).unwrap();
    (read.status, String::from_utf8(read.body).unwrap(), read.consumed, read.then)
}

fn refused(text: &str) -> Malformed {
    read(To::Other, text.as_bytes(), &[]).unwrap_err()
}

const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
    3;name=\"va;lue\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nDigest: x\r\n\r\n";

#[test]
fn a_body_ends_where_its_head_says() {
    let sized = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
    assert_eq!(whole(&format!("{sized}HTTP/1.1")), (200, "abc".into(), sized.len(), Then::Keep));
    assert_eq!(whole(CHUNKS), (200, "abc0123456789".into(), CHUNKS.len(), Then::Keep));
    let nothing = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(whole(&format!("{nothing}HTTP")), (204, String::new(), nothing.len(), Then::Keep));
    let unchanged = "HTTP/1.1 304 \r\nContent-Length: 10\r\n\r\n";
    assert_eq!(whole(&format!("{unchanged}HTTP")), (304, String::new(), unchanged.len(), Then::Keep));
    let ending = "HTTP/1.0 200 OK\r\n\r\nabc";
    assert_eq!(whole(ending), (200, "abc".into(), ending.len(), Then::Close));
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n";
    assert_eq!(whole(&format!("{interim}{nothing}")), (204, String::new(), interim.len() + nothing.len(), Then::Keep));
}

#[test]
fn a_head_has_no_body_after_it_when_only_the_head_was_asked_for() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    let read = read(To::Head, head, &[]).unwrap();
    assert_eq!((read.status, read.consumed), (200, head.len()));
}

#[test]
fn a_connection_is_kept_unless_it_is_to_be_closed() {
    let then = |version, field| whole(&format!("HTTP/1.{version} 200 OK\r\n{field}Content-Length: 0\r\n\r\n")).3;
    assert_eq!([then(1, ""), then(1, "Connection: close\r\n")], [Then::Keep, Then::Close]);
    assert_eq!([then(0, ""), then(0, "Connection: keep-alive\r\n")], [Then::Close, Then::Keep]);
    // Whatever else is said, and in whatever order: RFC 9112, 9.3.
    for both in ["Connection: keep-alive, close\r\n", "Connection: close\r\nConnection: keep-alive\r\n"] {
        assert_eq!([then(0, both), then(1, both)], [Then::Close; 2], "{both}");
    }
}

#[test]
fn what_a_load_looks_at_is_taken_from_the_head() {
    let text = b"HTTP/1.1 206 Partial Content\r\nETag: \"a-b\"\r\nLast-Modified: Mon\r\nDate: Tue\r\n\
        Content-Range: bytes 2-4/10\r\nContent-Length: 3\r\nServer: a/1\r\n\r\n";
    let mut answer = Answer::new(To::Other);
    let Ok(Step::Head { head, .. }) = answer.step(text) else { panic!("no head") };
    let content_range = Some(ContentRange { first: 2, last: 4, total: Some(10) });
    let (etag, last_modified, date) = (Some(&b"\"a-b\""[..]), Some(&b"Mon"[..]), Some(&b"Tue"[..]));
    let server = Some(&b"a/1"[..]);
    assert_eq!(head, Head { status: 206, length: Some(3), content_range, etag, last_modified, date, server });
}

#[test]
fn what_is_no_answer_is_named() {
    let head = |fields: &str| refused(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"));
    assert!(matches!(refused("HTTQ/1.1 200 OK\r\n\r\n"), Malformed::Head(AnswerFault::Head(_))));
    assert!(matches!(refused("HTTP/1.1 20x OK\r\n\r\n"), Malformed::Head(AnswerFault::Head(_))));
    for length in ["", "-1", "+1", "1, 1", "0x10", "18446744073709551616", "1\r\nContent-Length: 2"] {
        assert_eq!(head(&format!("Content-Length: {length}")), Malformed::Head(AnswerFault::Length), "{length}");
    }
    assert_eq!(head("Content-Length: 1\r\nTransfer-Encoding: chunked"), Malformed::Head(AnswerFault::TwoLengths));
    for coding in ["gzip", "gzip, chunked", "chunked\r\nTransfer-Encoding: chunked"] {
        assert_eq!(head(&format!("Transfer-Encoding: {coding}")), Malformed::Head(AnswerFault::Coding), "{coding}");
    }
    assert_eq!(refused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Malformed::Head(AnswerFault::Coding));
    assert_eq!(refused("HTTP/1.1 101 Switching\r\n\r\n"), Malformed::Head(AnswerFault::Upgrade));
    let chunks = |text: &str| head(&format!("Transfer-Encoding: chunked\r\n\r\n{text}"));
    for size in ["x\r\n", "-1\r\n", "11111111111111111\r\n"] {
        assert_eq!(chunks(size), Malformed::Chunk(ChunkFault::Size), "{size}");
    }
    assert_eq!(chunks("1\r\nab\r\n"), Malformed::Chunk(ChunkFault::End));
    assert_eq!(chunks("0\r\nno colon\r\n\r\n"), Malformed::Chunk(ChunkFault::Trailer));
    for cut in ["", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", &CHUNKS[..CHUNKS.len() - 1]] {
        assert_eq!(refused(cut), Malformed::EndedEarly, "{cut}");
    }
}

#[test]
fn nothing_is_waited_for_without_end() {
    let long = format!("HTTP/1.1 200 OK\r\nX: {}", "a".repeat(HEAD_BYTES_MAX));
    assert_eq!(refused(&long), Malformed::Head(AnswerFault::TooLong));
    assert_eq!(
        refused(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(HEAD_BYTES_MAX / 10)),
        Malformed::Head(AnswerFault::TooLong)
    );
    let fields = "A: b\r\n".repeat(FIELDS_MAX + 1);
    assert_eq!(
        refused(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")),
        Malformed::Head(AnswerFault::Head(httparse::Error::TooManyHeaders))
    );
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refused(&format!("{chunked}1;{}", "a".repeat(HEAD_BYTES_MAX))), Malformed::Chunk(ChunkFault::Size));
    assert_eq!(
        refused(&format!("{chunked}0\r\nA: {}", "a".repeat(HEAD_BYTES_MAX))),
        Malformed::Chunk(ChunkFault::Trailer)
    );
}

/// A body as a server might send it.
fn answers() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop::collection::vec(any::<u8>(), 0..300);
    let cuts = prop::collection::vec(1..40usize, 0..20);
    (body, cuts, 0..3u8).prop_map(|(body, cuts, framing)| {
        let mut text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nETag: \"x\"\r\n".to_vec();
        match framing {
            0 => {
                text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                text.extend_from_slice(&body);
            }
            1 => {
                text.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                let (mut rest, mut cuts) = (&body[..], cuts.iter());
                while !rest.is_empty() {
                    let length = cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len()));
                    text.extend_from_slice(format!("{length:x};e\r\n").as_bytes());
                    text.extend_from_slice(&rest[..length]);
                    text.extend_from_slice(b"\r\n");
                    rest = &rest[length..];
                }
                text.extend_from_slice(b"0\r\nA: b\r\n\r\n");
            }
            _ => {
                text.extend_from_slice(b"Connection: close\r\n\r\n");
                text.extend_from_slice(&body);
            }
        }
        (text, body)
    })
}

proptest! {
    #[test]
    fn where_an_answer_is_cut_means_nothing((text, body) in answers()) {
        let whole = read(To::Other, &text, &[]).unwrap();
        prop_assert_eq!(&whole.body, &body);
        prop_assert_eq!(whole.consumed, text.len());
        for cut in 0..text.len() {
            let read = read(To::Other, &text, &[cut]).unwrap();
            prop_assert_eq!(&read, &whole);
        }
        let every: Vec<usize> = (0..text.len()).collect();
        prop_assert_eq!(read(To::Other, &text, &every).unwrap(), whole);
    }

    #[test]
    fn nonsense_is_refused_alike_however_it_is_cut(text in "HTTP/1\\.[01] [0-9]{3} \r\n(Transfer-Encoding: chunked\r\n|Content-Length: [0-9+]{1,2}\r\n){0,2}\r\n[0-9a-f;\r\n]{0,30}") {
        let whole = read(To::Other, text.as_bytes(), &[]);
        let every: Vec<usize> = (0..text.len()).collect();
        prop_assert_eq!(read(To::Other, text.as_bytes(), &every), whole);
    }
}
