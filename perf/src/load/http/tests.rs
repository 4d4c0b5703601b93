use proptest::prelude::*;

use super::*;
use crate::describe::{Object, Removal, fill};
use crate::load::{ClassPlan, KeyPlan, Pace, Verify, WorkPlan};
use crate::popularity::Popularity;
use crate::sizes::Sizes;

const LENGTH: u64 = 150;
const SEED: u64 = 7;

/// Of one key.
fn work(mix: &str, range_share: f64) -> HttpWork {
    let keys =
        KeyPlan { count: 1, popularity: Popularity::Uniform, sizes: Sizes::Fixed(LENGTH), removal: Removal::Never };
    let plan = HttpPlan {
        url: "http://box/".parse().unwrap(),
        objects: ObjectsPlan::Keys(keys),
        mix: mix.parse().unwrap(),
        range_share,
        conditional_share: 1.0,
        filling: Filling::Present { seed: SEED },
    };
    let class = ClassPlan {
        name: String::new(),
        server: ([127, 0, 0, 1], 80).into(),
        pace: Pace::Closed,
        connections: 1,
        depth: 1,
        churn: None,
        verify: Verify::All,
        seed: SEED,
        work: WorkPlan::Http(plan.clone()),
    };
    HttpWork::new(&plan, &Slice::whole(0, &class))
}

fn body(version: u32) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH as usize];
    fill(&Object { key: 0, version, length: LENGTH, seed: SEED }, 0, &mut bytes);
    bytes
}

fn answer(status: u16, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} x\r\n{fields}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// What an answer comes to that arrives in pieces, each of which ends where `ends` says.
fn heard(work: &mut HttpWork, answer: &[u8], ends: impl IntoIterator<Item = usize>) -> Option<Verdict> {
    let mut asked = work.draw(0);
    work.write(&asked, 0, usize::MAX, &mut Vec::new());
    let mut at = 0;
    for end in ends {
        match work.hear(&mut asked, &answer[at..end], 0) {
            work::Heard::More { consumed, .. } => at += consumed,
            work::Heard::Answer { consumed, verdict, .. } => {
                assert_eq!(at + consumed, answer.len());
                return Some(verdict);
            }
            work::Heard::Malformed => return None,
        }
    }
    None
}

fn whole(mix: &str, answer: &[u8]) -> Option<Verdict> {
    heard(&mut work(mix, 0.0), answer, [answer.len()])
}

proptest! {
    #[test]
    fn where_an_answer_is_cut_changes_no_verdict(
        flipped in prop::option::of(0..LENGTH as usize),
        status in prop::sample::select(vec![200u16, 206, 404, 416, 500]),
        is_ranged: bool,
    ) {
        let mut bytes = body(1);
        if let Some(at) = flipped {
            bytes[at] ^= 1;
        }
        let answer = answer(status, "ETag: \"a\"\r\nContent-Range: bytes 0-149/150\r\n", &bytes);
        let work = || work("get", f64::from(u8::from(is_ranged)));
        let whole = heard(&mut work(), &answer, [answer.len()]);
        for cut in 1..answer.len() {
            prop_assert_eq!(heard(&mut work(), &answer, [cut, answer.len()]), whole);
        }
        prop_assert_eq!(heard(&mut work(), &answer, 1..=answer.len()), whole);
    }
}

#[test]
fn a_status_means_what_was_asked() {
    let right = Some(Verdict::Right);
    let refused = Some(Verdict::Refused);
    let lost = Some(Verdict::Wrong(Fault::Lost { oldest: 1 }));
    assert_eq!(whole("get", &answer(200, "", &body(1))), right);
    for status in [201, 206, 304, 301, 400, 403, 503] {
        let length = if status == 304 { Vec::new() } else { body(1) };
        assert_eq!(whole("get", &answer(status, "", &length)), refused, "{status} to a GET");
    }
    for status in [404, 410] {
        assert_eq!(whole("get", &answer(status, "", b"none")), lost, "{status} to a GET");
        assert_eq!(whole("delete", &answer(status, "", b"none")), lost, "{status} to a DELETE");
    }
    for (method, done) in [("put", [200, 201]), ("delete", [200, 200]), ("post", [202, 200])] {
        assert!(done.iter().all(|status| whole(method, &answer(*status, "", b"")) == right), "{method}");
        assert_eq!(whole(method, b"HTTP/1.1 204 x\r\n\r\n"), right, "{method}");
        assert_eq!(whole(method, &answer(507, "", b"full")), refused, "{method}");
    }
}

#[test]
fn a_validator_holds_as_long_as_its_version() {
    let mut work = work("get", 0.0);
    let ask = |work: &mut HttpWork, answer: &[u8]| heard(work, answer, [answer.len()]);
    let unchanged = b"HTTP/1.1 304 x\r\n\r\n";
    assert_eq!(ask(&mut work, unchanged), Some(Verdict::Refused), "nothing was known yet");
    assert_eq!(ask(&mut work, &answer(200, "ETag: \"a\"\r\n", &body(1))), Some(Verdict::Right));
    assert_eq!(ask(&mut work, unchanged), Some(Verdict::Right));
    let version = work.keyspace.ledger.write(0);
    assert_eq!(ask(&mut work, unchanged), Some(Verdict::Right), "it may be written any time now");
    work.keyspace.ledger.settle(0, version, Outcome::Acknowledged);
    assert_eq!(ask(&mut work, unchanged), Some(Verdict::Wrong(Fault::Stale { version: 1, oldest: 2 })));
    assert_eq!(ask(&mut work, &answer(200, "ETag: \"b\"\r\n", &body(2))), Some(Verdict::Right));
    assert_eq!(ask(&mut work, unchanged), Some(Verdict::Right));
}

#[test]
fn what_another_delete_may_have_removed_is_not_lost() {
    let none = answer(404, "", b"");
    let asked_twice = |work: &mut HttpWork| {
        let mut asked = work.draw(0);
        for _ in 0..2 {
            work.write(&asked, 0, usize::MAX, &mut Vec::new());
        }
        work.hear(&mut asked, &none, 0)
    };
    let right = work::Heard::Answer { consumed: none.len(), verdict: Verdict::Right, then: work::Then::Keep };
    assert_eq!(asked_twice(&mut work("delete", 0.0)), right, "the first time may have been heard");
    let mut work = work("delete", 0.0);
    assert_eq!(heard(&mut work, b"HTTP/1.1 204 x\r\n\r\n", [18]), Some(Verdict::Right));
    assert_eq!(heard(&mut work, &none, [none.len()]), Some(Verdict::Right));
}

#[test]
fn what_was_deleted_is_not_there_to_a_head_either() {
    let said_of_a_deleted = |mix: &str, verify: Verify, answer: &[u8]| {
        let mut work = work(mix, 0.0);
        work.keyspace.verify = verify;
        let version = work.keyspace.ledger.delete(0);
        assert_eq!(heard(&mut work, answer, [answer.len()]), Some(Verdict::Right), "it may be deleted any time now");
        work.keyspace.ledger.settle(0, version, Outcome::Acknowledged);
        heard(&mut work, answer, [answer.len()])
    };
    let described = b"HTTP/1.1 200 x\r\nContent-Length: 150\r\n\r\n";
    let stale = Some(Verdict::Wrong(Fault::Stale { version: 1, oldest: 2 }));
    assert_eq!(said_of_a_deleted("head", Verify::All, described), stale);
    for verify in [Verify::Off, Verify::All] {
        assert_eq!(said_of_a_deleted("get", verify, &answer(200, "", &body(1))), stale, "{verify:?}");
    }
}

/// A gateway that lost its server says nothing of what that server does.
#[test]
fn an_upload_that_a_gateway_knows_nothing_of_may_be_done_later() {
    for (status, oldest) in [(502, 2), (504, 2), (507, 3), (403, 3)] {
        let (mut work, upload) = (work("put", 0.0), answer(status, "", b""));
        assert_eq!(heard(&mut work, &upload, [upload.len()]), Some(Verdict::Refused));
        assert_eq!(heard(&mut work, b"HTTP/1.1 204 x\r\n\r\n", [18]), Some(Verdict::Right));
        let ledger = &work.keyspace.ledger;
        assert_eq!(ledger.known(ledger.read(0)).oldest, oldest, "{status}");
    }
}

#[test]
fn a_class_says_beforehand_what_it_asks_for_and_asks_for_nothing_else() {
    use Operation::{Delete, Get, Head, Post, Put};
    for (mix, operations) in
        [("get", vec![Get]), ("put=1,get=9", vec![Get, Put]), ("post,delete,head", vec![Head, Delete, Post])]
    {
        let mut work = work(mix, 0.5);
        assert_eq!(work.operations(), operations, "{mix}");
        let drawn: Vec<Operation> = (0..200).map(|_| HttpWork::operation(&work.draw(0))).collect();
        assert!(drawn.iter().all(|operation| operations.contains(operation)), "{mix}: {drawn:?}");
        assert!(operations.iter().all(|operation| drawn.contains(operation)), "{mix}: {drawn:?}");
    }
}
