//! DELETE.
#![forbid(unsafe_code)]

use std::rc::Rc;

use spindle_disk::upload;
use spindle_net::wire::http::Status;

use super::answering::status_of;
use super::conversation::Conversation;
use super::outline::{Fields, Outline};
use super::put::check_conditions;
use crate::service::http::ended::Ended;

pub(super) async fn answer(conversation: &mut Conversation, outline: &Outline) -> Result<(), Ended> {
    if outline.fields == Fields::Special {
        let head = conversation.client.input.bytes()[..outline.head_bytes].to_vec();
        if let Err(status) = check_conditions(conversation, &head).await {
            return conversation.say(outline, status).await;
        }
    }
    let shared = Rc::clone(&conversation.shared);
    let (disk, beneath) = shared.root.disk(&conversation.path);
    let service = &shared.service;
    let removing = upload::remove(disk, &conversation.path, beneath, service.promise(), &service.changes);
    let removed = conversation.client.while_waiting(removing).await;
    conversation.say(outline, removed.map_or_else(status_of, |()| Status::NoContent)).await
}
