//! The one in the middle, of an even number the later of the two: in the order in which it gets worse, the worse one.

use std::cmp::Ordering;

/// None of nothing.
pub(crate) fn median<T>(values: impl Iterator<Item = T>, order: impl FnMut(&T, &T) -> Ordering) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    let at = values.len() / 2;
    values.sort_by(order);
    values.into_iter().nth(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_in_the_middle_the_later_counts() {
        let of = |values: &[u64]| median(values.iter().copied(), u64::cmp);
        assert_eq!((of(&[9, 1, 3]), of(&[4, 1, 9, 3]), of(&[7]), of(&[])), (Some(3), Some(4), Some(7), None));
        assert_eq!(median([2.0, 1.0].into_iter(), |a: &f64, b| b.total_cmp(a)), Some(1.0));
    }
}
