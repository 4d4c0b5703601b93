//! The chunk sizes and the constant-time way from a length to its class.
#![forbid(unsafe_code)]

use crate::arena::PAGE_BYTES;
use crate::item::HEADER_BYTES;

/// Longest item that lies in one piece; longer ones are chained. A quarter of a page, so that pages divide well.
pub(crate) const CONTIGUOUS_BYTES_MAX: usize = PAGE_BYTES / 4;
const CLASSES_MAX: usize = 63;

/// Size classes, smallest first. The last is a whole page, for the pieces of chained values.
#[derive(Debug)]
pub(crate) struct Sizes {
    pub(crate) chunk_bytes: Vec<u32>,
    /// Class of a length, by the length in 8-byte words.
    class_of_words: Vec<u8>,
}

impl Sizes {
    pub(crate) fn new(chunk_bytes_min: usize, growth_factor: f64) -> Sizes {
        let mut factor = growth_factor;
        let mut sizes = ladder(chunk_bytes_min, factor);
        while sizes.len() >= CLASSES_MAX {
            factor *= 1.01;
            sizes = ladder(chunk_bytes_min, factor);
        }
        let mut class_of_words = Vec::with_capacity(CONTIGUOUS_BYTES_MAX / 8 + 1);
        for words in 0..=CONTIGUOUS_BYTES_MAX / 8 {
            class_of_words.push(sizes.partition_point(|size| (*size as usize) < words * 8) as u8);
        }
        sizes.push(PAGE_BYTES as u32);
        Sizes { chunk_bytes: sizes, class_of_words }
    }

    /// Smallest class that holds `bytes`, which are at most `CONTIGUOUS_BYTES_MAX`.
    #[inline]
    pub(crate) fn class_of(&self, bytes: usize) -> u8 {
        self.class_of_words[bytes.div_ceil(8)]
    }

    /// Class of the next piece of a chain with `remaining` bytes to go: whole pages while they fill well, then the
    /// largest small class, then the class that fits the rest.
    pub(crate) fn piece_class(&self, remaining: usize) -> u8 {
        let bytes = remaining + HEADER_BYTES;
        let page_class = self.chunk_bytes.len() as u8 - 1;
        if bytes > PAGE_BYTES - PAGE_BYTES / 8 {
            return page_class;
        }
        self.class_of(bytes.min(CONTIGUOUS_BYTES_MAX))
    }
}

/// Steps of at least one word and about `factor`, each stretched to the largest size with the same count in a page.
fn ladder(chunk_bytes_min: usize, factor: f64) -> Vec<u32> {
    let mut sizes: Vec<u32> = Vec::new();
    let mut size = chunk_bytes_min.next_multiple_of(8);
    while PAGE_BYTES / size > PAGE_BYTES / CONTIGUOUS_BYTES_MAX {
        let stretched = (PAGE_BYTES / (PAGE_BYTES / size)) & !7;
        sizes.push(stretched as u32);
        size = (stretched + 8).max((stretched as f64 * factor) as usize & !7);
    }
    sizes.push(CONTIGUOUS_BYTES_MAX as u32);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_gets_the_smallest_class_that_holds_it() {
        for factor in [1.02, 1.1, 1.25, 2.0, 40.0] {
            let sizes = Sizes::new(48, factor);
            assert!(sizes.chunk_bytes.len() <= CLASSES_MAX);
            assert!(sizes.chunk_bytes.iter().all(|size| size % 8 == 0));
            assert!(sizes.chunk_bytes.windows(2).all(|pair| pair[0] < pair[1]));
            for bytes in 1..=CONTIGUOUS_BYTES_MAX {
                let class = sizes.class_of(bytes) as usize;
                assert!(sizes.chunk_bytes[class] as usize >= bytes);
                assert!(class == 0 || (sizes.chunk_bytes[class - 1] as usize) < bytes);
            }
        }
    }

    #[test]
    fn default_classes_waste_little() {
        let sizes = Sizes::new(48, 1.1);
        let waste: f64 = (64..=4096)
            .map(|bytes| {
                let chunk = sizes.chunk_bytes[sizes.class_of(bytes) as usize] as usize;
                let page = PAGE_BYTES as f64 / (PAGE_BYTES / chunk) as f64;
                page / bytes as f64 - 1.0
            })
            .sum::<f64>()
            / (4096 - 63) as f64;
        assert!(waste < 0.07, "{waste}");
        assert_eq!(sizes.chunk_bytes[sizes.class_of(134) as usize], 136);
    }
}
