//! Parts of a file: RFC 9110, 14.

use super::number::{decimal, decimal_capped};

/// The most ranges of a request that are looked at; who asks for more gets the whole (RFC 9110, 14.2 and 17.15).
const RANGES_MAX: usize = 16;

const UNIT: &[u8] = b"bytes";

/// What to send of a file of which a Range was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All, with 200: the field is malformed, of another unit, or asks for parts that do not touch, which may be ignored.
    Whole,
    /// These bytes, both ends included, with 206.
    Part { first: u64, last: u64 },
    /// Nothing, with 416: no byte of the file was asked for.
    Unsatisfiable,
}

/// Bytes of a file, both ends included.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    first: u64,
    last: u64,
}

/// One range of a set, held against a file's length.
enum Ranged {
    Span(Span),
    Beyond,
    /// The empty end of an empty file is satisfiable (RFC 9110, 14.1.2), and no Content-Range can say it.
    EmptyFile,
    Malformed,
}

/// Holds the value of a Range field against a file of `length` bytes. Ranges that overlap or are adjacent are one part,
/// in whatever order they are asked for.
pub fn select(value: &[u8], length: u64) -> Selection {
    let Some(set) = after_unit(value, b'=') else { return Selection::Whole };
    let mut spans = [Span::default(); RANGES_MAX];
    let (mut asked, mut kept) = (0, 0);
    for range in set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        // A list may have empty elements: RFC 9110, 5.6.1.2.
        if range.is_empty() {
            continue;
        }
        asked += 1;
        if asked > RANGES_MAX {
            return Selection::Whole;
        }
        match read(range, length) {
            Ranged::Malformed | Ranged::EmptyFile => return Selection::Whole,
            Ranged::Beyond => {}
            Ranged::Span(span) => {
                spans[kept] = span;
                kept += 1;
            }
        }
    }
    match (asked, kept) {
        (0, _) => Selection::Whole,
        (_, 0) => Selection::Unsatisfiable,
        _ => coalesce(&mut spans[..kept]),
    }
}

fn coalesce(spans: &mut [Span]) -> Selection {
    spans.sort_unstable();
    let Span { first, mut last } = spans[0];
    for span in &spans[1..] {
        if span.first > last.saturating_add(1) {
            return Selection::Whole;
        }
        last = last.max(span.last);
    }
    Selection::Part { first, last }
}

/// `FIRST-LAST`, `FIRST-` or `-SUFFIX`.
fn read(range: &[u8], length: u64) -> Ranged {
    let Some(dash) = range.iter().position(|&byte| byte == b'-') else { return Ranged::Malformed };
    let (before, after) = (&range[..dash], &range[dash + 1..]);
    if before.is_empty() {
        return match decimal_capped(after) {
            None => Ranged::Malformed,
            Some(0) => Ranged::Beyond,
            Some(_) if length == 0 => Ranged::EmptyFile,
            Some(suffix) => Ranged::Span(Span { first: length.saturating_sub(suffix), last: length - 1 }),
        };
    }
    let last = if after.is_empty() { Some(u64::MAX) } else { decimal_capped(after) };
    match (decimal_capped(before), last) {
        (Some(first), Some(last)) if first > last => Ranged::Malformed,
        (Some(first), Some(_)) if first >= length => Ranged::Beyond,
        (Some(first), Some(last)) => Ranged::Span(Span { first, last: last.min(length - 1) }),
        _ => Ranged::Malformed,
    }
}

/// Which bytes of an object a message has: both ends included (RFC 9110, 14.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    pub first: u64,
    pub last: u64,
    /// Of the object, in bytes, when the sender says.
    pub total: Option<u64>,
}

/// Reads the value of a Content-Range field, `bytes FIRST-LAST/TOTAL`, where the total may be `*`: of an answer, or of an
/// upload of a part (RFC 9110, 14.5). `None` for all else, also for the `bytes */TOTAL` of a 416.
pub fn content_range(value: &[u8]) -> Option<ContentRange> {
    let range = after_unit(value, b' ')?;
    let slash = range.iter().position(|&byte| byte == b'/')?;
    let (bytes, total) = (&range[..slash], &range[slash + 1..]);
    let dash = bytes.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (decimal(&bytes[..dash])?, decimal(&bytes[dash + 1..])?);
    let total = if total == b"*" { None } else { Some(decimal(total)?) };
    // The last byte that can be counted is no byte of any object.
    let is_within = last < total.unwrap_or(u64::MAX);
    (first <= last && is_within).then_some(ContentRange { first, last, total })
}

/// What follows the unit of bytes, whose name has no case (RFC 9110, 14.1).
fn after_unit(value: &[u8], separator: u8) -> Option<&[u8]> {
    let (unit, rest) = value.split_at_checked(UNIT.len())?;
    let (&between, rest) = rest.split_first()?;
    (unit.eq_ignore_ascii_case(UNIT) && between == separator).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Selection::{Part, Unsatisfiable, Whole};
    use super::*;

    fn of_10(value: &str) -> Selection {
        select(value.as_bytes(), 10)
    }

    #[test]
    fn one_range_is_cut_to_the_file() {
        assert_eq!(of_10("bytes=0-0"), Part { first: 0, last: 0 });
        assert_eq!(of_10("Bytes=2-5"), Part { first: 2, last: 5 });
        assert_eq!(of_10("bytes=5-"), Part { first: 5, last: 9 });
        assert_eq!(of_10("bytes=5-100"), Part { first: 5, last: 9 });
        assert_eq!(of_10("bytes=9-99999999999999999999999"), Part { first: 9, last: 9 });
        assert_eq!(of_10("bytes=-3"), Part { first: 7, last: 9 });
        assert_eq!(of_10("bytes=-10"), Part { first: 0, last: 9 });
        assert_eq!(of_10("bytes=-99999999999999999999999"), Part { first: 0, last: 9 });
        let largest = select(b"bytes=0-", u64::MAX);
        assert_eq!(largest, Part { first: 0, last: u64::MAX - 1 });
    }

    #[test]
    fn what_is_no_byte_of_the_file_is_unsatisfiable() {
        for beyond in ["10-", "10-20", "-0", "99999999999999999999999-", "10-,20-", "-0,11-12"] {
            assert_eq!(of_10(&format!("bytes={beyond}")), Unsatisfiable, "{beyond}");
        }
        assert_eq!(select(b"bytes=0-", 0), Unsatisfiable);
        assert_eq!(select(b"bytes=0-0", 0), Unsatisfiable);
        assert_eq!(select(b"bytes=-5", 0), Whole);
    }

    #[test]
    fn what_is_malformed_may_be_ignored() {
        for wrong in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=1",
            "bytes=1-2-3",
            "bytes 0-1",
            "bytes=+1-2",
            "bytes=1 - 2",
            "bytes=--1",
            "items=0-1",
            "bytes =0-1",
            "bytes=0-1,x",
            "bytes=99-,x",
            "bytes=0-1;",
        ] {
            assert_eq!(of_10(wrong), Whole, "{wrong}");
        }
    }

    #[test]
    fn ranges_that_touch_are_one_part() {
        assert_eq!(of_10("bytes=0-2,3-4"), Part { first: 0, last: 4 });
        assert_eq!(of_10("bytes=3-4 ,\t0-2,,"), Part { first: 0, last: 4 });
        assert_eq!(of_10("bytes=0-8,2-3"), Part { first: 0, last: 8 });
        assert_eq!(of_10("bytes=-2,0-7"), Part { first: 0, last: 9 });
        assert_eq!(of_10("bytes=2-3,50-"), Part { first: 2, last: 3 });
        assert_eq!(of_10("bytes=0-1,3-4"), Whole);
        assert_eq!(of_10(&format!("bytes={}", "0-1,".repeat(RANGES_MAX))), Part { first: 0, last: 1 });
        assert_eq!(of_10(&format!("bytes={}", "0-1,".repeat(RANGES_MAX + 1))), Whole);
    }

    #[test]
    fn a_content_range_says_which_bytes_of_how_many() {
        let range = |first, last, total| Some(ContentRange { first, last, total });
        assert_eq!(content_range(b"bytes 0-0/1"), range(0, 0, Some(1)));
        assert_eq!(content_range(b"Bytes 10-19/*"), range(10, 19, None));
        for wrong in [
            "",
            "bytes",
            "bytes */20",
            "bytes 5-4/20",
            "bytes 0-20/20",
            "bytes +1-2/20",
            "bytes -2/20",
            "bytes 1-2",
            "bytes=1-2/20",
            "items 1-2/20",
            "bytes 0-18446744073709551615/*",
            "bytes 1-18446744073709551616/*",
        ] {
            assert_eq!(content_range(wrong.as_bytes()), None, "{wrong}");
        }
    }

    proptest! {
        /// Byte by byte, as the RFC says it: what is sent is what was asked for, when it is in one piece.
        #[test]
        fn a_part_has_the_bytes_that_were_asked_for(
            ranges in prop::collection::vec((0..12u64, 0..12u64, 0..3u8), 1..5),
            length in 0..12u64,
        ) {
            let mut wanted = vec![false; length as usize];
            let mut texts = Vec::new();
            for (one, other, kind) in ranges {
                let (first, last) = (one.min(other), one.max(other));
                let (text, bytes) = match kind {
                    0 => (format!("{first}-{last}"), first..(last + 1).min(length)),
                    1 => (format!("{first}-"), first..length),
                    _ => (format!("-{}", first + 1), length.saturating_sub(first + 1)..length),
                };
                texts.push(text);
                wanted.iter_mut().enumerate().filter(|(at, _)| bytes.contains(&(*at as u64))).for_each(|(_, byte)| *byte = true);
            }
            let first = wanted.iter().position(|&byte| byte).map(|at| at as u64);
            let last = wanted.iter().rposition(|&byte| byte).map(|at| at as u64);
            let count = wanted.iter().filter(|&&byte| byte).count() as u64;
            match (select(format!("bytes={}", texts.join(",")).as_bytes(), length), first.zip(last)) {
                (Part { first, last }, Some(ends)) => {
                    prop_assert_eq!((first, last), ends);
                    prop_assert_eq!(last - first + 1, count);
                }
                (Whole, Some((first, last))) => prop_assert!(last - first + 1 > count, "it is in one piece"),
                (Whole, None) => prop_assert!(length == 0 && texts.iter().any(|text| text.starts_with('-'))),
                (Unsatisfiable, None) => {}
                (selected, ends) => prop_assert!(false, "{selected:?} of {ends:?}"),
            }
        }
    }
}
