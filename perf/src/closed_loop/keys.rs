//! Which keys a class asks for, and in which order. Every key is [`KEY_BYTES`] long: a prefix and a number with leading
//! zeros, so that all requests of a class have the same length.

use std::cell::{Cell, RefCell};

use spindle_core::simulator::Random;

/// Length of every key, in bytes.
pub const KEY_BYTES: usize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// 0 to 9 bytes, printable and without spaces; the number fills the rest of the key.
    pub prefix: &'static str,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any of `count` keys, each as likely as the others. Never spent.
    Uniform { count: u64, seed: u64 },
    /// From the first of `count` keys to the last, and again from the first; spent after `requests`.
    Cycle { count: u64, requests: u64 },
}

impl Order {
    /// Every one of `count` keys once.
    pub fn each_once(count: u64) -> Order {
        Order::Cycle { count, requests: count }
    }
}

impl Keys {
    /// Digits of a key's number.
    pub(crate) fn digits(&self) -> usize {
        KEY_BYTES.saturating_sub(self.prefix.len()).max(1)
    }
}

/// Draws the numbers of a class's keys; its connections share it.
pub(crate) struct Chooser {
    order: Order,
    drawn: Cell<u64>,
    random: RefCell<Random>,
}

impl Chooser {
    pub(crate) fn new(order: Order) -> Chooser {
        let seed = match order {
            Order::Uniform { seed, .. } => seed,
            Order::Cycle { .. } => 0,
        };
        Chooser { order, drawn: Cell::new(0), random: RefCell::new(Random::new(seed)) }
    }

    /// How many of `wanted` requests there still are.
    #[inline]
    pub(crate) fn left(&self, wanted: usize) -> usize {
        match self.order {
            Order::Uniform { .. } => wanted,
            Order::Cycle { requests, .. } => (requests - self.drawn.get()).min(wanted as u64) as usize,
        }
    }

    #[inline]
    pub(crate) fn draw(&self) -> u64 {
        match self.order {
            // The high half of the product is even over the bound, without a division.
            Order::Uniform { count, .. } => {
                ((u128::from(self.random.borrow_mut().draw()) * u128::from(count)) >> 64) as u64
            }
            Order::Cycle { count, .. } => {
                let drawn = self.drawn.get();
                self.drawn.set(drawn + 1);
                drawn % count.max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_comes_round_and_is_spent() {
        let chooser = Chooser::new(Order::Cycle { count: 3, requests: 5 });
        assert_eq!(chooser.left(64), 5);
        let drawn: Vec<u64> = (0..5).map(|_| chooser.draw()).collect();
        assert_eq!(drawn, [0, 1, 2, 0, 1]);
        assert_eq!(chooser.left(64), 0);
    }

    #[test]
    fn uniform_reaches_every_key_and_repeats_from_its_seed() {
        let order = Order::Uniform { count: 10, seed: 7 };
        let draw = |chooser: &Chooser| (0..500).map(|_| chooser.draw()).collect::<Vec<_>>();
        let drawn = draw(&Chooser::new(order));
        assert!((0..10).all(|key| drawn.contains(&key)) && drawn.iter().all(|&key| key < 10));
        assert_eq!(drawn, draw(&Chooser::new(order)));
    }
}
