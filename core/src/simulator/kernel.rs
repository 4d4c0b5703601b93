//! The kernel face over a simulated world.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use super::naming::Named;
use super::random::Random;
use super::sockets::{attempt_connect, attempt_send, receive, stream};
use super::world::{Faults, Object, State, World};
use crate::buffers::provided::{Consumer, Provided};
use crate::descriptor::Descriptor;
use crate::kernel::{Completion, Kernel, Wait};
use crate::op::{Blocking, Cancel, Offset, Op};
use crate::token::Token;
use crate::{Errno, Limits};

/// What the kernel remembers of an op; the cargo stays in its slot.
pub(super) enum Pending {
    Accept {
        listener: i32,
    },
    Receive {
        socket: i32,
    },
    ReceiveInto {
        socket: i32,
        length: usize,
    },
    Send {
        socket: i32,
        length: usize,
    },
    /// The count was reported; the memory is still in use.
    Notification {
        length: usize,
        due_ns: u64,
    },
    SendZeroCopy {
        socket: i32,
        length: usize,
    },
    Shutdown {
        socket: i32,
    },
    Read {
        file: i32,
        offset: u64,
        length: usize,
        due_ns: u64,
    },
    Write {
        file: i32,
        length: usize,
        due_ns: u64,
    },
    Named {
        named: Named,
        due_ns: u64,
    },
    AwaitRoom {
        socket: i32,
    },
    /// What was not to wait, and would have.
    WouldBlock,
    Connect {
        socket: i32,
        server: Option<SocketAddr>,
    },
    Unsupported,
}

pub struct SimulatedKernel {
    world: World,
    provided: Rc<Provided>,
    pending: BTreeMap<u64, Pending>,
    cancels: Vec<Cancel>,
    /// Bytes that have left the world and not yet reached their op's memory, by `user_data`.
    moving: BTreeMap<u64, Vec<u8>>,
}

impl SimulatedKernel {
    pub fn new(world: &World, limits: &Limits) -> std::io::Result<SimulatedKernel> {
        Ok(SimulatedKernel {
            world: world.clone(),
            provided: Provided::new(limits.receive_buffers, limits.receive_buffer_bytes, Consumer::Simulator)?,
            pending: BTreeMap::new(),
            cancels: Vec::new(),
            moving: BTreeMap::new(),
        })
    }

    fn take_cancels(&mut self, completions: &mut Vec<Completion>) {
        for cancel in std::mem::take(&mut self.cancels) {
            let targets: Vec<u64> = match cancel {
                Cancel::Token(token) => vec![token.encode()],
                Cancel::All => self.pending.keys().copied().collect(),
            };
            for user_data in targets {
                match self.pending.remove(&user_data) {
                    // Nobody is called back who waits for a disk without a timeout.
                    Some(pending) if hangs(&pending, &self.world.0.borrow()) => {
                        self.pending.insert(user_data, pending);
                    }
                    // The memory of a zero-copy send is in use until its notification, cancelled or not.
                    Some(pending @ Pending::Notification { .. }) => drop(self.pending.insert(user_data, pending)),
                    Some(_) => {
                        completions.push(Completion { user_data, result: -(Errno::ECANCELED as i32), flags: 0 });
                    }
                    None => {}
                }
            }
        }
    }

    /// Tries every op once, in any order.
    fn try_all(&mut self, completions: &mut Vec<Completion>) {
        let mut order: Vec<u64> = self.pending.keys().copied().collect();
        self.world.0.borrow_mut().random.shuffle(&mut order);
        for user_data in order {
            let Some(pending) = self.pending.remove(&user_data) else { continue };
            if let Some(next) = self.attempt(user_data, pending, completions) {
                self.pending.insert(user_data, next);
            }
        }
    }

    /// Tries one op; what remains pending of it.
    fn attempt(&mut self, user_data: u64, pending: Pending, completions: &mut Vec<Completion>) -> Option<Pending> {
        let world = self.world.clone();
        let state = &mut *world.0.borrow_mut();
        let late = state.faults.late;
        if state.random.chance(late) {
            return Some(pending);
        }
        let token = Token::decode(user_data).expect("only tokens are pending");
        match pending {
            Pending::Accept { .. } | Pending::Receive { .. } => {
                self.attempt_multishot(token, pending, state, completions)
            }
            Pending::ReceiveInto { .. } => self.attempt_receive_into(token, pending, state, completions),
            Pending::Send { .. } | Pending::SendZeroCopy { .. } => attempt_send(token, pending, state, completions),
            Pending::Notification { due_ns, .. }
            | Pending::Read { due_ns, .. }
            | Pending::Write { due_ns, .. }
            | Pending::Named { due_ns, .. }
                if due_ns > state.now_ns || hangs(&pending, state) =>
            {
                Some(pending)
            }
            Pending::Notification { length, .. } => {
                completions.push(Completion::new(token, length as i32).with_notification());
                None
            }
            Pending::Shutdown { socket } => {
                stream(state.objects.get_mut(&socket)).server_finished = true;
                completions.push(Completion::new(token, 0));
                None
            }
            Pending::Read { .. } | Pending::Write { .. } => {
                let result = self.attempt_file(token, &pending, state);
                completions.push(Completion::new(token, result.unwrap_or_else(|errno| -(errno as i32))));
                None
            }
            Pending::Named { named, .. } => {
                let result = named.perform(state);
                completions.push(Completion::new(token, result.unwrap_or_else(|errno| -(errno as i32))));
                None
            }
            Pending::AwaitRoom { socket } => {
                let stream = stream(state.objects.get_mut(&socket));
                if stream.to_peer.len() < stream.window || stream.reset {
                    completions.push(Completion::new(token, i32::from(libc::POLLOUT)));
                    return None;
                }
                Some(pending)
            }
            Pending::WouldBlock => {
                completions.push(Completion::new(token, -(Errno::EAGAIN as i32)));
                None
            }
            Pending::Connect { .. } => attempt_connect(token, pending, state, completions),
            Pending::Unsupported => {
                completions.push(Completion::new(token, -(Errno::EINVAL as i32)));
                None
            }
        }
    }

    fn attempt_multishot(
        &self,
        token: Token,
        pending: Pending,
        state: &mut State,
        completions: &mut Vec<Completion>,
    ) -> Option<Pending> {
        let State { random, faults, objects, .. } = state;
        let completion = match pending {
            Pending::Accept { listener } => {
                let Some(Object::Listener(queue)) = objects.get_mut(&listener) else { return None };
                let number = queue.pop_front();
                let ends = random.chance(faults.ends_early);
                number
                    .map(|number| Completion::new(token, number))
                    .map(|done| if ends { done } else { done.with_more() })
            }
            Pending::Receive { socket } => {
                receive(token, stream(objects.get_mut(&socket)), random, *faults, &self.provided)
            }
            _ => None,
        };
        completions.extend(completion);
        completion.is_none_or(|completion| completion.more()).then_some(pending)
    }

    fn attempt_receive_into(
        &mut self,
        token: Token,
        pending: Pending,
        state: &mut State,
        completions: &mut Vec<Completion>,
    ) -> Option<Pending> {
        let Pending::ReceiveInto { socket, length } = pending else { return None };
        let stream = stream(state.objects.get_mut(&socket));
        if stream.reset {
            completions.push(Completion::new(token, -(Errno::ECONNRESET as i32)));
        } else if stream.to_server.is_empty() && !stream.finished {
            return Some(pending);
        } else {
            let count = shortened(length.min(stream.to_server.len()), &mut state.random, state.faults);
            self.moving.insert(token.encode(), stream.to_server.drain(..count).collect());
            completions.push(Completion::new(token, count as i32));
        }
        None
    }

    /// Every other write has to wait for something, and all to a device that hangs.
    fn would_block(&self, file: &Descriptor) -> bool {
        let state = &mut *self.world.0.borrow_mut();
        state.tree.file_hangs(state.objects.get(&file.number())) || state.random.chance(50)
    }

    /// The count of a read or write.
    fn attempt_file(&mut self, token: Token, pending: &Pending, state: &mut State) -> Result<i32, Errno> {
        let State { random, faults, objects, tree, .. } = state;
        if random.chance(faults.input_output) {
            return Err(Errno::EIO);
        }
        match pending {
            Pending::Read { file, offset, length, .. } => {
                let Some(Object::File(inode)) = objects.get(file) else { return Err(Errno::EBADF) };
                let bytes = &tree.content(*inode).bytes;
                let start = (*offset as usize).min(bytes.len());
                let count = shortened((*length).min(bytes.len() - start), random, *faults);
                self.moving.insert(token.encode(), bytes[start..start + count].to_vec());
                Ok(count as i32)
            }
            Pending::Write { .. } if random.chance(faults.no_space) => Err(Errno::ENOSPC),
            Pending::Write { length, .. } => Ok(shortened(*length, random, *faults) as i32),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The earliest time at which a pending op can complete by waiting alone.
    fn next_due_ns(&self) -> Option<u64> {
        let state = &*self.world.0.borrow();
        let due = |pending: &Pending| match pending {
            pending if hangs(pending, state) => None,
            Pending::Notification { due_ns, .. }
            | Pending::Read { due_ns, .. }
            | Pending::Write { due_ns, .. }
            | Pending::Named { due_ns, .. } => Some(*due_ns),
            _ => None,
        };
        self.pending.values().filter_map(due).min()
    }
}

impl Kernel for SimulatedKernel {
    // Keeps no pointer: the cargo is reached again in `fulfil`. So the contract asks for nothing here.
    #[allow(unsafe_code)]
    unsafe fn submit(&mut self, token: Token, op: &mut Op) {
        let due_ns = {
            let state = &mut *self.world.0.borrow_mut();
            let slow = state.faults.disk_ns;
            state.now_ns + slow + if slow > 0 { state.random.below(slow as usize) as u64 } else { 0 }
        };
        let at = |offset: &Offset| if let Offset::At(offset) = offset { *offset } else { 0 };
        let pending = match op {
            Op::Accept { listener } => Pending::Accept { listener: listener.number() },
            Op::Receive { socket } => Pending::Receive { socket: socket.number() },
            Op::ReceiveInto { socket, into, filled, .. } => {
                Pending::ReceiveInto { socket: socket.number(), length: into.piece().len() - *filled }
            }
            Op::Send { socket, parcel } => Pending::Send { socket: socket.number(), length: parcel.unsent() },
            Op::SendZeroCopy { socket, parcel } => {
                Pending::SendZeroCopy { socket: socket.number(), length: parcel.unsent() }
            }
            Op::Shutdown { socket, .. } => Pending::Shutdown { socket: socket.number() },
            Op::Read { file, buffer, offset } => {
                Pending::Read { file: file.number(), offset: at(offset), length: buffer.len(), due_ns }
            }
            Op::ReadRegistered { file, buffer, offset } => {
                let length = buffer.capacity() as usize;
                Pending::Read { file: file.number(), offset: at(offset), length, due_ns }
            }
            Op::Write { file, blocking: Blocking::Refused, .. } if self.would_block(file) => Pending::WouldBlock,
            Op::Write { file, buffer, .. } => Pending::Write { file: file.number(), length: buffer.len(), due_ns },
            Op::AwaitRoom { socket } => Pending::AwaitRoom { socket: socket.number() },
            Op::Connect { socket, address } => Pending::Connect { socket: socket.number(), server: address.ip() },
            Op::Splice { .. } | Op::Close { .. } => Pending::Unsupported,
            named => Pending::Named { named: Named::of(named), due_ns },
        };
        let replaced = self.pending.insert(token.encode(), pending);
        assert!(replaced.is_none(), "{token:?} was submitted twice");
    }

    fn cancel(&mut self, target: Cancel) {
        self.cancels.push(target);
    }

    fn enter(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> Result<(), Errno> {
        // Time passes a little in any case, and in leaps only when nobody has anything to do.
        let peers_are_quick = {
            let state = &mut *self.world.0.borrow_mut();
            state.now_ns += state.random.between(1_000, 50_000) as u64;
            state.dialled_open_max = state.dialled_open_max.max(state.dialled_open);
            state.random.chance(50)
        };
        if peers_are_quick {
            self.world.step_peers();
        }
        let mut idle_rounds = 0;
        loop {
            self.take_cancels(completions);
            self.try_all(completions);
            if wait == Wait::No || !completions.is_empty() {
                return Ok(());
            }
            if matches!(wait, Wait::UntilNs(deadline_ns) if self.now_ns() >= deadline_ns) {
                return Ok(());
            }
            if self.world.step_peers() {
                idle_rounds = 0;
                continue;
            }
            // Lateness alone may have left ready ops behind: only many idle rounds in a row mean that nothing is ready.
            idle_rounds += 1;
            if idle_rounds < 64 {
                continue;
            }
            let deadline_ns = if let Wait::UntilNs(deadline_ns) = wait { Some(deadline_ns) } else { None };
            match self.next_due_ns().into_iter().chain(deadline_ns).min() {
                Some(next_ns) => self.world.0.borrow_mut().now_ns = next_ns.max(self.now_ns()),
                None => return Err(Errno::EDEADLK),
            }
        }
    }

    fn adopt(&mut self, result: i32) -> Descriptor {
        self.world.open(result)
    }

    fn socket(&mut self, _server: SocketAddr) -> Result<Descriptor, Errno> {
        Ok(self.world.socket())
    }

    fn provided(&self) -> Rc<Provided> {
        Rc::clone(&self.provided)
    }

    fn now_ns(&self) -> u64 {
        self.world.now_ns()
    }

    fn fulfil(&mut self, done: &Completion, op: &mut Op) {
        let moved = self.moving.remove(&done.user_data);
        let state = &mut *self.world.0.borrow_mut();
        match op {
            Op::Send { socket, parcel } if done.result > 0 => {
                let stream = stream(state.objects.get_mut(&socket.number()));
                let mut left = done.result as usize;
                for segment in parcel.segments() {
                    let here = segment.len().min(left);
                    stream.to_peer.extend(&segment[..here]);
                    left -= here;
                }
            }
            Op::SendZeroCopy { socket, parcel } if done.notification() => {
                let stream = stream(state.objects.get_mut(&socket.number()));
                parcel.segments().for_each(|segment| stream.to_peer.extend(segment));
            }
            Op::ReceiveInto { into, filled, .. } => {
                let moved = moved.unwrap_or_default();
                into.piece()[*filled..][..moved.len()].copy_from_slice(&moved);
            }
            Op::Read { buffer, .. } => {
                let moved = moved.unwrap_or_default();
                buffer[..moved.len()].copy_from_slice(&moved);
            }
            Op::ReadRegistered { buffer, .. } => buffer.write(&moved.unwrap_or_default()),
            Op::Write { file, buffer, offset, .. } if done.result > 0 => {
                let Some(Object::File(inode)) = state.objects.get(&file.number()) else { return };
                let content = state.tree.content(*inode);
                content.modified_ns = state.now_ns;
                let bytes = &mut content.bytes;
                let start = if let Offset::At(offset) = offset { *offset as usize } else { bytes.len() };
                let end = start + done.result as usize;
                bytes.resize(bytes.len().max(end), 0);
                bytes[start..end].copy_from_slice(&buffer[..done.result as usize]);
            }
            _ => {}
        }
    }
}

/// Whether it waits for a device that does not answer.
fn hangs(pending: &Pending, state: &State) -> bool {
    match pending {
        Pending::Read { file, .. } | Pending::Write { file, .. } => state.tree.file_hangs(state.objects.get(file)),
        Pending::Named { named, .. } => named.hangs(state),
        _ => false,
    }
}

/// A count of bytes, at least one where there is one.
pub(super) fn shortened(count: usize, random: &mut Random, faults: Faults) -> usize {
    if count > 1 && random.chance(faults.short) { random.between(1, count) } else { count }
}
