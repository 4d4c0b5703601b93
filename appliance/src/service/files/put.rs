//! PUT: a body's way to its name.
#![forbid(unsafe_code)]

use std::rc::Rc;

use spindle_core::op::Existing;
use spindle_disk::upload::{Expected, Refused};
use spindle_disk::{Failure, Upload};
use spindle_net::wire::base64;
use spindle_net::wire::http::answer::CONTINUE;
use spindle_net::wire::http::conditional::evaluate;
use spindle_net::wire::http::{Body, Conditions, Expectation, Parsed, Refusal, Status, Validators, Verdict, parse};

use super::answering::{self, status_of, status_of_upload};
use super::body::{self, Stopped};
use super::conversation::Conversation;
use super::outline::{Fields, Outline};
use crate::service::http::ended::Ended;

pub(super) async fn answer(conversation: &mut Conversation, outline: &Outline) -> Result<(), Ended> {
    let admitted = match admit(conversation, outline).await {
        Ok(admitted) => admitted,
        Err(status) => return conversation.say(outline, status).await,
    };
    let shared = Rc::clone(&conversation.shared);
    let (disk, beneath) = shared.root.disk(&conversation.path);
    let promise = shared.service.promise();
    conversation.client.input.consume(outline.head_bytes);
    let outline = &outline.without_head();
    // What comes of the body until the upload has begun, it can have as it is.
    conversation.client.input.lend(Upload::memory(disk, admitted.expected.length));
    let beginning = Upload::begin(disk, &conversation.path, beneath, admitted.expected, promise);
    let mut upload = match conversation.client.while_waiting(beginning).await {
        Ok(upload) => upload,
        Err(failure) => return conversation.say(outline, status_of(failure)).await,
    };
    if outline.expectation == Expectation::Continue && conversation.client.input.bytes().is_empty() {
        let mut parcel = shared.core.parcel();
        parcel.bytes.extend_from_slice(CONTINUE);
        conversation.client.send(parcel).await?;
    }
    let finished = match body::take(&mut conversation.client, outline.body, &mut upload).await {
        Ok(()) => {
            // The body may have taken hours, and somebody else may have been quicker.
            if let Some(head) = admitted.conditional_head
                && let Err(status) = check_conditions(conversation, &head).await
            {
                return conversation.answer(outline, status).await;
            }
            let finishing = upload.finish(&shared.service.changes);
            conversation.client.while_waiting(finishing).await
        }
        Err(Stopped::Connection(end)) => return Err(end.into()),
        Err(Stopped::Malformed(fault)) => return last_word(conversation, outline, Refusal::from(fault).status()).await,
        Err(Stopped::Refused(refused)) => return last_word(conversation, outline, status_of_upload(refused)).await,
    };
    let status = match finished {
        Ok(()) => Status::Created,
        Err(refused) => {
            if let Refused::Disk(failure) = refused
                && shared.may_complain()
            {
                tracing::warn!(path = %String::from_utf8_lossy(&conversation.path), %failure, "an upload failed");
            }
            status_of_upload(refused)
        }
    };
    conversation.answer(outline, status).await
}

impl Conversation {
    /// Answers after the body was read to its end, so that the connection goes on whatever became of it.
    async fn answer(&mut self, outline: &Outline, status: Status) -> Result<(), Ended> {
        let mut parcel = self.shared.core.parcel();
        answering::short(&self.shared, outline, status, &mut parcel);
        self.client.send(parcel).await
    }
}

/// What a body is read with.
struct Admitted {
    expected: Expected,
    /// Of a request that depends on what is there when it is done.
    conditional_head: Option<Vec<u8>>,
}

/// Whether the body is to be read at all, and what it has to be.
async fn admit(conversation: &mut Conversation, outline: &Outline) -> Result<Admitted, Status> {
    let length = match outline.body {
        Body::None => return Err(Status::LengthRequired),
        Body::Sized(bytes) => Some(bytes),
        Body::Chunked => None,
    };
    if outline.fields == Fields::Plain {
        return Ok(Admitted { expected: Expected { length, ..Expected::default() }, conditional_head: None });
    }
    let head = conversation.client.input.bytes()[..outline.head_bytes].to_vec();
    check_conditions(conversation, &head).await?;
    let Ok(Parsed::Complete { request, .. }) = parse(&head) else { return Err(Status::BadRequest) };
    // A part must not take the place of the whole: RFC 9110, 14.5.
    if request.content_range.is_some() {
        return Err(Status::BadRequest);
    }
    let mut md5 = [0; 16];
    let md5 = match request.content_md5 {
        None => None,
        Some(text) if base64::decode(text, &mut md5) == Some(md5.len()) => Some(md5),
        Some(_) => return Err(Status::BadRequest),
    };
    // That there is none the rename itself finds out: of many who say this at once, one is let through.
    let is_new = request.conditions.if_none_match == Some(b"*");
    let existing = if is_new { Existing::Kept } else { Existing::Replaced };
    let conditional = request.conditions != Conditions::default();
    let expected = Expected { length, md5, existing };
    Ok(Admitted { expected, conditional_head: conditional.then_some(head) })
}

/// Holds the conditions of a write against what is there now. Two writers with one entity tag may both be let through, if
/// they are done at the same moment: what each was told is true of the moment at which it was asked.
pub(super) async fn check_conditions(conversation: &mut Conversation, head: &[u8]) -> Result<(), Status> {
    let Ok(Parsed::Complete { request, .. }) = parse(head) else { return Err(Status::BadRequest) };
    if request.conditions == Conditions::default() {
        return Ok(());
    }
    let shared = Rc::clone(&conversation.shared);
    let (disk, beneath) = shared.root.disk(&conversation.path);
    // What was believed a moment ago is not good enough here.
    shared.files.forget(&conversation.path);
    let opened = shared.files.open(disk, &conversation.path, beneath);
    let found = conversation.client.while_waiting(opened).await;
    let validators = match found {
        Ok((_, status)) => {
            spindle_disk::open_file::entity_tag(&status, &mut conversation.entity_tag);
            let modified_seconds = status.modified_ns / 1_000_000_000;
            Validators::Present { entity_tag: &conversation.entity_tag, modified_seconds }
        }
        Err(Failure::Absent) => Validators::Absent,
        Err(failure) => return Err(status_of(failure)),
    };
    match evaluate(&request.conditions, request.method, &validators) {
        Verdict::Proceed => Ok(()),
        Verdict::NotModified | Verdict::PreconditionFailed => Err(Status::PreconditionFailed),
    }
}

/// An answer in the middle of a body: nothing after it can be understood.
async fn last_word(conversation: &mut Conversation, outline: &Outline, status: Status) -> Result<(), Ended> {
    let mut parcel = conversation.shared.core.parcel();
    answering::short(&conversation.shared, &outline.last(), status, &mut parcel);
    conversation.client.send(parcel).await?;
    Err(Ended::Unwanted)
}
