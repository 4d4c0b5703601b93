//! The socket of a slow client: sends when told, and receives only when told, so that what is not read piles up where it
//! comes from.
//!
//! Slow clients have nothing to do with the receive buffers of the core, which the load beside them needs: each reads into
//! a small piece of its own, and no receive is armed while it does not want to read.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;

use nix::sys::socket::{setsockopt, sockopt};
use spindle_core::descriptor::Close;
use spindle_core::op::Offset;
use spindle_core::{Core, Descriptor, Errno, Flight, Op};
use spindle_net::dial::{connect, undialled};

use super::measured::SlowMeasured;

/// The most that is read at once.
pub(super) const READ_BYTES_MAX: u64 = 1024;

/// How much the kernel receives for a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// As the system has it.
    Usual,
    /// As little as it may be.
    Tiny,
}

/// The kernel makes this as small as it is willing to (socket(7), `SO_RCVBUF`).
const TINY_WINDOW_BYTES: usize = 1;

pub(super) struct Wire<'a> {
    core: &'a Core,
    tally: &'a RefCell<SlowMeasured>,
    socket: Rc<Descriptor>,
    /// A read that is under way, also while nobody waits for it.
    reading: Option<Flight>,
    /// What was read last.
    piece: Vec<u8>,
}

impl<'a> Wire<'a> {
    pub(super) async fn connect(
        core: &'a Core,
        tally: &'a RefCell<SlowMeasured>,
        server: std::net::SocketAddr,
        window: Window,
    ) -> Result<Wire<'a>, Errno> {
        let socket = undialled(server)?;
        if window == Window::Tiny {
            setsockopt(&socket, sockopt::RcvBuf, &TINY_WINDOW_BYTES)?;
        }
        let socket = Rc::new(connect(core, socket, server).await?);
        let mut counts = tally.borrow_mut();
        counts.attached_now += 1;
        counts.attached_max = counts.attached_max.max(counts.attached_now);
        drop(counts);
        Ok(Wire { core, tally, socket, reading: None, piece: Vec::new() })
    }

    /// Sends what `write` writes, and waits until the kernel has all of it.
    pub(super) async fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Errno> {
        let mut parcel = self.core.parcel();
        write(&mut parcel.bytes);
        let bytes = parcel.len() as u64;
        self.core.launch(Op::Send { socket: Rc::clone(&self.socket), parcel }).await.result?;
        self.tally.borrow_mut().bytes_sent += bytes;
        Ok(())
    }

    /// Waits until there is something to read, and takes `bytes_max` of it, or [`READ_BYTES_MAX`]; nothing at the end of the
    /// stream. Dropped before that, it goes on by itself, and its bytes are the next read's.
    pub(super) async fn read(&mut self, bytes_max: u64) -> Result<&[u8], Errno> {
        let reading = self.reading.get_or_insert_with(|| {
            let mut buffer = std::mem::take(&mut self.piece);
            buffer.resize(bytes_max.clamp(1, READ_BYTES_MAX) as usize, 0);
            self.core.launch(Op::Read { file: Rc::clone(&self.socket), buffer, offset: Offset::Current })
        });
        let landing = reading.await;
        let cargo = self.reading.take().and_then(Flight::into_cargo);
        landing.result?;
        if let Some(Op::Read { buffer, .. }) = cargo {
            self.piece = buffer;
        }
        self.tally.borrow_mut().bytes_received += self.piece.len() as u64;
        Ok(&self.piece)
    }

    /// Waits for the time alone.
    pub(super) fn rest_until(&self, deadline_ns: u64) -> impl Future<Output = ()> + 'a {
        self.core.sleep_until(deadline_ns)
    }

    /// Nothing more will be sent.
    pub(super) async fn finish(&self) {
        let how = std::net::Shutdown::Write;
        // Whoever has cut us off meanwhile needs no goodbye.
        let _ = self.core.launch(Op::Shutdown { socket: Rc::clone(&self.socket), how }).await;
    }

    /// Has the close, which follows, reset the connection.
    pub(super) fn reset_on_close(&self) {
        self.socket.set_close(Close::Abrupt);
    }

    pub(super) fn core(&self) -> &'a Core {
        self.core
    }
}

impl Drop for Wire<'_> {
    fn drop(&mut self) {
        self.tally.borrow_mut().attached_now -= 1;
    }
}
