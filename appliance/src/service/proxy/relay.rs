//! The answer's way to the client.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::connection::{End, Reception};
use spindle_net::wire::http::forward::{self, Dated, Forwarded, Recipient};
use spindle_net::wire::http::{Framing, Passage, Persistence, Status, Version};

use super::exchange::{Exchange, Failed, PARCEL_BYTES_MAX, Told, pass, receive_in_pieces};
use super::waiting::Event;
use crate::service::http::ended::Ended;

/// Where a body stands that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Collected {
    Over,
    /// One send's worth; there may be more.
    Full,
    AllThatCame,
    /// The connection ended before the body did.
    Cut(End),
}

impl Exchange<'_> {
    /// Passes the answer on as it comes.
    ///
    /// # Errors
    /// There is none, or not all of it.
    pub(super) async fn relay(&mut self) -> Result<Forwarded, Failed> {
        self.conversation.client.connection.set_reception(Reception::Chunks);
        let (answer, parcel) = loop {
            if let Some(answered) = self.answered.take() {
                break answered;
            }
            if self.read_head().await? {
                continue;
            }
            if let Event::Ended(end) = self.hear().await? {
                return Err(self.ended(end));
            }
        };
        let passage = Passage::of_answer(answer.head.framing, self.outline.version);
        if !self.tells_its_end(&answer) {
            // It ends with the connection, which must not end in good order before the client has all of it, whatever happens
            // to us: see [`Conversation::end_in_order`].
            self.conversation.client.connection.break_off();
        }
        self.relay_body(passage, parcel).await?;
        Ok(answer)
    }

    /// Looks for the head of the final answer in what the backend has said, and passes interim ones on: whether it is there.
    ///
    /// # Errors
    /// It is no head of HTTP, or the client is gone.
    pub(super) async fn read_head(&mut self) -> Result<bool, Failed> {
        while !self.backend.input.bytes().is_empty() {
            // The client is in the middle of a body that nobody is going to read, or we are going away.
            let closes = !self.upload.is_over() || self.shared.service.clients.is_stopping();
            let to = Recipient {
                version: self.outline.version,
                persistence: if closes { Persistence::Closes } else { self.outline.persistence },
                content: self.outline.content,
            };
            let mut parcel = self.shared.core.parcel();
            match forward::answer(self.backend.input.bytes(), &to, &mut parcel.bytes) {
                Ok(None) => break,
                Ok(Some(answer)) => {
                    self.backend.input.consume(answer.head.bytes);
                    if answer.head.framing != Framing::Interim {
                        if answer.dated == Dated::No {
                            self.shared.date.with(|line| forward::date(line, &mut parcel.bytes));
                        }
                        self.answered = Some((answer, parcel));
                        return Ok(true);
                    }
                    if !parcel.is_empty() {
                        self.tell(parcel).await?;
                    }
                }
                Err(fault) => {
                    tracing::info!(%fault, "a backend's answer is none");
                    return Err(self.failed(Status::BadGateway));
                }
            }
        }
        Ok(false)
    }

    /// Sends the parcel, which begins with the head, and the body after it.
    async fn relay_body(&mut self, mut passage: Passage, mut parcel: Parcel) -> Result<(), Failed> {
        loop {
            // Before the next one is made: there is never more than one.
            self.until_told().await?;
            let collected = self.collect(&mut passage, &mut parcel).await?;
            if let Collected::Cut(end) = collected
                && self.told == Told::Nothing
            {
                return Err(self.ended(end));
            }
            if !parcel.is_empty() {
                self.told = Told::Part;
                self.tell(parcel).await?;
                parcel = self.shared.core.parcel();
            }
            match collected {
                Collected::Over => return Ok(()),
                Collected::Cut(end) => return Err(self.ended(end)),
                Collected::Full => self.shared.core.step_back().await,
                Collected::AllThatCame => {
                    self.hear().await?;
                }
            }
        }
    }

    /// Adds what has come of the body.
    async fn collect(&mut self, passage: &mut Passage, parcel: &mut Parcel) -> Result<Collected, Failed> {
        loop {
            if let Err(fault) = pass(passage, &mut self.backend.input, parcel) {
                tracing::info!(%fault, "the body of a backend's answer is none");
                return Err(self.failed(Status::BadGateway));
            }
            if passage.is_over() {
                return Ok(Collected::Over);
            }
            if parcel.len() >= PARCEL_BYTES_MAX {
                return Ok(Collected::Full);
            }
            match self.backend.ended {
                Some(End::Finished) if passage.ends_with_its_connection() => return Ok(Collected::Over),
                Some(end) => return Ok(Collected::Cut(end)),
                None => {}
            }
            if self.backend.connection.is_receiving() && passage.has_more_than(PARCEL_BYTES_MAX) {
                let backend = &mut self.backend;
                backend.ended = receive_in_pieces(&mut backend.connection, &mut backend.input).await.err();
                continue;
            }
            match self.backend.connection.receive_arrived(&mut self.backend.input).await {
                Ok(true) => {}
                Ok(false) => return Ok(Collected::AllThatCame),
                Err(end) => self.backend.ended = Some(end),
            }
        }
    }

    /// Sends to the client, after all that was sent before.
    async fn tell(&mut self, parcel: Parcel) -> Result<(), Failed> {
        self.until_told().await?;
        self.conversation.client.connection.post(parcel).map_err(Ended::from)?;
        Ok(())
    }

    /// Waits until the client has what was sent before. While it makes us wait, nothing more is received from the backend.
    async fn until_told(&mut self) -> Result<(), Failed> {
        let client = &mut self.conversation.client;
        if client.connection.is_sending() {
            // Most sends are over by the next turn. One that is not waits for the client.
            self.shared.core.next_turn().await;
        }
        if !client.connection.is_sending() {
            return Ok(());
        }
        let backend = &mut self.backend;
        if let Err(end) = receive_in_pieces(&mut backend.connection, &mut backend.input).await {
            backend.ended = Some(end);
        }
        let deadline_ns = client.deadline_ns();
        let flushed = client.connection.flush(&mut client.input);
        let sent = Box::pin(self.shared.core.until(deadline_ns, flushed)).await;
        Ok(sent.ok_or(Ended::Idle)?.map_err(Ended::from)?)
    }

    /// Whether the client can tell a body that is cut from one that has ended.
    pub(super) fn tells_its_end(&self, answer: &Forwarded) -> bool {
        match answer.head.framing {
            Framing::UntilEnd => false,
            Framing::Chunked => self.outline.version == Version::Http11,
            Framing::Interim | Framing::None | Framing::Sized(_) => true,
        }
    }
}
