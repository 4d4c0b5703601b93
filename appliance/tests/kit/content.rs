//! Bytes that tell where one is lost, doubled or another's.

pub(crate) fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at as u32).wrapping_mul(2_654_435_761).rotate_right(13) as u8 ^ seed).collect()
}
