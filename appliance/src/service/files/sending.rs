//! A file's way to its client.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::rc::Rc;

use spindle_core::Parcel;
use spindle_disk::transfer::CachedSend;
use spindle_disk::transfer::cached::{Progress, Unsent, room};
use spindle_disk::{Disk, Failure, Piece, Transfer};
use spindle_net::connection::End;

use super::answering::{self, status_of};
use super::conversation::Conversation;
use super::outline::Outline;
use crate::service::http::ended::Ended;

/// Sends what the parcel holds, and the file after it. A disk that fails before anything was sent is answered for; after
/// that, all that can be said is that there is no more.
pub(super) async fn send(
    conversation: &mut Conversation,
    outline: &Outline,
    disk: &Rc<Disk>,
    mut transfer: Transfer,
    mut parcel: Parcel,
) -> Result<(), Ended> {
    let head_bytes = parcel.bytes.len();
    let mut begun = false;
    while !transfer.is_over() {
        let piece = match transfer.ready(disk, &mut parcel.bytes) {
            Some(piece) => Ok(piece),
            None => {
                let reading = transfer.read(disk, &mut parcel.bytes);
                let reading = conversation.client.while_waiting(reading);
                Box::pin(reading).await.map(|()| Piece::Copied)
            }
        };
        match piece {
            Ok(Piece::Copied) if transfer.is_over() => break,
            Ok(Piece::Copied) => {
                let piece = std::mem::replace(&mut parcel, conversation.shared.core.parcel());
                conversation.client.send(piece).await?;
            }
            Ok(Piece::Cached(range)) => {
                Box::pin(send_cached(conversation, &mut transfer, &parcel, range)).await?;
                parcel.bytes.clear();
            }
            Err(failure) => return fail(conversation, outline, begun, head_bytes, parcel, failure).await,
        }
        begun = true;
    }
    if parcel.is_empty() { Ok(()) } else { conversation.client.send(parcel).await }
}

impl From<Unsent> for Ended {
    fn from(unsent: Unsent) -> Ended {
        match unsent {
            Unsent::Silent => Ended::Idle,
            Unsent::Broken(errno) => Ended::Connection(End::Broken(errno)),
            Unsent::Shrunk => Ended::Unfinished,
        }
    }
}

async fn send_cached(
    conversation: &mut Conversation,
    transfer: &mut Transfer,
    parcel: &Parcel,
    range: Range<u64>,
) -> Result<(), Ended> {
    conversation.client.flush().await?;
    let shared = Rc::clone(&conversation.shared);
    let socket = Rc::clone(conversation.client.connection.socket());
    let mut sending = CachedSend::new(range);
    let mut deadline_ns = conversation.client.deadline_ns();
    loop {
        match sending.step(&socket, &parcel.bytes, transfer.file().descriptor())? {
            Progress::Done => break,
            Progress::Moved => deadline_ns = conversation.client.deadline_ns(),
            Progress::Stuck => {}
        }
        // Who waits for its reader holds no receive buffer.
        conversation.client.pause().await?;
        room(&shared.core, &socket, deadline_ns).await?;
        // It may have taken its time, and memory is used for other things.
        if sending.left(&parcel.bytes).is_some_and(|left| transfer.take_back(left)) {
            return Ok(());
        }
    }
    if !transfer.is_over() {
        // A large file is sent in pieces, and the others have their turn in between.
        shared.core.next_turn().await;
    }
    Ok(())
}

async fn fail(
    conversation: &mut Conversation,
    outline: &Outline,
    begun: bool,
    head_bytes: usize,
    mut parcel: Parcel,
    failure: Failure,
) -> Result<(), Ended> {
    if conversation.shared.may_complain() {
        tracing::warn!(path = %String::from_utf8_lossy(&conversation.path), %failure, "a file could not be sent");
    }
    if begun || parcel.bytes.len() != head_bytes {
        return Err(Ended::Unfinished);
    }
    parcel.bytes.clear();
    answering::short(&conversation.shared, outline, status_of(failure), &mut parcel);
    conversation.client.send(parcel).await
}
