//! The heads of answers, and short answers whole.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_core::status::Status as FileStatus;
use spindle_disk::Failure;
use spindle_disk::upload::Refused;
use spindle_net::wire::http::answer::{AcceptRanges, Ranged};
use spindle_net::wire::http::{Answer, Refusal, Status, To};

use super::outline::Outline;
use super::shared::FilesCore;
use crate::service::http::date::unix_seconds;

/// What is served here (RFC 9110, 10.2.1).
const METHODS: &str = "GET, HEAD, PUT, DELETE, OPTIONS";
const METHODS_TO_READ: &str = "GET, HEAD, OPTIONS";
/// What files are said to be: a storage node knows no better, as mogstored's did not.
const CONTENT_TYPE: &str = "application/octet-stream";

/// The status of what a disk did not do.
pub fn status_of(failure: Failure) -> Status {
    match failure {
        Failure::Absent => Status::NotFound,
        Failure::Forbidden => Status::Forbidden,
        Failure::Full => Status::InsufficientStorage,
        Failure::Busy | Failure::Hung => Status::ServiceUnavailable,
        Failure::Shrunk | Failure::Disk(_) => Status::InternalServerError,
    }
}

/// The status of a body that was not taken.
pub fn status_of_upload(refused: Refused) -> Status {
    match refused {
        Refused::Disk(failure) => status_of(failure),
        Refused::Length | Refused::Digest => Status::BadRequest,
        Refused::Exists => Status::PreconditionFailed,
    }
}

/// A short answer of one status.
pub fn short(shared: &FilesCore, outline: &Outline, status: Status, parcel: &mut Parcel) {
    shared.date.with(|date| Answer::new(outline.to(date), status).write_short(&mut parcel.bytes));
}

/// The answer to a request that could not be understood: the last on its connection.
pub fn unread(shared: &FilesCore, refusal: Refusal, parcel: &mut Parcel) {
    shared.date.with(|date| Answer::refusal(To::unread(date), refusal).write_short(&mut parcel.bytes));
}

/// The answer to a range that has no byte of the file.
pub fn unsatisfied(shared: &FilesCore, outline: &Outline, total: u64, parcel: &mut Parcel) {
    shared.date.with(|date| {
        let ranged = Some(Ranged::Unsatisfied { total });
        Answer { ranged, ..Answer::new(outline.to(date), Status::RangeNotSatisfiable) }.write_short(&mut parcel.bytes);
    });
}

/// What may be asked: to OPTIONS, and to a method that is not served.
pub fn methods(shared: &FilesCore, outline: &Outline, status: Status, writes: bool, parcel: &mut Parcel) {
    let allow = Some(if writes { METHODS } else { METHODS_TO_READ });
    shared.date.with(|date| {
        let answer = Answer { allow, ..Answer::new(outline.to(date), status) };
        match status {
            Status::Ok => answer.write(&mut parcel.bytes),
            _ => answer.write_short(&mut parcel.bytes),
        }
    });
}

/// What a file's answer says of it.
pub struct Described<'a> {
    pub status: Status,
    pub file: &'a FileStatus,
    pub entity_tag: &'a str,
    /// Of the answer, in bytes.
    pub content_length: u64,
    pub ranged: Option<Ranged>,
}

/// The head of an answer about a file.
pub fn described(shared: &FilesCore, outline: &Outline, described: &Described<'_>, parcel: &mut Parcel) {
    shared.date.with(|date| {
        let answer = Answer {
            content_length: described.content_length,
            content_type: Some(CONTENT_TYPE),
            // Not later than the Date (RFC 9110, 8.8.2.1), whatever another clock has written there.
            modified_seconds: Some((described.file.modified_ns / 1_000_000_000).min(unix_seconds())),
            entity_tag: Some(described.entity_tag),
            accept_ranges: AcceptRanges::Bytes,
            ranged: described.ranged,
            ..Answer::new(outline.to(date), described.status)
        };
        answer.write(&mut parcel.bytes);
    });
}
