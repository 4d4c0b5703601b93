//! How a value leaves the cache: small ones are copied under the lock, large ones are pinned and sent from where they lie.
#![forbid(unsafe_code)]

use std::rc::Rc;

use spindle_core::{Lend, Parcel};
use spindle_slab::Hit;

use super::bridge::PinnedValue;

/// From this length on a value is sent from the cache's memory. Below, copying costs less than pinning and a segment of
/// its own.
const LENT_BYTES_MIN: usize = 16 * 1024;

/// Appends the hit's value to what is sent. When no more may be pinned it is copied: then the parcel, which is bounded by
/// the connection, holds it.
#[inline]
pub fn append_value(hit: &mut Hit<'_>, parcel: &mut Parcel) {
    if hit.len >= LENT_BYTES_MIN
        && let Some(pin) = hit.pin()
    {
        let value = PinnedValue::new(pin);
        let pieces = value.pieces();
        let value: Rc<dyn Lend> = Rc::new(value);
        return parcel.lend(&value, 0..pieces);
    }
    hit.copy_to(&mut parcel.bytes);
}
