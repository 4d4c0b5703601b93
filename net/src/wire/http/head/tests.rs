use proptest::prelude::*;

use super::*;

fn complete(text: &str) -> (Request<'_>, usize) {
    match parse(text.as_bytes()) {
        Ok(Parsed::Complete { request, consumed }) => (request, consumed),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn refused(text: &str) -> Refusal {
    match parse(text.as_bytes()) {
        Err(refusal) => refusal,
        other => panic!("{text:?}: {other:?}"),
    }
}

/// A request of HTTP/1.1 with these fields besides Host.
fn with(fields: &str) -> String {
    let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
    format!("PUT /a HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

const GET: &str = "GET /dev1/a?b HTTP/1.1\r\nHost: a:80\r\n\r\n";

#[test]
fn the_plainest_request() {
    let text = [GET, "GET"].concat();
    let (request, consumed) = complete(&text);
    assert_eq!(consumed, GET.len());
    let expected = Request {
        method: Method::Get,
        target: "/dev1/a?b",
        version: Version::Http11,
        persistence: Persistence::Persists,
        body: Body::None,
        expectation: Expectation::Nothing,
        range: None,
        conditions: Conditions::default(),
        content_md5: None,
        content_range: None,
        host: Some(b"a:80"),
    };
    assert_eq!(request, expected);
}

#[test]
fn methods_have_a_case() {
    let methods = [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("POST", Method::Post),
        ("OPTIONS", Method::Options),
        ("MKCOL", Method::Mkcol),
        ("get", Method::Other("get")),
        ("BREW", Method::Other("BREW")),
    ];
    for (name, method) in methods {
        assert_eq!(complete(&format!("{name} / HTTP/1.0\r\n\r\n")).0.method, method);
    }
}

#[test]
fn every_field_that_is_obeyed_is_found_in_any_case() {
    let text = with(
        "RANGE: bytes=0-1\r\nif-match: \"a\"\r\nIf-None-Match: *\r\nIF-MODIFIED-SINCE: x\r\nIf-Unmodified-Since:y\r\n\
         If-Range: \"b\"\r\nContent-MD5: c==\r\nContent-Range: bytes 0-1/2\r\nX-Other: d\r\nCookie: e\r\nContent-Length: 2",
    );
    let (request, _) = complete(&text);
    assert_eq!(request.range, Some(&b"bytes=0-1"[..]));
    let conditions = Conditions {
        if_match: Some(b"\"a\""),
        if_none_match: Some(b"*"),
        if_modified_since: Some(b"x"),
        if_unmodified_since: Some(b"y"),
        if_range: Some(b"\"b\""),
    };
    assert_eq!(request.conditions, conditions);
    assert_eq!(request.content_md5, Some(&b"c=="[..]));
    assert_eq!(request.content_range, Some(&b"bytes 0-1/2"[..]));
    assert_eq!(request.body, Body::Sized(2));
}

#[test]
fn empty_lines_before_a_request_are_part_of_it() {
    let text = ["\r\n\n\r\n", GET].concat();
    let (request, consumed) = complete(&text);
    assert_eq!((request.target, consumed), ("/dev1/a?b", text.len()));
    assert_eq!(parse(b"\r\n\r"), Ok(Parsed::Incomplete));
}

#[test]
fn a_connection_persists_as_its_version_and_its_options_say() {
    let persistence = |version: &str, fields: &str| {
        complete(&format!("GET / HTTP/{version}\r\nHost: h\r\n{fields}\r\n")).0.persistence == Persistence::Persists
    };
    assert!(persistence("1.1", "") && !persistence("1.0", ""));
    assert!(persistence("1.0", "Connection: Keep-Alive\r\n"));
    assert!(persistence("1.0", "Connection: TE , keep-alive\r\n"));
    assert!(persistence("1.1", "Connection: closed\r\n"));
    for close in ["close", "Close", "TE, CLOSE", "close,TE", "keep-alive, close", "close\r\nConnection: keep-alive"] {
        for version in ["1.0", "1.1"] {
            assert!(!persistence(version, &format!("Connection: {close}\r\n")), "{version} {close}");
        }
    }
}

#[test]
fn a_body_is_as_long_as_one_field_says() {
    let body = |fields: &str| complete(&with(fields)).0.body;
    assert_eq!(body(""), Body::None);
    assert_eq!(body("Content-Length: 0"), Body::Sized(0));
    assert_eq!(body("Content-Length: 18446744073709551615"), Body::Sized(u64::MAX));
    assert_eq!(body("Content-Length: 5\r\nContent-Length: 05"), Body::Sized(5));
    assert_eq!(body("Transfer-Encoding: Chunked"), Body::Chunked);
}

#[test]
fn a_body_of_which_two_lengths_are_told_is_refused() {
    for wrong in ["", "-1", "+1", "1 1", "1, 1", "0x1", "1.0", "18446744073709551616", "1\r\nContent-Length: 2"] {
        assert_eq!(refused(&with(&format!("Content-Length: {wrong}"))), Refusal::ContentLength, "{wrong}");
    }
    for both in [
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nContent-Length: 0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    ] {
        assert_eq!(refused(&with(both)), Refusal::AmbiguousLength, "{both}");
    }
    for coding in
        ["gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "chunked;a", "\"chunked\"", ""]
    {
        assert_eq!(refused(&with(&format!("Transfer-Encoding: {coding}"))), Refusal::TransferCoding, "{coding}");
    }
    let old = refused("PUT /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!((old, old.status().code()), (Refusal::AmbiguousLength, 400));
}

#[test]
fn names_of_fields_that_only_look_alike_are_refused() {
    for fields in [
        "Content-Length : 5",
        " Content-Length: 5",
        "A: b\r\n Content-Length: 5",
        "Content-Length\u{0b}: 5",
        "Transfer-Encoding: \u{0b}chunked",
        "A: b\rContent-Length: 5",
        "A\0: b",
        "no colon",
    ] {
        assert_eq!(refused(&with(fields)), Refusal::Malformed, "{fields:?}");
    }
}

#[test]
fn a_host_is_said_once() {
    let host = |text: &str| complete(text).0.host.map(|host| String::from_utf8_lossy(host).into_owned());
    assert_eq!(host("GET / HTTP/1.0\r\n\r\n"), None);
    assert_eq!(host("GET / HTTP/1.1\r\nHost:\r\n\r\n").as_deref(), Some(""));
    assert_eq!(host("GET / HTTP/1.1\r\nHost: [::1]:7500\r\n\r\n").as_deref(), Some("[::1]:7500"));
    assert_eq!(host("GET http://a:1/b HTTP/1.1\r\nHost: c\r\n\r\n").as_deref(), Some("a:1"));
    assert_eq!(host("GET http://a/b HTTP/1.0\r\n\r\n").as_deref(), Some("a"));
    for wrong in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a@b\r\n\r\n",
    ] {
        assert_eq!(refused(wrong), Refusal::Host, "{wrong:?}");
    }
}

#[test]
fn only_a_continue_can_be_expected_and_only_for_a_body() {
    let expectation = |fields: &str| complete(&with(fields)).0.expectation;
    assert_eq!(expectation("Expect: 100-Continue\r\nContent-Length: 1"), Expectation::Continue);
    assert_eq!(expectation("Expect: 100-continue\r\nTransfer-Encoding: chunked"), Expectation::Continue);
    assert_eq!(expectation("Expect: 100-continue\r\nContent-Length: 0"), Expectation::Nothing);
    assert_eq!(expectation("Expect: 100-continue"), Expectation::Nothing);
    for other in ["200-ok", "100-continue, x", "100-continue=1", ""] {
        assert_eq!(refused(&with(&format!("Expect: {other}"))), Refusal::Expectation, "{other}");
    }
    let old = "PUT /a HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n";
    assert_eq!(complete(old).0.expectation, Expectation::Nothing);
}

#[test]
fn a_field_that_decides_is_there_once() {
    for name in ["If-Match", "If-None-Match", "If-Range", "Range", "Content-Range", "Content-MD5", "Expect"] {
        assert_eq!(refused(&with(&format!("{name}: a\r\n{name}: a"))), Refusal::RepeatedField, "{name}");
    }
    complete(&with("Cookie: a\r\nCookie: b"));
}

#[test]
fn versions_other_than_ours_are_named() {
    for other in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3"] {
        assert_eq!(refused(&format!("GET / {other}\r\n\r\n")), Refusal::Version, "{other}");
    }
    assert_eq!(refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Refusal::Version);
    for none in [
        "GET /\r\n\r\n",
        "GET / \r\n\r\n",
        "GET / http/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n",
    ] {
        assert_eq!(refused(none), Refusal::Malformed, "{none:?}");
    }
    assert_eq!(refused("\x16\x03\x01"), Refusal::Malformed, "a greeting of TLS");
}

#[test]
fn a_head_has_bounds_whether_it_has_ended_or_not() {
    let target = |bytes: usize| format!("GET /{}", "a".repeat(bytes - 1));
    let end = " HTTP/1.1\r\nHost: h\r\n\r\n";
    complete(&[&target(TARGET_BYTES_MAX), end].concat());
    assert_eq!(parse(target(TARGET_BYTES_MAX).as_bytes()), Ok(Parsed::Incomplete));
    for rest in ["", "a", end, " HTTP/2.0\r\n", "\x01", "\u{fc} HTTP/1.1\r\n"] {
        assert_eq!(refused(&[&target(TARGET_BYTES_MAX + 1), rest].concat()), Refusal::TargetTooLong, "{rest:?}");
    }
    assert_eq!(refused(&["\r\n", &target(TARGET_BYTES_MAX + 1)].concat()), Refusal::TargetTooLong);

    let rest = "GET / HTTP/1.1\r\nHost: h\r\nA: \r\n\r\n".len();
    let padded = |bytes: usize| with(&format!("A: {}", "a".repeat(bytes))).replace("PUT /a", "GET /");
    assert_eq!(complete(&padded(HEAD_BYTES_MAX - rest)).1, HEAD_BYTES_MAX);
    assert_eq!(refused(&padded(HEAD_BYTES_MAX - rest + 1)), Refusal::HeadTooLarge);
    assert_eq!(parse(&padded(HEAD_BYTES_MAX).as_bytes()[..HEAD_BYTES_MAX - 1]), Ok(Parsed::Incomplete));
    assert_eq!(refused(&padded(HEAD_BYTES_MAX)[..HEAD_BYTES_MAX]), Refusal::HeadTooLarge);
    assert_eq!(refused(&"M".repeat(HEAD_BYTES_MAX)), Refusal::HeadTooLarge);
    assert_eq!(refused(&"\r\n".repeat(HEAD_BYTES_MAX)), Refusal::HeadTooLarge);

    let fields = |count: usize| with("A: b\r\n".repeat(count - 1).trim_end());
    complete(&fields(FIELDS_MAX));
    assert_eq!(refused(&fields(FIELDS_MAX + 1)), Refusal::TooManyFields);
}

/// Heads that are nearly right, which random bytes never are.
fn nearly_a_head() -> impl Strategy<Value = String> {
    let line =
        "(\r?\n)?(GET|PUT|MKCOL|G@T|) (/|/a%20b|\\*|http://h/a|/\u{e4}| ) (HTTP/1\\.[0-2]|HTTP/2|HTTQ/1\\.1)?\r?\n";
    let field = prop_oneof![
        Just("Host: h\r\n".to_owned()),
        "Content-Length: [0-9+]{0,2}\r\n",
        "Transfer-Encoding: (chunked|gzip)\r\n",
        "Connection: (close|keep-alive|, )\r\n",
        "Expect: (100-continue|x)\r\n",
        "(Range|If-Match|A|A ): [\"a-z, ]{0,5}\r?\n?",
    ];
    (line, prop::collection::vec(field, 0..5)).prop_map(|(line, fields)| format!("{line}{}\r\nrest", fields.concat()))
}

proptest! {
    #[test]
    fn where_a_head_is_cut_means_nothing(text in nearly_a_head()) {
        let whole = parse(text.as_bytes());
        for cut in 0..text.len() {
            let part = parse(&text.as_bytes()[..cut]);
            match whole {
                Ok(Parsed::Complete { consumed, .. }) if cut >= consumed => prop_assert_eq!(part, whole),
                Err(_) if part.is_err() => prop_assert_eq!(part, whole),
                _ => prop_assert_eq!(part, Ok(Parsed::Incomplete)),
            }
        }
    }
}
