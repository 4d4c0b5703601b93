use proptest::prelude::*;

use super::*;

const SEED: u64 = 7;

fn object(version: u32, length: u64) -> Object {
    Object { key: 0x1234_5678_9abc_def0, version, length, seed: SEED }
}

fn bytes(object: &Object) -> Vec<u8> {
    range(object, 0, object.length)
}

fn range(object: &Object, offset: u64, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    fill(object, offset, &mut bytes);
    bytes
}

fn only(version: u32) -> Known {
    Known { oldest: version, newest: version }
}

/// All of the lengths at which something changes, and some beyond.
fn lengths() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 1..200u64, 1 => 200..2000u64]
}

/// Of the stretch, within one block, that a byte is in.
fn stretch(at: usize, length: usize) -> usize {
    BLOCK.min(length - at / BLOCK * BLOCK)
}

/// Takes the answer in pieces of these lengths, over and over.
fn in_pieces(part: Part, bytes: &[u8], pieces: &[usize], length: u64, known: Known) -> Result<u32, Fault> {
    let mut reading = Reading::new(object(0, 0).key, SEED, part);
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        reading.take(now);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    reading.end(known, |_| length)
}

proptest! {
    #[test]
    fn an_object_is_its_bytes_and_no_others(length in lengths(), at: prop::sample::Index, flipped in 1..=255u8) {
        let object = object(3, length);
        let mut bytes = bytes(&object);
        prop_assert!(object.is(&bytes));
        prop_assert!(!object.is(&bytes[1..]));
        bytes[at.index(length as usize)] ^= flipped;
        prop_assert!(!object.is(&bytes));
    }

    #[test]
    fn any_range_is_the_same_bytes(length in lengths(), from: prop::sample::Index, to: prop::sample::Index) {
        let object = object(3, length);
        let (from, to) = (from.index(length as usize), to.index(length as usize));
        let (from, to) = (from.min(to), from.max(to));
        prop_assert_eq!(&range(&object, from as u64, (to - from) as u64), &bytes(&object)[from..to]);
    }

    #[test]
    fn any_range_is_right(
        length in lengths(),
        version in 1..u32::MAX,
        offset: prop::sample::Index,
        asked in 1..300u64,
        pieces in prop::collection::vec(1..150usize, 1..4),
        newer in 0..3u32,
    ) {
        let object = object(version, length);
        let known = Known { oldest: version, newest: version.saturating_add(newer) };
        let offset = offset.index(length as usize) as u64;
        let answer = range(&object, offset, asked.min(length - offset));
        let part = Part::Range { offset, length: asked };
        let seen = check(&object, part, &answer, known);
        prop_assert!(seen.is_ok_and(|seen| seen >= version && seen <= known.newest), "{:?}", seen);
        prop_assert_eq!(in_pieces(part, &answer, &pieces, length, known), seen);
        // Eight bytes and seven more have a whole word, and of three words not all are the name.
        if answer.len() >= 23 && offset >= BLOCK as u64 {
            prop_assert_eq!(seen, Ok(version));
        }
    }

    #[test]
    fn a_flipped_bit_is_corrupt(length in lengths(), at: prop::sample::Index, bit in 0..8u32, others in 0..3u32) {
        let object = object(100, length);
        let at = at.index(length as usize);
        let mut answer = bytes(&object);
        answer[at] ^= 1u8 << bit;
        let known = Known { oldest: 100 - others, newest: 100 + others };
        let fault = check(&object, Part::Whole, &answer, known);
        if stretch(at, length as usize) >= 8 {
            prop_assert!(matches!(fault, Err(Fault::Corrupt { .. })), "{:?}", fault);
        } else if others == 0 {
            prop_assert!(fault.is_err());
        }
        if length >= 8 && at >= 40 && stretch(at, length as usize) >= 8 {
            prop_assert_eq!(fault, Err(Fault::Corrupt { at: at as u64 }));
        }
    }

    #[test]
    fn an_older_version_is_stale(length in 3..2000u64, version in 1..1000u32, newer in 1..u32::MAX - 1000) {
        let known = only(version + if length < 8 { newer % 64 + 1 } else { newer });
        let fault = check(&object(0, length), Part::Whole, &bytes(&object(version, length)), known);
        prop_assert_eq!(fault, Err(Fault::Stale { version, oldest: known.oldest }));
    }

    #[test]
    fn a_version_not_yet_asked_for_is_corrupt(length in lengths(), version in 1..1000u32) {
        let fault = check(&object(0, length), Part::Whole, &bytes(&object(version + 1, length)), only(version));
        prop_assert!(matches!(fault, Err(Fault::Corrupt { .. })) || length < 3, "{:?}", fault);
    }

    #[test]
    fn two_versions_are_torn(
        length in 65..2000u64,
        cut: prop::sample::Index,
        first in 1..10u32,
        apart in 1..9u32,
        pieces in prop::collection::vec(1..150usize, 1..4),
    ) {
        let second = (first + apart - 1) % 9 + 1;
        let cut = (cut.index((length as usize - 1) / BLOCK) + 1) * BLOCK;
        let (head, tail) = (bytes(&object(first, length)), bytes(&object(second, length)));
        let answer = [&head[..cut], &tail[cut..]].concat();
        let known = Known { oldest: 1, newest: 10 };
        let fault = check(&object(0, length), Part::Whole, &answer, known);
        if length as usize - cut >= 3 {
            prop_assert_eq!(fault, Err(Fault::Torn { first, second }));
        } else {
            prop_assert!(matches!(fault, Err(Fault::Torn { .. })) || answer == head, "{:?}", fault);
        }
        prop_assert_eq!(in_pieces(Part::Whole, &answer, &pieces, length, known), fault);
    }

    #[test]
    fn a_tear_is_found_at_any_byte(length in 128..1000u64, cut: prop::sample::Index) {
        let (head, tail) = (bytes(&object(5, length)), bytes(&object(6, length)));
        // A version is only told where it has a whole word that is not the name, and headers begin alike.
        let cut = 48 + cut.index(length as usize - 48 - 24);
        let answer = [&head[..cut], &tail[cut..]].concat();
        let fault = check(&object(0, length), Part::Whole, &answer, Known { oldest: 4, newest: 7 });
        prop_assert_eq!(fault, Err(Fault::Torn { first: 5, second: 6 }));
    }

    #[test]
    fn another_objects_bytes_are_swapped(length in 16..1000u64, theirs in 16..1000u64, key: u64, version in 1..9u32) {
        let other = Object { key, version, length: theirs, seed: SEED };
        let fault = check(&object(0, length), Part::Whole, &bytes(&other), Known { oldest: 1, newest: 9 });
        prop_assert_eq!(fault, Err(Fault::Swapped { key, seed: SEED }));
        let range = range(&other, 64, 64);
        let fault = check(&object(0, 500), Part::Range { offset: 64, length: 64 }, &range, only(version));
        prop_assert_eq!(fault, Err(Fault::Swapped { key, seed: SEED }));
    }

    #[test]
    fn a_piece_of_another_object_is_swapped(length in 200..1000u64, cut: prop::sample::Index, key: u64) {
        let ours = bytes(&object(2, length));
        let theirs = bytes(&Object { key, ..object(2, length) });
        let cut = 64 + cut.index(length as usize - 64 - 80);
        let answer = [&ours[..cut], &theirs[cut..]].concat();
        let fault = check(&object(0, length), Part::Whole, &answer, only(2));
        prop_assert_eq!(fault, Err(Fault::Swapped { key, seed: SEED }));
    }

    #[test]
    fn a_short_or_long_body_is_a_fault_of_length(length in lengths(), cut: prop::sample::Index, junk in 1..100usize) {
        let object = object(4, length);
        let known = Known { oldest: 3, newest: 5 };
        let mut answer = bytes(&object);
        let got = cut.index(length as usize);
        let fault = check(&object, Part::Whole, &answer[..got], known);
        prop_assert_eq!(fault, Err(Fault::Length { expected: length, got: got as u64 }));
        answer.resize(answer.len() + junk, b'x');
        let fault = check(&object, Part::Whole, &answer, known);
        prop_assert_eq!(fault, Err(Fault::Length { expected: length, got: answer.len() as u64 }));
    }

    #[test]
    fn versions_may_differ_in_length(first in 8..500u64, second in 8..500u64) {
        let length_of = |version: u32| if version == 1 { first } else { second };
        let end = |answer: &[u8], known| {
            let mut reading = Reading::new(object(0, 0).key, SEED, Part::Whole);
            reading.take(answer);
            reading.end(known, length_of)
        };
        let old = bytes(&object(1, first));
        prop_assert_eq!(end(&old, Known { oldest: 1, newest: 2 }), Ok(1));
        prop_assert_eq!(end(&old, only(2)), Err(Fault::Stale { version: 1, oldest: 2 }));
        prop_assert_eq!(end(&bytes(&object(2, second)), Known { oldest: 1, newest: 2 }), Ok(2));
    }

    #[test]
    fn a_header_tells_the_object(key: u64, version: u32, length in 40..u64::MAX, seed: u64, flip in 0..320usize) {
        let object = Object { key, version, length, seed };
        let mut header = range(&object, 0, 64);
        prop_assert_eq!(Object::read(&header), Some(object));
        header[flip / 8] ^= 1 << (flip % 8);
        prop_assert_eq!(Object::read(&header), None);
    }

    #[test]
    fn nothing_that_arrives_panics(
        answer in prop::collection::vec(any::<u8>(), 0..400),
        offset in 0..1000u64,
        oldest in 0..5u32,
        newer in 0..5u32,
    ) {
        let known = Known { oldest, newest: oldest + newer };
        let right = check(&object(0, 700), Part::Range { offset, length: 400 }, &answer, known).is_ok();
        // Four random bytes are right less than once in a hundred million times.
        prop_assert!(answer.len() < 4 || !right);
    }
}

#[test]
fn what_nobody_asked_to_write_is_corrupt() {
    let part = Part::Range { offset: 0, length: 32 };
    let fault = check(&object(0, 300), part, &range(&object(1, 300), 0, 32), only(0));
    assert_eq!(fault, Err(Fault::Corrupt { at: 0 }));
}

#[test]
fn another_run_is_known_by_its_seed() {
    let other = Object { seed: SEED + 1, ..object(1, 300) };
    let fault = check(&object(1, 300), Part::Whole, &bytes(&other), only(1));
    assert_eq!(fault, Err(Fault::Swapped { key: other.key, seed: SEED + 1 }));
}

#[test]
fn the_bytes_stay_the_same_from_release_to_release() {
    let sum = crc32c::crc32c(&bytes(&object(1, 1000)));
    assert_eq!(sum, 2_409_950_795);
}

#[test]
fn every_fault_is_counted_as_what_it_is() {
    let mut wrong = crate::measured::Wrong::default();
    let faults = [
        Fault::Corrupt { at: 0 },
        Fault::Stale { version: 1, oldest: 2 },
        Fault::Torn { first: 1, second: 2 },
        Fault::Swapped { key: 1, seed: SEED },
        Fault::Length { expected: 2, got: 1 },
        Fault::Lost { oldest: 1 },
    ];
    faults.iter().for_each(|fault| fault.count(&mut wrong));
    assert_eq!((wrong.corrupt, wrong.stale, wrong.torn), (1, 1, 1));
    assert_eq!((wrong.swapped, wrong.length, wrong.lost), (1, 1, 1));
}
