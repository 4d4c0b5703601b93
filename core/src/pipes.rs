//! Pooled pipes for splice: made once, lent to a transfer, and taken back only when empty.

use std::cell::RefCell;
use std::os::fd::AsFd;
use std::rc::Rc;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::pipe2;

use crate::Errno;
use crate::descriptor::Descriptor;

pub struct Pipes {
    capacity_bytes: u32,
    pipes_max: usize,
    /// How many are lent.
    out: std::cell::Cell<usize>,
    idle: RefCell<Vec<Ends>>,
}

struct Ends {
    read: Rc<Descriptor>,
    write: Rc<Descriptor>,
}

impl Pipes {
    /// At most `pipes_max` pipes of `capacity_bytes` each (the kernel rounds up to pages; /proc/sys/fs/pipe-max-size
    /// bounds it for users other than root).
    pub fn new(pipes_max: usize, capacity_bytes: u32) -> Rc<Pipes> {
        Rc::new(Pipes { capacity_bytes, pipes_max, out: std::cell::Cell::new(0), idle: RefCell::default() })
    }

    /// `Ok(None)` when all are out.
    pub fn take(self: &Rc<Self>) -> Result<Option<PipeLease>, Errno> {
        if self.out.get() == self.pipes_max {
            return Ok(None);
        }
        let pooled = self.idle.borrow_mut().pop();
        let ends = match pooled {
            Some(ends) => ends,
            None => self.make()?,
        };
        self.out.set(self.out.get() + 1);
        Ok(Some(PipeLease { ends: Some(ends), filled_bytes: 0, home: Rc::clone(self) }))
    }

    fn make(&self) -> Result<Ends, Errno> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(write.as_fd(), FcntlArg::F_SETPIPE_SZ(self.capacity_bytes as i32))?;
        Ok(Ends { read: Rc::new(read.into()), write: Rc::new(write.into()) })
    }
}

/// A pipe of one's own. Goes home when it is dropped empty, and closes when it is not.
pub struct PipeLease {
    ends: Option<Ends>,
    /// What the holder put in and has not taken out.
    pub filled_bytes: u64,
    home: Rc<Pipes>,
}

impl PipeLease {
    pub fn read_end(&self) -> &Rc<Descriptor> {
        &self.ends.as_ref().expect("a lease has its pipe until it is dropped").read
    }

    pub fn write_end(&self) -> &Rc<Descriptor> {
        &self.ends.as_ref().expect("a lease has its pipe until it is dropped").write
    }
}

impl Drop for PipeLease {
    fn drop(&mut self) {
        self.home.out.set(self.home.out.get() - 1);
        let Some(ends) = self.ends.take() else { return };
        // An op in flight still holds an end: what it will leave in the pipe nobody knows.
        let alone = Rc::strong_count(&ends.read) == 1 && Rc::strong_count(&ends.write) == 1;
        if alone && self.filled_bytes == 0 {
            self.home.idle.borrow_mut().push(ends);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_are_bounded_and_only_empty_ones_go_home() {
        let pipes = Pipes::new(2, 65536);
        let mut one = pipes.take().unwrap().unwrap();
        let two = pipes.take().unwrap().unwrap();
        assert!(pipes.take().unwrap().is_none());
        let number = two.read_end().number();
        one.filled_bytes = 1;
        drop(one);
        assert_eq!(pipes.idle.borrow().len(), 0, "a pipe with bytes in it is closed");
        drop(two);
        assert_eq!(pipes.take().unwrap().unwrap().read_end().number(), number, "an empty one is used again");
    }
}
