//! What one client asks.

use spindle_core::simulator::Random;

use crate::ledger::{Expectation, Flaw, Form, Honesty, Ledger, Method, Request, Version};

/// One request, as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) bytes: Vec<u8>,
    pub(crate) head_bytes: usize,
}

/// Whether the client wants to go on after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    GoesOn,
    Last,
}

/// What a client asks, one after the other.
pub(crate) fn random(ledger: &mut Ledger, client: Honesty, random: &mut Random) -> Vec<Asked> {
    let mut script = Vec::new();
    for _ in 0..random.between(1, 10) {
        let request = ledger.add(request(client, random));
        let wish = if random.chance(6) { Wish::Last } else { Wish::GoesOn };
        let closes = wish == Wish::Last || request.version == Version::Http10 && random.chance(30);
        script.push(written(request, if closes { Wish::Last } else { Wish::GoesOn }, random));
        if closes {
            return script;
        }
    }
    if random.chance(20) {
        let flaw = if random.chance(50) { Flaw::BadChunk } else { Flaw::Cut };
        let request = ledger.add(flawed(client, flaw, random));
        script.push(written(request, Wish::GoesOn, random));
    }
    script
}

fn length(random: &mut Random) -> usize {
    match random.below(14) {
        0 => random.between(100_000, 200_000),
        1 => 65_536,
        2..=4 => random.between(1000, 40_000),
        5 => 0,
        _ => random.between(1, 1000),
    }
}

fn request(client: Honesty, random: &mut Random) -> Request {
    let method = match random.below(20) {
        0..=6 => Method::Get,
        7..=8 => Method::Head,
        9..=12 => Method::Put,
        13..=17 => Method::Post,
        _ => Method::Delete,
    };
    let version = if random.chance(15) { Version::Http10 } else { Version::Http11 };
    let has_body = matches!(method, Method::Put | Method::Post) || random.chance(5);
    let form = match has_body {
        false => Form::None,
        true if version == Version::Http11 && random.chance(40) => Form::Chunked,
        true => Form::Sized,
    };
    let body_bytes = if has_body { length(random) } else { 0 };
    let expectation = match random.below(10) {
        _ if form == Form::None => Expectation::Nothing,
        0..=1 => Expectation::Waits,
        2 => Expectation::SaysSo,
        _ => Expectation::Nothing,
    };
    let answer_bytes = length(random);
    Request { id: 0, client, method, version, form, body_bytes, expectation, flaw: Flaw::None, answer_bytes }
}

fn flawed(client: Honesty, flaw: Flaw, random: &mut Random) -> Request {
    let form = if flaw == Flaw::BadChunk || random.chance(50) { Form::Chunked } else { Form::Sized };
    let (method, body_bytes) = (Method::Post, length(random).max(20));
    let request = request(client, random);
    let (version, expectation) = (Version::Http11, Expectation::Nothing);
    Request { method, version, form, body_bytes, expectation, flaw, ..request }
}

fn written(request: Request, wish: Wish, random: &mut Random) -> Asked {
    let version = if request.version == Version::Http10 { "1.0" } else { "1.1" };
    let mut head = format!("{} /r/{} HTTP/{version}\r\nHost: here\r\n", request.method.name(), request.id);
    match (request.version, wish) {
        (Version::Http10, Wish::GoesOn) => head.push_str("Connection: keep-alive\r\n"),
        (Version::Http11, Wish::Last) => head.push_str("Connection: close\r\n"),
        _ => {}
    }
    if request.expectation != Expectation::Nothing {
        head.push_str("Expect: 100-continue\r\n");
    }
    match request.form {
        Form::None => {}
        Form::Sized => head.push_str(&format!("Content-Length: {}\r\n", request.body_bytes)),
        Form::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    let head_bytes = head.len();
    let mut bytes = head.into_bytes();
    match request.form {
        Form::Chunked => in_chunks(&request.body(), random, &mut bytes),
        _ => bytes.extend(request.body()),
    }
    match request.flaw {
        Flaw::None => {}
        Flaw::Cut => bytes.truncate(bytes.len() - random.between(1, 19)),
        Flaw::BadChunk => {
            // Instead of the last chunk's line.
            bytes.truncate(bytes.len() - 5);
            bytes.extend(b"4\r\nevilGET /r/evil HTTP/1.1\r\nHost: here\r\n\r\n");
        }
    }
    Asked { request, bytes, head_bytes }
}

/// Appends a body as some fifty chunks at most.
pub(crate) fn in_chunks(body: &[u8], random: &mut Random, out: &mut Vec<u8>) {
    let mut left = body;
    while !left.is_empty() {
        let most = [20, 3000, 200_000][random.below(3)];
        let length = left.len().min(random.between(1, most).max(body.len() / 50));
        let extension = if random.chance(10) { ";x=y" } else { "" };
        out.extend(format!("{length:x}{extension}\r\n").bytes());
        out.extend(&left[..length]);
        out.extend(b"\r\n");
        left = &left[length..];
    }
    out.extend(b"0\r\n\r\n");
}
