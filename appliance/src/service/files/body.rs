//! The bytes of a body, as they come: to an upload, or to nobody.
#![forbid(unsafe_code)]

use spindle_disk::upload::{Refused, Room};
use spindle_disk::{Failure, Upload};
use spindle_net::connection::{Connection, End};
use spindle_net::input::Input;
use spindle_net::wire::http::chunked::{ChunkFault, ChunkStep, Chunked};
use spindle_net::wire::http::{Body, Refusal};

use super::conversation::Ended;

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

/// One connection, while a body comes in on it.
pub struct Incoming<'a> {
    pub connection: &'a mut Connection,
    pub input: &'a mut Input,
    /// How long the client may send nothing.
    pub idle_ns: u64,
}

impl Incoming<'_> {
    /// Moves the whole body to the upload; what comes after it stays in the input.
    ///
    /// # Errors
    /// The body is refused or malformed, or the connection ended before it did.
    pub async fn take(&mut self, body: Body, upload: &mut Upload) -> Result<(), Stopped> {
        match body {
            Body::None => Ok(()),
            Body::Sized(bytes) => self.take_sized(bytes, upload).await,
            Body::Chunked => self.take_chunked(upload).await,
        }
    }

    async fn take_sized(&mut self, mut left: u64, upload: &mut Upload) -> Result<(), Stopped> {
        let mut stopping = false;
        loop {
            let here =
                usize::try_from(left).map_or(self.input.bytes().len(), |left| left.min(self.input.bytes().len()));
            let mut room = upload.push(&self.input.bytes()[..here])?;
            self.input.consume(here);
            left -= here as u64;
            if left == 0 {
                return Ok(());
            }
            if !self.connection.is_receiving() {
                // Straight from the socket into the upload's own memory.
                let (received, lent) = self.connection.receive_into(upload.lend(left), self.deadline()).await;
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
            } else if stopping || !self.connection.receive_arrived(self.input).await? {
                // No receive buffer is held while the client or the disk takes its time. What has come meanwhile goes to
                // the upload with the next rounds.
                stopping = true;
                self.connection.stop_receiving();
                self.connection.receive_last(self.input).await?;
            }
            if room == Room::None {
                self.connection.pause(self.input).await?;
                upload.write_out().await?;
            }
        }
    }

    async fn take_chunked(&mut self, upload: &mut Upload) -> Result<(), Stopped> {
        let mut chunked = Chunked::default();
        loop {
            match chunked.step(self.input.bytes()).map_err(Stopped::Malformed)? {
                ChunkStep::Data { before, length } => {
                    let room = upload.push(&self.input.bytes()[before..before + length])?;
                    self.input.consume(before + length);
                    if room == Room::None {
                        self.connection.pause(self.input).await?;
                        upload.write_out().await?;
                    }
                }
                ChunkStep::End { consumed } => {
                    self.input.consume(consumed);
                    return Ok(());
                }
                ChunkStep::More { consumed, .. } => {
                    self.input.consume(consumed);
                    self.connection.receive_until(self.input, self.deadline()).await?;
                }
            }
        }
    }

    fn deadline(&self) -> Option<u64> {
        Some(self.connection.core().now_ns().saturating_add(self.idle_ns))
    }
}

/// Reads past a body that nobody wants.
///
/// # Errors
/// It is longer than `bytes_max`, is malformed, or the connection ended before it did.
pub async fn skip(
    connection: &mut Connection,
    input: &mut Input,
    body: Body,
    bytes_max: u64,
    idle_ns: u64,
) -> Result<(), Ended> {
    let mut chunked = Chunked::default();
    let (mut left, mut skipped) = (if let Body::Sized(bytes) = body { bytes } else { 0 }, 0);
    loop {
        let here = input.bytes().len();
        let (consumed, over) = match body {
            Body::Chunked => match chunked.step(input.bytes()) {
                Err(_) => return Err(Ended::Refused(Refusal::Chunked)),
                Ok(ChunkStep::Data { before, length }) => (before + length, false),
                Ok(ChunkStep::End { consumed }) => (consumed, true),
                Ok(ChunkStep::More { consumed, .. }) => (consumed, false),
            },
            _ => {
                let consumed = usize::try_from(left).map_or(here, |left| left.min(here));
                left -= consumed as u64;
                (consumed, left == 0)
            }
        };
        input.consume(consumed);
        skipped += consumed as u64;
        if over {
            return Ok(());
        }
        if skipped > bytes_max {
            return Err(Ended::Unwanted);
        }
        if consumed == 0 || input.bytes().is_empty() {
            let deadline_ns = connection.core().now_ns().saturating_add(idle_ns);
            connection.receive_until(input, Some(deadline_ns)).await?;
        }
    }
}
