//! What the proxy says itself, where no backend has an answer.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::wire::http::{Answer, Persistence, Refusal, Status, To};

use super::outline::Outline;
use super::shared::ProxyCore;

/// A short answer of one status.
pub fn short(shared: &ProxyCore, outline: &Outline, status: Status, persistence: Persistence, parcel: &mut Parcel) {
    shared.date.with(|date_line| {
        let to = To { version: outline.version, persistence, content: outline.content, date_line };
        Answer::new(to, status).write_short(&mut parcel.bytes);
    });
}

/// The answer to a request that is not passed on: the last on its connection.
pub fn refused(shared: &ProxyCore, refusal: Refusal, parcel: &mut Parcel) {
    shared.date.with(|date| {
        let to = To::unread(date);
        Answer::refusal(to, refusal).write_short(&mut parcel.bytes);
    });
}
