//! The times of each operation of a class.

use super::run_length::RunLength;
use crate::load::Operation;
use crate::measured::OperationMeasured;

/// A set for each operation that the class may ask for, made before the first answer: to find one is to look into a table.
pub(super) struct Operations {
    /// Where in `sets` an operation is; 0 of those that the class never asks for.
    places: [u8; Operation::COUNT],
    sets: Vec<Set>,
}

/// Of one operation.
pub(super) struct Set {
    operation: Operation,
    requests: u64,
    pub(super) response_ns: RunLength,
    service_ns: RunLength,
    /// Of those that did not wait for a place: all of it is the generator's, and this is recorded once instead of thrice.
    lag_unwaited_ns: RunLength,
    /// Of the others.
    lag_ns: RunLength,
    lag_server_ns: RunLength,
    lag_generator_ns: RunLength,
}

/// The times of a request that was answered.
pub(super) struct Answered {
    pub(super) response_ns: u64,
    pub(super) service_ns: u64,
    pub(super) lag_ns: u64,
    /// Of the lag, what was the wait for a place.
    pub(super) waited_ns: u64,
}

impl Operations {
    /// `operations` is not empty, and has none twice.
    pub(super) fn new(operations: &[Operation]) -> Operations {
        let mut places = [0; Operation::COUNT];
        for (place, operation) in operations.iter().enumerate() {
            places[*operation as usize] = place as u8;
        }
        Operations { places, sets: operations.iter().map(|operation| Set::new(*operation)).collect() }
    }

    #[inline]
    pub(super) fn of(&mut self, operation: Operation) -> &mut Set {
        let set = &mut self.sets[usize::from(self.places[operation as usize])];
        debug_assert_eq!(set.operation, operation, "a class asks only for what it said that it may");
        set
    }

    /// All that was recorded; nothing remains.
    pub(super) fn take(&mut self) -> Vec<OperationMeasured> {
        self.sets.iter_mut().map(Set::take).collect()
    }
}

impl Set {
    fn new(operation: Operation) -> Set {
        Set {
            operation,
            requests: 0,
            response_ns: RunLength::new(),
            service_ns: RunLength::new(),
            lag_unwaited_ns: RunLength::new(),
            lag_ns: RunLength::new(),
            lag_server_ns: RunLength::new(),
            lag_generator_ns: RunLength::new(),
        }
    }

    #[inline]
    pub(super) fn answered(&mut self, times: &Answered) {
        let Answered { response_ns, service_ns, lag_ns, waited_ns } = *times;
        self.requests += 1;
        self.response_ns.record(response_ns);
        self.service_ns.record(service_ns);
        if waited_ns == 0 {
            return self.lag_unwaited_ns.record(lag_ns);
        }
        self.lag_ns.record(lag_ns);
        self.lag_server_ns.record(waited_ns);
        self.lag_generator_ns.record(lag_ns.saturating_sub(waited_ns));
    }

    fn take(&mut self) -> OperationMeasured {
        let (unwaited, mut lag_ns) = (self.lag_unwaited_ns.take(), self.lag_ns.take());
        let (mut lag_server_ns, mut lag_generator_ns) = (self.lag_server_ns.take(), self.lag_generator_ns.take());
        lag_ns += &unwaited;
        lag_generator_ns += &unwaited;
        lag_server_ns.saturating_record_n(1, unwaited.len());
        OperationMeasured {
            operation: self.operation,
            requests: std::mem::take(&mut self.requests),
            response_ns: self.response_ns.take(),
            service_ns: self.service_ns.take(),
            lag_ns,
            lag_server_ns,
            lag_generator_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn measured(asked: &[(usize, u64, u64)], of: &[Operation]) -> Vec<OperationMeasured> {
        let mut operations = Operations::new(of);
        for (which, waited_ns, service_ns) in asked {
            let lag_ns = waited_ns + 7;
            let times =
                Answered { response_ns: lag_ns + service_ns, service_ns: *service_ns, lag_ns, waited_ns: *waited_ns };
            operations.of(of[which % of.len()]).answered(&times);
        }
        operations.take()
    }

    proptest! {
        /// What is parted by operation is, put together, what a single set would have been.
        #[test]
        fn parts_are_the_whole(asked in prop::collection::vec((0usize..3, 0u64..3, 1u64..1_000_000), 0..300)) {
            let whole = measured(&asked, &[Operation::Cas]).remove(0);
            let parts = measured(&asked, &[Operation::Put, Operation::Get, Operation::Delete]);
            for (place, part) in parts.iter().enumerate() {
                let own = asked.iter().filter(|(which, ..)| *which == place).count() as u64;
                prop_assert_eq!((part.requests, part.response_ns.len(), part.lag_server_ns.len()), (own, own, own));
            }
            let sum = parts.into_iter().reduce(|mut sum, part| {
                sum.add(&part);
                sum
            });
            let sum = OperationMeasured { operation: Operation::Cas, ..sum.unwrap() };
            prop_assert!(sum == whole);
        }
    }
}
