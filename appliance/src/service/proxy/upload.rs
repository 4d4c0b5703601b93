//! The request's way to the backend.
#![forbid(unsafe_code)]

use spindle_core::Parcel;
use spindle_net::wire::http::Refusal;

use super::exchange::{Exchange, Failed, PARCEL_BYTES_MAX, pass, receive_in_pieces};
use super::waiting::Event;
use crate::service::http::ended::Ended;

impl Exchange<'_> {
    /// Sends the parcel, which begins with the head, and the body after it. Returns before the body is over when the backend
    /// has given its final answer, or has ended its connection: what it had to say is still to be heard.
    ///
    /// # Errors
    /// The client is gone or its body is none; or the backend takes too long.
    pub(super) async fn send(&mut self, mut parcel: Parcel) -> Result<(), Failed> {
        loop {
            self.fill(&mut parcel).await?;
            if !parcel.is_empty() {
                loop {
                    match self.until_sent().await? {
                        Event::Sent => break,
                        Event::Heard if !self.read_head().await? => {}
                        _ => return Ok(()),
                    }
                }
                if self.backend.connection.post(parcel).is_err() {
                    return Ok(());
                }
                parcel = self.shared.core.parcel();
                if !self.upload.is_over() {
                    // What was taken over meanwhile is not announced again.
                    continue;
                }
            }
            if self.upload.is_over() {
                self.handed_over = true;
                return Ok(());
            }
            match self.await_body().await? {
                Event::Body => {}
                Event::Heard if !self.read_head().await? => {}
                _ => return Ok(()),
            }
        }
    }

    /// Adds what has come of the body.
    async fn fill(&mut self, parcel: &mut Parcel) -> Result<(), Failed> {
        let client = &mut self.conversation.client;
        while !self.upload.is_over() {
            pass(&mut self.upload, &mut client.input, parcel).map_err(|fault| Failed::Refused(Refusal::from(fault)))?;
            if self.upload.is_over() || parcel.len() >= PARCEL_BYTES_MAX {
                break;
            }
            if client.connection.is_receiving() && self.upload.has_more_than(PARCEL_BYTES_MAX) {
                let received = receive_in_pieces(&mut client.connection, &mut client.input);
                received.await.map_err(Ended::from)?;
                continue;
            }
            if !client.connection.receive_arrived(&mut client.input).await.map_err(Ended::from)? {
                break;
            }
        }
        Ok(())
    }
}
