//! One socket: chunks in, parcels out, and how it ends.
//!
//! At most one send is in flight, and a flow that wants to send the next waits for it: that is the whole of flow control.
//! While it waits it holds no receive buffer (see [`Connection::flush`]), so a peer that does not read costs what it was
//! sent and what it had sent, and nobody else waits for it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use spindle_core::buffers::lend::Tail;
use spindle_core::descriptor::Close;
use spindle_core::flight::Arrived;
use spindle_core::op::Fill;
use spindle_core::{Core, Descriptor, Errno, Flight, LendMut, Op, Parcel};

use crate::input::Input;

/// Why nothing more can be received or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer finished its stream.
    Finished,
    /// The peer or the network broke it.
    Broken(Errno),
    /// The engine is at a bound (`EAGAIN`: every slot is taken).
    Refused,
    /// The peer said nothing for as long as it may.
    Silent,
}

impl End {
    fn of(errno: Errno) -> End {
        if errno == Errno::EAGAIN { End::Refused } else { End::Broken(errno) }
    }
}

pub struct Connection {
    core: Core,
    socket: Rc<Descriptor>,
    /// The multishot receive; none while it is paused.
    receiving: Option<Flight>,
    reception: Reception,
    /// A receive into memory of its own.
    piece: Option<Flight>,
    sending: Option<Flight>,
    /// Waits for the send before it.
    late: Option<Box<Parcel>>,
}

/// Where what the peer sends is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// As it comes, in the core's receive buffers: for peers that say little, or nothing for long.
    Chunks,
    /// When it is asked for, in memory of its own, at most [`PIECE_BYTES_MAX`] at a time: for a stream that would fill all of
    /// the receive buffers at once, and whose taker may be slow.
    Pieces,
}

/// Of one receive of [`Reception::Pieces`].
pub const PIECE_BYTES_MAX: usize = 64 * 1024;

/// What became of a parcel that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    Sending,
    /// The one before it is not sent: [`Connection::catch_up`] comes before the next.
    Late,
}

impl Connection {
    pub fn new(core: &Core, socket: Descriptor) -> Connection {
        Connection {
            core: core.clone(),
            socket: Rc::new(socket),
            receiving: None,
            reception: Reception::Chunks,
            piece: None,
            sending: None,
            late: None,
        }
    }

    #[inline]
    pub fn core(&self) -> &Core {
        &self.core
    }

    pub fn socket(&self) -> &Rc<Descriptor> {
        &self.socket
    }

    /// Waits for the next chunk and adds it to the input.
    pub async fn receive(&mut self, input: &mut Input) -> Result<(), End> {
        poll_fn(|context| self.poll_receive(input, context)).await
    }

    /// [`Connection::receive`], which ends with [`End::Silent`] when nothing comes before the deadline.
    pub async fn receive_until(&mut self, input: &mut Input, deadline_ns: Option<u64>) -> Result<(), End> {
        let Some(deadline_ns) = deadline_ns else { return self.receive(input).await };
        let core = self.core.clone();
        core.until(deadline_ns, self.receive(input)).await.unwrap_or(Err(End::Silent))
    }

    /// [`Connection::receive`] as a step, for flows that wait for several things at once.
    #[inline]
    pub fn poll_receive(&mut self, input: &mut Input, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        if self.piece.is_some() || self.reception == Reception::Pieces && self.receiving.is_none() {
            return self.poll_piece(input, context);
        }
        loop {
            let receiving =
                self.receiving.get_or_insert_with(|| self.core.launch(Op::Receive { socket: Rc::clone(&self.socket) }));
            let Poll::Ready(landing) = Pin::new(receiving).poll(context) else {
                // Who waits holds no receive buffer: the others need them.
                input.detach();
                return Poll::Pending;
            };
            if !landing.more {
                self.receiving = None;
            }
            match (landing.result, landing.arrived) {
                (Ok(_), Arrived::Chunk(chunk)) if !chunk.is_empty() => {
                    input.push(chunk);
                    return Poll::Ready(Ok(()));
                }
                (Ok(_), _) => return Poll::Ready(Err(End::Finished)),
                (Err(Errno::ENOBUFS), _) => {
                    input.detach();
                    self.core.wake_when_buffers_are_home();
                    return Poll::Pending;
                }
                // Paused because the flow did not keep up. Now it does: arm again.
                (Err(Errno::ECANCELED), _) => {}
                (Err(errno), _) => return Poll::Ready(Err(End::of(errno))),
            }
        }
    }

    fn poll_piece(&mut self, input: &mut Input, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        let piece = self.piece.get_or_insert_with(|| {
            let memory = input.take_spare().unwrap_or_else(|| std::mem::take(&mut self.core.parcel().bytes));
            let (socket, into) = (Rc::clone(&self.socket), Box::new(Tail::new(memory, PIECE_BYTES_MAX)));
            self.core.launch(Op::ReceiveInto { socket, into, filled: 0, fill: Fill::Arrived })
        });
        let Poll::Ready(landing) = Pin::new(piece).poll(context) else {
            input.detach();
            return Poll::Pending;
        };
        let cargo = self.piece.take().and_then(Flight::into_cargo);
        Poll::Ready(match (landing.result, cargo) {
            (Err(errno), _) => Err(End::of(errno)),
            (Ok(_), Some(Op::ReceiveInto { into, filled, .. })) if filled > 0 => {
                let received = Tail::finish(into, filled).map(|(bytes, _)| bytes);
                received.map(|bytes| input.push_owned(bytes)).ok_or(End::Refused)
            }
            (Ok(_), _) => Err(End::Finished),
        })
    }

    /// Receives so from now on. Before pieces, what was received in chunks is taken over with [`Connection::pause`].
    pub fn set_reception(&mut self, reception: Reception) {
        self.reception = reception;
    }

    /// Adds what has arrived to the input, and waits for nothing: whether there was anything.
    pub async fn receive_arrived(&mut self, input: &mut Input) -> Result<bool, End> {
        poll_fn(|context| {
            Poll::Ready(match self.poll_receive(input, context) {
                Poll::Ready(received) => received.map(|()| true),
                Poll::Pending => Ok(false),
            })
        })
        .await
    }

    /// Asks for the end of receiving; what has arrived comes with [`Connection::receive_last`].
    pub fn stop_receiving(&mut self) {
        if let Some(receiving) = &self.receiving {
            receiving.cancel();
        }
    }

    /// After [`Connection::stop_receiving`]: adds what had arrived to the input, a chunk a call; false once there is none
    /// left, and nothing is received any more.
    pub async fn receive_last(&mut self, input: &mut Input) -> Result<bool, End> {
        while let Some(receiving) = &mut self.receiving {
            let landing = receiving.await;
            if !landing.more {
                self.receiving = None;
            }
            match (landing.result, landing.arrived) {
                (Ok(_), Arrived::Chunk(chunk)) if !chunk.is_empty() => {
                    input.push(chunk);
                    return Ok(true);
                }
                // The end of the stream is met again by whoever receives next.
                (Ok(_) | Err(Errno::ECANCELED | Errno::ENOBUFS), _) => {}
                (Err(errno), _) => return Err(End::of(errno)),
            }
        }
        Ok(false)
    }

    /// Whether what the peer sends arrives without being asked for.
    pub fn is_receiving(&self) -> bool {
        self.receiving.is_some()
    }

    /// Hands a parcel over: sent now, or by [`Connection::catch_up`] when the one before it is not sent yet.
    #[inline]
    pub fn post(&mut self, parcel: Parcel) -> Result<Posted, End> {
        assert!(self.late.is_none(), "a late parcel is flushed before the next is posted");
        if let Some(sending) = &mut self.sending {
            if !sending.has_landed() {
                self.late = Some(Box::new(parcel));
                return Ok(Posted::Late);
            }
            if let Some(Err(errno)) = sending.take_landing().map(|landing| landing.result) {
                return Err(End::of(errno));
            }
        }
        self.launch_send(parcel);
        Ok(Posted::Sending)
    }

    #[inline]
    fn launch_send(&mut self, parcel: Parcel) {
        self.sending = Some(self.core.launch(Op::Send { socket: Rc::clone(&self.socket), parcel }));
    }

    /// Sends the parcel after the one before it. Returns once the kernel has it, not once it is sent.
    #[inline]
    pub async fn send(&mut self, parcel: Parcel, input: &mut Input) -> Result<(), End> {
        if self.post(parcel)? == Posted::Late {
            self.catch_up(input).await?;
        }
        Ok(())
    }

    /// Waits until a late parcel is on its way.
    pub async fn catch_up(&mut self, input: &mut Input) -> Result<(), End> {
        self.sent(input).await?;
        if let Some(parcel) = self.late.take() {
            self.launch_send(*parcel);
        }
        Ok(())
    }

    /// Waits until everything is sent. While the peer makes us wait, no receive buffer is held: what had arrived is added
    /// to the input.
    pub async fn flush(&mut self, input: &mut Input) -> Result<(), End> {
        self.catch_up(input).await?;
        self.sent(input).await
    }

    async fn sent(&mut self, input: &mut Input) -> Result<(), End> {
        if self.is_sending() {
            // Most sends are over by the next turn. One that is not waits for the peer.
            self.core.next_turn().await;
        }
        if self.is_sending() {
            self.pause(input).await?;
        }
        let Some(sending) = self.sending.as_mut() else { return Ok(()) };
        let landing = sending.await;
        self.sending = None;
        landing.result.map(drop).map_err(End::of)
    }

    /// Whether a parcel is on its way that the kernel has not taken all of.
    #[inline]
    pub fn is_sending(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| !sending.has_landed())
    }

    /// Whether everything that was handed over has been sent, and nothing failed since this or [`Connection::poll_sent`] was
    /// last asked.
    pub fn has_sent_all(&mut self) -> bool {
        if let Some(sending) = &mut self.sending {
            let Some(landing) = sending.take_landing() else { return false };
            self.sending = None;
            return landing.result.is_ok() && self.late.is_none();
        }
        self.late.is_none()
    }

    /// Waits until nothing is being sent, as a step: for flows that go on receiving meanwhile.
    #[inline]
    pub fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Some(sending) = self.sending.as_mut() else { return Poll::Ready(Ok(())) };
        let Poll::Ready(landing) = Pin::new(sending).poll(context) else { return Poll::Pending };
        self.sending = None;
        Poll::Ready(landing.result.map(drop).map_err(End::of))
    }

    /// Stops receiving and takes over what has arrived, so that no receive buffer is held. (A piece holds none, and is bounded
    /// by itself.)
    pub async fn pause(&mut self, input: &mut Input) -> Result<(), End> {
        input.detach();
        self.stop_receiving();
        while self.receive_last(input).await? {
            input.detach();
        }
        Ok(())
    }

    /// Waits for something else than the peer, and holds no receive buffer meanwhile: what arrives is added to the input, and
    /// then receiving stops until it is asked for again. How the stream ends is met by whoever asks.
    pub async fn while_waiting<T>(&mut self, input: &mut Input, awaited: impl Future<Output = T>) -> T {
        input.detach();
        let mut awaited = pin!(awaited);
        poll_fn(|context| {
            let done = awaited.as_mut().poll(context);
            if done.is_pending() {
                self.take_over_arrived(input, context);
            }
            done
        })
        .await
    }

    fn take_over_arrived(&mut self, input: &mut Input, context: &mut Context<'_>) {
        while let Some(receiving) = &mut self.receiving
            && let Poll::Ready(landing) = Pin::new(&mut *receiving).poll(context)
        {
            if let Arrived::Chunk(chunk) = landing.arrived {
                input.push(chunk);
                input.detach();
                receiving.cancel();
            }
            if !landing.more {
                self.receiving = None;
            }
        }
    }

    /// Receives straight into `into`'s piece. Nothing may be left in the input: [`Connection::pause`] and consume first.
    /// Fewer bytes than the piece is long: the stream ended, or the deadline came. [`End::Silent`]: it came and no byte had.
    pub async fn receive_into(
        &mut self,
        into: Box<dyn LendMut>,
        deadline_ns: Option<u64>,
    ) -> (Result<usize, End>, Option<Box<dyn LendMut>>) {
        assert!(self.receiving.is_none() && self.piece.is_none(), "two receives would tear the stream");
        let mut flight =
            self.core.launch(Op::ReceiveInto { socket: Rc::clone(&self.socket), into, filled: 0, fill: Fill::Whole });
        let landing = match deadline_ns {
            None => (&mut flight).await,
            Some(deadline_ns) => match self.core.until(deadline_ns, &mut flight).await {
                Some(landing) => landing,
                None => {
                    // What came meanwhile is not lost: the last landing counts it.
                    flight.cancel();
                    (&mut flight).await
                }
            },
        };
        let Some(Op::ReceiveInto { into, filled, .. }) = flight.into_cargo() else { return (Err(End::Refused), None) };
        let received = match landing.result {
            Ok(_) => Ok(filled),
            Err(Errno::ECANCELED) if filled > 0 => Ok(filled),
            Err(Errno::ECANCELED) => Err(End::Silent),
            Err(errno) => Err(End::of(errno)),
        };
        (received, Some(into))
    }

    /// Has the peer see a broken connection, and not the end of a stream, once this is dropped: where the end would mean that
    /// all was said.
    pub fn break_off(&self) {
        self.socket.set_close(Close::Abrupt);
    }

    /// Takes [`Connection::break_off`] back.
    pub fn mend(&self) {
        self.socket.set_close(Close::Orderly);
    }

    /// Says that nothing more will be sent, and reads the peer's stream to its end or to `bytes_max`: a reset would
    /// destroy the last reply on its way.
    pub async fn linger(&mut self, input: &mut Input, bytes_max: usize) {
        if self.flush(input).await.is_err() {
            return;
        }
        let how = std::net::Shutdown::Write;
        let _ = self.core.launch(Op::Shutdown { socket: Rc::clone(&self.socket), how }).await;
        let mut discarded = 0;
        while discarded < bytes_max && self.receive(input).await.is_ok() {
            discarded += input.bytes().len();
            input.consume(input.bytes().len());
        }
    }
}
