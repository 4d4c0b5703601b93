//! The simulated machine: clock, sockets, files, and the peers at the other ends.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;

use super::random::Random;
use super::sockets::{Host, Reach, Welcome};
use super::tree::Tree;
use super::wire::{Origin, Peer, Step, Stream, Wire};
use crate::Errno;
use crate::descriptor::{Close, Descriptor};
use crate::status::Status;

/// How often (of 100) the kernel answers badly. All zero is a kind machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// A send or receive moves less than it could.
    pub short: u8,
    /// A ready op is left for a later turn: completions come in any order.
    pub late: u8,
    /// A multishot receive ends with ENOBUFS though buffers are left.
    pub no_buffers: u8,
    /// A multishot op ends (without F_MORE) for no reason that it names.
    pub ends_early: u8,
    /// A file op fails with EIO.
    pub input_output: u8,
    /// A write fails with ENOSPC.
    pub no_space: u8,
    /// What every file op takes at least.
    pub disk_ns: u64,
}

pub(super) enum Object {
    Listener(VecDeque<i32>),
    Stream(Stream),
    /// A socket that may connect.
    Unconnected,
    /// By its number in the tree.
    File(u64),
    /// By its path.
    Folder(Vec<u8>),
}

pub(super) struct State {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) now_ns: u64,
    pub(super) objects: BTreeMap<i32, Object>,
    pub(super) tree: Tree,
    next_number: i32,
    pub(super) peers: Vec<(i32, Box<dyn Peer>)>,
    pub(super) hosts: BTreeMap<SocketAddr, Host>,
    pub(super) descriptors_open: usize,
    /// Of connections that the server made.
    pub(super) dialled_open: usize,
    pub(super) dialled_open_max: usize,
}

impl State {
    pub(super) fn add(&mut self, object: Object) -> i32 {
        self.next_number += 1;
        self.objects.insert(self.next_number, object);
        self.next_number
    }
}

/// A handle on the simulated machine.
#[derive(Clone)]
pub struct World(pub(super) Rc<RefCell<State>>);

impl World {
    pub fn new(seed: u64, faults: Faults) -> World {
        World(Rc::new(RefCell::new(State {
            random: Random::new(seed),
            faults,
            now_ns: 1,
            objects: BTreeMap::new(),
            tree: Tree::default(),
            next_number: 100,
            peers: Vec::new(),
            hosts: BTreeMap::new(),
            descriptors_open: 0,
            dialled_open: 0,
            dialled_open_max: 0,
        })))
    }

    fn add(&self, object: Object) -> i32 {
        self.0.borrow_mut().add(object)
    }

    pub(super) fn open(&self, number: i32) -> Descriptor {
        self.0.borrow_mut().descriptors_open += 1;
        Descriptor::Simulated(SimulatedDescriptor { number, world: self.clone() })
    }

    pub fn listen(&self) -> Descriptor {
        let number = self.add(Object::Listener(VecDeque::new()));
        self.open(number)
    }

    /// A file without a name.
    pub fn file(&self, bytes: &[u8]) -> Descriptor {
        let inode = {
            let state = &mut *self.0.borrow_mut();
            state.tree.add(b"", bytes, state.now_ns)
        };
        let number = self.add(Object::File(inode));
        self.open(number)
    }

    /// The folder that all named files are in.
    pub fn root(&self) -> Descriptor {
        let number = self.add(Object::Folder(Vec::new()));
        self.open(number)
    }

    /// A folder that is there.
    pub fn open_folder(&self, path: &str) -> Descriptor {
        let number = self.add(Object::Folder(path.as_bytes().to_vec()));
        self.open(number)
    }

    /// Puts a file where `path` says, and makes the folders that it takes.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let state = &mut *self.0.borrow_mut();
        state.tree.put(path.as_bytes(), bytes, state.now_ns);
    }

    /// From now on nothing on `device`, the first part of its files' paths, answers; until [`World::mend`].
    pub fn hang(&self, device: &str) {
        self.0.borrow_mut().tree.hung.insert(device.as_bytes().to_vec());
    }

    pub fn mend(&self, device: &str) {
        self.0.borrow_mut().tree.hung.remove(device.as_bytes());
    }

    /// From now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Takes a name away, with all that is beneath it.
    pub fn take_away(&self, path: &str) {
        self.0.borrow_mut().tree.take_away(path.as_bytes());
    }

    /// What the named file holds.
    pub fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.0.borrow().tree.get(path.as_bytes()).map(<[u8]>::to_vec)
    }

    /// Whether a power cut now might take the name of the file, because a folder on the way to it was changed and not synced.
    pub fn name_is_unsynced(&self, path: &str) -> bool {
        self.0.borrow().tree.name_is_unsynced(path.as_bytes())
    }

    /// Somebody changes a folder, and does not sync it.
    pub fn unsync(&self, folder: &str) {
        self.0.borrow_mut().tree.unsync(folder.as_bytes());
    }

    /// The paths of all files, in order.
    pub fn files(&self) -> Vec<String> {
        self.0.borrow().tree.files().iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    }

    /// A new connection to `listener`, with `peer` at its far end.
    pub fn connect(&self, listener: &Descriptor, peer: Box<dyn Peer>) {
        let number = self.add(Object::Stream(Stream::new(Origin::Peer)));
        let mut state = self.0.borrow_mut();
        state.peers.push((number, peer));
        match state.objects.get_mut(&listener.number()) {
            Some(Object::Listener(queue)) => queue.push_back(number),
            _ => panic!("connected to something that does not listen"),
        }
    }

    /// A socket that is not connected.
    pub(super) fn socket(&self) -> Descriptor {
        let number = self.add(Object::Unconnected);
        self.open(number)
    }

    /// From now on whoever connects to `address` gets the peer that `welcome` makes, at its far end; with none, it is refused,
    /// as it is at every address that nobody serves. The peer takes its first step at once. `welcome` knows of the world only
    /// what it is given.
    pub fn serve(&self, address: SocketAddr, welcome: Box<Welcome>) {
        self.0.borrow_mut().hosts.insert(address, Host { welcome, reach: Reach::Reached });
    }

    /// Nobody who connects to `address`, which is served, hears anything until [`World::restore`].
    pub fn cut_off(&self, address: SocketAddr) {
        self.set_reach(address, Reach::CutOff);
    }

    /// Who still waits for `address` is answered now.
    pub fn restore(&self, address: SocketAddr) {
        self.set_reach(address, Reach::Reached);
    }

    fn set_reach(&self, address: SocketAddr, reach: Reach) {
        self.0.borrow_mut().hosts.get_mut(&address).expect("it is served").reach = reach;
    }

    /// Connections that the server made and has not closed.
    pub fn dialled_open(&self) -> usize {
        self.0.borrow().dialled_open
    }

    /// The most that there were at the beginning of a turn, when all that the turn before had cancelled was gone.
    pub fn dialled_open_max(&self) -> usize {
        self.0.borrow().dialled_open_max
    }

    pub fn now_ns(&self) -> u64 {
        self.0.borrow().now_ns
    }

    /// Peers that are not done.
    pub fn peers(&self) -> usize {
        self.0.borrow().peers.len()
    }

    /// Descriptors that nobody has closed.
    pub fn descriptors_open(&self) -> usize {
        self.0.borrow().descriptors_open
    }

    /// Steps every peer once, in any order. True when one of them moved.
    pub(super) fn step_peers(&self) -> bool {
        let mut state = self.0.borrow_mut();
        let mut peers = std::mem::take(&mut state.peers);
        state.random.shuffle(&mut peers);
        let mut moved = false;
        let State { random, objects, now_ns, .. } = &mut *state;
        peers.retain_mut(|(number, peer)| {
            let Some(Object::Stream(stream)) = objects.get_mut(number) else { return false };
            let step = peer.step(&mut Wire { stream, now_ns: *now_ns }, random);
            moved |= step != Step::Idle;
            step != Step::Done
        });
        state.peers = peers;
        moved
    }
}

/// A number in the simulated machine; closes on drop.
pub struct SimulatedDescriptor {
    number: i32,
    world: World,
}

impl SimulatedDescriptor {
    pub(crate) fn number(&self) -> i32 {
        self.number
    }

    pub(crate) fn set_close(&self, close: Close) {
        if let Some(Object::Stream(stream)) = self.world.0.borrow_mut().objects.get_mut(&self.number) {
            stream.closing = close;
        }
    }

    pub(crate) fn status(&self) -> Result<Status, Errno> {
        let state = self.world.0.borrow();
        state.objects.get(&self.number).map_or(Err(Errno::EBADF), |object| state.tree.status(object))
    }
}

impl std::fmt::Debug for SimulatedDescriptor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "simulated {}", self.number)
    }
}

impl Drop for SimulatedDescriptor {
    fn drop(&mut self) {
        let mut state = self.world.0.borrow_mut();
        state.descriptors_open -= 1;
        let State { objects, random, dialled_open, .. } = &mut *state;
        if let Some(Object::Stream(stream)) = objects.get_mut(&self.number) {
            stream.close_server(random);
            *dialled_open -= usize::from(stream.origin == Origin::Server);
        }
    }
}
