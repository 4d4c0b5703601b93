//! Waiting for one side, with an ear for the other. Who waits holds no receive buffer: what comes meanwhile from the other
//! side is kept, within bounds, or not received.
#![forbid(unsafe_code)]

use std::future::poll_fn;
use std::task::{Context, Poll};

use spindle_net::connection::End;
use spindle_net::wire::http::Status;

use super::exchange::{Exchange, Failed, PARCEL_BYTES_MAX, receive_in_pieces};
use crate::service::http::ended::Ended;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The backend has said more.
    Heard,
    /// The backend's connection has ended.
    Ended(End),
    /// All that the backend was sent is on its way.
    Sent,
    /// The backend takes nothing more. What it had to say may have come before that, and is still to be heard.
    Deaf,
    /// There is more of the client's body.
    Body,
    /// The client has said more than is kept for later.
    Ahead,
    /// The client is gone.
    Left(Ended),
    /// The backend takes too long.
    Silence,
}

impl Exchange<'_> {
    /// Waits for the backend to say more, or for its end.
    ///
    /// # Errors
    /// The client is gone, or the backend takes too long.
    pub(super) async fn hear(&mut self) -> Result<Event, Failed> {
        if let Some(end) = self.backend.ended {
            return Ok(Event::Ended(end));
        }
        self.conversation.backend_patience.renew();
        let mut may_speak = true;
        loop {
            let event = poll_fn(|context| {
                if let Poll::Ready(event) = self.poll_backend(context) {
                    return Poll::Ready(event);
                }
                if may_speak && let Poll::Ready(event) = self.poll_client_ahead(context) {
                    return Poll::Ready(event);
                }
                self.poll_silence(context)
            })
            .await;
            match event {
                Event::Ahead => {
                    may_speak = false;
                    let client = &mut self.conversation.client;
                    client.connection.pause(&mut client.input).await.map_err(Ended::from)?;
                }
                Event::Left(ended) => return Err(ended.into()),
                Event::Silence => return Err(self.failed(Status::GatewayTimeout)),
                event => return Ok(event),
            }
        }
    }

    /// Waits until the backend has taken what it was sent, or says something. The client waits with us.
    ///
    /// # Errors
    /// The client is gone, or the backend takes too long.
    pub(super) async fn until_sent(&mut self) -> Result<Event, Failed> {
        if self.backend.connection.is_sending() {
            // Most sends are over by the next turn. One that is not waits for the backend.
            self.shared.core.next_turn().await;
        }
        if self.backend.connection.is_sending() {
            let client = &mut self.conversation.client;
            let paused = receive_in_pieces(&mut client.connection, &mut client.input);
            paused.await.map_err(Ended::from)?;
        }
        self.conversation.backend_patience.renew();
        let event = poll_fn(|context| {
            // First: who answers early is heard before it is sent any more.
            if let Poll::Ready(event) = self.poll_backend(context) {
                return Poll::Ready(event);
            }
            match self.backend.connection.poll_sent(context) {
                Poll::Ready(Ok(())) => Poll::Ready(Event::Sent),
                Poll::Ready(Err(_)) => Poll::Ready(Event::Deaf),
                Poll::Pending => self.poll_silence(context),
            }
        })
        .await;
        if event == Event::Silence { Err(self.failed(Status::GatewayTimeout)) } else { Ok(event) }
    }

    /// Waits for more of the client's body, or for the backend to say something.
    ///
    /// # Errors
    /// The client is gone, or takes too long.
    pub(super) async fn await_body(&mut self) -> Result<Event, Failed> {
        self.conversation.client.patience.renew();
        let event = poll_fn(|context| {
            if let Poll::Ready(event) = self.poll_backend(context) {
                return Poll::Ready(event);
            }
            if let Poll::Ready(Err(_)) = self.backend.connection.poll_sent(context) {
                return Poll::Ready(Event::Deaf);
            }
            let client = &mut self.conversation.client;
            match client.connection.poll_receive(&mut client.input, context) {
                Poll::Ready(Ok(())) => Poll::Ready(Event::Body),
                Poll::Ready(Err(end)) => Poll::Ready(Event::Left(end.into())),
                Poll::Pending if client.patience.is_over(context) => Poll::Ready(Event::Left(Ended::Idle)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        if let Event::Left(ended) = event { Err(ended.into()) } else { Ok(event) }
    }

    fn poll_backend(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        match self.backend.connection.poll_receive(&mut self.backend.input, context) {
            Poll::Ready(Ok(())) => {
                self.heard = true;
                Poll::Ready(Event::Heard)
            }
            Poll::Ready(Err(end)) => Poll::Ready(self.backend_ended(end)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whatever ended it, the connection is good for nothing more.
    fn backend_ended(&mut self, end: End) -> Event {
        self.backend.ended = Some(end);
        Event::Ended(end)
    }

    /// Takes in what the client says before it has its answer: the next requests, or that it leaves. One who has finished and
    /// has nothing more to ask is taken for gone, as by nginx and Perlbal.
    fn poll_client_ahead(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let client = &mut self.conversation.client;
        loop {
            if client.input.bytes().len() > PARCEL_BYTES_MAX {
                return Poll::Ready(Event::Ahead);
            }
            match client.connection.poll_receive(&mut client.input, context) {
                Poll::Ready(Ok(())) => client.input.detach(),
                Poll::Ready(Err(End::Finished)) if !client.input.bytes().is_empty() => {
                    return Poll::Ready(Event::Ahead);
                }
                Poll::Ready(Err(end)) => return Poll::Ready(Event::Left(end.into())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        if self.conversation.backend_patience.is_over(context) { Poll::Ready(Event::Silence) } else { Poll::Pending }
    }
}
