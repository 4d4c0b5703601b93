use proptest::prelude::*;

use super::super::head::parse;
use super::*;

const HOP: Hop<'_> = Hop { client: "192.0.2.1", host: "backend:80" };
const TO: Recipient =
    Recipient { version: Version::Http11, persistence: Persistence::Persists, content: Content::Follows };

fn forwarded(text: &str) -> String {
    let mut out = Vec::new();
    match request(text.as_bytes(), &HOP, &mut out) {
        Ok(Parsed::Complete { .. }) => String::from_utf8(out).unwrap(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn refused(text: &str) -> Refusal {
    let mut out = Vec::new();
    let refusal = request(text.as_bytes(), &HOP, &mut out).unwrap_err();
    assert!(out.is_empty(), "{text:?}");
    refusal
}

fn answered(text: &str, to: &Recipient) -> (String, Persistence) {
    let mut out = Vec::new();
    let forwarded = answer(text.as_bytes(), to, &mut out).unwrap().unwrap();
    assert_eq!(forwarded.head.bytes, text.len());
    (String::from_utf8(out).unwrap(), forwarded.persistence)
}

const ADDED: &str = "X-Forwarded-For: 192.0.2.1\r\nVia: 1.1 spindle\r\n\r\n";

#[test]
fn the_plainest_request_says_from_whom_and_by_whom() {
    assert_eq!(
        forwarded("GET /a?b HTTP/1.1\r\nhost: h:1\r\nAccept: */*\r\n\r\n"),
        format!("GET /a?b HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n{ADDED}")
    );
}

#[test]
fn what_is_for_the_neighbour_stays_behind() {
    let fields = "Connection: close, X-Secret,Other\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\n\
        proxy-connection: x\r\nOTHER: 2\r\nTrailer: Digest\r\nX-Kept: \u{e4}\r\n";
    assert_eq!(
        forwarded(&format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")),
        format!("GET / HTTP/1.1\r\nHost: h\r\nTrailer: Digest\r\nX-Kept: \u{e4}\r\n{ADDED}")
    );
}

#[test]
fn a_connection_field_cannot_move_the_end_of_a_message_or_its_host() {
    let text = "PUT / HTTP/1.1\r\nConnection: Content-Length, Host, Transfer-Encoding, X-Forwarded-For\r\nHost: h\r\n\
        X-Forwarded-For: forged\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(forwarded(text), format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n{ADDED}"));
    let text = "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\n";
    assert!(answered(text, &TO).0.contains("\r\nContent-Length: 3\r\n"));
}

#[test]
fn what_says_the_length_is_said_once() {
    let text = "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\ncontent-length: 03\r\n\r\n";
    assert_eq!(forwarded(text), format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n{ADDED}"));
    let text = "PUT / HTTP/1.1\r\nHost: h\r\ntransfer-encoding:\tCHUNKED \r\nExpect: 100-Continue\r\n\r\n";
    let expected = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n";
    assert_eq!(forwarded(text), format!("{expected}{ADDED}"));
    for both in ["Content-Length: 3\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 3"] {
        assert_eq!(refused(&format!("PUT / HTTP/1.1\r\nHost: h\r\n{both}\r\n\r\n")), Refusal::AmbiguousLength);
    }
}

#[test]
fn who_forwarded_before_stays_in_front() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: a, b\r\nVia: 1.1 x\r\nx-forwarded-for: c\r\n\r\n";
    let expected = "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 x\r\nX-Forwarded-For: a, b, c, 192.0.2.1\r\n\
        Via: 1.1 spindle\r\n\r\n";
    assert_eq!(forwarded(text), expected);
}

#[test]
fn an_old_client_asks_in_our_version() {
    let text = "GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n";
    let expected = "GET / HTTP/1.1\r\nHost: backend:80\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.0 spindle\r\n\r\n";
    assert_eq!(forwarded(text), expected);
}

#[test]
fn targets_are_passed_on_in_origin_form() {
    let line = |line: &str| {
        let text = forwarded(&format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n"));
        text.split("\r\n").take(2).collect::<Vec<_>>().join("|")
    };
    assert_eq!(line("GET http://other:1/a"), "GET /a HTTP/1.1|Host: other:1");
    assert_eq!(line("GET http://other"), "GET / HTTP/1.1|Host: other");
    assert_eq!(line("GET http://other?q"), "GET /?q HTTP/1.1|Host: other");
    assert_eq!(line("OPTIONS http://other"), "OPTIONS * HTTP/1.1|Host: other");
    assert_eq!(line("OPTIONS *"), "OPTIONS * HTTP/1.1|Host: h");
    assert_eq!(line("BREW /%2e%2e/"), "BREW /%2e%2e/ HTTP/1.1|Host: h");
    for other in ["GET *", "GET a/b", "GET ftp://x/"] {
        assert_eq!(refused(&format!("{other} HTTP/1.1\r\nHost: h\r\n\r\n")), Refusal::Target, "{other}");
    }
}

#[test]
fn there_are_no_tunnels() {
    assert_eq!(refused("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"), Refusal::Tunnel);
}

#[test]
fn an_answer_is_for_its_recipient() {
    let sized = "HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n";
    let expected = "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 3\r\nVia: 1.0 spindle\r\n";
    assert_eq!(answered(sized, &TO), (format!("{expected}\r\n"), Persistence::Persists));
    let closing = Recipient { persistence: Persistence::Closes, ..TO };
    assert_eq!(answered(sized, &closing), (format!("{expected}Connection: close\r\n\r\n"), Persistence::Closes));
    let old = Recipient { version: Version::Http10, ..TO };
    assert_eq!(answered(sized, &old), (format!("{expected}Connection: keep-alive\r\n\r\n"), Persistence::Persists));
}

#[test]
fn a_body_without_a_length_closes_where_the_recipient_cannot_tell_its_end() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let via = "Via: 1.1 spindle\r\n";
    let kept = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{via}\r\n");
    assert_eq!(answered(chunked, &TO), (kept, Persistence::Persists));
    let old = Recipient { version: Version::Http10, ..TO };
    assert_eq!(answered(chunked, &old), (format!("HTTP/1.1 200 OK\r\n{via}\r\n"), Persistence::Closes));
    let endless = format!("HTTP/1.1 200 OK\r\n{via}Connection: close\r\n\r\n");
    assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\n", &TO), (endless, Persistence::Closes));
}

#[test]
fn answers_without_a_body_say_how_long_it_would_be_where_they_may() {
    let head = Recipient { content: Content::Withheld, ..TO };
    let sized = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\n");
    assert!(answered(&sized("200 OK"), &head).0.contains("Content-Length: 3\r\n"));
    assert!(answered(&sized("304 Not Modified"), &TO).0.contains("Content-Length: 3\r\n"));
    assert!(!answered(&sized("204 No Content"), &TO).0.contains("Content-Length"));
    assert_eq!(answered(&sized("204 No Content"), &TO).1, Persistence::Persists);
}

#[test]
fn interim_answers_are_for_those_who_know_them() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let expected = "HTTP/1.1 103 Early Hints\r\nLink: x\r\nVia: 1.1 spindle\r\n\r\n";
    let closing = Recipient { persistence: Persistence::Closes, ..TO };
    assert_eq!(answered(early, &closing).0, expected);
    assert_eq!(answered(early, &Recipient { version: Version::Http10, ..TO }).0, "");
}

#[test]
fn an_answer_that_is_none_leaves_nothing_behind() {
    let mut out = Vec::new();
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(answer(text, &TO, &mut out), Err(AnswerFault::TwoLengths));
    assert_eq!(answer(&text[..20], &TO, &mut out), Ok(None));
    assert!(out.is_empty());
}

fn a_field() -> impl Strategy<Value = String> {
    prop_oneof![
        "(Connection|connection): (close|keep-alive|te|x-a|Content-Length|host|transfer-encoding)(, ?(x-b|X-A))?",
        "(Content-Length|content-length): [0-9]{1,3}",
        "(Transfer-Encoding|TE): [Cc]hunked",
        "X-(A|B|Forwarded-For): [a-z ]{0,5}",
        "(Keep-Alive|Upgrade|Proxy-Connection|Expect|Trailer): [a-z0-9-]{1,12}",
    ]
}

proptest! {
    #[test]
    fn a_request_that_is_passed_on_is_read_as_the_same_request(
        method in "GET|HEAD|PUT|OPTIONS|BREW",
        target in "(http://o)?/[a-z%?]{0,5}",
        version in 0..2,
        fields in prop::collection::vec(a_field(), 0..8),
    ) {
        let fields: String = fields.into_iter().map(|field| field + "\r\n").collect();
        let text = format!("{method} {target} HTTP/1.{version}\r\nHost: h\r\n{fields}\r\n");
        let mut out = Vec::new();
        let Ok(Parsed::Complete { request: before, .. }) = request(text.as_bytes(), &HOP, &mut out) else {
            prop_assert!(out.is_empty());
            return Ok(());
        };
        let Ok(Parsed::Complete { request: after, consumed }) = parse(&out) else { panic!("{out:?}") };
        prop_assert_eq!(consumed, out.len());
        let seen = |request: &Request<'_>| (request.body, request.expectation, request.host.map(<[u8]>::to_vec));
        prop_assert_eq!(seen(&after), seen(&before));
        prop_assert_eq!(after.method, before.method);
        prop_assert_eq!((after.version, after.persistence), (Version::Http11, Persistence::Persists));
        // Passed on by another one of us, it would differ by who was there alone.
        let mut again = Vec::new();
        request(&out, &HOP, &mut again).unwrap();
        let own = |text: &[u8]| -> Vec<String> {
            let text = String::from_utf8(text.to_vec()).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("Via: ") && !line.starts_with("X-Forwarded-For: "));
            lines.map(str::to_owned).collect()
        };
        prop_assert_eq!(own(&again), own(&out));
    }

    #[test]
    fn an_answer_that_is_passed_on_is_read_as_the_same_answer(
        status in prop_oneof![Just(100u16), Just(200), Just(204), Just(304), Just(404)],
        version in 0..2,
        fields in prop::collection::vec(a_field(), 0..8),
        withheld in any::<bool>(),
        old in any::<bool>(),
    ) {
        let fields: String = fields.into_iter().map(|field| field + "\r\n").collect();
        let text = format!("HTTP/1.{version} {status} x\r\n{fields}\r\n");
        let to = Recipient {
            version: if old { Version::Http10 } else { Version::Http11 },
            content: if withheld { Content::Withheld } else { Content::Follows },
            ..TO
        };
        let mut out = Vec::new();
        let Ok(Some(Forwarded { head, persistence, .. })) = answer(text.as_bytes(), &to, &mut out) else {
            prop_assert!(out.is_empty());
            return Ok(());
        };
        if old && head.framing == Framing::Interim {
            prop_assert!(out.is_empty());
            return Ok(());
        }
        let after = answer_head::parse(&out, to.content, |_, _| {}).unwrap().unwrap();
        let decoded = old && head.framing == Framing::Chunked;
        let framing = if decoded { Framing::UntilEnd } else { head.framing };
        prop_assert_eq!((after.status, after.framing, after.bytes), (head.status, framing, out.len()));
        if head.framing != Framing::Interim && !old {
            prop_assert_eq!(after.persistence, persistence);
        }
    }
}
