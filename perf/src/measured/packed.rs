//! A histogram that nothing is added to any more, in a hundredth of its memory: a load of an hour has 3,600 of them.

use std::io::Cursor;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

/// In HdrHistogram's own encoding, version 2: runs of empty counts take a few bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    pub fn of(histogram: &Histogram<u64>) -> Packed {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(histogram, &mut bytes).expect("a vector takes every byte");
        bytes.shrink_to_fit();
        Packed(bytes)
    }

    pub fn unpack(&self) -> Histogram<u64> {
        Deserializer::new().deserialize(&mut Cursor::new(&self.0)).expect("what was packed here")
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Packed({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_histogram_is_small_and_the_same() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 100_000_000_000, 3).unwrap();
        assert_eq!(Packed::of(&histogram).unpack(), histogram);
        for ns in (20_000..2_000_000).step_by(37) {
            histogram.record(ns).unwrap();
        }
        histogram.record(99_000_000_000).unwrap();
        let packed = Packed::of(&histogram);
        assert_eq!(packed.unpack(), histogram);
        assert!(packed.0.len() < 10_000, "{packed:?}");
    }
}
