//! The one bridge between the cache's memory and the kernel: pinned values are lent to sends, uploads to receives.
#![allow(unsafe_code)]

use std::any::Any;

use spindle_core::{Lend, LendMut};
use spindle_slab::{Pin, Refusal, Seconds, Upload};

use super::value_sending::HeldShare;

/// A pinned value, for [`spindle_core::Parcel::lend`].
pub struct PinnedValue {
    /// Keeps the chunks alive and unchanged; dropped after the pieces are of no use any more.
    _pin: Pin,
    /// Address and length of each piece, found once: a value of many chunks is a chain.
    pieces: Vec<(*const u8, usize)>,
}

impl PinnedValue {
    pub fn new(pin: Pin) -> PinnedValue {
        let pieces = pin.pieces().map(|piece| (piece.as_ptr(), piece.len())).collect();
        PinnedValue { _pin: pin, pieces }
    }
}

// SAFETY: the slab neither moves nor changes nor frees the chunks of a pinned value before its `Pin` is dropped, whatever
// happens to the item; the pin lives as long as this value.
unsafe impl Lend for PinnedValue {
    fn pieces(&self) -> usize {
        self.pieces.len()
    }

    fn piece(&self, index: usize) -> &[u8] {
        let (address, length) = self.pieces[index];
        // SAFETY: taken from a slice of the pinned value in `new`; the pin keeps those bytes in place and unchanged.
        unsafe { std::slice::from_raw_parts(address, length) }
    }
}

/// A copy of a value, and its share of the budget for copies.
pub struct CopiedValue {
    bytes: Vec<u8>,
    _share: HeldShare,
}

impl CopiedValue {
    pub fn new(bytes: Vec<u8>, share: HeldShare) -> CopiedValue {
        CopiedValue { bytes, _share: share }
    }
}

// SAFETY: nobody reaches the vector mutably, so its memory stays in place and unchanged.
unsafe impl Lend for CopiedValue {
    fn pieces(&self) -> usize {
        usize::from(!self.bytes.is_empty())
    }

    fn piece(&self, _index: usize) -> &[u8] {
        &self.bytes
    }
}

/// An upload whose next piece is being received into.
pub struct UploadInto {
    upload: Upload,
    now: Seconds,
}

impl UploadInto {
    /// Takes the memory of the next piece; without any the upload comes back with the reason.
    pub fn new(mut upload: Upload, now: Seconds) -> Result<UploadInto, Refusal> {
        upload.piece(now)?;
        Ok(UploadInto { upload, now })
    }

    /// The upload, back from the kernel, with `received` bytes of its piece filled.
    pub fn finish(lent: Box<dyn LendMut>, received: usize) -> Option<Upload> {
        let any: Box<dyn Any> = lent;
        let mut upload = any.downcast::<UploadInto>().ok()?.upload;
        upload.filled(received);
        Some(upload)
    }
}

// SAFETY: the slab gives an upload chunks of its own, which stay in place and are touched by nobody else until they are
// reported as filled, or the upload is dropped.
unsafe impl LendMut for UploadInto {
    fn piece(&mut self) -> &mut [u8] {
        // The piece was taken in `new` and is given again until it is filled, so this cannot fail.
        self.upload.piece(self.now).unwrap_or_default()
    }
}
