//! GET and HEAD: the file, a part of it, or that the client has it already.
#![forbid(unsafe_code)]

use std::ops::Range;
use std::rc::Rc;

use spindle_core::status::Status as FileStatus;
use spindle_disk::Transfer;
use spindle_disk::open_file::entity_tag;
use spindle_net::wire::http::answer::Ranged;
use spindle_net::wire::http::conditional::{RangeUse, evaluate, range_use};
use spindle_net::wire::http::range::{ContentRange, Selection, select};
use spindle_net::wire::http::{Method, Parsed, Status, Validators, Verdict, parse};

use super::answering::{self, Described, status_of};
use super::conversation::Conversation;
use super::outline::{Fields, Outline, Verb};
use super::sending;
use crate::service::http::ended::Ended;

/// What is answered about a file that is there.
struct Decided {
    status: Status,
    /// Of the file; empty where the answer has none of it.
    bytes: Range<u64>,
    ranged: Option<Ranged>,
}

impl Decided {
    fn without_content(status: Status) -> Decided {
        Decided { status, bytes: 0..0, ranged: None }
    }
}

pub(super) async fn answer(conversation: &mut Conversation, outline: &Outline) -> Result<(), Ended> {
    let outline = &if outline.body_is_uncertain() { outline.last() } else { *outline };
    let shared = Rc::clone(&conversation.shared);
    let (disk, beneath) = shared.root.disk(&conversation.path);
    let found = match shared.files.cached(&conversation.path, shared.core.now_ns()) {
        Ok(None) => {
            // The disk may take its time, and receive buffers are few.
            let opened = shared.files.open(disk, &conversation.path, beneath);
            Box::pin(conversation.client.while_waiting(opened)).await
        }
        Ok(Some(found)) => Ok(found),
        Err(failure) => Err(failure),
    };
    let (file, status) = match found {
        Ok(found) => found,
        Err(failure) => return conversation.say(outline, status_of(failure)).await,
    };
    entity_tag(&status, &mut conversation.entity_tag);
    let decided = match outline.fields {
        Fields::Plain => whole(&status),
        Fields::Special => decide(conversation.client.input.bytes(), &status, &conversation.entity_tag),
    };
    conversation.client.input.consume(outline.head_bytes);
    let length = decided.bytes.end - decided.bytes.start;
    let mut parcel = shared.core.parcel();
    match decided.status {
        Status::Ok | Status::PartialContent | Status::NotModified => {
            let described = Described {
                status: decided.status,
                file: &status,
                entity_tag: &conversation.entity_tag,
                content_length: length,
                ranged: decided.ranged,
            };
            answering::described(&shared, outline, &described, &mut parcel);
        }
        Status::RangeNotSatisfiable => answering::unsatisfied(&shared, outline, status.bytes, &mut parcel),
        other => answering::short(&shared, outline, other, &mut parcel),
    }
    if outline.verb == Verb::Head || length == 0 {
        conversation.client.send(parcel).await?;
    } else {
        sending::send(conversation, outline, disk, Transfer::new(file, decided.bytes, status.bytes), parcel).await?;
    }
    conversation.skip(outline).await
}

fn whole(status: &FileStatus) -> Decided {
    Decided { status: Status::Ok, bytes: 0..status.bytes, ranged: None }
}

/// Reads the head once more, for its conditions and its range.
fn decide(head: &[u8], status: &FileStatus, entity_tag: &str) -> Decided {
    let Ok(Parsed::Complete { request, .. }) = parse(head) else { return whole(status) };
    let validators = Validators::Present { entity_tag, modified_seconds: status.modified_ns / 1_000_000_000 };
    match evaluate(&request.conditions, request.method, &validators) {
        Verdict::Proceed => {}
        Verdict::NotModified => return Decided::without_content(Status::NotModified),
        Verdict::PreconditionFailed => return Decided::without_content(Status::PreconditionFailed),
    }
    // Of other methods than GET a Range says nothing: RFC 9110, 14.2.
    let range = request.range.filter(|_| request.method == Method::Get);
    let range = range.filter(|_| range_use(&request.conditions, &validators) == RangeUse::Applies);
    match range.map(|range| select(range, status.bytes)) {
        None | Some(Selection::Whole) => whole(status),
        Some(Selection::Unsatisfiable) => Decided::without_content(Status::RangeNotSatisfiable),
        Some(Selection::Part { first, last }) => Decided {
            status: Status::PartialContent,
            bytes: first..last + 1,
            ranged: Some(Ranged::Part(ContentRange { first, last, total: Some(status.bytes) })),
        },
    }
}
