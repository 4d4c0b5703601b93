//! One client's flow: a request, its answer, the next, until somebody ends it.
#![forbid(unsafe_code)]

use std::rc::Rc;

use spindle_core::Parcel;
use spindle_disk::upload::SPOOL_FOLDER;
use spindle_net::wire::http::target::{self, Ending};
use spindle_net::wire::http::{Parsed, Persistence, Refusal, Status, parse};

use super::outline::{Outline, Verb};
use super::shared::FilesCore;
use super::{answering, body, delete, get, put};
use crate::service::http::client::Client;
use crate::service::http::clients;
use crate::service::http::ended::Ended;
use crate::settings::decided::Permission;

/// A body that nobody wants is read up to here, so that the connection can be used again.
const UNWANTED_BYTES_MAX: u64 = 256 * 1024;

/// What the target of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    File,
    Folder,
    /// Nothing that is served, whether or not it is there.
    Hidden,
    Refused(Refusal),
    /// `*`: the server itself (RFC 9112, 3.2.4).
    Server,
}

/// One client.
pub struct Conversation {
    pub(super) shared: Rc<FilesCore>,
    pub(super) client: Client,
    /// Of this request, beneath the root.
    pub(super) path: Vec<u8>,
    /// Of the file that this request is about.
    pub(super) entity_tag: String,
}

impl clients::Conversation for Conversation {
    const SERVICE: &'static str = "files";

    fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    async fn talk(&mut self) -> Result<Ended, Ended> {
        loop {
            let (outline, target) = match parse(self.client.input.bytes()) {
                Ok(Parsed::Incomplete) => {
                    self.client.receive_request().await?;
                    continue;
                }
                Ok(Parsed::Complete { request, consumed }) => {
                    let target = aim(request.target, &mut self.path);
                    (Outline::of(&request, consumed), target)
                }
                Err(refusal) => {
                    let mut parcel = self.shared.core.parcel();
                    answering::unread(&self.shared, refusal, &mut parcel);
                    self.client.send(parcel).await?;
                    return Ok(Ended::Refused(refusal));
                }
            };
            self.serve(&outline, target).await?;
            self.client.patience.renew();
            if outline.persistence == Persistence::Closes {
                return Ok(Ended::Asked);
            }
        }
    }
}

impl Conversation {
    pub fn new(shared: &Rc<FilesCore>, client: Client) -> Conversation {
        Conversation { client, path: Vec::new(), entity_tag: String::new(), shared: Rc::clone(shared) }
    }

    async fn serve(&mut self, outline: &Outline, target: Target) -> Result<(), Ended> {
        let writes = self.shared.service.settings.writes == Permission::Allowed;
        match (target, outline.verb) {
            (Target::Refused(refusal), _) => self.refuse(outline, refusal).await,
            (Target::Server, verb) if verb != Verb::Options => self.refuse(outline, Refusal::Target).await,
            (_, Verb::Options) => self.say_methods(outline, Status::Ok).await,
            (_, Verb::Other) => self.say_methods(outline, Status::MethodNotAllowed).await,
            (_, Verb::Put | Verb::Delete) if !writes => self.say_methods(outline, Status::MethodNotAllowed).await,
            (Target::Hidden, _) => self.say(outline, Status::NotFound).await,
            (Target::Folder | Target::Server, _) => self.say(outline, Status::Forbidden).await,
            (Target::File, Verb::Get | Verb::Head) => get::answer(self, outline).await,
            (Target::File, Verb::Put) => Box::pin(put::answer(self, outline)).await,
            (Target::File, Verb::Delete) => Box::pin(delete::answer(self, outline)).await,
        }
    }

    /// Answers with a status alone, without having read the body, if there is one.
    pub(super) async fn say(&mut self, outline: &Outline, status: Status) -> Result<(), Ended> {
        self.say_with(outline, |shared, outline, parcel| answering::short(shared, outline, status, parcel)).await
    }

    async fn say_methods(&mut self, outline: &Outline, status: Status) -> Result<(), Ended> {
        self.say_with(outline, |shared, outline, parcel| {
            let writes = shared.service.settings.writes == Permission::Allowed;
            answering::methods(shared, outline, status, writes, parcel);
        })
        .await
    }

    async fn refuse(&mut self, outline: &Outline, refusal: Refusal) -> Result<(), Ended> {
        if refusal.persistence() == Persistence::Closes {
            let mut parcel = self.shared.core.parcel();
            answering::unread(&self.shared, refusal, &mut parcel);
            self.client.send(parcel).await?;
            return Err(Ended::Refused(refusal));
        }
        self.say(outline, refusal.status()).await
    }

    /// The head is consumed, and so is the body, or the connection ends: what nobody reads would be taken for a request.
    async fn say_with(
        &mut self,
        outline: &Outline,
        write: impl FnOnce(&FilesCore, &Outline, &mut Parcel),
    ) -> Result<(), Ended> {
        self.client.input.consume(outline.head_bytes);
        let mut parcel = self.shared.core.parcel();
        let within = body::is_within(outline.body, UNWANTED_BYTES_MAX);
        if !outline.has_body() || within && !outline.body_is_uncertain() {
            write(&self.shared, outline, &mut parcel);
            self.client.send(parcel).await?;
            return self.skip(outline).await;
        }
        write(&self.shared, &outline.last(), &mut parcel);
        self.client.send(parcel).await?;
        Err(Ended::Unwanted)
    }

    /// Reads past a body that nobody wants; where it is uncertain whether there is one, the answer was the last.
    pub(super) async fn skip(&mut self, outline: &Outline) -> Result<(), Ended> {
        if !outline.has_body() {
            return Ok(());
        }
        if outline.body_is_uncertain() {
            return Err(Ended::Unwanted);
        }
        Box::pin(body::skip(&mut self.client, outline.body, UNWANTED_BYTES_MAX)).await
    }
}

/// Reads a target into the path that it names.
fn aim(target: &str, path: &mut Vec<u8>) -> Target {
    if target == "*" {
        return Target::Server;
    }
    match target::path(target, path) {
        Err(error) => Target::Refused(error.into()),
        Ok(_) if path.split(|byte| *byte == b'/').any(|name| name == SPOOL_FOLDER.as_bytes()) => Target::Hidden,
        Ok(Ending::Slash) => Target::Folder,
        Ok(Ending::Name) => Target::File,
    }
}
