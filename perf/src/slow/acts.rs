//! What each behaviour does with its one connection, until it is over.

use std::ops::Range;
use std::time::Duration;

use super::answer::Expected;
use super::behaviour::{Abort, Behaviour, DownloadTarget, UploadTarget};
use super::client::{Client, End};
use super::exchange::{Exchange, Request, Step};
use super::request::{Endless, Then, upload_body_bytes, write_download, write_upload_body, write_upload_head};
use super::steps::Steps;
use super::wire::{READ_BYTES_MAX, Window, Wire};
use crate::describe::Object;

/// Larger portions are sent in several parcels.
const PARCEL_BYTES_MAX: u64 = 16 * 1024;
const PARCEL_REQUESTS_MAX: u64 = 64;
/// Read at once from a server that has nothing to say.
const HUM_BYTES_MAX: u64 = 64;

/// What the client's socket has to be like.
pub(super) fn window(behaviour: &Behaviour) -> Window {
    match behaviour {
        Behaviour::SlowReader { .. }
        | Behaviour::StalledReader { .. }
        | Behaviour::AbortMidAnswer { .. }
        | Behaviour::NeverRead { .. } => Window::Tiny,
        Behaviour::TrickledUpload { .. }
        | Behaviour::SlowHeaders { .. }
        | Behaviour::AbortMidBody { .. }
        | Behaviour::HalfClose { .. }
        | Behaviour::Idle => Window::Usual,
    }
}

/// Behaves until the connection is over. `version` is of the object that is uploaded.
pub(super) async fn act(client: &Client<'_>, wire: &mut Wire<'_>, version: u32) -> End {
    let ended = match &client.plan.behaviour {
        Behaviour::TrickledUpload { to, body_bytes, bytes_per_second } => {
            let object = client.object(version, *body_bytes);
            trickled_upload(wire, to, &object, client.steps(*bytes_per_second)).await
        }
        Behaviour::SlowReader { of, bytes_per_second } => slow_reader(wire, of, client.steps(*bytes_per_second)).await,
        Behaviour::StalledReader { of, first_bytes, stall, rest_bytes_per_second } => {
            let rest = client.steps(*rest_bytes_per_second);
            stalled_reader(wire, of, *first_bytes, *stall, rest).await
        }
        Behaviour::SlowHeaders { of, bytes_per_second } => {
            slow_headers(wire, of, client.steps(*bytes_per_second)).await
        }
        Behaviour::AbortMidBody { to, body_bytes, after_bytes, how } => {
            abort_mid_body(wire, to, &client.object(version, *body_bytes), *after_bytes, *how).await
        }
        Behaviour::AbortMidAnswer { of, after_bytes, how } => abort_mid_answer(wire, of, *after_bytes, *how).await,
        Behaviour::HalfClose { of } => half_close(wire, of).await,
        Behaviour::NeverRead { of, requests_per_second } => {
            never_read(wire, of, client.steps(*requests_per_second)).await
        }
        Behaviour::Idle => idle(wire).await,
    };
    match ended {
        Ok(end) | Err(end) => end,
    }
}

async fn trickled_upload(wire: &mut Wire<'_>, to: &UploadTarget, object: &Object, steps: Steps) -> Step<End> {
    let mut exchange = begin_upload(wire, to, object).await?;
    let (mut at, end) = (0, upload_body_bytes(to, object));
    while at < end {
        let now_ns = exchange.wire.core().now_ns();
        exchange.listen_until(steps.after(now_ns)).await?;
        let next = end.min(at.saturating_add(steps.portion));
        say_body(&mut exchange, object, at..next).await?;
        at = next;
    }
    exchange.request = Request::Whole;
    Ok(exchange.listen_to_the_end().await)
}

async fn abort_mid_body(
    wire: &mut Wire<'_>,
    to: &UploadTarget,
    object: &Object,
    after_bytes: u64,
    how: Abort,
) -> Step<End> {
    let mut exchange = begin_upload(wire, to, object).await?;
    say_body(&mut exchange, object, 0..after_bytes.min(upload_body_bytes(to, object))).await?;
    Ok(abort(exchange.wire, how).await)
}

async fn slow_reader(wire: &mut Wire<'_>, of: &DownloadTarget, steps: Steps) -> Step<End> {
    let mut exchange = ask(wire, of).await?;
    read_slowly(&mut exchange, steps).await
}

async fn stalled_reader(
    wire: &mut Wire<'_>,
    of: &DownloadTarget,
    first_bytes: u64,
    stall: Duration,
    rest: Steps,
) -> Step<End> {
    let mut exchange = ask(wire, of).await?;
    read_exactly(&mut exchange, first_bytes).await?;
    let stall_ns = u64::try_from(stall.as_nanos()).unwrap_or(u64::MAX);
    let now_ns = exchange.wire.core().now_ns();
    exchange.wire.rest_until(now_ns.saturating_add(stall_ns)).await;
    read_slowly(&mut exchange, rest).await
}

async fn abort_mid_answer(wire: &mut Wire<'_>, of: &DownloadTarget, after_bytes: u64, how: Abort) -> Step<End> {
    let mut exchange = ask(wire, of).await?;
    read_exactly(&mut exchange, after_bytes).await?;
    Ok(abort(exchange.wire, how).await)
}

async fn half_close(wire: &mut Wire<'_>, of: &DownloadTarget) -> Step<End> {
    let mut exchange = ask(wire, of).await?;
    exchange.wire.finish().await;
    Ok(exchange.listen_to_the_end().await)
}

async fn slow_headers(wire: &mut Wire<'_>, of: &DownloadTarget, steps: Steps) -> Step<End> {
    let mut exchange = Exchange::new(wire, expected_of(of));
    let request = Endless::new(of);
    let mut at: u64 = 0;
    loop {
        let now_ns = exchange.wire.core().now_ns();
        exchange.listen_until(steps.after(now_ns)).await?;
        let next = at.saturating_add(steps.portion);
        for part in parts(at..next, PARCEL_BYTES_MAX) {
            exchange.say(|out| request.write(out, part)).await?;
        }
        at = next;
    }
}

async fn never_read(wire: &mut Wire<'_>, of: &DownloadTarget, steps: Steps) -> Step<End> {
    loop {
        wire.rest_until(steps.after(wire.core().now_ns())).await;
        for requests in parts(0..steps.portion, PARCEL_REQUESTS_MAX) {
            let write = |out: &mut Vec<u8>| requests.for_each(|_| write_download(out, of, Then::AskAgain));
            wire.send(write).await.map_err(|_| End::Cut)?;
        }
    }
}

async fn idle(wire: &mut Wire<'_>) -> Step<End> {
    while !wire.read(HUM_BYTES_MAX).await.map_err(|_| End::Cut)?.is_empty() {}
    Ok(End::Cut)
}

async fn begin_upload<'w, 'a>(wire: &'w mut Wire<'a>, to: &UploadTarget, object: &Object) -> Step<Exchange<'w, 'a>> {
    let expected = match to {
        UploadTarget::Http { .. } => Expected::Success,
        UploadTarget::Memcached { .. } => Expected::Stored,
    };
    let mut exchange = Exchange::new(wire, expected);
    exchange.say(|out| write_upload_head(out, to, object)).await?;
    Ok(exchange)
}

async fn say_body(exchange: &mut Exchange<'_, '_>, object: &Object, body: Range<u64>) -> Step<()> {
    for part in parts(body, PARCEL_BYTES_MAX) {
        exchange.say(|out| write_upload_body(out, object, part)).await?;
    }
    Ok(())
}

fn expected_of(of: &DownloadTarget) -> Expected {
    match of {
        DownloadTarget::Http { .. } => Expected::Success,
        DownloadTarget::Memcached { .. } => Expected::Value,
    }
}

async fn ask<'w, 'a>(wire: &'w mut Wire<'a>, of: &DownloadTarget) -> Step<Exchange<'w, 'a>> {
    let mut exchange = Exchange::new(wire, expected_of(of));
    exchange.say(|out| write_download(out, of, Then::Close)).await?;
    exchange.request = Request::Whole;
    Ok(exchange)
}

async fn read_exactly(exchange: &mut Exchange<'_, '_>, bytes: u64) -> Step<()> {
    let mut left = bytes;
    while left > 0 {
        left -= exchange.listen(left.min(READ_BYTES_MAX)).await?;
    }
    Ok(())
}

async fn read_slowly(exchange: &mut Exchange<'_, '_>, steps: Steps) -> Step<End> {
    loop {
        let now_ns = exchange.wire.core().now_ns();
        exchange.wire.rest_until(steps.after(now_ns)).await;
        read_exactly(exchange, steps.portion).await?;
    }
}

/// Prepares the close that follows.
async fn abort(wire: &Wire<'_>, how: Abort) -> End {
    match how {
        Abort::Fin => wire.finish().await,
        Abort::Reset => wire.reset_on_close(),
    }
    End::Aborted
}

/// The range in parts of `length_max`, the last one shorter.
fn parts(range: Range<u64>, length_max: u64) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let part = at..range.end.min(at.saturating_add(length_max));
        at = part.end;
        (!part.is_empty()).then_some(part)
    })
}
