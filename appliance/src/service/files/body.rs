//! The bytes of a body, as they come: to an upload, or to nobody.
#![forbid(unsafe_code)]

use spindle_disk::upload::{Refused, Room};
use spindle_disk::{Failure, Upload};
use spindle_net::connection::End;
use spindle_net::input::Input;
use spindle_net::wire::http::chunked::{ChunkFault, ChunkStep, Chunked};
use spindle_net::wire::http::{Body, Refusal};

use crate::service::http::client::Client;
use crate::service::http::ended::Ended;

/// Why a body did not arrive where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It may go on arriving, and is not taken.
    Refused(Refused),
    Malformed(ChunkFault),
    Connection(End),
}

impl From<End> for Stopped {
    fn from(end: End) -> Stopped {
        Stopped::Connection(end)
    }
}

impl From<Refused> for Stopped {
    fn from(refused: Refused) -> Stopped {
        Stopped::Refused(refused)
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Stopped {
        Stopped::Refused(failure.into())
    }
}

/// Whether it is known to be no longer than that.
pub fn is_within(body: Body, bytes_max: u64) -> bool {
    match body {
        Body::None => true,
        Body::Sized(bytes) => bytes <= bytes_max,
        Body::Chunked => false,
    }
}

/// Moves the whole body to the upload; what comes after it stays in the input.
///
/// # Errors
/// The body is refused or malformed, or the connection ended before it did.
pub async fn take(client: &mut Client, body: Body, upload: &mut Upload) -> Result<(), Stopped> {
    if let Some(first) = first_bytes(&mut client.input, body) {
        upload.push_first(first)?;
    }
    let body = match body {
        Body::Sized(bytes) => Body::Sized(bytes - upload.bytes()),
        other => other,
    };
    match body {
        Body::None => Ok(()),
        Body::Sized(bytes) => take_sized(client, bytes, upload).await,
        Body::Chunked => take_chunked(client, upload).await,
    }
}

/// What has come of a body, if that is all that has come, with the memory that was lent for it.
fn first_bytes(input: &mut Input, body: Body) -> Option<Vec<u8>> {
    let mut first = Vec::new();
    let is_body = matches!(body, Body::Sized(bytes) if input.bytes().len() as u64 <= bytes);
    if is_body && input.swap_owned(&mut first) { Some(first) } else { input.take_spare() }
}

async fn take_sized(client: &mut Client, mut left: u64, upload: &mut Upload) -> Result<(), Stopped> {
    let mut stopping = false;
    loop {
        let here = within(client.input.bytes(), left);
        let mut room = upload.push(&client.input.bytes()[..here])?;
        client.input.consume(here);
        left -= here as u64;
        if left == 0 {
            return Ok(());
        }
        if !client.connection.is_receiving() {
            // Straight from the socket into the upload's own memory.
            let deadline_ns = client.deadline_ns();
            let receiving = client.connection.receive_into(upload.lend(left), Some(deadline_ns));
            let (received, lent) = receiving.await;
            let lent = lent.ok_or(End::Refused)?;
            let received = received?;
            room = upload.push_received(lent, received);
            left -= received as u64;
            if received == 0 {
                return Err(End::Finished.into());
            }
            if left == 0 {
                return Ok(());
            }
        } else if stopping || !client.connection.receive_arrived(&mut client.input).await? {
            // No receive buffer is held while the client or the disk takes its time. What has come meanwhile goes to the
            // upload with the next rounds.
            stopping = true;
            client.connection.stop_receiving();
            client.connection.receive_last(&mut client.input).await?;
        }
        if room == Room::None {
            client.pause().await?;
            upload.write_out().await?;
        }
    }
}

async fn take_chunked(client: &mut Client, upload: &mut Upload) -> Result<(), Stopped> {
    let mut chunked = Chunked::default();
    loop {
        match chunked.step(client.input.bytes()).map_err(Stopped::Malformed)? {
            ChunkStep::Data { before, length } => {
                let room = upload.push(&client.input.bytes()[before..before + length])?;
                client.input.consume(before + length);
                if room == Room::None {
                    client.pause().await?;
                    upload.write_out().await?;
                }
            }
            ChunkStep::End { consumed } => {
                client.input.consume(consumed);
                return Ok(());
            }
            ChunkStep::More { consumed, .. } => {
                client.input.consume(consumed);
                client.receive_body().await?;
            }
        }
    }
}

/// How much of what has come belongs to a body of which so much is missing.
fn within(arrived: &[u8], left: u64) -> usize {
    usize::try_from(left).map_or(arrived.len(), |left| left.min(arrived.len()))
}

/// Reads past a body that nobody wants.
///
/// # Errors
/// It is longer than `bytes_max`, is malformed, or the connection ended before it did.
pub async fn skip(client: &mut Client, body: Body, bytes_max: u64) -> Result<(), Ended> {
    let mut chunked = Chunked::default();
    let (mut left, mut skipped) = (if let Body::Sized(bytes) = body { bytes } else { 0 }, 0);
    loop {
        let (consumed, over) = match body {
            Body::Chunked => match chunked.step(client.input.bytes()) {
                Err(_) => return Err(Ended::Refused(Refusal::Chunked)),
                Ok(ChunkStep::Data { before, length }) => (before + length, false),
                Ok(ChunkStep::End { consumed }) => (consumed, true),
                Ok(ChunkStep::More { consumed, .. }) => (consumed, false),
            },
            _ => {
                let consumed = within(client.input.bytes(), left);
                left -= consumed as u64;
                (consumed, left == 0)
            }
        };
        client.input.consume(consumed);
        skipped += consumed as u64;
        if over {
            return Ok(());
        }
        if skipped > bytes_max {
            return Err(Ended::Unwanted);
        }
        if consumed == 0 || client.input.bytes().is_empty() {
            client.receive_body().await?;
        }
    }
}
